//! The repository tests itself. Each rule is a pure function over a path and a text, with its own test on a
//! violation made by hand; here all of them meet the real tree.

#[path = "tidy/edges.rs"]
mod edges;
#[path = "tidy/file.rs"]
mod file;
#[path = "tidy/generated.rs"]
mod generated;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/schemas.rs"]
mod schemas;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/workflows.rs"]
mod workflows;

use file::{File, Rule};
use gateline::digest::Digest;
use gateline::evidence::CouldNotRun;
use gateline::policy::{PolicySet, PolicySource, parse, schema};
use gateline::verdict::{About, Finding, Gate, GateVerdict, Severity, Verdict};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Set to anything, it writes the generated files anew.
const BLESS: &str = "GATELINE_BLESS";
/// The day from which waivers are counted.
const DAY: jiff::civil::Date = jiff::civil::date(2026, 11, 24);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the suite lies in the repository").to_owned()
}

/// Every text file that git tracks or would add: path and contents.
#[expect(clippy::disallowed_methods, reason = "asks the real git about the real tree")]
fn tree() -> Vec<(String, String)> {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(repository())
        .output()
        .expect("git starts");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("our file names are UTF-8");
    let read = |name: &str| Some((name.to_owned(), std::fs::read_to_string(repository().join(name)).ok()?));
    names.split('\0').filter_map(read).collect()
}

fn rules() -> Vec<Rule> {
    let single: [Rule; 3] = [edges::edges, manifests::dependency_reasons, editor_line];
    [&sources::RULES[..], &workflows::RULES, &single].concat()
}

/// A policy file tells editors its schema.
fn editor_line(file: File<'_>) -> Vec<String> {
    let Some(name) = file.path.strip_prefix("policies/").and_then(|name| name.strip_suffix(".yaml")) else {
        return Vec::new();
    };
    let line = format!("# yaml-language-server: $schema=schema/{name}.schema.json");
    if file.text.lines().next() == Some(&line) {
        return Vec::new();
    }
    vec![file.wrong(1, &format!("begin with `{line}`"))]
}

#[test]
fn a_policy_file_without_its_schema_is_found() {
    let found = |text| editor_line(File { path: "policies/a.yaml", text }).len();
    assert_eq!((found("b: 1"), found("# yaml-language-server: $schema=schema/a.schema.json\nb: 1")), (1, 0));
}

