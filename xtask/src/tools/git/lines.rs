//! Which lines of a text are new or other than before: our own diff of two blobs, so that no attribute (`-diff`,
//! `textconv`, an external diff) and no configuration of the user has a say in it.
//!
//! Histogram diff with git's heuristic for hunks that can slide, as people see it in a pull request. What is decided here:
//! - Line endings do not count: a file that only went from LF to CRLF, or only got or lost its last newline, has no
//!   changed line, because no code differs. (`git diff` shows every line.)
//! - A NUL does not hide a text: what is valid UTF-8 is a text even with NULs, since rustc reads it too. Everything else
//!   with a NUL is binary and has no lines.
//! - A text too long to be compared counts as changed from its first line to its last.

use imara_diff::{Algorithm, Diff, InternedInput, TokenSource};

/// Texts above this are not compared: every line counts as changed.
pub(super) const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Lines above this count likewise; far from what the diff's own counters hold.
const LINES_MAX: usize = 8_000_000;
/// The whole of a text, however long it is.
pub(super) const WHOLE: (u32, u32) = (1, u32::MAX);

/// Ranges of lines, from first to last, both included.
pub(super) type Ranges = Vec<(u32, u32)>;

/// The lines of `new` that are not in `old`.
pub fn changed(old: &[u8], new: &[u8]) -> Vec<(u32, u32)> {
    if is_binary(new) {
        return Vec::new();
    }
    // A binary blob has no lines that a text could have kept.
    let old: &[u8] = if is_binary(old) { b"" } else { old };
    let same_start = same_start(old, new);
    let (old, rest) = (&old[same_start.old..], &new[same_start.new..]);
    if rest.is_empty() {
        return Vec::new();
    }
    // Both sides keep some lines before the first difference: a hunk may slide up over them.
    if Lines(old).estimate_tokens() as usize > LINES_MAX || Lines(rest).estimate_tokens() as usize > LINES_MAX
    {
        return vec![WHOLE];
    }
    let input = InternedInput::new(Lines(old), Lines(rest));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let hunks = diff.hunks().filter(|hunk| !hunk.after.is_empty());
    hunks.map(|hunk| (same_start.lines + hunk.after.start + 1, same_start.lines + hunk.after.end)).collect()
}

/// Every line of a text.
pub(super) fn all(new: &[u8]) -> Ranges {
    match Lines(new).tokenize().count() {
        0 => Vec::new(),
        _ if is_binary(new) => Vec::new(),
        lines if lines > LINES_MAX => vec![WHOLE],
        lines => vec![(1, u32::try_from(lines).unwrap_or(u32::MAX))],
    }
}

/// Whether this is no text.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some() && std::str::from_utf8(bytes).is_err()
}

/// The lines of a text, without their endings.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a>(pub(super) &'a [u8]);

/// Goes through them.
pub(super) struct Walk<'a>(&'a [u8]);

impl<'a> TokenSource for Lines<'a> {
    type Token = &'a [u8];
    type Tokenizer = Walk<'a>;

