//! Unpacks an image into a directory from which an instance can start.
//!
//! The tree grows in a fresh private directory and is renamed when it is whole. Where a path leads is decided by
//! what was unpacked so far, never by following the file system: nothing goes through a link. Owners are not
//! applied (the unpacker need not be root) and times are not either. An unpacked image is verified file by file when
//! it is used again.

use super::config::Process;
use super::counted::{self, Counted};
use super::layout::{LayoutError, Stored};
use super::members::{Limits, Member, MemberError, MemberKind, Why, visit};
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "gateline/unpacked/v1";
const RECORD_FILE: &str = "image.json";
const ROOTFS: &str = "rootfs";

/// An image that lies unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The root file system.
    pub rootfs: PathBuf,
    /// How its process starts: entry point, environment, user, labels.
    pub config: Process,
}

/// Why an image cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A member or a layer.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// The directory.
    #[error("failed to access {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// What lies there is not this image, or not any more.
    #[error("{0} is not what image {1} unpacks to; remove the directory and repeat")]
    Differs(PathBuf, Digest),
}

/// What `image.json` beside the root file system says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    schema: String,
    digest: Digest,
    config: Process,
    files: BTreeMap<String, Digest>,
}

/// What stands at a path, and in which layer it was named; `None` for a directory that was only implied.
struct Known {
    kind: MemberKind,
    mode: u32,
    layer: Option<usize>,
}

struct Tree {
    root: PathBuf,
    known: BTreeMap<String, Known>,
    files: BTreeMap<String, Digest>,
    layer: usize,
}

/// Unpacks into `directory`, or verifies what lies there already. The root file system is `directory/rootfs`.
///
/// # Errors
/// Where the image is refused or damaged, the file system refuses, or `directory` holds something else.
pub fn unpack(image: &Stored, directory: &Path, mut limits: Limits) -> Result<Unpacked, UnpackError> {
    if directory.exists() {
        return verify(image, directory);
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| UnpackError::Io(parent.to_owned(), error))?;
    let fresh = tempfile::Builder::new()
        .prefix(".unpack-")
        .tempdir_in(parent)
        .map_err(|error| UnpackError::Io(parent.to_owned(), error))?;
    let root = fresh.path().join(ROOTFS);
    let mut tree = Tree { root, known: BTreeMap::new(), files: BTreeMap::new(), layer: 0 };
    let failed = |error| UnpackError::Io(fresh.path().to_owned(), error);
    fs::create_dir(&tree.root).map_err(failed)?;
    for (layer, diff_id) in image.manifest.layers.iter().zip(&image.config.rootfs.diff_ids) {
        tree.layer += 1;
        let file = image.open_layer(layer)?;
        visit(file, diff_id, &mut limits, |member, bytes| tree.place(member, bytes))?;
    }
    tree.set_modes().map_err(failed)?;
    let record = Record {
        schema: SCHEMA.to_owned(),
        digest: image.digest.clone(),
        config: image.config.config.clone(),
        files: tree.files,
    };
    let text = serde_json::to_vec(&record).map_err(|error| failed(error.into()))?;
    fs::write(fresh.path().join(RECORD_FILE), text).map_err(failed)?;
    fs::set_permissions(fresh.path(), fs::Permissions::from_mode(0o755)).map_err(failed)?;
    match fs::rename(fresh.path(), directory) {
        Ok(()) => Ok(Unpacked { rootfs: directory.join(ROOTFS), config: record.config }),
        // Somebody else was quicker: theirs must be the same.
        Err(_) if directory.exists() => verify(image, directory),
        Err(error) => Err(UnpackError::Io(directory.to_owned(), error)),
    }
}

fn verify(image: &Stored, directory: &Path) -> Result<Unpacked, UnpackError> {
    let differs = |path: &Path| UnpackError::Differs(path.to_owned(), image.digest.clone());
    let path = directory.join(RECORD_FILE);
    let record: Option<Record> = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let record = record.ok_or_else(|| differs(&path))?;
    if (record.digest, &record.config) != (image.digest.clone(), &image.config.config) {
        return Err(differs(&path));
    }
    let rootfs = directory.join(ROOTFS);
    for (name, digest) in &record.files {
        let path = rootfs.join(name);
        if file_digest(&path).as_ref() != Some(digest) {
            return Err(differs(&path));
        }
    }
    Ok(Unpacked { rootfs, config: record.config })
}

