//! Digests and counts bytes that pass by.

use crate::digest::{Digest, Hasher};
use std::io::{self, Read, Write};

/// Counts and digests what is written through it.
pub(crate) struct Counted<W> {
    inner: W,
    hasher: Hasher,
    bytes: u64,
}

/// The digest and the number of bytes up to the end.
pub(crate) fn digest(mut bytes: impl Read) -> io::Result<(Digest, u64)> {
    let mut counted = Counted::new(io::sink());
    io::copy(&mut bytes, &mut counted)?;
    let (_, digest, bytes) = counted.finish();
    Ok((digest, bytes))
}

impl<W> Counted<W> {
    pub(crate) fn new(inner: W) -> Counted<W> {
        Counted { inner, hasher: Hasher::default(), bytes: 0 }
    }

    /// What is underneath, the digest, and the number of bytes.
    pub(crate) fn finish(self) -> (W, Digest, u64) {
        (self.inner, self.hasher.finish(), self.bytes)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
