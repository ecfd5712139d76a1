//! Reading a chain of records, line by line in bounded memory, and telling a torn tail from damage.
//!
//! A crash in the middle of an append leaves an incomplete last line, or one whose pages reached the disk only in
//! part: such a line fails its checksum and nothing stands after it. Everything else that does not fit is damage,
//! the last line too where its checksum fits but number or chain do not: no crash writes that.

use super::error::{Damage, JournalError};
use super::line::{Fault, LINE_BYTES_MAX, begins_with_record, decode, digest};
use crate::digest::Digest;
use crate::platform::protocol::Record;
use std::io::{self, BufRead, Read as _};
use std::path::Path;

/// The end of a chain: what the next record follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record; 0 for none.
    pub seq: u64,
    /// The digest of its line; of `""` for none.
    pub digest: Digest,
}

/// What a chain amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// The last one.
    pub head: Head,
    /// The bytes of sound records.
    pub bytes: u64,
    /// The bytes of a torn tail behind them; 0 for none.
    pub torn_bytes: u64,
}

/// Why a chain could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A record is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The bytes could not be had.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Records out of bytes.
pub(super) struct Chain<R> {
    reader: R,
    line: Vec<u8>,
    pub(super) head: Head,
    pub(super) offset: u64,
}

/// What the next line was.
pub(super) enum Next {
    Record(Box<Record>),
    Torn,
    End,
}

impl Head {
    /// The head of an empty chain.
    pub fn start() -> Head {
        Head { seq: 0, digest: Digest::of(b"") }
    }
}

impl ChainError {
    pub(super) fn of(self, path: &Path) -> JournalError {
        match self {
            ChainError::Damage(damage) => JournalError::Damaged { path: path.to_owned(), damage },
            ChainError::Io(source) => JournalError::Io { path: path.to_owned(), doing: "read", source },
        }
    }
}

impl<R: BufRead> Chain<R> {
    pub(super) fn new(reader: R, head: Head, offset: u64) -> Chain<R> {
        Chain { reader, line: Vec::new(), head, offset }
    }

    /// Reads and checks the next line. After [`Next::Torn`] and [`Next::End`] there is nothing more to read.
    pub(super) fn next(&mut self) -> Result<Next, ChainError> {
        self.line.clear();
        let read = self.reader.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(Next::End);
        }
        let Some(line) = self.line.strip_suffix(b"\n") else {
            return if read < LINE_BYTES_MAX { self.torn() } else { Err(self.damage(Fault::TooLong)) };
        };
        let record = match decode(line) {
            Ok(record) => record,
            Err(Fault::Crc) if self.reader.fill_buf()?.is_empty() => return self.torn(),
            Err(fault) => return Err(self.damage(fault)),
        };
        if record.seq != self.head.seq + 1 {
            return Err(self.damage(Fault::Seq { found: record.seq }));
        }
        if record.prev != self.head.digest {
            return Err(self.damage(Fault::Chain));
        }
        self.head = Head { seq: record.seq, digest: digest(line) };
        self.offset += read as u64;
        Ok(Next::Record(Box::new(record)))
    }

    fn torn(&self) -> Result<Next, ChainError> {
        if begins_with_record(&self.line) { Err(self.damage(Fault::Crc)) } else { Ok(Next::Torn) }
    }

    fn damage(&self, fault: Fault) -> ChainError {
        let seq = self.head.seq + 1;
        Damage { seq, line: seq, offset: self.offset, fault }.into()
    }
}

/// Checks a whole chain, and shows each record with the place where its line begins.
///
/// # Errors
/// The first damaged record, or what could not be read.
pub fn verify_reader(
    reader: impl BufRead,
    mut each: impl FnMut(&Record, u64),
) -> Result<Verified, ChainError> {
    let mut chain = Chain::new(reader, Head::start(), 0);
    let mut torn_bytes = 0;
    loop {
        let offset = chain.offset;
        match chain.next()? {
            Next::Record(record) => each(&record, offset),
            Next::Torn => torn_bytes = chain.line.len() as u64,
            Next::End => break,
        }
        if torn_bytes > 0 {
            break;
        }
    }
    Ok(Verified { records: chain.head.seq, head: chain.head, bytes: chain.offset, torn_bytes })
}
