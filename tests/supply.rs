//! Agreement with cargo-deny on licences, bans and sources: the same `deny.toml`, imported here, and the same packages. Every
//! difference is one that somebody has looked at (docs/reference/licences-bans-sources.md names them). Crates, git repositories and
//! the other registry come from folders beside the workspace: no network.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a story asks the partner itself")]

mod support;

use gateline::policy::SecurityPolicy;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use support::fixture::Fixture;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const ELSEWHERE: &str = "sparse+https://registry.example.invalid/index/";
const SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const COMMIT: &str = "3d3c42e5aac5ba805825da76410c181273ba90b1";

/// A package: its name, version and source, what its manifest has besides, and how the workspace requires it.
struct Crate {
    name: &'static str,
    version: &'static str,
    source: String,
    manifest: &'static str,
    requirement: String,
}

fn of_crates_io(name: &'static str, manifest: &'static str) -> Crate {
    let requirement = format!("{name} = \"=1.0.0\"\n");
    Crate { name, version: "1.0.0", source: CRATES_IO.to_owned(), manifest, requirement }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A workspace that needs these packages, with this `deny.toml`.
fn workspace(crates: &[Crate], deny: &str) -> Fixture {
    let requirements: String = crates.iter().map(|one| one.requirement.as_str()).collect();
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\nlicense = \"MIT\"\n[dependencies]\n{requirements}"
    );
    let several = |name: &str| crates.iter().filter(|one| one.name == name).count() > 1;
    let needs = crates.iter().map(|one| match several(one.name) {
        true => format!(" \"{} {}\",\n", one.name, one.version),
        false => format!(" \"{}\",\n", one.name),
    });
    let mut entries = vec![("app", "0.1.0", format!("dependencies = [\n{}]\n", needs.collect::<String>()))];
    for one in crates {
        let sum =
            if one.source.starts_with("git+") { String::new() } else { format!("checksum = \"{SUM}\"\n") };
        entries.push((one.name, one.version, format!("source = \"{}\"\n{sum}", one.source)));
    }
    entries.sort();
    let entries: String = entries
        .into_iter()
        .map(|(name, version, rest)| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}\n")
        })
        .collect();
    let configuration = format!(
        "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\ndirectory = \"../registry\"\n\
         [registries.elsewhere]\nindex = \"{ELSEWHERE}\"\n[source.elsewhere]\nregistry = \"{ELSEWHERE}\"\nreplace-with = \"here\"\n\
         [source.\"https://example.invalid/branch\"]\ngit = \"https://example.invalid/branch\"\nbranch = \"main\"\nreplace-with = \"here\"\n\
         [source.\"https://example.invalid/pinned\"]\ngit = \"https://example.invalid/pinned\"\nrev = \"{COMMIT}\"\nreplace-with = \"here\"\n"
    );
    let fixture = Fixture::of(
        "supply",
        &[
            ("Cargo.toml", manifest.as_str()),
            ("Cargo.lock", &format!("version = 4\n\n{entries}")),
            (".cargo/config.toml", &configuration),
            (".gitignore", "target\n"),
            ("src/lib.rs", "//! An app.\n"),
            ("deny.toml", deny),
        ],
    );
    for one in crates {
        let folder = fixture.folder.path().join("registry").join(format!("{}-{}", one.name, one.version));
        let text = format!(
            "[package]\nname = \"{}\"\nversion = \"{}\"\nedition = \"2021\"\n{}",
            one.name, one.version, one.manifest
        );
        write(&folder.join("Cargo.toml"), &text);
        write(&folder.join("src/lib.rs"), "");
        if one.manifest.contains("build = ") {
            write(&folder.join("build.rs"), "fn main() {}\n");
        }
        let sum = if one.source.starts_with("git+") { "null" } else { &format!("\"{SUM}\"") };
        write(&folder.join(".cargo-checksum.json"), &format!("{{\"files\":{{}},\"package\":{sum}}}"));
    }
    fixture
}

/// What is found: our code, and the package.
type Found = BTreeSet<(String, String)>;

/// What cargo-deny finds, in our words.
fn theirs(program: &Path, fixture: &Fixture, checks: &[&str]) -> Found {
    let output = Command::new(program)
        .args(["--format", "json", "--offline", "check"])
        .args(checks)
        .current_dir(&fixture.workspace)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let mut found = Found::new();
    let mut told = 0;
    for line in said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let fields = &line["fields"];
        let Some(code) = fields["code"].as_str() else { continue };
        told += 1;
        let code = match code {
            "rejected" => "licences/not-allowed",
            "unlicensed" => "licences/unclear",
            // It speaks so of names that SPDX has given up; what is no expression at all is `unlicensed` besides.
            "parse-error" => "licences/old-name",
            "banned" => "bans/denied",
            "feature-banned" | "feature-not-explicitly-allowed" => "bans/feature",
            "duplicate" => "bans/duplicate",
            "wildcard" => "bans/wildcard",
            "build-script-not-allowed" => "bans/build-script",
            "source-not-allowed" if fields["message"].as_str().unwrap().contains("'git'") => {
                "sources/unknown-git"
            }
            "source-not-allowed" => "sources/unknown-registry",
            "git-source-underspecified" => "sources/git-pin",
            "no-license-field" => continue,
            other => other,
        };
        let package = fields["graphs"][0]["Krate"]["name"].as_str().unwrap_or_default();
        found.insert((code.to_owned(), package.to_owned()));
    }
    assert!(told > 5, "{said}");
    let unclear: Vec<String> =
        found.iter().filter(|(code, _)| code == "licences/unclear").map(|(_, name)| name.clone()).collect();
    found.retain(|(code, name)| code != "licences/old-name" || !unclear.contains(name));
    found
}

