//! git: the program, so that what we see is what users see. Here: the state of a repository, and files of other commits.

mod above;
mod base;
mod borrowed;
mod change;
mod command;
mod history;
mod lines;
mod raw;
mod renames;
mod stream;

pub use above::above;
pub use base::{BaseRequest, Found, base};
pub(super) use borrowed::{checkout, filtered, without_git};
pub use change::change;
pub(super) use history::{Brought, History, Now};
pub use lines::changed as changed_lines;
pub(super) use stream::{ASKED_MAX, Blobs, Piped};

use crate::digest::{Digest, Hasher};
use crate::failure::Failure;
use crate::workspace::Repository;
use crate::world::World;
use anyhow::Context as _;
pub(super) use command::{fetch, run};
use command::{git, text};
use jiff::Timestamp;
pub(crate) use raw::is_object;
pub(super) use raw::shown;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A changed file is read up to here for the tree's digest; what is larger counts by size and start.
const CHANGED_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads the state of the repository at `root`.
///
/// # Errors
/// Usage errors where `root` is in no repository or nothing was ever committed; else what git said.
pub async fn read(world: &World, root: &Path) -> anyhow::Result<Repository> {
    // Side by side: none of them needs the answer of another.
    let status = ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "."];
    let (prefix, head, branch, status, tracked) = tokio::join!(
        inside(world, root),
        run(world, root, &["log", "-1", "--format=%H %T %ct", "HEAD"]),
        run(world, root, &["symbolic-ref", "--quiet", "--short", "HEAD"]),
        run(world, root, &status),
        run(world, root, &["ls-files", "-z"]),
    );
    let prefix = prefix?;
    let Ok(head) = head else {
        let message = format!(
            "{} has no commit yet, so there is nothing that a verdict could speak of",
            root.display()
        );
        return Err(Failure::usage(message, "git add -A && git commit -m 'first commit'"));
    };
    let head = text(head)?;
    let [commit, tree, seconds] = head.split_whitespace().collect::<Vec<_>>()[..] else {
        anyhow::bail!("git log gave `{head}` where commit, tree and time were expected");
    };
    let commit_time = Timestamp::from_second(seconds.parse().context("git gave no commit time")?)?;
    let branch = branch.ok().map(text).transpose()?;
    let status = status?;
    let changed = changed(&status).into_iter();
    let changed: Vec<&[u8]> =
        changed.map(|path| path.strip_prefix(prefix.as_slice()).unwrap_or(path)).collect();
    let tree = tree_digest(root, tree, &changed);
    let changed = changed.into_iter().map(shown).collect();
    let tracked = tracked?;
    let tracked = tracked.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let tracked = tracked.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
    Ok(Repository { commit: commit.to_owned(), commit_time, branch, changed, tree, tracked })
}

/// The text of a file at a commit or reference; `None` where it has no such file.
///
/// # Errors
/// Where the reference does not exist.
pub async fn show(world: &World, root: &Path, reference: &str, path: &str) -> anyhow::Result<Option<String>> {
    let name = format!("{reference}:./{path}");
    let show = ["show", &name];
    let (known, shown) = tokio::join!(commit(world, root, reference), run(world, root, &show));
    known?;
    shown.ok().map(text).transpose()
}

/// Files of a commit, in order.
///
/// # Errors
/// Where it lacks one of them.
pub(super) async fn files_at(
    world: &World,
    root: &Path,
    commit: &str,
    paths: &[&str],
) -> anyhow::Result<Vec<Vec<u8>>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    anyhow::ensure!(!paths.iter().any(|path| path.contains('\n')), "git cannot be asked for such a name");
    let input: String = paths.iter().map(|path| format!("{commit}:./{path}\n")).collect();
    let ask = ["cat-file", "--batch=%(objectsize)", "--buffer"];
    let answer = command::run_with(world, root, &ask, input.into_bytes()).await?;
    let files = raw::contents(&answer).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(files.len() == paths.len(), "git gave {} files of {}", files.len(), paths.len());
    Ok(files.into_iter().map(<[u8]>::to_vec).collect())
}

