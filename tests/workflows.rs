//! Workflows that must not pass, and agreement with zizmor: what each of the two says of the same files, so that every difference
//! is one that somebody has looked at (docs/reference/workflows-gate.md names them).

#![expect(clippy::disallowed_methods, reason = "a story asks the partner itself")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use support::Ran;
use support::fixture::Fixture;

const MANIFEST: &str = "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n";
/// A commit, as an action is pinned.
const PIN: &str = "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1";

/// A workspace with these workflows.
fn workspace(workflows: &[(&str, &str)]) -> Fixture {
    let base = [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCKFILE), ("src/lib.rs", "//! A fixture.\n")];
    let files = workflows.iter().map(|(name, text)| (*name, text.replace("PIN", PIN)));
    let files: Vec<(&str, String)> =
        base.map(|(name, text)| (name, text.to_owned())).into_iter().chain(files).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Fixture::of("workflows", &files)
}

/// One job with a body, rights and an end.
fn job(event: &str, body: &str) -> String {
    format!(
        "on: {event}\npermissions: {{}}\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n{body}"
    )
}

/// A file, what we find in it, and what zizmor does (`regular` persona, offline, without ignores).
struct Case {
    name: &'static str,
    text: String,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
}

fn case(
    name: &'static str,
    text: String,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
) -> Case {
    Case { name, text, ours, theirs }
}

fn cases() -> Vec<Case> {
    let run = |run: &str| format!("    steps:\n      - run: {run}\n");
    let guarded = "    if: github.event.pull_request.head.repo.full_name == github.repository\n";
    let checkout = "    steps:\n      - uses: actions/checkout@PIN\n";
    let kept = format!("{checkout}        with: {{persist-credentials: false}}\n");
    vec![
        case("clean", job("pull_request", &format!("{kept}      - run: make\n")), &[], &[]),
        case("unpinned", job("push", "    steps:\n      - uses: a/b@v4\n"), &["unpinned-action"], &["unpinned-uses"]),
        case("image", job("push", &format!("    container: a:1\n{}", run("make"))), &["unpinned-image"], &[]),
        case(
            "injection",
            job("issues", &run("echo ${{ github.event.issue.title }}")),
            &["template-injection"],
            &["template-injection"],
        ),
        case("no-injection", job("issues", &run("echo ${{ contains(github.event.issue.title, 'x') }}")), &[], &[]),
        case("output", job("push", &run("echo ${{ steps.a.outputs.b }}")), &["possible-injection"], &["template-injection"]),
        case("actor", job("push", &run("echo ${{ github.actor }}")), &[], &["template-injection"]),
        case("credentials", job("push", checkout), &["persisted-credentials"], &["artipacked"]),
        case(
            "target",
            job("pull_request_target", &run("make")),
            &["privileged-trigger"],
            &["dangerous-triggers"],
        ),
        case("guarded", job("pull_request_target", &format!("{guarded}{}", run("make"))), &[], &["dangerous-triggers"]),
        case(
            "head",
            job(
                "pull_request_target",
                &format!("{checkout}        with: {{persist-credentials: false, ref: '${{{{ github.head_ref }}}}'}}\n"),
            ),
            &["head-checkout", "privileged-trigger"],
            &["dangerous-triggers"],
        ),
        case(
            "wide",
            job("push", &run("make")).replace("permissions: {}", "permissions: write-all"),
            &["wide-permissions"],
            &[],
        ),
        case(
            "missing",
            job("push", &run("make")).replace("permissions: {}\n", ""),
            &["missing-permissions"],
            &["excessive-permissions"],
        ),
        case(
            "cache",
            job("release", &format!("{kept}      - uses: actions/cache@PIN\n        with: {{path: a, key: b}}\n")),
            &["cache-poisoning"],
            &["cache-poisoning"],
        ),
        case(
            "inherited",
            "on: push\npermissions: {}\njobs:\n  a:\n    uses: ./.github/workflows/called.yml\n    secrets: inherit\n".into(),
            &["inherited-secrets"],
            &["secrets-inherit"],
        ),
        case(
            "exposed",
            job("push", &format!("{}        env: {{S: '${{{{ toJSON(secrets) }}}}'}}\n", run("make"))),
            &["exposed-secrets"],
            &["overprovisioned-secrets"],
        ),
        case(
            "commands",
            job("push", &format!("{}        env: {{ACTIONS_ALLOW_UNSECURE_COMMANDS: true}}\n", run("make"))),
            &["insecure-commands"],
            &["insecure-commands"],
        ),
        case(
            "password",
            job(
                "push",
                &format!("    container: {{image: 'a@sha256:{}', credentials: {{username: a, password: b}}}}\n{}", "0".repeat(64), run("make")),
            ),
            &["hardcoded-credentials"],
            &["hardcoded-container-credentials"],
        ),
        case(
            "bot",
            job("pull_request_target", &format!("    if: github.actor == 'dependabot[bot]'\n{}", run("make"))),
            &["bot-condition", "privileged-trigger"],
            &["bot-conditions", "dangerous-triggers"],
        ),
        case(
            "condition",
            job("push", &format!("    if: ${{{{ github.ref == 'x' }}}} && true\n{}", run("make"))),
            &["always-true"],
            &["unsound-condition"],
        ),
        case("runner", job("pull_request", &run("make")).replace("ubuntu-24.04", "self-hosted"), &["self-hosted"], &[]),
        case("endless", job("push", &run("make")).replace("    timeout-minutes: 5\n", ""), &["missing-timeout"], &[]),
        case(
            "roll-up",
            "on: pull_request\npermissions: {}\njobs:\n  a: {runs-on: x, timeout-minutes: 1, steps: [{run: a}]}\n  required:\n    needs: [a]\n    runs-on: x\n    timeout-minutes: 1\n    steps: [{run: a}]\n".into(),
            &["skipped-check"],
            &[],
        ),
    ]
}

