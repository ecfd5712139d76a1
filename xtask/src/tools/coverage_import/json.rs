//! JSON of unknown origin (RFC 8259), read once from the front: nothing is kept but what is asked for.
//!
//! `serde_json` asks a stream for one byte at a time, and takes whole texts faster only when all of them are in memory. Here
//! everything is looked at where the stream's buffer holds it, and only what the buffer cuts is put together. What is skipped
//! is checked as `serde_json` would: a test compares them. Left out: numbers that are not whole, of which we need none.

mod skip;

use super::stream::{Limit, Malformed, Watched, digits};
use std::io::{BufRead as _, Read};

/// Digits of the longest number that is kept as text.
const NUMBER_BYTES_MAX: usize = 64;

/// What is left of a text.
pub struct Json<R> {
    input: Watched<R>,
}

impl<R: Read> Json<R> {
    /// All of it.
    pub fn new(inner: R) -> Json<R> {
        Json { input: Watched::new(inner) }
    }

    /// Something wrong where the reader stands.
    pub fn wrong(&self, what: impl Into<String>) -> Malformed {
        Malformed::new(self.input.line(), what)
    }

    /// An object: `each` is called with every key and takes the value.
    ///
    /// # Errors
    /// What is no object; what `each` says.
    pub fn object(
        &mut self,
        mut each: impl FnMut(&mut Json<R>, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.expect(b'{')?;
        if self.takes(b'}')? {
            return Ok(());
        }
        loop {
            self.input.piece(Limit::Piece);
            let key = self.string()?;
            self.expect(b':')?;
            each(self, &key)?;
            if !self.takes(b',')? {
                return self.expect(b'}');
            }
        }
    }

    /// A list: `each` takes every element.
    ///
    /// # Errors
    /// What is no list; what `each` says.
    pub fn list(
        &mut self,
        mut each: impl FnMut(&mut Json<R>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.expect(b'[')?;
        if self.takes(b']')? {
            return Ok(());
        }
        loop {
            self.input.piece(Limit::Piece);
            each(self)?;
            if !self.takes(b',')? {
                return self.expect(b']');
            }
        }
    }

    /// A string.
    ///
    /// # Errors
    /// What is none, or longer than a piece may be.
    pub fn string(&mut self) -> Result<String, Malformed> {
        let mut raw = vec![b'"'];
        self.raw_string(|part| raw.extend_from_slice(part))?;
        raw.push(b'"');
        serde_json::from_slice(&raw).map_err(|_| self.wrong("a string that is no Unicode"))
    }

    /// A string of which only the beginning is kept, however long it is.
    ///
    /// # Errors
    /// What is none.
    pub fn cut_string(&mut self, bytes_max: usize) -> Result<String, Malformed> {
        let (mut raw, mut cut) = (vec![b'"'], false);
        self.input.piece(Limit::None);
        self.raw_string(|part| {
            let room = (bytes_max + 1).saturating_sub(raw.len()).min(part.len());
            raw.extend_from_slice(&part[..room]);
            cut |= room < part.len();
        })?;
        self.input.piece(Limit::Piece);
        // What is cut may end within a letter or an escape: those of a pair of surrogates are 12 bytes.
        for _ in 0..=if cut { 12 } else { 0 } {
            let text = serde_json::from_slice(&[&raw, &b"\""[..]].concat());
            if let Ok(text) = text {
                return Ok(text);
            }
            raw.truncate(raw.len().saturating_sub(1).max(1));
        }
        Err(self.wrong("a string that is no Unicode"))
    }

    /// The text of a string, of which only the beginning is kept, or of a number; any other value is skipped.
    ///
    /// # Errors
    /// What is no value.
    pub fn scalar(&mut self, bytes_max: usize) -> Result<Option<String>, Malformed> {
        match self.next()? {
            b'"' => self.cut_string(bytes_max).map(Some),
            b'-' | b'0'..=b'9' => self.number().map(Some),
            _ => self.skip().map(|()| None),
        }
    }

    /// A number as it is written.
    fn number(&mut self) -> Result<String, Malformed> {
        let mut text = String::new();
        while let Some(byte @ (b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) = self.look()? {
            if text.len() == NUMBER_BYTES_MAX {
                return Err(self.wrong("a number of more digits than any number needs"));
            }
            text.push(char::from(byte));
            self.input.consume(1);
        }
        match serde_json::from_str::<serde_json::Number>(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(self.wrong("a value is expected here")),
        }
    }

    /// The first character of the next value, behind white space; it is not taken.
    ///
    /// # Errors
    /// Where the text ends.
    pub fn peek(&mut self) -> Result<u8, Malformed> {
        self.next()
    }

    /// Whether anything but white space follows.
    ///
    /// # Errors
    /// What the stream says.
    pub fn more(&mut self) -> Result<bool, Malformed> {
        Ok(self.behind_space()?.is_some())
    }

    /// A whole number that is not negative; one that is too large is the largest.
    ///
    /// # Errors
    /// What is none.
    pub fn whole(&mut self) -> Result<u64, Malformed> {
        match self.quick(plain_whole) {
            Some(value) => Ok(value),
            None => self.any_whole(),
        }
    }

    /// What a reader makes of the text that is in the buffer, and the rest behind it. `None` where it makes nothing of it: then
    /// nothing is taken.
    #[inline]
    pub fn quick<T>(&mut self, read: impl FnOnce(&[u8]) -> Option<(T, &[u8])>) -> Option<T> {
        let here = self.input.here();
        let (value, rest) = read(here)?;
        let taken = here.len() - rest.len();
        self.input.consume(taken);
        Some(value)
    }

    /// Behind white space, or cut by the buffer.
    fn any_whole(&mut self) -> Result<u64, Malformed> {
        let first = self.next()?;
        let (mut value, mut length) = (0u64, 0);
        let behind = loop {
            let here = self.here()?;
            let digits = here.iter().take_while(|byte| byte.is_ascii_digit()).count();
            for digit in &here[..digits] {
                value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            }
            let behind = here.get(digits).copied();
            let at_end = here.is_empty();
            self.input.consume(digits);
            length += digits;
            if behind.is_some() || at_end {
                break behind;
            }
        };
        let zeros = first == b'0' && length > 1;
        if length == 0 || zeros || matches!(behind, Some(b'.' | b'e' | b'E')) {
            return Err(self.wrong("a whole number is expected here"));
        }
        Ok(value)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// What is neither.
    pub fn truth(&mut self) -> Result<bool, Malformed> {
        if let Some(truth) = self.quick(plain_truth) {
            return Ok(truth);
        }
        let truth = self.next()? == b't';
        self.word(if truth { "true" } else { "false" })?;
        Ok(truth)
    }

    /// Takes this character, behind white space.
    ///
    /// # Errors
    /// Where another stands there.
    #[inline]
    pub fn expect(&mut self, expected: u8) -> Result<(), Malformed> {
        if self.input.here().first() == Some(&expected) {
            self.input.consume(1);
            return Ok(());
        }
        self.expect_behind_space(expected)
    }

    fn expect_behind_space(&mut self, expected: u8) -> Result<(), Malformed> {
        let found = self.next()?;
        if found != expected {
            let found = char::from(found).escape_debug();
            return Err(self.wrong(format!("`{}` is expected here, not `{found}`", char::from(expected))));
        }
        self.input.consume(1);
        Ok(())
    }

    /// Nothing but white space follows.
    ///
    /// # Errors
    /// Where something does.
    pub fn end(&mut self) -> Result<(), Malformed> {
        match self.behind_space()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("text behind the end")),
        }
    }

    /// A string as it is written, part by part, without its quotes.
    fn raw_string(&mut self, mut keep: impl FnMut(&[u8])) -> Result<(), Malformed> {
        self.expect(b'"')?;
        loop {
            let here = self.here()?;
            let end = memchr::memchr2(b'"', b'\\', here);
            let (part, stop) = here.split_at(end.unwrap_or(here.len()));
            keep(part);
            let (length, stop) = (part.len(), stop.first().copied());
            let (control, nothing) = (part.iter().any(|byte| *byte < 0x20), here.is_empty());
            self.input.consume(length + usize::from(stop.is_some()));
            match stop {
                _ if control => return Err(self.wrong("a control character in a string")),
                None if nothing => return Err(self.ended()),
                None => {}
                Some(b'"') => return Ok(()),
                Some(_) => self.escape(&mut keep)?,
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self, keep: &mut impl FnMut(&[u8])) -> Result<(), Malformed> {
        let mut left = 1;
        keep(b"\\");
        while left > 0 {
            let Some(byte) = self.look()? else { return Err(self.ended()) };
            left = match (left, byte) {
                (1, b'u') => 5,
                (1, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
                (2, digit) if digit.is_ascii_hexdigit() => 0,
                (3.., digit) if digit.is_ascii_hexdigit() => left - 1,
                _ => return Err(self.wrong("an escape that JSON does not have")),
            };
            keep(&[byte]);
            self.input.consume(1);
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        if self.input.here().starts_with(word.as_bytes()) {
            self.input.consume(word.len());
            return Ok(());
        }
        for letter in word.bytes() {
            if self.look()? != Some(letter) {
                return Err(self.wrong(format!("`{word}` is expected here")));
            }
            self.input.consume(1);
        }
        Ok(())
    }

    /// Takes this character, behind white space, where it stands there.
    #[inline]
    fn takes(&mut self, wanted: u8) -> Result<bool, Malformed> {
        let stands = self.next()? == wanted;
        if stands {
            self.input.consume(1);
        }
        Ok(stands)
    }

    /// The next character behind white space, which is not taken.
    #[inline]
    fn next(&mut self) -> Result<u8, Malformed> {
        match self.input.here().first() {
            Some(byte) if !is_space(*byte) => Ok(*byte),
            _ => self.next_behind_space(),
        }
    }

    fn next_behind_space(&mut self) -> Result<u8, Malformed> {
        match self.behind_space()? {
            Some(byte) => Ok(byte),
            None => Err(self.ended()),
        }
    }

    fn behind_space(&mut self) -> Result<Option<u8>, Malformed> {
        loop {
            match self.look()? {
                Some(byte) if is_space(byte) => self.input.consume(1),
                other => return Ok(other),
            }
        }
    }

    #[inline]
    fn look(&mut self) -> Result<Option<u8>, Malformed> {
        match self.input.here().first() {
            Some(byte) => Ok(Some(*byte)),
            None => Ok(self.here()?.first().copied()),
        }
    }

    /// What is in the buffer; nothing at the end only.
    #[inline]
    fn here(&mut self) -> Result<&[u8], Malformed> {
        if self.input.here().is_empty() {
            self.refill()?;
        }
        Ok(self.input.here())
    }

    #[cold]
    fn refill(&mut self) -> Result<(), Malformed> {
        let error = self.input.fill_buf().err();
        error.map_or(Ok(()), |error| Err(self.wrong(error.to_string())))
    }

    fn ended(&self) -> Malformed {
        self.wrong("the text ends too early")
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

/// A whole number that ends here, and what follows.
#[inline]
pub(super) fn plain_whole(text: &[u8]) -> Option<(u64, &[u8])> {
    let (value, rest) = digits(text)?;
    let zeros = text[0] == b'0' && text.len() - rest.len() > 1;
    let ends = !matches!(rest.first(), None | Some(b'.' | b'e' | b'E'));
    (ends && !zeros).then_some((value, rest))
}

/// `true` or `false`, and what follows.
#[inline]
pub(super) fn plain_truth(text: &[u8]) -> Option<(bool, &[u8])> {
    let yes = text.strip_prefix(b"true").map(|rest| (true, rest));
    yes.or_else(|| text.strip_prefix(b"false").map(|rest| (false, rest)))
}

#[cfg(test)]
mod proof;
