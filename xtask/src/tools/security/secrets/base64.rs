//! Base64 inside files: runs of its characters whose bytes are text, so that what is hidden in a `Secret` of Kubernetes or in a
//! data URL is searched as well.
//!
//! A run is found by looking at every [`STRIDE`]th byte. It is decoded only where its first bytes are text: digests,
//! identifiers and pictures cost a look at 24 characters. Lines that break a run are put together. Left out: runs below
//! [`RUN_BYTES_MIN`], and binary data, in which a token would be no text.

use std::ops::Range;

/// Shorter runs hold no token with a form of its own.
pub(super) const RUN_BYTES_MIN: usize = 28;
/// Two neighbours of this distance lie in every such run.
const STRIDE: usize = RUN_BYTES_MIN / 2;
/// Longest run that is decoded; the rest of it is a run of its own.
const RUN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of which the bytes must be text.
const TASTE: usize = 24;
/// Words that may stand before it, and in how many bytes.
const WORDS_MAX: usize = 8;
const WORDS_BYTES_MAX: usize = 200;
/// White space between two lines of one run.
const INDENT_BYTES_MAX: usize = 64;
/// A line that goes on is at least this long.
const WRAPPED_LINE_BYTES_MIN: usize = 60;

/// The value of each character, with both alphabets; 255 where it is none.
static VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut index = 0;
    while index < 26 {
        values[b'A' as usize + index] = index as u8;
        values[b'a' as usize + index] = index as u8 + 26;
        if index < 10 {
            values[b'0' as usize + index] = index as u8 + 52;
        }
        index += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'_' as usize] = 63;
    values
};

fn is_digit(byte: u8) -> bool {
    VALUES[usize::from(byte)] != 255
}

/// The bytes; `None` where another character stands in it. Padding may be there or not.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    let mut bytes = Vec::with_capacity(end / 4 * 3 + 3);
    for chunk in text[..end].chunks(4) {
        let mut bits = 0_u32;
        for byte in chunk {
            let value = VALUES[usize::from(*byte)];
            if value == 255 {
                return None;
            }
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..][..chunk.len() - 1]);
    }
    Some(bytes)
}

/// Calls `each` with where a run stands and what it decodes to.
pub(super) fn each(bytes: &[u8], mut each: impl FnMut(Range<usize>, &[u8])) {
    let mut at = STRIDE - 1;
    while at < bytes.len() {
        if !is_digit(bytes[at]) {
            at += STRIDE;
            continue;
        }
        let floor = at.saturating_sub(STRIDE);
        let start =
            bytes[floor..at].iter().rposition(|byte| !is_digit(*byte)).map_or(floor, |gap| floor + gap + 1);
        let limit = bytes.len().min(start + RUN_BYTES_MAX);
        let end =
            bytes[at..limit].iter().position(|byte| !is_digit(*byte)).map_or(limit, |length| at + length);
        if end - start < RUN_BYTES_MIN {
            at = next(end);
            continue;
        }
        let (joined, end) = joined(bytes, start..end);
        let run = joined.as_deref().unwrap_or(&bytes[start..end]);
        if let Some(decoded) = text_of(run) {
            each(start..end, &decoded);
        }
        at = next(end);
    }
}

/// The next place to look at behind a run.
fn next(end: usize) -> usize {
    end + STRIDE
}

/// The run with the lines that go on with it, and where it ends.
fn joined(bytes: &[u8], first: Range<usize>) -> (Option<Vec<u8>>, usize) {
    let (mut whole, mut end, mut line) = (None, first.end, first.len());
    while line >= WRAPPED_LINE_BYTES_MIN {
        let Some(gap) = line_break(&bytes[end..]) else { break };
        let start = end + gap;
        let length = bytes[start..].iter().take(RUN_BYTES_MAX).take_while(|byte| is_digit(**byte)).count();
        let whole = whole.get_or_insert_with(|| bytes[first.clone()].to_vec());
        if length == 0 || whole.len() + length > RUN_BYTES_MAX {
            break;
        }
        whole.extend_from_slice(&bytes[start..start + length]);
        (end, line) = (start + length, length);
    }
    (whole, end)
}

/// Bytes of a line's end with what indents the next line: a real one, or one that is written `\n`.
fn line_break(bytes: &[u8]) -> Option<usize> {
    let ends: [&[u8]; 5] = [b"\r\n", b"\n", b"\\r\\n", b"\\n", b"\\\n"];
    let end = ends.iter().find(|end| bytes.starts_with(end))?.len();
    let indent = bytes[end..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (indent <= INDENT_BYTES_MAX).then_some(end + indent)
}

/// What a run decodes to where that is text; what stands before it (`data/LS0t`) may be of the same characters.
fn text_of(run: &[u8]) -> Option<Vec<u8>> {
    let separators = run.iter().enumerate().take(WORDS_BYTES_MAX);
    let separators = separators.filter(|(_, byte)| !byte.is_ascii_alphanumeric()).map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(separators.take(WORDS_MAX)).find(|start| {
        run.get(*start..*start + TASTE).and_then(decode).is_some_and(|bytes| is_text(&bytes))
    })?;
    decode(&run[start..])
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
}

/// The text in base64, for tests and samples.
#[cfg(test)]
pub(super) fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let chunk = |chunk: &[u8]| {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        let digit = |place: usize| match place <= chunk.len() {
            true => char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]),
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(chunk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        each(text.as_bytes(), |_, decoded| all.push(String::from_utf8_lossy(decoded).into_owned()));
        all
    }

    const SECRET: &str = "a token of thirty bytes or more, with spaces";

    #[test]
    fn runs_are_found_wherever_they_stand() {
        let run = encode(SECRET.as_bytes());
        for before in 0..40 {
            let text = format!("{} {run}\nafter", "x ".repeat(before));
            assert_eq!(found(&text), [SECRET], "{before}");
        }
        assert_eq!(found(&format!("data/{run}"))[0], SECRET);
        assert_eq!(found(&run.replace('+', "-").replace('/', "_"))[0], SECRET);
    }

    #[test]
    fn lines_are_put_together() {
        let long = SECRET.repeat(4);
        let run = encode(long.as_bytes());
        for between in ["\n", "\r\n  ", "\\n", "\\\n\t"] {
            let lines: Vec<&str> =
                run.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            assert_eq!(found(&lines.join(between)), [long.as_str()], "{between:?}");
        }
    }

    #[test]
    fn digests_names_and_pictures_are_left() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in [
            digest,
            "some_name_that_is_very_long_indeed_and_more",
            &encode(&(0..90).map(|byte| byte ^ 0xc5).collect::<Vec<u8>>()),
            "short",
            "",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()).unwrap(), bytes);
        }

        #[test]
        fn no_bytes_break_it_and_ranges_are_in_order(bytes in "[A-Za-z0-9+/= \\n\\\\]{0,400}") {
            let mut last = 0;
            each(bytes.as_bytes(), |range, _| {
                assert!(last <= range.start && range.start < range.end && range.end <= bytes.len());
                last = range.end;
            });
        }

        #[test]
        fn a_text_in_base64_is_found(before in "[ -~\\n]{0,80}", text in "[ -~]{24,200}", after in "[ \\n.,;]{1,80}") {
            let all = found(&format!("{before} {}{after}", encode(text.as_bytes())));
            prop_assert!(all.contains(&text));
        }
    }
}
