//! OCI images: layers, config, manifest, digests. Bytes in, bytes out; no daemon and no clock.
//!
//! An image's digest is the digest of its *index*, even for one platform, so a second platform never changes what a
//! digest means. Everything here is a function of its arguments: the same arguments give the same bytes
//! (invariant 6 in docs/ARCHITECTURE.md). Only [`layout`], [`referrers`] and [`unpack`] touch files. Formats: OCI image-spec 1.1.

pub mod config;
pub(crate) mod counted;
pub mod difference;
pub mod inspect;
pub mod layer;
pub mod layout;
pub mod manifest;
pub mod members;
pub mod referrers;
pub mod rootfs;
pub mod unpack;

use crate::digest::Digest;
use config::{Architecture, Config, Facts};
use jiff::Timestamp;
use layer::Compressed;
use manifest::{Descriptor, Index, Manifest, Platform};
use serde::Serialize;

/// A layer of an image to be assembled, with the line that its history gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFacts {
    /// Digest, size and diff id.
    pub blob: Compressed,
    /// What is in it, for people.
    pub what: String,
}

/// Some JSON and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The bytes as they lie in the layout.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

/// The documents of an image; with its layers they are the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// The index: its digest is the image's.
    pub index: Blob,
    /// The manifest of the one platform.
    pub manifest: Blob,
    /// The config.
    pub config: Blob,
    /// The layers, lowest first.
    pub layers: Vec<Compressed>,
}

impl Assembled {
    /// The digest of the image.
    pub fn digest(&self) -> &Digest {
        &self.index.digest
    }

    /// Bytes that a registry would store.
    pub fn size_bytes(&self) -> u64 {
        let documents = [&self.index, &self.manifest, &self.config].map(|blob| blob.bytes.len() as u64);
        documents.iter().sum::<u64>() + self.layers.iter().map(|layer| layer.size_bytes).sum::<u64>()
    }
}

impl Blob {
    pub(crate) fn of(document: &impl Serialize) -> Blob {
        // Our documents are plain data with string keys: they always serialise.
        let bytes = serde_json::to_vec(document).unwrap_or_default();
        Blob { digest: Digest::of(&bytes), bytes }
    }
}

/// Makes config, manifest and index over layers that are compressed already.
pub fn assemble(
    facts: &Facts,
    architecture: Architecture,
    created: Timestamp,
    layers: &[LayerFacts],
) -> Assembled {
    let config = Blob::of(&Config::new(facts, architecture, created, layers));
    let annotations = config::labels(facts, created);
    let manifest = Blob::of(&Manifest::new(
        Descriptor::of(manifest::MEDIA_CONFIG, &config),
        layers.iter().map(|layer| Descriptor::layer(&layer.blob)).collect(),
        annotations.clone(),
    ));
    let platform = Platform { architecture: architecture.oci().to_owned(), os: "linux".to_owned() };
    let entry =
        Descriptor { platform: Some(platform), ..Descriptor::of(manifest::MEDIA_MANIFEST, &manifest) };
    let index = Blob::of(&Index::new(vec![entry], annotations));
    let layers = layers.iter().map(|layer| layer.blob.clone()).collect();
    Assembled { index, manifest, config, layers }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use layer::{Entry, Layer};
    use std::collections::BTreeMap;

    pub(crate) fn facts() -> Facts {
        Facts {
            name: "svc".to_owned(),
            version: "1.2.3".to_owned(),
            revision: "a".repeat(40),
            source: Some("https://example.org/svc".to_owned()),
            licences: Some("MIT".to_owned()),
            description: None,
            entrypoint: "/app/svc".to_owned(),
            arguments: vec!["--serve".to_owned()],
            ports: vec![8080],
            user: 65532,
            environment: BTreeMap::from([("MODE".to_owned(), "x".to_owned())]),
            labels: BTreeMap::new(),
        }
    }

    /// A small image with its layer's bytes.
    pub(crate) fn small(entries: Vec<Entry>) -> (Assembled, Vec<u8>) {
        let mut bytes = Vec::new();
        let blob = Layer::new(entries).unwrap().compress(&mut bytes).unwrap();
        let layers = [LayerFacts { blob, what: "test".to_owned() }];
        (assemble(&facts(), Architecture::Amd64, Timestamp::UNIX_EPOCH, &layers), bytes)
    }

    #[test]
    fn documents_are_a_function_of_their_arguments() {
        let entries = || vec![Entry::file("a", b"x".to_vec())];
        assert_eq!(small(entries()), small(entries()));
        let (image, layer) = small(entries());
        let other = assemble(&facts(), Architecture::Amd64, Timestamp::MAX, &[]);
        assert_ne!(image.digest(), other.digest());
        assert!(image.size_bytes() > layer.len() as u64);
    }

    #[test]
    fn the_index_leads_to_the_manifest_and_that_to_the_config() {
        let (image, _) = small(vec![]);
        let index: Index = serde_json::from_slice(&image.index.bytes).unwrap();
        assert_eq!(index.manifests[0].digest, image.manifest.digest);
        assert_eq!(index.manifests[0].platform.as_ref().map(|p| p.architecture.as_str()), Some("amd64"));
        let manifest: Manifest = serde_json::from_slice(&image.manifest.bytes).unwrap();
        assert_eq!(manifest.config.digest, image.config.digest);
        assert_eq!(manifest.layers[0].digest, image.layers[0].digest);
        let config: Config = serde_json::from_slice(&image.config.bytes).unwrap();
        assert_eq!(config.rootfs.diff_ids, [image.layers[0].diff_id.clone()]);
    }
}
