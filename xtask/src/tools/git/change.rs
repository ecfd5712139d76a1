//! The change of the work against its base: what git lists, compared blob by blob with what is in the folder.
//!
//! git only says which paths may differ and gives the old blobs as they are stored; what is new is read from the folder,
//! because that is what was compiled. So staged, unstaged and untracked changes all count, and neither attributes nor the
//! user's configuration can hide a line. Submodules and symbolic links have no lines.

use super::above;
use super::command::{run, run_with};
use super::lines::{self, Ranges, TEXT_BYTES_MAX, WHOLE};
use super::raw::{self, Entry, Kind, shown};
use super::renames;
use crate::evidence::CouldNotRun;
use crate::workspace::change::{Base, Change, ChangedFile, FileChange};
use crate::world::World;
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Old blobs held at a time.
const BLOBS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files that are gone are held to be matched with new ones; beyond this only their paths are told.
const GONE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What differs between a base and the folder.
///
/// # Errors
/// Where git cannot answer, or a file cannot be read.
pub async fn change(world: &World, root: &Path, base: Base) -> Result<Change, CouldNotRun> {
    compare(world, root, base).await.map_err(|error| CouldNotRun {
        message: format!("failed to compare the work with its base: {error:#}"),
        help: "git fsck --connectivity-only".to_owned(),
    })
}

async fn compare(world: &World, root: &Path, base: Base) -> anyhow::Result<Change> {
    let above::Site { top, prefix, up } = above::site(world, root).await?;
    let index = ["diff-index", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=dirty"];
    let index: Vec<&str> = index.into_iter().chain([base.commit.as_str(), "--"]).collect();
    let untracked = ["ls-files", "-z", "--others", "--exclude-standard", "--full-name"];
    let (listed, untracked) = tokio::join!(run(world, &top, &index), run(world, &top, &untracked));
    let mut entries = raw::entries(&listed?).map_err(anyhow::Error::msg)?;
    for path in raw::paths(&untracked?).filter(|path| !path.ends_with(b"/")) {
        // What git was told to forget and is still there is modified.
        entries.entry(path.to_vec()).or_insert_with(Entry::untracked).new = Entry::untracked().new;
    }
    let (inside, outside): (BTreeMap<_, _>, BTreeMap<_, _>) =
        entries.into_iter().partition(|(path, _)| path.starts_with(&prefix));
    let mut outside: Vec<String> = outside.keys().map(|path| up.clone() + &shown(path)).collect();
    outside.sort_unstable();
    let work = Work { world, top, prefix: prefix.len() };
    let files = work.files(inside).await?;
    Ok(Change { base, files, outside })
}

struct Work<'a> {
    world: &'a World,
    /// The repository's folder.
    top: PathBuf,
    /// Bytes of the workspace's path in it.
    prefix: usize,
}

/// Where files are compared.
#[derive(Clone)]
struct Site {
    top: PathBuf,
    prefix: usize,
    moves: Moves,
}

/// Whether a new file may be one that moved: only then its contents are held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moves {
    Possible,
    None,
}

/// A path that differs, with what the base has there.
struct Pair {
    path: Vec<u8>,
    entry: Entry,
    old: Old,
}

/// The old side of a pair.
enum Old {
    /// No file.
    None,
    /// Too large to be held.
    TooLarge,
    /// These bytes.
    Bytes(Vec<u8>),
}

/// What a comparison gave.
enum Compared {
    /// The path and contents are the same: only times differed.
    Same,
    /// A file of the report.
    Differs(ChangedFile),
    /// It is new, with these contents.
    New(Vec<u8>, Vec<u8>),
    /// It is gone, with its old contents.
    Gone(Vec<u8>, Old),
}

