//! The advisory snapshot: the facts of the RustSec database that matching needs, with their date and commit.
//!
//! It is embedded, so that the gate works offline and two runs of one commit judge alike. It ages, and the gate
//! says so. [`refresh`] writes it anew; the same database gives the same bytes. The database is CC0-1.0; entries
//! imported from GitHub are CC-BY-4.0 and keep the link that their licence asks for.

mod affected;
pub mod clone;
mod database;
mod origin;

pub use affected::{Affected, Event};
pub use database::parse as parse_advisory;

use crate::digest::{Digest, Hasher};
use crate::evidence::CouldNotRun;
use crate::evidence::advisories::AdvisoryKind;
use crate::failure::Failure;
use crate::world::World;
use anyhow::Context as _;
use flate2::{Compression, GzBuilder, read::GzDecoder};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The schema of the snapshot's JSON.
pub const SCHEMA: &str = "gateline/advisory-snapshot/v1";
/// Where the suite's own repository keeps it.
pub const SNAPSHOT_PATH: &str = "xtask/data/advisories.json.gz";
/// Unpacked, the facts of 1,200 advisories are half a megabyte; a hundred times that is not a snapshot.
const SNAPSHOT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const LICENCE: &str = "RustSec advisory database, https://github.com/rustsec/advisory-db: CC0-1.0; \
    entries with `licence` CC-BY-4.0 are adapted from the advisory that their `url` names";
const EMBEDDED: &[u8] = include_bytes!("../../../data/advisories.json.gz");

/// The facts at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: String,
    /// The database's commit; `unknown` where the input did not tell.
    pub commit: String,
    /// The commit's day, or the day of the newest advisory where only that is known, `2026-08-21`.
    pub date: String,
    /// Whose work it is, and under which licence.
    pub licence: String,
    /// Sorted by id.
    pub advisories: Vec<AdvisoryFacts>,
}

/// What matching needs of one advisory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoryFacts {
    /// `RUSTSEC-2020-0071`.
    pub id: String,
    /// The package on crates.io.
    pub package: String,
    /// What kind of advisory.
    pub kind: AdvisoryKind,
    /// Its title.
    pub title: String,
    /// The day it was reported.
    pub date: String,
    /// Requirements that a fixed version meets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patched: Vec<String>,
    /// Requirements that a version without the fault meets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unaffected: Vec<String>,
    /// Its names elsewhere (`CVE-…`, `GHSA-…`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it cites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The day it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// Its licence where it is not CC0-1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How bad it is, by its CVSS score or in the database's word: `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The versions that it speaks of, where it names these and not the others: then `patched` is only for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected: Option<Affected>,
}

/// What a refresh wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// How many advisories it holds, withdrawn ones included.
    pub advisories: usize,
    /// Its date.
    pub date: String,
    /// The database's commit.
    pub commit: String,
    /// The size of the file in bytes.
    pub bytes: usize,
}

/// Reads a checkout or a `.tar.gz` of the database and writes the snapshot to `into`. `commit` names the
/// database's commit where the input cannot (an archive without git's header).
///
/// # Errors
/// Where the input is not the database, an advisory cannot be read, or the file cannot be written: nothing is
/// left out silently, and the old file stays.
pub async fn refresh(
    world: &World,
    from: &Path,
    commit: Option<&str>,
    into: &Path,
) -> anyhow::Result<Refreshed> {
    let snapshot = if from.is_dir() {
        let advisories = database::from_directory(from)?;
        let origin = origin::of_checkout(world, from).await?.named(commit)?;
        of(from, advisories, origin)?
    } else {
        let (advisories, origin) = database::from_archive(from)?;
        of(from, advisories, origin.named(commit)?)?
    };
    store(&snapshot, into)
}

/// The facts of a checkout or another folder with the database, as they are there now.
///
/// # Errors
/// As [`refresh`].
pub async fn of_folder(world: &World, folder: &Path) -> anyhow::Result<Snapshot> {
    let origin = origin::of_checkout(world, folder).await?;
    let own = folder.to_owned();
    let advisories = tokio::task::spawn_blocking(move || database::from_directory(&own)).await??;
    of(folder, advisories, origin)
}

/// What tells the files of such a folder from any others, and its commit: sizes and times of files, the contents of git's own.
///
/// # Errors
/// Where the folder cannot be listed.
pub fn state(folder: &Path) -> anyhow::Result<Digest> {
    let mut hasher = Hasher::default();
    hasher.field(folder.as_os_str().as_encoded_bytes());
    for name in [".git/HEAD", ".git/index", ".git/packed-refs", ".git/logs/HEAD"] {
        hasher.field(&facts(&folder.join(name)));
    }
    for file in database::files(folder)? {
        hasher.field(file.as_os_str().as_encoded_bytes());
        hasher.field(&facts(&file));
    }
    Ok(hasher.finish())
}

