//! From bundles to evidence: every way in which they can be less than what is demanded is a refusal with a code of its own.
//!
//! Fail closed. What is not understood is not skipped: an attacker who can add files could otherwise hide behind them, and a reader
//! would not learn that something is odd. All refusals are told at once.

use super::bundle::{Bundle, BundleError, MEDIA_TYPE, shown};
use super::key::PublicKey;
use super::statement::{Predicate, STATEMENT, Statement, VerdictPredicate};
use crate::digest::{Digest, short_commit};
use crate::verdict::Outcome;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a clock elsewhere may be ahead of ours.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Most referrers of one image that are looked at.
pub const ATTACHED_MAX: usize = 64;

/// Something that is attached to the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The digest of its manifest.
    pub manifest: Digest,
    /// What kind of thing it says that it is.
    pub artifact_type: String,
    /// The predicate that its annotation promises.
    pub promised: Option<String>,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What is demanded.
#[derive(Debug, Clone)]
pub struct Demands<'a> {
    /// The image, resolved once.
    pub image: &'a Digest,
    /// The commit that it must be of, where that is known.
    pub commit: Option<&'a str>,
    /// The digest of the `evidence.json` that lies beside it, where there is one.
    pub evidence: Option<&'a Digest>,
    /// The policy by which must have been judged.
    pub policy: &'a Digest,
    /// Whose signatures count.
    pub keys: &'a [PublicKey],
    /// What must be said, each exactly once.
    pub required: &'a [Predicate],
    /// The time.
    pub now: Timestamp,
    /// How old a build may be.
    pub age_max: SignedDuration,
}

/// Why evidence is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// `evidence/<what>`.
    pub code: &'static str,
    /// What, where, why.
    pub message: String,
    /// The next command to type.
    pub help: String,
}

/// Evidence that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The commit.
    pub commit: String,
    /// When it was built.
    pub built_at: Timestamp,
    /// What was said, by which key, in which bundle.
    pub statements: Vec<Said>,
}

/// One statement that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// What kind.
    pub predicate: &'static str,
    /// Who.
    pub key: Digest,
    /// The referrer's manifest.
    pub manifest: Digest,
}

const AGAIN: &str = "make a new release: cargo xtask ship --fresh";

impl Refusal {
    /// A refusal.
    pub fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), help: help.into() }
    }
}

