//! What people are shown: the plan, whose lines do what they say, why a step is there, and output without secrets.

#![expect(clippy::disallowed_methods, reason = "lines of the plan are given to a real shell")]

mod support;

use std::path::Path;
use std::process::Command;
use support::fixture::Fixture;
use support::{GATELINE, Ran, files_with};

const MANIFEST: &str = "[package]\nname = \"shown-part\"\nversion = \"0.1.0\"\nedition = \"2021\"\nrust-version = \"1.70\"\n\
                        [features]\nextra = []\nmore = []\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"shown-part\"\nversion = \"0.1.0\"\n";
const LIBRARY: &str = "//! A part.\n\n/// One.\n///\n/// ```\n/// assert_eq!(shown_part::one(), 1);\n/// ```\npub fn one() -> u32 {\n    1\n}\n\n\
                       #[cfg(test)]\nmod tests {\n    #[test]\n    fn one_is_one() {\n        assert_eq!(super::one(), 1);\n    }\n}\n";

/// Lines of a step by its name.
fn lines(plan: &serde_json::Value, step: &str, key: &str) -> Vec<String> {
    let steps = plan["steps"].as_array().cloned().unwrap_or_default();
    let found = steps.iter().find(|one| one["step"]["do"] == step);
    let lines = found.and_then(|one| one[key].as_array().cloned()).unwrap_or_default();
    lines.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_line_of_the_plan_does_its_step_in_a_shell() {
    let fixture = Fixture::of(
        "a wörkspace's",
        &[
            ("Cargo.toml", MANIFEST),
            ("Cargo.lock", LOCKFILE),
            (".gitignore", "/target\n"),
            ("src/lib.rs", LIBRARY),
            ("policies/tests.yaml", "features: [default, extra, none]\n"),
            ("policies/lint.yaml", "unused_dependencies: warn\nfeature_sets: [more]\n"),
        ],
    );
    let plan = fixture.run(&["--format", "json", "--offline", "plan", "ci"]).exits(0).json();
    let steps = plan["steps"].as_array().cloned().unwrap_or_default();
    let mut ran = 0;
    for step in &steps {
        for line in step["runs"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]).current_dir(&fixture.workspace);
            let inherited =
                ["CI", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "RUSTDOCFLAGS", "CARGO_TARGET_DIR"];
            for name in inherited {
                shell.env_remove(name);
            }
            shell.env("GATELINE_STATE", fixture.folder.path().join("state"));
            let said: Ran = shell.output().expect("sh starts").into();
            assert_eq!(said.code, 0, "{}: {line}\n{}", step["step"]["do"], said.all());
            ran += 1;
        }
    }
    // `setup` installs one of those that look for unused dependencies.
    let looks = std::env::var("PATH").is_ok_and(|path| {
        let here = |folder: &str| {
            ["shear", "machete"].iter().any(|name| Path::new(folder).join(format!("cargo-{name}")).is_file())
        };
        path.split(':').any(here)
    });
    // Format, the seven of the security group, policy, coverage; two sets compiled, built for lint and tested with documentation, one
    // linted, rustdoc.
    assert_eq!(ran, 10 + 2 + 2 + 2 * 2 + 1 + 1 + usize::from(looks), "{plan:#}");
    let compile = lines(&plan, "compile", "notes").join("\n");
    assert!(compile.contains("the features `none` change no package"), "{compile}");
    assert!(compile.contains("not checked: shown-part was not checked with Rust 1.70"), "{compile}");
    assert_ne!(compile.contains("not checked: unused dependencies were not looked for"), looks, "{compile}");
    assert!(compile.contains("rustup toolchain install 1.70"), "{compile}");
    let own = lines(&plan, "advisories", "runs").join("\n");
    assert!(own.contains(GATELINE), "{own}");
    every_line_on_paper_is_a_command_or_a_comment(&fixture);
}

/// The text for people, given to a shell as it is without its headings.
fn every_line_on_paper_is_a_command_or_a_comment(fixture: &Fixture) {
    let shown = fixture.run(&["--offline", "plan", "ship"]).exits(0).out;
    let body: String =
        shown.lines().filter(|line| line.starts_with("      ")).map(|line| format!("{line}\n")).collect();
    assert!(body.lines().count() > 15, "{shown}");
    let checked: Ran = Command::new("sh").args(["-n", "-c", &body]).output().expect("sh starts").into();
    checked.exits(0);
}

