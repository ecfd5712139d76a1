//! Orders of people, as the journal tells them: freezes, holds, pauses, and stops.

use super::approval::Said;
use super::event;
use crate::digest::Digest;
use crate::platform::protocol::{Entry, Phase, Record};
use crate::rollout::orders::{Ordered, Orders};
use crate::rollout::{Cause, Kind, Rollout, State, Terminal};
use serde_json::json;
use std::collections::BTreeMap;

/// What somebody orders. Each has its opposite, but for a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The environment takes no new release.
    Freeze,
    /// It does again.
    Thaw,
    /// The release goes nowhere.
    Hold(Digest),
    /// It may again.
    Release(Digest),
    /// The rollout stays at its weight.
    Pause,
    /// It goes on.
    Continue,
    /// It goes back.
    Abort,
}

impl Order {
    const fn what(&self) -> &'static str {
        match self {
            Order::Freeze => "frozen",
            Order::Thaw => "thawed",
            Order::Hold(_) => "held",
            Order::Release(_) => "released",
            Order::Pause => "paused",
            Order::Continue => "continued",
            Order::Abort => "stopped",
        }
    }

    /// The record of it. `rollout` is empty where it speaks of none.
    pub fn entry(&self, rollout: &str, reason: &str) -> Entry {
        let body = match self {
            Order::Hold(digest) | Order::Release(digest) => json!({"digest": digest, "reason": reason}),
            _ => json!({"reason": reason}),
        };
        event(rollout, self.what(), body)
    }
}

/// The orders of one service, read from its journal record by record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    seq: u64,
    /// Frozen environments.
    pub frozen: BTreeMap<String, Ordered>,
    /// Held releases.
    pub held: BTreeMap<Digest, Ordered>,
    paused: BTreeMap<String, Ordered>,
    stopped: BTreeMap<String, Ordered>,
    said: BTreeMap<String, Vec<Said>>,
}

impl Book {
    /// What these records order.
    pub fn of(records: &[Record]) -> Book {
        let mut book = Book::default();
        records.iter().for_each(|record| book.read(record));
        book
    }

    /// The number of the last record that was read.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Reads one more record.
    pub(super) fn read(&mut self, record: &Record) {
        self.seq = record.seq;
        match record.entry.phase {
            Phase::Event => self.event(record),
            Phase::State => self.ended(record),
            Phase::Intent | Phase::Done | Phase::Failed => {}
        }
    }

    /// Those that concern a rollout.
    pub fn orders(&self, rollout: &Rollout) -> Orders {
        Orders {
            frozen: self.frozen.get(&rollout.environment).cloned(),
            held: self.held.get(&rollout.digest).cloned(),
            paused: self.paused.get(&rollout.id).cloned(),
            abort: self.stopped.get(&rollout.id).cloned(),
        }
    }

    /// What people have said about a rollout that waits, in their order.
    pub(super) fn said(&self, rollout: &str) -> &[Said] {
        self.said.get(rollout).map_or(&[], Vec::as_slice)
    }

    fn event(&mut self, record: &Record) {
        if let Some(said) = Said::of(record) {
            self.said.entry(record.entry.rollout.clone()).or_default().push(said);
        }
        let Entry { rollout, what, body, .. } = &record.entry;
        let reason = body.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default().to_owned();
        let order = Ordered { by: record.actor.clone(), at: record.at, reason };
        let digest = || body.get("digest").and_then(|digest| digest.as_str()?.parse::<Digest>().ok());
        match what.as_str() {
            "frozen" => drop(self.frozen.insert(record.environment.clone(), order)),
            "thawed" => drop(self.frozen.remove(&record.environment)),
            "held" => drop(digest().map(|digest| self.held.insert(digest, order))),
            "released" => drop(digest().map(|digest| self.held.remove(&digest))),
            "paused" => drop(self.paused.insert(rollout.clone(), order)),
            "continued" => drop(self.paused.remove(rollout)),
            "stopped" => drop(self.stopped.insert(rollout.clone(), order)),
            _ => {}
        }
    }

