//! The store of baselines: a folder with one file per commit, as a cache or an artifact can carry it between machines.
//!
//! A file is written whole or not at all, and read with a limit. One that cannot be read is told and passed over: an older
//! baseline is compared with instead, never nothing in silence. Which commits count is git's answer: the first parents of the
//! commit that was asked for.

use crate::digest::short_commit;
use crate::evidence::baseline::{Age, Baseline, BaselineCoverage, BaselineTest, SCHEMA};
use crate::evidence::noise::{self, Noise};
use crate::tools::bounded;
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A baseline's file may be this long: some 200,000 tests and files.
pub const BASELINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Baselines that a store keeps; beyond, those that were written longest ago go.
pub const BASELINES_MAX: usize = 200;
/// The file of the noise, beside the baselines.
pub const NOISE_FILE: &str = "noise.json";
/// First parents that are looked at for a baseline.
pub const ANCESTORS_MAX: usize = 1000;
/// Damaged files that are told.
const DAMAGED_MAX: usize = 5;
/// git answers from local files; longer than this it hangs.
const GIT_TIMEOUT: Duration = Duration::from_secs(60);
/// A day.
const DAY_SECS: i64 = 24 * 3600;

/// A folder of baselines.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// Where the search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the commit itself: what is compared is something else than it.
    Itself,
    /// At its first parent: the commit is what is compared.
    Parent,
}

/// What was found for a commit.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The nearest baseline that has tests.
    pub tests: Option<(Age, Vec<BaselineTest>)>,
    /// The nearest baseline that has lines.
    pub coverage: Option<(Age, BaselineCoverage)>,
    /// Files on the way that cannot be used, each with why.
    pub damaged: Vec<String>,
    /// Where was looked, for people: why nothing was found.
    pub searched: String,
}

impl Store {
    /// The store in this folder, which need not be there.
    pub fn at(folder: impl Into<PathBuf>) -> Store {
        Store { folder: folder.into() }
    }

    /// The baseline of a commit; `None` where it was never recorded.
    ///
    /// # Errors
    /// Where its file is damaged, too long, or of another commit; the text says which and why.
    pub fn read(&self, commit: &str) -> Result<Option<Baseline>, String> {
        let Some(file) = self.file(commit) else { return Ok(None) };
        let unusable = |why: String| format!("the baseline {} cannot be used: {why}", file.display());
        let Some(bytes) = read_bounded(&file).map_err(unusable)? else { return Ok(None) };
        parse(&bytes, commit).map(Some).map_err(unusable)
    }

    /// Keeps a baseline, and throws away the oldest beyond [`BASELINES_MAX`]. Returns its file.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(&self, baseline: &Baseline) -> anyhow::Result<PathBuf> {
        let file = self.file(&baseline.commit);
        let file = file.with_context(|| format!("`{}` is no commit", baseline.commit))?;
        self.put(&file, &serde_json::to_vec(baseline)?)?;
        self.prune().with_context(|| format!("failed to make room in {}", self.folder.display()))?;
        Ok(file)
    }

    /// Writes a file whole or not at all.
    fn put(&self, file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let unwritable = || format!("failed to write {}", file.display());
        std::fs::create_dir_all(&self.folder).with_context(unwritable)?;
        let mut fresh = tempfile::NamedTempFile::new_in(&self.folder).with_context(unwritable)?;
        fresh.write_all(bytes).with_context(unwritable)?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(fresh.path(), readable).with_context(unwritable)?;
        fresh.persist(file).map(|_| ()).with_context(unwritable)
    }

    /// The noise that was recorded; `None` where there is none.
    ///
    /// # Errors
    /// Where its file is damaged or too long; the text says why.
    pub fn noise(&self) -> Result<Option<Noise>, String> {
        let file = self.folder.join(NOISE_FILE);
        let unusable = |why: String| format!("the noise {} cannot be used: {why}", file.display());
        let Some(bytes) = read_bounded(&file).map_err(unusable)? else { return Ok(None) };
        let noise: Noise = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if noise.schema != noise::SCHEMA {
            return Err(unusable(format!("its schema is `{}`, ours is `{}`", noise.schema, noise::SCHEMA)));
        }
        Ok(Some(noise))
    }

    /// Keeps the noise in place of what was recorded before. Returns its file.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write_noise(&self, noise: &Noise) -> anyhow::Result<PathBuf> {
        let file = self.folder.join(NOISE_FILE);
        self.put(&file, &serde_json::to_vec_pretty(noise)?)?;
        Ok(file)
    }

    /// The nearest baselines among the first parents of a commit.
    ///
    /// # Errors
    /// Where git cannot list them.
    pub async fn nearest(
        &self,
        world: &World,
        root: &Path,
        commit: &str,
        start: Start,
    ) -> anyhow::Result<Found> {
        let known = self.commits();
        if known.is_empty() {
            let searched = format!("there is no baseline in {}", self.folder.display());
            return Ok(Found { searched, ..Found::default() });
        }
        let ancestors = ancestors(world, root, commit).await?;
        let skipped = usize::from(start == Start::Parent);
        let mut found = Found {
            searched: format!(
                "no baseline in {} ({} there) is of {} or of one of its first parents that are here ({} looked at)",
                self.folder.display(),
                known.len(),
                short_commit(commit),
                ancestors.len()
            ),
            ..Found::default()
        };
        for (behind, ancestor) in ancestors.iter().enumerate().skip(skipped) {
            if found.tests.is_some() && found.coverage.is_some() {
                break;
            }
            if known.contains(ancestor) {
                self.take(ancestor, behind, world, &mut found);
            }
        }
        Ok(found)
    }

    fn take(&self, commit: &str, behind: usize, world: &World, found: &mut Found) {
        let baseline = match self.read(commit) {
            Ok(Some(baseline)) => baseline,
            Ok(None) => return,
            Err(why) => {
                if found.damaged.len() < DAMAGED_MAX {
                    found.damaged.push(why);
                }
                return;
            }
        };
        let seconds = world.now().as_second().saturating_sub(baseline.recorded.as_second());
        let age = Age {
            commit: baseline.commit,
            behind: u32::try_from(behind).unwrap_or(u32::MAX),
            days: u32::try_from(seconds.max(0) / DAY_SECS).unwrap_or(u32::MAX),
        };
        if let (None, Some(tests)) = (&found.tests, baseline.tests) {
            found.tests = Some((age.clone(), tests));
        }
        if let (None, Some(coverage)) = (&found.coverage, baseline.coverage) {
            found.coverage = Some((age, coverage));
        }
    }

    /// The newest baselines by the time of their measuring, oldest first; damaged ones are passed over.
    pub fn series(&self, most: usize) -> Vec<Baseline> {
        let mut series: Vec<Baseline> =
            self.commits().iter().filter_map(|commit| self.read(commit).ok().flatten()).collect();
        series.sort_by(|one, other| (one.recorded, &one.commit).cmp(&(other.recorded, &other.commit)));
        series.split_off(series.len().saturating_sub(most))
    }

    /// The file of a commit; `None` for what is no commit, so that no name leads out of the folder.
    fn file(&self, commit: &str) -> Option<PathBuf> {
        is_commit(commit).then(|| self.folder.join(format!("{commit}.json")))
    }

    fn commits(&self) -> BTreeSet<String> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return BTreeSet::new() };
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".json").filter(|commit| is_commit(commit)).map(str::to_owned)
        };
        entries.filter_map(name).collect()
    }

    fn prune(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        for commit in self.commits() {
            let file = self.folder.join(format!("{commit}.json"));
            files.push((std::fs::metadata(&file)?.modified()?, file));
        }
        files.sort();
        let surplus = files.len().saturating_sub(BASELINES_MAX);
        files.iter().take(surplus).try_for_each(|(_, file)| std::fs::remove_file(file))
    }
}

