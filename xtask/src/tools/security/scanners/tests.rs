//! Reports of every format: as tools write them, damaged, hostile, large.

mod theauditor;

use super::*;
use crate::evidence::scanners::ScannerResult;
use crate::verdict::Severity;
use crate::world::Clock;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A folder with files, and an input that reads them.
struct Case {
    folder: tempfile::TempDir,
    input: ScannerInput,
}

impl Case {
    fn of(format: &str, file: &str, text: &str) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let case = Case {
            folder,
            input: serde_yaml::from_str(&format!("{{file: '{file}', format: {format}, notes: warn}}"))
                .unwrap(),
        };
        if !text.is_empty() {
            case.write(file, text);
        }
        case
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read_at(&self, committed: Timestamp, tracked: &[&str]) -> InputRead {
        let root = self.folder.path().canonicalize().unwrap();
        let world = World::with(BTreeMap::default(), root.clone(), Clock::system());
        let subject = Subject {
            root,
            commit: "0123456789abcdef0123456789abcdef01234567".into(),
            committed,
            tracked: tracked.iter().map(PathBuf::from).collect(),
        };
        let policy = ScannersPolicy { inputs: vec![self.input.clone()], ..ScannersPolicy::default() };
        gather(&world, &subject, &policy).unwrap().inputs.remove(0)
    }

    fn read(&self) -> InputRead {
        self.read_at(Timestamp::UNIX_EPOCH, &[])
    }

    #[track_caller]
    fn unusable(&self, words: &str) {
        match self.read().state {
            InputState::Unusable { why } => assert!(why.contains(words), "{words:?} is not in {why:?}"),
            other => panic!("{other:?}"),
        }
    }
}

fn sarif(text: &str) -> Case {
    Case::of("sarif", "r.sarif", text)
}

/// A log of one run of `results`, with `more` in it.
fn run(results: &str, more: &str) -> String {
    format!(
        "{{\"version\": \"2.1.0\", \"runs\": [{{{more} \"tool\": {{\"driver\": {{\"name\": \"Tool\", \"version\": \"1.2\", \"rules\": [\
         {{\"id\": \"R1\", \"defaultConfiguration\": {{\"level\": \"error\"}}, \"shortDescription\": {{\"text\": \"short\"}}, \
         \"messageStrings\": {{\"m\": {{\"text\": \"at {{0}}\"}}}}}}, {{\"id\": \"R2\", \"properties\": {{\"security-severity\": \"9.1\"}}}}]}}}}, \
         \"results\": {results}}}]}}"
    )
}

#[track_caller]
fn only(read: &InputRead) -> &ScannerResult {
    assert_eq!(read.state, InputState::Read);
    let [only] = read.results.as_slice() else { panic!("{:?}", read.results) };
    only
}

#[test]
fn a_result_has_its_level_from_itself_its_rule_or_its_score() {
    let check = |result: &str, expected: Severity| {
        let read = sarif(&run(&format!("[{{\"message\": {{\"text\": \"m\"}}, {result}}}]"), "")).read();
        assert_eq!(only(&read).severity, expected, "{result}");
    };
    check("\"ruleId\": \"R1\"", Severity::Error);
    check("\"ruleId\": \"R1/kind\"", Severity::Error);
    check("\"ruleIndex\": 0", Severity::Error);
    check("\"rule\": {\"index\": 0}", Severity::Error);
    check("\"ruleId\": \"R1\", \"level\": \"note\"", Severity::Note);
    check("\"ruleId\": \"R2\"", Severity::Error);
    check("\"ruleId\": \"other\"", Severity::Warning);
    check("\"ruleId\": \"other\", \"level\": \"none\"", Severity::Note);
    check("\"ruleId\": \"other\", \"properties\": {\"security-severity\": 7.5}", Severity::Error);
    check("\"ruleId\": \"R1\", \"kind\": \"review\"", Severity::Note);
}

