//! An OCI image layout: a directory of blobs that are named by their digests (image-spec, image-layout.md).
//!
//! Written beside its place and renamed, so a layout is whole or absent. Read with every digest verified: what
//! [`Stored`] holds is what the image's digest names. Only layouts of one image are read, and only those whose entry
//! is an index, as ours are.

use super::config::{Architecture, Config};
use super::counted::{self, Counted};
use super::manifest::{Descriptor, Index, MEDIA_CONFIG, MEDIA_INDEX, MEDIA_LAYER, MEDIA_MANIFEST, Manifest};
use super::{Assembled, Blob};
use crate::digest::Digest;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest index, manifest or config that is read: registries refuse larger ones.
pub const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Largest compressed layer that is read.
pub const LAYER_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Most layers of one image: what overlay file systems can stack.
pub const LAYERS_MAX: usize = 127;
pub(crate) const MARKER_FILE: &str = "oci-layout";
pub(crate) const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX_FILE: &str = "index.json";

/// An image in a layout whose every blob was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The layout.
    pub directory: PathBuf,
    /// The digest of the image: of its index.
    pub digest: Digest,
    /// The manifest for the asked platform.
    pub manifest: Manifest,
    /// Its config.
    pub config: Config,
    /// Bytes that a registry would store.
    pub size_bytes: u64,
}

/// Why a layout cannot be written or read. The first field says which part.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// No `oci-layout` file of version 1.0.0.
    #[error("{0} is not an OCI image layout")]
    NotALayout(PathBuf),
    /// Reading or writing failed.
    #[error("failed to access {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The bytes are not those that the name promises.
    #[error("{what} is damaged: expected {expected}, found {found}")]
    Damaged {
        /// Which part.
        what: String,
        /// What refers to it says this.
        expected: Digest,
        /// The bytes say this.
        found: Digest,
    },
    /// The length is not the one that the descriptor promises.
    #[error("{what} is damaged: expected {expected} bytes, found {found}")]
    Length {
        /// Which part.
        what: String,
        /// What refers to it says this.
        expected: u64,
        /// The file has this.
        found: u64,
    },
    /// Beyond a named limit.
    #[error("{0} is larger than {1}, the most that is read")]
    TooLarge(String, u64),
    /// Not the document that it should be.
    #[error("{0} is not valid: {1}")]
    Json(String, #[source] serde_json::Error),
    /// Another kind of thing than this version reads.
    #[error("{0} has the media type `{1}`, which is not read here")]
    MediaType(String, String),
    /// None, or several.
    #[error("the layout holds {0} images where one is expected")]
    Ambiguous(usize),
    /// The image does not run here.
    #[error("the image has no variant for linux/{0}")]
    Platform(&'static str),
    /// Manifest and config do not agree.
    #[error("the manifest has {0} layers, the config {1}")]
    Layers(usize, usize),
    /// Beyond [`LAYERS_MAX`].
    #[error("the image has {0} layers, more than {LAYERS_MAX}")]
    TooManyLayers(usize),
}

/// Writes an image whose compressed layers lie in these files, in the order of `image.layers`. A layout that was
/// there is replaced in one step.
///
/// # Errors
/// Where a layer's file is not the layer, or the file system refuses.
pub fn write(directory: &Path, image: &Assembled, name: &str, layers: &[PathBuf]) -> Result<(), LayoutError> {
    let parent = directory.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|error| LayoutError::Io(parent.to_owned(), error))?;
    let fresh = tempfile::Builder::new()
        .prefix(".layout-")
        .tempdir_in(parent)
        .map_err(|error| LayoutError::Io(parent.to_owned(), error))?;
    let blobs = fresh.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).map_err(|error| LayoutError::Io(blobs.clone(), error))?;
    for (position, (layer, source)) in image.layers.iter().zip(layers).enumerate() {
        copy(&layer_name(position), source, &blobs.join(layer.digest.hex()), &layer.digest)?;
    }
    for blob in [&image.index, &image.manifest, &image.config] {
        save(&blobs.join(blob.digest.hex()), &blob.bytes)?;
    }
    save(&fresh.path().join(INDEX_FILE), &Blob::of(&Index::of_layout(&image.index, name)).bytes)?;
    save(&fresh.path().join(MARKER_FILE), MARKER)?;
    put_in_place(fresh.path(), directory).map_err(|error| LayoutError::Io(directory.to_owned(), error))
}

/// Reads the image of a layout for a platform, and verifies every blob of it.
///
/// # Errors
/// Where a part is missing, damaged, too large or of another kind: the message names the part.
pub fn read(directory: &Path, architecture: Architecture) -> Result<Stored, LayoutError> {
    let marker = bounded(&directory.join(MARKER_FILE), MARKER_FILE, DOCUMENT_BYTES_MAX).ok();
    let marked = marker.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    if marked.and_then(|json| Some(json.get("imageLayoutVersion")?.as_str()? == "1.0.0")) != Some(true) {
        return Err(LayoutError::NotALayout(directory.to_owned()));
    }
    let entries: Index =
        parse(INDEX_FILE, &bounded(&directory.join(INDEX_FILE), INDEX_FILE, DOCUMENT_BYTES_MAX)?)?;
    let images: Vec<&Descriptor> =
        entries.manifests.iter().filter(|entry| !super::referrers::is_referring(entry)).collect();
    let [entry] = images[..] else {
        return Err(LayoutError::Ambiguous(images.len()));
    };
    let index: Index = document(directory, "the index", entry, MEDIA_INDEX)?;
    let runs_here = |one: &&Descriptor| {
        one.platform.as_ref().is_some_and(|on| on.os == "linux" && on.architecture == architecture.oci())
    };
    let variant = index.manifests.iter().find(runs_here).ok_or(LayoutError::Platform(architecture.oci()))?;
    let manifest: Manifest = document(directory, "the manifest", variant, MEDIA_MANIFEST)?;
    let config: Config = document(directory, "the config", &manifest.config, MEDIA_CONFIG)?;
    let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
    if layers > LAYERS_MAX {
        return Err(LayoutError::TooManyLayers(layers));
    }
    if layers != diff_ids {
        return Err(LayoutError::Layers(layers, diff_ids));
    }
    for (position, layer) in manifest.layers.iter().enumerate() {
        verify_layer(directory, &layer_name(position), layer)?;
    }
    let documents = entry.size + variant.size + manifest.config.size;
    let size_bytes = documents + manifest.layers.iter().map(|layer| layer.size).sum::<u64>();
    Ok(Stored { directory: directory.to_owned(), digest: entry.digest.clone(), manifest, config, size_bytes })
}

