//! A repository beside the user's that borrows its objects: another commit can be looked at there without touching anything.

use super::command::{command, perform, run, run_with, succeeded, text};
use crate::world::World;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A checkout of everything, from a slow disk.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(600);

/// Variables by which git would be led to the user's repository, as a hook of git sets them.
const LEADING: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CONFIG_PARAMETERS",
];

/// The same world without what leads git to the user's repository.
pub(in crate::tools) fn without_git(world: &World) -> World {
    LEADING.iter().fold(world.clone(), |world, name| world.without_variable(name))
}

/// Puts a commit's files into an empty folder, in a repository of its own that borrows the objects of the one around `root`; returns
/// the path of `root` in it.
///
/// # Errors
/// Where `root` is in no repository, or git cannot give all files.
pub(in crate::tools) async fn checkout(
    world: &World,
    root: &Path,
    folder: &Path,
    commit: &str,
) -> anyhow::Result<String> {
    let objects = place(world, root, "objects").await?;
    let shallow = place(world, root, "shallow").await?;
    let prefix = prefix(world, root).await?;
    borrow(&without_git(world), folder, (&objects, &shallow), commit).await?;
    Ok(prefix)
}

/// Where a part of the repository lies: `objects`, `shallow`.
///
/// # Errors
/// Where `root` is in no repository.
async fn place(world: &World, root: &Path, part: &str) -> anyhow::Result<PathBuf> {
    Ok(root.join(text(run(world, root, &["rev-parse", "--git-path", part]).await?)?))
}

/// The path of `root` in its repository; empty at the top.
///
/// # Errors
/// Where `root` is in no repository.
async fn prefix(world: &World, root: &Path) -> anyhow::Result<String> {
    text(run(world, root, &["rev-parse", "--show-prefix"]).await?)
}

/// Makes a repository in an empty folder that borrows these objects, with the files of a commit. Hooks do not run, and LFS
/// does not fetch.
///
/// # Errors
/// Where git cannot give all files.
async fn borrow(
    world: &World,
    folder: &Path,
    (objects, shallow): (&Path, &Path),
    commit: &str,
) -> anyhow::Result<()> {
    let objects = objects.canonicalize().with_context(|| format!("failed to find {}", objects.display()))?;
    let objects = objects.to_str().filter(|path| !path.contains('\n') && !path.starts_with(['"', '#']));
    let objects = objects.context("git cannot borrow objects from a folder of such a name")?;
    // A name of 64 digits is one of a repository with SHA-256.
    let format = if commit.len() == 64 { "--object-format=sha256" } else { "--object-format=sha1" };
    run(world, folder, &["init", "--quiet", "--template=", format]).await?;
    let own = folder.join(".git");
    let context = || format!("failed to write to {}", own.display());
    std::fs::create_dir_all(own.join("objects/info")).with_context(context)?;
    std::fs::write(own.join("objects/info/alternates"), format!("{objects}\n")).with_context(context)?;
    if shallow.is_file() {
        std::fs::copy(shallow, own.join("shallow")).with_context(context)?;
    }
    let arguments =
        ["-c", "core.hooksPath=/dev/null", "checkout", "--quiet", "--force", "--detach", commit, "--"];
    let command = command(folder, &arguments)
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .env_remove("GIT_OPTIONAL_LOCKS")
        .with_timeout(CHECKOUT_TIMEOUT);
    succeeded(perform(world, &command).await?, &["checkout", commit]).map(drop)
}

/// How many of these paths, each with a NUL behind it, have contents that a filter makes.
///
/// # Errors
/// What git says.
pub(in crate::tools) async fn filtered(world: &World, root: &Path, paths: Vec<u8>) -> anyhow::Result<usize> {
    let said = run_with(world, root, &["check-attr", "-z", "--stdin", "filter"], paths).await?;
    let fields: Vec<&[u8]> = said.split(|byte| *byte == 0).collect();
    let values = fields.chunks(3).filter_map(|triple| triple.get(2));
    Ok(values.filter(|value| !matches!(**value, b"unspecified" | b"unset")).count())
}
