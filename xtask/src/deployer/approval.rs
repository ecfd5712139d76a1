//! What people say about a rollout that waits: bound to it, its digest, environment and plan, and counted per person.
//!
//! Who says it is authenticated: by the user of the connection, whom the supervisor writes down, or by a signature with a
//! key of `policies/approvers.yaml`. One person has one word, the last one. Where it cannot be told whether two are the same
//! person (a user without a name, and a key that was used by the same user), they count as one.

use super::{Link, event};
use crate::digest::{Digest, short_commit};
use crate::platform::protocol::{Entry, Record, Target};
use crate::policy::approvers::{Approver, Approvers, body};
use crate::rollout::{Answer, Approvals, Rollout};
use crate::tools::signatures::{self, Signed};
use crate::world::World;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The namespace of signatures: one for something else is none for a rollout.
pub const NAMESPACE: &str = "gateline-rollout";

/// What somebody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Go on.
    Yes,
    /// Do not.
    No,
    /// What I said before does not hold any more.
    Withdrawn,
    /// Begin though the windows are closed.
    Overrides,
}

impl Given {
    const ALL: [Given; 4] = [Given::Yes, Given::No, Given::Withdrawn, Given::Overrides];

    const fn what(self) -> &'static str {
        match self {
            Given::Yes => "approved",
            Given::No => "rejected",
            Given::Withdrawn => "withdrawn",
            Given::Overrides => "window-overridden",
        }
    }
}

/// One thing that somebody said, as the journal has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    seq: u64,
    actor: String,
    at: Timestamp,
    given: Given,
    body: Value,
}

impl Said {
    /// What a record says, where it says something.
    pub(super) fn of(record: &Record) -> Option<Said> {
        let given = Given::ALL.into_iter().find(|given| given.what() == record.entry.what)?;
        let (actor, body) = (record.actor.clone(), record.entry.body.clone());
        Some(Said { seq: record.seq, actor, at: record.at, given, body })
    }

    fn signed(&self) -> Option<Signed> {
        serde_json::from_value(self.body.get("signed")?.clone()).ok()
    }

