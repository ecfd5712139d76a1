//! Keys: ECDSA over P-256 with SHA-256, the one algorithm that every reader of bundles knows.
//!
//! Signatures are those of RFC 6979: the same key and bytes give the same signature, so nothing depends on a good random number at the time
//! of signing. A key is named by the digest of its public part (`SubjectPublicKeyInfo`, DER).

use crate::digest::Digest;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{self, Signature};
use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding,
};
use std::fmt;

/// Longest PEM that is read: a key of this curve has some 250 bytes.
pub const PEM_BYTES_MAX: u64 = 8 * 1024;

/// The secret part. Neither `Debug` nor `Serialize`; the memory is overwritten when it is dropped, by the crate.
pub struct SigningKey(ecdsa::SigningKey);

/// The part that everybody may know.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: ecdsa::VerifyingKey,
    id: Digest,
}

/// A secret key as the text of its file. Its only way out is [`Secret::reveal`].
pub struct Secret(p256::pkcs8::der::zeroize::Zeroizing<String>);

impl Secret {
    /// The text, for the file that it goes into.
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl SigningKey {
    /// A key of these random bytes; `None` for the few that are no key.
    pub fn from_random(bytes: &[u8; 32]) -> Option<SigningKey> {
        ecdsa::SigningKey::from_slice(bytes).ok().map(SigningKey)
    }

    /// Reads PKCS#8 in PEM.
    ///
    /// # Errors
    /// What is wrong, without a byte of it.
    pub fn from_pem(text: &str) -> Result<SigningKey, &'static str> {
        if text.contains("ENCRYPTED PRIVATE KEY") {
            return Err("it is encrypted, and keys with a passphrase are not read");
        }
        let read = ecdsa::SigningKey::from_pkcs8_pem(text.trim_start());
        read.map(SigningKey).map_err(|_| "it is no P-256 key in PKCS#8 and PEM")
    }

    /// PKCS#8 in PEM.
    ///
    /// # Errors
    /// Never for a key that there is.
    pub fn to_pem(&self) -> Result<Secret, &'static str> {
        self.0.to_pkcs8_pem(LineEnding::LF).map(Secret).map_err(|_| "the key has no PEM")
    }

    /// The part that everybody may know.
    pub fn public(&self) -> PublicKey {
        PublicKey::new(*self.0.verifying_key())
    }

    /// Signs these bytes: DER.
    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(bytes);
        signature.to_der().as_bytes().to_vec()
    }
}

impl PublicKey {
    fn new(key: ecdsa::VerifyingKey) -> PublicKey {
        // A key that was parsed or made always encodes.
        let der = key.to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        PublicKey { key, id: Digest::of(&der) }
    }

    /// Reads `SubjectPublicKeyInfo` in PEM.
    ///
    /// # Errors
    /// What is wrong.
    pub fn from_pem(text: &str) -> Result<PublicKey, &'static str> {
        let read = ecdsa::VerifyingKey::from_public_key_pem(text.trim());
        read.map(PublicKey::new).map_err(|_| "it is no P-256 public key in PEM")
    }

    /// The same in PEM.
    pub fn to_pem(&self) -> String {
        self.key.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// Its name: the digest of the DER.
    pub fn id(&self) -> &Digest {
        &self.id
    }

    /// Whether this is a signature (DER) of these bytes by this key.
    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.key.verify(bytes, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_random(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_key_is_read_back_from_its_pem_and_signs_the_same() {
        let (ours, pem) = (key(7), key(7).to_pem().unwrap());
        let read = SigningKey::from_pem(std::str::from_utf8(pem.reveal()).unwrap()).unwrap();
        assert_eq!(read.public(), ours.public());
        assert_eq!(read.sign(b"x"), ours.sign(b"x"), "RFC 6979: no chance in it");
        let public = PublicKey::from_pem(&ours.public().to_pem()).unwrap();
        assert!(public.verifies(b"x", &ours.sign(b"x")));
        assert!(!public.verifies(b"y", &ours.sign(b"x")));
        assert!(!public.verifies(b"x", &key(8).sign(b"x")));
        assert!(!public.verifies(b"x", b""));
        assert_ne!(public.id(), key(8).public().id());
        assert_eq!(format!("{public:?}"), format!("PublicKey({})", public.id()));
    }

    #[test]
    fn what_is_no_key_is_refused_without_a_byte_of_it() {
        assert!(SigningKey::from_random(&[0; 32]).is_none());
        assert!(SigningKey::from_random(&[255; 32]).is_none(), "above the order of the curve");
        let begin = |what: &str| format!("-----BEGIN {what}-----\nAAAA\n-----END {what}-----\n");
        let said = |text: &str| SigningKey::from_pem(text).err().unwrap();
        assert!(said(&begin(&["ENCRYPTED", "PRIVATE", "KEY"].join(" "))).contains("passphrase"));
        assert!(said(&begin(&["PRIVATE", "KEY"].join(" "))).contains("no P-256 key"));
        assert!(said("").contains("no P-256 key"));
        assert!(PublicKey::from_pem(&begin("PUBLIC KEY")).is_err());
    }
}
