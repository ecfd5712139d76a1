//! Artifacts that refer to an image (OCI 1.1, `subject`), in a layout beside it.
//!
//! Each is listed twice, as readers differ: in `index.json` by itself, and in an index under the *fallback tag* `sha256-<hex>`, which is
//! what tools copy to a registry that has no referrers API. Both lists must agree. Where they do not, one of them was tampered with or
//! written by somebody who forgot the other, and nobody can tell which: that is refused, never merged.

use super::Blob;
use super::layout::{self, DOCUMENT_BYTES_MAX, INDEX_FILE, LayoutError};
use super::manifest::{Descriptor, Index, MEDIA_INDEX, MEDIA_MANIFEST, Manifest, REF_NAME};
use crate::digest::Digest;
use std::collections::BTreeMap;
use std::path::Path;

/// The media type of a config that says nothing.
pub const MEDIA_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Its bytes.
const EMPTY: &[u8] = b"{}";
/// Entries of `index.json` or a fallback index that are looked at.
pub const ENTRIES_MAX: usize = 1000;

/// An artifact to be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its type, which is also the media type of its one layer.
    pub artifact_type: String,
    /// What is said of it, in manifest and lists.
    pub annotations: BTreeMap<String, String>,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// An artifact as it lies in a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The digest of its manifest.
    pub manifest: Digest,
    /// What it is.
    pub artifact: Artifact,
}