impl Work<'_> {
    async fn files(&self, entries: BTreeMap<Vec<u8>, Entry>) -> anyhow::Result<Vec<ChangedFile>> {
        let objects = entries.values().filter(|entry| entry.old.kind() == Kind::File);
        let sizes = self.sizes(objects.map(|entry| entry.old.object.as_str())).await?;
        let mut files = Vec::new();
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        let is_gone = |entry: &Entry| entry.old.kind() == Kind::File && entry.new.kind() == Kind::Nothing;
        let moves = if entries.values().any(is_gone) { Moves::Possible } else { Moves::None };
        let site = Site { top: self.top.clone(), prefix: self.prefix, moves };
        for chunk in chunks(entries, &sizes) {
            let pairs = self.with_blobs(chunk, &sizes).await?;
            let site = site.clone();
            let compared = tokio::task::spawn_blocking(move || compare_all(&site, pairs)).await??;
            for one in compared {
                match one {
                    Compared::Same => {}
                    Compared::Differs(file) => files.push(file),
                    Compared::New(path, content) => new.push((path, content)),
                    Compared::Gone(path, old) => gone.push((path, old)),
                }
            }
        }
        let prefix = self.prefix;
        files.extend(tokio::task::spawn_blocking(move || moved(&new, gone, prefix)).await?);
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The sizes of blobs, in order.
    async fn sizes(&self, objects: impl Iterator<Item = &str>) -> anyhow::Result<BTreeMap<String, u64>> {
        let objects: Vec<&str> = objects.collect();
        if objects.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = self.ask_for_objects("--batch-check=%(objectsize)", &objects).await?;
        let sizes = raw::sizes(&answer);
        anyhow::ensure!(sizes.len() == objects.len(), "git told {} sizes of {}", sizes.len(), objects.len());
        let pairs = objects.into_iter().zip(sizes);
        pairs
            .map(|(object, size)| {
                Ok((object.to_owned(), size.with_context(|| format!("git lacks {object}"))?))
            })
            .collect()
    }

    async fn ask_for_objects(&self, how: &str, objects: &[&str]) -> anyhow::Result<Vec<u8>> {
        let input = objects.join("\n") + "\n";
        run_with(self.world, &self.top, &["cat-file", how, "--buffer"], input.into_bytes()).await
    }

    async fn with_blobs(
        &self,
        chunk: Vec<(Vec<u8>, Entry)>,
        sizes: &BTreeMap<String, u64>,
    ) -> anyhow::Result<Vec<Pair>> {
        let fits = |entry: &Entry| sizes.get(&entry.old.object).is_some_and(|size| *size <= TEXT_BYTES_MAX);
        let is_file = |entry: &Entry| entry.old.kind() == Kind::File;
        let wanted = chunk.iter().map(|(_, entry)| entry).filter(|entry| is_file(entry) && fits(entry));
        let wanted: Vec<&str> = wanted.map(|entry| entry.old.object.as_str()).collect();
        let answer = match wanted.is_empty() {
            true => Vec::new(),
            false => self.ask_for_objects("--batch=%(objectsize)", &wanted).await?,
        };
        let contents = raw::contents(&answer).map_err(anyhow::Error::msg)?;
        anyhow::ensure!(
            contents.len() == wanted.len(),
            "git gave {} blobs of {}",
            contents.len(),
            wanted.len()
        );
        let mut contents = contents.into_iter();
        let pair = |(path, entry): (Vec<u8>, Entry)| {
            let old = match (is_file(&entry), fits(&entry)) {
                (true, true) => Old::Bytes(contents.next().unwrap_or_default().to_vec()),
                (true, false) => Old::TooLarge,
                (false, _) => Old::None,
            };
            Pair { path, entry, old }
        };
        Ok(chunk.into_iter().map(pair).collect())
    }
}

/// Entries in groups whose old blobs fit into memory together.
fn chunks(entries: BTreeMap<Vec<u8>, Entry>, sizes: &BTreeMap<String, u64>) -> Vec<Vec<(Vec<u8>, Entry)>> {
    let mut chunks = vec![Vec::new()];
    let mut bytes = 0;
    for (path, entry) in entries {
        let size = sizes.get(&entry.old.object).copied().filter(|size| *size <= TEXT_BYTES_MAX).unwrap_or(0);
        bytes += size;
        if bytes > BLOBS_BYTES_MAX {
            bytes = size;
            chunks.push(Vec::new());
        }
        if let Some(last) = chunks.last_mut() {
            last.push((path, entry));
        }
    }
    chunks
}

/// Compares each pair, on all cores.
fn compare_all(site: &Site, pairs: Vec<Pair>) -> anyhow::Result<Vec<Compared>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = pairs.len().div_ceil(cores).max(1);
    let mut pairs = pairs.into_iter();
    let shares: Vec<Vec<Pair>> = std::iter::from_fn(|| {
        let share: Vec<Pair> = pairs.by_ref().take(share).collect();
        (!share.is_empty()).then_some(share)
    })
    .collect();
    let one = |share: Vec<Pair>| -> anyhow::Result<Vec<Compared>> {
        share.into_iter().map(|pair| compare_one(site, pair)).collect()
    };
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = shares.into_iter().map(|share| scope.spawn(|| one(share))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect::<Vec<_>>()
    });
    let results: Vec<Vec<Compared>> = results.into_iter().collect::<anyhow::Result<_>>()?;
    Ok(results.into_iter().flatten().collect())
}