#[test]
fn what_is_well_or_gone_is_no_result() {
    for result in ["\"kind\": \"pass\"", "\"kind\": \"notApplicable\"", "\"baselineState\": \"absent\""] {
        let read = sarif(&run(&format!("[{{{result}}}]"), "")).read();
        assert_eq!((read.state, read.results.len()), (InputState::Read, 0));
    }
}

#[test]
fn places_come_from_folders_and_tables_in_any_order() {
    let location = |place: &str| {
        format!(
            "[{{\"ruleId\": \"R1\", \"message\": {{\"text\": \"m\"}}, \"locations\": [{{\"physicalLocation\": {{\"artifactLocation\": {place}, \"region\": {{\"startLine\": 3, \"endLine\": 5}}}}}}]}}]"
        )
    };
    let bases = "\"originalUriBaseIds\": {\"SUB\": {\"uri\": \"sub/\", \"uriBaseId\": \"%SRCROOT%\"}, \"%SRCROOT%\": {}}, \
                 \"artifacts\": [{\"location\": {\"uri\": \"b%20c.rs\", \"uriBaseId\": \"SUB\"}}],";
    let check = |place: &str, expected: Option<&str>| {
        let read = sarif(&run(&location(place), bases)).read();
        let found = only(&read);
        assert_eq!((found.file.as_deref(), found.line, found.end_line), (expected, 3, 5), "{place}");
    };
    check("{\"uri\": \"src/a.rs\"}", Some("src/a.rs"));
    check("{\"uri\": \"a.rs\", \"uriBaseId\": \"SUB\"}", Some("sub/a.rs"));
    check("{\"uri\": \"a.rs\", \"uriBaseId\": \"%SRCROOT%\"}", Some("a.rs"));
    check("{\"index\": 0}", Some("sub/b c.rs"));
    check("{\"uri\": \"a.rs\", \"uriBaseId\": \"NOBODY\"}", Some("a.rs"));
    check("{\"uri\": \"file:///etc/passwd\"}", None);
    check("{\"uri\": \"../../etc/passwd\"}", None);
    let endless = "\"originalUriBaseIds\": {\"A\": {\"uri\": \"x/\", \"uriBaseId\": \"A\"}},";
    let read = sarif(&run(&location("{\"uri\": \"a\", \"uriBaseId\": \"A\"}"), endless)).read();
    assert_eq!(only(&read).file, None);
}

#[test]
fn messages_are_filled_and_fit_for_a_terminal() {
    let message = |message: &str| {
        let read = sarif(&run(&format!("[{{\"ruleId\": \"R1\", \"message\": {message}}}]"), "")).read();
        only(&read).message.clone()
    };
    assert_eq!(message("{\"id\": \"m\", \"arguments\": [\"here\"]}"), "at here");
    assert_eq!(message("{}"), "short");
    assert_eq!(message("{\"text\": \"a\\u001b[31m\\n\\tb\\u202e c\"}"), "a[31m b c");
    let long = message(&format!("{{\"text\": \"{}\"}}", "é".repeat(3_000_000)));
    assert_eq!(long.chars().count(), gathered::MESSAGE_CHARS_MAX + 1);
    let token = format!("ghp_{}", "16C7e42F292c6912E7710c838347Ae178B4a");
    assert!(!message(&format!("{{\"text\": \"found {token} here\"}}")).contains(&token));
}

#[test]
fn fingerprints_and_suppressions_are_kept() {
    let result = "[{\"ruleId\": \"R1\", \"message\": {\"text\": \"m\"}, \"partialFingerprints\": {\"primaryLocationLineHash\": \"ab:1\"}, \
                  \"suppressions\": [{\"kind\": \"inSource\"}]}]";
    let read = sarif(&run(result, "")).read();
    let found = only(&read);
    assert_eq!(found.fingerprints["primaryLocationLineHash"], "ab:1");
    assert!(found.suppressed);
    let rejected = result.replace("\"inSource\"", "\"inSource\", \"status\": \"rejected\"");
    assert!(!only(&sarif(&run(&rejected, "")).read()).suppressed);
    assert_eq!(read.tools, ["Tool 1.2"]);
}

