//! Deterministic layers: a list of entries becomes a ustar archive and its gzip, the same bytes every time.
//!
//! Entries are sorted by path and missing parents are added; owners are numbers without names; modes come from a
//! fixed set, never from a umask; the time of every member is [`MTIME_SECS`]. Not the commit's time: a layer must
//! not change because a commit touched a document. No extension headers, so every reader reads the same.
//! The compressor is flate2's Rust backend as Cargo.lock pins it; a test holds its output.

mod ustar;

use super::counted::Counted;
use crate::digest::{Digest, Hasher};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write};
use std::path::PathBuf;
use ustar::BLOCK;

/// The time of every member. One second, because some readers take 0 for "unset" (jib does the same).
pub const MTIME_SECS: u64 = 1;
/// The gzip level: 8.05 MB of a 20.5 MB binary where 9 gives 7.86 MB in twice the time.
const GZIP_LEVEL: u32 = 6;
/// "Unknown", so that the builder's system does not show.
const GZIP_OS_UNKNOWN: u8 = 255;
/// Changes when the same entries give other bytes: part of every cache key.
const FORMAT: &str = "gateline/layer/v1";

/// One member of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root, with `/` between its parts.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// User and group.
    pub owner: u32,
}

/// What a member is; its mode follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// 0755.
    Directory,
    /// 1777, as `/tmp` is.
    SharedDirectory,
    /// 0644.
    File(Content),
    /// 0755.
    Executable(Content),
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Here.
    Bytes(Vec<u8>),
    /// In our own executable.
    Static(&'static [u8]),
    /// In a file, which is streamed; the digest makes sure that it did not change meanwhile.
    File {
        /// The file.
        path: PathBuf,
        /// Its length.
        size_bytes: u64,
        /// Its digest.
        digest: Digest,
    },
}

/// Entries that are valid, sorted and complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer(BTreeMap<String, Entry>);

/// What came out of compressing a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compressed {
    /// The digest of the compressed bytes.
    pub digest: Digest,
    /// Their number.
    pub size_bytes: u64,
    /// The digest of the archive.
    pub diff_id: Digest,
    /// The length of the archive.
    pub unpacked_bytes: u64,
}

/// Why a layer cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Empty, absolute, with `.` or `..`, or with a control character.
    #[error("`{0}` is not a path that can go into a layer")]
    Path(String),
    /// Does not fit a ustar header.
    #[error("`{0}` is too long for a layer (100 bytes of name after at most 155 of directories)")]
    TooLong(String),
    /// Does not fit a ustar header.
    #[error("`{0}` is larger than 8 GiB")]
    TooLarge(String),
    /// Does not fit a ustar header.
    #[error("the owner {1} of `{0}` is larger than 2097151, the largest number that a layer can say")]
    Owner(String, u32),
    /// Named twice, or both a file and the parent of something.
    #[error("`{0}` is in the layer twice")]
    Twice(String),
    /// The file behind an entry is not the one that was announced.
    #[error("`{0}` changed while the layer was written")]
    Changed(String),
    /// Reading or writing failed.
    #[error("failed to write `{0}` into a layer: {1}")]
    Io(String, #[source] io::Error),
}

impl Entry {
    /// A file of root's.
    pub fn file(path: impl Into<String>, bytes: Vec<u8>) -> Entry {
        Entry { path: path.into(), kind: Kind::File(Content::Bytes(bytes)), owner: 0 }
    }
}

impl Kind {
    const fn mode(&self) -> u64 {
        match self {
            Kind::Directory | Kind::Executable(_) => 0o755,
            Kind::SharedDirectory => 0o1777,
            Kind::File(_) => 0o644,
        }
    }

    const fn content(&self) -> Option<&Content> {
        match self {
            Kind::Directory | Kind::SharedDirectory => None,
            Kind::File(content) | Kind::Executable(content) => Some(content),
        }
    }
}

impl Content {
    /// Its length.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Static(bytes) => bytes.len() as u64,
            Content::File { size_bytes, .. } => *size_bytes,
        }
    }

    fn digest(&self) -> Digest {
        match self {
            Content::Bytes(bytes) => Digest::of(bytes),
            Content::Static(bytes) => Digest::of(bytes),
            Content::File { digest, .. } => digest.clone(),
        }
    }
}