#[test]
fn every_step_names_who_asks_for_it() {
    let fixture = Fixture::of(
        "asked",
        &[
            ("Cargo.toml", MANIFEST),
            ("Cargo.lock", LOCKFILE),
            ("src/lib.rs", LIBRARY),
            ("policies/coverage.yaml", "# bar\nminimum: 70\n"),
        ],
    );
    let explained =
        |step: &str| fixture.run(&["--format", "json", "--offline", "explain", step]).exits(0).json();
    for step in ["policy", "judge", "release", "production", "compile", "coverage"] {
        let explained = explained(step);
        let asked = explained["asked_by"].as_array().cloned().unwrap_or_default();
        assert!(!asked.is_empty(), "{step}: {explained:#}");
        for one in asked {
            let (from, set_by) = (one["from"].as_str().unwrap_or_default(), &one["set_by"]);
            let line = from
                .strip_prefix("policies/")
                .and_then(|place| place.rsplit_once(':'))
                .map(|(_, line)| line.parse::<u32>());
            assert!(
                matches!(line, Some(Ok(_))) || (from == "default" && set_by.is_string()),
                "{step}: {one}"
            );
        }
    }
    let judge = explained("judge")["asked_by"].to_string();
    assert!(judge.contains("policies/coverage.yaml:2"), "{judge}");
    let production = explained("production")["asked_by"].to_string();
    assert!(
        production.contains("environments[2]") && !production.contains("environments[0]"),
        "{production}"
    );
    fixture.run(&["explain", "judge"]).exits(0).says(&[
        "minimum: 70",
        "policies/coverage.yaml:2",
        "values by default",
    ]);
    fixture.run(&["explain", "policy"]).exits(0).says(&["in policies/waivers.yaml, which is not there yet"]);
    fixture.run(&["explain", "lint"]).exits(2).says(&["it is a gate, whose steps are format, compile"]);
    fixture.run(&["explain", "covrage"]).exits(2).says(&["did you mean `coverage`"]);
}

/// Each place from which output can reach a report prints both kinds of secret.
const LEAKS: &str = r#"//! Leaks.

/// Prints what it has, and fails.
///
/// ```
/// println!("in the documentation: {}", std::env::var("DEPLOY_TOKEN").unwrap());
/// panic!("no");
/// ```
pub fn leak() -> String {
    let token = ["ghp_", "q7Rz9Kd2Vw8Lm4Xt6Bn1", "Hs3Yc5Jf0Gp7Qa8Z"].concat();
    format!("{token} {:?}", std::env::var("DEPLOY_TOKEN"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn fails() {
        println!("on stdout: {}", super::leak());
        eprintln!("on stderr: {}", super::leak());
        assert_eq!(super::leak(), "");
    }

    #[test]
    fn vanishes() {
        println!("before the end: {}", super::leak());
        std::process::exit(0);
    }

    #[test]
    fn is_skipped() {
        println!("gateline-skip: no partner with {}", super::leak());
    }
}
"#;

#[test]
fn a_secret_that_a_test_prints_is_in_no_report_and_no_log() {
    let fixture = Fixture::of(
        "leaks",
        &[
            ("Cargo.toml", MANIFEST),
            ("Cargo.lock", LOCKFILE),
            (".gitignore", "/target\n"),
            ("src/lib.rs", LEAKS),
            ("policies/tests.yaml", "environment: [DEPLOY_TOKEN]\nretries: {local: 1, ci: 1}\n"),
        ],
    );
    let secrets =
        [["hunter2", "correct", "horse"].join("-"), ["q7Rz9Kd2Vw8Lm4Xt6Bn1", "Hs3Yc5Jf0Gp7Qa8Z"].concat()];
    let summary = fixture.folder.path().join("summary.md");
    let run = |arguments: &[&str]| -> Ran {
        let mut command = fixture.command(arguments);
        command
            .env("DEPLOY_TOKEN", &secrets[0])
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", &summary);
        command.output().expect("gateline starts").into()
    };
    let ran = run(&["--offline", "ci", "--gate", "tests", "--gate", "lint", "--gate", "coverage"]).exits(10);
    assert!(ran.all().contains("[redacted: the value of DEPLOY_TOKEN]"), "{}", ran.all());
    assert!(ran.all().contains("ghp_[redacted: GitHub token]"), "{}", ran.all());
    let evidence = fixture.report("evidence.json");
    for said in ["in the documentation", "on stdout", "on stderr", "before the end", "no partner with"] {
        assert!(evidence.contains(said), "{said}: nothing that was printed is missing");
    }
    assert!(!std::fs::read_to_string(&summary).expect("a summary").is_empty());
    for secret in &secrets {
        assert!(!ran.all().contains(secret.as_str()), "{}", ran.all());
        let reports = fixture.workspace.join("target/gateline");
        assert_eq!(files_with(&reports, secret), [""; 0].map(std::path::PathBuf::from), "{secret}");
        assert!(!std::fs::read_to_string(&summary).expect("a summary").contains(secret.as_str()));
    }
    // A person who asks for it sees what is printed as it is.
    let live = run(&["--offline", "test", "tests::fails", "--no-capture"]).exits(10);
    assert!(live.err.contains(&secrets[0]) && !live.out.contains(&secrets[0]), "{}", live.all());
}
