//! What a version is released with: the bill of materials against cargo's own account and against the official schema, files that are
//! the same twice, notes, and crates that are published once.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the other side of the door: cargo, and the real program")]
#![expect(clippy::print_stdout, reason = "a story that is left out says so")]

mod support;

use gateline::release::sums::Sums;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::fixture::Fixture;
use support::{Ran, gateline, repository};

/// The package of the npm registry with the official schemas (`setup` installs it as data).
const SCHEMAS: &str = "@cyclonedx/cyclonedx-library";

fn sbom(package: &str, features: &[&str]) -> Value {
    let state = tempfile::tempdir().unwrap();
    let features = features.iter().flat_map(|one| ["--features", one]);
    let words: Vec<&str> = ["sbom", "--package", package].into_iter().chain(features).collect();
    let ran: Ran = gateline(&repository(), state.path(), &words).output().unwrap().into();
    ran.exits(0).json()
}

/// What cargo would link, with the features of each and who uses whom, as it draws it.
fn tree(
    package: &str,
    features: &[&str],
) -> (BTreeMap<String, BTreeSet<String>>, BTreeSet<(String, String)>) {
    let host = Command::new("rustc").arg("-vV").output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    let mut command = Command::new("cargo");
    command.args([
        "tree",
        "--locked",
        "--edges",
        "normal,no-proc-macro",
        "--target",
        &host,
        "--package",
        package,
    ]);
    command.args(["--prefix", "depth", "--format", "|{p}|{f}"]).current_dir(repository());
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    let ran: Ran = command.output().unwrap().into();
    let ran = ran.exits(0);
    let (mut packages, mut edges, mut above): (BTreeMap<String, BTreeSet<String>>, _, Vec<String>) =
        (BTreeMap::new(), BTreeSet::new(), vec![]);
    for line in ran.out.lines().filter(|line| !line.trim().is_empty()) {
        let mut parts = line.splitn(3, '|');
        let depth: usize = parts.next().unwrap().parse().unwrap();
        let named: Vec<&str> = parts.next().unwrap().split(' ').take(2).collect();
        let name = format!("{}@{}", named[0], named[1].trim_start_matches('v'));
        let has = parts.next().unwrap().trim_end_matches("(*)").trim();
        packages
            .entry(name.clone())
            .or_default()
            .extend(has.split(',').filter(|one| !one.is_empty()).map(str::to_owned));
        above.truncate(depth);
        if let Some(parent) = above.last() {
            edges.insert((parent.clone(), name.clone()));
        }
        above.push(name);
    }
    (packages, edges)
}

/// `pkg:cargo/a@1.0.0%2Bb` and `workspace:a@1.0.0` as cargo writes them.
fn named(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("pkg:cargo/").or_else(|| reference.strip_prefix("workspace:"))?;
    Some(name.split('?').next().unwrap().replace("%2B", "+"))
}

fn packages(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let all = document["components"].as_array().unwrap().iter().chain([&document["metadata"]["component"]]);
    let features = |one: &Value| {
        let properties = one["properties"].as_array().cloned().unwrap_or_default();
        let features = properties.into_iter().filter(|property| property["name"] == "cargo:feature");
        features.map(|property| property["value"].as_str().unwrap().to_owned()).collect()
    };
    all.filter_map(|one| Some((named(one["bom-ref"].as_str().unwrap())?, features(one)))).collect()
}

fn edges(document: &Value) -> BTreeSet<(String, String)> {
    let mut edges = BTreeSet::new();
    for one in document["dependencies"].as_array().unwrap() {
        for used in one["dependsOn"].as_array().unwrap() {
            let pair = named(one["ref"].as_str().unwrap()).zip(named(used.as_str().unwrap()));
            edges.extend(pair);
        }
    }
    edges
}

#[test]
fn a_bill_of_materials_is_what_cargo_links() {
    for (package, features) in [("gateline", &[][..]), ("gateline", &["github"]), ("gateline-desk", &[])] {
        let document = sbom(package, features);
        let (linked, used) = tree(package, features);
        assert_eq!(packages(&document), linked, "{package} {features:?}");
        assert_eq!(edges(&document), used, "{package} {features:?}");
        let components = document["components"].as_array().unwrap();
        let from_registry = components.iter().filter(|one| named(one["bom-ref"].as_str().unwrap()).is_some());
        assert!(from_registry.clone().all(|one| one["hashes"][0]["content"].as_str().unwrap().len() == 64));
        assert!(components.iter().all(|one| one["licenses"].is_array()), "each says its licence");
        let system =
            components.iter().filter(|one| one["purl"].as_str().unwrap().starts_with("pkg:generic/"));
        assert!(
            system.clone().any(|one| one["name"] == "rust-std"),
            "the standard library is in the binary too"
        );
    }
}

