//! Rules for `.github/workflows/` and `action/`: pinned actions, least permissions, deadlines, and no logic in YAML.

use crate::file::{File, Rule};
use serde_yaml::Value;

/// Hexadecimal digits of a commit.
const COMMIT_DIGITS: usize = 40;

/// Every rule of this module.
pub(crate) const RULES: [Rule; 5] = [pinned, permissions, deadlines, one_verb, no_expression_in_a_shell];

fn is_yaml(file: File<'_>) -> bool {
    file.is(".yml") || file.is(".yaml")
}

fn is_workflow(file: File<'_>) -> bool {
    file.below(".github/workflows/") && is_yaml(file)
}

fn is_action(file: File<'_>) -> bool {
    file.below("action/") && is_yaml(file)
}

/// An action is used by commit, with the version beside it; our own by its path.
fn pinned(file: File<'_>) -> Vec<String> {
    if !is_workflow(file) && !is_action(file) {
        return Vec::new();
    }
    let loose = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix("uses:")
            .is_some_and(|used| !used.trim().starts_with("./") && !is_pinned(used.trim()))
    };
    file.lines_wrong(loose, "an action that is not pinned: `uses: owner/name@COMMIT # vX.Y.Z`")
}

fn is_pinned(used: &str) -> bool {
    let Some((_, reference)) = used.split_once('@') else { return false };
    let Some((commit, version)) = reference.split_once(" # v") else { return false };
    let hexadecimal = |digit: char| matches!(digit, '0'..='9' | 'a'..='f');
    commit.len() == COMMIT_DIGITS
        && commit.chars().all(hexadecimal)
        && version.starts_with(|first: char| first.is_ascii_digit())
}

/// What the token may do is said once for the workflow, and each job adds what it needs.
fn permissions(file: File<'_>) -> Vec<String> {
    if !is_workflow(file) || parsed(file).get("permissions").is_some() {
        return Vec::new();
    }
    vec![file.wrong(1, "no `permissions:` at the top: begin with `permissions: {}`")]
}

/// Each job ends.
fn deadlines(file: File<'_>) -> Vec<String> {
    let without = jobs(file).into_iter().filter(|(_, job)| job.get("timeout-minutes").is_none());
    without.map(|(name, _)| file.wrong(1, &format!("job `{name}` has no `timeout-minutes:`"))).collect()
}

/// How a workflow starts the program: the alias, the same with a feature, or the program itself.
const PROGRAMS: [&str; 3] =
    ["cargo xtask ", "cargo run --package gateline --features github -- ", "gateline "];
/// What the Action runs: the scripts that fetch and verify the program, and the one that starts it, each with its tests.
const SCRIPTS: [&str; 3] = [
    "bash \"$GITHUB_ACTION_PATH/get.sh\" find",
    "bash \"$GITHUB_ACTION_PATH/get.sh\" build",
    "bash \"$GITHUB_ACTION_PATH/run.sh\"",
];

/// A step of a workflow is one verb, so that CI does what a laptop does; a step of the Action is one of its scripts.
fn one_verb(file: File<'_>) -> Vec<String> {
    if is_action(file) {
        let odd =
            runs(&parsed(file)["runs"]["steps"]).into_iter().filter(|run| !SCRIPTS.contains(&run.trim()));
        return odd
            .map(|run| file.wrong(1, &format!("`run: {}` is none of its scripts", run.trim())))
            .collect();
    }
    let verb = |run: &str| {
        let plain = run.chars().all(|letter| letter.is_ascii_alphanumeric() || " -_=./:".contains(letter));
        plain && PROGRAMS.iter().any(|program| run.starts_with(program))
    };
    let runs: Vec<String> = jobs(file).iter().flat_map(|(_, job)| runs(&job["steps"])).collect();
    let odd = runs.into_iter().filter(|run| !verb(run.trim()));
    odd.map(|run| file.wrong(1, &format!("`run: {}` is not one gateline verb", run.trim()))).collect()
}

