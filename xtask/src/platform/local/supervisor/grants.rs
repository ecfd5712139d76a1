//! Who may change an environment: at most one connection, under an epoch that only rises. Pure.

use super::refuse::refuse;
use crate::platform::protocol::{GrantKind, Refusal, RefusalCode};

/// A connection's number in this supervisor's life.
pub(super) type ConnectionId = u64;

/// The grant of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grants {
    epoch: u64,
    held: Option<(ConnectionId, GrantKind)>,
}

impl Grants {
    /// Free, with the newest epoch that was ever given.
    pub(super) fn resume(epoch: u64) -> Grants {
        Grants { epoch, held: None }
    }

    /// The newest epoch that was ever given.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The grant that is held.
    pub(super) fn held(&self) -> Option<(u64, GrantKind)> {
        self.held.map(|(_, kind)| (self.epoch, kind))
    }

    /// Whether somebody else than this connection holds the environment.
    pub(super) fn is_held_by_other(&self, connection: ConnectionId) -> bool {
        self.held.is_some_and(|(holder, _)| holder != connection)
    }

    /// Gives the grant. Asked again by its holder, it is the same one; a rollback takes it from a forward deployment
    /// (the holder's own too), never the reverse.
    pub(super) fn ask(&mut self, connection: ConnectionId, kind: GrantKind) -> Result<u64, Refusal> {
        match self.held {
            Some((holder, held)) if holder == connection && held == kind => Ok(self.epoch),
            None | Some((_, GrantKind::Forward)) if self.held.is_none() || kind == GrantKind::Rollback => {
                self.epoch += 1;
                self.held = Some((connection, kind));
                Ok(self.epoch)
            }
            Some((_, GrantKind::Rollback)) => Err(held("a rollback is under way", "cargo xtask status")),
            _ => Err(held(
                "another deployment is under way",
                "cargo xtask status, or cargo xtask rollback ENV, which takes over",
            )),
        }
    }

    /// Frees what this connection holds.
    pub(super) fn release(&mut self, connection: ConnectionId) {
        if self.held.is_some_and(|(holder, _)| holder == connection) {
            self.held = None;
        }
    }

    /// Takes the grant from whoever holds it: everything goes down.
    pub(super) fn revoke(&mut self) {
        self.held = None;
    }

    /// Whether an effect under this epoch may happen, and what the grant is for.
    pub(super) fn check(&self, connection: ConnectionId, epoch: u64) -> Result<GrantKind, Refusal> {
        match self.held {
            Some((holder, kind)) if holder == connection && epoch == self.epoch => Ok(kind),
            _ => Err(refuse(
                RefusalCode::Stale,
                format!("the grant of epoch {epoch} is no more; the newest epoch is {}", self.epoch),
                "cargo xtask status, then cargo xtask resume",
            )),
        }
    }
}

fn held(why: &str, help: &str) -> Refusal {
    refuse(RefusalCode::Held, why, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Act {
        Ask(ConnectionId, GrantKind),
        Release(ConnectionId),
    }

    const ACTS: [Act; 6] = [
        Act::Ask(1, GrantKind::Forward),
        Act::Ask(1, GrantKind::Rollback),
        Act::Release(1),
        Act::Ask(2, GrantKind::Forward),
        Act::Ask(2, GrantKind::Rollback),
        Act::Release(2),
    ];

    /// What must hold whatever two connections do, in every order of up to five acts.
    #[test]
    fn every_order_of_two_connections_keeps_the_laws() {
        let depth = 5;
        for number in 0..ACTS.len().pow(depth) {
            let mut grants = Grants::resume(7);
            let mut rest = number;
            for _ in 0..depth {
                let act = ACTS[rest % ACTS.len()];
                rest /= ACTS.len();
                let before = grants.clone();
                step(&mut grants, act);
                laws(&before, &grants, act);
            }
        }
    }

    fn step(grants: &mut Grants, act: Act) {
        match act {
            Act::Ask(connection, kind) => drop(grants.ask(connection, kind)),
            Act::Release(connection) => grants.release(connection),
        }
    }

    fn laws(before: &Grants, after: &Grants, act: Act) {
        assert!(after.epoch >= before.epoch, "an epoch never falls: {act:?}");
        let holders = [1, 2].into_iter().filter(|id| after.check(*id, after.epoch).is_ok()).count();
        assert_eq!(holders, usize::from(after.held.is_some()), "at most one holder");
        assert!(after.check(1, after.epoch - 1).is_err() && after.check(2, after.epoch - 1).is_err());
        match (before.held, act) {
            (Some((holder, GrantKind::Rollback)), Act::Ask(asker, kind)) => {
                assert_eq!(before, after, "a rollback is not interrupted by {kind:?} of {asker} ({holder})");
            }
            (Some((holder, GrantKind::Forward)), Act::Ask(asker, GrantKind::Forward)) => {
                assert_eq!(before, after, "{asker} does not take what {holder} has");
            }
            (_, Act::Ask(asker, kind)) => {
                assert_eq!(after.held, Some((asker, kind)));
                assert_eq!(after.epoch, before.epoch + 1);
            }
            (Some((holder, _)), Act::Release(who)) if holder == who => assert_eq!(after.held, None),
            (_, Act::Release(_)) => assert_eq!(before, after),
        }
    }

    #[test]
    fn a_restart_frees_and_goes_on_counting() {
        let mut grants = Grants::resume(41);
        assert_eq!((grants.held(), grants.ask(1, GrantKind::Forward)), (None, Ok(42)));
        assert_eq!(grants.ask(2, GrantKind::Forward).unwrap_err().code, RefusalCode::Held);
        assert_eq!(grants.check(1, 41).unwrap_err().code, RefusalCode::Stale);
        assert!(grants.is_held_by_other(2) && !grants.is_held_by_other(1));
    }
}
