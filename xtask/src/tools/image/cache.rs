//! Compressed layers by content: the key names a layer's bytes before they are made, so an unchanged layer is
//! neither archived nor compressed again. An entry is used only after its bytes were digested.

use crate::oci::counted;
use crate::oci::layer::{Compressed, Layer};
use anyhow::Context as _;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Layers that are kept; older ones go.
const ENTRIES_MAX: usize = 12;

/// Where a compressed layer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cached {
    /// It was there.
    Found,
    /// It was made.
    Made,
}

/// The compressed layer and the file that holds it.
pub(super) fn compress(directory: &Path, layer: &Layer) -> anyhow::Result<(Compressed, PathBuf, Cached)> {
    let key = layer.key();
    let file = directory.join(format!("{}.tar.gz", key.hex()));
    let record = directory.join(format!("{}.json", key.hex()));
    if let Some(found) = find(&file, &record) {
        return Ok((found, file, Cached::Found));
    }
    fs::create_dir_all(directory).with_context(|| format!("failed to create {}", directory.display()))?;
    let failed = || format!("failed to write {}", file.display());
    let fresh = tempfile::NamedTempFile::new_in(directory).with_context(failed)?;
    let compressed = layer.compress(BufWriter::new(fresh.as_file())).with_context(failed)?;
    fresh.persist(&file).with_context(failed)?;
    let fresh = tempfile::NamedTempFile::new_in(directory).with_context(failed)?;
    serde_json::to_writer(fresh.as_file(), &compressed).with_context(failed)?;
    fresh.persist(&record).with_context(failed)?;
    Ok((compressed, file, Cached::Made))
}

fn find(file: &Path, record: &Path) -> Option<Compressed> {
    let recorded: Compressed = serde_json::from_slice(&fs::read(record).ok()?).ok()?;
    let (digest, size_bytes) = counted::digest(File::open(file).ok()?).ok()?;
    ((digest, size_bytes) == (recorded.digest.clone(), recorded.size_bytes)).then_some(recorded)
}

/// Removes the oldest entries beyond the limit.
pub(super) fn prune(directory: &Path) -> anyhow::Result<()> {
    let failed = || format!("failed to tidy {}", directory.display());
    let mut entries: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(directory).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        if entry.file_name().to_string_lossy().ends_with(".tar.gz") {
            entries.push((
                entry.metadata().and_then(|data| data.modified()).with_context(failed)?,
                entry.path(),
            ));
        }
    }
    entries.sort();
    let over = entries.len().saturating_sub(ENTRIES_MAX);
    for (_, file) in &entries[..over] {
        let record = file.with_extension("").with_extension("json");
        fs::remove_file(file).with_context(failed)?;
        // An entry without a record is no entry; one that is gone already is as good.
        let _ = fs::remove_file(record);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::layer::Entry;

    fn layer(text: &str) -> Layer {
        Layer::new(vec![Entry::file("a", text.into())]).unwrap()
    }

    #[test]
    fn a_layer_is_compressed_once_and_a_damaged_entry_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let (made, file, cached) = compress(directory.path(), &layer("x")).unwrap();
        assert_eq!(cached, Cached::Made);
        let again = compress(directory.path(), &layer("x")).unwrap();
        assert_eq!(again, (made.clone(), file.clone(), Cached::Found));
        fs::write(&file, b"other").unwrap();
        let again = compress(directory.path(), &layer("x")).unwrap();
        assert_eq!((again.0, again.2), (made, Cached::Made));
    }

    #[test]
    fn only_so_many_layers_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..ENTRIES_MAX + 3 {
            compress(directory.path(), &layer(&number.to_string())).unwrap();
        }
        prune(directory.path()).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2 * ENTRIES_MAX);
        assert!(prune(&directory.path().join("absent")).is_err());
    }
}
