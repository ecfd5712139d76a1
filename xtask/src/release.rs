//! Release: an image digest with the evidence and the policy that let it out.
//!
//! Making one needs [`Passed`], which only the fold of a verdict gives. A type does not survive a file: what is read
//! back is [`Unverified`], and its evidence is judged again before it is a release.
//!
//! Below it lies what a version is published with: the [`proof`] that its commit passed, [`notes`] from the changelog, [`sums`] of its files, the [`pin`] of the
//! Action, and [`publication`], the page on GitHub.

pub mod attest;
pub mod notes;
pub mod pin;
pub mod proof;
pub mod publication;
pub mod sums;

use crate::digest::Digest;
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::policy::Policy;
use crate::verdict::Passed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The schema of `release.json`.
pub const SCHEMA: &str = "gateline/release/v1";

/// An image that may be rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// [`SCHEMA`].
    pub schema: String,
    /// The digest of the image's index.
    pub digest: Digest,
    /// The service.
    pub service: String,
    /// The version of its package.
    pub version: String,
    /// The commit that it was built from and that the evidence speaks of.
    pub commit: String,
    /// When that was committed.
    pub commit_time: Timestamp,
    /// HEAD's tree.
    pub tree: Digest,
    /// The policy in force.
    pub policy: Digest,
    /// The toolchain.
    pub toolchain: Digest,
    /// The digest of `evidence.json`, which lies beside.
    pub evidence: Digest,
    /// Bytes of the compressed image.
    pub size_bytes: u64,
    /// When it was made.
    pub made_at: Timestamp,
}

/// What is known of an image before it is a release.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The digest of the image's index.
    pub digest: Digest,
    /// The service.
    pub service: String,
    /// The version of its package.
    pub version: String,
    /// When its commit was made.
    pub commit_time: Timestamp,
    /// Bytes of the compressed image.
    pub size_bytes: u64,
}

/// What was read from a file: nobody has checked it yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Unverified<T>(T);

impl Release {
    /// A release of this image. The proof is taken, not looked at: nobody can have one without a passed verdict.
    pub fn new(
        _proof: &Passed,
        candidate: Candidate,
        evidence: &Evidence,
        evidence_file: &[u8],
        now: Timestamp,
    ) -> Release {
        Release {
            schema: SCHEMA.to_owned(),
            digest: candidate.digest,
            service: candidate.service,
            version: candidate.version,
            commit: evidence.subject.commit.clone(),
            commit_time: candidate.commit_time,
            tree: evidence.subject.tree.clone(),
            policy: evidence.subject.policy.clone(),
            toolchain: evidence.subject.toolchain.clone(),
            evidence: Digest::of(evidence_file),
            size_bytes: candidate.size_bytes,
            made_at: now,
        }
    }
}

impl Unverified<Release> {
    /// What it claims to be: for messages only.
    pub fn claimed(&self) -> &Release {
        &self.0
    }