/// An expression in a script is how titles of pull requests become commands: it goes through `env:`.
fn no_expression_in_a_shell(file: File<'_>) -> Vec<String> {
    let mut all: Vec<String> = jobs(file).iter().flat_map(|(_, job)| runs(&job["steps"])).collect();
    if is_action(file) {
        all.extend(runs(&parsed(file)["runs"]["steps"]));
    }
    let interpolated = all.into_iter().filter(|run| run.contains("${{"));
    interpolated.map(|run| file.wrong(1, &format!("an expression in a script: {}", run.trim()))).collect()
}

/// The file as YAML; one that is none has no permissions and so is found.
fn parsed(file: File<'_>) -> Value {
    serde_yaml::from_str(file.text).unwrap_or_default()
}

fn jobs(file: File<'_>) -> Vec<(String, Value)> {
    if !is_workflow(file) {
        return Vec::new();
    }
    let whole = parsed(file);
    let jobs = whole["jobs"].as_mapping().cloned().unwrap_or_default();
    jobs.into_iter().map(|(name, job)| (name.as_str().unwrap_or_default().to_owned(), job)).collect()
}

fn runs(steps: &Value) -> Vec<String> {
    let steps = steps.as_sequence().into_iter().flatten();
    steps.filter_map(|step| step["run"].as_str().map(str::to_owned)).collect()
}

#[track_caller]
fn check(rule: Rule, path: &str, text: &str, expected: usize) {
    let found = rule(File { path, text });
    assert_eq!(found.len(), expected, "{text}: {found:?}");
}

const WORKFLOW: &str = ".github/workflows/a.yml";

#[test]
fn an_action_that_is_not_pinned_is_found() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    check(pinned, WORKFLOW, &format!("- uses: a/b@{commit} # v1.2.3"), 0);
    check(pinned, WORKFLOW, "- uses: ./action", 0);
    check(pinned, WORKFLOW, &format!("- uses: a/b@{commit}"), 1);
    check(pinned, WORKFLOW, "- uses: a/b@v4 # v4", 1);
    check(pinned, "action/action.yml", "uses: a/b@main", 1);
}

#[test]
fn missing_permissions_and_deadlines_are_found() {
    check(permissions, WORKFLOW, "permissions: {}", 0);
    check(permissions, WORKFLOW, "on: push", 1);
    check(permissions, WORKFLOW, "a: [", 1);
    check(deadlines, WORKFLOW, "jobs: {a: {timeout-minutes: 5}, b: {}}", 1);
}

#[test]
fn logic_in_yaml_is_found() {
    let step = |run: &str| format!("jobs: {{a: {{steps: [{{run: '{run}'}}]}}}}");
    check(one_verb, WORKFLOW, &step("cargo xtask ci --setup"), 0);
    check(one_verb, WORKFLOW, &step("gateline image build"), 0);
    check(one_verb, WORKFLOW, &step("cargo run --package gateline --features github -- ci"), 0);
    for run in [
        "cargo test",
        "cargo run --package other -- ci",
        "cargo xtask ci && curl x",
        "cargo xtask ci | tee y",
        "echo hi",
    ] {
        check(one_verb, WORKFLOW, &step(run), 1);
    }
    let step = |run: &str| format!("runs: {{steps: [{{run: '{run}'}}]}}");
    check(one_verb, "action/action.yml", &step(SCRIPTS[0]), 0);
    for run in ["gateline ci", "bash \"$GITHUB_ACTION_PATH/get.sh\" find; curl x | sh", "bash get.sh"] {
        check(one_verb, "action/action.yml", &step(run), 1);
    }
}

#[test]
fn an_expression_in_a_script_is_found() {
    check(no_expression_in_a_shell, "action/action.yml", "runs: {steps: [{run: 'echo ${{ inputs.a }}'}]}", 1);
    check(no_expression_in_a_shell, "action/action.yml", "runs: {steps: [{run: 'echo \"$A\"'}]}", 0);
}
