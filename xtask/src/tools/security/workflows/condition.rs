//! Whether a condition can hold in a certain case: for a stranger's event, or for a tag.
//!
//! Three values: what can be told is told, and what cannot be told can hold.

use super::expression::{context_of, parse, pieces, text_of};
use github_actions_expressions::call::Function;
use github_actions_expressions::context::Context;
use github_actions_expressions::literal::Literal;
use github_actions_expressions::op::{BinOp, UnOp};
use github_actions_expressions::{Expr, SpannedExpr};

/// What is assumed when it is asked whether a condition can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case<'a> {
    /// A stranger brings about this event, from a fork where there is one.
    Stranger {
        /// `pull_request_target`.
        event: &'a str,
    },
    /// A tag was pushed or a release published.
    Tag,
}

/// Whether a condition can hold in that case; what cannot be told can.
pub(super) fn can_hold(condition: &str, case: Case<'_>) -> bool {
    let trimmed = condition.trim();
    let inner = match pieces(trimmed).as_slice() {
        [piece] if piece.range == (0..trimmed.len()) => piece.text,
        [] => trimmed,
        // Text around an expression makes a string that is never empty.
        _ => return true,
    };
    match parse(inner) {
        Ok(expression) => holds(&expression, case) != Some(false),
        Err(_) => true,
    }
}

/// Three values: what can be told, else `None`.
fn holds(expression: &SpannedExpr<'_>, case: Case<'_>) -> Option<bool> {
    match &expression.inner {
        Expr::Literal(Literal::Boolean(known)) => Some(*known),
        Expr::UnExpr { op: UnOp::Not, expr } => holds(expr, case).map(|known| !known),
        Expr::BinExpr(both) => {
            let (left, right) = (&both.lhs, &both.rhs);
            match both.op {
                BinOp::And => match (holds(left, case), holds(right, case)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                },
                BinOp::Or => match (holds(left, case), holds(right, case)) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                },
                BinOp::Eq => same(left, right, case).or_else(|| same(right, left, case)),
                BinOp::Neq => same(left, right, case).or_else(|| same(right, left, case)).map(|known| !known),
                _ => None,
            }
        }
        Expr::Context(context) => of_context(context, case),
        Expr::Call(call) if call.func == Function::StartsWith => {
            let [what, start] = call.args.as_slice() else { return None };
            let (context, start) = (context_of(what)?, text_of(start)?);
            let tags = start.starts_with("refs/tags");
            (case == Case::Tag && context == "github.ref" && (tags || start.starts_with("refs/heads")))
                .then_some(tags)
        }
        Expr::Call(call) if call.func == Function::Contains => {
            let [list, what] = call.args.as_slice() else { return None };
            let association = context_of(what)?.ends_with(".author_association");
            // A list of who is trusted does not have those whom nobody knows in it.
            let strangers = ["NONE", "FIRST_TIME", "CONTRIBUTOR"];
            let trusted = strangers.iter().all(|stranger| !list.origin.raw.contains(stranger));
            (matches!(case, Case::Stranger { .. }) && association && trusted).then_some(false)
        }
        _ => None,
    }
}

fn of_context(context: &Context<'_>, case: Case<'_>) -> Option<bool> {
    let name = context.as_pattern()?;
    (matches!(case, Case::Stranger { .. }) && name.ends_with("head.repo.fork")).then_some(true)
}

/// Whether a context is the same as something, where that is known.
fn same(context: &SpannedExpr<'_>, other: &SpannedExpr<'_>, case: Case<'_>) -> Option<bool> {
    let name = context_of(context)?;
    match case {
        Case::Stranger { event } => {
            if name == "github.event_name" {
                return Some(text_of(other)?.eq_ignore_ascii_case(event));
            }
            let from_a_fork = name.ends_with("head.repo.full_name")
                || name.ends_with("head_repository.full_name")
                || name.ends_with("head.repo.owner.login")
                || name.ends_with("head.user.login");
            if from_a_fork {
                return Some(false);
            }
            if name.ends_with("head.repo.fork") {
                return match &other.inner {
                    Expr::Literal(Literal::Boolean(known)) => Some(*known),
                    _ => None,
                };
            }
            if name == "github.event.workflow_run.event" {
                let from_strangers = ["pull_request", "pull_request_target", "issue_comment", "workflow_run"];
                let event = text_of(other)?;
                return (!from_strangers.contains(&event.as_str())).then_some(false);
            }
            if name.ends_with(".author_association") {
                let trusted = ["OWNER", "MEMBER", "COLLABORATOR"];
                return trusted.contains(&text_of(other)?.as_str()).then_some(false);
            }
            // One person by name is not a stranger.
            let person = matches!(name.as_str(), "github.actor" | "github.triggering_actor")
                || name.ends_with("sender.login")
                || name.ends_with(".user.login");
            (person && !text_of(other)?.ends_with("[bot]")).then_some(false)
        }
        Case::Tag => match name.as_str() {
            "github.ref_type" => Some(text_of(other)? == "tag"),
            "github.ref" => text_of(other)?.starts_with("refs/heads/").then_some(false),
            "github.event_name" => {
                (!matches!(text_of(other)?.as_str(), "push" | "release" | "create")).then_some(false)
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_stranger(condition: &str, expected: bool) {
        let case = Case::Stranger { event: "pull_request_target" };
        assert_eq!(can_hold(condition, case), expected, "{condition}");
    }

    #[test]
    fn a_condition_may_keep_strangers_out() {
        check_stranger("github.event_name == 'push'", false);
        check_stranger("github.event_name != 'pull_request_target'", false);
        check_stranger("${{ github.event.pull_request.head.repo.full_name == github.repository }}", false);
        check_stranger("github.repository == github.event.pull_request.head.repo.full_name && true", false);
        check_stranger("!github.event.pull_request.head.repo.fork", false);
        check_stranger("github.event.comment.author_association == 'OWNER'", false);
        check_stranger("contains(fromJSON('[\"OWNER\"]'), github.event.comment.author_association)", false);
        check_stranger("github.event_name == 'push' || github.event_name == 'pull_request_target'", true);
        check_stranger("contains(github.event.pull_request.labels.*.name, 'safe')", true);
        check_stranger("github.actor == 'dependabot[bot]'", true);
        check_stranger("${{ false }} x", true);
        check_stranger("this is no expression", true);
    }

    #[test]
    fn a_condition_may_keep_tags_out() {
        for (condition, expected) in [
            ("!startsWith(github.ref, 'refs/tags/')", false),
            ("github.ref == 'refs/heads/main'", false),
            ("github.ref_type != 'tag'", false),
            ("startsWith(github.ref, 'refs/tags/v')", true),
            ("github.event_name == 'pull_request'", false),
        ] {
            assert_eq!(can_hold(condition, Case::Tag), expected, "{condition}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_hold_or_not(text in "(\\PC|[\\[\\](){}.,'!&|=<> $*\\n]|github|event|\\$\\{\\{|\\}\\}){0,60}") {
            let _ = can_hold(&text, Case::Stranger { event: "issues" });
            let _ = can_hold(&text, Case::Tag);
        }
    }
}
