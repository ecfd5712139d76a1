//! The platform's store of releases: what was rolled out stays here, so that going back needs nothing from elsewhere.
//!
//! `<state>/services/<service>/releases/<hex>/` holds `release.json`, `evidence.json`, the OCI layout `image/` and,
//! once it was started here, `unpacked/`.

use crate::digest::Digest;
use crate::failure::Failure;
use crate::oci::layout;
use crate::policy::Policy;
use crate::release::{Release, Unverified};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// The file with the release.
pub const RELEASE_FILE: &str = "release.json";
/// The file with its evidence.
pub const EVIDENCE_FILE: &str = "evidence.json";
/// The folder with its OCI layout.
pub const IMAGE_FOLDER: &str = "image";
/// Longest release or evidence file that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A folder with a release in it.
#[derive(Debug, Clone)]
pub struct Stored {
    folder: PathBuf,
}

/// Reads what lies in a folder, if a release does.
///
/// # Errors
/// Where the files are there and cannot be read.
pub fn open(folder: impl Into<PathBuf>) -> anyhow::Result<Option<(Stored, Unverified<Release>)>> {
    let stored = Stored { folder: folder.into() };
    let file = stored.folder.join(RELEASE_FILE);
    if !file.exists() {
        return Ok(None);
    }
    let release = serde_json::from_slice(&read(&file)?)
        .with_context(|| format!("failed to read {}", file.display()))?;
    Ok(Some((stored, release)))
}

/// The folder of a digest in a service's store.
pub fn folder(state: &Path, service: &str, digest: &Digest) -> PathBuf {
    state.join("services").join(service).join("releases").join(digest.hex())
}

/// The digests in a service's store.
pub fn digests(state: &Path, service: &str) -> Vec<Digest> {
    let folder = state.join("services").join(service).join("releases");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|hex| format!("sha256:{hex}").parse().ok()).collect()
}

impl Stored {
    /// Its OCI layout.
    pub fn image(&self) -> PathBuf {
        self.folder.join(IMAGE_FOLDER)
    }

    /// Where its image is unpacked.
    pub fn unpacked(&self) -> PathBuf {
        self.folder.join("unpacked")
    }

    /// Judges its evidence again.
    ///
    /// # Errors
    /// Where it does not pass by this policy.
    pub fn verify(&self, release: Unverified<Release>, policy: &Policy) -> anyhow::Result<Release> {
        release.verify(&read(&self.folder.join(EVIDENCE_FILE))?, policy)
    }

    /// Copies it into a service's store, where it is not there yet. The copy appears at once or not at all.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn import(&self, state: &Path, release: &Release) -> anyhow::Result<Stored> {
        let target = folder(state, &release.service, &release.digest);
        if target.join(RELEASE_FILE).exists() && self.same_files(&target)? {
            return Ok(Stored { folder: target });
        }
        let releases = target.parent().unwrap_or(state);
        let unwritable = |error: std::io::Error| {
            Failure::infrastructure(
                format!("failed to write {}: {error}", releases.display()),
                "check the state directory's owner and space, or set GATELINE_STATE to another one",
            )
        };
        std::fs::create_dir_all(releases).map_err(unwritable)?;
        let fresh = tempfile::Builder::new().prefix(".import-").tempdir_in(releases).map_err(unwritable)?;
        copy_folder(&self.folder, fresh.path()).map_err(unwritable)?;
        if target.exists() {
            // The same image with other evidence: the newer evidence takes its place. Signed evidence lies in the layout, so that is
            // exchanged in one step; what is unpacked stays.
            layout::put_in_place(&fresh.path().join(IMAGE_FOLDER), &target.join(IMAGE_FOLDER))
                .map_err(unwritable)?;
            for file in [EVIDENCE_FILE, RELEASE_FILE] {
                std::fs::rename(fresh.path().join(file), target.join(file)).map_err(unwritable)?;
            }
        } else {
            std::fs::rename(fresh.path(), &target).map_err(unwritable)?;
        }
        std::fs::File::open(releases).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
        Ok(Stored { folder: target })
    }

    fn same_files(&self, other: &Path) -> anyhow::Result<bool> {
        Ok(read(&self.folder.join(RELEASE_FILE))? == read(&other.join(RELEASE_FILE))?)
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let facts = std::fs::metadata(file).with_context(|| format!("failed to read {}", file.display()))?;
    anyhow::ensure!(
        facts.len() <= FILE_BYTES_MAX,
        "{} is larger than {FILE_BYTES_MAX} bytes",
        file.display()
    );
    std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy_folder(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), &target)?;
            std::fs::File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn release_in(folder: &Path) -> Release {
        let release = Release {
            schema: crate::release::SCHEMA.into(),
            digest: Digest::of(b"image"),
            service: "desk".into(),
            version: "1".into(),
            commit: "c".into(),
            commit_time: Timestamp::UNIX_EPOCH,
            tree: Digest::of(b"tree"),
            policy: Policy::default().hash(),
            toolchain: Digest::of(b"rustc"),
            evidence: Digest::of(b"{}"),
            size_bytes: 1,
            made_at: Timestamp::UNIX_EPOCH,
        };
        std::fs::create_dir_all(folder.join(IMAGE_FOLDER)).unwrap();
        std::fs::write(folder.join(IMAGE_FOLDER).join("oci-layout"), "{}").unwrap();
        std::fs::write(folder.join(EVIDENCE_FILE), "{}").unwrap();
        std::fs::write(folder.join(RELEASE_FILE), serde_json::to_vec(&release).unwrap()).unwrap();
        release
    }

    #[test]
    fn an_import_is_whole_and_a_second_one_changes_nothing() {
        let (here, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let release = release_in(here.path());
        let (stored, claimed) = open(here.path()).unwrap().unwrap();
        assert_eq!(claimed.claimed(), &release);
        let first = stored.import(state.path(), &release).unwrap();
        assert!(first.image().join("oci-layout").exists());
        assert_eq!(stored.import(state.path(), &release).unwrap().image(), first.image());
        assert!(open(state.path()).unwrap().is_none());
        assert_eq!(digests(state.path(), "desk"), [release.digest]);
        assert_eq!(digests(state.path(), "other"), []);
    }

    #[test]
    fn evidence_that_is_not_its_own_is_refused() {
        let here = tempfile::tempdir().unwrap();
        release_in(here.path());
        std::fs::write(here.path().join(EVIDENCE_FILE), "{ }").unwrap();
        let (stored, claimed) = open(here.path()).unwrap().unwrap();
        let error = stored.verify(claimed, &Policy::default()).unwrap_err();
        assert!(error.to_string().contains("evidence.json is not the one"), "{error}");
        assert_eq!(Failure::exit_of(&error), crate::exit::Exit::Refused);
    }
}
