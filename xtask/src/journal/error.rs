//! What can go wrong with a journal, each with the next command to type.

use super::line::Fault;
use std::io;
use std::path::{Path, PathBuf};

/// The help where a disk is full.
pub const MAKE_ROOM: &str = "free some space on that file system, then type the command again (`cargo xtask rollback ENV` needs none)";

/// Why a journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A record before the tail is damaged. Nothing runs on it but an emergency rollback.
    #[error("the journal {} is damaged: {damage}", path.display())]
    Damaged {
        /// Which journal.
        path: PathBuf,
        /// Which record, and how.
        damage: Damage,
    },
    /// Another process appends to it.
    #[error("the journal {} is held by another process", .0.display())]
    Locked(PathBuf),
    /// The disk (or the quota) is full; nothing was written.
    #[error("no space left to write the journal {}", .0.display())]
    Full(PathBuf),
    /// The record is longer than a line may be; nothing was written.
    #[error("the record has {bytes} bytes, more than the {max} that a line may have", max = super::LINE_BYTES_MAX)]
    TooLong {
        /// Its length as a line.
        bytes: usize,
    },
    /// A file could not be read or written.
    #[error("failed to {doing} {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The journal is gone, and what stands beside it shows that it was there: it does not start empty.
    #[error("the journal {} is missing, although its reserve is there", .0.display())]
    Missing(PathBuf),
    /// Too many emergency chains stand beside a damaged journal.
    #[error("beside {} stand {max} emergency chains already", .0.display(), max = super::EMERGENCY_CHAINS_MAX)]
    Emergencies(PathBuf),
}

/// The damaged record: its place and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} (line {line}, byte {offset}): {fault}")]
pub struct Damage {
    /// The number that this record should have.
    pub seq: u64,
    /// Its line, from 1.
    pub line: u64,
    /// Where its line begins in the file.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl JournalError {
    /// The next command to type.
    pub fn help(&self) -> &'static str {
        match self {
            JournalError::Damaged { damage: Damage { fault: Fault::NewerVersion(_), .. }, .. } => {
                "use the gateline that wrote it, or a newer one"
            }
            JournalError::Damaged { .. } | JournalError::Emergencies(_) => {
                "restore the file from a backup; until then only `cargo xtask rollback ENV --to DIGEST` runs; \
                 see `cargo xtask audit verify`"
            }
            JournalError::Missing(_) => {
                "restore the file from a backup, or remove its `.reserve` to begin a new history; \
                 until then only `cargo xtask rollback ENV --to DIGEST` runs"
            }
            JournalError::Locked(_) => "cargo xtask local status",
            JournalError::Full(_) => MAKE_ROOM,
            JournalError::TooLong { .. } => "keep large data in a file and record its digest",
            JournalError::Io { .. } => {
                "check that the state directory is there and writable: cargo xtask doctor"
            }
        }
    }

    /// Maps an error of the system: a full disk is told apart.
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> JournalError {
        let path = path.to_owned();
        move |source| {
            if is_full(&source) { JournalError::Full(path) } else { JournalError::Io { path, doing, source } }
        }
    }
}

/// Whether there is no room: a full disk and a used-up quota are the same to us.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