#[test]
fn a_log_that_proves_nothing_is_no_report() {
    sarif("{\"version\": \"2.1.0\", \"runs\": []}").unusable("it has no run");
    sarif("{\"version\": \"2.0.0\", \"runs\": []}").unusable("2.1.0 is read here");
    sarif("{\"runs\": []}").unusable("no `version`");
    sarif(&run("null", "")).unusable("it did not scan");
    sarif(&run("[]", "\"invocations\": [{\"executionSuccessful\": false}],")).unusable("did not finish");
    sarif(&run("[]", "\"externalPropertyFileReferences\": {\"results\": []},")).unusable("other files");
    sarif("[]").unusable("r.sarif:1: ");
    let whole = run("[{\"ruleId\": \"R1\"}]", "");
    for cut in [1, 20, whole.len() / 2, whole.len() - 1] {
        sarif(&whole[..cut]).unusable("r.sarif:1: ");
    }
    sarif(&(whole.clone() + "{}")).unusable("text behind the end");
    sarif(&format!("{{\"version\": \"2.1.0\", \"runs\": {}", "[".repeat(100_000))).unusable("r.sarif:1: ");
    assert_eq!(sarif(&format!("\u{feff}{whole}")).read().state, InputState::Read);
}

#[test]
fn what_is_missing_or_no_file_is_told() {
    assert!(matches!(sarif("").read().state, InputState::Missing { .. }));
    let case = sarif("");
    std::fs::create_dir(case.folder.path().join("r.sarif")).unwrap();
    assert!(matches!(case.read().state, InputState::Missing { .. }));
    let mut loops = sarif("");
    std::os::unix::fs::symlink(".", loops.folder.path().join("loop")).unwrap();
    loops.input.file = "**/*.sarif".into();
    assert!(matches!(loops.read().state, InputState::Missing { .. }));
}

#[test]
fn a_report_of_another_commit_or_before_this_one_is_stale() {
    let now = Timestamp::from_second(4_000_000_000).unwrap();
    let stale = |case: &Case, committed, tracked: &[&str]| match case.read_at(committed, tracked).state {
        InputState::Stale { why } => why,
        other => panic!("{other:?}"),
    };
    let empty = run("[]", "");
    assert!(stale(&sarif(&empty), now, &[]).contains("before the newest commit"));
    assert!(stale(&sarif(&empty), Timestamp::UNIX_EPOCH, &["r.sarif"]).contains("git tracks it"));
    let of = |revision: &str| {
        run("[]", &format!("\"versionControlProvenance\": [{{\"revisionId\": \"{revision}\"}}],"))
    };
    assert!(
        stale(&sarif(&of("fedcba9876543210fedcba9876543210fedcba98")), Timestamp::UNIX_EPOCH, &[])
            .contains("speaks of the commit")
    );
    assert_eq!(sarif(&of("0123456789ABCDEF0123456789abcdef01234567")).read().state, InputState::Read);
    assert_eq!(sarif(&of("refs/heads/main")).read().state, InputState::Read);
    let at = run(
        "[]",
        "\"invocations\": [{\"executionSuccessful\": true, \"endTimeUtc\": \"2026-11-24T10:00:00Z\"}],",
    );
    let committed = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(sarif(&at).read_at(committed("2026-11-24T09:59:59Z"), &["r.sarif"]).state, InputState::Read);
    assert!(stale(&sarif(&at), committed("2026-11-24T10:00:01Z"), &[]).contains("2026-11-24T10:00:00Z"));
}

#[test]
fn more_results_than_are_listed_are_counted_wherever_the_rules_stand() {
    let mut results = String::from("[");
    for at in 0..gathered::RESULTS_MAX + 20 {
        let _ = write!(
            results,
            "{}{{\"ruleId\": \"R1\", \"message\": {{\"text\": \"m{at}x\"}}}}",
            if at > 0 { "," } else { "" }
        );
    }
    results.push(']');
    let tool_first = sarif(&run(&results, "")).read();
    let before = "\"results\": ".to_owned() + &results + ",";
    let after =
        run("[]", "").replace(", \"results\": []", "").replace("\"tool\"", &format!("{before} \"tool\""));
    for read in [tool_first, sarif(&after).read()] {
        assert_eq!(
            (read.results.len(), read.too_many, read.counted[&Severity::Error]),
            (gathered::RESULTS_MAX, true, 20)
        );
    }
}

