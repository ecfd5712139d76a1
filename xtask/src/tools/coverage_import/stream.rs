//! Reading a stream of unknown origin: lines and elements with a longest length, and the line where something is wrong.

use std::fmt;
use std::io::{BufRead, Read};

/// The longest line of LCOV, and the longest element or string of XML and JSON. Mangled C++ names have some 10,000 bytes.
pub const PIECE_BYTES_MAX: usize = 1 << 20;
/// Bytes that a watched stream reads at a time.
const WATCHED_BYTES: usize = 64 * 1024;

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

/// The number at the start, and what follows; one that is too large is the largest.
pub(super) fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut sum, mut rest) = (0u64, text);
    while let Some((digit @ b'0'..=b'9', behind)) = rest.split_first() {
        sum = sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        rest = behind;
    }
    (rest.len() < text.len()).then_some((sum, rest))
}

/// A stream that knows its line, and that ends with an error where a parser takes too much at once.
///
/// It has a buffer of its own and counts line ends in it once, when all of it is taken or when somebody asks: a parser takes a
/// few bytes at a time.
pub struct Watched<R> {
    inner: R,
    buffer: Box<[u8]>,
    /// Bytes in the buffer.
    filled: usize,
    /// Those of them that are taken.
    at: usize,
    /// Line ends before the buffer.
    ends: u64,
    /// Where the piece began.
    began: Began,
    /// Bytes since [`Watched::piece`].
    taken: usize,
    /// Whether `taken` is limited.
    limit: Limit,
}

/// Where a piece began.
#[derive(Clone, Copy)]
enum Began {
    /// In the buffer.
    At(usize),
    /// Before the buffer, on this line.
    Line(u64),
}

/// Whether a parser may take as much as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most [`PIECE_BYTES_MAX`] bytes before the next piece begins: the parser keeps them.
    Piece,
    /// Any number: the parser skips them.
    None,
}

impl<R: Read> Watched<R> {
    /// Watches a stream.
    pub fn new(inner: R) -> Watched<R> {
        let buffer = vec![0; WATCHED_BYTES].into_boxed_slice();
        Watched {
            inner,
            buffer,
            filled: 0,
            at: 0,
            ends: 0,
            began: Began::At(0),
            taken: 0,
            limit: Limit::Piece,
        }
    }

    /// The current line, from 1.
    pub fn line(&self) -> u64 {
        self.line_at(self.at)
    }

    /// The line where the piece began.
    pub fn piece_line(&self) -> u64 {
        match self.began {
            Began::At(at) => self.line_at(at),
            Began::Line(line) => line,
        }
    }

    fn line_at(&self, at: usize) -> u64 {
        let before = self.buffer.get(..at).unwrap_or_default();
        self.ends + memchr::memchr_iter(b'\n', before).count() as u64 + 1
    }

    /// The next piece begins.
    pub fn piece(&mut self, limit: Limit) {
        self.taken = 0;
        self.limit = limit;
        self.began = Began::At(self.at);
    }

    /// What is here already and not taken yet.
    #[inline]
    pub fn here(&self) -> &[u8] {
        self.buffer.get(self.at..self.filled).unwrap_or_default()
    }

    /// Has bytes in the buffer, unless the stream is at its end.
    #[inline]
    fn fill(&mut self) -> std::io::Result<()> {
        if self.at < self.filled { Ok(()) } else { self.refill() }
    }

    /// The limit is looked at here only: what lies in the buffer is kept already.
    #[inline(never)]
    fn refill(&mut self) -> std::io::Result<()> {
        if self.limit == Limit::Piece && self.taken > PIECE_BYTES_MAX {
            return Err(std::io::Error::other(format!("a piece of more than {PIECE_BYTES_MAX} bytes")));
        }
        self.began = Began::Line(self.piece_line());
        self.ends = self.line() - 1;
        (self.at, self.filled) = (0, 0);
        self.filled = self.inner.read(&mut self.buffer)?;
        Ok(())
    }
}

impl<R: Read> Read for Watched<R> {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.fill()?;
        let length = self.here().len().min(into.len());
        match (into, self.here()) {
            ([only], [first, ..]) => *only = *first,
            (into, here) => into[..length].copy_from_slice(&here[..length]),
        }
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for Watched<R> {
    #[inline]
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.fill()?;
        Ok(self.here())
    }

    #[inline]
    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.filled - self.at);
        self.at += amount;
        self.taken = self.taken.saturating_add(amount);
    }
}
