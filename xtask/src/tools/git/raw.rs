//! What git's plumbing prints, read: `diff-index --raw -z`, `ls-files -z`, `cat-file --batch`. Paths stay bytes.

use std::collections::BTreeMap;

/// What the mode of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is nothing.
    Nothing,
    /// A file.
    File,
    /// A symbolic link: its text is a path, not lines.
    Link,
    /// A submodule.
    Module,
}

/// One side of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Side {
    /// Six octal digits.
    pub(super) mode: String,
    /// The blob; only zeros where git did not look.
    pub(super) object: String,
}

/// One path that differs, or may: git did not compare contents where only a file's times differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// In the base.
    pub(super) old: Side,
    /// Now.
    pub(super) new: Side,
}

impl Side {
    /// What is there.
    pub(super) fn kind(&self) -> Kind {
        match self.mode.get(..2) {
            Some("10") => Kind::File,
            Some("12") => Kind::Link,
            Some("16") => Kind::Module,
            _ => Kind::Nothing,
        }
    }

    fn nothing() -> Side {
        Side { mode: "000000".to_owned(), object: String::new() }
    }
}

impl Entry {
    /// A file that git does not track.
    pub(super) fn untracked() -> Entry {
        let new = Side { mode: "100644".to_owned(), object: String::new() };
        Entry { old: Side::nothing(), new }
    }
}

/// The entries of `diff-index --raw -z --no-renames`, by path.
///
/// # Errors
/// Where it is something else; the message shows the place.
pub(super) fn entries(bytes: &[u8]) -> Result<BTreeMap<Vec<u8>, Entry>, String> {
    let mut all: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
    let mut fields = bytes.split(|byte| *byte == 0);
    loop {
        let head = fields.next().unwrap_or_default();
        if head.is_empty() {
            break;
        }
        let path = fields.next().filter(|path| !path.is_empty());
        let (Some(entry), Some(path)) = (entry(head), path) else {
            return Err(format!("git listed `{}`", String::from_utf8_lossy(head)));
        };
        // An unmerged path comes twice: once without a mode, and once as it is in the folder.
        match all.get_mut(path) {
            Some(known) if entry.new.kind() != Kind::Nothing => known.new = entry.new,
            Some(_) => {}
            None => drop(all.insert(path.to_vec(), entry)),
        }
    }
    match fields.next() {
        None => Ok(all),
        Some(_) => Err("git listed an empty entry".to_owned()),
    }
}

/// `:100644 100755 1111… 0000… M`
fn entry(head: &[u8]) -> Option<Entry> {
    let head = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
    let [old_mode, new_mode, old, new, _status] = head.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let side = |mode: &str, object: &str| {
        let well_formed =
            mode.len() == 6 && mode.bytes().all(|digit| digit.is_ascii_digit()) && is_object(object);
        well_formed.then(|| Side { mode: mode.to_owned(), object: object.to_owned() })
    };
    Some(Entry { old: side(old_mode, old)?, new: side(new_mode, new)? })
}

/// Whether this is the name of an object: hexadecimal digits of SHA-1 or SHA-256.
pub(crate) fn is_object(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// The paths of a list that ends each with NUL.
pub(super) fn paths(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty())
}

/// The sizes of `cat-file --batch-check=%(objectsize)`, one a line; `None` where an object is missing.
pub(super) fn sizes(bytes: &[u8]) -> Vec<Option<u64>> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| std::str::from_utf8(line).ok()?.parse().ok()).collect()
}

/// The contents of `cat-file --batch=%(objectsize)`, in order: a size, a newline, the bytes, a newline.
///
/// # Errors
/// Where it is cut short, or an object is missing.
pub(super) fn contents(mut bytes: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("git's answer ends in a header")?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let size: usize = head.parse().map_err(|_| format!("git said `{head}` of an object"))?;
        let rest = &bytes[end + 1..];
        let (content, rest) = rest.split_at_checked(size).ok_or("git's answer is cut short")?;
        bytes = rest.strip_prefix(b"\n").ok_or("git's answer is longer than it says")?;
        all.push(content);
    }
    Ok(all)
}

/// A path as reports write it: bytes that are not UTF-8 as `\xNN`, so that no two paths look alike by accident.
pub(in crate::tools) fn shown(path: &[u8]) -> String {
    let mut shown = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        shown.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &str = "1111111111111111111111111111111111111111";
    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn entries_are_read_by_path() {
        let text = format!(
            ":100644 100755 {OLD} {NONE} M\0b c.rs\0:160000 000000 {OLD} {NONE} D\0sub\0:120000 100644 {OLD} {OLD} T\0\
             \u{e4}\0"
        );
        let read = entries(text.as_bytes()).unwrap();
        let kinds: Vec<_> = read.values().map(|entry| (entry.old.kind(), entry.new.kind())).collect();
        assert_eq!(
            kinds,
            [(Kind::File, Kind::File), (Kind::Module, Kind::Nothing), (Kind::Link, Kind::File)]
        );
        assert_eq!(read.keys().map(|path| shown(path)).collect::<Vec<_>>(), ["b c.rs", "sub", "ä"]);
        assert!(entries(b"").unwrap().is_empty());
    }

    #[test]
    fn an_unmerged_path_is_what_is_in_the_folder() {
        let text = format!(":100644 000000 {OLD} {NONE} U\0a\0:100644 100644 {OLD} {NONE} M\0a\0");
        assert_eq!(entries(text.as_bytes()).unwrap()[&b"a"[..]].new.kind(), Kind::File);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for wrong in ["a\0b\0", ":100644 100644 1 2 M\0a\0", &format!(":100644 100644 {OLD} {NONE} M\0")] {
            assert!(entries(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn contents_are_cut_by_their_sizes() {
        assert_eq!(contents(b"2\na\n\n0\n\n").unwrap(), [&b"a\n"[..], b""]);
        assert_eq!(sizes(b"12\nabc missing\n0\n"), [Some(12), None, Some(0)]);
        for wrong in [&b"2"[..], b"3\na\n", b"1\nab\n", b"abc missing\n"] {
            assert!(contents(wrong).is_err());
        }
    }

    #[test]
    fn a_path_that_is_no_text_is_written_by_its_bytes() {
        assert_eq!(shown(b"a\xff\xfe/\xc3\xa4.rs"), "a\\xff\\xfe/ä.rs");
    }

    proptest! {
        #[test]
        fn what_git_would_write_is_read_back(paths in proptest::collection::btree_set("[^\0]{1,12}", 0..20)) {
            let text: String =
                paths.iter().map(|path| format!(":100644 100644 {OLD} {NONE} M\0{path}\0")).collect();
            let read = entries(text.as_bytes()).unwrap();
            prop_assert!(read.keys().map(|path| shown(path)).eq(paths));
        }

        #[test]
        fn blobs_are_read_back(blobs: Vec<Vec<u8>>) {
            let mut bytes = Vec::new();
            for blob in &blobs {
                bytes.extend(format!("{}\n", blob.len()).into_bytes());
                bytes.extend(blob);
                bytes.push(b'\n');
            }
            prop_assert_eq!(contents(&bytes).unwrap(), blobs);
        }

        #[test]
        fn any_bytes_are_a_list_or_an_error(bytes: Vec<u8>) {
            let _ = (entries(&bytes), sizes(&bytes), contents(&bytes), shown(&bytes));
        }
    }
}