/// What we find with the policy that `security import` made of the same `deny.toml`.
fn ours(fixture: &Fixture, gates: &[&str]) -> Found {
    fixture.run(&["security", "import", "deny.toml", "--yes"]).exits(0);
    let mut found = Found::new();
    for gate in gates {
        fixture.run(&["--offline", "security", gate]).exits(10);
        for finding in fixture.findings() {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            if text("severity") != "error" && text("code") != "licences/old-name" {
                continue;
            }
            // cargo-deny tells requirements once, of the member that has them.
            let name = match text("code").as_str() {
                "bans/wildcard" => "app".to_owned(),
                _ => text("subject").split('@').next().unwrap_or_default().to_owned(),
            };
            found.insert((text("code"), name));
        }
    }
    found
}

#[track_caller]
fn check(
    fixture: &Fixture,
    checks: &[&str],
    gates: &[&str],
    both: &[(&str, &str)],
    only_theirs: &[(&str, &str)],
) {
    let Some(program) = support::partner("cargo-deny") else { return };
    let set = |pairs: &[(&str, &str)]| -> Found {
        pairs.iter().map(|(code, name)| ((*code).to_owned(), (*name).to_owned())).collect()
    };
    let (theirs, ours) = (theirs(&program, fixture, checks), ours(fixture, gates));
    assert_eq!(ours, set(both), "ours; theirs are {theirs:?}");
    let more: Found = theirs.difference(&ours).cloned().collect();
    assert_eq!(more, set(only_theirs), "only cargo-deny's");
    assert!(ours.is_subset(&theirs), "only ours: {:?}", ours.difference(&theirs));
}

#[test]
fn licences_are_judged_alike() {
    let crates = [
        ("allowed", "license = \"MIT\"\n"),
        ("choice", "license = \"MIT OR GPL-3.0-only\"\n"),
        ("slash", "license = \"MIT/Apache-2.0\"\n"),
        ("both", "license = \"MIT AND Apache-2.0\"\n"),
        ("refused", "license = \"GPL-3.0-only\"\n"),
        ("missing", ""),
        ("unclear", "license = \"see the file\"\n"),
        ("excepted", "license = \"ISC\"\n"),
        ("with", "license = \"Apache-2.0 WITH LLVM-exception\"\n"),
        ("old", "license = \"GPL-3.0\"\n"),
        ("older", "license = \"GPL-3.0+\"\n"),
        ("allowed-old", "license = \"GPL-2.0\"\n"),
    ]
    .map(|(name, manifest)| of_crates_io(name, manifest));
    let deny = "[licenses]\nallow = [\"MIT\", \"Apache-2.0 WITH LLVM-exception\", \"GPL-2.0-only\", \"0BSD\"]\n\
                exceptions = [{ crate = \"excepted\", allow = [\"ISC\"] }]\nprivate = { ignore = true }\n";
    let fixture = workspace(&crates, deny);
    let both = [
        ("licences/not-allowed", "both"),
        ("licences/not-allowed", "refused"),
        ("licences/not-allowed", "old"),
        ("licences/not-allowed", "older"),
        ("licences/not-allowed", "allowed-old"),
        ("licences/old-name", "old"),
        ("licences/old-name", "older"),
        ("licences/old-name", "allowed-old"),
        ("licences/unclear", "missing"),
        ("licences/unclear", "unclear"),
    ];
    // An allowed licence that nothing has is no finding here: the list says what may come.
    check(&fixture, &["licenses"], &["licences"], &both, &[("license-not-encountered", "")]);
}

