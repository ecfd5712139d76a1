//! Descriptors, manifests and indexes, as OCI image-spec 1.1 writes them.
//!
//! Only what images and their referrers need. Maps are sorted and absent fields are left out, so that equal values are equal bytes.

use super::Blob;
use super::layer::Compressed;
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The media type of an index.
pub const MEDIA_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a manifest.
pub const MEDIA_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a config.
pub const MEDIA_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of a gzipped layer, the only kind that this version writes and reads.
pub const MEDIA_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The annotation that names an image inside a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A reference to a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// What kind of artifact the manifest is of; only in an index, and only where it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Where it runs; only in an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Where an image runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64` or `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
}

/// One platform's config and layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2, for ever.
    pub schema_version: u32,
    /// [`MEDIA_MANIFEST`]; the specification lets others leave it out, and skopeo does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// What kind of artifact this is, where it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What it speaks of, where it is a referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The manifests of all platforms; also the form of a layout's `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2, for ever.
    pub schema_version: u32,
    /// [`MEDIA_INDEX`]; the specification lets others leave it out, and skopeo does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// One per platform.
    pub manifests: Vec<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Points at a document.
    pub fn of(media_type: &str, blob: &Blob) -> Descriptor {
        Self::new(media_type, blob.digest.clone(), blob.bytes.len() as u64)
    }

    /// Points at a layer.
    pub fn layer(layer: &Compressed) -> Descriptor {
        Self::new(MEDIA_LAYER, layer.digest.clone(), layer.size_bytes)
    }

    pub(crate) fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        let media_type = media_type.to_owned();
        Descriptor {
            media_type,
            digest,
            size,
            artifact_type: None,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }
}

impl Manifest {
    /// A manifest over a config and layers.
    pub fn new(
        config: Descriptor,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Manifest {
        Manifest {
            schema_version: 2,
            media_type: MEDIA_MANIFEST.to_owned(),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations,
        }
    }
}

impl Index {
    /// An index over manifests.
    pub fn new(manifests: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Index {
        Index { schema_version: 2, media_type: MEDIA_INDEX.to_owned(), manifests, annotations }
    }

    /// The `index.json` of a layout: it points at the image's index under a name.
    pub fn of_layout(image: &Blob, name: &str) -> Index {
        let annotations = BTreeMap::from([(REF_NAME.to_owned(), name.to_owned())]);
        Index::new(vec![Descriptor { annotations, ..Descriptor::of(MEDIA_INDEX, image) }], BTreeMap::new())
    }
}
