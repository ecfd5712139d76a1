//! Expressions in workflows: where they stand in a text, and what flows out of them.
//!
//! Parsed by zizmor's own crate, never searched for words: `contains(github.event.issue.title, 'x')` is a boolean and no title.

use github_actions_expressions::literal::Literal;
use github_actions_expressions::{Expr, SpannedExpr};
use std::ops::Range;

/// Longest expression that GitHub takes, in characters.
pub(super) const CHARACTERS_MAX: usize = 21_000;

/// Text between `${{` and `}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// What stands between.
    pub(super) text: &'a str,
    /// Where it stands, brackets included.
    pub(super) range: Range<usize>,
}

/// Who decides on a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// GitHub or the maintainers, or the value has no room for a script: a number, a commit, a login.
    Safe,
    /// Nobody can tell from this file.
    Unknown,
    /// A stranger: whoever opens an issue or a pull request.
    Stranger,
}

/// Where the expressions of a text are. What has no end is given as the rest.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(start) = text[from..].find("${{").map(|at| at + from) {
        let inner = start + 3;
        let end = closing(&text[inner..]).map(|length| inner + length);
        let (inside, after) = end.map_or((text.len(), text.len()), |end| (end, end + 2));
        found.push(Piece { text: text[inner..inside].trim(), range: start..after });
        from = after;
    }
    found
}

/// Where `}}` stands outside of strings.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quoted = false;
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'}' if !quoted && bytes.get(index + 1) == Some(&b'}') => return Some(index),
            _ => {}
        }
    }
    None
}

/// Parses one.
///
/// # Errors
/// Why GitHub would not take it.
pub(super) fn parse(text: &str) -> Result<SpannedExpr<'_>, String> {
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        return Err(format!("more than {CHARACTERS_MAX} characters"));
    }
    Expr::parse(text).map_err(|error| error.to_string())
}

/// The contexts whose value flows out, in lower case and dots, `*` for what is computed: `github.event.issue.title`.
pub(super) fn flows(expression: &SpannedExpr<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (context, _) in expression.dataflow_contexts() {
        match context.as_pattern() {
            Some(pattern) => found.push(pattern),
            // `fromJSON(x).y`: what flows into the call flows out of it.
            None => {
                for part in &context.parts {
                    found.extend(match &part.inner {
                        Expr::Call(call) => call.args.iter().flat_map(flows).collect::<Vec<_>>(),
                        _ => part.contexts().iter().filter_map(|(one, _)| one.as_pattern()).collect(),
                    });
                }
            }
        }
    }
    found
}

/// Every context that is named, whatever becomes of it.
pub(super) fn names(expression: &SpannedExpr<'_>) -> Vec<String> {
    expression.contexts().iter().filter_map(|(context, _)| context.as_pattern()).collect()
}

/// Ends of contexts below `github.event` that strangers write as they like.
const STRANGERS_WRITE: [&str; 14] = [
    ".title",
    ".body",
    ".label",
    ".head.ref",
    ".head_ref",
    ".head_branch",
    ".display_title",
    ".message",
    ".email",
    ".page_name",
    ".description",
    ".homepage",
    ".default_branch",
    ".name",
];
/// Ends of contexts below `github.event` that have no room for a script.
const NO_ROOM: [&str; 36] = [
    ".number",
    ".id",
    ".node_id",
    ".sha",
    ".before",
    ".after",
    ".url",
    ".html_url",
    ".login",
    ".type",
    ".state",
    ".action",
    ".draft",
    ".merged",
    ".created_at",
    ".updated_at",
    ".conclusion",
    ".status",
    ".event",
    ".fork",
    ".private",
    ".full_name",
    ".head_sha",
    ".base_sha",
    ".merge_commit_sha",
    ".run_number",
    ".run_attempt",
    ".author_association",
    ".clone_url",
    ".ssh_url",
    ".git_url",
    ".created",
    ".deleted",
    ".forced",
    ".workflow_id",
    ".size",
];
/// The parts of `github` besides `event`, where somebody with write access decides, or nobody can tell.
const WRITERS_DECIDE: [&str; 5] =
    ["github.ref", "github.ref_name", "github.base_ref", "github.workflow_ref", "github.event_path"];