impl Stored {
    /// Opens a layer's compressed bytes.
    ///
    /// # Errors
    /// Where the file is gone.
    pub fn open_layer(&self, layer: &Descriptor) -> Result<File, LayoutError> {
        let path = blob_path(&self.directory, &layer.digest);
        File::open(&path).map_err(|error| LayoutError::Io(path, error))
    }
}

pub(crate) fn blob_path(directory: &Path, digest: &Digest) -> PathBuf {
    directory.join("blobs/sha256").join(digest.hex())
}

fn layer_name(position: usize) -> String {
    format!("layer {}", position + 1)
}

pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<(), LayoutError> {
    std::fs::write(path, bytes).map_err(|error| LayoutError::Io(path.to_owned(), error))
}

fn copy(what: &str, from: &Path, to: &Path, expected: &Digest) -> Result<(), LayoutError> {
    let mut source = File::open(from).map_err(|error| LayoutError::Io(from.to_owned(), error))?;
    let target = File::create(to).map_err(|error| LayoutError::Io(to.to_owned(), error))?;
    let mut counted = Counted::new(target);
    io::copy(&mut source, &mut counted).map_err(|error| LayoutError::Io(to.to_owned(), error))?;
    let (_, found, _) = counted.finish();
    same(what, expected, found)
}

/// Makes the layout `fresh` become `place`; swaps where the file system can, so that there is never no layout.
pub(crate) fn put_in_place(fresh: &Path, place: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    // A temporary directory is private; a layout is as readable as any build output.
    std::fs::set_permissions(fresh, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    if place.exists() && renameat_with(CWD, fresh, CWD, place, RenameFlags::EXCHANGE).is_ok() {
        return Ok(()); // the old one is now at the temporary place and goes with it
    }
    if place.exists() {
        std::fs::remove_dir_all(place)?;
    }
    std::fs::rename(fresh, place)
}

pub(crate) fn bounded(path: &Path, what: &str, limit: u64) -> Result<Vec<u8>, LayoutError> {
    let file = File::open(path).map_err(|error| LayoutError::Io(path.to_owned(), error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| LayoutError::Io(path.to_owned(), error))?;
    if bytes.len() as u64 > limit {
        return Err(LayoutError::TooLarge(what.to_owned(), limit));
    }
    Ok(bytes)
}

pub(crate) fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, LayoutError> {
    serde_json::from_slice(bytes).map_err(|error| LayoutError::Json(what.to_owned(), error))
}

pub(super) fn document<T: DeserializeOwned>(
    directory: &Path,
    what: &str,
    at: &Descriptor,
    media_type: &str,
) -> Result<T, LayoutError> {
    of_media_type(what, at, media_type)?;
    let bytes = bounded(&blob_path(directory, &at.digest), what, DOCUMENT_BYTES_MAX)?;
    same_length(what, at.size, bytes.len() as u64)?;
    same(what, &at.digest, Digest::of(&bytes))?;
    parse(what, &bytes)
}

fn verify_layer(directory: &Path, what: &str, at: &Descriptor) -> Result<(), LayoutError> {
    of_media_type(what, at, MEDIA_LAYER)?;
    if at.size > LAYER_BYTES_MAX {
        return Err(LayoutError::TooLarge(what.to_owned(), LAYER_BYTES_MAX));
    }
    let path = blob_path(directory, &at.digest);
    let file = File::open(&path).map_err(|error| LayoutError::Io(path.clone(), error))?;
    let (found, bytes) =
        counted::digest(file.take(at.size + 1)).map_err(|error| LayoutError::Io(path, error))?;
    same_length(what, at.size, bytes)?;
    same(what, &at.digest, found)
}

pub(super) fn of_media_type(what: &str, at: &Descriptor, expected: &str) -> Result<(), LayoutError> {
    let fits = at.media_type == expected;
    fits.then_some(()).ok_or_else(|| LayoutError::MediaType(what.to_owned(), at.media_type.clone()))
}

pub(super) fn same(what: &str, expected: &Digest, found: Digest) -> Result<(), LayoutError> {
    if *expected == found {
        return Ok(());
    }
    Err(LayoutError::Damaged { what: what.to_owned(), expected: expected.clone(), found })
}

pub(super) fn same_length(what: &str, expected: u64, found: u64) -> Result<(), LayoutError> {
    if expected == found {
        return Ok(());
    }
    Err(LayoutError::Length { what: what.to_owned(), expected, found })
}

#[cfg(test)]
mod tests;
