//! What commits bring: every version of every file that they leave, each scanned once, and whether its secrets are new.
//!
//! The whole version is scanned, not its added lines alone: a name on an old line tells what a value on a new one is, and a key
//! is told by all its lines. A secret is new where its value was in none of the versions that the commit replaces: what is only
//! indented or moved is not told again, and one that a later commit takes out again is told all the same. Merges count by what
//! differs from each of their parents.

use super::files::{Read, scan_file, too_many, without_skipped};
use super::scan::{Place, Scanner};
use super::value::{Names, Value};
use super::{failed, found, scan_stream, workers};
use crate::evidence::CouldNotRun;
use crate::evidence::secrets::{SecretFound, SecretsEvidence, SecretsScope, Stands};
use crate::tools::git::{self, ASKED_MAX, Blobs, Brought, History, Now, Piped, shown};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io::{BufReader, PipeReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Secrets listed of one run; whoever has more has one thing to do first.
const FOUND_MAX: usize = 2000;
/// Arguments of every comparison.
const RAW: [&str; 5] = ["--raw", "-z", "--no-renames", "--no-abbrev", "--relative"];

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The commits behind this one up to HEAD, and what is not committed yet.
    Since(String),
    /// What the next commit would bring.
    Staged,
    /// Every commit that a reference leads to.
    History,
}

/// Scans what is wanted, except paths under `skip`; `names` are those that waivers give to values.
///
/// # Errors
/// Where git lacks an object, a shallow clone hides where a change begins, or a file cannot be read: what was not read is
/// not clean.
pub async fn gather(
    world: &World,
    root: &Path,
    wanted: &Wanted,
    skip: &[String],
    names: &[String],
) -> Result<SecretsEvidence, CouldNotRun> {
    Gathering { world, root, skip, names }.gather(wanted).await.map_err(|error| CouldNotRun {
        message: format!("failed to look for secrets in commits: {error:#}"),
        help: crate::failure::Failure::help_of(&error).unwrap_or("git fsck --connectivity-only").to_owned(),
    })
}

struct Gathering<'a> {
    world: &'a World,
    root: &'a Path,
    skip: &'a [String],
    names: &'a [String],
}

/// What was scanned, before it is told apart.
#[derive(Default)]
struct Scanned {
    brought: Vec<Sighting>,
    /// Secrets by blob; blobs without one are left out.
    hits: BTreeMap<String, Vec<Place>>,
    blobs: u64,
    commits: u64,
    skipped: BTreeSet<(String, String)>,
}

/// One path that a commit, the index or the folder changes.
struct Sighting {
    commit: Option<String>,
    path: PathBuf,
    before: Vec<String>,
    now: Now,
    /// What the folder has.
    here: Vec<Place>,
}

