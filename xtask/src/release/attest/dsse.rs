//! The envelope that is signed: DSSE v1 (github.com/secure-systems-lab/dsse, protocol.md).
//!
//! Not the payload is signed but its *pre-authentication encoding*, which holds its type too: a payload cannot be passed off as one of
//! another type, and nobody has to parse JSON before the signature holds.

use super::key::{PublicKey, SigningKey};

/// The type of an in-toto statement's payload.
pub const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

/// A payload with one signature over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The statement's bytes.
    pub payload: Vec<u8>,
    /// ECDSA over P-256 and SHA-256, as DER.
    pub signature: Vec<u8>,
}

impl Envelope {
    /// Signs a statement's bytes.
    pub fn sign(payload: Vec<u8>, key: &SigningKey) -> Envelope {
        let signature = key.sign(&pae(STATEMENT_TYPE, &payload));
        Envelope { payload, signature }
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(&pae(STATEMENT_TYPE, &self.payload), &self.signature)
    }
}

/// The bytes that are signed: `DSSEv1`, then type and payload, each after its length in decimal, parted by single spaces.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_specification() {
        // The example of protocol.md.
        let encoded = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        // Lengths are of bytes.
        assert_eq!(pae("\u{fc}", b""), "DSSEv1 2 \u{fc} 0 ".as_bytes());
    }
}
