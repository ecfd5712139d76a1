//! in-toto Statements v1: one thing that is said of one digest. Deterministic bytes; the only times are those of provenance.
//!
//! Predicates: SLSA provenance v1 (how it was built), CycloneDX (what it is made of), and our verdict (what the gates said), which is
//! described in docs/reference/evidence.md. SLSA's verification summary v1 is known by its name, so that one that nobody asked for is refused as such.

use crate::digest::Digest;
use crate::verdict::{Gate, Outcome};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `_type` of every statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// How we build an image on the machine that the command is typed on.
pub const BUILD_TYPE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/buildtypes/image/v1");
/// Who builds there.
pub const BUILDER: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/builders/local");
/// What kind of thing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predicate {
    /// How it was built.
    Provenance,
    /// What it is made of.
    Sbom,
    /// What the gates said.
    Verdict,
    /// That it was verified.
    Summary,
}

impl Predicate {
    /// What a release must have.
    pub const OF_RELEASE: [Predicate; 3] = [Predicate::Provenance, Predicate::Sbom, Predicate::Verdict];

    /// Its name in policies and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Predicate::Provenance => "provenance",
            Predicate::Sbom => "sbom",
            Predicate::Verdict => "verdict",
            Predicate::Summary => "summary",
        }
    }

    /// Its `predicateType`.
    pub const fn uri(self) -> &'static str {
        match self {
            Predicate::Provenance => "https://slsa.dev/provenance/v1",
            Predicate::Sbom => "https://cyclonedx.org/bom",
            Predicate::Verdict => concat!(env!("CARGO_PKG_REPOSITORY"), "/predicates/verdict/v1"),
            Predicate::Summary => "https://slsa.dev/verification_summary/v1",
        }
    }

    /// The one of this `predicateType`.
    pub fn of_uri(uri: &str) -> Option<Predicate> {
        let all = [Predicate::Provenance, Predicate::Sbom, Predicate::Verdict, Predicate::Summary];
        all.into_iter().find(|one| one.uri() == uri)
    }
}

/// One thing that is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// [`STATEMENT`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// Of what.
    pub subject: Vec<Subject>,
    /// The form of `predicate`.
    pub predicate_type: String,
    /// What is said.
    pub predicate: serde_json::Value,
}

/// Something with a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// For people.
    pub name: String,
    /// By algorithm, in hexadecimal.
    pub digest: BTreeMap<String, String>,
}

impl Statement {
    /// Says something of an image.
    ///
    /// # Errors
    /// Where the predicate has no JSON, which plain data has.
    pub fn new(
        name: &str,
        image: &Digest,
        predicate: Predicate,
        said: &impl Serialize,
    ) -> Result<Statement, serde_json::Error> {
        let subject = Subject { name: name.to_owned(), digest: sha256(image) };
        Ok(Statement {
            kind: STATEMENT.to_owned(),
            subject: vec![subject],
            predicate_type: predicate.uri().to_owned(),
            predicate: serde_json::to_value(said)?,
        })
    }

    /// Its bytes, which are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Plain data with string keys always serialises; keys of objects are sorted.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it speaks of this image and of nothing else.
    pub fn is_of(&self, image: &Digest) -> bool {
        matches!(self.subject.as_slice(), [one] if one.digest == sha256(image))
    }
}

fn sha256(digest: &Digest) -> BTreeMap<String, String> {
    BTreeMap::from([("sha256".to_owned(), digest.hex().to_owned())])
}

/// What provenance is made of.
#[derive(Debug, Clone)]
pub struct Built<'a> {
    /// The commit, 40 digits.
    pub commit: &'a str,
    /// Where its repository is, if the manifest says so.
    pub repository: Option<&'a str>,
    /// The digest of `Cargo.lock`.
    pub lockfile: &'a Digest,
    /// The toolchain's programs with their versions, and the digest of it all.
    pub toolchain: (BTreeMap<String, String>, &'a Digest),
    /// What was asked for.
    pub parameters: serde_json::Value,
    /// Our version.
    pub version: &'a str,
    /// When the build began and ended.
    pub times: (Timestamp, Timestamp),
}

/// The predicate of SLSA provenance v1.
pub fn provenance(built: &Built<'_>) -> serde_json::Value {
    let repository = built.repository.unwrap_or("local");
    let (programs, toolchain) = &built.toolchain;
    serde_json::json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": built.parameters,
            "internalParameters": {},
            "resolvedDependencies": [
                {"uri": format!("git+{repository}"), "digest": {"gitCommit": built.commit}},
                {"name": "Cargo.lock", "digest": {"sha256": built.lockfile.hex()}},
                {"name": "toolchain", "digest": {"sha256": toolchain.hex()}, "annotations": programs},
            ],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"gateline": built.version}},
            "metadata": {"startedOn": built.times.0.to_string(), "finishedOn": built.times.1.to_string()},
        },
    })
}

/// The predicate of our verdict: what the gates said of the commit that the image was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerdictPredicate {
    /// Our version.
    pub gateline: String,
    /// The commit.
    pub commit: String,
    /// Its tree.
    pub tree: Digest,
    /// The policy by which was judged.
    pub policy: Digest,
    /// The toolchain.
    pub toolchain: Digest,
    /// The file with what was measured.
    pub evidence: Digest,
    /// Over all gates.
    pub outcome: Outcome,
    /// Each gate, by name.
    pub gates: BTreeMap<String, Outcome>,
}

impl VerdictPredicate {
    /// The gates of a release that did not pass, or are not in it.
    pub fn lacking(&self) -> Vec<Gate> {
        let passed = |gate: &Gate| self.gates.get(gate.name()) == Some(&Outcome::Passed);
        Gate::FOR_RELEASE.into_iter().filter(|gate| !passed(gate)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_is_known_by_its_type_alone() {
        for one in [Predicate::Provenance, Predicate::Sbom, Predicate::Verdict, Predicate::Summary] {
            assert_eq!(Predicate::of_uri(one.uri()), Some(one), "{}", one.name());
        }
        assert_eq!(Predicate::of_uri("https://slsa.dev/provenance/v0.2"), None);
    }

    #[test]
    fn a_statement_is_of_one_image_or_of_none() {
        let (image, other) = (Digest::of(b"a"), Digest::of(b"b"));
        let mut said = Statement::new("svc", &image, Predicate::Sbom, &"x").unwrap();
        assert!(said.is_of(&image) && !said.is_of(&other));
        assert_eq!(said.to_bytes(), Statement::new("svc", &image, Predicate::Sbom, &"x").unwrap().to_bytes());
        said.subject.push(said.subject[0].clone());
        assert!(!said.is_of(&image), "two subjects: nobody knows which was meant");
    }
}
