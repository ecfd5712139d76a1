//! The databases that the policy names, read: the main one, and OSV files besides.

use super::osv;
use super::yanked::Index;
use crate::digest::Digest;
use crate::evidence::CouldNotRun;
use crate::evidence::advisories::DatabaseUsed;
use crate::failure::Failure;
use crate::policy::security::AdvisoriesPolicy;
use crate::tools::remember;
use crate::tools::security::snapshot::{self, Snapshot, clone};
use crate::world::World;
use jiff::civil::Date;
use std::path::Path;

/// Words of the policy that are no folder.
const EMBEDDED: &str = "embedded";
const CLONE: &str = "clone";

/// What advisories are looked up in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Databases {
    /// The main database, then the others.
    pub snapshots: Vec<Snapshot>,
    /// The same, as they are told.
    pub used: Vec<DatabaseUsed>,
    /// Why the last refresh failed, if it did.
    pub refresh_failed: Option<String>,
    /// What cargo knows of the registry.
    pub(super) index: Index,
}

impl Databases {
    /// Reads what the policy names; paths are relative to `root`.
    ///
    /// # Errors
    /// Where one of them is missing or damaged: what cannot be looked up is never passed.
    pub async fn read(
        world: &World,
        root: &Path,
        target: &Path,
        policy: &AdvisoriesPolicy,
    ) -> Result<Databases, CouldNotRun> {
        let today = world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let (main, name, refresh_failed) = match policy.database.as_str() {
            EMBEDDED => (snapshot::embedded()?, EMBEDDED.to_owned(), None),
            CLONE => {
                let (main, failed) = clone::read(target, &policy.url)?;
                (main, format!("clone of {}", policy.url), failed)
            }
            folder => (of_folder(world, target, &root.join(folder)).await?, folder.to_owned(), None),
        };
        let mut databases = Databases { refresh_failed, index: Index::of(world), ..Databases::default() };
        databases.add(name, main, today)?;
        for path in &policy.osv {
            let own = root.join(path);
            let advisories = tokio::task::spawn_blocking(move || osv::read(&own)).await;
            let advisories = advisories.map_err(|error| CouldNotRun {
                message: format!("a worker ended early: {error}"),
                help: "report this as a bug of gateline".into(),
            })??;
            let date = advisories.iter().map(|facts| facts.date.clone()).max().unwrap_or_default();
            let used = DatabaseUsed {
                name: path.clone(),
                date: date.clone(),
                commit: String::new(),
                // It may be a handful of files that never change: its age says nothing.
                age_days: 0,
                advisories: advisories.len() as u64,
            };
            databases.used.push(used);
            databases.snapshots.push(Snapshot { date, advisories, ..Snapshot::default() });
        }
        Ok(databases)
    }

    /// One database, by itself.
    ///
    /// # Errors
    /// Where its date is none.
    pub fn of(name: &str, snapshot: Snapshot, today: Date) -> Result<Databases, CouldNotRun> {
        let mut databases = Databases::default();
        databases.add(name.to_owned(), snapshot, today)?;
        Ok(databases)
    }

    fn add(&mut self, name: String, snapshot: Snapshot, today: Date) -> Result<(), CouldNotRun> {
        self.used.push(DatabaseUsed {
            name,
            date: snapshot.date.clone(),
            commit: snapshot.commit.clone(),
            age_days: snapshot.age_days(today)?,
            advisories: snapshot.advisories.len() as u64,
        });
        self.snapshots.push(snapshot);
        Ok(())
    }
}

/// A folder with the database. What was read of it is kept with the state of its files.
async fn of_folder(world: &World, target: &Path, folder: &Path) -> Result<Snapshot, CouldNotRun> {
    let failed = |error: &anyhow::Error| CouldNotRun {
        message: format!("failed to read the advisory database {}: {error:#}", folder.display()),
        help: Failure::help_of(error)
            .unwrap_or("name a checkout of github.com/rustsec/advisory-db, or `embedded`, as `database`")
            .to_owned(),
    };
    let state = snapshot::state(folder).map_err(|error| failed(&error))?;
    if let Some(kept) = remember::said::<Snapshot>(target, "advisory-database", &state) {
        return Ok(kept);
    }
    let read = snapshot::of_folder(world, folder).await.map_err(|error| failed(&error))?;
    let unchanged = snapshot::state(folder).is_ok_and(|after: Digest| after == state);
    if unchanged {
        remember::keep_said(target, "advisory-database", &state, &read);
    }
    Ok(read)
}
