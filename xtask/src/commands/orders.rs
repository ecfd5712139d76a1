//! `abort`, `pause`, `continue`, `freeze`, `thaw`, `hold`, `release`: orders go into the journal, and whoever follows the
//! rollout obeys them. A stop that nobody is there to obey is carried out here.

use super::context::Context;
use super::site::{Consent, Site, known_digest};
use crate::cli::{OfEnvironment, OfRelease, OrderVerb};
use crate::deployer::{self, Book, Order};
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::protocol::Target;
use crate::rollout::{Kind, Rollout, State};
use crate::tools::redaction::Redactor;
use std::time::Duration;

/// How long a living deployer has to begin with what it was told.
const OBEYED_WITHIN: Duration = Duration::from_secs(5);
/// How often is looked whether it did.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Any of the orders.
pub(super) async fn order(context: &Context, verb: OrderVerb) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    match verb {
        OrderVerb::Abort(of) => abort(&mut site, &of).await,
        OrderVerb::Pause(of) => pause(&mut site, &of).await,
        OrderVerb::Continue(of) => go_on(&mut site, &of).await,
        OrderVerb::Freeze(of) => freeze(&mut site, &of, Order::Freeze).await,
        OrderVerb::Thaw(of) => freeze(&mut site, &of, Order::Thaw).await,
        OrderVerb::Hold(of) => hold(&mut site, &of, Order::Hold).await,
    }
}

/// `release DIGEST`: a held release may go on.
pub(super) async fn release(context: &Context, of: &OfRelease) -> anyhow::Result<Exit> {
    hold(&mut Site::open(context).await?, of, Order::Release).await
}

async fn abort(site: &mut Site<'_>, of: &OfEnvironment) -> anyhow::Result<Exit> {
    let open = open(site, &of.environment).await?;
    if open.kind == Kind::Rollback {
        let message = format!("{} goes back already: a way back is not stopped", of.environment);
        return Err(Failure::usage(message, format!("cargo xtask history {}", of.environment)));
    }
    if open.state == State::Draining {
        let message =
            format!("{}: the new version serves already, only the old one is being stopped", open.id);
        return Err(Failure::usage(message, format!("cargo xtask rollback {}", of.environment)));
    }
    tell(site, &open, &Order::Abort, &of.reason).await?;
    if obeyed(site, &open).await? {
        site.context.console.note(format!("  ✓ told {} to go back", open.id));
        return Ok(Exit::Done);
    }
    let exit = site.go_on(open, Consent::Asked).await?;
    // Going back was what was asked for.
    Ok(if exit == Exit::RolledBack { Exit::Done } else { exit })
}

/// Whether somebody follows the rollout and does what the journal says.
async fn obeyed(site: &mut Site<'_>, open: &Rollout) -> anyhow::Result<bool> {
    let target = site.target(&open.environment);
    let start = site.context.world.monotonic();
    while site.link.environment(&target).await?.grant.is_some() {
        let all = deployer::rollouts(&mut site.link, &site.service).await?;
        let now = all.into_iter().find(|rollout| rollout.id == open.id);
        if now.is_none_or(|now| matches!(now.state, State::GoingBack | State::Cleaning | State::Ended { .. }))
        {
            return Ok(true);
        }
        if site.context.world.monotonic().saturating_sub(start) >= OBEYED_WITHIN {
            let message = format!("whoever follows {} does not go back", open.id);
            let help = format!("take it over: cargo xtask rollback {}", open.environment);
            return Err(Failure::infrastructure(message, help));
        }
        site.context.world.sleep(LOOK_AGAIN).await;
    }
    let all = deployer::rollouts(&mut site.link, &site.service).await?;
    Ok(all.iter().any(|rollout| rollout.id == open.id && rollout.terminal().is_some()))
}

async fn pause(site: &mut Site<'_>, of: &OfEnvironment) -> anyhow::Result<Exit> {
    let open = open(site, &of.environment).await?;
    if open.kind == Kind::Rollback
        || matches!(open.state, State::GoingBack | State::Cleaning | State::Draining)
    {
        let message = format!("{} is {}: that is not paused", open.id, open.state.name());
        return Err(Failure::usage(message, format!("cargo xtask history {}", of.environment)));
    }
    if book(site).await?.orders(&open).paused.is_some() {
        site.context.console.note(format!("  = {} is paused already", open.id));
        return Ok(Exit::Done);
    }
    tell(site, &open, &Order::Pause, &of.reason).await?;
    let most = span(open.plan.deadlines.pause_secs);
    site.context.console.note(format!("  ✓ {} stays at its weight for at most {most}", open.id));
    let next = format!("  next: cargo xtask continue {0}, or cargo xtask abort {0}", of.environment);
    site.context.console.note(next);
    Ok(Exit::Done)
}

