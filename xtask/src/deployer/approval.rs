//! Approvals: bound to digest, environment and plan, and counted per person.

use super::{Link, event};
use crate::digest::short_commit;
use crate::platform::protocol::{Phase, Record, Target};
use crate::rollout::{Answer, Approvals, Rollout, State};
use serde_json::json;
use std::collections::BTreeMap;

/// A yes or a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Go on.
    Yes,
    /// Do not.
    No,
}

impl Given {
    const fn what(self) -> &'static str {
        match self {
            Given::Yes => "approved",
            Given::No => "rejected",
        }
    }
}

/// The answers in the journal; only looked for while they matter.
pub(super) async fn given(link: &mut Link, rollout: &Rollout) -> anyhow::Result<Approvals> {
    if rollout.state != State::AwaitingApproval || rollout.plan.approvals == 0 {
        return Ok(Approvals::default());
    }
    Ok(count(&link.journal(&rollout.service).await?, rollout))
}

/// Writes an answer down. The supervisor adds who gave it, by the socket's peer credentials.
pub async fn give(link: &mut Link, rollout: &Rollout, given: Given) -> anyhow::Result<()> {
    let target = Target { service: rollout.service.clone(), environment: rollout.environment.clone() };
    link.append(&target, event(&rollout.id, given.what(), bound_to(rollout))).await.map(|_| ())
}

/// What an answer is bound to.
fn bound_to(rollout: &Rollout) -> serde_json::Value {
    json!({"digest": rollout.digest, "environment": rollout.environment, "plan": rollout.plan.hash()})
}

/// Counts the answers: one per person, their last word; only those bound to this digest, environment and plan; the
/// actor's own only where the plan admits it.
fn count(records: &[Record], rollout: &Rollout) -> Approvals {
    let bound = bound_to(rollout);
    let mut words: BTreeMap<&str, Given> = BTreeMap::new();
    for record in records.iter().filter(|record| record.entry.phase == Phase::Event) {
        let own = record.entry.rollout == rollout.id && record.entry.body == bound;
        let may = rollout.plan.self_approval || record.actor != rollout.actor;
        let word = [Given::Yes, Given::No].into_iter().find(|given| given.what() == record.entry.what);
        if let (true, Some(word)) = (own && may, word) {
            words.insert(&record.actor, word);
        }
    }
    let granted = words.values().filter(|word| **word == Given::Yes).count();
    let rejected = words.values().any(|word| *word == Given::No);
    Approvals {
        granted: u32::try_from(granted).unwrap_or(u32::MAX),
        answer: if rejected { Answer::Rejected } else { Answer::Open },
    }
}

/// The question at a terminal.
pub(super) fn question(rollout: &Rollout) -> String {
    let weights: Vec<String> = rollout.plan.steps.iter().map(|step| format!("{} %", step.weight)).collect();
    let from =
        rollout.previous.as_ref().map_or("nothing".to_owned(), |previous| previous.digest.short().to_owned());
    format!(
        "{}: {} → {} (commit {}), by {} then 100 %. Approve?",
        rollout.environment,
        from,
        rollout.digest.short(),
        short_commit(&rollout.commit),
        weights.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployer::records::tests::{record, rollout};

    fn answers(changes: &[(&str, &str)], tamper: fn(&mut serde_json::Value)) -> Approvals {
        let rollout = rollout("r1");
        let records: Vec<Record> = changes
            .iter()
            .map(|(actor, what)| {
                let mut body = bound_to(&rollout);
                tamper(&mut body);
                record(actor, event("r1", what, body))
            })
            .collect();
        count(&records, &rollout)
    }

    #[test]
    fn people_count_once_and_their_last_word_holds() {
        assert_eq!(answers(&[("uid:1", "approved"), ("uid:1", "approved")], |_| {}).granted, 1);
        assert_eq!(answers(&[("uid:1", "approved"), ("uid:2", "approved")], |_| {}).granted, 2);
        assert_eq!(answers(&[("uid:1", "approved"), ("uid:1", "rejected")], |_| {}).answer, Answer::Rejected);
        assert_eq!(answers(&[("uid:1", "rejected"), ("uid:1", "approved")], |_| {}).answer, Answer::Open);
    }

    #[test]
    fn an_answer_to_something_else_does_not_count() {
        for key in ["digest", "environment", "plan"] {
            let tamper = match key {
                "digest" => |body: &mut serde_json::Value| body["digest"] = json!("sha256:0"),
                "environment" => |body: &mut serde_json::Value| body["environment"] = json!("staging"),
                _ => |body: &mut serde_json::Value| body["plan"] = json!("other"),
            };
            assert_eq!(answers(&[("uid:1", "approved")], tamper).granted, 0, "{key}");
        }
    }

    #[test]
    fn ones_own_yes_counts_only_where_the_plan_admits_it() {
        let mut rollout = rollout("r1");
        rollout.plan.self_approval = false;
        let own = record(&rollout.actor.clone(), event("r1", "approved", bound_to(&rollout)));
        let other = record("uid:77", event("r1", "approved", bound_to(&rollout)));
        assert_eq!(
            (count(std::slice::from_ref(&own), &rollout).granted, count(&[own, other], &rollout).granted),
            (0, 1)
        );
    }

    #[test]
    fn the_question_names_what_is_at_stake() {
        let asked = question(&rollout("r1"));
        assert!(
            asked.starts_with("production: nothing → ") && asked.contains("10 %, 50 % then 100 %"),
            "{asked}"
        );
    }
}
