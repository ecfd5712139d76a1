//! Reading what a child writes without trusting its length.

use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// Calls `each` with every piece between separators, without the separator. A piece longer than `limit` is cut there.
///
/// # Errors
/// Where the stream cannot be read.
pub(crate) async fn for_each_piece(
    mut stream: impl AsyncRead + Unpin,
    separators: &[u8],
    limit: usize,
    mut each: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut piece = Vec::new();
    loop {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            break;
        }
        for byte in &chunk[..read] {
            if separators.contains(byte) {
                each(&piece);
                piece.clear();
            } else if piece.len() < limit {
                piece.push(*byte);
            }
        }
    }
    if !piece.is_empty() {
        each(&piece);
    }
    Ok(())
}

/// A line that would be cut is left out whole, so that
/// no half of a secret stays, which nobody would know for one; where it is longer than this, so many bytes of it.
const CUT_LINE_BYTES_MAX: usize = 4 * 1024;

/// The head and the tail of a stream; what is between is counted and dropped.
#[derive(Debug)]
pub(crate) struct HeadAndTail {
    end_bytes_max: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
}

impl HeadAndTail {
    /// Bytes kept of each end of what one test prints.
    pub(crate) const END_BYTES_MAX: usize = 64 * 1024;

    /// Keeps this many bytes of each end.
    pub(crate) fn keeping(end_bytes_max: usize) -> HeadAndTail {
        HeadAndTail { end_bytes_max, head: Vec::new(), tail: VecDeque::new(), dropped: 0 }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.end_bytes_max.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.end_bytes_max);
        self.tail.drain(..surplus);
        self.dropped += surplus as u64;
    }

    /// What was kept, as text, with a line in the gap that says how much is missing.
    pub(crate) fn text(&self) -> String {
        let mut bytes = self.head.clone();
        let mut tail: Vec<u8> = self.tail.iter().copied().collect();
        if self.dropped > 0 {
            let half = bytes.iter().rev().take(CUT_LINE_BYTES_MAX).take_while(|byte| **byte != b'\n').count();
            bytes.truncate(bytes.len() - half);
            let rest = tail.iter().take(CUT_LINE_BYTES_MAX).take_while(|byte| **byte != b'\n').count();
            tail.drain(..rest);
            let dropped = self.dropped + (half + rest) as u64;
            let line = if bytes.ends_with(b"\n") { "" } else { "\n" };
            bytes.extend_from_slice(format!("{line}[… {dropped} bytes left out …]").as_bytes());
            if !tail.starts_with(b"\n") {
                bytes.push(b'\n');
            }
        }
        bytes.extend(tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Default for HeadAndTail {
    fn default() -> Self {
        HeadAndTail::keeping(Self::END_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(input: &[u8], limit: usize) -> Vec<String> {
        let mut found = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime
            .block_on(for_each_piece(input, b"\r\n", limit, |piece| {
                found.push(String::from_utf8_lossy(piece).into_owned());
            }))
            .unwrap();
        found
    }

    #[test]
    fn pieces_end_at_either_separator_and_are_cut() {
        assert_eq!(pieces(b"ab\rc\n\nlast", 10), ["ab", "c", "", "last"]);
        assert_eq!(pieces(b"abcdef\nx", 3), ["abc", "x"]);
        assert_eq!(pieces(b"", 3), [""; 0]);
    }

    #[test]
    fn a_line_that_is_cut_is_left_out_whole() {
        let mut kept = HeadAndTail::keeping(8);
        kept.push(b"one\nsecret-that-is-long\nlast\n");
        assert_eq!(kept.text(), "one\n[… 19 bytes left out …]\nlast\n");
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_both_ends_are_kept(sizes in prop::collection::vec(0usize..50_000, 0..12)) {
            let mut kept = HeadAndTail::default();
            let mut all = Vec::new();
            for (index, size) in sizes.iter().enumerate() {
                let bytes = vec![b'a' + u8::try_from(index % 26).unwrap(); *size];
                kept.push(&bytes);
                all.extend(bytes);
            }
            let text = kept.text();
            prop_assert!(text.len() <= 2 * HeadAndTail::END_BYTES_MAX + 64);
            let end = all.len().min(HeadAndTail::END_BYTES_MAX - CUT_LINE_BYTES_MAX);
            prop_assert!(text.as_bytes().starts_with(&all[..end]));
            prop_assert!(text.as_bytes().ends_with(&all[all.len() - end..]));
            if all.len() <= 2 * HeadAndTail::END_BYTES_MAX {
                prop_assert_eq!(text.as_bytes(), &all[..]);
            }
        }
    }
}
