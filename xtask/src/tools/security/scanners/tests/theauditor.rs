//! TheAuditor's folder: whole, half written, of another time.

use super::*;

/// TheAuditor's folder as version 1.4 writes it.
fn auditor() -> Case {
    let case = Case::of("theauditor", ".pf/readthis", "");
    case.write(".pf/readthis/fce.json", "{\"timestamp\": \"2026-11-24T12:00:00+00:00\", \"all_findings\": [{\"file\": \"src/a.py\", \"line\": 8, \"rule\": \"unknown\", \"tool\": \"patterns\", \"message\": \"naive time\", \"severity\": \"medium\"}], \"correlations\": {}}");
    case.write(".pf/readthis/patterns_chunk01.json", "{\"findings\": [{\"category\": \"logic\", \"column\": 20, \"file\": \"src/a.py\", \"line\": 8, \"message\": \"naive time\", \"pattern_name\": \"timezone-naive-datetime\", \"severity\": \"medium\", \"snippet\": \"x\"}], \"chunk_info\": {\"chunk_number\": 1, \"total_items_in_chunk\": 1, \"original_total_items\": 2, \"list_key\": \"findings\", \"truncated\": false}}");
    case.write(".pf/readthis/patterns_chunk02.json", "{\"findings\": [{\"file\": \"src/b.py\", \"line\": 9, \"message\": \"a key\", \"pattern_name\": \"hardcoded-secret\", \"severity\": \"critical\"}], \"chunk_info\": {\"chunk_number\": 2, \"total_items_in_chunk\": 1, \"original_total_items\": 2, \"list_key\": \"findings\", \"truncated\": false}}");
    case.write(".pf/readthis/taint_analysis.json", "{\"success\": true, \"taint_paths\": [{\"source\": {\"file\": \"src/c.py\", \"line\": 1}, \"sink\": {\"file\": \"src/d.py\", \"line\": 2}, \"vulnerability_type\": \"SQL Injection\"}], \"total_vulnerabilities\": 1}");
    case.write(".pf/readthis/deps.json", "[{\"name\": \"x\", \"version\": \"1\", \"files\": []}]");
    case.write(".pf/readthis/lint.json", "[]");
    summarise(&case, "\"2026-11-24T12:00:00.000001\"");
    case
}

fn summarise(case: &Case, at: &str) {
    let folder = case.folder.path().join(".pf/readthis");
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "extraction_summary.json")
        .map(|entry| {
            format!(
                "{{\"file\": \"{}\", \"size\": {}}}",
                entry.file_name().display(),
                entry.metadata().unwrap().len()
            )
        })
        .collect();
    files.sort();
    let text = format!(
        "{{\"extraction_timestamp\": {at}, \"files_failed\": 0, \"failed\": [], \"extracted\": [{}]}}",
        files.join(",")
    );
    case.write(".pf/readthis/extraction_summary.json", &text);
}

#[test]
fn theauditors_folder_is_read_once_for_each_finding() {
    let read = auditor().read();
    assert_eq!(read.state, InputState::Read);
    let shown: Vec<_> = read
        .results
        .iter()
        .map(|one| (one.severity, one.file.as_deref().unwrap_or("-"), one.line, one.rule.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (Severity::Error, "src/b.py", 9, "hardcoded-secret"),
            (Severity::Error, "src/d.py", 2, "SQL Injection"),
            (Severity::Warning, "src/a.py", 8, "timezone-naive-datetime"),
        ]
    );
}

#[test]
fn theauditors_folder_must_be_whole() {
    let damaged = |words: &str, damage: &dyn Fn(&Case)| {
        let case = auditor();
        damage(&case);
        case.unusable(words);
    };
    let remove = |case: &Case, name: &str| {
        std::fs::remove_file(case.folder.path().join(".pf/readthis").join(name)).unwrap()
    };
    damaged("is half written", &|case| remove(case, "extraction_summary.json"));
    damaged("is not as extraction_summary.json says", &|case| remove(case, "deps.json"));
    damaged("half written or of another run", &|case| case.write(".pf/readthis/fce.json", "{}"));
    damaged("have 1 of 2 items", &|case| {
        remove(case, "patterns_chunk02.json");
        summarise(case, "\"1765281674.05\"");
    });
    damaged("fce.json:1: ", &|case| {
        case.write(".pf/readthis/fce.json", "{\"all_findings\": [");
        summarise(case, "1");
    });
    damaged("left out findings", &|case| {
        case.write(
            ".pf/readthis/x_chunk01.json",
            "{\"findings\": [], \"chunk_info\": {\"truncated\": true}}",
        );
        summarise(case, "1");
    });
    damaged("a step failed", &|case| {
        case.write(".pf/readthis/taint_analysis.json", "{\"success\": false}");
        summarise(case, "1");
    });
    damaged("which is no file of the folder", &|case| {
        case.write(
            ".pf/readthis/extraction_summary.json",
            "{\"extracted\": [{\"file\": \"../x\", \"size\": 1}]}",
        );
    });
    damaged("names no report", &|case| {
        case.write(".pf/readthis/extraction_summary.json", "{\"extracted\": []}")
    });
    damaged("failed to write", &|case| {
        case.write(".pf/readthis/extraction_summary.json", "{\"files_failed\": 1, \"extracted\": []}")
    });
}

#[test]
fn theauditors_folder_is_of_its_time() {
    let state = |at: &str, committed: &str| {
        let case = auditor();
        summarise(&case, at);
        case.read_at(committed.parse().unwrap(), &[]).state
    };
    let fresh = |state: &InputState| *state == InputState::Read;
    assert!(fresh(&state("\"2026-11-24T12:00:00Z\"", "2026-11-24T12:00:00Z")));
    assert!(!fresh(&state("\"2026-11-24T12:00:00Z\"", "2026-11-24T12:00:01Z")));
    assert!(fresh(&state("\"1764000000.5\"", "2025-11-24T15:59:59Z")));
    assert!(!fresh(&state("1764000000.5", "2025-11-24T16:00:01Z")));
    // A local time: the file's own time, but never beyond what a time zone can be.
    assert!(!fresh(&state("\"2020-01-01T00:00:00.123\"", "2020-01-01T12:00:01Z")));
    assert!(fresh(&state("\"2020-01-01T00:00:00\"", "2020-01-01T11:00:00Z")));
}
