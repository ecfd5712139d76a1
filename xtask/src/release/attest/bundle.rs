//! Sigstore bundles of version 0.3 (`protobuf-specs`, sigstore_bundle.proto, in its JSON form): what a referrer holds.
//!
//! Written with a key's name as `verificationMaterial.publicKey.hint`. Read strictly: exactly what we would write, in any order and spacing.
//! Another version, several signatures, another payload or a certificate each are an error of their own, because a reader that guesses
//! can be talked into something.

use super::dsse::{Envelope, STATEMENT_TYPE};
use crate::digest::Digest;
use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};

/// The media type of bundle, layer and artifact.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Largest bundle that is read: a bill of materials of a thousand packages has about one megabyte.
pub const BUNDLE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Longest signature of this curve, as DER.
const SIGNATURE_BYTES_MAX: usize = 72;

/// A signed statement with the name of the key that signed it, as it claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Which key; not believed, only used to find the key.
    pub key: Digest,
    /// What was signed.
    pub envelope: Envelope,
}

/// Why some bytes are no bundle that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Beyond [`BUNDLE_BYTES_MAX`].
    #[error("the bundle has more than {BUNDLE_BYTES_MAX} bytes")]
    TooLarge,
    /// No JSON, or not of this shape.
    #[error("it is no bundle: {0}")]
    Shape(String),
    /// Another version, or another thing.
    #[error("its media type is `{0}`, and only `{MEDIA_TYPE}` is read")]
    MediaType(String),
    /// Signed by a certificate.
    #[error("it is signed with a certificate (keyless), which this version does not verify")]
    Keyless,
    /// Not a statement.
    #[error("its payload is `{0}`, and only `{STATEMENT_TYPE}` is read")]
    PayloadType(String),
    /// None, or several.
    #[error("it has {0} signatures where there must be one")]
    Signatures(usize),
    /// Not the alphabet, the padding or the length that it must have.
    #[error("its {0} is damaged")]
    Damaged(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    media_type: String,
    verification_material: Material,
    dsse_envelope: WireEnvelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Material {
    public_key: Hint,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    sig: String,
    /// The specification lets it out; where it is, it must be the hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
}

impl Bundle {
    /// The bytes of the referrer's layer: equal bundles are equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let wire = Wire {
            media_type: MEDIA_TYPE.to_owned(),
            verification_material: Material { public_key: Hint { hint: self.key.to_string() } },
            dsse_envelope: WireEnvelope {
                payload: Base64::encode_string(&self.envelope.payload),
                payload_type: STATEMENT_TYPE.to_owned(),
                signatures: vec![WireSignature {
                    sig: Base64::encode_string(&self.envelope.signature),
                    keyid: None,
                }],
            },
        };
        // Plain data with string keys always serialises.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// Reads what [`Bundle::to_bytes`] writes. Nothing is verified.
    ///
    /// # Errors
    /// Everything else.
    pub fn parse(bytes: &[u8]) -> Result<Bundle, BundleError> {
        if bytes.len() as u64 > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge);
        }
        by_kind(bytes)?;
        let wire: Wire =
            serde_json::from_slice(bytes).map_err(|error| BundleError::Shape(error.to_string()))?;
        let envelope = wire.dsse_envelope;
        let [signature] = envelope.signatures.as_slice() else {
            return Err(BundleError::Signatures(envelope.signatures.len()));
        };
        let hint = wire.verification_material.public_key.hint;
        if signature.keyid.as_ref().is_some_and(|named| *named != hint) {
            return Err(BundleError::Damaged("key's name"));
        }
        let key = hint.parse().map_err(|_| BundleError::Damaged("key's name"))?;
        let payload = Base64::decode_vec(&envelope.payload).map_err(|_| BundleError::Damaged("payload"))?;
        let signature =
            Base64::decode_vec(&signature.sig).ok().filter(|der| der.len() <= SIGNATURE_BYTES_MAX);
        let signature = signature.ok_or(BundleError::Damaged("signature"))?;
        Ok(Bundle { key, envelope: Envelope { payload, signature } })
    }
}

