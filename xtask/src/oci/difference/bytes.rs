//! Where two files part: by section where both are ELF, else by their first byte that differs, with what stands around it.

use object::{Object as _, ObjectSection as _};
use std::collections::BTreeSet;

/// Bytes that are shown of each side.
const SHOWN_BYTES: usize = 72;
/// How far back a text is followed to its beginning.
const BACK_BYTES: usize = 48;
/// Shortest run of printable bytes that is worth being shown as text.
const TEXT_BYTES_MIN: usize = 4;

/// One difference between two files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) what: String,
    pub(super) first: String,
    pub(super) second: String,
}

/// What tells two files apart; empty where they are the same.
pub(super) fn differences(first: &[u8], second: &[u8]) -> Vec<Seen> {
    if first == second {
        return Vec::new();
    }
    let sections = sections(first, second).unwrap_or_default();
    if sections.is_empty() { plain("byte", first, second).into_iter().collect() } else { sections }
}

/// The sections of two object files that are not the same; `None` where either is no object file.
fn sections(first: &[u8], second: &[u8]) -> Option<Vec<Seen>> {
    let (one, other) = (object::File::parse(first).ok()?, object::File::parse(second).ok()?);
    let names = |file: &object::File<'_>| -> BTreeSet<String> {
        file.sections().filter_map(|section| Some(section.name().ok()?.to_owned())).collect()
    };
    let data = |file: &object::File<'_>, name: &str| -> Option<Vec<u8>> {
        file.section_by_name(name).and_then(|section| Some(section.data().ok()?.to_vec()))
    };
    let all = names(&one).union(&names(&other)).cloned().collect::<BTreeSet<_>>();
    let seen = all.iter().filter_map(|name| match (data(&one, name), data(&other, name)) {
        (Some(one), Some(other)) if one == other => None,
        (Some(one), Some(other)) => plain(&format!("section {name}, byte"), &one, &other),
        (None, None) => None,
        (one, other) => {
            let told = |there: bool| if there { "present" } else { "absent" }.to_owned();
            let (first, second) = (told(one.is_some()), told(other.is_some()));
            Some(Seen { what: format!("section {name}"), first, second })
        }
    });
    // What is text says most; code and tables that only follow from it come last.
    let mut seen: Vec<Seen> = seen.collect();
    seen.sort_by_key(|seen| !seen.what.starts_with("section .rodata"));
    Some(seen)
}

fn plain(what: &str, first: &[u8], second: &[u8]) -> Option<Seen> {
    let common = first.iter().zip(second).take_while(|(one, other)| one == other).count();
    if common == first.len() && common == second.len() {
        return None;
    }
    let line =
        |bytes: &[u8]| std::str::from_utf8(&bytes[..common]).ok().map(|text| text.matches('\n').count() + 1);
    let at = match (what, line(first), std::str::from_utf8(second)) {
        ("byte", Some(line), Ok(_)) => format!("line {line}"),
        _ => format!("{what} {common}"),
    };
    Some(Seen { what: at, first: around(first, common), second: around(second, common) })
}

/// What stands at a place: the text that it is part of, or its bytes in hexadecimal.
fn around(bytes: &[u8], at: usize) -> String {
    let printable = |byte: &u8| (0x20..0x7f).contains(byte);
    let back = bytes[..at].iter().rev().take(BACK_BYTES).take_while(|byte| printable(byte)).count();
    let ahead = bytes[at..].iter().take(SHOWN_BYTES).take_while(|byte| printable(byte)).count();
    if back + ahead >= TEXT_BYTES_MIN {
        return shortened(&bytes[at - back..at + ahead]);
    }
    if at == bytes.len() {
        return format!("ends after {at} bytes");
    }
    bytes[at..].iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Text in one line, at most as long as is shown.
pub(super) fn shortened(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut short: String =
        text.chars().filter(|letter| !letter.is_control()).take(SHOWN_BYTES + BACK_BYTES).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(what: &str, first: &str, second: &str) -> Seen {
        Seen { what: what.to_owned(), first: first.to_owned(), second: second.to_owned() }
    }

    #[test]
    fn the_first_place_that_differs_is_named_with_what_stands_there() {
        let check = |first: &[u8], second: &[u8], expected: Option<Seen>| {
            assert_eq!(differences(first, second), expected.into_iter().collect::<Vec<_>>());
        };
        check(b"same", b"same", None);
        check(
            b"a\nbuilt in /one\n",
            b"a\nbuilt in /two\n",
            Some(seen("line 2", "built in /one", "built in /two")),
        );
        check(b"\x00\x01\xff\x03", b"\x00\x01\xfe\x03", Some(seen("byte 2", "ff 03", "fe 03")));
        check(b"\xff\x00", b"\xff\x00\x07", Some(seen("byte 2", "ends after 2 bytes", "07")));
    }

    #[test]
    fn what_is_shown_is_short_and_without_control_characters() {
        assert_eq!(shortened(b"a\x1b[1mb"), "a[1mb…");
        let long = shortened("x".repeat(1000).as_bytes());
        assert_eq!(long.chars().count(), SHOWN_BYTES + BACK_BYTES + 1);
    }
}
