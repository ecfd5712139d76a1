//! A token that a program puts together: `"ghp_…" + "…"`, a line that goes on after a backslash, or one that YAML folds.
//!
//! Asked only where a token's beginning stands and its pattern does not match: the pieces behind it are put together and
//! the pattern is asked again. A comma between two strings joins nothing: those are two values.

/// Joints of one token.
const JOINTS_MAX: usize = 32;
/// Bytes of one joint: quotes, an operator, a line's end and an indent.
const JOINT_BYTES_MAX: usize = 80;
/// Bytes that are put together.
const JOINED_BYTES_MAX: usize = 600;
/// A piece of a token before a bare line end: shorter ones are words.
const FOLDED_PIECE_BYTES_MIN: usize = 8;

/// Pieces put together, and where each byte stood.
pub(super) struct Joined {
    pub(super) text: Vec<u8>,
    pub(super) from: Vec<usize>,
}

/// The text behind a token's beginning with its pieces put together; `None` where there is one piece.
pub(super) fn joined(window: &[u8]) -> Option<Joined> {
    let (mut text, mut from) = (Vec::new(), Vec::new());
    let (mut at, mut joints) = (0, 0);
    while text.len() < JOINED_BYTES_MAX && joints <= JOINTS_MAX {
        let piece = window[at..].iter().take_while(|byte| is_token(**byte)).count();
        text.extend_from_slice(&window[at..at + piece]);
        from.extend(at..at + piece);
        at += piece;
        let Some(joint) = joint(&window[at..], piece) else { break };
        at += joint;
        joints += 1;
    }
    (joints > 0).then(|| {
        // What ends the last piece decides whether the token goes on.
        text.extend(window.get(at));
        from.push(at);
        Joined { text, from }
    })
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'=' | b':' | b'~')
}

/// Bytes of the joint that stands here, if the next piece follows it.
fn joint(rest: &[u8], piece: usize) -> Option<usize> {
    let rest = &rest[..rest.len().min(JOINT_BYTES_MAX)];
    let space =
        |from: usize| from + rest[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let goes_on = |at: usize| rest.get(at).is_some_and(|byte| is_token(*byte));
    match rest.first()? {
        quote @ (b'"' | b'\'' | b'`') => {
            let mut at = space(1);
            while rest.get(at).is_some_and(|byte| matches!(byte, b'+' | b'.' | b'&' | b'\\')) {
                at = space(at + 1);
            }
            (at > 1 && rest.get(at) == Some(quote) && goes_on(at + 1)).then_some(at + 1)
        }
        b'\\' if matches!(rest.get(1), Some(b'\n' | b'\r')) => Some(space(1)).filter(|at| goes_on(*at)),
        b'\n' | b'\r' if piece >= FOLDED_PIECE_BYTES_MIN => Some(space(0)).filter(|at| {
            *at > 1 && goes_on(*at) && rest[..*at].iter().filter(|byte| **byte == b'\n').count() == 1
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = joined(text.as_bytes()).map(|joined| String::from_utf8(joined.text).unwrap());
        assert_eq!(found.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn pieces_are_put_together() {
        check("ghp_abc\" + \"def\";", Some("ghp_abcdef\""));
        check("ghp_abc\"\n    \"def\"\n", Some("ghp_abcdef\""));
        check("ghp_abc' . 'def'", Some("ghp_abcdef'"));
        check("ghp_abc\\\n   def\n", Some("ghp_abcdef\n"));
        check("ghp_abcde\n  fghij\n", Some("ghp_abcdefghij\n"));
        check("ghp_abc\" +\n \"d\" +\n \"e\"", Some("ghp_abcde\""));
    }

    #[test]
    fn two_values_stay_two() {
        for text in [
            "ghp_abc\", \"def\"",
            "ghp_abc def",
            "ghp_abc\"",
            "ghp_abcde\nnext",
            "ghp_abcde\n\n  x",
            "",
            "\"\"\"\"\"",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn every_byte_has_its_place(text in "[a-z\"'+\\\\\\n ,]{0,300}") {
            if let Some(joined) = joined(text.as_bytes()) {
                prop_assert_eq!(joined.from.len(), joined.text.len().max(joined.from.len()));
                prop_assert!(joined.from.is_sorted());
                for (byte, from) in joined.text.iter().zip(&joined.from) {
                    prop_assert_eq!(text.as_bytes().get(*from), Some(byte));
                }
            }
        }
    }
}
