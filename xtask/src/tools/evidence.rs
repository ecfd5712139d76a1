//! Signed evidence in layouts and in the platform's store: statements become referrers, and referrers what is judged.

use crate::digest::Digest;
use crate::oci::referrers::{self, Artifact, ReferrersError};
use crate::release::attest::bundle::{BUNDLE_BYTES_MAX, Bundle, MEDIA_TYPE};
use crate::release::attest::dsse::Envelope;
use crate::release::attest::judge::{Accepted, Attached, Demands, Refusal, judge};
use crate::release::attest::key::SigningKey;
use crate::release::attest::statement::Statement;
use std::collections::BTreeMap;
use std::path::Path;

/// What is in the bundle.
const CONTENT: &str = "dev.sigstore.bundle.content";
/// What its statement says.
const PREDICATE: &str = "dev.sigstore.bundle.predicateType";

/// A statement, signed.
pub fn sign(statement: &Statement, key: &SigningKey) -> Bundle {
    Bundle { key: key.public().id().clone(), envelope: Envelope::sign(statement.to_bytes(), key) }
}

/// A bundle as a referrer (cosign's BUNDLE_SPEC).
pub fn artifact(bundle: &Bundle, predicate_type: &str) -> Artifact {
    let annotations = BTreeMap::from([
        (CONTENT.to_owned(), "dsse-envelope".to_owned()),
        (PREDICATE.to_owned(), predicate_type.to_owned()),
    ]);
    Artifact { artifact_type: MEDIA_TYPE.to_owned(), annotations, bytes: bundle.to_bytes() }
}

/// Signs statements and makes them the referrers of an image in a layout; what was attached before is replaced.
///
/// # Errors
/// Where the layout cannot be written.
pub fn attach(
    layout: &Path,
    image: &Digest,
    statements: &[Statement],
    key: &SigningKey,
) -> Result<(), ReferrersError> {
    let signed =
        statements.iter().map(|statement| artifact(&sign(statement, key), &statement.predicate_type));
    referrers::replace(layout, image, &signed.collect::<Vec<_>>())
}

/// Everything that is attached to an image in a layout, judged.
///
/// # Errors
/// All refusals.
pub fn verify(layout: &Path, demands: &Demands<'_>) -> Result<Accepted, Vec<Refusal>> {
    let found = referrers::of(layout, demands.image, BUNDLE_BYTES_MAX).map_err(|error| {
        let code = match error {
            ReferrersError::Disagree { .. } | ReferrersError::Tags(..) => "evidence/lists-disagree",
            ReferrersError::NoReferrer(..) => "evidence/other-subject",
            ReferrersError::TooMany(..) => "evidence/too-many",
            ReferrersError::Layout(_) => "evidence/damaged",
        };
        vec![Refusal::new(code, error.to_string(), "make a new release: cargo xtask ship --fresh")]
    })?;
    let attached = found.into_iter().map(|one| Attached {
        manifest: one.manifest,
        promised: one.artifact.annotations.get(PREDICATE).cloned(),
        artifact_type: one.artifact.artifact_type,
        bytes: one.artifact.bytes,
    });
    judge(&attached.collect::<Vec<_>>(), demands)
}
