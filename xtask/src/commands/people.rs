//! `approve`, `reject`, `resume`: what people say to rollouts that wait, and going on with them.

use super::context::Context;
use super::site::{Consent, Site};
use crate::cli::Approve;
use crate::deployer::{self, Given};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::rollout::{Rollout, State};
use std::path::Path;

/// `approve ID`.
pub(super) async fn approve(context: &Context, asked: Approve) -> anyhow::Result<Exit> {
    let Approve { id, resume, withdraw, windows, key } = asked;
    let mut site = Site::open(context).await?;
    let rollout = waiting(&mut site, &id).await?;
    let key = key.as_deref();
    if withdraw {
        site.say(&rollout, Given::Withdrawn, "", key).await?;
        context.console.note(format!("  ✓ what you said about {id} does not hold any more"));
        return Ok(Exit::Done);
    }
    if let Some(reason) = windows.reason {
        site.override_with(Some(reason.clone()), &[&rollout.environment])?;
        site.say(&rollout, Given::Overrides, &reason, key).await?;
        context.console.note(format!("  ✓ {id} may begin outside of its windows, for you"));
    }
    if rollout.plan.approvals > 0 {
        site.say(&rollout, Given::Yes, "", key).await?;
        context.console.note(format!(
            "  ✓ approved {id}: {} to {}",
            rollout.digest.short(),
            rollout.environment
        ));
    }
    if rollout.plan.approvals == 0 {
        context.console.note(format!("  = {id} needs no approval"));
    }
    if resume {
        return site.go_on(rollout, Consent::Asked).await;
    }
    context.console.note("  next: cargo xtask resume");
    Ok(Exit::Done)
}

/// `reject ID`.
pub(super) async fn reject(context: &Context, id: &str, key: Option<&Path>) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    let rollout = waiting(&mut site, id).await?;
    site.say(&rollout, Given::No, "", key).await?;
    // The end is written down by whoever follows it: that is us, now.
    site.go_on(rollout, Consent::Asked).await?;
    Ok(Exit::Done)
}

/// `resume`: every rollout that did not end, oldest first. The worst end is the exit code.
pub(super) async fn resume(context: &Context) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    let all = deployer::rollouts(&mut site.link, &site.service).await?;
    let open: Vec<Rollout> = all.into_iter().filter(|rollout| rollout.terminal().is_none()).collect();
    if open.is_empty() {
        context.console.note("  = every rollout has ended, nothing to resume");
    }
    let mut worst = Exit::Done;
    for rollout in open {
        let exit = site.go_on(rollout, Consent::Asked).await?;
        worst = if exit.code() > worst.code() { exit } else { worst };
    }
    Ok(worst)
}

async fn waiting(site: &mut Site<'_>, id: &str) -> anyhow::Result<Rollout> {
    let all = deployer::rollouts(&mut site.link, &site.service).await?;
    let waiting: Vec<&Rollout> =
        all.iter().filter(|rollout| rollout.state == State::AwaitingApproval).collect();
    match all.iter().find(|rollout| rollout.id == id) {
        Some(rollout) if rollout.state == State::AwaitingApproval => Ok(rollout.clone()),
        Some(rollout) => {
            let message = format!("{id} waits for nobody: it is {}", rollout.state.name());
            Err(Failure::usage(message, "cargo xtask history"))
        }
        None => {
            let ids: Vec<&str> = waiting.iter().map(|rollout| rollout.id.as_str()).collect();
            let help = if ids.is_empty() {
                "none waits: cargo xtask status".to_owned()
            } else {
                format!("waiting: {}", ids.join(", "))
            };
            Err(Failure::usage(format!("there is no rollout `{id}`"), help))
        }
    }
}
