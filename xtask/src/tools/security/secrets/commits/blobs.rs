//! Blobs as git lists them, each scanned once by one of several threads.

use super::super::files::too_many;
use super::super::scan::Scanner;
use super::super::scan_stream;
use super::super::value::Value;
use super::{Scanned, Sighting};
use crate::tools::git::{ASKED_MAX, Blobs, History, Now, shown};
use std::collections::{BTreeSet, HashSet};
use std::io::{BufReader, PipeReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Which sightings are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// All: of a change, to tell what a commit replaces and what the end has.
    All,
    /// The first of each blob: of a history, whose paths are many.
    First,
}

/// What git lists, handed to several threads.
pub(super) struct Source {
    pub(super) history: History<BufReader<PipeReader>>,
    /// Blobs that were handed out, by the first half of their names.
    pub(super) seen: HashSet<u128>,
    pub(super) keep: Keep,
    pub(super) skip: Vec<String>,
    pub(super) scanned: Scanned,
}

impl Source {
    /// The next blobs, each with a path that it stands at.
    fn batch(&mut self) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let mut batch = Vec::new();
        while batch.len() < ASKED_MAX {
            let Some(brought) = self.history.next()? else { break };
            let sighting = Sighting::of(brought);
            if let Some(skip) =
                self.skip.iter().find(|skip| !skip.is_empty() && sighting.path.starts_with(skip))
            {
                self.scanned.skipped.insert((skip.clone(), "by policy".to_owned()));
                continue;
            }
            let new = match &sighting.now {
                Now::Blob(object) => self.seen.insert(u128::from_str_radix(&object[..32], 16)?),
                Now::Folder | Now::Nothing => false,
            };
            if let (true, Now::Blob(object)) = (new, &sighting.now) {
                batch.push((object.clone(), sighting.path.clone()));
            }
            if new || self.keep == Keep::All {
                self.scanned.brought.push(sighting);
            }
        }
        Ok(batch)
    }
}

/// Every blob once, a git for each thread.
pub(super) fn scan_blobs(source: Source, readers: Vec<Blobs>) -> anyhow::Result<Scanned> {
    let scanner = Scanner::new()?;
    let shared = Mutex::new(source);
    let lock = || shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let work = |mut blobs: Blobs| -> anyhow::Result<()> {
        loop {
            let batch = lock().batch()?;
            if batch.is_empty() {
                return Ok(());
            }
            blobs.ask(batch.iter().map(|(object, _)| object.as_str()))?;
            let mut hits = Vec::new();
            for (object, path) in &batch {
                let (places, cut) = blobs.next(|stream, _| scan_stream(&scanner, path, stream))?;
                if !places.is_empty() {
                    hits.push((object.clone(), path, places, cut));
                }
            }
            let mut source = lock();
            source.scanned.blobs += batch.len() as u64;
            for (object, path, places, cut) in hits {
                if cut {
                    source.scanned.skipped.insert((shown(path.as_os_str().as_bytes()), too_many()));
                }
                source.scanned.hits.insert(object, places);
            }
        }
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = readers.into_iter().map(|blobs| scope.spawn(|| work(blobs))).collect();
        let joined = started.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread of the scan for secrets broke off")))
        });
        joined.collect::<anyhow::Result<Vec<()>>>()
    })?;
    let mut source = shared.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    source.scanned.commits = source.history.commits();
    // What no blob with a secret stands at is not needed any more.
    if source.keep == Keep::First {
        let hits = &source.scanned.hits;
        source
            .scanned
            .brought
            .retain(|one| matches!(&one.now, Now::Blob(object) if hits.contains_key(object)));
    }
    Ok(source.scanned)
}

/// The secrets of these blobs, in their order.
pub(super) fn scan_old(
    mut blobs: Blobs,
    objects: &[String],
) -> anyhow::Result<Vec<BTreeSet<(usize, Value)>>> {
    let scanner = Scanner::new()?;
    let mut all = Vec::with_capacity(objects.len());
    for batch in objects.chunks(ASKED_MAX) {
        blobs.ask(batch.iter().map(String::as_str))?;
        for _ in batch {
            // A path may turn rules off; the old side is asked them all.
            let (places, _) = blobs.next(|stream, _| scan_stream(&scanner, Path::new(""), stream))?;
            all.push(places.into_iter().map(|place| (place.rule, place.value)).collect());
        }
    }
    Ok(all)
}
