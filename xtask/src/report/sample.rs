//! One rich run for the reports' snapshots: every outcome, many findings, a flake, a waiver, hostile names.
//!
//! Made from JSON, as a file of another run would be, so that a new field with a default does not change it.

use crate::evidence::Evidence;
use crate::evidence::coverage::{FileLines, FunctionCount, LineCounts, Share};
use crate::verdict::Verdict;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const BASE: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// Refused, with everything that a report can show.
pub(crate) fn verdict() -> Verdict {
    serde_json::from_value(json!({
        "schema": "gateline/verdict/v1", "outcome": "refused", "commit": COMMIT, "dirty": true, "base": BASE,
        "base_from": "first parent of the pull request's merge commit",
        "policy": {"source": "origin/main", "hash": ZERO},
        "gates": [lint(), tests(), coverage(), advisories(), secrets(), image()],
    }))
    .unwrap()
}

/// Passed, with nothing to say.
pub(crate) fn quiet() -> Verdict {
    let gate = |gate: &str, facts: Value| json!({"gate": gate, "outcome": "passed", "duration_ms": 1234, "facts": facts, "findings": []});
    serde_json::from_value(json!({
        "schema": "gateline/verdict/v1", "outcome": "passed", "commit": COMMIT, "dirty": false, "base": null,
        "policy": {"source": "worktree", "hash": ZERO},
        "gates": [
            gate("lint", json!({"files": 12, "packages": 2})),
            gate("tests", json!({"passed": 42, "failed": 0, "ignored": 1, "skipped": 0, "total": 43})),
            gate("coverage", json!({"lines": {"covered": 90, "total": 100}, "patch": {"covered": 0, "total": 0}})),
            gate("advisories", json!({"packages": 143})),
            gate("secrets", json!({"files": 77})),
        ],
    }))
    .unwrap()
}

fn lint() -> Value {
    let mut fixed = finding(
        "lint/clippy",
        "error",
        "unneeded `return` statement (clippy::needless_return)",
        Some(("src/lib.rs", 11, 0)),
        true,
    );
    fixed["help"] = json!("cargo xtask lint --fix");
    fixed["fix"] = json!([{"file": "src/lib.rs", "line": 11, "column": 5, "end_line": 11, "end_column": 18, "replacement": "a + b"}]);
    json!({"gate": "lint", "outcome": "refused", "duration_ms": 2345, "facts": {"files": 12, "packages": 2}, "findings": [
        fixed,
        finding("lint/rustfmt", "warning", "not formatted", Some(("src/b|c.rs", 0, 0)), false),
    ]})
}

fn tests() -> Value {
    let mut waived = finding(
        "tests/failed",
        "error",
        "demo::lib$net::slow failed: timed out",
        Some(("src/net.rs", 40, 0)),
        false,
    );
    waived["subject"] = json!("demo::lib$net::slow");
    waived["waiver"] = json!("flaky upstream, until 2026-12-01 (owner: @ada)");
    let mut failed = finding(
        "tests/failed",
        "error",
        "demo::lib$tests::adds failed: assertion `left == right` failed",
        Some(("src/lib.rs", 30, 0)),
        true,
    );
    failed["subject"] = json!("demo::lib$tests::adds");
    failed["help"] = json!("cargo xtask test 'demo::lib$tests::adds'");
    let mut hostile = finding(
        "tests/vanished",
        "error",
        "demo::api$x<script>|`@everyone`: it called exit(0)\n::error::pwned",
        None,
        false,
    );
    hostile["help"] = json!("cargo xtask test 'demo::api$x<script>|`@everyone`'");
    json!({"gate": "tests", "outcome": "refused", "duration_ms": 65000,
           "facts": {"passed": 40, "failed": 2, "ignored": 1, "skipped": 0, "total": 43, "flaky": 1,
                     "slowest": [["demo::lib$tests::slow", 5000]]},
           "findings": [
        failed,
        hostile,
        waived,
        finding("tests/flaky", "warning", "demo::lib$tests::flaps passed in attempt 2 of 3: port 80 is taken", None, false),
    ]})
}

fn coverage() -> Value {
    json!({"gate": "coverage", "outcome": "refused", "duration_ms": 300,
           "facts": {"lines": {"covered": 7, "total": 10}, "patch": {"covered": 1, "total": 3}, "engine": "builtin"},
           "findings": [
        finding("coverage/patch-below-minimum", "error", "1 of 3 changed lines ran, 33.33 %: 2 lines missing to reach 80 %", None, false),
        finding("coverage/uncovered-changed", "warning", "2 changed lines did not run", Some(("src/lib.rs", 12, 13)), true),
        finding("coverage/uncovered", "note", "3 of 10 lines did not run: 12-13, 20", Some(("src/lib.rs", 12, 0)), false),
    ]})
}

fn advisories() -> Value {
    json!({"gate": "advisories", "outcome": "error", "duration_ms": 2, "facts": {}, "findings": [
        finding("advisories/could-not-run", "error", "failed to read Cargo.lock: permission denied", None, false),
    ]})
}

fn secrets() -> Value {
    json!({"gate": "secrets", "outcome": "passed", "duration_ms": 20, "facts": {"files": 77}, "findings": [
        finding("secrets/not-scanned", "note", "big.bin was not scanned: larger than 10 MiB", Some(("big.bin", 0, 0)), false),
    ]})
}

fn image() -> Value {
    json!({"gate": "image", "outcome": "nothing-checked", "duration_ms": 0, "facts": {"size_bytes": 0}, "findings": []})
}