/// Its audits by file name.
fn said_by(zizmor: &Path, folder: &Path) -> Vec<(String, String)> {
    let options =
        ["--offline", "--no-config", "--no-ignores", "--no-progress", "--color=never", "--format=json-v1"];
    let ran = Command::new(zizmor).args(options).arg(".github/workflows").current_dir(folder).output();
    let ran = ran.expect("zizmor starts");
    let said: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let file = |one: &serde_json::Value| {
        let path =
            one["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"].as_str().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yml").to_owned()
    };
    let said = said.as_array().expect("a list").iter();
    said.map(|one| (file(one), one["ident"].as_str().unwrap_or_default().to_owned())).collect()
}

/// Our codes by file name, without what only zizmor said.
fn found_by_us(verdict: &serde_json::Value) -> Vec<(String, String)> {
    let gate = verdict["gates"].as_array().expect("gates").iter().find(|gate| gate["gate"] == "workflows");
    let findings = gate.expect("the gate")["findings"].as_array().expect("findings").clone();
    let own =
        findings.into_iter().filter(|one| !one["message"].as_str().unwrap_or_default().contains("(zizmor:"));
    own.map(|one| {
        let file = one["file"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let code = one["code"].as_str().unwrap_or_default().trim_start_matches("workflows/");
        (file.trim_end_matches(".yml").to_owned(), code.to_owned())
    })
    .collect()
}

fn of<'a>(all: &'a [(String, String)], name: &str) -> BTreeSet<&'a str> {
    all.iter().filter(|(file, _)| file == name).map(|(_, what)| what.as_str()).collect()
}

#[test]
fn each_hole_is_found_and_every_difference_to_zizmor_is_known() {
    let cases = cases();
    let files: Vec<(String, String)> = cases
        .iter()
        .map(|case| (format!(".github/workflows/{}.yml", case.name), case.text.clone()))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let fixture = workspace(&files);
    let verdict = fixture.run(&["security", "workflows", "--format", "json"]).exits(10).json();
    let ours = found_by_us(&verdict);
    for case in &cases {
        assert_eq!(of(&ours, case.name), case.ours.iter().copied().collect(), "ours of {}", case.name);
    }
    let Some(zizmor) = support::partner("zizmor") else { return };
    // Its newer way to write paths of the same repository is none that other tools take.
    let theirs: Vec<_> = said_by(&zizmor, &fixture.workspace)
        .into_iter()
        .filter(|(_, ident)| ident != "self-repository")
        .collect();
    let differs = |case: &&Case| of(&theirs, case.name) != case.theirs.iter().copied().collect();
    let different: Vec<_> =
        cases.iter().filter(differs).map(|case| (case.name, of(&theirs, case.name))).collect();
    assert!(different.is_empty(), "zizmor says of these something else than is known: {different:#?}");
}

#[test]
fn what_zizmor_finds_joins_in_once() {
    let Some(zizmor) = support::partner("zizmor") else { return };
    let steps = "    steps:\n      - uses: a/b@v4 # zizmor: ignore[unpinned-uses]\n      - run: echo ${{ github.actor }}\n";
    let fixture = workspace(&[
        (".github/workflows/w.yml", &job("push", steps)),
        (".github/zizmor.yml", "rules: {template-injection: {disable: true}}\n"),
    ]);
    let folder = zizmor.parent().expect("a folder").display().to_string();
    let path = format!("{}:{folder}", std::env::var("PATH").expect("a path"));
    let mut asked = fixture.command(&["security", "workflows", "--format", "json"]);
    let verdict = Ran::from(asked.env("PATH", &path).output().expect("gateline starts")).exits(10).json();
    let gate = &verdict["gates"][0];
    assert_eq!(gate["facts"]["zizmor"]["is"], "answered", "{gate:#}");
    assert_eq!(
        (&gate["facts"]["zizmor"]["findings"], &gate["facts"]["zizmor"]["agreed"]),
        (&2.into(), &1.into())
    );
    let mut codes: Vec<String> = fixture.codes();
    codes.sort();
    assert_eq!(codes, ["workflows/possible-injection", "workflows/unpinned-action"]);
}

