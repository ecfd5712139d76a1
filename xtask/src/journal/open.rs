//! Opening a journal: lock, replay, cut a torn tail, keep space.

use super::chain::verify_reader;
use super::disk::{Disk, System};
use super::{Head, INDEX_STRIDE, Journal, JournalError, RESERVE, Verified, beside, error};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// A torn tail that was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// How many bytes.
    pub bytes: u64,
    /// Where they are kept; `None` where the disk had no room for them.
    pub kept: Option<PathBuf>,
}

impl Journal {
    /// Opens the journal, creating an empty one where there is none (its directory must exist).
    ///
    /// # Errors
    /// Where another process holds it, it was removed, a record before the tail is damaged, or the file cannot be used. A full
    /// disk is no error here: a rollback must get its chance.
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        Journal::open_on(path, System)
    }
}

impl<D: Disk> Journal<D> {
    /// [`Journal::open`] on another disk.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_on(path: &Path, mut disk: D) -> Result<Journal<D>, JournalError> {
        never_was(path)?;
        let file = lock(path)?;
        let reader = file.try_clone().map_err(JournalError::io(path, "open"))?;
        let mut index = vec![(Head::start(), 0)];
        let mut place = Index { entries: &mut index, pending: None };
        let verified = verify_reader(BufReader::new(reader), |record, offset| place.note(record, offset))
            .map_err(|error| error.of(path))?;
        let cut = cut_tail(path, &file, &mut disk, &verified)?;
        let Verified { head, bytes: length, .. } = verified;
        let mut journal = Journal {
            path: path.to_owned(),
            file,
            disk,
            head,
            length,
            behind: false,
            index,
            cut,
            reserved: false,
            damaged: None,
        };
        journal.find_reserve()?;
        Ok(journal)
    }

    /// Takes over the reserve of an earlier opening, or makes it where there is space.
    fn find_reserve(&mut self) -> Result<(), JournalError> {
        let path = self.reserve_path();
        self.reserved = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == super::RESERVE_BYTES);
        match self.keep_reserve() {
            Err(error) if !error::is_full(&error) => Err(JournalError::io(&path, "make")(error)),
            _ => Ok(()),
        }
    }
}

/// Whether there is no journal and never was one. The reserve is made after the journal: alone it says that the journal
/// was removed.
pub(super) fn never_was(path: &Path) -> Result<bool, JournalError> {
    if path.exists() {
        return Ok(false);
    }
    if beside(path, RESERVE).exists() { Err(JournalError::Missing(path.to_owned())) } else { Ok(true) }
}

/// Opens the file for appending, under the exclusive lock, and makes its name durable where it is new.
pub(super) fn lock(path: &Path) -> Result<File, JournalError> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(JournalError::io(path, "open"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Err(JournalError::Locked(path.to_owned())),
        Err(error) => return Err(JournalError::io(path, "lock")(error.into())),
    }
    sync_directory(path).map_err(JournalError::io(path, "sync the directory of"))?;
    Ok(file)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// Remembers every [`INDEX_STRIDE`]th place while a journal is replayed. The digest of a line stands in the record
/// after it, so an entry is complete only then.
struct Index<'a> {
    entries: &'a mut Vec<(Head, u64)>,
    pending: Option<u64>,
}

impl Index<'_> {
    fn note(&mut self, record: &crate::platform::protocol::Record, offset: u64) {
        if self.pending == Some(record.seq) {
            self.entries.push((Head { seq: record.seq - 1, digest: record.prev.clone() }, offset));
        }
        if record.seq.is_multiple_of(INDEX_STRIDE) {
            self.pending = Some(record.seq + 1);
        }
    }
}

fn cut_tail<D: Disk>(
    path: &Path,
    file: &File,
    disk: &mut D,
    verified: &Verified,
) -> Result<Option<Cut>, JournalError> {
    if verified.torn_bytes == 0 {
        return Ok(None);
    }
    let kept = beside(path, &format!("torn-{}", verified.bytes));
    let kept = match keep(file, verified.bytes, &kept) {
        Ok(()) => Some(kept),
        Err(error) if error::is_full(&error) => None,
        Err(error) => return Err(JournalError::io(&kept, "write")(error)),
    };
    let cut = disk.truncate(file, verified.bytes).and_then(|()| disk.sync(file));
    cut.map_err(JournalError::io(path, "cut the torn tail of"))?;
    Ok(Some(Cut { bytes: verified.torn_bytes, kept }))
}

fn keep(mut file: &File, offset: u64, path: &Path) -> io::Result<()> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.read_to_end(&mut tail)?;
    let mut copy = File::create(path)?;
    copy.write_all(&tail)?;
    copy.sync_all()
}