#[test]
fn cargo_deny_is_whole_where_its_summary_counts_right() {
    let diagnostic = |severity: &str| {
        format!(
            "{{\"fields\":{{\"code\":\"vulnerability\",\"graphs\":[{{\"Krate\":{{\"name\":\"time\",\"version\":\"0.1.45\"}},\"parents\":[{{\"Krate\":{{\"name\":\"ws\",\"version\":\"0.1.0\"}}}}]}}],\"labels\":[],\"message\":\"segfault\",\"severity\":\"{severity}\",\"advisory\":{{\"id\":\"RUSTSEC-2020-0071\"}}}},\"type\":\"diagnostic\"}}\n"
        )
    };
    let summary = |errors: u32| {
        format!(
            "{{\"fields\":{{\"advisories\":{{\"errors\":{errors},\"helps\":0,\"notes\":0,\"warnings\":0}},\"bans\":{{\"errors\":0,\"helps\":0,\"notes\":0,\"warnings\":0}}}},\"type\":\"summary\"}}\n"
        )
    };
    let log = |level: &str| {
        format!(
            "{{\"fields\":{{\"level\":\"{level}\",\"message\":\"no database\",\"timestamp\":\"x\"}},\"type\":\"log\"}}\n"
        )
    };
    let case = |text: &str| Case::of("cargo-deny", "d.json", text);
    let read = case(&(log("WARN") + &diagnostic("error") + &summary(1))).read();
    let found = only(&read);
    assert_eq!(
        (found.severity, found.file.as_deref(), found.rule.as_str()),
        (Severity::Error, Some("Cargo.lock"), "vulnerability")
    );
    assert_eq!(
        (found.package.as_deref(), found.advisory.as_deref()),
        (Some("time@0.1.45"), Some("RUSTSEC-2020-0071"))
    );
    assert_eq!(found.message, "RUSTSEC-2020-0071: segfault");
    case(&diagnostic("error")).unusable("it has no summary");
    case(&summary(1)).unusable("parts of it are lost");
    case(&(log("ERROR") + &summary(0))).unusable("cargo-deny says: no database");
    case("{\"a\": 1}\n").unusable("no value that cargo-deny writes");
    case("error: no such command\n").unusable("d.json:1: ");
    case(" ").unusable("it has no summary");
}

#[test]
fn cargo_audit_is_whole_where_it_counts_right() {
    let text = |count: u32| {
        format!(
            "{{\"database\":{{\"advisory-count\":1}},\"lockfile\":{{\"dependency-count\":8}},\"vulnerabilities\":{{\"found\":true,\"count\":{count},\"list\":[{{\"advisory\":{{\"id\":\"RUSTSEC-2020-0071\",\"title\":\"Segfault\",\"description\":\"{}\"}},\"package\":{{\"name\":\"time\",\"version\":\"0.1.45\"}}}}]}},\"warnings\":{{\"yanked\":[{{\"kind\":\"yanked\",\"package\":{{\"name\":\"old\",\"version\":\"1.0.0\"}},\"advisory\":null}}]}}}}",
            "x".repeat(2_000_000)
        )
    };
    let case = |text: &str| Case::of("cargo-audit", "a.json", text);
    let read = case(&text(1)).read();
    assert_eq!(read.state, InputState::Read);
    let shown: Vec<_> =
        read.results.iter().map(|one| (one.severity, one.rule.as_str(), one.message.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Severity::Error, "vulnerability", "RUSTSEC-2020-0071: Segfault"),
            (Severity::Warning, "yanked", "it is yanked"),
        ]
    );
    case(&text(2)).unusable("it counts 2 vulnerabilities and lists 1");
    case("{}").unusable("cargo-audit did not write it");
    case("{\"vulnerabilities\": {\"count\": 0, \"list\": []}}").unusable("names no database");
}
