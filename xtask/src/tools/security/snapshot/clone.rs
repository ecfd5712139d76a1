//! The database as `security update` fetched it: a bare clone of its own below the target directory, never cargo's, and the
//! snapshot that was made of it.
//!
//! The snapshot is replaced whole, by a rename, and only by one that could be read to its last advisory. What failed is written down
//! beside it, so that the next run of the gate says so.

use super::{Refreshed, SNAPSHOT_BYTES_MAX, Snapshot, database, of, origin::Origin, store};
use crate::evidence::CouldNotRun;
use crate::failure::Failure;
use crate::tools::{bounded, git};
use crate::world::World;
use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The folder below the target directory.
const FOLDER: &str = "gateline/advisory-db";
const SNAPSHOT: &str = "advisories.json.gz";
const RECORD: &str = "update.json";
const REPOSITORY: &str = "repository.git";
/// Where the fetched commit is kept.
const REFERENCE: &str = "refs/heads/fetched";
/// The record is some 500 bytes.
const RECORD_BYTES_MAX: u64 = 1024 * 1024;
/// What of a failure is kept, in characters.
const WHY_CHARS_MAX: usize = 500;

/// What is known of the clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Where it was fetched from.
    url: String,
    /// The commit that the snapshot was made of; empty before the first.
    commit: String,
    /// When it was fetched.
    fetched: Option<Timestamp>,
    /// The failure since, if the last refresh failed.
    failed: Option<Failed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Failed {
    at: Timestamp,
    why: String,
}

/// The folder of the clone.
pub fn folder(target: &Path) -> PathBuf {
    target.join(FOLDER)
}

/// Fetches the database and makes the snapshot anew.
///
/// # Errors
/// Where the database cannot be fetched, or an advisory in it cannot be read. The old snapshot stays, and the failure is recorded.
pub async fn update(world: &World, target: &Path, url: &str) -> anyhow::Result<Refreshed> {
    let folder = folder(target);
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let before = record(&folder).filter(|before| before.url == url);
    let now = world.now();
    match fetched(world, &folder, url).await {
        Ok(made) => {
            let commit = made.commit.clone();
            write(&folder, &Record { url: url.to_owned(), commit, fetched: Some(now), failed: None })?;
            Ok(made)
        }
        Err(error) => {
            let why: String = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
            let why: String = why.chars().take(WHY_CHARS_MAX).collect();
            let failed = Some(Failed { at: now, why: why.clone() });
            let (commit, fetched) =
                before.map_or((String::new(), None), |before| (before.commit, before.fetched));
            write(&folder, &Record { url: url.to_owned(), commit, fetched, failed })?;
            let help =
                "look at the network and at `url` in policies/security.yaml; the older snapshot stays in use";
            Err(Failure::infrastructure(format!("failed to refresh the advisory database: {why}"), help))
        }
    }
}

async fn fetched(world: &World, folder: &Path, url: &str) -> anyhow::Result<Refreshed> {
    let repository = folder.join(REPOSITORY);
    if !repository.join("HEAD").is_file() {
        let path = repository.to_str().context("the target directory is not UTF-8")?;
        git::run(world, folder, &["init", "--quiet", "--bare", "--", path]).await?;
    }
    let into = format!("+HEAD:{REFERENCE}");
    git::fetch(world, &repository, &["fetch", "--quiet", "--depth=1", "--no-tags", "--", url, &into]).await?;
    let told = git::run(world, &repository, &["log", "-1", "--format=%H %ct", REFERENCE]).await?;
    let told = String::from_utf8_lossy(&told).trim().to_owned();
    let (commit, seconds) = told.split_once(' ').context("git log names no commit")?;
    let day = Timestamp::from_second(seconds.parse()?)?.to_zoned(jiff::tz::TimeZone::UTC).date();
    let archive = tempfile::NamedTempFile::new_in(folder)?;
    let path = archive.path().to_str().context("the target directory is not UTF-8")?;
    git::run(world, &repository, &["archive", "--format=tar.gz", "--prefix=db/", "-o", path, REFERENCE])
        .await?;
    let own = archive.path().to_owned();
    let (advisories, _) = tokio::task::spawn_blocking(move || database::from_archive(&own)).await??;
    let origin = Origin { commit: Some(commit.to_owned()), date: Some(day.to_string()) };
    store(&of(archive.path(), advisories, origin)?, &folder.join(SNAPSHOT))
}

/// The snapshot of the clone, and why its last refresh failed, if it did.
///
/// # Errors
/// Where there is none yet, it was fetched from elsewhere, or it is damaged.
pub fn read(target: &Path, url: &str) -> Result<(Snapshot, Option<String>), CouldNotRun> {
    let folder = folder(target);
    let help = "cargo xtask security update".to_owned();
    let missing = |why: String| CouldNotRun {
        message: format!("there is no clone of the advisory database: {why}"),
        help: help.clone(),
    };
    let record = record(&folder).ok_or_else(|| missing("it was never fetched here".to_owned()))?;
    let failed = record.failed.as_ref().map(|failed| format!("{} ({})", failed.why, failed.at));
    if record.url != url {
        return Err(missing(format!("the one here is of {}, not of {url}", record.url)));
    }
    if record.commit.is_empty() {
        return Err(missing(failed.unwrap_or_else(|| "it was never fetched here".to_owned())));
    }
    let path = folder.join(SNAPSHOT);
    let damaged = |why: String| CouldNotRun {
        message: format!("{} is damaged: {why}", path.display()),
        help: help.clone(),
    };
    let bytes = bounded::read(&path, SNAPSHOT_BYTES_MAX).map_err(|error| damaged(error.to_string()))?;
    let snapshot = Snapshot::from_bytes(&bytes).map_err(|error| damaged(format!("{error:#}")))?;
    if snapshot.commit != record.commit {
        return Err(damaged(format!("it is of {}, recorded is {}", snapshot.commit, record.commit)));
    }
    Ok((snapshot, failed))
}

fn record(folder: &Path) -> Option<Record> {
    serde_json::from_slice(&bounded::read(&folder.join(RECORD), RECORD_BYTES_MAX).ok()?).ok()
}

fn write(folder: &Path, record: &Record) -> anyhow::Result<()> {
    super::write(&folder.join(RECORD), &serde_json::to_vec_pretty(record)?)
}
