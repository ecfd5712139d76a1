//! Our own workflows, both stages of a pull request, under act and against the GitHub of these stories.
//!
//! Instead of this repository, whose gates take minutes, they judge a small one; everything else is as it runs on GitHub: our
//! `pull-request.yml` and `report.yml`, word for word. What `cargo run --package gateline` would compile is the program under test.

use crate::story::{HEAD, Story};
use crate::support::act::{Act, cargo};
use crate::support::fixture::Fixture;
use crate::support::{GATELINE, git, repository};
use serde_json::{Value, json};

const LIBRARY: &str = "//! A fixture.\n/// Reached.\npub fn reached() -> u8 {\n    1\n}\n#[test]\nfn one() {\n    assert_eq!(reached(), 1);\n}\n";
/// Stands for compiling us: runs the program under test with what follows.
const CARGO: &str = "#!/bin/sh\ncase \"$*\" in\n  'run --package gateline --features github -- '*) shift 6; exec 'PROGRAM' \"$@\";;\n  \
                     'xtask '*) shift; exec 'PROGRAM' \"$@\";;\n  *) exec 'CARGO' \"$@\";;\nesac\n";

#[test]
#[ignore = "needs act: docs/operations/workflows.md says how to get it"]
fn our_two_stages_run_and_the_second_tells_what_the_first_found() {
    let story = story!();
    let act = Act::of(Fixture::of(
        "a repository",
        &[
            ("Cargo.toml", "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n"),
            ("src/lib.rs", LIBRARY),
            (".gitignore", "/target\n"),
            (".github/workflows/pull-request.yml", &workflow("pull-request.yml")),
            (".github/workflows/report.yml", &workflow("report.yml")),
        ],
    ));
    let program = CARGO.replace("PROGRAM", GATELINE).replace("CARGO", &cargo().display().to_string());
    act.executable("bin/cargo", &program);
    let kept = act.at("kept").display().to_string();
    act.stub("stubs", "'true'");
    act.stub("stubs/restore", "'true'");
    // Artifacts lie beside the root that their paths share.
    act.stub(
        "upload",
        &format!(
            "'mkdir -p \"{kept}/$N\"; for one in $P; do cp -r $one \"{kept}/$N\" 2>/dev/null || true; done'"
        ),
    );
    act.stub("download", &format!("'cp -r \"{kept}/$N\" \"$P\"'"));
    let actions = [
        ("actions/cache", "stubs"),
        ("actions/upload-artifact", "upload"),
        ("actions/download-artifact", "download"),
        ("actions/checkout", "stubs"),
    ];
    let root = &act.fixture.workspace;
    git(root, &["remote", "add", "origin", "https://github.com/o/r"]);
    let base = git(root, &["rev-parse", "HEAD"]);
    git(root, &["checkout", "--quiet", "-b", "topic"]);
    act.fixture.write("src/lib.rs", &format!("{LIBRARY}/// Not.\npub fn not() -> u8 {{\n    2\n}}\n"));
    git(root, &["commit", "--quiet", "--all", "--message", "change"]);
    let api = ["--env".to_owned(), format!("GITHUB_API_URL={}", story.fake.url)];
    let about = json!({"full_name": "o/r", "default_branch": "main"});

    let pull = json!({"action": "synchronize", "number": 7, "repository": about, "pull_request": {
        "number": 7, "head": {"sha": git(root, &["rev-parse", "HEAD"]), "ref": "topic", "repo": {"full_name": "someone/r"}},
        "base": {"sha": base, "ref": "main"}}});
    let (passed, lines) =
        act.run(("pull_request", &pull), ".github/workflows/pull-request.yml", &actions, &api);
    assert!(!passed, "{lines:#?}");
    let annotated =
        |line: &Value| line["command"] == "error" && line.to_string().contains("patch-below-minimum");
    assert!(lines.iter().any(annotated), "{lines:#?}");
    let ended = |job: &str| lines.iter().any(|line| line["jobID"] == job && line["jobResult"] == "failure");
    assert!(ended("gates") && ended("required"), "{lines:#?}");
    assert_eq!(writes(&story), 0, "the first stage tells GitHub nothing");

    // Whatever the first stage's folder claims: commit and pull request are those of the event.
    story.fake.state().pull.3 = Some("someone/r".to_owned());
    let run = json!({"action": "completed", "repository": about, "workflow_run": {
        "id": 9, "run_attempt": 1, "event": "pull_request", "head_sha": HEAD, "head_branch": "topic", "conclusion": "failure",
        "head_repository": {"full_name": "someone/r"}, "pull_requests": []}});
    git(root, &["checkout", "--quiet", "main"]);
    let (passed, lines) = act.run(("workflow_run", &run), ".github/workflows/report.yml", &actions, &api);
    assert!(passed, "{lines:#?}");
    story.fake.is_content();
    let state = story.fake.state();
    assert_eq!((state.checks.len(), state.comments.len()), (1, 1), "{:#?}", state.log);
    assert_eq!(
        (&state.checks[0]["head_sha"], &state.checks[0]["conclusion"]),
        (&json!(HEAD), &json!("failure"))
    );
    let body = state.comments[0]["body"].as_str().unwrap();
    assert!(body.contains("Gateline: refused") && body.contains("src/lib.rs"), "{body}");
}

fn workflow(name: &str) -> String {
    std::fs::read_to_string(repository().join(".github/workflows").join(name)).unwrap()
}

fn writes(story: &Story) -> usize {
    story.fake.requests().1
}
