//! Signed evidence of an image, and every way to lie about it: each lie is refused with a code of its own. Other people's tools copy
//! what we attach and verify what we sign.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "attested/lists.rs"]
mod lists;
#[path = "support/oci.rs"]
mod oci;
#[path = "attested/partners.rs"]
mod partners;

use gateline::digest::Digest;
use gateline::oci::config::Architecture;
use gateline::oci::layer::Entry;
use gateline::oci::layout;
use gateline::oci::referrers::{self, Artifact};
use gateline::release::attest::bundle::{BUNDLE_BYTES_MAX, Bundle, MEDIA_TYPE};
use gateline::release::attest::dsse::{STATEMENT_TYPE, pae};
use gateline::release::attest::judge::{Accepted, Demands, Refusal};
use gateline::release::attest::key::SigningKey;
use gateline::release::attest::statement::{Built, Predicate, Statement, VerdictPredicate, provenance};
use gateline::tools::evidence::{artifact, attach, sign, verify};
use gateline::verdict::{Gate, Outcome};
use jiff::{SignedDuration, Timestamp};
use oci::{COMMIT, partner};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const OTHER_COMMIT: &str = "76543210fedcba9876543210fedcba9876543210";

/// A little image in a layout of its own, with what is said of it.
struct Home {
    folder: TempDir,
    layout: PathBuf,
    image: Digest,
    key: SigningKey,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_random(&[byte; 32]).unwrap()
}

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap()
}

fn policy() -> Digest {
    Digest::of(b"policy")
}

/// Writes an image with this content; its digest.
fn image(layout: &Path, content: &str) -> Digest {
    let layer = vec![Entry::file("app/svc", content.as_bytes().to_vec())];
    oci::image(layout, vec![layer]).digest().clone()
}

fn verdict(commit: &str) -> VerdictPredicate {
    let gates = Gate::FOR_RELEASE.iter().map(|gate| (gate.name().to_owned(), Outcome::Passed));
    VerdictPredicate {
        gateline: "1".to_owned(),
        commit: commit.to_owned(),
        tree: Digest::of(b"tree"),
        policy: policy(),
        toolchain: Digest::of(b"rustc"),
        evidence: Digest::of(b"evidence"),
        outcome: Outcome::Passed,
        gates: gates.collect(),
    }
}

fn built(commit: &str, when: Timestamp) -> Value {
    provenance(&Built {
        commit,
        repository: None,
        lockfile: &Digest::of(b"lock"),
        toolchain: (BTreeMap::new(), &Digest::of(b"rustc")),
        parameters: json!({"package": "svc"}),
        version: "1",
        times: (when, when),
    })
}

/// The three statements of a release.
fn said(image: &Digest, commit: &str) -> Vec<Statement> {
    let bill = json!({"bomFormat": "CycloneDX", "specVersion": "1.6"});
    vec![
        Statement::new("svc", image, Predicate::Provenance, &built(commit, at(0))).unwrap(),
        Statement::new("svc", image, Predicate::Sbom, &bill).unwrap(),
        Statement::new("svc", image, Predicate::Verdict, &verdict(commit)).unwrap(),
    ]
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        let image = image(&layout, "x");
        Home { folder, layout, image, key: key(7) }
    }

    /// One with a whole and honest set of evidence.
    fn attested() -> Home {
        let home = Home::new();
        attach(&home.layout, &home.image, &said(&home.image, COMMIT), &home.key).unwrap();
        home
    }

    fn artifacts(&self) -> Vec<Artifact> {
        let all = said(&self.image, COMMIT);
        all.iter().map(|one| artifact(&sign(one, &self.key), &one.predicate_type)).collect()
    }

    fn judged(&self, image: &Digest, day: i64) -> Result<Accepted, Vec<Refusal>> {
        let (keys, policy) = ([self.key.public()], policy());
        let demands = Demands {
            image,
            commit: Some(COMMIT),
            evidence: Some(&Digest::of(b"evidence")),
            policy: &policy,
            keys: &keys,
            required: &Predicate::OF_RELEASE,
            now: at(day),
            age_max: SignedDuration::from_hours(30 * 24),
        };
        verify(&self.layout, &demands)
    }

    /// The codes of the refusals.
    fn codes(&self) -> Vec<&'static str> {
        codes(self.judged(&self.image, 1))
    }
}

fn codes(judged: Result<Accepted, Vec<Refusal>>) -> Vec<&'static str> {
    let refused = judged.err().unwrap_or_default();
    assert!(refused.iter().all(|one| !one.message.is_empty() && !one.help.is_empty()), "{refused:?}");
    refused.iter().map(|one| one.code).collect()
}

