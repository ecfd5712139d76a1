//! Blobs on their way: in pieces, a few at a time, digested as they pass.
//!
//! The last piece is held back until digest and length are those of the descriptor. So a blob that is damaged at its source never
//! becomes whole at its destination, and memory is a few pieces whatever the blob's size.

use super::client::Trouble;
use super::limits::{PIECE_BYTES, PIECES_MAX};
use super::wire::Body;
use crate::digest::{Digest, Hasher};
use crate::oci::manifest::Descriptor;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// A blob that is being read.
pub(super) struct Pieces {
    pieces: Receiver<io::Result<Bytes>>,
    left: u64,
    /// Why it ends early, where its source is at fault.
    pub(super) fault: Arc<OnceLock<Trouble>>,
}

/// Checks what passes, and holds the last piece back.
struct Checked {
    to: Sender<io::Result<Bytes>>,
    fault: Arc<OnceLock<Trouble>>,
    hasher: Hasher,
    seen: u64,
    held: Option<Bytes>,
    expected: Descriptor,
    from: String,
}

/// A body of bytes that are in memory.
pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

impl Pieces {
    fn new(expected: &Descriptor, from: &str) -> (Checked, Pieces) {
        let (to, pieces) = mpsc::channel(PIECES_MAX);
        let fault = Arc::new(OnceLock::new());
        let checked = Checked {
            to,
            fault: fault.clone(),
            hasher: Hasher::default(),
            seen: 0,
            held: None,
            expected: expected.clone(),
            from: from.to_owned(),
        };
        (checked, Pieces { pieces, left: expected.size, fault })
    }

    /// The pieces of a file.
    pub(super) fn of_file(mut file: File, expected: &Descriptor, from: &str) -> Pieces {
        let (mut checked, pieces) = Pieces::new(expected, from);
        tokio::task::spawn_blocking(move || {
            let handle = tokio::runtime::Handle::current();
            loop {
                let mut buffer = vec![0; PIECE_BYTES];
                match file.read(&mut buffer) {
                    Ok(0) => return handle.block_on(checked.end()),
                    Ok(count) => {
                        buffer.truncate(count);
                        if !handle.block_on(checked.piece(buffer.into())) {
                            return;
                        }
                    }
                    Err(error) => {
                        let trouble =
                            Trouble::Local(format!("failed to read a blob of {}: {error}", checked.from));
                        return handle.block_on(checked.fail(trouble));
                    }
                }
            }
        });
        pieces
    }

    /// The pieces of a reply. Where it breaks off, the source is not at fault: it may be asked again.
    pub(super) fn of_reply(mut reply: Incoming, expected: &Descriptor, from: &str) -> Pieces {
        let (mut checked, pieces) = Pieces::new(expected, from);
        tokio::spawn(async move {
            loop {
                match reply.frame().await {
                    None if checked.is_short() => return checked.cut("it ended early").await,
                    None => return checked.end().await,
                    Some(Ok(frame)) => {
                        if let Ok(bytes) = frame.into_data()
                            && !checked.piece(bytes).await
                        {
                            return;
                        }
                    }
                    Some(Err(error)) => return checked.cut(&error.to_string()).await,
                }
            }
        });
        pieces
    }

    /// The next piece; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        self.pieces.recv().await
    }

    /// As the body of a request.
    pub(super) fn body(self) -> Body {
        self.boxed()
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = std::task::ready!(self.pieces.poll_recv(cx));
        if let Some(Ok(bytes)) = &piece {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Checked {
    fn is_short(&self) -> bool {
        self.seen < self.expected.size
    }

    /// Takes a piece and passes on the one before it. Whether to go on.
    async fn piece(&mut self, bytes: Bytes) -> bool {
        self.seen += bytes.len() as u64;
        if self.seen > self.expected.size {
            let why = format!("it has more than the {} bytes that it should have", self.expected.size);
            self.wrong(why).await;
            return false;
        }
        self.hasher.update(&bytes);
        match self.held.replace(bytes) {
            Some(before) => self.to.send(Ok(before)).await.is_ok(),
            None => true,
        }
    }

    async fn end(&mut self) {
        let found: Digest = std::mem::take(&mut self.hasher).finish();
        if self.is_short() {
            self.wrong(format!("it has {} bytes and not {}", self.seen, self.expected.size)).await;
        } else if found != self.expected.digest {
            self.wrong(format!("its digest is {found}")).await;
        } else if let Some(last) = self.held.take() {
            // The reader may have gone; then nobody misses it.
            let _ = self.to.send(Ok(last)).await;
        }
    }

    async fn wrong(&mut self, why: String) {
        let (what, from) = (format!("the blob {}", self.expected.digest), self.from.clone());
        self.fail(Trouble::Refused { what, from, why }).await;
    }

    async fn fail(&mut self, trouble: Trouble) {
        let said = trouble.to_string();
        let _ = self.fault.set(trouble);
        self.cut(&said).await;
    }

    async fn cut(&mut self, why: &str) {
        let _ = self.to.send(Err(io::Error::other(why.to_owned()))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Blob;

    async fn read(content: &[u8], size: u64, digest: Digest) -> (Vec<u8>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        std::fs::write(&path, content).unwrap();
        let blob = Blob { bytes: vec![], digest };
        let expected = Descriptor { size, ..Descriptor::of("x", &blob) };
        let mut pieces = Pieces::of_file(File::open(&path).unwrap(), &expected, "here");
        let mut all = Vec::new();
        while let Some(Ok(piece)) = pieces.next().await {
            all.extend(piece);
        }
        (all, pieces.fault.get().map(ToString::to_string))
    }

    #[tokio::test]
    async fn what_is_damaged_never_becomes_whole() {
        let content: Vec<u8> = (0..PIECE_BYTES * 3 + 7).map(|at| at.to_le_bytes()[0]).collect();
        let size = content.len() as u64;
        assert_eq!(read(&content, size, Digest::of(&content)).await, (content.clone(), None));
        for (size, digest, why) in [
            (size, Digest::of(b"other"), "its digest is"),
            (size + 1, Digest::of(&content), "bytes and not"),
            (size - 1, Digest::of(&content), "more than"),
        ] {
            let (all, fault) = read(&content, size, digest).await;
            assert!((all.len() as u64) < size, "{} of {size}", all.len());
            assert!(fault.as_deref().is_some_and(|fault| fault.contains(why)), "{fault:?}");
        }
        assert_eq!(read(b"", 0, Digest::of(b"")).await, (vec![], None));
    }
}
