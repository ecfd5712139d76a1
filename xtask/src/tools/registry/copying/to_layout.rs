//! Into a layout: written beside its place, renamed when it is whole.

use super::{Copied, Descriptor};
use crate::oci::Blob;
use crate::oci::layout::{self, INDEX_FILE, LayoutError, MARKER, MARKER_FILE};
use crate::oci::manifest::{Index, REF_NAME};
use crate::oci::referrers::fallback_tag;
use crate::tools::registry::client::Trouble;
use crate::tools::registry::places::From;
use crate::tools::registry::retry::{self, Came, Next};
use hyper::body::Bytes;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A layout to be.
pub struct Layout {
    place: PathBuf,
    tag: Option<String>,
    fresh: TempDir,
}

impl Layout {
    /// Prepares one; nothing is at its place before [`super::copy`] ends well.
    ///
    /// # Errors
    /// Where the file system refuses, or something that is no layout is there.
    pub fn new(place: &Path, tag: Option<&str>) -> Result<Layout, Trouble> {
        let parent = place.parent().unwrap_or(Path::new("."));
        if place.exists() && !place.join(MARKER_FILE).is_file() {
            let place = place.display();
            return Err(Trouble::Local(format!(
                "{place} is there and is no OCI layout: it is not overwritten"
            )));
        }
        let begin = || {
            std::fs::create_dir_all(parent)?;
            let fresh = tempfile::Builder::new().prefix(".layout-").tempdir_in(parent)?;
            std::fs::create_dir_all(fresh.path().join("blobs/sha256"))?;
            Ok(fresh)
        };
        let fresh = begin().map_err(|error: std::io::Error| at(parent, &error))?;
        Ok(Layout { place: place.to_owned(), tag: tag.map(str::to_owned), fresh })
    }

    pub(super) async fn blob(
        &self,
        from: &From<'_>,
        blob: &Descriptor,
        _: &mut Copied,
    ) -> Result<(), Trouble> {
        let path = layout::blob_path(self.fresh.path(), &blob.digest);
        let mut attempt = 1;
        'again: loop {
            let mut pieces = from.open(blob).await?;
            let mut file = std::fs::File::create(&path).map_err(|error| at(&path, &error))?;
            while let Some(piece) = pieces.next().await {
                match piece {
                    Ok(piece) => file.write_all(&piece).map_err(|error| at(&path, &error))?,
                    Err(cut) => {
                        if let Some(fault) = pieces.fault.get() {
                            return Err(fault.clone());
                        }
                        match (from, retry::next(attempt, Came::Nothing)) {
                            (From::Registry(client, _), Next::Again(pause)) => client.pause(pause).await,
                            _ => {
                                let (registry, call) =
                                    (from.shown(), format!("for the blob {}", blob.digest));
                                return Err(Trouble::Unreachable { registry, call, why: cut.to_string() });
                            }
                        }
                        attempt += 1;
                        continue 'again;
                    }
                }
            }
            return Ok(());
        }
    }

    pub(super) fn finish(
        &self,
        root: &Descriptor,
        documents: &[(Descriptor, Bytes)],
        referring: &[Descriptor],
        copied: &mut Copied,
    ) -> Result<(), Trouble> {
        let local = |error: LayoutError| Trouble::Local(error.to_string());
        let here = self.fresh.path();
        for (document, bytes) in documents {
            layout::save(&layout::blob_path(here, &document.digest), bytes).map_err(local)?;
        }
        let named = |name: &str| BTreeMap::from([(REF_NAME.to_owned(), name.to_owned())]);
        let annotations = self.tag.as_deref().map(named).unwrap_or_default();
        let mut entries = vec![Descriptor { annotations, ..root.clone() }];
        if !referring.is_empty() {
            // As `oci::referrers` writes them: by themselves and in a list. An old writer's list does not tell what is what: then the list alone.
            if referring.iter().all(|entry| entry.artifact_type.is_some()) {
                entries.extend(referring.iter().cloned());
            }
            let list = Blob::of(&Index::new(referring.to_vec(), BTreeMap::new()));
            layout::save(&layout::blob_path(here, &list.digest), &list.bytes).map_err(local)?;
            let annotations = named(&fallback_tag(&root.digest));
            entries
                .push(Descriptor { annotations, ..Descriptor::of(crate::oci::manifest::MEDIA_INDEX, &list) });
        }
        let index = Blob::of(&Index::new(entries, BTreeMap::new()));
        layout::save(&here.join(INDEX_FILE), &index.bytes).map_err(local)?;
        layout::save(&here.join(MARKER_FILE), MARKER).map_err(local)?;
        layout::put_in_place(here, &self.place).map_err(|error| at(&self.place, &error))?;
        copied.documents_written = documents.len() as u64;
        copied.tag_moved = self.tag.is_some();
        Ok(())
    }
}

fn at(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Local(format!("failed to write {}: {error}", path.display()))
}