impl Gathering<'_> {
    async fn gather(&self, wanted: &Wanted) -> anyhow::Result<SecretsEvidence> {
        let mut scanned = match wanted {
            Wanted::Since(base) => {
                let range = [format!("^{base}"), "HEAD".to_owned()];
                self.reaches(&range).await?;
                self.commits(&range).await?
            }
            Wanted::Staged => {
                let arguments = [&["diff-index", "--cached"][..], &RAW, &["HEAD"]].concat();
                self.stream(&arguments, None, Keep::All).await?
            }
            Wanted::History => {
                let range = ["--all".to_owned(), "HEAD".to_owned()];
                self.reaches(&range).await?;
                self.commits(&range).await?
            }
        };
        let scope = match wanted {
            Wanted::Since(base) => {
                self.folder(&mut scanned).await?;
                SecretsScope::Change { base: base.clone(), commits: scanned.commits }
            }
            Wanted::Staged => SecretsScope::Staged,
            Wanted::History => SecretsScope::History { commits: scanned.commits },
        };
        let mut all = told(&scanned, &self.standing(wanted, &scanned).await?);
        let known = self.known_before(wanted, &scanned, &all).await?;
        all.retain(|one| !known.contains(&one.key()));
        let mut skipped = scanned.skipped.clone();
        if all.len() > FOUND_MAX {
            skipped.insert((
                "the commits".to_owned(),
                format!("more than {FOUND_MAX} secrets; the rest is not listed"),
            ));
            all.truncate(FOUND_MAX);
        }
        let owned = |one: &Told<'_>| {
            (
                one.place.clone(),
                shown(one.path.as_os_str().as_bytes()),
                one.commit.map(str::to_owned),
                one.stands,
            )
        };
        let (all, names): (Vec<_>, _) = (all.iter().map(owned).collect(), self.names.to_vec());
        let found = tokio::task::spawn_blocking(move || evidence_of(all, &names)).await?;
        let found = found.map_err(|why| crate::failure::Failure::infrastructure(why.message, why.help))?;
        Ok(SecretsEvidence { scope, files: scanned.blobs, skipped: skipped.into_iter().collect(), found })
    }

    /// Refuses where the clone hides what a commit in this range is compared with.
    async fn reaches(&self, range: &[String]) -> anyhow::Result<()> {
        let shallow = git::run(self.world, self.root, &["rev-parse", "--is-shallow-repository"]).await?;
        if shallow != b"true\n" {
            return Ok(());
        }
        let file = git::run(self.world, self.root, &["rev-parse", "--git-path", "shallow"]).await?;
        let file = self.root.join(OsStr::from_bytes(file.trim_ascii_end()));
        let edges = std::fs::read_to_string(file)?;
        let edges: HashSet<&str> = edges.lines().collect();
        let range: Vec<&str> = ["rev-list"].into_iter().chain(range.iter().map(String::as_str)).collect();
        let listed = git::run(self.world, self.root, &range).await?;
        let listed = String::from_utf8(listed)?;
        match listed.lines().find(|commit| edges.contains(commit)) {
            None => Ok(()),
            Some(commit) => Err(crate::failure::Failure::infrastructure(
                format!("the clone is shallow: what {commit} is based on is not there"),
                "git fetch --unshallow",
            )),
        }
    }

    async fn commits(&self, range: &[String]) -> anyhow::Result<Scanned> {
        let keep = if range.iter().any(|word| word == "--all") { Keep::First } else { Keep::All };
        let order = ["rev-list", "--topo-order", "--reverse"].into_iter();
        let list: Vec<&str> = order.chain(range.iter().map(String::as_str)).collect();
        let (listing, commits) = Piped::start(self.world, self.root, &list, None)?;
        let arguments = [&["diff-tree", "--stdin", "-r", "-c", "--root"][..], &RAW].concat();
        let scanned = self.stream(&arguments, Some(commits), keep).await?;
        listing.finish().await?;
        Ok(scanned)
    }

    /// Reads what git lists and scans every blob of it once.
    async fn stream(
        &self,
        arguments: &[&str],
        input: Option<PipeReader>,
        keep: Keep,
    ) -> anyhow::Result<Scanned> {
        let (comparing, listed) = Piped::start(self.world, self.root, arguments, input)?;
        let mut readers = Vec::new();
        let mut piped = vec![comparing];
        for _ in 0..workers() {
            let (one, blobs) = Blobs::start(self.world, self.root)?;
            piped.push(one);
            readers.push(blobs);
        }
        let skip = self.skip.to_vec();
        let scan = tokio::task::spawn_blocking(move || {
            let source = Source {
                history: History::new(BufReader::new(listed)),
                seen: HashSet::new(),
                keep,
                skip,
                scanned: Scanned::default(),
            };
            scan_blobs(source, readers)
        });
        let scanned = scan.await?;
        for one in piped {
            let ended = one.finish().await;
            // Where we stopped reading, git complains of that; where git stopped, its own words say which object is missing.
            if let Err(why) = ended
                && (scanned.is_ok() || why.to_string().contains("fatal:"))
            {
                return Err(why);
            }
        }
        scanned
    }

    /// What the folder has that HEAD has not.
    async fn folder(&self, scanned: &mut Scanned) -> anyhow::Result<()> {
        let index = [&["diff-index"][..], &RAW, &["HEAD"]].concat();
        let listed = git::run(self.world, self.root, &index).await?;
        let mut history = History::new(&listed[..]);
        let mut brought = Vec::new();
        while let Some(one) = history.next()? {
            brought.push(one);
        }
        let others =
            git::run(self.world, self.root, &["ls-files", "-z", "--others", "--exclude-standard"]).await?;
        let new = |path: &[u8]| Brought {
            commit: String::new(),
            path: path.to_vec(),
            before: Vec::new(),
            now: Now::Folder,
        };
        brought.extend(others.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(new));
        let mut sightings: Vec<Sighting> = brought.into_iter().map(Sighting::of).collect();
        let (wanted, skipped) = without_skipped(&sightings, self.skip, |one| &one.path);
        scanned.skipped.extend(skipped);
        let paths: HashSet<PathBuf> = wanted.iter().map(|one| one.path.clone()).collect();
        sightings.retain(|one| paths.contains(&one.path));
        let root = self.root.to_owned();
        let read = tokio::task::spawn_blocking(move || -> Result<_, CouldNotRun> {
            let scanner = Scanner::new().map_err(|error| failed(format!("{error:#}")))?;
            let (mut skipped, mut files) = (Vec::new(), 0);
            for one in sightings.iter_mut().filter(|one| one.now != Now::Nothing) {
                let name = one.name();
                match scan_file(&scanner, &root, &one.path)? {
                    Read::Places(places, cut) => {
                        files += 1;
                        skipped.extend(cut.then(|| (name, too_many())));
                        one.here = places;
                    }
                    // git calls it changed because it is gone.
                    Read::Not(why) if why.contains("not there") => one.now = Now::Nothing,
                    Read::Not(why) => skipped.push((name, why)),
                }
            }
            Ok((sightings, skipped, files))
        });
        let (sightings, skipped, files) =
            read.await?.map_err(|why| crate::failure::Failure::infrastructure(why.message, why.help))?;
        scanned.brought.extend(sightings);
        scanned.skipped.extend(skipped);
        scanned.blobs += files;
        Ok(())
    }

    /// Of which paths HEAD, or the index, has which blob: only where a history is read, which ends in many places.
    async fn standing(
        &self,
        wanted: &Wanted,
        scanned: &Scanned,
    ) -> anyhow::Result<Option<BTreeSet<(Vec<u8>, String)>>> {
        if *wanted != Wanted::History || scanned.hits.is_empty() {
            return Ok(None);
        }
        let tree = git::run(self.world, self.root, &["ls-tree", "-r", "-z", "HEAD"]).await?;
        let entry = |line: &[u8]| {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let object = std::str::from_utf8(&line[..tab]).ok()?.rsplit(' ').next()?.to_owned();
            Some((line[tab + 1..].to_vec(), object))
        };
        Ok(Some(tree.split(|byte| *byte == 0).filter_map(entry).collect()))
    }

    /// Values that what a commit replaces had already.
    async fn known_before(
        &self,
        wanted: &Wanted,
        scanned: &Scanned,
        all: &[Told<'_>],
    ) -> anyhow::Result<BTreeSet<Key>> {
        let mut known = BTreeSet::new();
        if *wanted == Wanted::History {
            return Ok(known);
        }
        let mut asked: BTreeMap<&str, Vec<Key>> = BTreeMap::new();
        for one in all {
            let first = &scanned.brought[one.first];
            let of_commit = scanned.brought.iter().filter(|other| other.commit == first.commit);
            let replaced = of_commit.filter(|other| other.path == first.path || other.now == Now::Nothing);
            for object in replaced.flat_map(|other| &other.before) {
                asked.entry(object).or_default().push(one.key());
            }
        }
        if asked.is_empty() {
            return Ok(known);
        }
        let (piped, blobs) = Blobs::start(self.world, self.root)?;
        let objects: Vec<String> = asked.keys().map(|object| (*object).to_owned()).collect();
        let before = tokio::task::spawn_blocking(move || scan_old(blobs, &objects)).await??;
        piped.finish().await?;
        for ((_, keys), values) in asked.iter().zip(before) {
            known.extend(
                keys.iter().filter(|(rule, value, _)| values.contains(&(*rule, value.clone()))).cloned(),
            );
        }
        Ok(known)
    }
}