#[test]
fn bans_and_sources_are_judged_alike() {
    let mit = "license = \"MIT\"\n";
    let featured = "license = \"MIT\"\n[features]\ndefault = [\"good\"]\ngood = []\nbad = []\n";
    let script = "license = \"MIT\"\nbuild = \"build.rs\"\n";
    let from = |name, source: String, requirement: &str| Crate {
        source,
        requirement: requirement.to_owned(),
        ..of_crates_io(name, mit)
    };
    let newer = Crate {
        version: "2.0.0",
        requirement: "newer = { package = \"twice\", version = \"=2.0.0\" }\n".to_owned(),
        ..of_crates_io("twice", mit)
    };
    let on = |name, feature: &str| Crate {
        requirement: format!("{name} = {{ version = \"=1.0.0\", features = [\"{feature}\"] }}\n"),
        ..of_crates_io(name, featured)
    };
    let crates = [
        of_crates_io("plain", mit),
        of_crates_io("twice", mit),
        newer,
        of_crates_io("banned", mit),
        on("featured", "bad"),
        on("restricted", "bad"),
        on("harmless", "good"),
        of_crates_io("scripted", script),
        of_crates_io("may-run", script),
        from("wild", CRATES_IO.to_owned(), "wild = \"*\"\n"),
        from(
            "foreign",
            ELSEWHERE.to_owned(),
            "foreign = { version = \"=1.0.0\", registry = \"elsewhere\" }\n",
        ),
        from(
            "branch",
            format!("git+https://example.invalid/branch?branch=main#{COMMIT}"),
            "branch = { git = \"https://example.invalid/branch\", branch = \"main\" }\n",
        ),
        from(
            "pinned",
            format!("git+https://example.invalid/pinned?rev={COMMIT}#{COMMIT}"),
            &format!("pinned = {{ git = \"https://example.invalid/pinned\", rev = \"{COMMIT}\" }}\n"),
        ),
    ];
    let deny = "[bans]\nmultiple-versions = \"deny\"\nwildcards = \"deny\"\ndeny = [\"banned\"]\n\
                [[bans.features]]\ncrate = \"featured\"\ndeny = [\"bad\"]\n\
                [[bans.features]]\ncrate = \"restricted\"\nallow = [\"default\", \"good\"]\n\
                [[bans.features]]\ncrate = \"harmless\"\nallow = [\"good\"]\n\
                [bans.build]\nallow-build-scripts = [\"may-run\"]\n\
                [sources]\nunknown-registry = \"deny\"\nunknown-git = \"deny\"\nrequired-git-spec = \"rev\"\n\
                allow-registry = [\"https://github.com/rust-lang/crates.io-index\"]\n\
                allow-git = [\"https://example.invalid/pinned\"]\n";
    let fixture = workspace(&crates, deny);
    let both = [
        ("bans/build-script", "scripted"),
        ("bans/denied", "banned"),
        ("bans/duplicate", "twice"),
        ("bans/feature", "featured"),
        ("bans/feature", "restricted"),
        ("bans/wildcard", "app"),
        ("sources/unknown-git", "branch"),
        ("sources/unknown-registry", "foreign"),
    ];
    // `default` only says which others are on, so it needs no word of its own here; and how closely a repository is pinned is
    // asked once it may be used at all.
    let only_theirs = [("bans/feature", "harmless"), ("sources/git-pin", "branch")];
    check(&fixture, &["bans", "sources"], &["bans", "sources"], &both, &only_theirs);
}

#[test]
fn a_configuration_of_cargo_that_cannot_be_read_is_no_pass() {
    let fixture = workspace(&[of_crates_io("plain", "license = \"MIT\"\n")], "");
    fixture.run(&["--offline", "security", "sources"]).exits(0);
    let configuration = fixture.workspace.join(".cargo/config.toml");
    let text = std::fs::read_to_string(&configuration).unwrap();
    fixture.write(".cargo/config.toml", &format!("{text}# {}\n", "x".repeat(4 << 20)));
    fixture.refused(&["--offline", "security", "sources"], 1, "sources/unreadable");
}

/// What `policies/security.yaml` allows of licences, and bans, is what cargo-deny is told of.
#[test]
fn our_own_dependencies_are_clean_under_cargo_deny() {
    let Some(program) = support::partner("cargo-deny") else { return };
    let repository = support::repository();
    let policy = std::fs::read_to_string(repository.join("policies/security.yaml")).unwrap();
    let policy: SecurityPolicy = serde_yaml::from_str(&policy).unwrap();
    let said = Command::new("rustc").arg("-vV").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let banned: Vec<&str> = policy.bans.deny.iter().map(|one| one.package.as_str()).collect();
    let deny = format!(
        "[graph]\ntargets = [{host:?}]\nall-features = true\n[licenses]\nallow = {:?}\nunused-allowed-license = \"allow\"\n\
         [bans]\nmultiple-versions = \"allow\"\nwildcards = \"deny\"\nallow-wildcard-paths = true\ndeny = {banned:?}\n\
         [sources]\nunknown-registry = \"deny\"\nunknown-git = \"deny\"\nrequired-git-spec = \"rev\"\n",
        policy.licences.allow
    );
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("deny.toml"), &deny);
    let output = Command::new(program)
        .args(["--offline", "--format", "json", "--config"])
        .arg(folder.path().join("deny.toml"))
        .args(["check", "licenses", "bans", "sources"])
        .current_dir(&repository)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let summary = lines.iter().find(|line| line["type"] == "summary").unwrap_or_else(|| panic!("{said}"));
    for check in ["licenses", "bans", "sources"] {
        assert_eq!(summary["fields"][check]["errors"], 0, "{said}");
    }
}
