//! What commits bring: every version of every file that they leave, each scanned once, and whether its secrets are new.
//!
//! The whole version is scanned, not its added lines alone: a name on an old line tells what a value on a new one is, and a key
//! is told by all its lines. A secret is new where its value was in none of the versions that the commit replaces: what is only
//! indented or moved is not told again, and one that a later commit takes out again is told all the same. Merges count by what
//! differs from each of their parents.

mod blobs;
mod told;

use super::files::{Read, scan_file, too_many, without_skipped};
use super::scan::{Place, Scanner};
use super::{failed, workers};
use crate::evidence::CouldNotRun;
use crate::evidence::secrets::{SecretsEvidence, SecretsScope};
use crate::tools::git::{self, Blobs, Brought, History, Now, Piped, shown};
use crate::world::World;
use blobs::{Keep, Source, scan_blobs, scan_old};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io::{BufReader, PipeReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use told::{Key, Told, evidence_of, told};

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

#[cfg(test)]
mod tests;