#[test]
fn a_workflow_that_cannot_be_read_refuses_and_none_passes() {
    let broken = workspace(&[(".github/workflows/w.yml", "on: [\n")]);
    broken.refused(&["security", "workflows"], 10, "workflows/unreadable");
    let none = workspace(&[]);
    none.run(&["security", "workflows"]).exits(0).says(&["0 workflows", "no-workflows"]);
    std::fs::create_dir_all(none.workspace.join(".github/workflows")).expect("a folder");
    // Not added to git yet: it runs as soon as somebody does.
    none.write(".github/workflows/new.yml", "on: push\njobs: {a: {steps: [{uses: a/b@v1}]}}\n");
    none.refused(&["ci", "--gate", "workflows"], 10, "workflows/unpinned-action");
}

#[test]
fn workflows_of_the_repository_above_a_workspace_are_seen() {
    let unpinned = job("push", "    steps:\n      - uses: a/b@v4\n");
    let top = Fixture::of(
        "repository",
        &[
            ("svc/Cargo.toml", MANIFEST),
            ("svc/Cargo.lock", LOCKFILE),
            ("svc/src/lib.rs", "//! A fixture.\n"),
            (".github/workflows/w.yml", &unpinned),
            (".github/workflows/t.yml", &job("pull_request_target", "    steps: [{run: make}]\n")),
        ],
    );
    let fixture = Fixture { workspace: top.workspace.join("svc"), ..top };
    let told = || {
        let findings = fixture.findings();
        let text = |one: &serde_json::Value| format!("{} {}", one["code"], one["file"]).replace('"', "");
        findings.iter().filter(|one| one["severity"] != "note").map(text).collect::<BTreeSet<_>>()
    };
    fixture.run(&["security", "workflows"]).exits(10).says(&["../.github/workflows/w.yml"]);
    let unpinned_action = "workflows/unpinned-action ../.github/workflows/w.yml".to_owned();
    let privileged = "workflows/privileged-trigger ../.github/workflows/t.yml".to_owned();
    assert_eq!(told(), BTreeSet::from([unpinned_action.clone(), privileged]));
    // The policy names them as they are shown, and git need not know them yet.
    let policy =
        "workflows:\n  privileged: [../.github/workflows/t.yml]\n  skip: [../.github/workflows/new.yml]\n";
    fixture.write("policies/security.yaml", policy);
    fixture.write("../.github/workflows/new.yml", "on: [\n");
    fixture.run(&["security", "workflows"]).exits(10);
    assert_eq!(told(), BTreeSet::from([unpinned_action]));
    fixture.write("policies/security.yaml", "{}\n");
    fixture.refused(&["security", "workflows"], 10, "workflows/unreadable");
}

#[test]
fn a_waiver_names_the_file_and_the_job() {
    let fixture =
        workspace(&[(".github/workflows/w.yml", &job("push", "    steps:\n      - uses: a/b@v4\n"))]);
    fixture
        .run(&[
            "waive",
            "workflows/unpinned-action",
            ".github/workflows/w.yml:a",
            "--reason",
            "r",
            "--owner",
            "o",
        ])
        .exits(0);
    fixture.run(&["security", "workflows"]).exits(0).says(&["unpinned-action"]);
}

#[test]
fn our_workflows_and_those_that_init_writes_are_clean() {
    let fixture = workspace(&[]);
    let action = format!("gateline/gateline@{}", PIN.split(' ').next().unwrap_or_default());
    let mut init = fixture.command(&["init", "--yes", "--action", &action]);
    Ran::from(init.env_remove("CI").output().expect("gateline starts")).exits(0);
    let verdict = fixture.run(&["security", "workflows", "--format", "json"]).exits(0).json();
    let gate = &verdict["gates"][0];
    let bad: Vec<_> = gate["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|one| one["severity"] != "note")
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(gate["facts"]["workflows"], 5);
}

#[test]
fn our_own_workflows_are_clean_under_zizmor() {
    let Some(zizmor) = support::partner("zizmor") else { return };
    // The second stage, which runs nothing of the change: `workflows.privileged` of our policy names it.
    let known = [("report".to_owned(), "dangerous-triggers".to_owned())];
    assert_eq!(said_by(&zizmor, &support::repository()), known);
}