#[test]
fn a_bill_of_materials_is_one_by_the_official_schema() {
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("gateline/tools/node_modules");
    let folder = folder.join(SCHEMAS).join("res/schema");
    if !folder.is_dir() {
        println!("gateline-skip: cyclonedx-schemas");
        return;
    }
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let schema = read("bom-1.6.SNAPSHOT.schema.json");
    let beside = ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"];
    let mut registry = jsonschema::Registry::new();
    let documents: Vec<(String, Value)> =
        beside.iter().map(|name| (format!("http://cyclonedx.org/schema/{name}"), read(name))).collect();
    for (address, document) in &documents {
        registry = registry.add(address, document).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let validator = jsonschema::options().with_registry(&registry).build(&schema).unwrap();
    for (package, features) in [("gateline", &["github"][..]), ("gateline-desk", &[])] {
        let document = sbom(package, features);
        let wrong: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let mut other = document;
        other["components"][0]["type"] = "crate".into();
        assert!(!validator.is_valid(&other), "the schema is really asked");
    }
}

const MANIFEST: &str = "[package]\nname = \"tool\"\nversion = \"1.2.3\"\nedition = \"2024\"\nlicense = \"MIT\"\ndescription = \"d\"\n\
                        [features]\nmore = [\"dep:used\"]\n[dependencies]\nused = { path = \"used\", version = \"1\", optional = true }\n\
                        [workspace]\nmembers = [\"used\", \"inner\"]\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"inner\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"tool\"\nversion = \"1.2.3\"\n\
                    dependencies = [\n \"used\",\n]\n\n[[package]]\nname = \"used\"\nversion = \"1.0.0\"\n";
const MAIN: &str = "//! A tool.\nfn main() {\n    println!(\"{}\", option_env!(\"GATELINE_RELEASE_COMMIT\").unwrap_or(\"none\"));\n}\n";

fn tool() -> Fixture {
    let library = |name: &str| {
        let publish = if name == "inner" { "publish = false\n" } else { "" };
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\nlicense = \"MIT\"\n{publish}"
        )
    };
    let files = [
        ("Cargo.toml", MANIFEST.to_owned()),
        ("Cargo.lock", LOCK.to_owned()),
        ("src/main.rs", MAIN.to_owned()),
        ("used/Cargo.toml", library("used")),
        ("used/src/lib.rs", "//! Used.\n".to_owned()),
        ("inner/Cargo.toml", library("inner")),
        ("inner/src/lib.rs", "//! Inner.\n".to_owned()),
        (".gitignore", "/target\n".to_owned()),
        ("LICENSE-MIT", "MIT\n".to_owned()),
        ("CHANGELOG.md", "# Changelog\n\n## [1.2.3] - 2026-11-29\n\n- A tool.\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Fixture::of("a tool", &files)
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files.map(|one| (one.file_name().into_string().unwrap(), std::fs::read(one.path()).unwrap())).collect()
}

#[test]
fn two_places_make_the_same_files() {
    let words = ["release", "assets", "--features", "more"];
    let (one, other) = (tool(), tool());
    one.run(&[&words[..], &["--dry-run"]].concat()).exits(0).says(&["tool 1.2.3", "SHA256SUMS"]);
    assert!(!one.workspace.join("target/gateline/assets").exists(), "a dry run makes nothing");
    one.run(&words).exits(0);
    // The second fixture has another time of commit, so another commit: it is given the first one's.
    support::git(&other.workspace, &["fetch", "--quiet", one.workspace.to_str().unwrap(), "HEAD"]);
    support::git(&other.workspace, &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    other.command(&words).env("TZ", "Pacific/Apia").env("LC_ALL", "C.UTF-8").output().unwrap();
    let [made, again] =
        [&one, &other].map(|fixture| contents(&fixture.workspace.join("target/gateline/assets")));
    let names: Vec<&String> = made.keys().collect();
    assert_eq!(names.len(), 4, "{names:?}");
    let program = names[1].clone();
    assert_eq!(
        names,
        ["SHA256SUMS", &program, &format!("{program}.cdx.json"), &format!("{program}.tar.gz")],
        "{names:?}"
    );
    assert!(made == again, "two builds differ");
    // The list is what others check with.
    let folder = one.workspace.join("target/gateline/assets");
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(
        Sums::parse(&String::from_utf8(made["SHA256SUMS"].clone()).unwrap()).unwrap().get(&program).is_some()
    );
    // The archive, as tar reads it; the program knows its commit, and is the file beside the archive.
    let place = tempfile::tempdir().unwrap();
    let archive = folder.join(format!("{program}.tar.gz"));
    let unpacked = Command::new("tar").arg("-xzf").arg(&archive).current_dir(place.path()).status().unwrap();
    assert!(unpacked.success());
    let inside = place.path().join(program.replacen("tool-", "tool-1.2.3-", 1));
    assert_eq!(contents(&inside).keys().collect::<Vec<_>>(), ["CHANGELOG.md", "LICENSE-MIT", "tool"]);
    assert_eq!(std::fs::read(inside.join("tool")).unwrap(), made[&program]);
    let said = Command::new(inside.join("tool")).output().unwrap();
    assert_eq!(
        String::from_utf8(said.stdout).unwrap().trim(),
        support::git(&one.workspace, &["rev-parse", "HEAD"])
    );
    // The bill is of the build, and says the same as the manifests do.
    let bill: Value = serde_json::from_slice(&made[&format!("{program}.cdx.json")]).unwrap();
    let by_manifests = one.run(&["sbom", "--package", "tool", "--features", "more"]).exits(0).json();
    assert_eq!(packages(&bill), packages(&by_manifests));
    assert_eq!(
        bill["components"].as_array().unwrap().iter().filter(|part| part["name"] == "used").count(),
        1
    );
    let without = one.run(&["sbom", "--package", "tool"]).exits(0).json();
    assert!(without["components"].as_array().unwrap().iter().all(|part| part["name"] != "used"));
    one.run(&["sbom", "--package", "none"]).exits(2).says(&["choose one of inner, tool, used"]);
    one.run(&["sbom", "--package", "tool", "--output", "bill.json"]).exits(0).says(&["0 packages"]);
    one.run(&words).exits(10).says(&["bill.json differs from commit"]);
}

#[test]
fn notes_are_the_section_of_the_version() {
    let tool = tool();
    assert_eq!(tool.run(&["release", "notes"]).exits(0).out, "- A tool.\n");
    let json = tool.run(&["release", "notes", "v1.2.3", "--format", "json"]).exits(0).json();
    assert_eq!(
        (&json["version"], &json["day"], &json["notes"]),
        (&"1.2.3".into(), &"2026-11-29".into(), &"- A tool.".into())
    );
    let of_tag = |tag: &str| -> Ran {
        tool.command(&["release", "notes"])
            .env("GITHUB_REF", format!("refs/tags/{tag}"))
            .output()
            .unwrap()
            .into()
    };
    of_tag("v1.2.3").exits(0);
    of_tag("v1.3.0").exits(10).says(&["v1.3.0 is not the tag of tool 1.2.3"]);
    tool.run(&["release", "notes", "9.9.9"]).exits(2).says(&["there is no section", "rename `Unreleased`"]);
    tool.run(&["release", "notes", "one"]).exits(2).says(&["is not a version"]);
    tool.run(&["release", "notes", "--changelog", "NONE.md"]).exits(2).says(&["failed to read"]);
}

#[test]
fn crates_are_published_once_and_in_order() {
    let tool = tool();
    // Publishing cannot be taken back, so a stand-in takes that one word; everything else is the real cargo's.
    let stand_in = tool.folder.path().join("cargo");
    let script = "#!/bin/sh\n[ \"$1\" = publish ] || exec cargo \"$@\"\necho \"$*\" >>\"$LOG\"\ncase \"$*\" in\n\
                  *--package\\ $FAILS*) echo \"error: $WHY\" >&2; exit 101;;\nesac\n";
    std::fs::write(&stand_in, script).unwrap();
    std::fs::set_permissions(&stand_in, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let log = tool.folder.path().join("log");
    let run = |more: &[&str], fails: &str, why: &str| -> (Ran, String) {
        let _ = std::fs::remove_file(&log);
        let mut command = tool.command(&[&["release", "crates"], more].concat());
        command.env("CARGO", &stand_in).env("LOG", &log).env("FAILS", fails).env("WHY", why);
        let ran: Ran = command.output().unwrap().into();
        (ran, std::fs::read_to_string(&log).unwrap_or_default())
    };
    let publish = "publish --locked --color never --package";
    let (ran, log) = run(&[], "nothing", "");
    ran.exits(0).says(&["used: published", "tool: published"]);
    assert_eq!(log, format!("{publish} used\n{publish} tool\n"), "not the one that stays here");
    let there = "crate used@1.0.0 already exists on crates.io index";
    run(&[], "used", there).0.exits(0).says(&["used: is there already", "tool: published"]);
    let (ran, log) = run(&[], "used", "failed to authenticate");
    ran.exits(1).says(&["failed to authenticate"]);
    assert_eq!(log.lines().count(), 1, "what needs it is not tried");
    let (ran, log) = run(&["--dry-run"], "nothing", "");
    ran.exits(0).says(&["tool: would be published"]);
    assert!(log.contains("--package used --dry-run --allow-dirty\n"), "{log}");
    run(&["--offline"], "nothing", "").0.exits(2).says(&["--offline was given"]);
    tool.write("src/main.rs", "fn main() {}\n");
    run(&[], "nothing", "").0.exits(10).says(&["differs from commit"]);
}
