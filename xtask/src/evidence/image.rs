//! What an image weighs.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEvidence {
    /// The digest of its index.
    pub digest: Digest,
    /// Bytes that a registry would store.
    pub size_bytes: u64,
    /// The largest files, largest first.
    pub largest: Vec<LargeFile>,
}

/// A file that weighs much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeFile {
    /// Absolute, as the process sees it.
    pub path: String,
    /// Unpacked.
    pub size_bytes: u64,
}