impl Layer {
    /// Checks the entries, adds missing parents and sorts.
    ///
    /// # Errors
    /// Where a path is unfit or stands for two things.
    pub fn new(entries: Vec<Entry>) -> Result<Layer, LayerError> {
        let mut sorted = BTreeMap::new();
        for entry in entries {
            let sound = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
            if !entry.path.split('/').all(sound) {
                return Err(LayerError::Path(entry.path));
            }
            if let Some(twice) = sorted.insert(entry.path.clone(), entry) {
                return Err(LayerError::Twice(twice.path));
            }
        }
        let parents: Vec<String> = sorted.keys().flat_map(|path: &String| parents(path)).collect();
        for path in parents {
            let parent = Entry { path: path.clone(), kind: Kind::Directory, owner: 0 };
            if sorted.entry(path.clone()).or_insert(parent).kind.content().is_some() {
                return Err(LayerError::Twice(path));
            }
        }
        Ok(Layer(sorted))
    }

    /// The entries, sorted by path.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.values()
    }

    /// Names the bytes that [`Layer::compress`] would write, without writing them.
    pub fn key(&self) -> Digest {
        let mut hasher = Hasher::default();
        hasher.field(FORMAT.as_bytes());
        hasher.field(&MTIME_SECS.to_le_bytes());
        hasher.field(&GZIP_LEVEL.to_le_bytes());
        for entry in self.0.values() {
            hasher.field(entry.path.as_bytes());
            hasher.field(&entry.kind.mode().to_le_bytes());
            hasher.field(&entry.owner.to_le_bytes());
            let digest = entry.kind.content().map(|content| content.digest().to_string());
            hasher.field(digest.unwrap_or_default().as_bytes());
        }
        hasher.finish()
    }

    /// Writes the archive, gzipped, and says what came out. Nothing of a file is held in memory but a buffer.
    ///
    /// # Errors
    /// Where a member does not fit, changed, or cannot be read or written.
    pub fn compress(&self, out: impl Write) -> Result<Compressed, LayerError> {
        let gzip = flate2::GzBuilder::new().mtime(0).operating_system(GZIP_OS_UNKNOWN);
        let gzip = gzip.write(Counted::new(out), flate2::Compression::new(GZIP_LEVEL));
        let mut archive = Counted::new(gzip);
        self.archive(&mut archive)?;
        let end = |error| LayerError::Io("the end".to_owned(), error);
        let (gzip, diff_id, unpacked_bytes) = archive.finish();
        let mut compressed = gzip.finish().map_err(end)?;
        compressed.flush().map_err(end)?;
        let (_, digest, size_bytes) = compressed.finish();
        Ok(Compressed { digest, size_bytes, diff_id, unpacked_bytes })
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// As [`Layer::compress`].
    pub fn archive(&self, out: &mut impl Write) -> Result<(), LayerError> {
        for entry in self.0.values() {
            out.write_all(&ustar::header(entry)?)
                .map_err(|error| LayerError::Io(entry.path.clone(), error))?;
            if let Some(content) = entry.kind.content() {
                write_content(&entry.path, content, out)?;
            }
        }
        out.write_all(&[0; 2 * BLOCK]).map_err(|error| LayerError::Io("the end".to_owned(), error))
    }
}

fn parents(path: &str) -> Vec<String> {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect()
}

fn write_content(path: &str, content: &Content, out: &mut impl Write) -> Result<(), LayerError> {
    let failed = |error| LayerError::Io(path.to_owned(), error);
    match content {
        Content::Bytes(bytes) => out.write_all(bytes).map_err(failed)?,
        Content::Static(bytes) => out.write_all(bytes).map_err(failed)?,
        Content::File { path: source, size_bytes, digest } => {
            let file = std::fs::File::open(source).map_err(failed)?;
            let mut counted = Counted::new(&mut *out);
            io::copy(&mut file.take(size_bytes + 1), &mut counted).map_err(failed)?;
            let (_, found, bytes) = counted.finish();
            if (bytes, &found) != (*size_bytes, digest) {
                return Err(LayerError::Changed(path.to_owned()));
            }
        }
    }
    let over = usize::try_from(content.size_bytes() % BLOCK as u64).unwrap_or(0);
    let padding = (BLOCK - over) % BLOCK;
    out.write_all(&[0; BLOCK][..padding]).map_err(failed)
}

#[cfg(test)]
mod tests;
