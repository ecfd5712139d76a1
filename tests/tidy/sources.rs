//! Rules for one Rust file: module docs, length, exceptions with a reason, the one door, nothing unfinished.

use crate::file::{File, Rule, code_of, line_of};

/// Longest file; near 200 is the aim.
const LINES_MAX: usize = 400;
/// Longest `main.rs` of the suite.
const MAIN_LINES_MAX: usize = 30;
/// The doors that the bans of `clippy.toml` point to (invariant 1 in docs/ARCHITECTURE.md).
const DOORS: [&str; 2] = ["xtask/src/world", "src/outside.rs"];
/// Programs that tests compile and run: input, not our code.
const FIXTURES: &str = "tests/fixtures/";

/// Every rule of this module.
pub(crate) const RULES: [Rule; 6] = [module_docs, length, reasons, doors, unfinished, desk_alone];

fn is_ours(file: File<'_>) -> bool {
    file.is(".rs") && !file.below(FIXTURES)
}

/// What a module is for stands at its head.
fn module_docs(file: File<'_>) -> Vec<String> {
    if !is_ours(file) || file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![file.wrong(1, "no module documentation: begin with `//!` and what the module is for")]
}

/// A file is read in one sitting. Stories are told in one piece, so `tests/` is free.
fn length(file: File<'_>) -> Vec<String> {
    let lines = file.text.lines().count();
    let most = if file.path == "xtask/src/main.rs" { MAIN_LINES_MAX } else { LINES_MAX };
    if !is_ours(file) || file.below("tests/") || lines <= most {
        return Vec::new();
    }
    vec![file.wrong(lines, &format!("{lines} lines, {most} at most: move a part into a submodule"))]
}

/// An exception says why.
fn reasons(file: File<'_>) -> Vec<String> {
    attributes(file, &["allow(", "expect("], |inside| !inside.contains("reason ="))
        .into_iter()
        .map(|line| file.wrong(line, "an exception without a reason: add `reason = \"…\"`"))
        .collect()
}

/// Invariant 1 of docs/ARCHITECTURE.md: the bans are lifted at the doors, in tests and in benchmarks only. A file called `tests.rs` may be a gate.
fn doors(file: File<'_>) -> Vec<String> {
    let free = file.below("tests/")
        || file.below("xtask/benches/")
        || file.path.contains("/tests/")
        || DOORS.iter().any(|door| file.path.starts_with(door));
    if free {
        return Vec::new();
    }
    attributes(file, &["allow(", "expect("], |inside| inside.contains("clippy::disallowed_methods"))
        .into_iter()
        .map(|line| file.wrong(line, "the outside is reached through `World` (the desk: `outside.rs`) only"))
        .collect()
}

/// No promise to finish later: an issue is the place for it.
fn unfinished(file: File<'_>) -> Vec<String> {
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["to", "do!("], ["unimple", "mented!("]].map(|word| word.concat());
    let text_of_ours = [".rs", ".toml", ".yml", ".yaml"].iter().any(|end| file.is(end));
    if !text_of_ours {
        return Vec::new();
    }
    file.lines_wrong(
        |line| words.iter().any(|word| line.contains(word)),
        "unfinished: finish it, or open an issue",
    )
}

/// Until the nouns can be had without the rest, the desk stands alone.
fn desk_alone(file: File<'_>) -> Vec<String> {
    if !file.below("src/") || !file.is(".rs") {
        return Vec::new();
    }
    let code = code_of(file.text);
    File { text: &code, ..file }
        .lines_wrong(|line| line.contains("gateline::"), "the desk does not use the suite")
}

/// The lines of the attributes of these kinds whose inside matches.
fn attributes(file: File<'_>, kinds: &[&str], matches: impl Fn(&str) -> bool) -> Vec<usize> {
    if !is_ours(file) {
        return Vec::new();
    }
    let code = code_of(file.text);
    let mut lines = Vec::new();
    for (start, _) in code.match_indices("#[").chain(code.match_indices("#![")) {
        let attribute = bracketed(&code[start..]);
        if kinds.iter().any(|kind| attribute.contains(kind)) && matches(attribute) {
            lines.push(line_of(&code, start));
        }
    }
    lines
}

/// What stands in the first pair of brackets.
fn bracketed(code: &str) -> &str {
    let mut open = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'[' => open += 1,
            b']' if open == 1 => return &code[..at],
            b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    code
}

#[track_caller]
fn check(rule: Rule, path: &str, text: &str, expected: usize) {
    let found = rule(File { path, text });
    assert_eq!(found.len(), expected, "{path}: {found:?}");
}

#[test]
fn a_module_without_documentation_is_found() {
    check(module_docs, "src/a.rs", "use b;\n", 1);
    check(module_docs, "src/a.rs", "//! Is for b.\n", 0);
    check(module_docs, "tests/fixtures/x/a.rs", "use b;\n", 0);
}

#[test]
fn a_long_file_is_found() {
    check(length, "src/a.rs", &"\n".repeat(LINES_MAX + 1), 1);
    check(length, "src/a.rs", &"\n".repeat(LINES_MAX), 0);
    check(length, "tests/a.rs", &"\n".repeat(LINES_MAX + 1), 0);
    check(length, "xtask/src/main.rs", &"\n".repeat(MAIN_LINES_MAX + 1), 1);
}

#[test]
fn an_exception_without_a_reason_is_found() {
    check(reasons, "src/a.rs", "#[allow(dead_code)]\nfn a() {}", 1);
    check(reasons, "src/a.rs", "#![expect(\n  clippy::a\n)]", 1);
    check(reasons, "src/a.rs", "#[expect(clippy::a, reason = \"b\")]\n// #[allow(c)]", 0);
    check(reasons, "src/a.rs", "#[cfg_attr(test, allow(dead_code))]", 1);
    check(reasons, "src/a.rs", "#[test]\nfn a() { allow(b[0]) }", 0);
}

#[test]
fn a_second_door_is_found() {
    let lifted = "#[expect(clippy::disallowed_methods, reason = \"b\")]";
    for path in ["xtask/src/gates/tests.rs", "src/server.rs", "xtask/src/tools/git.rs"] {
        check(doors, path, lifted, 1);
    }
    for path in ["xtask/src/world/clock.rs", "src/outside.rs", "tests/a.rs", "xtask/src/journal/tests/a.rs"] {
        check(doors, path, lifted, 0);
    }
}

#[test]
fn what_is_unfinished_is_found() {
    check(unfinished, "src/a.rs", &["// TO", "DO: later\nto", "do!()\n"].concat(), 2);
    check(unfinished, "Cargo.toml", "todo = \"warn\"", 0);
}

#[test]
fn the_desk_that_uses_the_suite_is_found() {
    check(desk_alone, "src/a.rs", "use gateline::policy;", 1);
    check(desk_alone, "src/a.rs", "// gateline::policy", 0);
    check(desk_alone, "xtask/src/main.rs", "use gateline::cli;", 0);
}