/// The commit that a reference names, 40 hexadecimal digits.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] where git knows none.
pub async fn commit(world: &World, root: &Path, reference: &str) -> anyhow::Result<String> {
    let wanted = format!("{reference}^{{commit}}");
    let known = run(world, root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).await;
    known
        .map_err(|_| {
            Failure::usage(
                format!("git knows no commit `{reference}`"),
                "git fetch, or name another reference",
            )
        })
        .and_then(text)
}

/// A value of git's configuration.
pub async fn setting(world: &World, root: &Path, name: &str) -> Option<String> {
    run(world, root, &["config", "--get", name]).await.ok().and_then(|value| text(value).ok())
}

/// Paths that differ between two commits, relative to `root`, a rename as both of its paths.
///
/// # Errors
/// Where git does not know one of them, or a path is not UTF-8.
pub(super) async fn names_between(
    world: &World,
    root: &Path,
    [before, after]: [&str; 2],
) -> anyhow::Result<Vec<String>> {
    let arguments = ["diff", "--name-only", "-z", "--no-renames", "--relative", before, after, "--"];
    let names = run(world, root, &arguments).await?;
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| Ok(String::from_utf8(name.to_vec())?)).collect()
}

/// The path of `root` in its repository, with `/` at its end; empty at the top.
async fn inside(world: &World, root: &Path) -> anyhow::Result<Vec<u8>> {
    let answer = git(world, root, &["rev-parse", "--show-prefix"]).await?;
    let help = "git init && git add -A && git commit -m 'first commit'";
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let why = if said.contains("dubious ownership") {
            "git does not trust its owner"
        } else {
            "it is not in a git repository"
        };
        let help = if said.contains("dubious ownership") {
            "git config --global --add safe.directory DIR"
        } else {
            help
        };
        return Err(Failure::usage(format!("{}: {why}", root.display()), help));
    }
    let mut prefix = answer.stdout;
    prefix.truncate(prefix.strip_suffix(b"\n").unwrap_or(&prefix).len());
    Ok(prefix)
}

/// The paths of `git status --porcelain=v1 -z --no-renames`: two letters, a space, the path.
fn changed(status: &[u8]) -> Vec<&[u8]> {
    status
        .split(|byte| *byte == 0)
        .filter_map(|entry| entry.get(3..))
        .filter(|path| !path.is_empty())
        .collect()
}

/// HEAD's tree, and each changed path with what is there now.
fn tree_digest(root: &Path, tree: &str, changed: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.field(tree.as_bytes());
    for path in changed {
        hasher.field(path);
        let file = root.join(OsStr::from_bytes(path));
        match std::fs::metadata(&file) {
            Ok(facts) if facts.is_file() && facts.len() <= CHANGED_FILE_BYTES_MAX => {
                hasher.field(&std::fs::read(&file).unwrap_or_default());
            }
            Ok(facts) => {
                hasher.field(format!("{} bytes, changed {:?}", facts.len(), facts.modified().ok()).as_bytes())
            }
            Err(_) => hasher.field(b"gone"),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_entries_are_paths() {
        assert_eq!(changed(b" M a.rs\0?? b c.rs\0 D d.rs\0"), [&b"a.rs"[..], b"b c.rs", b"d.rs"]);
        assert!(changed(b"").is_empty());
    }

    #[test]
    fn the_digest_follows_contents_and_names() {
        let folder = tempfile::tempdir().unwrap();
        let digest = |changed: &[&str]| {
            let changed: Vec<&[u8]> = changed.iter().map(|path| path.as_bytes()).collect();
            tree_digest(folder.path(), "tree", &changed)
        };
        let clean = digest(&[]);
        std::fs::write(folder.path().join("a"), "1").unwrap();
        let one = digest(&["a"]);
        std::fs::write(folder.path().join("a"), "2").unwrap();
        assert!(clean != one && one != digest(&["a"]) && digest(&["a"]) != digest(&["gone"]));
    }
}
