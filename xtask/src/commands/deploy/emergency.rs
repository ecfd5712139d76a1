//! `rollback` where the journal is damaged: what the journal cannot tell is read from the table in force, or named by
//! its owner. Everything is recorded in the emergency chain beside the journal, which the supervisor opens for it.

use super::super::site::{Consent, Site};
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::protocol::{GrantKind, Refusal};
use crate::platform::store;
use crate::policy::rollout::EnvironmentPolicy;
use crate::rollout::seen::{EnvironmentStatus, Role};
use crate::rollout::{Cause, Kind, Rollout};

/// Goes back to the stable share while something is on trial; else to the release that is named.
pub(super) async fn rollback(
    site: &mut Site<'_>,
    environment: &EnvironmentPolicy,
    to: Option<Digest>,
    damage: &Refusal,
) -> anyhow::Result<Exit> {
    let console = &site.context.console;
    console.note(format!("  ! {}", damage.message));
    let target = site.target(&environment.name);
    let seen = site.seen(environment).await?;
    let chain = site.link.grant(&target, GrantKind::Rollback).await?;
    if let Some(chain) = &chain {
        console.note(format!("  ! this rollback is recorded in {}", chain.display()));
    }
    let exit = match (on_trial(&seen), to) {
        (Some((digest, instance)), to) => {
            let serving = to.filter(|to| stable(&seen) != Some(to));
            let exit = withdraw(site, environment, &digest, &instance).await?;
            if let Some(to) = serving {
                let next = format!("cargo xtask rollback {} --to {}", environment.name, to.short());
                console.note(format!("  next: {next}, should the stable release not be good either"));
            }
            exit
        }
        (None, Some(to)) if stable(&seen) == Some(&to) => {
            console.note(format!("  = {}: {} serves already, nothing to do", environment.name, to.short()));
            Exit::Done
        }
        (None, Some(to)) => site.roll_back(&to, environment).await?,
        (None, None) => return Err(unnamed(site, &environment.name, stable(&seen))),
    };
    console.note(format!("  next: {}", damage.help));
    Ok(exit)
}

/// Takes the release on trial away, as the engine does it.
async fn withdraw(
    site: &mut Site<'_>,
    environment: &EnvironmentPolicy,
    digest: &Digest,
    instance: &str,
) -> anyhow::Result<Exit> {
    let (_, release) = site.former(digest)?;
    // The journal cannot tell the rollout; its name is its instance's.
    let id = instance.strip_suffix("-0").unwrap_or(instance).to_owned();
    let seen = site.seen(environment).await?;
    let rollout = Rollout { id, ..site.plan(&release, environment, &seen, Kind::Deploy)? };
    let reason = "asked for by `rollback`, with a damaged journal";
    let back = rollout.going_back(Cause::Release, reason, rollout.entered_at);
    crate::deployer::begin(&mut site.link, &back).await?;
    let exit = site.go_on(back, Consent::Given).await?;
    // Going back was what was asked for.
    Ok(if exit == Exit::RolledBack { Exit::Done } else { exit })
}

/// The release on trial, with its instance: in the table, or started and not in it yet.
fn on_trial(seen: &EnvironmentStatus) -> Option<(Digest, String)> {
    let mut instances = seen.instances.iter();
    let started = instances.find(|instance| instance.role == Role::Canary);
    let started = started.map(|instance| (instance.digest.clone(), instance.id.clone()));
    let mut shares = seen.weights.shares.iter();
    let share = shares.find(|share| share.role == Role::Canary);
    let named = share.and_then(|share| Some((share.digest.clone(), share.instances.first()?.clone())));
    named.or(started)
}

/// What is stable by the table in force.
fn stable(seen: &EnvironmentStatus) -> Option<&Digest> {
    seen.weights.stable().map(|share| &share.digest)
}

/// Nobody knows which release was the last good one.
fn unnamed(site: &Site<'_>, environment: &str, current: Option<&Digest>) -> anyhow::Error {
    let others: Vec<String> = store::digests(&site.state, &site.service)
        .iter()
        .filter(|digest| Some(*digest) != current)
        .map(|digest| digest.short().to_owned())
        .collect();
    let message = format!(
        "the journal of {} is damaged and nothing is on trial in {environment}, so it is not known which release to \
         go back to",
        site.service
    );
    let help = match others.as_slice() {
        [] => "restore the journal from a backup: the store holds no other release".to_owned(),
        all => format!("cargo xtask rollback {environment} --to DIGEST, one of: {}", all.join(", ")),
    };
    Failure::usage(message, help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::protocol::{InstanceStatus, Listening, OnExpiry, Share, Target, Weights};
    use crate::rollout::seen::{Counters, Health, Step};

    fn seen(shares: &[(Role, &str)], instances: &[(Role, &str)]) -> EnvironmentStatus {
        let share = |(role, name): &(Role, &str)| Share {
            role: *role,
            digest: Digest::of(name.as_bytes()),
            instances: vec![format!("{name}-0")],
            weight: 0,
        };
        let instance = |(role, name): &(Role, &str)| InstanceStatus {
            id: format!("{name}-0"),
            digest: Digest::of(name.as_bytes()),
            role: *role,
            port: 1,
            pid: None,
            health: Health::Ready,
            in_flight: 0,
            counters: Counters::default(),
            step: Step::default(),
            log: "/log".into(),
        };
        EnvironmentStatus {
            target: Target { service: "s".into(), environment: "e".into() },
            port: 1,
            listening: Listening::Yes,
            weights: Weights {
                shares: shares.iter().map(share).collect(),
                expires_in_millis: None,
                on_expiry: OnExpiry::Stable,
            },
            expires_at: None,
            generation: 1,
            restored: false,
            grant: None,
            instances: instances.iter().map(instance).collect(),
            rollout: None,
        }
    }

    #[test]
    fn a_trial_is_found_in_the_table_or_beside_it() {
        let found = |shares: &[_], instances: &[_]| on_trial(&seen(shares, instances)).map(|found| found.1);
        let (old, new) = ((Role::Stable, "old"), (Role::Canary, "new"));
        assert_eq!(found(&[old, new], &[old, new]), Some("new-0".to_owned()), "also with weight 0: lapsed");
        assert_eq!(found(&[old], &[old, new]), Some("new-0".to_owned()));
        assert_eq!(found(&[old], &[old]), None);
        assert_eq!(stable(&seen(&[new, old], &[])), Some(&Digest::of(b"old")));
    }
}
