//! `deploy`, `promote`, `rollback`: start a rollout and follow it.

mod emergency;

use super::context::Context;
use super::site::{Consent, Site, known_digest};
use crate::deployer;
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::protocol::GrantKind;
use crate::rollout::{Cause, Kind, Rollout, State};

/// `deploy ENV`.
pub(super) async fn deploy(
    context: &Context,
    environment: &str,
    digest: Option<String>,
    consent: Consent,
    overriding: Option<String>,
) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    site.override_with(overriding, &[environment])?;
    site.environment(environment)?;
    let digest = digest.map(|text| known_digest(&site, &text)).transpose()?;
    site.roll_out(digest.as_ref(), environment, consent).await
}

/// `promote FROM TO`.
pub(super) async fn promote(
    context: &Context,
    from: &str,
    to: &str,
    consent: Consent,
    overriding: Option<String>,
) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    site.environment(from)?;
    site.environment(to)?;
    site.override_with(overriding, &[to])?;
    let Some(serving) = site.stable(from, 100).await? else {
        let message = format!("nothing serves 100 % in {from}, so there is nothing to promote");
        return Err(Failure::usage(message, format!("cargo xtask deploy {from}")));
    };
    site.roll_out(Some(&serving), to, consent).await
}

/// `rollback ENV`: takes over what is under way, else rolls out the last good release.
pub(super) async fn rollback(context: &Context, name: &str, to: Option<String>) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    let environment = site.environment(name)?;
    let to = to.map(|text| known_digest(&site, &text)).transpose()?;
    let all = match deployer::readable(&mut site.link, &site.service).await? {
        Ok(all) => all,
        Err(damage) => return emergency::rollback(&mut site, &environment, to, &damage).await,
    };
    let mine: Vec<&Rollout> = all.iter().filter(|rollout| rollout.environment == name).collect();
    if let Some(open) =
        mine.iter().find(|rollout| rollout.terminal().is_none() && rollout.state != State::AwaitingApproval)
    {
        site.seen(&environment).await?;
        site.link.grant(&site.target(name), GrantKind::Rollback).await?;
        let back = open.going_back(Cause::Release, "asked for by `rollback`", context.world.now());
        deployer::begin(&mut site.link, &back).await?;
        let exit = site.go_on(back, Consent::Given).await?;
        // Going back was what was asked for.
        return Ok(if exit == Exit::RolledBack { Exit::Done } else { exit });
    }
    let current = site.stable(name, 0).await?;
    let good = to.or_else(|| last_good(&mine, current.as_ref()));
    let Some(good) = good else {
        let message = format!("{name} has no earlier release to go back to");
        return Err(Failure::usage(message, format!("cargo xtask history {name}")));
    };
    if current.as_ref() == Some(&good) {
        context.console.note(format!("  = {name}: {} serves already, nothing to do", good.short()));
        return Ok(Exit::Done);
    }
    site.roll_back(&good, &environment).await
}

/// The newest release that reached 100 % here, other than the one that serves, and that was not rolled away from since.
fn last_good(rollouts: &[&Rollout], current: Option<&Digest>) -> Option<Digest> {
    use crate::rollout::Terminal;
    // What a rollback left behind is not good: walk the history and drop it.
    let mut good: Vec<Digest> = Vec::new();
    for rollout in rollouts {
        match (rollout.terminal(), rollout.kind) {
            (Some(Terminal::Done), _) => {
                good.retain(|digest| *digest != rollout.digest);
                good.push(rollout.digest.clone());
            }
            (Some(Terminal::RolledBack), Kind::Rollback) => {
                let left = rollout.previous.as_ref().map(|previous| previous.digest.clone());
                good.retain(|digest| Some(digest) != left.as_ref());
            }
            _ => {}
        }
    }
    good.into_iter().rev().find(|digest| Some(digest) != current)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rollout::EnvironmentPolicy;
    use crate::rollout::{Previous, RolloutPlan, SCHEMA, Terminal};

    fn ended(kind: Kind, digest: &str, previous: Option<&str>, terminal: Terminal) -> Rollout {
        Rollout {
            schema: SCHEMA.into(),
            id: digest.into(),
            service: "s".into(),
            environment: "e".into(),
            kind,
            actor: "uid:1".into(),
            digest: Digest::of(digest.as_bytes()),
            commit: String::new(),
            version: String::new(),
            previous: previous
                .map(|name| Previous { digest: Digest::of(name.as_bytes()), instances: vec![] }),
            plan: RolloutPlan::forward(&EnvironmentPolicy::default()),
            state: State::Ended { terminal },
            entered_at: jiff::Timestamp::UNIX_EPOCH,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            reason: None,
            cause: None,
            judged: Vec::new(),
        }
    }

    fn check(history: &[Rollout], current: &str, expected: Option<&str>) {
        let history: Vec<&Rollout> = history.iter().collect();
        let digest = |name: &str| Digest::of(name.as_bytes());
        assert_eq!(last_good(&history, Some(&digest(current))), expected.map(digest));
    }

    #[test]
    fn the_last_good_release_is_never_a_bad_one() {
        let done = |digest, previous| ended(Kind::Deploy, digest, previous, Terminal::Done);
        let (a, b) = (done("a", None), done("b", Some("a")));
        check(&[a.clone(), b.clone()], "b", Some("a"));
        let failed = ended(Kind::Deploy, "c", Some("b"), Terminal::RolledBack);
        check(&[a.clone(), b.clone(), failed], "b", Some("a"));
        // Going back twice never returns to the version that was left.
        let back = ended(Kind::Rollback, "a", Some("b"), Terminal::RolledBack);
        check(&[a.clone(), b, back], "a", None);
        check(&[a], "a", None);
    }
}