/// Judges everything that is attached to an image.
///
/// # Errors
/// All refusals, at least one.
pub fn judge(attached: &[Attached], demands: &Demands<'_>) -> Result<Accepted, Vec<Refusal>> {
    let mut refused: Vec<Refusal> = Vec::new();
    let mut held: BTreeMap<Predicate, Vec<(Said, Statement)>> = BTreeMap::new();
    if attached.len() > ATTACHED_MAX {
        let message = format!("{} things are attached, more than {ATTACHED_MAX}", attached.len());
        return Err(vec![Refusal::new("evidence/too-many", message, AGAIN)]);
    }
    for one in attached {
        match hold(one, demands) {
            Ok((predicate, said, statement)) => held.entry(predicate).or_default().push((said, statement)),
            Err(refusal) => refused.push(refusal),
        }
    }
    for (predicate, all) in &held {
        if !demands.required.contains(predicate) {
            let message = format!("a {} is attached, which the policy does not ask for", predicate.name());
            refused.push(Refusal::new("evidence/unasked", message, "take it away from the image"));
        } else if all.len() > 1 {
            let message =
                format!("{} {}s are attached: nobody knows which one holds", all.len(), predicate.name());
            refused.push(Refusal::new("evidence/doubled", message, AGAIN));
        }
    }
    for predicate in demands.required {
        if !held.contains_key(predicate) {
            let message =
                format!("no {} by an admitted key speaks of {}", predicate.name(), demands.image.short());
            refused.push(Refusal::new("evidence/missing", message, AGAIN));
        }
    }
    let first = |predicate| held.get(&predicate).and_then(|all| all.first()).map(|(_, statement)| statement);
    let built = first(Predicate::Provenance).map(|statement| built(statement, demands));
    let judged = first(Predicate::Verdict).map(|statement| judged(statement, demands));
    let (mut commits, mut built_at) = (Vec::new(), Timestamp::UNIX_EPOCH);
    match built {
        Some(Ok((commit, at))) => {
            commits.push(commit);
            built_at = at;
        }
        Some(Err(refusal)) => refused.push(refusal),
        None => {}
    }
    match judged {
        Some(Ok(commit)) => commits.push(commit),
        Some(Err(refusals)) => refused.extend(refusals),
        None => {}
    }
    if commits.windows(2).any(|pair| pair[0] != pair[1]) {
        let message = "provenance and verdict speak of different commits";
        refused.push(Refusal::new("evidence/other-commit", message, AGAIN));
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let statements = held.into_values().flatten().map(|(said, _)| said).collect();
    Ok(Accepted { commit: commits.pop().unwrap_or_default(), built_at, statements })
}

/// One bundle by itself: readable, signed by an admitted key, of this image, and what it says that it is.
fn hold(one: &Attached, demands: &Demands<'_>) -> Result<(Predicate, Said, Statement), Refusal> {
    let name = one.manifest.short();
    if one.artifact_type != MEDIA_TYPE {
        let message = format!(
            "{name} is attached as `{}`, which is no evidence that is read",
            shown(&one.artifact_type)
        );
        return Err(Refusal::new("evidence/unknown-artifact", message, "take it away from the image"));
    }
    let (bundle, statement) = signed(name, &one.bytes, demands.keys)?;
    let kind = Predicate::of_uri(&statement.predicate_type).ok_or_else(|| {
        let message =
            format!("{name} says `{}`, a predicate that is not known", shown(&statement.predicate_type));
        Refusal::new(
            "evidence/unknown-predicate",
            message,
            "take it away from the image, or use a newer gateline",
        )
    })?;
    if !statement.is_of(demands.image) {
        let message =
            format!("the {} in {name} does not speak of {} alone", kind.name(), demands.image.short());
        return Err(Refusal::new("evidence/other-subject", message, AGAIN));
    }
    if one.promised.as_deref() != Some(kind.uri()) {
        let promised = shown(one.promised.as_deref().unwrap_or("nothing"));
        let message = format!("{name} is labelled `{promised}` and holds a {}", kind.name());
        return Err(Refusal::new("evidence/mislabelled", message, AGAIN));
    }
    let said = Said { predicate: kind.name(), key: bundle.key, manifest: one.manifest.clone() };
    Ok((kind, said, statement))
}

/// A bundle's statement, if an admitted key signed it. The statement is not parsed before the signature holds.
///
/// # Errors
/// The refusal; `name` says which bundle.
pub fn signed(name: &str, bytes: &[u8], keys: &[PublicKey]) -> Result<(Bundle, Statement), Refusal> {
    let bundle = Bundle::parse(bytes).map_err(|error| {
        let code = match error {
            BundleError::Signatures(0) => "evidence/unsigned",
            BundleError::Signatures(_) => "evidence/ambiguous",
            BundleError::Keyless => "evidence/keyless",
            _ => "evidence/unreadable",
        };
        Refusal::new(code, format!("{name} is refused: {error}"), AGAIN)
    })?;
    let Some(key) = keys.iter().find(|key| *key.id() == bundle.key) else {
        let message = format!("{name} is signed by {}, which the policy does not admit", bundle.key.short());
        let help = "if it is to be trusted, add what `cargo xtask key show` prints where it lies to `verify.keys` in policies/image.yaml; else: cargo xtask ship --fresh";
        return Err(Refusal::new("evidence/unknown-key", message, help));
    };
    if !bundle.envelope.is_signed_by(key) {
        let message = format!("the signature in {name} is not one of {} over this payload", key.id().short());
        return Err(Refusal::new("evidence/bad-signature", message, AGAIN));
    }
    let statement = serde_json::from_slice::<Statement>(&bundle.envelope.payload);
    match statement {
        Ok(statement) if statement.kind == STATEMENT => Ok((bundle, statement)),
        _ => {
            let message = format!("{name} is signed and holds no in-toto statement of version 1");
            Err(Refusal::new("evidence/unreadable", message, AGAIN))
        }
    }
}

/// What is read of provenance.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadProvenance {
    build_definition: ReadDefinition,
    run_details: ReadRun,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadDefinition {
    resolved_dependencies: Vec<ReadDependency>,
}

#[derive(Deserialize)]
struct ReadDependency {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ReadRun {
    metadata: ReadTimes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadTimes {
    finished_on: Timestamp,
}

/// The commit and the time of a build.
fn built(statement: &Statement, demands: &Demands<'_>) -> Result<(String, Timestamp), Refusal> {
    let unreadable = |why: String| {
        Refusal::new("evidence/unreadable", format!("the provenance cannot be read: {why}"), AGAIN)
    };
    let read: ReadProvenance =
        serde_json::from_value(statement.predicate.clone()).map_err(|error| unreadable(error.to_string()))?;
    let mut commits =
        read.build_definition.resolved_dependencies.iter().filter_map(|one| one.digest.get("gitCommit"));
    let (Some(commit), None) = (commits.next(), commits.next()) else {
        return Err(unreadable("it names no commit, or several".to_owned()));
    };
    of_commit("provenance", commit, demands)?;
    let at = read.run_details.metadata.finished_on;
    let age = demands.now.duration_since(at);
    if age > demands.age_max {
        let message = format!("it was built {} days ago, more than the policy allows", age.as_hours() / 24);
        return Err(Refusal::new("evidence/stale", message, AGAIN));
    }
    if age < -AHEAD_MAX {
        let message = format!("it was built at {at}, which is in the future");
        return Err(Refusal::new("evidence/from-the-future", message, "set the clock: timedatectl"));
    }
    Ok((commit.clone(), at))
}

/// The commit that the gates judged.
fn judged(statement: &Statement, demands: &Demands<'_>) -> Result<String, Vec<Refusal>> {
    let verdict: VerdictPredicate = serde_json::from_value(statement.predicate.clone()).map_err(|error| {
        vec![Refusal::new("evidence/unreadable", format!("the verdict cannot be read: {error}"), AGAIN)]
    })?;
    let mut refused = Vec::new();
    refused.extend(of_commit("verdict", &verdict.commit, demands).err());
    if verdict.policy != *demands.policy {
        let message = format!(
            "it was judged by policy {}, and {} is in force",
            verdict.policy.short(),
            demands.policy.short()
        );
        refused.push(Refusal::new("evidence/other-policy", message, AGAIN));
    }
    if let Some(beside) = demands.evidence.filter(|beside| **beside != verdict.evidence) {
        let message = format!(
            "it was judged on the evidence {}, and {} lies beside it",
            verdict.evidence.short(),
            beside.short()
        );
        refused.push(Refusal::new("evidence/other-evidence", message, AGAIN));
    }
    let lacking: Vec<&str> = verdict.lacking().into_iter().map(crate::verdict::Gate::name).collect();
    if verdict.outcome != Outcome::Passed || !lacking.is_empty() {
        let message = format!("its verdict is not passed; gates that did not pass: {}", lacking.join(", "));
        refused.push(Refusal::new("evidence/not-passed", message, "see what they found: cargo xtask ci"));
    }
    if refused.is_empty() { Ok(verdict.commit) } else { Err(refused) }
}

fn of_commit(what: &str, commit: &str, demands: &Demands<'_>) -> Result<(), Refusal> {
    match demands.commit {
        Some(wanted) if wanted != commit => {
            let message = format!(
                "its {what} is of commit {}, not of {}",
                shown(short_commit(commit)),
                short_commit(wanted)
            );
            Err(Refusal::new("evidence/other-commit", message, AGAIN))
        }
        _ => Ok(()),
    }
}