    /// Judges the evidence again, by the policy in force.
    ///
    /// # Errors
    /// [`crate::exit::Exit::Refused`] where evidence is foreign, stale, or does not pass.
    pub fn verify(self, evidence_file: &[u8], policy: &Policy) -> anyhow::Result<Release> {
        let release = self.0;
        let refuse = |why: String| {
            let message = format!("release {} is refused: {why}", release.digest.short());
            Failure::error(crate::exit::Exit::Refused, message, "make a new one: cargo xtask ship --fresh")
        };
        if release.schema != SCHEMA {
            return Err(refuse(format!("its schema is `{}`, this version reads `{SCHEMA}`", release.schema)));
        }
        if Digest::of(evidence_file) != release.evidence {
            return Err(refuse("its evidence.json is not the one that it was made with".into()));
        }
        let evidence: Evidence = serde_json::from_slice(evidence_file)
            .map_err(|error| refuse(format!("its evidence cannot be read: {error}")))?;
        let subject = &evidence.subject;
        if subject.commit != release.commit || subject.tree != release.tree || subject.dirty {
            return Err(refuse("its evidence speaks of another commit".into()));
        }
        if subject.policy != release.policy || release.policy != policy.hash() {
            return Err(refuse("the policies have changed since its evidence was judged".into()));
        }
        let built = evidence.gates.image.as_ref().and_then(|image| image.result.as_ref().ok());
        if built.is_some_and(|image| image.digest != release.digest) {
            return Err(refuse("its evidence speaks of another image".into()));
        }
        let verdict = crate::gates::verdict(policy, &evidence, &crate::verdict::Gate::FOR_RELEASE);
        match verdict.passed() {
            Some(_) => Ok(release),
            None => Err(refuse("its evidence does not pass".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::coverage::{CoverageEvidence, FileCoverage};
    use crate::evidence::tests::{TestOutcome, TestResult, TestsEvidence};
    use crate::evidence::{
        AdvisoriesEvidence, BansEvidence, GateEvidence, ImageEvidence, LicencesEvidence, LintEvidence,
        Measured, PolicyEvidence, SCHEMA as EVIDENCE, ScannersEvidence, SecretsEvidence, SourcesEvidence,
        Subject, WorkflowsEvidence,
    };
    use crate::verdict::Gate;

    #[expect(clippy::unnecessary_wraps, reason = "every gate's evidence is optional")]
    fn measured<E>(evidence: E) -> Option<Measured<E>> {
        Some(Measured { result: Ok(evidence), duration_millis: 1 })
    }

    pub(super) fn passing(policy: &Policy) -> Evidence {
        let digest = Digest::of(b"x");
        let test = TestResult::new("t", TestOutcome::Passed);
        let file = FileCoverage {
            file: "a".into(),
            package: "a".into(),
            covered: 8,
            total: 10,
            uncovered: vec![(1, 2)],
            ..FileCoverage::default()
        };
        let gates = GateEvidence {
            lint: measured(LintEvidence { files: 1, packages: 1, ..LintEvidence::default() }),
            tests: measured(TestsEvidence { tests: vec![test], ..TestsEvidence::default() }),
            coverage: measured(CoverageEvidence {
                engine: "e".into(),
                files: vec![file],
                ..CoverageEvidence::default()
            }),
            advisories: measured(AdvisoriesEvidence { packages: 1, ..AdvisoriesEvidence::default() }),
            licences: measured(LicencesEvidence::default()),
            bans: measured(BansEvidence::default()),
            sources: measured(SourcesEvidence::default()),
            scanners: measured(ScannersEvidence::default()),
            secrets: measured(SecretsEvidence { files: 1, ..SecretsEvidence::default() }),
            workflows: measured(WorkflowsEvidence::default()),
            policy: measured(PolicyEvidence::default()),
            image: measured(ImageEvidence { digest: digest.clone(), size_bytes: 1, largest: vec![] }),
        };
        let subject = Subject {
            commit: "c".into(),
            dirty: false,
            tree: digest.clone(),
            policy: policy.hash(),
            toolchain: digest,
        };
        Evidence { schema: EVIDENCE.into(), subject, change: None, uncompared: None, gates }
    }

    /// A release from passing evidence, whose evidence is then another one; verified by a policy.
    fn verified(
        tamper: impl FnOnce(&mut Evidence, &mut Release),
        policy: &Policy,
    ) -> Result<Release, String> {
        let mut evidence = passing(&Policy::default());
        let proof =
            crate::gates::verdict(&Policy::default(), &evidence, &Gate::FOR_RELEASE).passed().unwrap();
        let candidate = Candidate {
            digest: Digest::of(b"x"),
            service: "s".into(),
            version: "1".into(),
            commit_time: Timestamp::UNIX_EPOCH,
            size_bytes: 1,
        };
        let mut release = Release::new(&proof, candidate, &evidence, b"", Timestamp::UNIX_EPOCH);
        tamper(&mut evidence, &mut release);
        let file = serde_json::to_vec(&evidence).unwrap();
        release.evidence = Digest::of(&file);
        Unverified(release).verify(&file, policy).map_err(|error| {
            assert_eq!(Failure::exit_of(&error), crate::exit::Exit::Refused);
            error.to_string()
        })
    }

    #[test]
    fn only_its_own_passing_evidence_under_the_policy_in_force_makes_a_release() {
        let now = Policy::default();
        assert!(verified(|_, _| {}, &now).is_ok());
        let mut stricter = Policy::default();
        stricter.coverage.minimum = crate::policy::Percent::whole(81);
        assert!(verified(|_, _| {}, &stricter).unwrap_err().contains("policies have changed"));
        for (tamper, words) in [
            (
                (|evidence, _| evidence.subject.commit = "other".into()) as fn(&mut Evidence, &mut Release),
                "another commit",
            ),
            (|evidence, _| evidence.subject.dirty = true, "another commit"),
            (|evidence, _| evidence.gates.tests = None, "does not pass"),
            (
                |evidence, _| {
                    evidence.gates.image.as_mut().unwrap().result.as_mut().unwrap().digest = Digest::of(b"y")
                },
                "another image",
            ),
            (|_, release| release.schema = "gateline/release/v9".into(), "its schema is"),
            (|_, release| release.policy = Digest::of(b"z"), "policies have changed"),
        ] {
            let refused = verified(tamper, &now).unwrap_err();
            assert!(refused.contains(words), "{words:?} is not in {refused}");
        }
    }
}