    /// A release that was bad is held by itself: it broke a guard, or somebody went back from it.
    fn ended(&mut self, record: &Record) {
        let ended = State::Ended { terminal: Terminal::RolledBack };
        let Ok(rollout) = serde_json::from_value::<Rollout>(record.entry.body.clone()) else { return };
        if rollout.state != ended {
            return;
        }
        let bad = match (rollout.kind, &rollout.previous) {
            (Kind::Deploy, _) => (rollout.cause == Some(Cause::Release)).then_some(rollout.digest),
            (Kind::Rollback, Some(left)) => Some(left.digest.clone()),
            // What a restart could not start serves, and goes on serving.
            (Kind::Rollback, None) | (Kind::Restart, _) => None,
        };
        if let Some(digest) = bad {
            let reason = rollout.reason.unwrap_or_else(|| format!("rolled back in {}", record.environment));
            self.held.insert(digest, Ordered { by: record.actor.clone(), at: record.at, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployer::records::{self, tests::record, tests::rollout};
    use crate::rollout::Previous;

    fn told(orders: &[(Order, &str)]) -> Book {
        let records = orders.iter().map(|(order, rollout)| record("uid:1", order.entry(rollout, "why")));
        Book::of(&records.collect::<Vec<_>>())
    }

    #[test]
    fn each_order_stands_until_its_opposite() {
        let rollout = rollout("r1");
        let digest = || rollout.digest.clone();
        let count = |orders: &[(Order, &str)]| {
            let Orders { frozen, held, paused, abort } = told(orders).orders(&rollout);
            [frozen, held, paused, abort].map(|order| order.is_some())
        };
        use Order::{Abort, Continue, Freeze, Hold, Pause, Release, Thaw};
        assert_eq!(count(&[(Freeze, "")]), [true, false, false, false]);
        assert_eq!(count(&[(Freeze, ""), (Thaw, ""), (Hold(digest()), "")]), [false, true, false, false]);
        assert_eq!(
            count(&[(Hold(digest()), ""), (Release(digest()), ""), (Pause, "r1")])[1..3],
            [false, true]
        );
        assert_eq!(count(&[(Pause, "r1"), (Continue, "r1"), (Abort, "r1")]), [false, false, false, true]);
        assert_eq!(count(&[(Pause, "r2"), (Abort, "r2"), (Hold(Digest::of(b"x")), "")]), [false; 4]);
    }

    #[test]
    fn only_a_bad_release_is_held_by_itself() {
        let ended = |kind, terminal, cause| Rollout {
            kind,
            cause,
            state: State::Ended { terminal },
            previous: Some(Previous { digest: Digest::of(b"left"), instances: vec![] }),
            ..rollout("r1")
        };
        let held = |rollout: &Rollout| {
            let book = Book::of(&[record("uid:1", records::state(rollout))]);
            book.held.into_keys().next()
        };
        let new = rollout("r1").digest;
        use Terminal::{Done, NeedsOperator, RolledBack};
        assert_eq!(held(&ended(Kind::Deploy, RolledBack, Some(Cause::Release))), Some(new));
        assert_eq!(held(&ended(Kind::Deploy, RolledBack, Some(Cause::Surroundings))), None);
        assert_eq!(held(&ended(Kind::Deploy, RolledBack, Some(Cause::Order))), None);
        assert_eq!(held(&ended(Kind::Deploy, NeedsOperator, Some(Cause::Release))), None);
        assert_eq!(held(&ended(Kind::Rollback, RolledBack, None)), Some(Digest::of(b"left")));
        assert_eq!(held(&ended(Kind::Deploy, Done, None)), None);
        assert_eq!(held(&ended(Kind::Restart, RolledBack, Some(Cause::Release))), None);
    }
}