/// A file's bytes; `None` where there is no such file.
fn read_bounded(file: &Path) -> Result<Option<Vec<u8>>, String> {
    match bounded::read(file, BASELINE_BYTES_MAX) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// A baseline from its file's bytes.
fn parse(bytes: &[u8], commit: &str) -> Result<Baseline, String> {
    let baseline: Baseline = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if baseline.schema != SCHEMA {
        return Err(format!("its schema is `{}`, ours is `{SCHEMA}`", baseline.schema));
    }
    if baseline.commit != commit {
        return Err(format!("it speaks of the commit `{}`", baseline.commit));
    }
    let sound = |(_, file): (&String, &crate::evidence::baseline::BaselineFile)| file.covered <= file.total;
    if !baseline.coverage.iter().flat_map(|coverage| &coverage.files).all(sound) {
        return Err("a file has more covered lines than it has lines".to_owned());
    }
    Ok(baseline)
}

/// Whether a name is a commit's: 40 or 64 lower-case hexadecimal digits.
fn is_commit(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A commit and its first parents, nearest first.
async fn ancestors(world: &World, root: &Path, commit: &str) -> anyhow::Result<Vec<String>> {
    let count = format!("--max-count={ANCESTORS_MAX}");
    let listed = git(world, root, &["rev-list", "--first-parent", &count, commit, "--"]).await?;
    anyhow::ensure!(
        listed.status.success(),
        "git cannot list the ancestors of {commit}: {}",
        String::from_utf8_lossy(&listed.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect())
}

/// Whether HEAD is the default branch: the one that `origin` names, else `main` or `master`. On a detached HEAD the CI system
/// says which branch was pushed.
pub async fn on_default_branch(world: &World, root: &Path, branch: Option<&str>) -> bool {
    let event = world.env("GITHUB_EVENT_NAME");
    let pushed = match event {
        Some("push" | "schedule" | "workflow_dispatch") => world.env("GITHUB_REF_NAME"),
        Some(_) => return false,
        None => world.env("CI_COMMIT_BRANCH"),
    };
    let Some(branch) = branch.or(pushed) else { return false };
    let origin = git(world, root, &["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]).await;
    match origin {
        Ok(answer) if answer.status.success() => {
            let name = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            name.strip_prefix("origin/") == Some(branch)
        }
        _ => matches!(branch, "main" | "master"),
    }
}

async fn git(world: &World, root: &Path, arguments: &[&str]) -> anyhow::Result<crate::world::Finished> {
    let command = CommandLine::new("git", arguments.iter().copied()).in_directory(root);
    let command = command.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").with_timeout(GIT_TIMEOUT);
    world.run(&command).await
}

#[cfg(test)]
mod tests;
