//! A match that is a whole line in the middle of base64: keys and certificates are broken into lines of 64 characters, and some
//! begin as a token does. Told by the line above or below: of the same length, of the same characters, and beginning otherwise, so
//! that tokens listed one a line stay tokens.

use std::ops::Range;

/// Base64 is broken into lines of this length or more.
const LINE_BYTES_MIN: usize = 60;
/// Quotes, commas, a line's end and an indent between two lines of it.
const BETWEEN_BYTES_MAX: usize = 40;

/// Whether the match in this range, of which so many bytes are the format's mark, is such a line.
pub(super) fn is(bytes: &[u8], span: &Range<usize>, mark: usize) -> bool {
    let width = span.len();
    let opened = match &bytes[..span.start] {
        [] => true,
        [.., last] => matches!(last, b'"' | b'\'' | b'\n' | b' ' | b'\t'),
    };
    if width < LINE_BYTES_MIN || !opened {
        return false;
    }
    let goes_on = |from: usize| {
        // A line of another length is no part of the same text.
        let begins = from
            .checked_sub(1)
            .is_none_or(|before| matches!(bytes[before], b'"' | b'\'' | b'\n' | b' ' | b'\t'));
        let ends = bytes.get(from + width).is_none_or(|behind| !is_base64(*behind));
        begins
            && ends
            && bytes.get(from..from + width).is_some_and(|line| {
                line.iter().all(|byte| is_base64(*byte)) && line[..mark] != bytes[span.start..][..mark]
            })
    };
    let below = behind_break(&bytes[span.end..bytes.len().min(span.end + BETWEEN_BYTES_MAX)]);
    let above = before_break(&bytes[span.start.saturating_sub(BETWEEN_BYTES_MAX)..span.start]);
    below.is_some_and(|gap| goes_on(span.end + gap))
        || above.and_then(|gap| span.start.checked_sub(gap + width)).is_some_and(goes_on)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Bytes up to the first character of the next line.
fn behind_break(rest: &[u8]) -> Option<usize> {
    let next = memchr::memchr(b'\n', rest)? + 1;
    Some(next + rest[next..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'')).count())
}

/// Bytes back to the last character of the line before.
fn before_break(head: &[u8]) -> Option<usize> {
    let mut line = &head[..memchr::memrchr(b'\n', head)?];
    while let [kept @ .., b'\r' | b' ' | b',' | b'"' | b'\''] = line {
        line = kept;
    }
    line = line.strip_suffix(b"\\n").unwrap_or(line);
    Some(head.len() - line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_key_is_told_from_a_token() {
        let token = format!("EAAA{}", "x7Kq2mVd9R".repeat(6));
        let line = "Q3mZ8vXc1LpT0aWn".repeat(4);
        let check = |text: &str, expected| {
            let at = text.find(&token).unwrap();
            assert_eq!(is(text.as_bytes(), &(at..at + token.len()), 4), expected, "{text:?}");
        };
        check(&format!("{line}\n{token}\n-----END"), true);
        check(&format!("{token}\r\n  {line}\n"), true);
        check(&format!("\"{line}\\n\"\n\"{token}\\n\"\n\"AA==\""), true);
        check(&format!("{line}{}\n{token}\n", &line[1..]), false);
        check(&format!("{token}\n{line}x\n"), false);
        check(&token, false);
        check(&format!("{token}\n{token}\n"), false);
        check(&format!("{}\n{token}\nnext", &line[1..]), false);
        check(&format!("key={token}\n{line}"), false);
    }
}