/// What becomes of honest evidence that is tampered with.
#[track_caller]
fn refused(tamper: impl FnOnce(&Home, &mut Vec<Artifact>), expected: &[&str]) {
    let home = Home::new();
    let mut artifacts = home.artifacts();
    tamper(&home, &mut artifacts);
    referrers::replace(&home.layout, &home.image, &artifacts).unwrap();
    assert_eq!(home.codes(), expected);
}

/// A statement in the place of the one at `at`, signed by the right key.
fn instead(home: &Home, artifacts: &mut [Artifact], at: usize, change: impl FnOnce(&mut Statement)) {
    let mut statement = said(&home.image, COMMIT).remove(at);
    change(&mut statement);
    artifacts[at] = artifact(&sign(&statement, &home.key), &statement.predicate_type);
}

/// Changes the JSON of a bundle.
fn edited(artifact: &mut Artifact, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&artifact.bytes).unwrap();
    change(&mut json);
    artifact.bytes = json.to_string().into_bytes();
}

#[test]
fn an_honest_set_holds_and_attaching_it_again_changes_nothing() {
    let home = Home::attested();
    let accepted = home.judged(&home.image, 1).unwrap();
    assert_eq!((accepted.commit.as_str(), accepted.built_at), (COMMIT, at(0)));
    let kinds: Vec<&str> = accepted.statements.iter().map(|one| one.predicate).collect();
    assert_eq!(kinds, ["provenance", "sbom", "verdict"]);
    let before = std::fs::read(home.layout.join("index.json")).unwrap();
    attach(&home.layout, &home.image, &said(&home.image, COMMIT), &home.key).unwrap();
    assert_eq!(std::fs::read(home.layout.join("index.json")).unwrap(), before, "RFC 6979: the same bytes");
    assert_eq!(layout::read(&home.layout, Architecture::Amd64).unwrap().digest, home.image);
}

#[test]
fn a_payload_that_was_changed_after_signing() {
    refused(
        |_, all| {
            let mut bundle = Bundle::parse(&all[2].bytes).unwrap();
            let byte = bundle.envelope.payload.len() / 2;
            bundle.envelope.payload[byte] ^= 1;
            all[2].bytes = bundle.to_bytes();
        },
        &["evidence/bad-signature", "evidence/missing"],
    );
}

#[test]
fn a_signature_of_another_bundle() {
    refused(
        |_, all| {
            let other = Bundle::parse(&all[0].bytes).unwrap().envelope.signature;
            let mut bundle = Bundle::parse(&all[2].bytes).unwrap();
            bundle.envelope.signature = other;
            all[2].bytes = bundle.to_bytes();
        },
        &["evidence/bad-signature", "evidence/missing"],
    );
}

#[test]
fn evidence_of_another_image() {
    let other = Digest::of(b"other");
    refused(
        |home, all| {
            let statement = said(&other, COMMIT).remove(1);
            all[1] = artifact(&sign(&statement, &home.key), &statement.predicate_type);
        },
        &["evidence/other-subject", "evidence/missing"],
    );
    // Of this image and of another one: nobody knows which was meant.
    refused(
        |home, all| {
            instead(home, all, 1, |statement| {
                statement.subject.extend(said(&other, COMMIT).remove(1).subject)
            });
        },
        &["evidence/other-subject", "evidence/missing"],
    );
}

#[test]
fn a_key_that_nobody_admitted_and_one_that_only_claims_to_be_ours() {
    refused(
        |home, all| {
            let statement = said(&home.image, COMMIT).remove(2);
            all[2] = artifact(&sign(&statement, &key(8)), &statement.predicate_type);
        },
        &["evidence/unknown-key", "evidence/missing"],
    );
    refused(
        |home, all| {
            let statement = said(&home.image, COMMIT).remove(2);
            let mut bundle = sign(&statement, &key(8));
            bundle.key = home.key.public().id().clone();
            all[2] = artifact(&bundle, &statement.predicate_type);
        },
        &["evidence/bad-signature", "evidence/missing"],
    );
}

#[test]
fn a_build_that_is_too_old_or_of_tomorrow() {
    let home = Home::attested();
    assert_eq!(codes(home.judged(&home.image, 30)), [] as [&str; 0]);
    assert_eq!(codes(home.judged(&home.image, 31)), ["evidence/stale"]);
    assert_eq!(codes(home.judged(&home.image, -1)), ["evidence/from-the-future"]);
}

