//! The journals of the services, opened when first needed and kept open (and so locked) by the supervisor.
//!
//! Writing waits for the disk, so it happens on a thread of its own and the proxies go on. A damaged journal refuses
//! everything but what belongs to a rollback, which goes into the emergency chain beside it.

use super::refuse::refuse;
use crate::journal::{Draft, Importance, Journal, JournalError};
use crate::platform::local::paths::Layout;
use crate::platform::protocol::{Entry, Phase, Record, Refusal, RefusalCode, Target};
use crate::world::World;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What the supervisor calls itself in records.
const ACTOR: &str = "supervisor";
/// Records read at a time while the newest states are looked for.
const REPLAY_RECORDS: usize = 1000;

/// All journals of a state directory.
pub(super) struct Journals {
    world: World,
    layout: Layout,
    open: Mutex<BTreeMap<String, Arc<Mutex<Slot>>>>,
}

/// One journal, if it could be opened.
#[derive(Default)]
struct Slot {
    journal: Option<Journal>,
    /// Why only a rollback may write.
    damage: Option<Refusal>,
    /// The newest record with a rollout's state, by environment.
    newest: BTreeMap<String, Record>,
}

/// Under what a caller appends.
#[derive(Debug, Clone)]
pub(super) struct Under {
    /// The grant's epoch; 0 for none.
    pub(super) epoch: u64,
    /// Who.
    pub(super) actor: String,
    /// Whether it is part of going back.
    pub(super) importance: Importance,
}

impl Journals {
    /// None is open yet.
    pub(super) fn new(world: World, layout: Layout) -> Journals {
        Journals { world, layout, open: Mutex::default() }
    }

    /// Appends a record, durably.
    pub(super) async fn append(
        &self,
        target: &Target,
        entry: Entry,
        under: Under,
    ) -> Result<Record, Refusal> {
        let (environment, at) = (target.environment.clone(), self.world.now());
        let importance = under.importance;
        let draft = Draft { environment, epoch: under.epoch, actor: under.actor, at, entry };
        self.with(&target.service, move |path, slot| {
            slot.open(&path, importance, at)?;
            let journal = slot.journal.as_mut().ok_or_else(|| refuse_closed(&path))?;
            let record = journal.append(draft, importance).map_err(|error| journal_refusal(&error))?;
            slot.note(&record);
            Ok(record)
        })
        .await
    }

    /// Appends a record of the supervisor's own doing, which is always part of going back.
    pub(super) async fn append_own(&self, target: &Target, entry: Entry) -> Result<Record, Refusal> {
        let under = Under { epoch: 0, actor: ACTOR.to_owned(), importance: Importance::Rollback };
        self.append(target, entry, under).await
    }

    /// Reads records.
    pub(super) async fn read(&self, service: &str, after: u64, limit: u32) -> Result<Vec<Record>, Refusal> {
        let at = self.world.now();
        self.with(service, move |path, slot| {
            slot.open(&path, Importance::Normal, at)?;
            let journal = slot.journal.as_ref().ok_or_else(|| refuse_closed(&path))?;
            let read = journal.read(after, limit as usize);
            read.map_err(|error| slot.refuse_damaged(&error))
        })
        .await
    }

    /// Opens what a rollback writes to, and names the emergency chain where that is it.
    pub(super) async fn open_for_rollback(&self, service: &str) -> Result<Option<PathBuf>, Refusal> {
        let at = self.world.now();
        self.with(service, move |path, slot| {
            slot.open(&path, Importance::Rollback, at)?;
            let opened = slot.journal.as_ref().map(Journal::path);
            Ok(opened.filter(|opened| **opened != path).map(PathBuf::from))
        })
        .await
    }

    /// Gives up the space that is kept for a rollback: one is under way and finds the disk full.
    pub(super) async fn make_room(&self, service: &str) {
        let made = self.with(service, |_, slot| {
            let given = slot.journal.as_mut().map_or(Ok(()), Journal::make_room);
            given.map_err(|error| journal_refusal(&error))
        });
        if let Err(refusal) = made.await {
            tracing::error!(error = refusal.message, "the reserve could not be given up");
        }
    }

    /// Whether a forward deployment may rely on the journal.
    pub(super) async fn is_sound(&self, service: &str) -> Result<(), Refusal> {
        self.read(service, u64::MAX, 0).await.map(drop)
    }

    /// The newest record with a rollout's state in an environment, if the journal can be read.
    pub(super) async fn newest(&self, target: &Target) -> Option<Record> {
        let (environment, at) = (target.environment.clone(), self.world.now());
        let newest = self.with(&target.service, move |path, slot| {
            slot.open(&path, Importance::Normal, at)?;
            Ok(slot.newest.get(&environment).cloned())
        });
        newest.await.ok().flatten()
    }

    async fn with<T: Send + 'static>(
        &self,
        service: &str,
        work: impl FnOnce(PathBuf, &mut Slot) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let path = self.layout.journal(service);
        let slot = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(open.entry(service.to_owned()).or_default())
        };
        let done = tokio::task::spawn_blocking(move || {
            work(path, &mut slot.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await.unwrap_or_else(|error| Err(super::refuse::failed(&error.into())))
    }
}

impl Slot {
    /// Opens the journal where it is not. A damaged one stays closed for all but a rollback.
    fn open(
        &mut self,
        path: &std::path::Path,
        importance: Importance,
        at: jiff::Timestamp,
    ) -> Result<(), Refusal> {
        if let (Some(damage), Importance::Normal) = (&self.damage, importance) {
            return Err(damage.clone());
        }
        if self.journal.is_some() {
            return Ok(());
        }
        let journal = match Journal::open(path) {
            Ok(journal) => journal,
            Err(error @ (JournalError::Damaged { .. } | JournalError::Missing(_))) => {
                let refusal = journal_refusal(&error);
                self.damage = Some(refusal.clone());
                if importance == Importance::Normal {
                    return Err(refusal);
                }
                Journal::open_emergency(path, at, ACTOR).map_err(|error| journal_refusal(&error))?
            }
            Err(error) => return Err(journal_refusal(&error)),
        };
        self.replay(&journal)?;
        self.journal = Some(journal);
        Ok(())
    }

    /// Damage that is found while the journal is open closes it: from now on a rollback writes elsewhere.
    fn refuse_damaged(&mut self, error: &JournalError) -> Refusal {
        let refusal = journal_refusal(error);
        if matches!(error, JournalError::Damaged { .. }) {
            self.damage = Some(refusal.clone());
            self.journal = None;
        }
        refusal
    }

    fn replay(&mut self, journal: &Journal) -> Result<(), Refusal> {
        let mut after = 0;
        loop {
            let records = journal.read(after, REPLAY_RECORDS).map_err(|error| journal_refusal(&error))?;
            let Some(last) = records.last() else { return Ok(()) };
            after = last.seq;
            records.iter().for_each(|record| self.note(record));
        }
    }

    fn note(&mut self, record: &Record) {
        if record.entry.phase == Phase::State {
            self.newest.insert(record.environment.clone(), record.clone());
        }
    }
}

fn refuse_closed(path: &std::path::Path) -> Refusal {
    refuse(
        RefusalCode::Journal,
        format!("the journal {} is not open", path.display()),
        "cargo xtask local status",
    )
}

fn journal_refusal(error: &JournalError) -> Refusal {
    refuse(RefusalCode::Journal, error.to_string(), error.help())
}