fn file_digest(path: &Path) -> Option<Digest> {
    let real = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    Some(counted::digest(File::open(path).ok().filter(|_| real)?).ok()?.0)
}

impl Tree {
    fn place(&mut self, member: &Member, bytes: &mut dyn Read) -> Result<(), MemberError> {
        let failed = |error| MemberError::Io(member.path.clone(), error);
        let refuse = |why| Err(MemberError::Refused(member.path.clone(), why));
        self.parents(&member.path)?;
        let there = match self.known.get(&member.path) {
            None => false,
            Some(known) if known.layer == Some(self.layer) => return refuse(Why::Twice),
            Some(known) => {
                let directories = [&known.kind, &member.kind].map(|kind| *kind == MemberKind::Directory);
                if directories[0] != directories[1] {
                    return refuse(Why::OtherKind);
                }
                true
            }
        };
        let path = self.root.join(&member.path);
        if there && member.kind != MemberKind::Directory {
            fs::remove_file(&path).map_err(failed)?;
            self.files.remove(&member.path);
        }
        match &member.kind {
            MemberKind::Directory if there => {}
            MemberKind::Directory => fs::create_dir(&path).map_err(failed)?,
            MemberKind::File => {
                let digest = write_file(&path, member.mode, bytes).map_err(failed)?;
                self.files.insert(member.path.clone(), digest);
            }
            MemberKind::Symlink(target) => {
                if !stays_inside(&member.path, target) {
                    return refuse(Why::LinkEscape);
                }
                std::os::unix::fs::symlink(target, &path).map_err(failed)?;
            }
            MemberKind::HardLink(target) => {
                let Some(digest) = self.files.get(target).cloned() else { return refuse(Why::LinkTarget) };
                fs::hard_link(self.root.join(target), &path).map_err(failed)?;
                self.files.insert(member.path.clone(), digest);
            }
        }
        let known = Known { kind: member.kind.clone(), mode: member.mode, layer: Some(self.layer) };
        self.known.insert(member.path.clone(), known);
        Ok(())
    }

    /// Makes the directories above a path that no member named, and refuses to go through anything else.
    fn parents(&mut self, path: &str) -> Result<(), MemberError> {
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            match self.known.get(parent).map(|known| &known.kind) {
                Some(MemberKind::Directory) => {}
                Some(_) => return Err(MemberError::Refused(path.to_owned(), Why::ThroughLink)),
                None => {
                    fs::create_dir(self.root.join(parent))
                        .map_err(|error| MemberError::Io(parent.to_owned(), error))?;
                    let known = Known { kind: MemberKind::Directory, mode: 0o755, layer: None };
                    self.known.insert(parent.to_owned(), known);
                }
            }
        }
        Ok(())
    }

    /// Directories get their modes last, deepest first: a read-only one must be filled before. The owner keeps all
    /// rights, or the tree could not be removed.
    fn set_modes(&self) -> io::Result<()> {
        for (path, known) in self.known.iter().rev() {
            if known.kind == MemberKind::Directory {
                let mode = fs::Permissions::from_mode(known.mode | 0o700);
                fs::set_permissions(self.root.join(path), mode)?;
            }
        }
        fs::set_permissions(&self.root, fs::Permissions::from_mode(0o755))
    }
}

fn write_file(path: &Path, mode: u32, bytes: &mut dyn Read) -> io::Result<Digest> {
    let mut counted = Counted::new(File::create_new(path)?);
    io::copy(bytes, &mut counted)?;
    let (file, digest, _) = counted.finish();
    file.set_permissions(fs::Permissions::from_mode(mode & 0o777 | 0o400))?;
    Ok(digest)
}

/// Whether a link at `path` stays in the root: a relative target with `..` only at its start, and not more of them
/// than the link is deep. A `..` after a name could be taken through another link, so it is refused.
fn stays_inside(path: &str, target: &str) -> bool {
    let parts: Vec<&str> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    let depth = path.matches('/').count();
    !target.is_empty() && !target.starts_with('/') && up <= depth && !parts[up..].contains(&"..")
}

#[cfg(test)]
mod tests;