#[test]
fn every_rule_holds_for_the_tree() {
    let tree = tree();
    for needed in ["Cargo.toml", "xtask/src/main.rs", "src/main.rs", "tests/tidy.rs", "action/action.yml"] {
        assert!(tree.iter().any(|(path, _)| path == needed), "{needed} was not looked at");
    }
    let files = || tree.iter().map(|(path, text)| File { path, text });
    let wrong: Vec<String> = rules().iter().flat_map(|rule| files().flat_map(rule)).collect();
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn generated_files_are_fresh() {
    #[expect(clippy::disallowed_methods, reason = "a switch for whoever runs this test by hand")]
    let bless = std::env::var_os(BLESS).is_some();
    let mut stale = Vec::new();
    for (path, fresh) in generated::all() {
        let file = repository().join(&path);
        if bless {
            std::fs::create_dir_all(file.parent().expect("it lies in a folder"))
                .expect("the folder can be made");
            std::fs::write(&file, &fresh).expect("the file can be written");
        }
        if std::fs::read_to_string(&file).ok().as_ref() != Some(&fresh) {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "not what the code gives: {}\nwrite them anew: {BLESS}=1 cargo test -p gateline --test tidy generated",
        stale.join(", ")
    );
}

fn schema_of(name: &str) -> Value {
    schema::all().into_iter().find(|(known, _)| *known == name).expect("every policy has a schema").1
}

#[test]
fn our_policies_and_the_defaults_meet_their_schemas() {
    for name in parse::all_files() {
        let text =
            std::fs::read_to_string(repository().join("policies").join(name)).expect("we have them all");
        let ours: Value = serde_yaml::from_str(&text).expect("it is YAML");
        let schema = schema_of(name.trim_end_matches(".yaml"));
        assert_eq!(schemas::validate(&schema, &ours), Vec::<String>::new(), "{name}");
        assert!(!schemas::validate(&schema, &json!({"no_such_key": 1})).is_empty(), "{name} takes any key");
    }
    let defaults = serde_json::to_value(gateline::policy::Policy::default()).expect("it serialises");
    for (name, value) in defaults.as_object().into_iter().flatten() {
        assert_eq!(schemas::validate(&schema_of(name), value), Vec::<String>::new(), "default {name}");
    }
}

#[test]
fn what_the_parser_refuses_the_schema_refuses() {
    for (name, text) in [
        ("coverage", "minimum: 101"),
        ("coverage", "minimum: '1.234'"),
        ("lint", "clippy: refus"),
        ("image", "ports: [70000]"),
        ("rollout", "environments: [{name: a, steps: [{weight: 10}]}]"),
        ("security", "secrets: {skip: 1}"),
        ("github", "reviews: {approvals: 11}"),
        ("github", "merge_queue: {check_timeout_minutes: 0}"),
        ("github", "environments: [{wait_minutes: 1}]"),
        ("waivers", "waivers: [{code: tests/failed, subject: a, reason: b, expires: 2026-12-31}]"),
        ("approvers", "approvers: [{github: a}]"),
    ] {
        let texts = [(format!("{name}.yaml"), text.to_owned())].into();
        assert!(PolicySet::parse(&texts, DAY).is_err(), "the parser takes {text}");
        let value: Value = serde_yaml::from_str(text).expect("it is YAML");
        assert!(!schemas::validate(&schema_of(name), &value).is_empty(), "the schema takes {text}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]
    #[test]
    fn parser_and_schema_agree_on_percentages(text in "[0-9]{0,4}\\.?[0-9]{0,3}|\\PC{0,4}") {
        let value = json!({"minimum": text});
        let parsed = serde_json::from_value::<gateline::policy::CoveragePolicy>(value.clone()).is_ok();
        let valid = schemas::validate(&schema_of("coverage"), &value).is_empty();
        proptest::prop_assert_eq!(parsed, valid, "{}", value);
    }
}

#[test]
fn a_verdict_meets_its_schema() {
    let finding = Finding::new(Gate::Lint, "clippy", Severity::Warning, "needless clone", "cargo xtask lint");
    let why = CouldNotRun { message: "no cargo".to_owned(), help: "cargo xtask doctor".to_owned() };
    let gates = vec![
        GateVerdict::of(
            Gate::Lint,
            12,
            json!({"files": 3}),
            vec![finding.clone().at("src/a.rs", 7), finding],
        ),
        GateVerdict::could_not_run(Gate::Tests, 0, &why),
        GateVerdict::of(Gate::Coverage, 0, json!({}), Vec::new()).nothing_checked(),
    ];
    let policy = PolicySource { source: "worktree".to_owned(), hash: Digest::of(b"") };
    let verdict = Verdict::fold(About { commit: "c".to_owned(), dirty: true, base: None, policy }, gates);
    let mut verdict = serde_json::to_value(verdict).expect("it serialises");
    let schema = schema_of("verdict");
    assert_eq!(schemas::validate(&schema, &verdict), Vec::<String>::new());
    for (place, nonsense) in [("/schema", json!("gateline/verdict/v0")), ("/gates/0/outcome", json!("fine"))]
    {
        let kept = std::mem::replace(verdict.pointer_mut(place).expect("it is there"), nonsense);
        assert!(!schemas::validate(&schema, &verdict).is_empty(), "{place}");
        *verdict.pointer_mut(place).expect("it is there") = kept;
    }
}
