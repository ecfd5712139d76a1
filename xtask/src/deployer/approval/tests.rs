//! Who counts, and who does not.

use super::*;
use crate::deployer::records::tests::{record, rollout};
use crate::policy::approvers::APPROVERS_MAX;

const PEOPLE: &str = "approvers:\n- {name: Ana, ssh_keys: [{key: ssh-ed25519 AAAA, expires: 1970-01-02}]}\n\
                      - {name: Ben, ssh_keys: [{key: ssh-ed25519 BBBB}]}\n- {name: Cem, uid: 7}\n";

fn people(text: &str) -> Approvers {
    let all: Approvers = serde_yaml::from_str(text).unwrap();
    assert!(all.approvers.len() < APPROVERS_MAX);
    all
}

fn key(body: &str) -> Signed {
    Signed { key: format!("ssh-ed25519 {body}"), signature: "s".into() }
}

/// A rollout that these may approve.
fn of(quorum: u32, from: &[&str]) -> Rollout {
    let mut rollout = rollout("r1");
    rollout.plan.approvals = quorum;
    rollout.plan.approvers =
        people(PEOPLE).approvers.into_iter().filter(|one| from.contains(&one.name.as_str())).collect();
    rollout
}

type Words<'a> = &'a [(&'a str, Given, Option<&'a str>)];

/// What counts of these words (who, what, whose key), a minute after the last, each signature holding.
fn counted(rollout: &Rollout, words: Words<'_>, tamper: fn(&mut Value)) -> Approvals {
    let said = said(rollout, words, tamper);
    let verified = said.iter().map(|one| (one.seq, true)).collect();
    let approvers = people(PEOPLE);
    let people = People { approvers: &approvers, now: Timestamp::from_second(60).unwrap() };
    count(&said, rollout, &people, &verified)
}

fn said(rollout: &Rollout, words: Words<'_>, tamper: fn(&mut Value)) -> Vec<Said> {
    let records = words.iter().zip(1..).map(|((actor, given, signed), seq)| {
        let mut entry = entry(rollout, *given, "", signed.map(key));
        tamper(&mut entry.body);
        Said::of(&Record { seq, ..record(actor, entry) }).unwrap()
    });
    records.collect()
}

use Given::{No, Overrides, Withdrawn, Yes};

#[test]
fn people_count_once_and_their_last_word_holds() {
    let granted = |words: Words<'_>| counted(&rollout("r1"), words, |_| {}).granted;
    assert_eq!(granted(&[("uid:1", Yes, None), ("uid:1", Yes, None)]), 1);
    assert_eq!(granted(&[("uid:1", Yes, None), ("uid:2", Yes, None)]), 2);
    assert_eq!(granted(&[("uid:1", Yes, None), ("uid:1", Withdrawn, None)]), 0);
    assert_eq!(granted(&[("uid:1", Yes, None), ("uid:2", Withdrawn, None)]), 1, "only one's own");
    let answer = |words: Words<'_>| counted(&rollout("r1"), words, |_| {}).answer;
    assert_eq!(answer(&[("uid:1", Yes, None), ("uid:1", No, None)]), Answer::Rejected);
    assert_eq!(answer(&[("uid:1", No, None), ("uid:1", Yes, None)]), Answer::Open);
}

#[test]
fn an_answer_to_something_else_does_not_count() {
    for tamper in [
        (|body| body["digest"] = json!("sha256:0")) as fn(&mut Value),
        |body| body["environment"] = json!("staging"),
        |body| body["plan"] = json!("other"),
        |body| body["signed"] = json!("forged"),
    ] {
        assert_eq!(counted(&rollout("r1"), &[("uid:1", Yes, None)], tamper).granted, 0);
    }
    // What was signed for one rollout is not for the next, though digest, environment and plan are the same.
    assert_ne!(statement(&rollout("r1"), Yes, ""), statement(&rollout("r2"), Yes, ""));
    assert_ne!(statement(&rollout("r1"), Yes, ""), statement(&rollout("r1"), No, ""));
    assert_ne!(statement(&rollout("r1"), Overrides, "a"), statement(&rollout("r1"), Overrides, "b"));
}

#[test]
fn only_those_who_are_named_count_and_by_their_keys() {
    let granted = |words: Words<'_>| counted(&of(2, &["Ana", "Ben"]), words, |_| {}).granted;
    assert_eq!(
        granted(&[("uid:1", Yes, Some("AAAA")), ("uid:1", Yes, Some("BBBB"))]),
        2,
        "one user, two keys"
    );
    assert_eq!(
        granted(&[("uid:1", Yes, Some("AAAA")), ("uid:2", Yes, Some("AAAA"))]),
        1,
        "one key, two users"
    );
    assert_eq!(granted(&[("uid:1", Yes, None), ("uid:7", Yes, None), ("uid:1", Yes, Some("CCCC"))]), 0);
    assert_eq!(counted(&of(1, &["Cem"]), &[("uid:7", Yes, None)], |_| {}).granted, 1, "by his user");
}

