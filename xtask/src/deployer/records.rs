//! What a deployer writes into the journal, and how it reads it back.

use crate::platform::protocol::{Entry, Phase, Record};
use crate::rollout::judge::{Input, record};
use crate::rollout::{Action, Rollout, State};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

/// The name of such a record.
const JUDGED: &str = "judged";

/// A rollout as the journal last knew it.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Its last state.
    pub rollout: Rollout,
    /// When that was written.
    pub at: Timestamp,
    /// The number of that record.
    pub seq: u64,
}

/// A rollout's state.
pub(super) fn state(rollout: &Rollout) -> Entry {
    Entry {
        rollout: rollout.id.clone(),
        phase: Phase::State,
        what: rollout.state.name().to_owned(),
        body: json!(rollout),
    }
}

/// An action before (`Intent`) or after it; `outcome` is the supervisor's reply.
pub(super) fn entry(
    rollout: &Rollout,
    phase: Phase,
    action: &Action,
    outcome: Option<serde_json::Value>,
) -> Entry {
    let what = match action {
        Action::Start { .. } => "start",
        Action::SetWeights { .. } => "set-weights",
        Action::Probe { .. } => "probe",
        Action::Stop { .. } => "stop",
        Action::Pause { .. } => "pause",
        Action::Wait { .. } => "wait",
        Action::AskApproval => "ask-approval",
        Action::Hold { .. } => "hold",
        Action::Finish => "finish",
    };
    let body = match outcome {
        Some(outcome) => json!({"outcome": outcome}),
        None => json!(action),
    };
    Entry { rollout: rollout.id.clone(), phase, what: what.to_owned(), body }
}

/// What the judge was asked in one look and what it said, as [`crate::rollout::judge::record`] writes it.
pub(super) fn judged(rollout: &Rollout, input: &Input) -> Entry {
    let step = match rollout.state {
        State::Watching { step, .. } => Some(step),
        _ => None,
    };
    // As a string: its bytes are what is compared when it is judged again.
    let body = json!({"step": step, "look": input.look, "record": record::record(input)});
    super::event(&rollout.id, JUDGED, body)
}

/// A record of the judge, as the journal has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// When it was written.
    pub at: Timestamp,
    /// The environment.
    pub environment: String,
    /// The rollout.
    pub rollout: String,
    /// Index into the plan's steps.
    pub step: Option<u64>,
    /// Which look.
    pub look: Option<u64>,
    /// The record, to the byte.
    pub record: String,
}

/// Every record of the judge, oldest first.
pub fn judgements(records: &[Record]) -> Vec<Judgement> {
    let judged = records.iter().filter(|one| one.entry.phase == Phase::Event && one.entry.what == JUDGED);
    let judgement = |one: &Record| {
        let body = &one.entry.body;
        Some(Judgement {
            at: one.at,
            environment: one.environment.clone(),
            rollout: one.entry.rollout.clone(),
            step: body.get("step").and_then(serde_json::Value::as_u64),
            look: body.get("look").and_then(serde_json::Value::as_u64),
            record: body.get("record")?.as_str()?.to_owned(),
        })
    };
    judged.filter_map(judgement).collect()
}

/// Every rollout with its last state, in the order in which they began.
pub fn past(records: &[Record]) -> Vec<Past> {
    let mut all: Vec<Past> = Vec::new();
    for record in records.iter().filter(|record| record.entry.phase == Phase::State) {
        let Ok(rollout) = serde_json::from_value::<Rollout>(record.entry.body.clone()) else { continue };
        let latest = Past { rollout, at: record.at, seq: record.seq };
        match all.iter_mut().find(|past| past.rollout.id == latest.rollout.id) {
            Some(past) => *past = latest,
            None => all.push(latest),
        }
    }
    all
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::policy::approvals::ApprovalPolicy;
    use crate::policy::rollout::EnvironmentPolicy;
    use crate::rollout::{Kind, RolloutPlan, SCHEMA, State, Terminal};

    pub(crate) fn rollout(id: &str) -> Rollout {
        Rollout {
            schema: SCHEMA.into(),
            id: id.into(),
            service: "desk".into(),
            environment: "production".into(),
            kind: Kind::Deploy,
            actor: "uid:9".into(),
            digest: Digest::of(b"new"),
            commit: "0123456789abcdef".into(),
            version: "1".into(),
            previous: None,
            plan: RolloutPlan::forward(&EnvironmentPolicy {
                approvals: ApprovalPolicy::of(1),
                ..EnvironmentPolicy::default()
            }),
            state: State::AwaitingApproval,
            entered_at: Timestamp::UNIX_EPOCH,
            started_at: Timestamp::UNIX_EPOCH,
            reason: None,
            cause: None,
            judged: Vec::new(),
        }
    }

    pub(crate) fn record(actor: &str, entry: Entry) -> Record {
        Record {
            seq: 1,
            prev: Digest::of(b""),
            at: Timestamp::UNIX_EPOCH,
            environment: "production".into(),
            epoch: 0,
            actor: actor.into(),
            entry,
        }
    }

    #[test]
    fn the_last_state_of_each_rollout_is_what_it_is() {
        let (first, second) = (rollout("a"), rollout("b"));
        let ended = Rollout { state: State::Ended { terminal: Terminal::Done }, ..first.clone() };
        let records: Vec<Record> =
            [&first, &second, &ended].map(|rollout| record("uid:9", state(rollout))).to_vec();
        let last: Vec<Rollout> = past(&records).into_iter().map(|past| past.rollout).collect();
        assert_eq!(last, [ended, second]);
    }
}
