//! Where a workspace lies in its repository, and what the repository has above it.

use super::{run, shown};
use crate::world::World;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The place of a workspace in its repository.
pub(super) struct Site {
    /// The repository's folder.
    pub(super) top: PathBuf,
    /// The workspace's path in it, with `/` at its end; empty at the top.
    pub(super) prefix: Vec<u8>,
    /// The way back: `../` for each folder of the prefix.
    pub(super) up: String,
}

/// Where `root` lies.
///
/// # Errors
/// Where it is in no repository.
pub(super) async fn site(world: &World, root: &Path) -> anyhow::Result<Site> {
    let place = run(world, root, &["rev-parse", "--show-toplevel", "--show-prefix"]).await?;
    let mut place = place.split(|byte| *byte == b'\n');
    let top = PathBuf::from(OsStr::from_bytes(place.next().unwrap_or_default()));
    let prefix = place.next().unwrap_or_default().to_vec();
    let up = "../".repeat(prefix.iter().filter(|byte| **byte == b'/').count());
    Ok(Site { top, prefix, up })
}

/// Files of the repository above a workspace that lies in a subfolder of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// The repository's folder.
    pub top: PathBuf,
    /// The way there from the workspace, with `/` at its end.
    pub up: String,
    /// Files, relative to that folder: those that git tracks, and those that nobody has added yet.
    pub files: Vec<PathBuf>,
}

/// What lies in a folder at the top of the repository; nothing where the workspace is the top.
///
/// # Errors
/// Where git cannot answer.
pub async fn above(world: &World, root: &Path, folder: &str) -> anyhow::Result<Option<Above>> {
    let Site { top, prefix, up } = site(world, root).await?;
    if prefix.is_empty() {
        return Ok(None);
    }
    let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder];
    let listed = run(world, &top, &listing).await?;
    let listed =
        listed.split(|byte| *byte == 0).filter(|path| !path.is_empty() && !path.starts_with(&prefix));
    let files = listed.map(|path| PathBuf::from(shown(path))).collect();
    Ok(Some(Above { top, up, files }))
}