/// A deadline in the largest unit that has no rest.
fn span(secs: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = units.into_iter().find(|(unit, _)| secs >= *unit && secs.is_multiple_of(*unit));
    unit.map_or(format!("{secs} s"), |(unit, name)| format!("{} {name}", secs / unit))
}

async fn go_on(site: &mut Site<'_>, of: &OfEnvironment) -> anyhow::Result<Exit> {
    let open = open(site, &of.environment).await?;
    if book(site).await?.orders(&open).paused.is_none() {
        site.context.console.note(format!("  = {} is not paused", open.id));
        return Ok(Exit::Done);
    }
    tell(site, &open, &Order::Continue, &of.reason).await?;
    site.context.console.note(format!("  ✓ {} goes on", open.id));
    let target = site.target(&of.environment);
    if open.state != State::AwaitingApproval && site.link.environment(&target).await?.grant.is_none() {
        site.context.console.note("  next: cargo xtask resume: nobody follows it");
    }
    Ok(Exit::Done)
}

async fn freeze(site: &mut Site<'_>, of: &OfEnvironment, order: Order) -> anyhow::Result<Exit> {
    let policy = site.environment(&of.environment)?;
    site.seen(&policy).await?;
    let (frozen, wanted) = (book(site).await?.frozen.contains_key(&of.environment), order == Order::Freeze);
    if frozen == wanted {
        let what = if wanted { "is frozen already" } else { "is not frozen" };
        site.context.console.note(format!("  = {} {what}", of.environment));
        return Ok(Exit::Done);
    }
    let target = site.target(&of.environment);
    site.link.append(&target, order.entry("", &without_secrets(site.context, &of.reason))).await?;
    let told = if wanted { "takes no new release; the way back stays open" } else { "takes releases again" };
    site.context.console.note(format!("  ✓ {} {told}", of.environment));
    Ok(Exit::Done)
}

async fn hold(
    site: &mut Site<'_>,
    of: &OfRelease,
    order: impl FnOnce(Digest) -> Order,
) -> anyhow::Result<Exit> {
    let digest = known_digest(site, &of.digest)?;
    let order = order(digest.clone());
    let (held, wanted) = (book(site).await?.held.contains_key(&digest), matches!(order, Order::Hold(_)));
    if held == wanted {
        let what = if wanted { "is held already" } else { "is not held" };
        site.context.console.note(format!("  = {} {what}", digest.short()));
        return Ok(Exit::Done);
    }
    let target = somewhere(site).await?;
    site.link.append(&target, order.entry("", &without_secrets(site.context, &of.reason))).await?;
    let told = if wanted { "goes nowhere until it is released" } else { "may go on" };
    site.context.console.note(format!("  ✓ {} {told}", digest.short()));
    Ok(Exit::Done)
}

/// An order about a release is the service's; its record lies with the first environment.
async fn somewhere(site: &mut Site<'_>) -> anyhow::Result<Target> {
    let first = site.in_force.policy.rollout.environments.first().cloned();
    let first = first.ok_or_else(|| {
        Failure::usage("there is no environment", "add one to policies/rollout.yaml, or remove the file")
    })?;
    site.seen(&first).await?;
    Ok(site.target(&first.name))
}

async fn tell(site: &mut Site<'_>, open: &Rollout, order: &Order, reason: &str) -> anyhow::Result<()> {
    let target = site.target(&open.environment);
    site.link.append(&target, order.entry(&open.id, &without_secrets(site.context, reason))).await.map(|_| ())
}

/// A reason goes into a record that nobody can take back.
pub(super) fn without_secrets(context: &Context, reason: &str) -> String {
    let shown = Redactor::new(&context.world).text(reason.to_owned());
    if shown != reason {
        context.console.note(format!("  ! the reason held a secret and was written as: {shown}"));
    }
    shown
}

async fn book(site: &mut Site<'_>) -> anyhow::Result<Book> {
    Ok(Book::of(&site.link.journal(&site.service).await?))
}

/// The rollout that has not ended in an environment.
async fn open(site: &mut Site<'_>, environment: &str) -> anyhow::Result<Rollout> {
    site.environment(environment)?;
    let all = deployer::rollouts(&mut site.link, &site.service).await?;
    let open = all.into_iter().rev().find(|one| one.environment == environment && one.terminal().is_none());
    open.ok_or_else(|| {
        let message = format!("no rollout is under way in {environment}");
        Failure::usage(message, format!("cargo xtask history {environment}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_told_in_its_unit() {
        assert_eq!([86_400, 7_200, 90, 120, 5].map(span), ["1 d", "2 h", "90 s", "2 min", "5 s"]);
    }
}
