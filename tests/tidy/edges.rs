//! Imports go one way. Which room of the suite may use which, as a table, and a reader of paths.

use crate::file::{File, code_of, line_of};

/// The nouns, in reading order, and the three helpers that are as pure as they are.
const NOUNS: &[&str] = &[
    "workspace",
    "policy",
    "plan",
    "evidence",
    "verdict",
    "release",
    "rollout",
    "digest",
    "exit",
    "failure",
];

/// Each room with what it may use besides [`NOUNS`]: a room, or a part of one. `commands` may use anything.
/// - `release` asks the gates: what was read from a file is judged again before it is a release.
/// - `report` shows progress, so it needs the clock; what stdout gets is a word of the grammar; and GitHub's limits are known in
///   one place.
/// - `deployer` counts approvals only whose signatures hold.
/// - `journal` keeps the records of the protocol; the supervisor, in `platform`, keeps the journal.
const EDGES: &[(&str, &[&str])] = &[
    ("release", &["gates"]),
    ("gates", &[]),
    ("world", &[]),
    ("cli", &[]),
    ("oci", &[]),
    ("tools", &["world", "oci"]),
    ("report", &["world", "cli::Format", "tools::github::limits"]),
    ("journal", &["platform::protocol"]),
    ("platform", &["world", "tools", "oci", "journal"]),
    ("deployer", &["world", "platform", "report", "tools::signatures"]),
];

/// Rooms that use less than the nouns: `digest` nothing at all, `world` and `cli` neither.
const ALONE: &[(&str, &[&str])] = &[
    ("digest", &[]),
    ("exit", &[]),
    ("failure", &["exit"]),
    ("world", &[]),
    ("cli", &[]),
    ("oci", &["digest"]),
];

/// Uses of a room that the table does not name.
pub(crate) fn edges(file: File<'_>) -> Vec<String> {
    let Some(inside) = file.path.strip_prefix("xtask/src/").filter(|_| file.is(".rs")) else {
        return Vec::new();
    };
    let room = inside.split(['/', '.']).next().unwrap_or_default();
    if matches!(room, "commands" | "main" | "lib") {
        return Vec::new();
    }
    let code = code_of(file.text);
    let mut wrong = Vec::new();
    for (at, path) in paths(&code) {
        if !allowed(room, &path) {
            wrong.push(file.wrong(line_of(&code, at), &format!("`{room}` may not use `{path}`")));
        }
    }
    let to_root = "super::".repeat(inside.split('/').count());
    for (at, _) in code.match_indices(&to_root) {
        let name = word(&code[at + to_root.len()..]);
        if is_room(name) && !code[..at].ends_with("super::") {
            wrong.push(
                file.wrong(line_of(&code, at), &format!("write `crate::{name}`, so that the edge is seen")),
            );
        }
    }
    wrong
}

fn is_room(name: &str) -> bool {
    name == "commands" || NOUNS.contains(&name) || EDGES.iter().any(|(room, _)| *room == name)
}

fn allowed(room: &str, path: &str) -> bool {
    let within =
        |whole: &str| path == whole || path.strip_prefix(whole).is_some_and(|rest| rest.starts_with("::"));
    if within(room) {
        return true;
    }
    if let Some((_, rooms)) = ALONE.iter().find(|(name, _)| *name == room) {
        return rooms.iter().any(|room| within(room));
    }
    let more = EDGES.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, rooms)| rooms);
    NOUNS.iter().chain(more).any(|room| within(room))
}

/// Every path that begins with `crate::`, without it, and where; groups are taken apart.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, begin) in code.match_indices("crate::") {
        let own =
            !code[..at].ends_with(|before: char| before == '$' || before == '_' || before.is_alphanumeric());
        if own {
            expand(&code[at + begin.len()..], "", &mut |path| found.push((at, path)));
        }
    }
    found
}

/// Gives the paths of `rest`, which stands behind `prefix`; the length that was read.
fn expand(rest: &str, prefix: &str, give: &mut impl FnMut(String)) -> usize {
    if !rest.starts_with('{') {
        let name = word(rest);
        let path = format!("{prefix}{name}");
        return match rest[name.len()..].strip_prefix("::") {
            Some(more) if more.starts_with('{') || !word(more).is_empty() => {
                name.len() + 2 + expand(more, &format!("{path}::"), give)
            }
            _ => {
                give(path);
                name.len()
            }
        };
    }
    let mut at = 1;
    while at < rest.len() && !rest[at..].starts_with('}') {
        let next = &rest[at..];
        at += if next.starts_with(|first: char| first.is_alphabetic() || first == '{') {
            expand(next, prefix, give)
        } else {
            next.chars().next().map_or(1, char::len_utf8)
        };
    }
    at + 1
}

/// The identifier at the start.
fn word(text: &str) -> &str {
    let end = text.find(|letter: char| letter != '_' && !letter.is_alphanumeric()).unwrap_or(text.len());
    &text[..end]
}

#[test]
fn groups_are_taken_apart() {
    let found = |code| paths(code).into_iter().map(|(_, path)| path).collect::<Vec<_>>();
    assert_eq!(found("use crate::{a, b::{c, d::E}};"), ["a", "b::c", "b::d::E"]);
    assert_eq!(
        found("crate::a::b(crate::c) + $crate::d + my_crate::e; use crate::f::*;"),
        ["a::b", "c", "f"]
    );
}

#[test]
fn an_import_against_the_stream_is_found() {
    #[track_caller]
    fn check(path: &str, text: &str, expected: usize) {
        let found = edges(File { path, text });
        assert_eq!(found.len(), expected, "{path}: {found:?}");
    }
    check("xtask/src/gates/lint.rs", "use crate::world::World;", 1);
    check("xtask/src/gates/lint.rs", "use crate::{evidence, tools::git};", 1);
    check("xtask/src/gates/lint.rs", "fn f() { crate::commands::run() }", 1);
    check("xtask/src/policy/lint.rs", "use super::super::gates;", 1);
    check("xtask/src/policy.rs", "use super::world::World;", 1);
    check("xtask/src/digest.rs", "use crate::policy::Policy;", 1);
    check("xtask/src/oci/layer.rs", "use crate::policy::Policy;", 1);
    check("xtask/src/journal.rs", "use crate::platform::local::paths;", 1);
    check("xtask/src/deployer.rs", "use crate::commands::Context;", 1);
    check("xtask/src/journal.rs", "use crate::platform::protocol::Record;", 0);
    check("xtask/src/gates/lint.rs", "use crate::evidence::LintEvidence; // crate::world", 0);
    check("xtask/src/policy/lint.rs", "use super::Percent; mod tests { use super::super::percent; }", 0);
    check("xtask/src/commands/ci.rs", "use crate::tools::git;", 0);
    check("src/server.rs", "use crate::tools::git;", 0);
}
