//! The journal of a service: an append-only file of records, hash-chained, checksummed and synced.
//!
//! The format of a line is in [`line`](self::encode). Whoever opens a journal holds an exclusive `flock` on it for as
//! long as the [`Journal`] lives; the kernel frees it when the process dies. A torn tail (what a crash in the middle of an
//! append leaves) is cut, and the cut bytes are kept in `<journal>.torn-<offset>`. Any earlier damage is an error
//! that names the record: a journal never starts empty. What an append reports as failed is not in the file.
//!
//! `<journal>.reserve` keeps space for a rollback: it is given up only when an append with
//! [`Importance::Rollback`] finds the disk full, and until it could be made again every other append is refused, so
//! that nothing else eats what the rollback needs. [`Journal::make_room`] gives it up for the few other small files that
//! a rollback writes.
//!
//! Left out: deletion of the last records cannot be seen from the file alone; a signed head elsewhere is for that.

mod chain;
mod disk;
mod emergency;
mod error;
mod line;
mod open;
#[cfg(test)]
mod tests;

pub use chain::{ChainError, Head, Verified, verify_reader};
pub use disk::{Disk, RESERVE_BYTES, System};
pub use emergency::EMERGENCY_CHAINS_MAX;
pub use error::{Damage, JournalError, MAKE_ROOM, is_full};
pub use line::{Fault, LINE_BYTES_MAX, VERSION, decode, encode};
pub use open::Cut;

use crate::platform::protocol::{Entry, Record};
use chain::{Chain, Next};
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// The most bytes that one [`Journal::read`] returns, so that a reply fits into the supervisor's protocol.
pub const READ_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// The suffix of the file that keeps space.
const RESERVE: &str = "reserve";
/// Every so many records their place is remembered.
const INDEX_STRIDE: u64 = 64;

/// An open journal: the right to append to it.
#[derive(Debug)]
pub struct Journal<D: Disk = System> {
    path: PathBuf,
    file: File,
    disk: D,
    head: Head,
    /// The bytes of sound records: the file is never longer between two appends, unless `behind` says so.
    length: u64,
    /// A failed append could not be rolled back yet.
    behind: bool,
    /// Head and place before every [`INDEX_STRIDE`]th record.
    index: Vec<(Head, u64)>,
    cut: Option<Cut>,
    reserved: bool,
    /// The damaged journal beside an emergency chain, kept locked.
    damaged: Option<File>,
}

/// What an append is for, and so whether it may use the space that is kept for a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Anything that can wait until there is space.
    Normal,
    /// Part of going back.
    Rollback,
}

/// What the caller says of a record; number and chain are the journal's.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Which environment.
    pub environment: String,
    /// The grant; 0 for none.
    pub epoch: u64,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub entry: Entry,
}

impl<D: Disk> Journal<D> {
    /// Appends one record, durably.
    ///
    /// # Errors
    /// Where it could not be written or synced. The file then ends as before (should even cutting fail, the next
    /// append or opening does it), and the journal stays usable.
    pub fn append(&mut self, draft: Draft, importance: Importance) -> Result<Record, JournalError> {
        let Draft { environment, epoch, actor, at, entry } = draft;
        let (seq, prev) = (self.head.seq + 1, self.head.digest.clone());
        let record = Record { seq, prev, at, environment, epoch, actor, entry };
        let line = encode(&record);
        if line.len() > LINE_BYTES_MAX {
            return Err(JournalError::TooLong { bytes: line.len() });
        }
        if importance == Importance::Normal {
            self.keep_reserve().map_err(JournalError::io(&self.path, "keep space beside"))?;
        }
        self.write(&line, importance).map_err(JournalError::io(&self.path, "append to"))?;
        self.remember_place();
        self.head = Head { seq, digest: line::digest(&line[..line.len() - 1]) };
        self.length += line.len() as u64;
        Ok(record)
    }