/// Which sightings are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// All: of a change, to tell what a commit replaces and what the end has.
    All,
    /// The first of each blob: of a history, whose paths are many.
    First,
}

impl Sighting {
    fn of(brought: Brought) -> Sighting {
        Sighting {
            commit: Some(brought.commit).filter(|commit| !commit.is_empty()),
            path: PathBuf::from(OsStr::from_bytes(&brought.path)),
            before: brought.before,
            now: brought.now,
            here: Vec::new(),
        }
    }

    fn name(&self) -> String {
        shown(self.path.as_os_str().as_bytes())
    }
}

/// What git lists, handed to several threads.
struct Source {
    history: History<BufReader<PipeReader>>,
    /// Blobs that were handed out, by the first half of their names.
    seen: HashSet<u128>,
    keep: Keep,
    skip: Vec<String>,
    scanned: Scanned,
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
fn scan_blobs(source: Source, readers: Vec<Blobs>) -> anyhow::Result<Scanned> {
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
fn scan_old(mut blobs: Blobs, objects: &[String]) -> anyhow::Result<Vec<BTreeSet<(usize, Value)>>> {
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

/// Rule, value, path: one secret.
type Key = (usize, Value, PathBuf);

/// One secret, told once. No Debug: it leads to the value.
struct Told<'a> {
    place: &'a Place,
    path: &'a Path,
    /// The sighting that brought it.
    first: usize,
    commit: Option<&'a str>,
    stands: Stands,
}

impl Told<'_> {
    fn key(&self) -> Key {
        (self.place.rule, self.place.value.clone(), self.path.to_owned())
    }
}

/// Each secret by the first commit that brought it to a path, at its place in the last version where that has it still.
fn told<'a>(scanned: &'a Scanned, standing: &Option<BTreeSet<(Vec<u8>, String)>>) -> Vec<Told<'a>> {
    let mut last: BTreeMap<&Path, usize> = BTreeMap::new();
    for (index, one) in scanned.brought.iter().enumerate() {
        last.insert(&one.path, index);
    }
    let places = |one: &'a Sighting| match &one.now {
        Now::Blob(object) => scanned.hits.get(object).map_or(&[][..], Vec::as_slice),
        Now::Folder | Now::Nothing => one.here.as_slice(),
    };
    let mut known: BTreeSet<(usize, &Value, &Path)> = BTreeSet::new();
    let mut all = Vec::new();
    for (index, one) in scanned.brought.iter().enumerate() {
        for place in places(one) {
            if !known.insert((place.rule, &place.value, &one.path)) {
                continue;
            }
            let end = last.get(one.path.as_path()).map_or(one, |index| &scanned.brought[*index]);
            let now =
                places(end).iter().find(|other| (other.rule, &other.value) == (place.rule, &place.value));
            let (place, stands) = match (standing, now) {
                (None, Some(now)) => (now, Stands::Still),
                (None, None) => (place, Stands::Removed),
                (Some(tree), _) => {
                    let here = |object: &String| {
                        tree.contains(&(one.path.as_os_str().as_bytes().to_vec(), object.clone()))
                    };
                    let still = matches!(&one.now, Now::Blob(object) if here(object));
                    (place, if still { Stands::Still } else { Stands::Unknown })
                }
            };
            all.push(Told { place, path: &one.path, first: index, commit: one.commit.as_deref(), stands });
        }
    }
    all
}

fn evidence_of(
    all: Vec<(Place, String, Option<String>, Stands)>,
    names: &[String],
) -> Result<Vec<SecretFound>, CouldNotRun> {
    let mut names = Names::new(names.iter().map(String::as_str));
    let mut list = Vec::with_capacity(all.len());
    for (place, file, commit, stands) in all {
        list.push(SecretFound { commit, stands, ..found(place, &file, &mut names)? });
    }
    list.sort();
    Ok(list)
}

#[cfg(test)]
mod tests;
