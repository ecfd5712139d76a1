//! `github issue`: one issue about advisories against the default branch, opened, kept up to date and closed by itself.
//!
//! For a scheduled run: new advisories come without any change. What the gate could not look at is left as it is.

use super::Context;
use super::read;
use crate::cli::GithubIssue;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::github::issue::{self, Wanted};
use crate::tools::github::context::Run;
use crate::tools::github::token;

/// `github issue`.
pub(super) async fn issue(context: &Context, asked: &GithubIssue) -> anyhow::Result<Exit> {
    let run = super::run(context, asked.repository.as_deref())?;
    if run.is_of_a_change() {
        let message = "an issue is about the default branch, and this run is of a change";
        return Err(Failure::usage(message, "run it on a schedule or after a push"));
    }
    let verdict = read::verdict(&super::folder(context).await?, &run)?;
    let wanted = issue::wanted(&verdict, run.page_of(run.id).as_deref());
    if asked.dry_run {
        context.console.result(&wanted, |_| shown(&wanted));
        return Ok(Exit::Done);
    }
    if let Wanted::AsItIs { .. } = wanted {
        context.console.note(shown(&wanted));
        return Ok(Exit::Done);
    }
    let who = token::identity(&context.world)?.filter(|_| !context.global.offline);
    match who {
        Some(who) => perform(context, &run, &wanted, who).await,
        None => Err(Failure::usage("GitHub cannot be told: no token, or --offline", "set GITHUB_TOKEN")),
    }
}

fn shown(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Open { body } => format!("an open issue:\n\n{body}"),
        Wanted::Closed => "no open issue".to_owned(),
        Wanted::AsItIs { why } => format!("the issue stays as it is: {why}"),
    }
}

#[cfg(feature = "github")]
async fn perform(
    context: &Context,
    run: &Run,
    wanted: &Wanted,
    who: token::Identity,
) -> anyhow::Result<Exit> {
    use super::perform::{Became, client, failure};
    use crate::tools::github::client::Trouble;
    use serde_json::json;
    let client = client(context, run, who)?;
    let told = async {
        let there = client.issue(issue::LABEL, issue::is_ours).await?;
        match (wanted, there) {
            (Wanted::Open { body }, Some(there)) => {
                if issue::says_the_same(body, there.text.body.as_deref().unwrap_or_default()) {
                    return Ok(Became::Unchanged);
                }
                client.set_issue(there.number, json!({"body": body})).await?;
                Ok(Became::Changed)
            }
            (Wanted::Open { body }, None) => {
                client.open_issue((issue::TITLE, issue::LABEL, body), issue::is_ours).await?;
                Ok(Became::Made)
            }
            (Wanted::Closed, Some(there)) => {
                let closed = json!({"state": "closed", "state_reason": "completed"});
                client.set_issue(there.number, closed).await?;
                Ok(Became::Changed)
            }
            (Wanted::Closed | Wanted::AsItIs { .. }, _) => Ok::<_, Trouble>(Became::Unchanged),
        }
    };
    let became = told.await.map_err(failure)?;
    context.console.result(&became, |_| format!("issue: {}", became.shown()));
    Ok(Exit::Done)
}

#[cfg(not(feature = "github"))]
async fn perform(context: &Context, _: &Run, _: &Wanted, _: token::Identity) -> anyhow::Result<Exit> {
    super::rerun::with_feature(context, "github").await
}