    /// Records after number `after`, at most `limit` and at most [`READ_BYTES_MAX`] bytes of them (but one at least).
    /// Empty at the end.
    ///
    /// # Errors
    /// Where the file cannot be read or was damaged since it was opened.
    pub fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        if after >= self.head.seq {
            return Ok(Vec::new());
        }
        let slot = usize::try_from(after / INDEX_STRIDE).unwrap_or(usize::MAX).min(self.index.len() - 1);
        let (head, offset) = self.index[slot].clone();
        self.records(head, offset, after, limit).map_err(|error| error.of(&self.path))
    }

    /// The last record's number and digest.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The torn tail that was cut when this journal was opened.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether space for a rollback is kept.
    pub fn is_reserved(&self) -> bool {
        self.reserved
    }

    /// Gives up the space that is kept for a rollback, for what else it must write. It is made again before the next
    /// append of [`Importance::Normal`].
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn make_room(&mut self) -> Result<(), JournalError> {
        self.give_up_reserve().map_err(JournalError::io(&self.path, "give up the reserve of"))
    }

    fn give_up_reserve(&mut self) -> io::Result<()> {
        if self.reserved {
            self.disk.give_up(&self.reserve_path())?;
            self.reserved = false;
        }
        Ok(())
    }

    fn records(&self, head: Head, offset: u64, after: u64, limit: usize) -> Result<Vec<Record>, ChainError> {
        use std::io::Read as _;
        // An own position: the appending descriptor always writes at the end, wherever it stands.
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut chain = Chain::new(BufReader::new(file.take(self.length - offset)), head, offset);
        let mut found = Vec::new();
        let mut first = None;
        while found.len() < limit {
            let place = chain.offset;
            let Next::Record(record) = chain.next()? else { break };
            if record.seq <= after {
                continue;
            }
            let begin = *first.get_or_insert(place);
            found.push(*record);
            if chain.offset - begin >= READ_BYTES_MAX - LINE_BYTES_MAX as u64 {
                break;
            }
        }
        Ok(found)
    }

    fn write(&mut self, line: &[u8], importance: Importance) -> io::Result<()> {
        match self.write_once(line) {
            Err(error) if is_full(&error) && importance == Importance::Rollback && self.reserved => {
                self.give_up_reserve()?;
                self.write_once(line)
            }
            result => result,
        }
    }

    /// Writes and syncs the line, or cuts the file to where it was.
    fn write_once(&mut self, line: &[u8]) -> io::Result<()> {
        if self.behind {
            self.cut_back()?;
        }
        let written = self.write_all(line).and_then(|()| self.disk.sync(&self.file));
        if written.is_err() {
            self.behind = true;
            // Where cutting fails too, the next append tries again before it writes; the first error is the cause.
            let _ = self.cut_back();
        }
        written
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            match self.disk.write(&self.file, rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.disk.truncate(&self.file, self.length)?;
        self.disk.sync(&self.file)?;
        self.behind = false;
        Ok(())
    }

    fn remember_place(&mut self) {
        let places = self.index.len() as u64;
        if self.head.seq == places * INDEX_STRIDE {
            self.index.push((self.head.clone(), self.length));
        }
    }

    /// Makes the reserve where it is missing.
    fn keep_reserve(&mut self) -> io::Result<()> {
        if self.reserved {
            return Ok(());
        }
        let path = self.reserve_path();
        let made = self.disk.reserve(&path);
        if made.is_err() {
            // A part of it is of no use, and takes space.
            let _ = self.disk.give_up(&path);
        }
        self.reserved = made.is_ok();
        made
    }

    fn reserve_path(&self) -> PathBuf {
        beside(&self.path, RESERVE)
    }
}

/// Checks a journal without opening it for appending; takes no lock.
///
/// # Errors
/// The first damaged record, or what could not be read.
pub fn verify(path: &Path) -> Result<Verified, JournalError> {
    let file = File::open(path).map_err(JournalError::io(path, "open"))?;
    verify_reader(BufReader::new(file), |_, _| {}).map_err(|error| error.of(path))
}

/// Every record of a journal, checked; takes no lock. A torn tail, which is about to be written or to be cut, is left out.
/// None where there never was a journal.
///
/// # Errors
/// As [`verify`], and where the journal was removed.
pub fn load(path: &Path) -> Result<Vec<Record>, JournalError> {
    if open::never_was(path)? {
        return Ok(Vec::new());
    }
    let file = File::open(path).map_err(JournalError::io(path, "open"))?;
    let mut records = Vec::new();
    verify_reader(BufReader::new(file), |record, _| records.push(record.clone()))
        .map_err(|error| error.of(path))?;
    Ok(records)
}

/// `<path>.<suffix>`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}
