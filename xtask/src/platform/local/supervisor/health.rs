//! Whether an instance may receive traffic: it answers, and it is who it should be. Unknown is not healthy.
//!
//! The checks never stop, and each one asks for the identity again: a squatter that takes the port of a dead instance
//! and replays its old replies lacks the newest nonce.

use super::owner;
use crate::platform::local::proxy::{Fetched, Standing, fetch};
use crate::platform::protocol::{Health, InstanceSpec, Role};
use crate::world::World;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How often an instance is asked until it is ready for the first time.
pub(super) const PAUSE_STARTING: Duration = Duration::from_millis(250);
/// How often afterwards.
pub(super) const PAUSE_STEADY: Duration = Duration::from_secs(1);
/// How long a check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Failed checks in a row before a ready instance counts as not ready any more.
const FAILURES_MAX: u32 = 2;

const DIGEST_HEADER: &str = "x-gateline-digest";
const NONCE_HEADER: &str = "x-gateline-nonce";

/// What one check saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// 200, by whom we expected.
    Ready,
    /// Somebody else answered.
    Foreign(String),
    /// No answer, or not 200.
    Not(String),
}

/// Where an instance listens.
pub(super) fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Asks an instance once.
pub(super) async fn check(
    world: &World,
    spec: &InstanceSpec,
    port: u16,
    nonce: &str,
    pid: Option<u32>,
) -> Seen {
    let reply = match fetch(world, address(port), &spec.ready_path, CHECK_TIMEOUT).await {
        Ok(reply) => reply,
        Err(error) => return Seen::Not(format!("{error:#}")),
    };
    let foreign = if spec.echoes_identity {
        foreign_by_headers(&reply, spec, nonce)
    } else {
        let is_owner = pid.is_some_and(|pid| owner::owns(pid, port));
        (!is_owner).then(|| format!("another process listens on port {port}"))
    };
    match foreign {
        Some(why) => Seen::Foreign(why),
        None if reply.status == 200 => Seen::Ready,
        None => Seen::Not(format!("{} answers {}", spec.ready_path, reply.status)),
    }
}

fn foreign_by_headers(reply: &Fetched, spec: &InstanceSpec, nonce: &str) -> Option<String> {
    let value = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok());
    match (value(DIGEST_HEADER), value(NONCE_HEADER)) {
        (None, _) | (_, None) => Some(format!("the reply has no {DIGEST_HEADER} and {NONCE_HEADER}")),
        (Some(digest), _) if digest != spec.digest.to_string() => {
            Some(format!("the reply's digest is `{digest}`"))
        }
        (_, Some(theirs)) if theirs != nonce => Some("the reply's nonce is another one".to_owned()),
        _ => None,
    }
}

/// The health after one more check.
pub(super) fn next(now: &Health, failures: &mut u32, seen: Seen) -> Health {
    *failures = if seen == Seen::Ready { 0 } else { failures.saturating_add(1) };
    match (now, seen) {
        (_, Seen::Ready) => Health::Ready,
        (_, Seen::Foreign(why)) => Health::Foreign(why),
        (Health::Ready, Seen::Not(_)) if *failures < FAILURES_MAX => Health::Ready,
        (Health::Ready | Health::Unready(_), Seen::Not(why)) => Health::Unready(why),
        (_, Seen::Not(why)) => Health::Starting(why),
    }
}

/// Whether the proxy may choose an instance of this health. A stable one that is not ready any more stays in: nobody
/// would serve better, and its own reply tells more than ours.
pub(super) fn standing(health: &Health, role: Role) -> Standing {
    match (health, role) {
        (Health::Ready, _) | (Health::Unready(_), Role::Stable) => Standing::Alive,
        _ => Standing::Dead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not() -> Seen {
        Seen::Not("503".to_owned())
    }

    #[test]
    fn one_failure_is_forgiven_and_two_are_not() {
        let mut failures = 0;
        let mut health = Health::Starting(String::new());
        let expected = [
            (not(), Health::Starting("503".to_owned())),
            (Seen::Ready, Health::Ready),
            (not(), Health::Ready),
            (Seen::Ready, Health::Ready),
            (not(), Health::Ready),
            (not(), Health::Unready("503".to_owned())),
            (not(), Health::Unready("503".to_owned())),
            (Seen::Ready, Health::Ready),
        ];
        for (seen, expected) in expected {
            health = next(&health, &mut failures, seen);
            assert_eq!(health, expected);
        }
    }

    #[test]
    fn a_stranger_is_never_forgiven() {
        let mut failures = 0;
        let foreign = next(&Health::Ready, &mut failures, Seen::Foreign("x".to_owned()));
        assert_eq!(foreign, Health::Foreign("x".to_owned()));
        assert_eq!(next(&foreign, &mut failures, not()), Health::Starting("503".to_owned()));
    }

    #[test]
    fn only_the_ready_are_chosen_and_a_stable_one_in_need() {
        let unready = Health::Unready(String::new());
        assert_eq!(standing(&Health::Ready, Role::Canary), Standing::Alive);
        assert_eq!(standing(&unready, Role::Stable), Standing::Alive);
        assert_eq!(standing(&unready, Role::Canary), Standing::Dead);
        for health in
            [Health::Starting(String::new()), Health::Foreign(String::new()), Health::Exited(String::new())]
        {
            assert_eq!(standing(&health, Role::Stable), Standing::Dead);
        }
    }
}