    fn tokenize(&self) -> Walk<'a> {
        Walk(self.0)
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(ends(self.0) + 1).unwrap_or(u32::MAX)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = match memchr::memchr(b'\n', self.0) {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Where two texts begin to differ, less a few lines.
struct SameStart {
    /// Bytes of the old text.
    old: usize,
    /// Bytes of the new text.
    new: usize,
    /// Lines of both.
    lines: u32,
}

/// How many equal lines stay in front of the first difference: as far as the heuristic lets a hunk slide.
const LINES_KEPT: usize = 128;

/// Most of a big file is the same before the first change: it need not be hashed. Bytes are compared, so texts of other
/// line endings share no start, and are compared line by line.
fn same_start(old: &[u8], new: &[u8]) -> SameStart {
    let same = same_bytes(old, new);
    let Some(end) = memchr::memrchr_iter(b'\n', &old[..same]).nth(LINES_KEPT) else {
        return SameStart { old: 0, new: 0, lines: 0 };
    };
    let lines = u32::try_from(ends(&old[..=end])).unwrap_or(u32::MAX);
    SameStart { old: end + 1, new: end + 1, lines }
}

/// How many bytes two texts share at their start: by blocks, which are compared as memory, and by bytes in the one that differs.
fn same_bytes(old: &[u8], new: &[u8]) -> usize {
    const BLOCK: usize = 256;
    let blocks = old.chunks_exact(BLOCK).zip(new.chunks_exact(BLOCK)).take_while(|(a, b)| a == b).count();
    let same = blocks * BLOCK;
    same + old[same..].iter().zip(&new[same..]).take_while(|(a, b)| a == b).count()
}

/// How many lines end in a text.
fn ends(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(old: &str, new: &str, expected: &[(u32, u32)]) {
        assert_eq!(changed(old.as_bytes(), new.as_bytes()), expected, "{old:?} -> {new:?}");
    }

    #[test]
    fn new_and_other_lines_are_changed() {
        check("a\nb\nc\n", "a\nB\nc\n", &[(2, 2)]);
        check("a\nb\n", "a\nb\nc\nd\n", &[(3, 4)]);
        check("", "a\nb", &[(1, 2)]);
        check("a\nb\n", "a\n", &[]);
        check("a\nb\nc\n", "x\na\nc\ny\n", &[(1, 1), (4, 4)]);
        check("a\n", "", &[]);
    }

    #[test]
    fn an_added_function_is_whole_and_its_neighbour_untouched() {
        let before = "fn a() {\n    1\n}\n\nfn c() {\n    3\n}\n";
        let after = "fn a() {\n    1\n}\n\nfn b() {\n    2\n}\n\nfn c() {\n    3\n}\n";
        check(before, after, &[(5, 8)]);
    }

    #[test]
    fn line_endings_are_no_change() {
        check("a\nb\n", "a\r\nb\r\n", &[]);
        check("a\nb\n", "a\nb", &[]);
        check("a\r\nb\r\n", "a\r\nB\r\n", &[(2, 2)]);
    }

    #[test]
    fn what_is_binary_has_no_lines_and_a_nul_hides_no_text() {
        assert!(
            changed(b"a\n", b"\xff\0\n").is_empty() && all(b"\xff\0\n").is_empty() && all(b"").is_empty()
        );
        assert_eq!(changed(b"\xff\0a\n", b"a\n"), [(1, 1)]);
        check("a\n", "a\n// \0\nb\n", &[(2, 3)]);
        assert_eq!((all(b"a\nb"), all(b"a\nb\n"), all(b"\n")), (vec![(1, 2)], vec![(1, 2)], vec![(1, 1)]));
    }

    #[test]
    fn a_long_start_that_is_the_same_moves_nothing() {
        let before: String = (0..1000).map(|line| format!("line {line}\n")).collect();
        let after = before.replace("line 700\n", "line 700\nnew\n");
        check(&before, &after, &[(702, 702)]);
    }

    /// The longest common subsequence by the book.
    fn longest_common(old: &[&str], new: &[&str]) -> usize {
        let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
        for (i, a) in old.iter().enumerate() {
            for (j, b) in new.iter().enumerate() {
                table[i + 1][j + 1] =
                    if a == b { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
            }
        }
        table[old.len()][new.len()]
    }

    fn kept<'a>(new: &[&'a str], changed: &Ranges) -> Vec<&'a str> {
        let is_changed = |line: u32| changed.iter().any(|(first, last)| (*first..=*last).contains(&line));
        new.iter().zip(1..).filter(|(_, line)| !is_changed(*line)).map(|(text, _)| *text).collect()
    }

    fn is_subsequence(part: &[&str], whole: &[&str]) -> bool {
        let mut rest = whole.iter();
        part.iter().all(|wanted| rest.any(|line| line == wanted))
    }

    proptest! {
        /// What is not changed was there before, in this order; and where all lines differ from each other, no line is
        /// called changed that need not be.
        #[test]
        fn unchanged_lines_are_the_old_ones(
            old in proptest::collection::vec("[a-d]{0,2}", 0..40),
            new in proptest::collection::vec("[a-d]{0,2}", 0..40),
        ) {
            let (old, new): (Vec<&str>, Vec<&str>) =
                (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
            let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let ranges = changed(text(&old).as_bytes(), text(&new).as_bytes());
            let kept = kept(&new, &ranges);
            prop_assert!(is_subsequence(&kept, &old), "{:?}", ranges);
            prop_assert!(kept.len() <= longest_common(&old, &new));
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", ranges);
        }

        /// Edits of a text of distinct lines give exactly the lines that were put in.
        #[test]
        fn edits_of_distinct_lines_are_found_exactly(
            edits in proptest::collection::vec(0..4_u8, 0..300),
        ) {
            let (mut old, mut new, mut expected) = (String::new(), String::new(), Vec::new());
            let mut line = 0_u32;
            for (number, edit) in edits.iter().enumerate() {
                if *edit != 1 { old.push_str(&format!("old {number}\n")); }
                match edit {
                    0 => new.push_str(&format!("old {number}\n")),
                    1 | 2 => { new.push_str(&format!("new {number}\n")); expected.push(line + 1); }
                    _ => {}
                }
                line += u32::from(*edit != 3);
            }
            let ranges = changed(old.as_bytes(), new.as_bytes());
            let found: Vec<u32> = ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_have_lines_or_none(old: Vec<u8>, new: Vec<u8>) {
            let lines = Lines(&new).tokenize().count();
            let last = changed(&old, &new).last().map_or(0, |range| range.1);
            prop_assert!(last as usize <= lines);
        }
    }
}
