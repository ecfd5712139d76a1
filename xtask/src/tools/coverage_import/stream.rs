//! Reading a stream of unknown origin: lines and elements with a longest length, and the line where something is wrong.

use std::fmt;
use std::io::{BufRead, Read};

/// The longest line of LCOV, and the longest element or string of XML and JSON. Mangled C++ names have some 10,000 bytes.
pub const PIECE_BYTES_MAX: usize = 1 << 20;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl Malformed {
    /// Something wrong at a line.
    pub fn new(line: u64, what: impl Into<String>) -> Malformed {
        Malformed { line, what: what.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

impl std::error::Error for Malformed {}

/// Calls `each` with every line, without its end, and its number. Only a line that the buffer cuts is copied.
///
/// # Errors
/// What `each` says; a line that is too long; what the stream says.
pub fn for_each_line(
    mut input: impl BufRead,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let (mut number, mut cut) = (0u64, Vec::new());
    loop {
        let chunk = input.fill_buf().map_err(|error| Malformed::new(number + 1, error.to_string()))?;
        if chunk.is_empty() {
            return if cut.is_empty() { Ok(()) } else { each(number + 1, without_return(&cut)) };
        }
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            number += 1;
            let (line, behind) = rest.split_at(end);
            if cut.is_empty() {
                each(number, without_return(line))?;
            } else {
                cut.extend_from_slice(line);
                each(number, without_return(&cut))?;
                cut.clear();
            }
            rest = behind.get(1..).unwrap_or_default();
        }
        cut.extend_from_slice(rest);
        if cut.len() > PIECE_BYTES_MAX {
            return Err(Malformed::new(number + 1, format!("a line of more than {PIECE_BYTES_MAX} bytes")));
        }
        let length = chunk.len();
        input.consume(length);
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A stream that knows its line, and that ends with an error where a parser takes too much at once.
pub struct Watched<R> {
    inner: R,
    /// Line ends so far.
    ends: u64,
    /// Bytes since [`Watched::piece`].
    taken: usize,
    /// Whether `taken` is limited.
    limit: Limit,
}

/// Whether a parser may take as much as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most [`PIECE_BYTES_MAX`] bytes before the next piece begins: the parser keeps them.
    Piece,
    /// Any number: the parser skips them.
    None,
}

impl<R: BufRead> Watched<R> {
    /// Watches a stream.
    pub fn new(inner: R) -> Watched<R> {
        Watched { inner, ends: 0, taken: 0, limit: Limit::Piece }
    }

    /// The current line, from 1.
    pub fn line(&self) -> u64 {
        self.ends + 1
    }

    /// The next piece begins.
    pub fn piece(&mut self, limit: Limit) {
        self.taken = 0;
        self.limit = limit;
    }

    fn check(&self) -> std::io::Result<()> {
        if self.limit == Limit::Piece && self.taken > PIECE_BYTES_MAX {
            return Err(std::io::Error::other(format!("a piece of more than {PIECE_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.check()?;
        let read = self.inner.read(into)?;
        let bytes = into.get(..read).unwrap_or_default();
        self.taken = self.taken.saturating_add(read);
        self.ends += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Watched<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(chunk) = self.inner.fill_buf() {
            let taken = chunk.get(..amount).unwrap_or(chunk);
            self.taken = self.taken.saturating_add(taken.len());
            self.ends += memchr::memchr_iter(b'\n', taken).count() as u64;
        }
        self.inner.consume(amount);
    }
}