/// Why the referrers of an image cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ReferrersError {
    /// The layout itself.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// `index.json` and the fallback tag disagree.
    #[error("index.json lists {listed} referrers of the image and its tag {tag} lists {tagged} others")]
    Disagree {
        /// The fallback tag.
        tag: String,
        /// In `index.json`.
        listed: usize,
        /// Under the tag.
        tagged: usize,
    },
    /// The fallback tag is there twice.
    #[error("the tag {0} is there {1} times")]
    Tags(String, usize),
    /// A manifest without what makes it one of an artifact.
    #[error("{0} is listed as a referrer of the image and {1}")]
    NoReferrer(Digest, &'static str),
    /// Beyond [`ENTRIES_MAX`].
    #[error("{0} lists {1} entries, more than {ENTRIES_MAX}")]
    TooMany(&'static str, usize),
}

/// The tag under which a registry without the referrers API keeps an image's referrers.
pub fn fallback_tag(image: &Digest) -> String {
    format!("sha256-{}", image.hex())
}

/// Whether an entry of `index.json` is a referrer, or a list of some, and not an image.
pub fn is_referring(entry: &Descriptor) -> bool {
    let tag = entry.annotations.get(REF_NAME).and_then(|name| name.strip_prefix("sha256-"));
    let is_list = entry.media_type == MEDIA_INDEX
        && tag.is_some_and(|hex| format!("sha256:{hex}").parse::<Digest>().is_ok());
    is_list || (entry.media_type == MEDIA_MANIFEST && entry.artifact_type.is_some())
}

/// Makes these the referrers of an image: what was attached before is replaced. The same artifacts give the same bytes.
///
/// # Errors
/// Where the layout cannot be read or written.
pub fn replace(directory: &Path, image: &Digest, artifacts: &[Artifact]) -> Result<(), ReferrersError> {
    let entries = index(directory)?;
    let tag = fallback_tag(image);
    let is_image = |entry: &&Descriptor| entry.digest == *image && !is_referring(entry);
    let subject = entries.manifests.iter().find(is_image).map(|entry| Descriptor {
        annotations: BTreeMap::new(),
        platform: None,
        ..entry.clone()
    });
    let subject = subject.ok_or(LayoutError::Ambiguous(0))?;
    let empty = Blob { bytes: EMPTY.to_vec(), digest: Digest::of(EMPTY) };
    let config = Descriptor::of(MEDIA_EMPTY, &empty);
    let mut listed = Vec::new();
    for artifact in artifacts {
        let layer = Blob { digest: Digest::of(&artifact.bytes), bytes: artifact.bytes.clone() };
        let layers = vec![Descriptor::of(&artifact.artifact_type, &layer)];
        let manifest = Blob::of(&Manifest {
            artifact_type: Some(artifact.artifact_type.clone()),
            subject: Some(subject.clone()),
            ..Manifest::new(config.clone(), layers, artifact.annotations.clone())
        });
        listed.push(Descriptor {
            artifact_type: Some(artifact.artifact_type.clone()),
            annotations: artifact.annotations.clone(),
            ..Descriptor::of(MEDIA_MANIFEST, &manifest)
        });
        for blob in [&layer, &empty, &manifest] {
            layout::save(&layout::blob_path(directory, &blob.digest), &blob.bytes)?;
        }
    }
    let list = Blob::of(&Index::new(listed.clone(), BTreeMap::new()));
    layout::save(&layout::blob_path(directory, &list.digest), &list.bytes)?;
    let annotations = BTreeMap::from([(REF_NAME.to_owned(), tag)]);
    let mut manifests: Vec<Descriptor> =
        entries.manifests.into_iter().filter(|entry| !is_referring(entry)).collect();
    manifests.extend(listed);
    manifests.push(Descriptor { annotations, ..Descriptor::of(MEDIA_INDEX, &list) });
    let index = Blob::of(&Index::new(manifests, entries.annotations));
    // Children first, the list last and whole: a reader sees all or what was there before.
    let beside = directory.join(".index.json");
    layout::save(&beside, &index.bytes)?;
    let place = directory.join(INDEX_FILE);
    std::fs::rename(&beside, &place).map_err(|error| LayoutError::Io(place, error))?;
    Ok(())
}

/// Everything that refers to this digest, whatever the layout's tags say now. Every blob's digest is verified.
///
/// # Errors
/// Where something is damaged, or the two lists disagree.
pub fn of(directory: &Path, image: &Digest, bytes_max: u64) -> Result<Vec<Referrer>, ReferrersError> {
    listed(directory, image)?.iter().map(|entry| referrer(directory, entry, image, bytes_max)).collect()
}

/// The entries of everything that refers to this digest, as the layout's lists have them.
///
/// # Errors
/// As [`of`].
pub fn listed(directory: &Path, image: &Digest) -> Result<Vec<Descriptor>, ReferrersError> {
    let entries = index(directory)?;
    let tag = fallback_tag(image);
    let named = |entry: &&Descriptor| entry.annotations.get(REF_NAME) == Some(&tag);
    let lists: Vec<&Descriptor> = entries.manifests.iter().filter(named).collect();
    let tagged = match lists[..] {
        [] => None,
        [list] => {
            let list: Index = layout::document(directory, "the list of referrers", list, MEDIA_INDEX)?;
            bounded_entries("the fallback tag", &list)?;
            Some(list.manifests)
        }
        _ => return Err(ReferrersError::Tags(tag, lists.len())),
    };
    let mut listed = Vec::new();
    for entry in
        entries.manifests.iter().filter(|entry| entry.media_type == MEDIA_MANIFEST && is_referring(entry))
    {
        let manifest: Manifest = layout::document(directory, "a referrer", entry, MEDIA_MANIFEST)?;
        if manifest.subject.as_ref().is_some_and(|subject| subject.digest == *image) {
            listed.push(entry);
        }
    }
    // A copy by tag brings the list alone; what is listed by itself must be in the list then, and the other way round.
    match tagged {
        None => Ok(listed.into_iter().cloned().collect()),
        Some(tagged) if listed.is_empty() => Ok(tagged),
        Some(tagged) => {
            let names = |all: &mut dyn Iterator<Item = &Descriptor>| {
                let mut names: Vec<Digest> = all.map(|one| one.digest.clone()).collect();
                names.sort();
                names
            };
            let ours = names(&mut listed.iter().copied());
            let theirs = names(&mut tagged.iter());
            if ours != theirs {
                let (listed, tagged) = (ours.len(), theirs.len());
                return Err(ReferrersError::Disagree { tag, listed, tagged });
            }
            Ok(tagged)
        }
    }
}

fn referrer(
    directory: &Path,
    entry: &Descriptor,
    image: &Digest,
    bytes_max: u64,
) -> Result<Referrer, ReferrersError> {
    let no = |why| ReferrersError::NoReferrer(entry.digest.clone(), why);
    let manifest: Manifest = layout::document(directory, "a referrer", entry, MEDIA_MANIFEST)?;
    let Some(subject) = &manifest.subject else { return Err(no("its manifest has no subject")) };
    if subject.digest != *image {
        return Err(no("its manifest has another subject"));
    }
    let [layer] = manifest.layers.as_slice() else { return Err(no("has not one layer")) };
    let Some(artifact_type) = manifest.artifact_type else { return Err(no("has no artifact type")) };
    let what = "the content of a referrer";
    layout::of_media_type(what, layer, &artifact_type)?;
    let bytes = layout::bounded(&layout::blob_path(directory, &layer.digest), what, bytes_max)?;
    layout::same_length(what, layer.size, bytes.len() as u64)?;
    layout::same(what, &layer.digest, Digest::of(&bytes))?;
    let artifact = Artifact { artifact_type, annotations: manifest.annotations, bytes };
    Ok(Referrer { manifest: entry.digest.clone(), artifact })
}

fn index(directory: &Path) -> Result<Index, ReferrersError> {
    let bytes = layout::bounded(&directory.join(INDEX_FILE), INDEX_FILE, DOCUMENT_BYTES_MAX)?;
    let index: Index = layout::parse(INDEX_FILE, &bytes)?;
    bounded_entries(INDEX_FILE, &index)?;
    Ok(index)
}

fn bounded_entries(what: &'static str, index: &Index) -> Result<(), ReferrersError> {
    let count = index.manifests.len();
    if count > ENTRIES_MAX { Err(ReferrersError::TooMany(what, count)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::config::Architecture;
    use crate::oci::layer::Entry;
    use crate::oci::tests::small;

    fn artifact(text: &str) -> Artifact {
        let annotations = BTreeMap::from([("of".to_owned(), text.to_owned())]);
        Artifact { artifact_type: "application/x-test".into(), annotations, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn what_is_attached_is_read_back_and_the_image_stays() {
        let home = tempfile::tempdir().unwrap();
        let (image, layer) = small(vec![Entry::file("a", b"x".to_vec())]);
        std::fs::write(home.path().join("layer"), layer).unwrap();
        let layout = home.path().join("l");
        layout::write(&layout, &image, "1", &[home.path().join("layer")]).unwrap();
        assert_eq!(of(&layout, image.digest(), 100).unwrap(), []);
        for texts in [vec!["a", "b"], vec!["c"], vec![]] {
            let artifacts: Vec<Artifact> = texts.into_iter().map(artifact).collect();
            replace(&layout, image.digest(), &artifacts).unwrap();
            let read: Vec<Artifact> =
                of(&layout, image.digest(), 100).unwrap().into_iter().map(|one| one.artifact).collect();
            assert_eq!(read, artifacts);
            let stored = layout::read(&layout, Architecture::Amd64).unwrap();
            assert_eq!(stored.digest, *image.digest());
        }
        assert!(replace(&layout, &Digest::of(b"other"), &[]).is_err());
        replace(&layout, image.digest(), &[artifact("long")]).unwrap();
        assert!(of(&layout, image.digest(), 3).unwrap_err().to_string().contains("larger than 3"));
        assert_eq!(of(&layout, &Digest::of(b"other"), 9).unwrap(), [], "nothing speaks of another image");
    }
}
