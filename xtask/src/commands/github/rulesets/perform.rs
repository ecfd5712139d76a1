//! `check` and `apply` with GitHub at the other end: look, compare, tell; ask, write, look again.

use super::apply;
use super::drift::{self, Drift, Unseen};
use super::read::{self, Seen};
use crate::cli::RulesetsVerb;
use crate::commands::context::Context;
use crate::commands::github::perform::client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::GithubPolicy;
use crate::report::human::counted;
use crate::tools::github::client::{Client, Trouble};
use crate::tools::github::context::Run;
use crate::tools::github::token::Identity;
use serde::Serialize;
use std::fmt::Write as _;

/// What there is to tell.
#[derive(Debug, Serialize)]
struct Told {
    repository: String,
    branch: String,
    drift: Vec<Drift>,
    unseen: Vec<Unseen>,
    notes: Vec<String>,
}

/// Carries the verb out.
pub(super) async fn perform(
    context: &Context,
    run: &Run,
    policy: &GithubPolicy,
    what: &RulesetsVerb,
    who: Identity,
) -> anyhow::Result<Exit> {
    let client = client(context, run, who)?;
    let seen = read::seen(&client, policy).await?;
    let told = Told {
        repository: run.repository.as_ref().map(ToString::to_string).unwrap_or_default(),
        branch: seen.branch.clone(),
        drift: drift::drift(&seen.parts),
        unseen: seen.unseen.clone(),
        notes: seen.notes.clone(),
    };
    context.console.result(&told, |_| told.shown());
    match what {
        RulesetsVerb::Check(_) => Ok(told.exit()),
        RulesetsVerb::Apply { dry_run, yes, .. } => {
            if let Some(unseen) = told.unseen.first() {
                let message = format!("nothing was written: {} cannot be seen", unseen.subject);
                return Err(Failure::infrastructure(message, format!("give a token with {}", unseen.right)));
            }
            if told.drift.is_empty() || *dry_run {
                let why = if told.drift.is_empty() { "it is so already" } else { "--dry-run" };
                context.console.note(format!("nothing was written: {why}"));
                return Ok(Exit::Done);
            }
            match *yes || agreed(context, &told)? {
                true => write(context, &client, policy, &seen).await,
                false => {
                    context.console.note("nothing was written");
                    Ok(Exit::Done)
                }
            }
        }
    }
}

fn agreed(context: &Context, told: &Told) -> anyhow::Result<bool> {
    if !context.console.can_ask() {
        let message = "nothing was written: there is no terminal to ask at";
        return Err(Failure::usage(message, "look at the diff above, then add --yes"));
    }
    Ok(context.console.ask(&format!("Make it so in {}?", told.repository)))
}

/// Writes, and believes only what is read back.
async fn write(
    context: &Context,
    client: &Client,
    policy: &GithubPolicy,
    seen: &Seen,
) -> anyhow::Result<Exit> {
    let mut written = Vec::new();
    let done = apply::apply(client, policy, seen, &mut written).await;
    for subject in &written {
        context.console.note(format!("  ✓ written: {subject}"));
    }
    if let Err(trouble) = done {
        if trouble.is_not_permitted() {
            let message = format!("not permitted: {trouble}");
            return Err(Failure::infrastructure(message, "give a token with administration: write"));
        }
        return Err(failure(trouble));
    }
    let now = read::seen(client, policy).await?;
    let left = drift::drift(&now.parts);
    if let Some(first) = left.first() {
        let message = format!(
            "GitHub has not taken all of it: {} of {}, in all {}",
            first.key,
            first.subject,
            counted(left.len() as u64, "line")
        );
        let help =
            "cargo xtask github rulesets check shows what is left; an organisation or a plan may forbid it";
        return Err(Failure::infrastructure(message, help));
    }
    context.console.note("read back: all of it is in force");
    Ok(Exit::Done)
}

/// What GitHub said, with what to do about it.
pub(super) fn failure(trouble: Trouble) -> anyhow::Error {
    let help = match &trouble {
        Trouble::Answered { status: 401, .. } | Trouble::Key(_) => "give a token that is good: GITHUB_TOKEN",
        Trouble::Answered { status: 403 | 404, .. } => {
            "is the name of the repository right, and may the token see it? metadata: read is the least"
        }
        Trouble::Answered { .. } => "mend policies/github.yaml; its reference is docs/reference/policies.md",
        Trouble::Unreachable { .. } | Trouble::Limited { .. } => {
            "run it again: what is so already is not written twice"
        }
    };
    Failure::infrastructure(trouble.to_string(), help)
}

impl Told {
    /// Of several, drift comes before what could not be seen.
    fn exit(&self) -> Exit {
        match (self.drift.is_empty(), self.unseen.is_empty()) {
            (false, _) => Exit::Refused,
            (true, false) => Exit::Infrastructure,
            (true, true) => Exit::Done,
        }
    }

    fn shown(&self) -> String {
        let mut text = drift::shown(&self.drift);
        for one in &self.unseen {
            let _ = writeln!(
                text,
                "not permitted: {}: {}; the right that is missing: {}",
                one.subject, one.why, one.right
            );
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        let place = format!("{}, {}", self.repository, self.branch);
        let _ = match (self.drift.len(), self.unseen.is_empty()) {
            (0, true) => writeln!(text, "{place}: in force as policies/github.yaml wants it"),
            (0, false) => writeln!(text, "{place}: no drift in what can be seen"),
            (lines, _) => writeln!(
                text,
                "{place}: {} of drift\nnext: cargo xtask github rulesets apply, or mend policies/github.yaml",
                counted(lines as u64, "line")
            ),
        };
        text
    }
}
