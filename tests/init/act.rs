//! The workflows that `init` writes, and the Action, under act.

use super::{LOCKFILE, MANIFEST, init};
use crate::support::act::{Act, cargo, output};
use crate::support::fixture::Fixture;
use crate::support::{GATELINE, git, repository};

#[test]
#[ignore = "needs act: docs/operations/workflows.md says how to get it"]
fn the_workflows_run_and_the_action_says_what_it_found() {
    let library = "//! A fixture.\n/// Reached.\npub fn reached() -> u8 {\n    1\n}\n#[test]\nfn one() {\n    assert_eq!(reached(), 1);\n}\n";
    let files = [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCKFILE),
        ("src/lib.rs", library),
        (".gitignore", "/target\n"),
    ];
    let act = Act::of(Fixture::of("a repository", &files));
    let built = GATELINE;
    act.executable(
        "bin/cargo",
        &format!(
            "#!/bin/sh\ncase \"$*\" in\n  *'--package gateline'*) mkdir -p \"$CARGO_TARGET_DIR/debug\"; cp '{built}' \"$CARGO_TARGET_DIR/debug/gateline\";;\n  \
             *) exec '{}' \"$@\";;\nesac\n",
            cargo().display()
        ),
    );
    act.stub("stubs", "'true'");
    act.stub("stubs/save", "'true'");
    let restore = format!("'case \"$P\" in *gateline-action/gateline) cp \"{built}\" \"$P\";; esac'");
    act.stub("stubs/restore", &restore);
    for file in [
        "action/action.yml",
        "action/get.sh",
        "action/run.sh",
        "Cargo.toml",
        "Cargo.lock",
        ".cargo/config.toml",
        "src/main.rs",
        "xtask/Cargo.toml",
    ] {
        let text = std::fs::read_to_string(repository().join(file)).expect(file);
        act.executable(&format!("action/{file}"), &text);
    }
    let actions = [("actions/cache", "stubs"), ("actions/upload-artifact", "stubs"), ("gate/line", "action")];

    init(&act.fixture, &["--yes"]).exits(0);
    let commit = |message: &str| {
        git(&act.fixture.workspace, &["add", "--all"]);
        git(&act.fixture.workspace, &["commit", "--quiet", "--message", message]);
        git(&act.fixture.workspace, &["rev-parse", "HEAD"])
    };
    let base = commit("init");
    git(&act.fixture.workspace, &["checkout", "--quiet", "-b", "change"]);
    act.fixture.write("src/lib.rs", &format!("{library}/// Not.\npub fn not() -> u8 {{\n    2\n}}\n"));
    let head = commit("change");
    let repository = serde_json::json!({"full_name": "o/r", "default_branch": "main"});
    let pull = serde_json::json!({
        "action": "synchronize",
        "pull_request": {"number": 7, "head": {"sha": head, "ref": "change"}, "base": {"sha": base, "ref": "main"}},
        "repository": repository,
    });
    let (passed, lines) =
        act.run(("pull_request", &pull), ".github/workflows/pull-request.yml", &actions, &[]);
    assert!(!passed);
    let said =
        |name: &str| output(&lines, "gates", name).unwrap_or_else(|| panic!("no {name} in {lines:#?}"));
    assert_eq!(
        (said("outcome"), said("coverage"), said("patch-coverage")),
        ("refused".into(), "50".into(), "0".into())
    );
    // What a pull request could have written is not restored: the program was built.
    assert_eq!(said("built"), "true");
    assert_eq!(output(&lines, "required", "outcome").as_deref(), Some("refused"), "the roll-up");
    let annotated = |line: &serde_json::Value| {
        line["command"] == "error" && line.to_string().contains("patch-below-minimum")
    };
    assert!(lines.iter().any(annotated), "{lines:#?}");

    git(&act.fixture.workspace, &["checkout", "--quiet", "-b", "queue", "main"]);
    act.fixture
        .write("src/lib.rs", &format!("{library}#[test]\nfn two() {{\n    assert_eq!(reached(), 1);\n}}\n"));
    let head = commit("queue");
    let group =
        serde_json::json!({"merge_group": {"head_sha": head, "base_sha": base}, "repository": repository});
    let (passed, lines) =
        act.run(("merge_group", &group), ".github/workflows/merge-queue.yml", &actions, &[]);
    assert!(passed, "{lines:#?}");
    assert_eq!(output(&lines, "gates", "built").as_deref(), Some("false"));
    assert_eq!(output(&lines, "required", "outcome").as_deref(), Some("passed"), "the roll-up");
}
