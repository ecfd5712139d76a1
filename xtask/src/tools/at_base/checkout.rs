//! Checkout: a commit in a folder of its own, in a repository of its own that borrows the objects of the user's.
//!
//! Nothing of the user's is touched: not the folder, not the index, no reference, no stash, no list of worktrees. `git archive`
//! would leave out what `.gitattributes` says; `git worktree` would leave an entry behind where it is killed.
//! The folder lies outside of the workspace, because cargo and rustup also look into the folders above; its path is the
//! same each time, because paths are in the names of what cargo compiles. Everybody else is kept out of it.
//!
//! What it cannot have is said: submodules, and contents that a filter of git makes (LFS keeps them elsewhere).

use crate::digest::Digest;
use crate::failure::Failure;
use crate::tools::git;
use crate::world::World;
use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A commit's files. Removed in the end.
#[derive(Debug)]
pub(super) struct Checkout {
    /// The workspace in it.
    pub(super) workspace: PathBuf,
    /// What is not in it, in words.
    pub(super) lacks: Vec<String>,
    tree: PathBuf,
    /// Held for as long as the folder is used.
    _lock: File,
}

impl Drop for Checkout {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        let _ = std::fs::remove_dir_all(&self.tree);
    }
}

impl Checkout {
    /// Takes a commit to its folder.
    ///
    /// # Errors
    /// Where somebody else uses the folder, or git cannot give all files.
    pub(super) async fn of(world: &World, root: &Path, commit: &str) -> anyhow::Result<Checkout> {
        let folder = private_folder(world, root)?;
        let lock = lock(&folder)?;
        let tree = folder.join("tree");
        if let Err(error) = std::fs::remove_dir_all(&tree)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("failed to remove {}", tree.display()));
        }
        let mut checkout = Checkout { workspace: tree.clone(), lacks: Vec::new(), tree, _lock: lock };
        let tree = &checkout.tree;
        private(tree)?;
        checkout.workspace = tree.join(git::checkout(world, root, tree, commit).await?);
        checkout.lacks = lacks(&git::without_git(world), tree).await?;
        Ok(checkout)
    }
}

/// What the folder does not have of the commit.
async fn lacks(world: &World, tree: &Path) -> anyhow::Result<Vec<String>> {
    let files = git::run(world, tree, &["ls-files", "--stage", "-z"]).await?;
    let paths = |gitlinks: bool| {
        let entries =
            files.split(|byte| *byte == 0).filter(move |entry| entry.starts_with(b"160000 ") == gitlinks);
        entries.filter_map(|entry| entry.splitn(2, |byte| *byte == b'\t').nth(1))
    };
    let submodules = paths(true).map(|path| format!("the submodule {}", String::from_utf8_lossy(path)));
    let mut lacks: Vec<String> = submodules.collect();
    let input: Vec<u8> = paths(false).flat_map(|path| path.iter().copied().chain([0])).collect();
    let filtered = if input.is_empty() { 0 } else { git::filtered(world, tree, input).await? };
    if filtered > 0 {
        let files = if filtered == 1 { "1 file".to_owned() } else { format!("{filtered} files") };
        lacks.push(format!("the contents of {files} that a filter of git makes (LFS)"));
    }
    Ok(lacks)
}

/// A folder for this workspace that nobody else can write to: `TMPDIR/gateline-base-USER-DIGEST`.
fn private_folder(world: &World, root: &Path) -> anyhow::Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let digest = Digest::of(root.as_os_str().as_encoded_bytes());
    let base = Path::new(world.env("TMPDIR").unwrap_or("/tmp"));
    let folder = base.join(format!("gateline-base-{user}-{}", digest.short()));
    private(&folder)?;
    let facts =
        std::fs::symlink_metadata(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
    if !facts.is_dir() || facts.uid() != user || facts.mode() & 0o077 != 0 {
        let message = format!("{} belongs to somebody else or is open to others", folder.display());
        return Err(Failure::infrastructure(message, format!("rm -r {}", folder.display())));
    }
    Ok(folder)
}

fn private(folder: &Path) -> anyhow::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("failed to make {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("failed to make {}", path.display()))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| anyhow::anyhow!("another run of gateline asks the base of this workspace"))?;
    Ok(file)
}

#[cfg(test)]
mod tests;
