//! Text from outside (test output, messages, names, paths), made fit for a report: without escapes, bounded, and quoted.
//!
//! A report is read by terminals, browsers and GitHub; what a test prints must be able to command none of them.

/// Characters that carry text and no command: no control characters but line breaks and tabs, no ANSI escapes, no marks
/// that turn the direction of writing, nothing that XML 1.0 forbids. `\r\n` and a lone `\r` are line breaks.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\u{1b}' => skip_escape(&mut rest),
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\t' => out.push(letter),
            letter if is_silent(letter) => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Control characters, turns of direction (U+202A to U+202E, U+2066 to U+2069), and U+FFFE and U+FFFF.
fn is_silent(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

/// After ESC: a control sequence up to its final letter, a string up to BEL or ESC \, or one letter.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            // Parameters and intermediates, then one final letter; anything else ends a broken sequence.
            while rest.next_if(|letter| matches!(letter, ' '..='?')).is_some() {}
            rest.next_if(|letter| matches!(letter, '@'..='~'));
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            while let Some(letter) = rest.next_if(|letter| *letter != '\n') {
                if letter == '\u{7}' || letter == '\u{1b}' && rest.next_if_eq(&'\\').is_some() {
                    break;
                }
            }
        }
        Some(letter) if letter.is_ascii_graphic() => {
            rest.next();
        }
        _ => {}
    }
}

/// [`plain`] in one line: white space becomes single spaces.
pub fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most about `bytes_max` bytes: head and tail are kept, the middle is counted.
pub fn bounded(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let head = floor(text, bytes_max / 2);
    let tail = ceiling(text, text.len() - bytes_max / 2);
    let (first, last) = (&text[..head], &text[tail..]);
    format!("{first}\n… {} bytes left out …\n{last}", tail - head)
}

/// At most `bytes_max` bytes from the start, with `…` where something was cut.
pub fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    format!("{}…", &text[..floor(text, bytes_max.saturating_sub('…'.len_utf8()))])
}

/// The last character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first character boundary at or after a byte.
fn ceiling(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// [`plain`] for the text and the attributes of XML and HTML.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

/// One line of prose in GitHub's Markdown, also inside a table: nothing in it is markup, a link, or a mention.
pub fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    // An autolink begins with `www.` or a scheme; an escape between its parts makes it text.
    let text = one_line(text).replace("://", ":\u{0}//");
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        // `1. ` at the start of an item would begin a list.
        let ends = rest.peek().is_none_or(|next| *next == ' ');
        let marker = ends && !out.is_empty() && out.bytes().all(|byte| byte.is_ascii_digit());
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '-' | '+' | '=' if out.is_empty() => out.extend(['\\', letter]),
            '.' | ')' if marker => out.extend(['\\', letter]),
            '@' => out.push_str("@\u{200b}"),
            '\u{0}' => out.push('\\'),
            '.' if out.to_ascii_lowercase().ends_with("www") => out.push_str("\\."),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}

/// One line as a code span of GitHub's Markdown. Not for tables: there, a `|` ends it.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    match text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// A relative path as a URI reference (RFC 3986): all but letters, digits, `-._~/` in per cent.
pub fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_gone_and_text_stays() {
        let check = |text, expected| assert_eq!(plain(text), expected, "{text:?}");
        check("\u{1b}[1;31mred\u{1b}[0m\tx\r\ny\rz", "red\tx\ny\nz");
        check("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\c", "abc");
        check("a\u{1b}(b\u{1b}", "ab");
        check("\u{202e}ab\u{0}\u{9b}\u{ffff}c", "abc");
        check("\u{1b}[12", "");
        check("\u{1b}]never ends\nnext", "\nnext");
    }

    #[test]
    fn the_middle_is_left_out() {
        assert_eq!(bounded("0123456789", 10), "0123456789");
        assert_eq!(bounded("0123456789", 4), "01\n… 6 bytes left out …\n89");
        assert_eq!((cut("äöü", 5), cut("äöü", 6)), ("ä…".to_owned(), "äöü".to_owned()));
    }

    #[test]
    fn a_number_is_no_list() {
        assert_eq!((prose("45.5 % (1)"), prose("1. x")), ("45.5 % (1)".to_owned(), "1\\. x".to_owned()));
    }

    #[test]
    fn code_spans_hold_backticks() {
        let check = |text, expected| assert_eq!(code(text), expected);
        check("a b", "`a b`");
        check("a`b", "``a`b``");
        check("`a`", "`` `a` ``");
    }

    proptest! {
        #[test]
        fn any_text_is_made_fit(text in any::<String>(), most in 0usize..200) {
            let plainly = plain(&text);
            prop_assert!(plainly.chars().all(|letter| letter == '\n' || letter == '\t' || !is_silent(letter)));
            prop_assert_eq!(plain(&plainly), plainly);
            prop_assert!(!one_line(&text).contains(['\n', '\t']));
            prop_assert!(bounded(&text, most).len() <= most + 40);
            prop_assert!(cut(&text, most).len() <= most.max(3));
            prop_assert!(!markup(&text).contains(['<', '>', '"', '\'']));
        }
    }
}