fn finding(
    code: &str,
    severity: &str,
    message: &str,
    place: Option<(&str, u32, u32)>,
    changed: bool,
) -> Value {
    let mut finding = json!({"code": code, "severity": severity, "message": message, "changed": changed,
                             "help": format!("mend {code}"), "waiver": null});
    if let Some((file, line, end)) = place {
        finding["file"] = json!(file);
        if line > 0 {
            finding["line"] = json!(line);
        }
        if end > 0 {
            finding["end_line"] = json!(end);
        }
    }
    finding
}

/// What was measured in that run.
pub(crate) fn evidence() -> Evidence {
    let measured = |result: Value| json!({"result": {"Ok": result}, "duration_millis": 65000});
    let test = |name: &str, outcome: Value, millis: u64, output: &str| json!({"name": name, "outcome": outcome, "duration_millis": millis, "output": output});
    let attempt = |outcome: &str, millis: u64, output: &str| json!({"outcome": {"is": outcome}, "duration_millis": millis, "output": output});
    let mut flaky = test("demo::lib$tests::flaps", json!({"is": "flaky"}), 20, "port 80 is taken\n");
    flaky["attempts"] = json!([attempt("failed", 21, "port 80 is taken\n"), attempt("passed", 20, "")]);
    let mut twice = test("demo::lib$tests::twice", json!({"is": "failed"}), 5, "still wrong\n");
    twice["attempts"] =
        json!([attempt("timed-out", 60000, "waiting\n"), attempt("failed", 5, "still wrong\n")]);
    let tests = json!({"engine": "builtin 1", "surroundings": "ci", "broken": [{"name": "demo::mute", "why": "it ended with 7"}],
        "compile_errors": [], "tests": [
            test("demo::api$x<script>|`@everyone`", json!({"is": "vanished", "why": "it called exit(0)"}), 3, "::error::pwned\n"),
            test("demo::doc$src/lib.rs - add (line 3)", json!({"is": "passed"}), 900, ""),
            test("demo::lib$net::slow", json!({"is": "timed-out"}), 60000, "waiting…\n"),
            test("demo::lib$tests::adds", json!({"is": "failed"}), 12, "\u{1b}[31mthread 'tests::adds' panicked at src/lib.rs:30:9:\u{1b}[0m\nassertion `left == right` failed\n  left: 3\n right: 4\n"),
            flaky,
            test("demo::lib$tests::later", json!({"is": "not-run", "why": "demo::lib$tests::adds"}), 0, ""),
            test("demo::lib$tests::needs_docker", json!({"is": "skipped", "why": "docker"}), 1, ""),
            test("demo::lib$tests::off", json!({"is": "ignored"}), 0, ""),
            twice,
            test("demo::speed", json!({"is": "passed"}), 40, ""),
    ]});
    let lint = json!({"tools": ["rustfmt 1.8.0", "clippy 0.1.95"], "files": 12, "packages": 2, "diagnostics": [
        {"file": "src/lib.rs", "line": 11, "tool": "clippy", "severity": "warning", "lint": "clippy::needless_return",
         "message": "unneeded `return` statement",
         "rendered": "warning: unneeded `return` statement\n  --> src/lib.rs:11:5\n   |\n11 |     return a + b;\n   |     ^^^^^^^^^^^^\n   |\n   = help: remove it\n\n"},
    ]});
    let coverage = json!({"engine": "builtin", "files": [
        {"file": "src/lib.rs", "package": "demo", "covered": 7, "total": 10, "uncovered": [[12, 13], [20, 20]]},
    ]});
    serde_json::from_value(json!({
        "schema": "gateline/evidence/v1",
        "subject": {"commit": COMMIT, "dirty": true, "tree": ZERO, "policy": ZERO, "toolchain": ZERO},
        "change": {"base": {"commit": BASE, "from": "first parent of the pull request's merge commit"}, "files": [
            {"path": "src/lib.rs", "what": {"is": "modified"}, "lines": [[10, 13], [30, 30]]},
        ]},
        "gates": {"lint": measured(lint), "tests": measured(tests), "coverage": measured(coverage),
                  "advisories": null, "secrets": null, "image": null},
    }))
    .unwrap()
}

/// The lines of that run: two packages, a file in a folder, a name with markup.
pub(crate) fn counts() -> LineCounts {
    let file = |file: &str, package: &str, lines: &[(u32, u64)]| FileLines {
        file: file.into(),
        package: package.into(),
        lines: lines.to_vec().into(),
        ..FileLines::default()
    };
    let lib = [(1, 3), (2, 3), (10, 1), (11, 12_345), (12, 0), (13, 0), (14, 1), (20, 0), (21, 2), (22, 2)];
    let function = |name: &str, line, count| FunctionCount { name: name.into(), line, count };
    let mut counts = LineCounts {
        engine: "builtin".into(),
        files: vec![
            file("other/src/a&b <i>.rs", "other", &[(1, 0), (2, 0)]),
            file("src/lib.rs", "demo", &lib),
            file("src/net/socket.rs", "demo", &[(3, 1)]),
        ],
        ..LineCounts::default()
    };
    counts.files[1].functions =
        vec![function("demo::add::<u8, u16>", 10, 12_345), function("<demo::A>::b", 20, 0)];
    counts.files[1].regions = Share { covered: 5, total: 6 };
    counts
}

/// The sources of those lines, by path; one is not there.
pub(crate) fn sources() -> BTreeMap<String, String> {
    let mut lib: Vec<String> = (1..=22).map(|number| format!("    line({number});")).collect();
    lib[0] = "pub fn add<T>(a: &str) -> bool { a == \"</script><img src=x>\" && 1 < 2 }".into();
    let socket = "//! Sockets.\n\nfn open() {}\n";
    BTreeMap::from([("src/lib.rs".into(), lib.join("\n")), ("src/net/socket.rs".into(), socket.into())])
}