#[test]
fn a_forged_and_an_unverified_signature_do_not_count() {
    let rollout = of(1, &["Ana"]);
    let said = said(&rollout, &[("uid:1", Yes, Some("AAAA"))], |_| {});
    let approvers = people(PEOPLE);
    let people = People { approvers: &approvers, now: Timestamp::UNIX_EPOCH };
    for (verified, expected) in [(vec![], 0), (vec![(1, false)], 0), (vec![(1, true)], 1)] {
        assert_eq!(count(&said, &rollout, &people, &verified.into_iter().collect()).granted, expected);
    }
}

#[test]
fn a_key_that_expired_or_was_taken_out_or_put_in_since_does_not_count() {
    let rollout = of(1, &["Ana"]);
    let said = said(&rollout, &[("uid:1", Yes, Some("AAAA"))], |_| {});
    let counted = |text: &str, day: i64, rollout: &Rollout| {
        let approvers = people(text);
        let now = Timestamp::from_second(day * 86_400).unwrap();
        count(&said, rollout, &People { approvers: &approvers, now }, &[(1, true)].into()).granted
    };
    assert_eq!([0, 1, 2].map(|day| counted(PEOPLE, day, &rollout)), [1, 1, 0], "2 January is its last day");
    assert_eq!(counted("approvers: [{name: Ben, ssh_keys: [{key: ssh-ed25519 AAAA}]}]", 0, &rollout), 0);
    let mut planned = rollout.clone();
    planned.plan.approvers[0].ssh_keys.clear();
    let bound = said_for(&planned);
    let approvers = people(PEOPLE);
    let people = People { approvers: &approvers, now: Timestamp::UNIX_EPOCH };
    assert_eq!(count(&bound, &planned, &people, &[(1, true)].into()).granted, 0);
}

fn said_for(rollout: &Rollout) -> Vec<Said> {
    said(rollout, &[("uid:1", Yes, Some("AAAA"))], |_| {})
}

#[test]
fn an_approval_expires_and_a_refusal_does_not() {
    let mut rollout = rollout("r1");
    rollout.plan.approval_minutes = Some(1);
    let counted = |given| counted(&rollout, &[("uid:1", given, None)], |_| {});
    assert_eq!((counted(Yes).granted, counted(No).answer), (0, Answer::Rejected));
    rollout.plan.approval_minutes = Some(2);
    assert_eq!(self::counted(&rollout, &[("uid:1", Yes, None)], |_| {}).granted, 1);
}

#[test]
fn ones_own_yes_counts_only_where_the_plan_admits_it() {
    let mut rollout = rollout("r1");
    rollout.plan.self_approval = false;
    let granted = |rollout: &Rollout, words: Words<'_>| counted(rollout, words, |_| {}).granted;
    assert_eq!(granted(&rollout, &[("uid:9", Yes, None)]), 0);
    assert_eq!(granted(&rollout, &[("uid:9", Yes, None), ("uid:77", Yes, None)]), 1);
    // Who started it is known by his user.
    rollout.actor = "uid:7".into();
    assert_eq!(granted(&rollout, &[("uid:7", Yes, None), ("uid:7", Yes, Some("BBBB"))]), 1);
    // Who started it may be the one who signs: then it takes one more.
    rollout.actor = "uid:9".into();
    assert_eq!(granted(&rollout, &[("uid:9", Yes, Some("BBBB"))]), 0);
    assert_eq!(granted(&rollout, &[("uid:9", Yes, Some("BBBB")), ("uid:9", Yes, Some("AAAA"))]), 1);
    assert_eq!(
        granted(&rollout, &[("uid:77", Yes, Some("BBBB"))]),
        1,
        "another user than the one who started it"
    );
}

#[test]
fn a_user_without_a_name_and_his_key_are_one_person() {
    let overriding = |words: Words<'_>| counted(&rollout("r1"), words, |_| {}).overriding;
    assert_eq!(overriding(&[("uid:9", Overrides, None)]), 1);
    assert_eq!(overriding(&[("uid:9", Overrides, None), ("uid:9", Overrides, Some("AAAA"))]), 1);
    assert_eq!(
        overriding(&[("uid:7", Overrides, None), ("uid:7", Overrides, Some("AAAA"))]),
        2,
        "Cem and Ana"
    );
    assert_eq!(overriding(&[("uid:9", Overrides, None), ("uid:9", Withdrawn, None)]), 0);
    assert_eq!(overriding(&[("uid:9", Yes, None)]), 0, "an approval overrides nothing");
}

#[test]
fn the_question_names_what_is_at_stake() {
    let asked = question(&rollout("r1"));
    assert!(
        asked.starts_with("production: nothing → ") && asked.contains("10 %, 50 % then 100 %"),
        "{asked}"
    );
}
