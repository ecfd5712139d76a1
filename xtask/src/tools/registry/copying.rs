//! An image from one place to another, with everything that refers to it: children first, the tag last.

mod to_layout;
mod to_registry;

pub use super::places::From;
pub use to_layout::Layout;
pub use to_registry::Registry;

use super::client::Trouble;
use super::limits::{DEPTH_MAX, DOCUMENTS_BYTES_MAX, DOCUMENTS_MAX};
use crate::digest::Digest;
use crate::oci::layout::LAYER_BYTES_MAX;
use crate::oci::manifest::Descriptor;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How much of an image goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// The image's own document and what refers to it: enough to judge evidence.
    Evidence,
}

/// Where an image goes.
pub enum To<'a> {
    /// A layout, which is written anew.
    Layout(Layout),
    /// A registry.
    Registry(Registry<'a>),
}

/// Blobs, and their bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, blob: &Descriptor) {
        self.blobs += 1;
        self.bytes += blob.size;
    }
}

/// What was done, as `--format json` shows it.
#[derive(Debug, Serialize)]
pub struct Copied {
    /// `gateline/image-copy/v1`.
    pub schema: &'static str,
    /// The image.
    pub digest: Digest,
    /// From where, as it was named.
    pub from: String,
    /// Where to.
    pub to: String,
    /// Blobs that were sent.
    pub uploaded: Count,
    /// Blobs that were there.
    pub skipped: Count,
    /// Blobs that the registry took from another repository.
    pub mounted: Count,
    /// Indexes and manifests that were written.
    pub documents_written: u64,
    /// Artifacts that refer to the image.
    pub referrers: usize,
    /// Whether they are listed under the fallback tag, since the registry has no referrers API.
    pub fallback_tag: bool,
    /// Whether the tag was moved.
    pub tag_moved: bool,
}

/// What a document points at.
#[derive(Deserialize)]
struct Pointing {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// Everything below a document, children before parents.
#[derive(Default)]
struct Tree {
    blobs: Vec<Descriptor>,
    documents: Vec<(Descriptor, Bytes)>,
    seen: BTreeSet<Digest>,
    bytes: usize,
}

/// Copies an image.
///
/// # Errors
/// [`Trouble`]; then no tag was moved.
pub async fn copy(
    from: &From<'_>,
    to: &mut To<'_>,
    depth: Depth,
    tell: &(dyn Fn(String) + Sync),
) -> Result<Copied, Trouble> {
    let (root, bytes) = from.root().await?;
    let mut tree = Tree::default();
    match depth {
        Depth::Whole => tree.walk(from, root.clone(), bytes, DEPTH_MAX).await?,
        Depth::Evidence => tree.documents.push((root.clone(), bytes)),
    }
    let referring = from.referring(&root.digest).await?;
    for entry in &referring.entries {
        let bytes = from.document(entry).await?;
        let bare = Descriptor::new(&entry.media_type, entry.digest.clone(), entry.size);
        tree.walk(from, bare, bytes, 1).await?;
    }
    let mut copied = Copied {
        schema: "gateline/image-copy/v1",
        digest: root.digest.clone(),
        from: from.shown(),
        to: String::new(),
        uploaded: Count::default(),
        skipped: Count::default(),
        mounted: Count::default(),
        documents_written: 0,
        referrers: referring.entries.len(),
        fallback_tag: referring.by_fallback,
        tag_moved: false,
    };
    for (at, blob) in tree.blobs.iter().enumerate() {
        tell(format!("blob {} of {}, {}", at + 1, tree.blobs.len(), crate::oci::inspect::human(blob.size)));
        match to {
            To::Layout(layout) => layout.blob(from, blob, &mut copied).await?,
            To::Registry(registry) => registry.blob(from, blob, &mut copied).await?,
        }
    }
    tell("manifests".to_owned());
    match to {
        To::Layout(layout) => layout.finish(&root, &tree.documents, &referring.entries, &mut copied)?,
        To::Registry(registry) => {
            registry.finish(&root, &tree.documents, &referring.entries, &mut copied).await?
        }
    }
    Ok(copied)
}

impl Tree {
    async fn walk(
        &mut self,
        from: &From<'_>,
        at: Descriptor,
        bytes: Bytes,
        levels: usize,
    ) -> Result<(), Trouble> {
        let refused = |what: &Descriptor, why: String| {
            Err(Trouble::Refused { what: format!("the part {}", what.digest), from: from.shown(), why })
        };
        if !self.seen.insert(at.digest.clone()) {
            return Ok(());
        }
        self.bytes += bytes.len();
        if self.documents.len() >= DOCUMENTS_MAX || self.bytes > DOCUMENTS_BYTES_MAX {
            return refused(
                &at,
                format!(
                    "the image has more than {DOCUMENTS_MAX} documents or {DOCUMENTS_BYTES_MAX} bytes of them"
                ),
            );
        }
        let pointing: Pointing = match serde_json::from_slice(&bytes) {
            Ok(pointing) => pointing,
            Err(error) => return refused(&at, format!("it is no index and no manifest: {error}")),
        };
        if levels == 0 && !pointing.manifests.is_empty() {
            return refused(&at, format!("indexes point at indexes more than {DEPTH_MAX} deep"));
        }
        for child in pointing.manifests {
            let bytes = from.document(&child).await?;
            let bare = Descriptor::new(&child.media_type, child.digest, child.size);
            Box::pin(self.walk(from, bare, bytes, levels - 1)).await?;
        }
        for blob in pointing.config.into_iter().chain(pointing.layers) {
            if blob.size > LAYER_BYTES_MAX {
                return refused(&blob, format!("it has {} bytes, more than {LAYER_BYTES_MAX}", blob.size));
            }
            if self.seen.insert(blob.digest.clone()) {
                self.blobs.push(blob);
            }
        }
        self.documents.push((at, bytes));
        Ok(())
    }
}