/// Who decides on a context, as [`flows`] gives it. `env`, `matrix`, `inputs` and outputs are told apart by who knows the file.
pub(super) fn origin(context: &str) -> Origin {
    if context == "github.head_ref" || matches!(context, "github" | "github.event" | "*") {
        return Origin::Stranger;
    }
    if context.starts_with("github.event.inputs") || context.starts_with("github.event.client_payload") {
        return Origin::Unknown;
    }
    if let Some(event) = context.strip_prefix("github.event.") {
        let written_by_us = ["repository.", "organization.", "sender.", "enterprise."];
        return match event {
            _ if written_by_us.iter().any(|start| event.starts_with(start)) => Origin::Safe,
            "release.tag_name" | "release.name" | "release.target_commitish" | "ref" | "base_ref" => {
                Origin::Unknown
            }
            "label.name" | "milestone.title" | "repository" | "pull_request.base.ref" => Origin::Unknown,
            "workflow_run.name" | "workflow_run.path" | "workflow.name" | "deployment.environment" => {
                Origin::Safe
            }
            _ if event.contains(".base.") => Origin::Safe,
            _ if STRANGERS_WRITE.iter().any(|end| context.ends_with(end)) => Origin::Stranger,
            _ if NO_ROOM.iter().any(|end| context.ends_with(end)) => Origin::Safe,
            // A whole object of the event has such a text in it.
            "issue" | "pull_request" | "comment" | "review" | "discussion" | "head_commit" | "commits"
            | "workflow_run" | "pull_request.head" | "pages" => Origin::Stranger,
            _ => Origin::Unknown,
        };
    }
    if WRITERS_DECIDE.contains(&context) {
        return Origin::Unknown;
    }
    match context.split('.').next().unwrap_or_default() {
        "github" | "runner" | "job" | "strategy" | "secrets" | "vars" => Origin::Safe,
        "needs" if context.ends_with(".result") => Origin::Safe,
        "steps" if context.ends_with(".outcome") || context.ends_with(".conclusion") => Origin::Safe,
        _ => Origin::Unknown,
    }
}

/// The name of a context.
pub(super) fn context_of(expression: &SpannedExpr<'_>) -> Option<String> {
    match &expression.inner {
        Expr::Context(context) => context.as_pattern(),
        _ => None,
    }
}

/// The text of a literal.
pub(super) fn text_of(expression: &SpannedExpr<'_>) -> Option<String> {
    match &expression.inner {
        Expr::Literal(Literal::String(text)) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_end_outside_of_strings() {
        let text = "a ${{ b }} ${{ format('}}{0}', c) }} ${{ d";
        let found: Vec<&str> = pieces(text).into_iter().map(|piece| piece.text).collect();
        assert_eq!(found, ["b", "format('}}{0}', c)", "d"]);
    }

    #[track_caller]
    fn check_flow(text: &str, expected: &[&str]) {
        assert_eq!(flows(&parse(text).unwrap()), expected, "{text}");
    }

    #[test]
    fn only_what_flows_out_counts() {
        check_flow("github.event.issue.title", &["github.event.issue.title"]);
        check_flow("github.event['issue'].title", &["github.event.issue.title"]);
        check_flow("GitHub.Event.Issue.Title", &["github.event.issue.title"]);
        check_flow("contains(github.event.issue.title, 'x')", &[]);
        check_flow("github.event.issue.title == 'x' && 'yes' || 'no'", &[]);
        check_flow("github.head_ref || github.ref_name", &["github.head_ref", "github.ref_name"]);
        check_flow("format('{0}', github.head_ref)", &["github.head_ref"]);
        check_flow("fromJSON(github.event.comment.body).x", &["github.event.comment.body"]);
        check_flow("github.event.commits[0].message", &["github.event.commits.*.message"]);
    }

    #[test]
    fn strangers_are_told_from_maintainers() {
        for (context, expected) in [
            ("github.event.issue.title", Origin::Stranger),
            ("github.event.pull_request.head.ref", Origin::Stranger),
            ("github.head_ref", Origin::Stranger),
            ("github.event.commits.*.author.name", Origin::Stranger),
            ("github.event", Origin::Stranger),
            ("github.event.pull_request.number", Origin::Safe),
            ("github.event.pull_request.head.sha", Origin::Safe),
            ("github.event.repository.default_branch", Origin::Safe),
            ("github.sha", Origin::Safe),
            ("github.ref_name", Origin::Unknown),
            ("github.event.inputs.version", Origin::Unknown),
            ("steps.a.outputs.b", Origin::Unknown),
            ("needs.a.result", Origin::Safe),
        ] {
            assert_eq!(origin(context), expected, "{context}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\PC|[\\[\\](){}.,'!&|=<> $*\\n]|github|event|\\$\\{\\{|\\}\\}){0,60}") {
            for piece in pieces(&text) {
                prop_assert!(text.get(piece.range.clone()).is_some());
                if let Ok(expression) = parse(piece.text) {
                    let _ = (flows(&expression), names(&expression));
                }
            }
        }
    }
}