#[test]
fn evidence_that_is_missing() {
    for lacking in 0..3 {
        refused(|_, all| drop(all.remove(lacking)), &["evidence/missing"]);
    }
    let home = Home::new();
    assert_eq!(home.codes(), ["evidence/missing"; 3]);
}

#[test]
fn an_unsigned_bundle_besides() {
    refused(
        |_, all| {
            let mut extra = all[1].clone();
            edited(&mut extra, |json| json["dsseEnvelope"]["signatures"] = json!([]));
            all.push(extra);
        },
        &["evidence/unsigned"],
    );
    refused(
        |_, all| {
            edited(&mut all[1], |json| {
                let one = json["dsseEnvelope"]["signatures"][0].clone();
                json["dsseEnvelope"]["signatures"] = json!([one, one]);
            });
        },
        &["evidence/ambiguous", "evidence/missing"],
    );
}

#[test]
fn what_is_not_known_is_not_skipped() {
    let besides = |artifact_type: &str, bytes: &[u8]| Artifact {
        artifact_type: artifact_type.to_owned(),
        annotations: BTreeMap::new(),
        bytes: bytes.to_vec(),
    };
    refused(|_, all| all.push(besides("text/plain", b"x")), &["evidence/unknown-artifact"]);
    refused(|_, all| all.push(besides(MEDIA_TYPE, b"x")), &["evidence/unreadable"]);
    refused(
        |home, all| {
            let mut statement = said(&home.image, COMMIT).remove(1);
            statement.predicate_type = "https://example.com/x".to_owned();
            all.push(artifact(&sign(&statement, &home.key), &statement.predicate_type));
        },
        &["evidence/unknown-predicate"],
    );
    refused(
        |home, all| {
            let mut statement = said(&home.image, COMMIT).remove(1);
            statement.predicate_type = Predicate::Summary.uri().to_owned();
            all.push(artifact(&sign(&statement, &home.key), &statement.predicate_type));
        },
        &["evidence/unasked"],
    );
    refused(
        |_, all| {
            edited(&mut all[1], |json| {
                json["verificationMaterial"] = json!({"certificate": {"rawBytes": ""}})
            });
        },
        &["evidence/keyless", "evidence/missing"],
    );
    refused(
        |home, all| {
            let statement = said(&home.image, COMMIT).remove(1);
            all[1] = artifact(&sign(&statement, &home.key), Predicate::Verdict.uri());
        },
        &["evidence/mislabelled", "evidence/missing"],
    );
    refused(
        |_, all| {
            let one = all[1].clone();
            for at in 0..70 {
                let annotations = BTreeMap::from([("n".to_owned(), at.to_string())]);
                all.push(Artifact { annotations, ..one.clone() });
            }
        },
        &["evidence/too-many"],
    );
}

#[test]
fn two_of_a_kind() {
    refused(
        |home, all| {
            let mut later = said(&home.image, COMMIT).remove(0);
            later.predicate = built(COMMIT, at(1));
            all.push(artifact(&sign(&later, &home.key), &later.predicate_type));
        },
        &["evidence/doubled"],
    );
}

#[test]
fn evidence_of_another_commit_or_policy_is_replayed() {
    refused(
        |home, all| instead(home, all, 2, |one| one.predicate = json!(verdict(OTHER_COMMIT))),
        &["evidence/other-commit"],
    );
    refused(
        |home, all| instead(home, all, 0, |one| one.predicate = built(OTHER_COMMIT, at(0))),
        &["evidence/other-commit"],
    );
    let home = Home::new();
    attach(&home.layout, &home.image, &said(&home.image, OTHER_COMMIT), &home.key).unwrap();
    assert_eq!(home.codes(), ["evidence/other-commit"; 2]);
    let others = [
        (VerdictPredicate { policy: Digest::of(b"looser"), ..verdict(COMMIT) }, "evidence/other-policy"),
        (
            VerdictPredicate { evidence: Digest::of(b"friendlier"), ..verdict(COMMIT) },
            "evidence/other-evidence",
        ),
    ];
    for (other, code) in others {
        refused(|home, all| instead(home, all, 2, |one| one.predicate = json!(other)), &[code]);
    }
    refused(
        |home, all| {
            let mut less = verdict(COMMIT);
            less.gates.remove("tests");
            instead(home, all, 2, |one| one.predicate = json!(less));
        },
        &["evidence/not-passed"],
    );
    refused(|home, all| instead(home, all, 0, |one| one.predicate = json!({})), &["evidence/unreadable"]);
    refused(|home, all| instead(home, all, 2, |one| one.predicate = json!({})), &["evidence/unreadable"]);
}
