//! Which weights may be put in force, and what is left of them when nobody is watching. Pure.

use super::refuse::{malformed, refuse, unknown_instance};
use crate::digest::Digest;
use crate::platform::protocol::{Health, OnExpiry, Refusal, RefusalCode, Role, Share, Target, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// The longest time that weights may stay without a renewal, in milliseconds: a day.
pub(super) const EXPIRY_MILLIS_MAX: u64 = 24 * 60 * 60 * 1000;
const WHOLE: u32 = 100;

/// What the rules need to know of an instance.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) digest: Digest,
    pub(super) health: Health,
    pub(super) life: Life,
}

/// Whether an instance is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It may serve.
    Staying,
    /// It is drained or stopped.
    Leaving,
}

/// What new weights do to versions other than the stable one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Some version gets more.
    Raised,
    /// None does.
    NotRaised,
}

/// The table of nobody.
pub(super) fn nobody() -> Weights {
    Weights { shares: Vec::new(), expires_in_millis: None, on_expiry: OnExpiry::Stable }
}

/// Whether `new` may follow `now`. Lowering waits for nothing: its instances need not be ready.
pub(super) fn validate(
    target: &Target,
    new: &Weights,
    now: &Weights,
    instances: &BTreeMap<String, Facts>,
) -> Result<Exposure, Refusal> {
    let sum: u32 = new.shares.iter().map(|share| u32::from(share.weight)).sum();
    if sum != WHOLE && !new.shares.is_empty() {
        return Err(malformed(format!("the weights sum to {sum}, not to 100")));
    }
    match new.expires_in_millis {
        None if !is_settled(new) => {
            return Err(malformed("only a table with one stable share of 100 may go without an expiry"));
        }
        Some(millis) if millis > EXPIRY_MILLIS_MAX => {
            return Err(malformed(format!("an expiry of {millis} ms is more than a day")));
        }
        _ => {}
    }
    let mut seen = BTreeSet::new();
    for id in new.shares.iter().flat_map(|share| &share.instances) {
        if !seen.insert(id) {
            return Err(malformed(format!("the instance {id} stands in the table twice")));
        }
    }
    let exposure = exposure(new, now);
    new.shares.iter().try_for_each(|share| check_share(target, share, exposure, instances))?;
    Ok(exposure)
}

fn check_share(
    target: &Target,
    share: &Share,
    exposure: Exposure,
    instances: &BTreeMap<String, Facts>,
) -> Result<(), Refusal> {
    if share.weight > 0 && share.instances.is_empty() {
        return Err(malformed(format!("the share of {} per cent has no instance", share.weight)));
    }
    let mut reasons = Vec::new();
    for id in &share.instances {
        let Some(facts) = instances.get(id) else {
            // A share without weight may name one that has gone.
            if share.weight == 0 {
                continue;
            }
            return Err(unknown_instance(target, id));
        };
        if facts.digest != share.digest {
            return Err(malformed(format!("the instance {id} runs {}, not {}", facts.digest, share.digest)));
        }
        if facts.life == Life::Leaving && share.weight > 0 {
            return Err(not_ready(target, format!("the instance {id} is being stopped")));
        }
        reasons.push((id, &facts.health));
    }
    let is_ready = reasons.iter().any(|(_, health)| **health == Health::Ready);
    if share.weight == 0 || is_ready || exposure == Exposure::NotRaised {
        return Ok(());
    }
    let reasons: Vec<String> =
        reasons.iter().map(|(id, health)| format!("{id} is {}", describe(health))).collect();
    Err(not_ready(
        target,
        format!("no instance of {} is ready: {}", share.digest.short(), reasons.join(", ")),
    ))
}

fn not_ready(target: &Target, message: String) -> Refusal {
    refuse(RefusalCode::Failed, message, format!("cargo xtask local logs {}", target.environment))
}

/// Health in words.
pub(super) fn describe(health: &Health) -> String {
    match health {
        Health::Ready => "ready".to_owned(),
        Health::Starting(why) => format!("starting ({why})"),
        Health::Unready(why) => format!("not ready any more ({why})"),
        Health::Foreign(why) => format!("somebody else ({why})"),
        Health::Exited(why) => format!("ended ({why})"),
    }
}

/// Whether some version but the stable one gets more; the stable version (even while it has nothing) may get all.
fn exposure(new: &Weights, now: &Weights) -> Exposure {
    let is_stable = |digest: &Digest| {
        now.shares.iter().any(|share| share.role == Role::Stable && share.digest == *digest)
    };
    let total = |weights: &Weights, digest: &Digest| -> u32 {
        let of_digest = weights.shares.iter().filter(|share| share.digest == *digest);
        of_digest.map(|share| u32::from(share.weight)).sum()
    };
    let is_raised = |share: &Share| {
        share.weight > 0 && !is_stable(&share.digest) && total(new, &share.digest) > total(now, &share.digest)
    };
    if new.shares.iter().any(is_raised) { Exposure::Raised } else { Exposure::NotRaised }
}

/// Whether a table may stay for ever: everything to one stable share, or nobody.
fn is_settled(weights: &Weights) -> bool {
    let mut with_weight = weights.shares.iter().filter(|share| share.weight > 0);
    match (with_weight.next(), with_weight.next()) {
        (None, _) => true,
        (Some(share), None) => share.role == Role::Stable,
        (Some(_), Some(_)) => false,
    }
}

/// The pre-authorised restore: everything to the stable share, or to nobody. The others stay named, with weight 0.
pub(super) fn restore(weights: &Weights) -> Weights {
    let OnExpiry::Stable = weights.on_expiry;
    let Some(stable) = weights.shares.iter().position(|share| share.role == Role::Stable) else {
        return nobody();
    };
    let shares = weights
        .shares
        .iter()
        .enumerate()
        .map(|(place, share)| Share { weight: if place == stable { 100 } else { 0 }, ..share.clone() });
    Weights { shares: shares.collect(), expires_in_millis: None, on_expiry: OnExpiry::Stable }
}

/// Whether an instance has a part of the traffic.
pub(super) fn has_weight(weights: &Weights, instance: &str) -> bool {
    weights.shares.iter().any(|share| share.weight > 0 && share.instances.iter().any(|id| id == instance))
}

#[cfg(test)]
mod tests;