/// Says by name what else this is, before its shape is complained about.
fn by_kind(bytes: &[u8]) -> Result<(), BundleError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        media_type: String,
        #[serde(default)]
        verification_material: MaterialKind,
        dsse_envelope: Option<EnvelopeKind>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct MaterialKind {
        certificate: Option<serde::de::IgnoredAny>,
        x509_certificate_chain: Option<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct EnvelopeKind {
        payload_type: String,
    }
    let kind: Kind = serde_json::from_slice(bytes).map_err(|error| BundleError::Shape(error.to_string()))?;
    if kind.media_type != MEDIA_TYPE {
        return Err(BundleError::MediaType(shown(&kind.media_type)));
    }
    let material = kind.verification_material;
    if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
        return Err(BundleError::Keyless);
    }
    match kind.dsse_envelope {
        Some(envelope) if envelope.payload_type != STATEMENT_TYPE => {
            Err(BundleError::PayloadType(shown(&envelope.payload_type)))
        }
        Some(_) => Ok(()),
        None => Err(BundleError::Shape("it has no `dsseEnvelope`".to_owned())),
    }
}

/// Text of others, as a message may repeat it.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 100;
    text.chars().take(SHOWN_MAX).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::key::SigningKey;
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn bundle(payload: &[u8]) -> Bundle {
        let key = SigningKey::from_random(&[3; 32]).unwrap();
        Bundle { key: key.public().id().clone(), envelope: Envelope::sign(payload.to_vec(), &key) }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Value), expected: &str) {
        let mut json: Value = serde_json::from_slice(&bundle(b"{}").to_bytes()).unwrap();
        change(&mut json);
        let said = Bundle::parse(json.to_string().as_bytes()).unwrap_err().to_string();
        assert!(said.contains(expected), "{said:?} does not say {expected:?}");
    }

    #[test]
    fn what_differs_from_what_we_write_is_refused_by_name() {
        assert!(Bundle::parse(&bundle(b"{}").to_bytes()).is_ok());
        refused(
            |json| json["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into(),
            "version=0.1",
        );
        refused(|json| json["verificationMaterial"] = json!({"certificate": {"rawBytes": ""}}), "keyless");
        refused(|json| json["verificationMaterial"]["tlogEntries"] = json!([]), "tlogEntries");
        refused(|json| json["verificationMaterial"]["publicKey"]["hint"] = "mine".into(), "key's name");
        refused(|json| json["dsseEnvelope"]["payloadType"] = "text/plain".into(), "`text/plain`");
        refused(|json| json["dsseEnvelope"]["payload"] = "e30".into(), "payload is damaged");
        refused(|json| json["dsseEnvelope"]["signatures"] = json!([]), "0 signatures");
        refused(
            |json| {
                let one = json["dsseEnvelope"]["signatures"][0].clone();
                json["dsseEnvelope"]["signatures"] = json!([one, one]);
            },
            "2 signatures",
        );
        refused(
            |json| json["dsseEnvelope"]["signatures"][0]["sig"] = "A".repeat(400).into(),
            "signature is damaged",
        );
        refused(|json| json["dsseEnvelope"]["signatures"][0]["keyid"] = "other".into(), "key's name");
        refused(|json| json["messageSignature"] = json!({}), "messageSignature");
        refused(|json| drop(json.as_object_mut().unwrap().remove("dsseEnvelope")), "no `dsseEnvelope`");
        let twice = String::from_utf8(bundle(b"{}").to_bytes()).unwrap();
        let twice = twice.replacen("{\"payload\"", "{\"payload\":\"e30=\",\"payload\"", 1);
        assert!(Bundle::parse(twice.as_bytes()).unwrap_err().to_string().contains("duplicate"));
        let large = vec![b' '; usize::try_from(BUNDLE_BYTES_MAX).unwrap() + 1];
        assert_eq!(Bundle::parse(&large), Err(BundleError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_payload_comes_back_and_a_flipped_byte_never_verifies(payload in proptest::collection::vec(any::<u8>(), 0..300), at: prop::sample::Index) {
            let bundle = bundle(&payload);
            let read = Bundle::parse(&bundle.to_bytes()).unwrap();
            prop_assert_eq!(&read, &bundle);
            let public = SigningKey::from_random(&[3; 32]).unwrap().public();
            prop_assert!(read.envelope.is_signed_by(&public));
            let mut other = read;
            if !payload.is_empty() {
                let at = at.index(payload.len());
                other.envelope.payload[at] ^= 1;
                prop_assert!(!other.envelope.is_signed_by(&public));
            }
        }

        #[test]
        fn any_bytes_are_a_bundle_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Bundle::parse(&bytes);
        }
    }
}