    fn reason(&self) -> &str {
        self.body.get("reason").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Person {
    /// By name.
    Named(String),
    /// A user whose name nobody knows.
    User(String),
}

/// By what it is counted: the approvers in force, now.
#[derive(Debug, Clone)]
pub struct People<'a> {
    /// Who is who.
    pub approvers: &'a Approvers,
    /// The wall clock.
    pub now: Timestamp,
}

/// Which signatures hold, by the number of their record: each is verified once.
pub(super) type Verified = BTreeMap<u64, bool>;

/// The answers that count now.
pub(super) async fn given(
    world: &World,
    said: &[Said],
    rollout: &Rollout,
    approvers: &Approvers,
    verified: &mut Verified,
) -> anyhow::Result<Approvals> {
    for one in said {
        if let (Some(signed), false) = (one.signed(), verified.contains_key(&one.seq)) {
            let text = statement(rollout, one.given, one.reason());
            let holds = signatures::verify(world, &signed, NAMESPACE, &text).await?.is_ok();
            verified.insert(one.seq, holds);
        }
    }
    Ok(count(said, rollout, &People { approvers, now: world.now() }, verified))
}

/// Writes down what somebody says. The supervisor adds who, by the socket's peer credentials.
///
/// # Errors
/// Where it could not be written durably.
pub async fn give(
    link: &mut Link,
    rollout: &Rollout,
    given: Given,
    reason: &str,
    signed: Option<Signed>,
) -> anyhow::Result<()> {
    let target = Target { service: rollout.service.clone(), environment: rollout.environment.clone() };
    link.append(&target, entry(rollout, given, reason, signed)).await.map(|_| ())
}

fn entry(rollout: &Rollout, given: Given, reason: &str, signed: Option<Signed>) -> Entry {
    let mut body = bound_to(rollout);
    if !reason.is_empty() {
        body["reason"] = json!(reason);
    }
    if let Some(signed) = signed {
        body["signed"] = json!(signed);
    }
    event(&rollout.id, given.what(), body)
}

/// The text that is signed. Each line has one meaning; nothing else is in it.
pub fn statement(rollout: &Rollout, given: Given, reason: &str) -> String {
    format!(
        "gateline/rollout-approval/v1\nsays {}\nrollout {}\nservice {}\nenvironment {}\ndigest {}\nplan {}\nreason {}\n",
        given.what(),
        rollout.id,
        rollout.service,
        rollout.environment,
        rollout.digest,
        rollout.plan.hash(),
        Digest::of(reason.as_bytes())
    )
}

/// Whether what the user of this process would say counts: else why not. `signed` is a signature that holds.
///
/// # Errors
/// Why it would not count, for people.
pub fn would_count(
    rollout: &Rollout,
    given: Given,
    signed: Option<&Signed>,
    people: &People<'_>,
) -> Result<(), String> {
    let actor = format!("uid:{}", rustix::process::getuid().as_raw());
    let body = entry(rollout, given, "", signed.cloned()).body;
    let said = Said { seq: 0, actor, at: people.now, given, body };
    who(&said, rollout, people, &[(0, true)].into()).map(|_| ())
}

/// What an answer is bound to.
fn bound_to(rollout: &Rollout) -> Value {
    json!({"digest": rollout.digest, "environment": rollout.environment, "plan": rollout.plan.hash()})
}

/// Who says it, where it is of this rollout and he may: else why it does not count.
fn who(said: &Said, rollout: &Rollout, people: &People<'_>, verified: &Verified) -> Result<Person, String> {
    let bound = bound_to(rollout);
    let other =
        bound.as_object().into_iter().flatten().find(|(key, value)| said.body.get(*key) != Some(value));
    if let Some((key, _)) = other {
        return Err(format!("it is for another {key}"));
    }
    let person = match said.signed() {
        None if said.body.get("signed").is_some() => return Err("its signature cannot be read".to_owned()),
        None => by_user(&said.actor, people.approvers),
        Some(signed) if verified.get(&said.seq) == Some(&true) => by_key(&signed, rollout, people)?,
        Some(_) => return Err("its signature does not hold".to_owned()),
    };
    let named = &rollout.plan.approvers;
    let may = |name: &str| {
        named.iter().any(|one| one.name == name)
            && people.approvers.approvers.iter().any(|one| one.name == name)
    };
    match &person {
        // Anybody may order that a window is overridden; how many must is the policy's to say.
        _ if given_by_anybody(said.given) || named.is_empty() => {}
        Person::Named(name) if may(name) => {}
        Person::Named(name) => return Err(format!("{name} is not one of those who may approve")),
        Person::User(user) => {
            return Err(format!("{user} is nobody in policies/approvers.yaml: sign with --key FILE"));
        }
    }
    let own = by_user(&rollout.actor, people.approvers) == person;
    if own && said.given == Given::Yes && !rollout.plan.self_approval {
        return Err("who starts a rollout may not approve it".to_owned());
    }
    Ok(person)
}

const fn given_by_anybody(given: Given) -> bool {
    matches!(given, Given::Overrides | Given::Withdrawn)
}

/// The person whose user this is.
fn by_user(actor: &str, approvers: &Approvers) -> Person {
    let uid = actor.strip_prefix("uid:").and_then(|uid| uid.parse::<u32>().ok());
    let mut known = approvers.approvers.iter();
    let found = known.find(|one| uid.is_some() && one.uid == uid);
    found.map_or_else(|| Person::User(actor.to_owned()), |one| Person::Named(one.name.clone()))
}

/// The person whose key this is: in the policies in force, and where the plan names people, in the plan too.
fn by_key(signed: &Signed, rollout: &Rollout, people: &People<'_>) -> Result<Person, String> {
    let today = people.now.to_zoned(TimeZone::UTC).date();
    let has = |one: &Approver| one.ssh_keys.iter().find(|key| body(&key.key) == signed.key).cloned();
    let found = people.approvers.approvers.iter().find_map(|one| Some((one, has(one)?)));
    let Some((approver, key)) = found else {
        return Err("its key is nobody's in policies/approvers.yaml".to_owned());
    };
    if key.expires.is_some_and(|last| last < today) {
        return Err(format!("the key of {} has expired", approver.name));
    }
    let planned = &rollout.plan.approvers;
    if !planned.is_empty() && !planned.iter().any(|one| one.name == approver.name && has(one).is_some()) {
        return Err(format!("the key of {} was not there when the rollout was planned", approver.name));
    }
    Ok(Person::Named(approver.name.clone()))
}

/// Counts the answers: one per person, their last word.
fn count(said: &[Said], rollout: &Rollout, people: &People<'_>, verified: &Verified) -> Approvals {
    let mut words: BTreeMap<Person, &Said> = BTreeMap::new();
    let mut overriding: BTreeMap<Person, &Said> = BTreeMap::new();
    for one in said {
        let Ok(person) = who(one, rollout, people, verified) else { continue };
        match one.given {
            Given::Yes | Given::No => drop(words.insert(person, one)),
            Given::Overrides => drop(overriding.insert(person, one)),
            Given::Withdrawn => {
                words.remove(&person);
                overriding.remove(&person);
            }
        }
    }
    let rejected = words.values().any(|one| one.given == Given::No);
    let minutes = rollout.plan.approval_minutes.and_then(|minutes| i64::try_from(minutes).ok());
    let lives = |one: &Said| {
        minutes.is_none_or(|minutes| people.now.duration_since(one.at) < SignedDuration::from_mins(minutes))
    };
    words.retain(|_, one| one.given == Given::Yes && lives(one));
    let starter = match by_user(&rollout.actor, people.approvers) {
        Person::User(user) if !rollout.plan.self_approval => Some(user),
        _ => None,
    };
    Approvals {
        granted: distinct(&words, starter),
        answer: if rejected { Answer::Rejected } else { Answer::Open },
        overriding: distinct(&overriding, None),
    }
}

/// How many people these are for sure. A user without a name may be one of those whose keys he has used; so may be a
/// `starter` who may not be among them.
fn distinct(words: &BTreeMap<Person, &Said>, starter: Option<String>) -> u32 {
    let users = words.keys().filter_map(|person| match person {
        Person::User(user) => Some(user.clone()),
        Person::Named(_) => None,
    });
    let named = |user: &String| {
        words.iter().any(|(person, said)| matches!(person, Person::Named(_)) && said.actor == *user)
    };
    let twice = users.chain(starter).filter(named).count();
    u32::try_from(words.len().saturating_sub(twice)).unwrap_or(u32::MAX)
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
mod tests;