/// Size and times of a file; nothing where there is none.
fn facts(file: &Path) -> Vec<u8> {
    let Ok(facts) = std::fs::symlink_metadata(file) else { return Vec::new() };
    let numbers =
        [facts.len().cast_signed(), facts.mtime(), facts.mtime_nsec(), facts.ctime(), facts.ctime_nsec()];
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn of(from: &Path, advisories: Vec<AdvisoryFacts>, origin: origin::Origin) -> anyhow::Result<Snapshot> {
    let Some(newest) = advisories.iter().map(|facts| facts.date.clone()).max() else {
        let message = format!("there is no advisory below {}", from.display());
        return Err(Failure::usage(message, "name a checkout or .tar.gz of github.com/rustsec/advisory-db"));
    };
    Ok(Snapshot {
        schema: SCHEMA.to_owned(),
        commit: origin.commit.unwrap_or_else(|| "unknown".to_owned()),
        date: origin.date.unwrap_or(newest),
        licence: LICENCE.to_owned(),
        advisories,
    })
}

fn store(snapshot: &Snapshot, into: &Path) -> anyhow::Result<Refreshed> {
    let bytes = snapshot.to_bytes()?;
    write(into, &bytes)?;
    Ok(Refreshed {
        advisories: snapshot.advisories.len(),
        date: snapshot.date.clone(),
        commit: snapshot.commit.clone(),
        bytes: bytes.len(),
    })
}

/// The snapshot that this binary carries.
///
/// # Errors
/// Where it is damaged.
pub fn embedded() -> Result<Snapshot, CouldNotRun> {
    Snapshot::from_bytes(EMBEDDED).map_err(|error| CouldNotRun {
        message: format!("the embedded advisory snapshot is damaged: {error:#}"),
        help: "cargo xtask security snapshot --from PATH_TO_ADVISORY_DB, then build again".to_owned(),
    })
}

impl Snapshot {
    /// Reads the compressed file.
    ///
    /// # Errors
    /// Where it is not one, or unpacks to more than 64 MiB.
    pub fn from_bytes(bytes: &[u8]) -> anyhow::Result<Snapshot> {
        let mut json = Vec::new();
        GzDecoder::new(bytes).take(SNAPSHOT_BYTES_MAX + 1).read_to_end(&mut json).context("not gzip")?;
        anyhow::ensure!(json.len() as u64 <= SNAPSHOT_BYTES_MAX, "it unpacks to more than 64 MiB");
        let snapshot: Snapshot = serde_json::from_slice(&json).context("not a snapshot")?;
        anyhow::ensure!(snapshot.schema == SCHEMA, "its schema is `{}`, not `{SCHEMA}`", snapshot.schema);
        Ok(snapshot)
    }

    /// The compressed file: the same facts give the same bytes.
    ///
    /// # Errors
    /// None in practice: writing to memory.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        encoder.write_all(&serde_json::to_vec(self)?)?;
        Ok(encoder.finish()?)
    }

    /// The advisories of each package.
    pub fn by_package(&self) -> BTreeMap<&str, Vec<&AdvisoryFacts>> {
        let mut by_package: BTreeMap<&str, Vec<&AdvisoryFacts>> = BTreeMap::new();
        for facts in &self.advisories {
            by_package.entry(&facts.package).or_default().push(facts);
        }
        by_package
    }

    /// Whole days from the snapshot's date; 0 where the clock stands before it.
    ///
    /// # Errors
    /// Where the date is none.
    pub fn age_days(&self, today: Date) -> Result<u32, CouldNotRun> {
        let date: Date = self.date.parse().map_err(|error| CouldNotRun {
            message: format!("the advisory snapshot's date `{}` is none: {error}", self.date),
            help: "cargo xtask security snapshot --from PATH_TO_ADVISORY_DB".to_owned(),
        })?;
        Ok(u32::try_from(today.duration_since(date).as_hours() / 24).unwrap_or(0))
    }
}

impl AdvisoryFacts {
    /// Where to read more: what the advisory cites, else its page at rustsec.org or osv.dev.
    pub fn link(&self) -> String {
        let page = || match self.id.starts_with("RUSTSEC-") {
            true => format!("https://rustsec.org/advisories/{}.html", self.id),
            false => format!("https://osv.dev/vulnerability/{}", self.id),
        };
        self.url.clone().unwrap_or_else(page)
    }
}

fn write(into: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("failed to write {}", into.display());
    let folder = into.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
    beside.write_all(bytes).with_context(failed)?;
    // A temporary file is private; this one is for everybody who builds the suite.
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    beside.as_file().set_permissions(everybody).with_context(failed)?;
    beside.persist(into).with_context(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests;
