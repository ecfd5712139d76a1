//! Values that nobody asked for: checked, and nothing of them kept.

use super::{Json, Limit, Malformed, plain_whole};
use std::io::{BufRead as _, Read};

/// Lists and objects inside of each other.
const DEPTH_MAX: usize = 128;

impl<R: Read> Json<R> {
    /// Takes any value, however long, and keeps nothing of it.
    ///
    /// # Errors
    /// What is no value, or nested deeper than 128 lists.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        self.input.piece(Limit::None);
        self.skip_value()?;
        self.input.piece(Limit::Piece);
        Ok(())
    }

    fn skip_value(&mut self) -> Result<(), Malformed> {
        // What ends each list and object that is open.
        let mut open = Vec::new();
        loop {
            let ends = match self.next()? {
                b'{' => Some(b'}'),
                b'[' => Some(b']'),
                _ => None,
            };
            match ends {
                None => self.skip_scalar()?,
                Some(_) if open.len() == DEPTH_MAX => {
                    return Err(self.wrong(format!("more than {DEPTH_MAX} lists inside of each other")));
                }
                Some(end) => {
                    self.input.consume(1);
                    if !self.takes(end)? {
                        open.push(end);
                        self.skip_key(end)?;
                        continue;
                    }
                }
            }
            loop {
                let Some(end) = open.last().copied() else { return Ok(()) };
                if self.takes(b',')? {
                    self.skip_key(end)?;
                    break;
                }
                self.expect(end)?;
                open.pop();
            }
        }
    }

    /// In an object, a value has a key.
    fn skip_key(&mut self, end: u8) -> Result<(), Malformed> {
        if end == b'}' {
            self.raw_string(|_| ())?;
            self.expect(b':')?;
        }
        Ok(())
    }

    #[inline]
    fn skip_scalar(&mut self) -> Result<(), Malformed> {
        // Most of an export are numbers of regions.
        match self.quick(plain_whole) {
            Some(_) => Ok(()),
            None => self.skip_other(),
        }
    }

    fn skip_other(&mut self) -> Result<(), Malformed> {
        match self.next()? {
            b'"' => self.raw_string(|_| ()),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.skip_number(),
        }
    }

    fn skip_number(&mut self) -> Result<(), Malformed> {
        if self.look()? == Some(b'-') {
            self.input.consume(1);
        }
        let zero = self.look()? == Some(b'0');
        let whole = self.skip_digits()?;
        let mut right = whole > 0 && (whole == 1 || !zero);
        if self.look()? == Some(b'.') {
            self.input.consume(1);
            right &= self.skip_digits()? > 0;
        }
        if matches!(self.look()?, Some(b'e' | b'E')) {
            self.input.consume(1);
            if matches!(self.look()?, Some(b'+' | b'-')) {
                self.input.consume(1);
            }
            right &= self.skip_digits()? > 0;
        }
        if right { Ok(()) } else { Err(self.wrong("a value is expected here")) }
    }

    fn skip_digits(&mut self) -> Result<usize, Malformed> {
        let mut length = 0;
        loop {
            let here = self.here()?;
            let digits = here.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let ended = digits < here.len() || here.is_empty();
            self.input.consume(digits);
            length += digits;
            if ended {
                return Ok(length);
            }
        }
    }
}
