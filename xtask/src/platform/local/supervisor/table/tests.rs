//! The rules of weights, over small spaces.

use super::*;
use proptest::prelude::*;

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn share(role: Role, name: &str, weight: u8) -> Share {
    Share { role, digest: digest(name), instances: vec![name.to_owned()], weight }
}

fn weights(shares: Vec<Share>, expires_in_millis: Option<u64>) -> Weights {
    Weights { shares, expires_in_millis, on_expiry: OnExpiry::Stable }
}

fn facts(health: Health) -> BTreeMap<String, Facts> {
    let one =
        |name: &str, health| (name.to_owned(), Facts { digest: digest(name), health, life: Life::Staying });
    BTreeMap::from([one("old", Health::Ready), one("new", health)])
}

fn check(new: &Weights, now: &Weights, health: Health, expected: Result<Exposure, &str>) {
    let target = Target { service: "desk".to_owned(), environment: "staging".to_owned() };
    match (validate(&target, new, now, &facts(health)), expected) {
        (Ok(exposure), Ok(expected)) => assert_eq!(exposure, expected),
        (Err(refusal), Err(expected)) => assert!(refusal.message.contains(expected), "{refusal}"),
        (found, expected) => panic!("{new:?}: {found:?}, not {expected:?}"),
    }
}

fn canary(weight: u8) -> Weights {
    weights(vec![share(Role::Stable, "old", 100 - weight), share(Role::Canary, "new", weight)], Some(1000))
}

fn settled() -> Weights {
    weights(vec![share(Role::Stable, "old", 100)], None)
}

#[test]
fn raising_needs_a_ready_instance_and_lowering_does_not() {
    let unready = || Health::Unready("503".to_owned());
    check(&canary(10), &settled(), Health::Ready, Ok(Exposure::Raised));
    check(&canary(10), &settled(), unready(), Err("not ready any more (503)"));
    check(&canary(10), &settled(), Health::Starting("refused".to_owned()), Err("starting (refused)"));
    check(&canary(10), &settled(), Health::Foreign("other nonce".to_owned()), Err("somebody else"));
    check(&canary(10), &canary(50), unready(), Ok(Exposure::NotRaised));
    check(&settled(), &canary(50), unready(), Ok(Exposure::NotRaised));
    check(&nobody(), &canary(50), unready(), Ok(Exposure::NotRaised));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let ready = || Health::Ready;
    check(&weights(vec![share(Role::Stable, "old", 90)], None), &nobody(), ready(), Err("sum to 90"));
    check(&weights(canary(10).shares, None), &settled(), ready(), Err("without an expiry"));
    check(
        &weights(vec![share(Role::Canary, "new", 100)], None),
        &settled(),
        ready(),
        Err("without an expiry"),
    );
    check(&weights(canary(10).shares, Some(u64::MAX)), &settled(), ready(), Err("more than a day"));
    let twice = vec![share(Role::Stable, "old", 50), share(Role::Canary, "old", 50)];
    check(&weights(twice, Some(1)), &settled(), ready(), Err("twice"));
    let mut empty = settled();
    empty.shares[0].instances.clear();
    check(&empty, &nobody(), ready(), Err("has no instance"));
    let mut other = settled();
    other.shares[0].digest = digest("new");
    check(&other, &nobody(), ready(), Err("runs sha256:"));
    check(
        &weights(vec![share(Role::Stable, "gone", 100)], None),
        &nobody(),
        ready(),
        Err("no instance gone"),
    );
    let named = weights(vec![share(Role::Stable, "old", 100), share(Role::Canary, "gone", 0)], None);
    check(&named, &nobody(), ready(), Ok(Exposure::Raised));
}

#[test]
fn what_is_being_stopped_gets_no_traffic() {
    let target = Target { service: "desk".to_owned(), environment: "staging".to_owned() };
    let mut facts = facts(Health::Ready);
    facts.get_mut("old").unwrap().life = Life::Leaving;
    let refusal = validate(&target, &settled(), &settled(), &facts).unwrap_err();
    assert!(refusal.message.contains("being stopped"), "{refusal}");
}

#[test]
fn without_a_stable_share_nobody_serves() {
    assert_eq!(restore(&weights(vec![share(Role::Canary, "new", 100)], Some(1))), nobody());
    let restored = restore(&canary(50));
    assert!(has_weight(&restored, "old") && !has_weight(&restored, "new"));
    assert_eq!(restored.shares.len(), 2);
}

proptest! {
    /// Invariant 10: without a live deployer, exposure of a new version only falls; and the sum stays 100.
    #[test]
    fn a_restore_never_raises(weight in 0u8..=100, is_first: bool) {
        let table = if is_first { weights(vec![share(Role::Canary, "new", 100)], Some(1)) } else { canary(weight) };
        let restored = restore(&table);
        prop_assert_eq!(exposure(&restored, &table), Exposure::NotRaised);
        let sum: u32 = restored.shares.iter().map(|share| u32::from(share.weight)).sum();
        prop_assert!(sum == 100 || restored.shares.is_empty());
        prop_assert_eq!(restore(&restored).shares, restored.shares.clone());
        prop_assert!(is_settled(&restored));
    }
}
