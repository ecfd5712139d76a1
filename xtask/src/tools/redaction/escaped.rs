//! A text as it was before it was quoted, as `{:?}` and JSON do, with the way back to each byte of what was printed.

use std::ops::Range;

/// The text without its escapes.
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    /// Where each byte stands in what was printed; at the end its length.
    places: Vec<usize>,
}

impl Plain {
    /// Where a part of it stands in what was printed.
    pub(super) fn place(&self, span: &Range<usize>) -> Range<usize> {
        self.places[span.start]..self.places[span.end]
    }
}

/// `None` where nothing in the text is escaped: then it is its own.
pub(super) fn plain(text: &[u8]) -> Option<Plain> {
    memchr::memchr(b'\\', text)?;
    let (mut bytes, mut places, mut at) = (Vec::with_capacity(text.len()), Vec::new(), 0);
    let mut changed = false;
    while let Some(byte) = text.get(at) {
        let meant = match (byte, text.get(at + 1)) {
            (b'\\', Some(b'n')) => Some(b'\n'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            (b'\\', Some(b't')) => Some(b'\t'),
            (b'\\', Some(mark @ (b'"' | b'\'' | b'\\' | b'/'))) => Some(*mark),
            _ => None,
        };
        places.push(at);
        bytes.push(meant.unwrap_or(*byte));
        at += if meant.is_some() { 2 } else { 1 };
        changed |= meant.is_some();
    }
    places.push(text.len());
    changed.then_some(Plain { bytes, places })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_without_escapes_is_its_own() {
        assert!(plain(b"a \n b").is_none() && plain(br"C:\x").is_none() && plain(b"").is_none());
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_found_where_it_was_printed(before in "[a-z\\n]{0,9}", part in "[a-z\\n\"\\\\\t]{1,9}", after in "[a-z\\n]{0,9}") {
            let printed = format!("{:?}", format!("{before}\n{part}{after}"));
            let plain = plain(printed.as_bytes()).unwrap();
            // A quote more at the start, the same bytes after it.
            let start = 1 + before.len() + 1;
            let span = start..start + part.len();
            prop_assert_eq!(&plain.bytes[span.clone()], part.as_bytes());
            let quoted = format!("{part:?}");
            prop_assert_eq!(&printed[plain.place(&span)], &quoted[1..quoted.len() - 1]);
        }
    }
}
