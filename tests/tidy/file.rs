//! What a rule sees: one file of the repository; and its code without comments and without what its strings say.

/// One file of the repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    /// Path from the root of the repository, with `/`.
    pub(crate) path: &'a str,
    /// All of it.
    pub(crate) text: &'a str,
}

/// A rule: what it finds wrong in a file, each with its place.
pub(crate) type Rule = fn(File<'_>) -> Vec<String>;

impl File<'_> {
    /// Whether the name ends so.
    pub(crate) fn is(&self, extension: &str) -> bool {
        self.path.ends_with(extension)
    }

    /// Whether it lies there.
    pub(crate) fn below(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    /// Something wrong at a line, counted from 1.
    pub(crate) fn wrong(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// The same for each line that `matches`.
    pub(crate) fn lines_wrong(&self, matches: impl Fn(&str) -> bool, what: &str) -> Vec<String> {
        let lines = self.text.lines().enumerate().filter(|(_, line)| matches(line));
        lines.map(|(index, _)| self.wrong(index + 1, what)).collect()
    }
}

/// The line of a byte, counted from 1.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// The code of a Rust file: comments and the insides of strings and characters become spaces, so that every byte and
/// every line keeps its place.
pub(crate) fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let (skipped, kept_at_each_end) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), 0)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), 0)
        } else if let Some(length) = raw_string(rest).filter(|_| !follows_a_word(bytes, at)) {
            (length, 0)
        } else if rest.starts_with('"') {
            (quoted(rest), 1)
        } else {
            (character(rest), 0)
        };
        let inside = at + kept_at_each_end..(at + skipped).saturating_sub(kept_at_each_end);
        code[inside].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        at += skipped.max(1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn follows_a_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

/// The length of a raw string at the start, with its hashes and quotes.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.bytes().take_while(|byte| *byte == b'#').count();
    rest[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 2;
    Some(rest[start..].find(&end).map_or(rest.len(), |found| start + found + end.len()))
}

/// The length of a string at the start, with its quotes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal at the start; 0 for anything else, also for a lifetime.
fn character(rest: &str) -> usize {
    let Some(inside) = rest.strip_prefix('\'') else { return 0 };
    match inside.strip_prefix('\\') {
        Some(escape) => escape[1..].find('\'').map_or(0, |end| end + 4),
        None => {
            let length = inside.chars().next().map_or(0, char::len_utf8);
            if inside[length..].starts_with('\'') { length + 2 } else { 0 }
        }
    }
}

#[test]
fn code_keeps_its_place_and_loses_comments_and_strings() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(code_of(text), expected);
        assert_eq!(code_of(text).len(), text.len());
    }
    check("a // b\nc /* d\n e */ f", "a     \nc     \n      f");
    check("a(\"// b\\\"\") c", "a(\"      \") c");
    check("r#\"x\"y\"# z", "         z");
    check("for\"x\"", "for\" \"");
    check("fn f<'a>(x: &'a str) { '\"' == '\\'' || 'ü' }", "fn f<'a>(x: &'a str) {     ==      ||      }");
}
