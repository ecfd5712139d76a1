//! `approve`, `reject`, `resume`: what people say to rollouts that wait, and going on with them.

use super::context::Context;
use super::site::{Consent, Site};
use crate::deployer::{self, Given};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::rollout::{Rollout, State};

/// Whether an approval also goes on with the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Only record it.
    Nothing,
    /// Go on at once.
    Resume,
}

impl From<bool> for Then {
    fn from(resume: bool) -> Then {
        if resume { Then::Resume } else { Then::Nothing }
    }
}

/// `approve ID`.
pub(super) async fn approve(context: &Context, id: &str, then: Then) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    let rollout = waiting(&mut site, id).await?;
    deployer::give(&mut site.link, &rollout, Given::Yes).await?;
    context.console.note(format!(
        "  ✓ approved {}: {} to {}",
        rollout.id,
        rollout.digest.short(),
        rollout.environment
    ));
    match then {
        Then::Resume => site.go_on(rollout, Consent::Asked).await,
        Then::Nothing => {
            context.console.note("  next: cargo xtask resume");
            Ok(Exit::Done)
        }
    }
}

/// `reject ID`.
pub(super) async fn reject(context: &Context, id: &str) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    let rollout = waiting(&mut site, id).await?;
    deployer::give(&mut site.link, &rollout, Given::No).await?;
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
