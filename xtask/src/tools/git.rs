//! git: the program, so that what we see is what users see.

use crate::digest::{Digest, Hasher};
use crate::failure::Failure;
use crate::workspace::Repository;
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use jiff::Timestamp;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// git answers from local files; longer than this it hangs.
const GIT_TIMEOUT: Duration = Duration::from_secs(60);
/// A changed file is read up to here for the tree's digest; what is larger counts by size and start.
const CHANGED_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads the state of the repository at `root`.
///
/// # Errors
/// Usage errors where `root` is in no repository or nothing was ever committed; else what git said.
pub async fn read(world: &World, root: &Path) -> anyhow::Result<Repository> {
    inside(world, root).await?;
    let head = run(world, root, &["log", "-1", "--format=%H %T %ct", "HEAD"]).await;
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
    let branch =
        run(world, root, &["symbolic-ref", "--quiet", "--short", "HEAD"]).await.ok().map(text).transpose()?;
    let changed = changed(
        &run(world, root, &["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "."])
            .await?,
    );
    let prefix = text(run(world, root, &["rev-parse", "--show-prefix"]).await?)?;
    let changed: Vec<String> = changed
        .into_iter()
        .map(|path| path.strip_prefix(&prefix).map(str::to_owned).unwrap_or(path))
        .collect();
    let tree = tree_digest(root, tree, &changed);
    let tracked = run(world, root, &["ls-files", "-z"]).await?;
    let tracked = tracked.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let tracked = tracked.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
    Ok(Repository { commit: commit.to_owned(), commit_time, branch, changed, tree, tracked })
}

/// The text of a file at a commit or reference; `None` where it has no such file.
///
/// # Errors
/// Where the reference does not exist.
pub async fn show(world: &World, root: &Path, reference: &str, path: &str) -> anyhow::Result<Option<String>> {
    commit(world, root, reference).await?;
    run(world, root, &["show", &format!("{reference}:./{path}")]).await.ok().map(text).transpose()
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

async fn inside(world: &World, root: &Path) -> anyhow::Result<()> {
    let answer = git(world, root, &["rev-parse", "--is-inside-work-tree"]).await?;
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
    Ok(())
}

async fn git(world: &World, root: &Path, arguments: &[&str]) -> anyhow::Result<crate::world::Finished> {
    let mut command = CommandLine::new("git", ["-c", "core.quotePath=false", "-c", "core.fsmonitor=false"])
        .in_directory(root);
    command.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let command = command.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").with_timeout(GIT_TIMEOUT);
    world.run(&command).await.map_err(|error| {
        Failure::infrastructure(
            format!("{error:#}"),
            "install git: `apt-get install git`, or your system's way",
        )
    })
}

pub(super) async fn run(world: &World, root: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let finished = git(world, root, arguments).await?;
    anyhow::ensure!(
        finished.status.success(),
        "git {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&finished.stderr).trim()
    );
    Ok(finished.stdout)
}

fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    let text = String::from_utf8(bytes).context("git gave text that is not UTF-8")?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// The paths of `git status --porcelain=v1 -z --no-renames`: two letters, a space, the path.
fn changed(status: &[u8]) -> Vec<String> {
    let entries = status.split(|byte| *byte == 0).filter(|entry| entry.len() > 3);
    entries.map(|entry| String::from_utf8_lossy(&entry[3..]).into_owned()).collect()
}

/// HEAD's tree, and each changed path with what is there now.
fn tree_digest(root: &Path, tree: &str, changed: &[String]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.field(tree.as_bytes());
    for path in changed {
        hasher.field(path.as_bytes());
        let file = root.join(path);
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
        assert_eq!(changed(b" M a.rs\0?? b c.rs\0 D d.rs\0"), ["a.rs", "b c.rs", "d.rs"]);
        assert!(changed(b"").is_empty());
    }

    #[test]
    fn the_digest_follows_contents_and_names() {
        let folder = tempfile::tempdir().unwrap();
        let digest = |changed: &[&str]| {
            let changed: Vec<String> = changed.iter().map(|path| (*path).to_owned()).collect();
            tree_digest(folder.path(), "tree", &changed)
        };
        let clean = digest(&[]);
        std::fs::write(folder.path().join("a"), "1").unwrap();
        let one = digest(&["a"]);
        std::fs::write(folder.path().join("a"), "2").unwrap();
        assert!(clean != one && one != digest(&["a"]) && digest(&["a"]) != digest(&["gone"]));
    }
}