fn compare_one(site: &Site, pair: Pair) -> anyhow::Result<Compared> {
    let Pair { path, entry, old } = pair;
    let differs = |what, lines| {
        let path = shown(path.get(site.prefix..).unwrap_or_default());
        Compared::Differs(ChangedFile { path, what, lines })
    };
    let file = site.top.join(OsStr::from_bytes(&path));
    let now = match entry.new.kind() {
        Kind::File => read(&file)?,
        _ => Now::NoFile,
    };
    let was = entry.old.kind();
    Ok(match (now, old) {
        (Now::Bytes(now), Old::None) if was == Kind::Nothing => match site.moves {
            Moves::Possible => Compared::New(path, now),
            Moves::None => differs(FileChange::Added, lines::all(&now)),
        },
        (Now::Bytes(now), Old::Bytes(old)) if now == old && entry.old.mode == entry.new.mode => {
            Compared::Same
        }
        (Now::Bytes(now), Old::Bytes(old)) => differs(FileChange::Modified, lines::changed(&old, &now)),
        (Now::Bytes(now), Old::None | Old::TooLarge) => differs(FileChange::Modified, lines::all(&now)),
        (Now::TooLarge(lines), _) if was == Kind::Nothing => differs(FileChange::Added, lines),
        (Now::TooLarge(lines), _) => differs(FileChange::Modified, lines),
        // A file that the folder does not have, though git does not call it gone, is left out by a sparse checkout.
        (Now::NoFile, old) if entry.new.kind() == Kind::Nothing && was == Kind::File => {
            Compared::Gone(path, old)
        }
        (Now::NoFile, _) if entry.new.kind() == Kind::Nothing => differs(FileChange::Removed, Vec::new()),
        (Now::NoFile, _) if was == Kind::Nothing => differs(FileChange::Added, Vec::new()),
        (Now::NoFile, _) => differs(FileChange::Modified, Vec::new()),
    })
}

/// What the folder has.
enum Now {
    NoFile,
    TooLarge(Ranges),
    Bytes(Vec<u8>),
}

fn read(file: &Path) -> anyhow::Result<Now> {
    let facts = match std::fs::symlink_metadata(file) {
        Ok(facts) if facts.is_file() => facts,
        Ok(_) => return Ok(Now::NoFile),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Now::NoFile);
        }
        Err(error) => return Err(error).with_context(|| format!("failed to look at {}", file.display())),
    };
    let unreadable = || format!("failed to read {}", file.display());
    if facts.len() > TEXT_BYTES_MAX {
        // No compiler takes such a file; whether it is a text is told by its start.
        let mut start = Vec::new();
        std::io::Read::read_to_end(
            &mut std::io::Read::take(std::fs::File::open(file).with_context(unreadable)?, 8000),
            &mut start,
        )
        .with_context(unreadable)?;
        let lines = if start.contains(&0) { Vec::new() } else { vec![WHOLE] };
        return Ok(Now::TooLarge(lines));
    }
    std::fs::read(file).map(Now::Bytes).with_context(unreadable)
}

/// New files, as moved where one that is gone explains them, and what is left of those that are gone.
fn moved(new: &[(Vec<u8>, Vec<u8>)], gone: Vec<(Vec<u8>, Old)>, prefix: usize) -> Vec<ChangedFile> {
    let mut held = 0;
    let bytes = |(path, old): (Vec<u8>, Old)| match old {
        Old::Bytes(bytes) if held + bytes.len() as u64 <= GONE_BYTES_MAX => {
            held += bytes.len() as u64;
            (path, bytes)
        }
        _ => (path, Vec::new()),
    };
    let gone: Vec<(Vec<u8>, Vec<u8>)> = gone.into_iter().map(bytes).collect();
    fn view(files: &[(Vec<u8>, Vec<u8>)]) -> Vec<renames::File<'_>> {
        files.iter().map(|(path, bytes)| (path.as_slice(), bytes.as_slice())).collect()
    }
    let pairs = renames::find(&view(&gone), &view(new));
    let taken: std::collections::HashSet<usize> = pairs.values().copied().collect();
    let path = |path: &[u8]| shown(path.get(prefix..).unwrap_or_default());
    let added =
        new.iter().enumerate().map(|(at, (to, now))| match pairs.get(&at).and_then(|at| gone.get(*at)) {
            Some((from, old)) => ChangedFile {
                path: path(to),
                what: FileChange::Renamed { from: path(from) },
                lines: lines::changed(old, now),
            },
            None => ChangedFile { path: path(to), what: FileChange::Added, lines: lines::all(now) },
        });
    let removed = gone
        .iter()
        .enumerate()
        .filter(|(at, _)| !taken.contains(at))
        .map(|(_, (from, _))| ChangedFile { path: path(from), what: FileChange::Removed, lines: Vec::new() });
    added.chain(removed).collect()
}
