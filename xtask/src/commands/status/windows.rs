//! The windows of each environment, as its newest rollout was planned with them.

use crate::policy::windows::calendar::Calendar;
use crate::rollout::{Kind, Rollout};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The windows of an environment now.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Windows {
    environment: String,
    /// Whether one is open.
    open: bool,
    /// When that changes next, as far as can be seen.
    changes_at: Option<Timestamp>,
    /// The whole in words.
    pub(super) told: String,
}

/// Those of the newest deployment into each environment, where it has any.
pub(super) fn newest(rollouts: &[Rollout], now: Timestamp) -> Vec<Windows> {
    let forward = rollouts.iter().filter(|rollout| rollout.kind == Kind::Deploy);
    let newest: BTreeMap<&str, &Rollout> =
        forward.map(|rollout| (rollout.environment.as_str(), rollout)).collect();
    let planned = newest.into_values().filter(|rollout| !rollout.plan.windows.is_empty());
    planned.filter_map(|rollout| of(rollout, now)).collect()
}

fn of(rollout: &Rollout, now: Timestamp) -> Option<Windows> {
    let (environment, windows) = (rollout.environment.clone(), &rollout.plan.windows);
    let calendar = Calendar::of(windows).ok()?;
    let open = calendar.shut(now).is_none();
    let changes_at = match open {
        true => calendar.closes(now),
        false => calendar.opens(now, rollout.plan.must_last()),
    };
    let changes = changes_at.map(|at| calendar.told(at));
    let told = match (open, changes) {
        (true, Some(at)) => format!("{environment} takes releases until {at}"),
        (true, None) => format!("{environment} takes releases"),
        (false, Some(at)) => format!("{environment} takes no release until {at}"),
        (false, None) => format!("{environment} takes no release any more: no window opens"),
    };
    Some(Windows { environment, open, changes_at, told: told + &windows.summary() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rollout::EnvironmentPolicy;
    use crate::rollout::{RolloutPlan, SCHEMA, State};

    fn rollout(environment: &str, windows: &str) -> Rollout {
        let windows = serde_yaml::from_str(windows).unwrap();
        let policy = EnvironmentPolicy { windows, ..EnvironmentPolicy::default() };
        Rollout {
            schema: SCHEMA.into(),
            id: "r".into(),
            service: "s".into(),
            environment: environment.into(),
            kind: Kind::Deploy,
            actor: "uid:1".into(),
            digest: crate::digest::Digest::of(b"d"),
            commit: String::new(),
            version: String::new(),
            previous: None,
            plan: RolloutPlan::forward(&policy),
            state: State::AwaitingApproval,
            entered_at: Timestamp::UNIX_EPOCH,
            started_at: Timestamp::UNIX_EPOCH,
            reason: None,
            cause: None,
            judged: Vec::new(),
        }
    }

    #[test]
    fn each_environment_says_what_its_newest_plan_says() {
        let friday = "zone: Europe/Berlin\nallow: [{days: [fri], from: '09:00', until: '17:00'}]";
        let all = [
            rollout("a", "freeze: [{}]"),
            rollout("a", friday),
            rollout("b", "{}"),
            rollout("c", "freeze: [{}]"),
        ];
        let told: Vec<String> = newest(&all, Timestamp::UNIX_EPOCH).into_iter().map(|one| one.told).collect();
        // 1970-01-01 was a Thursday; Berlin was one hour ahead.
        assert_eq!(
            told,
            [
                "a takes no release until Fri 1970-01-02 09:00 Europe/Berlin (1970-01-02 08:00 UTC); begins fri 09:00–17:00 (Europe/Berlin)",
                "c takes no release any more: no window opens; never each day (UTC)",
            ]
        );
    }
}
