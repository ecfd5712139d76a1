//! Which new file is an old one that moved. Ours rather than git's: independent of `diff.renames` and its limits, and it
//! also sees files that were moved without telling git.
//!
//! As in git, a file moved where at least half of it stayed; the best match wins, one to one. A file whose text is the
//! same always matches.

use super::lines::{Lines, is_binary};
use imara_diff::TokenSource as _;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A line that more gone files than this have tells nothing about where a file came from. It bounds the work, too.
const COMMON_MAX: usize = 32;
/// Of a hundred bytes, so many must have stayed.
const STAYED_PERCENT: u64 = 50;

/// A file's path and contents.
pub(super) type File<'a> = (&'a [u8], &'a [u8]);

/// For each file that is new: which of those that are gone it was.
pub(super) fn find(gone: &[File<'_>], new: &[File<'_>]) -> HashMap<usize, usize> {
    let mut found = HashMap::new();
    let mut taken = HashSet::new();
    let same = same_contents(gone, new);
    let similar = similar_contents(gone, new);
    for (new, gone) in same.into_iter().chain(similar) {
        if !found.contains_key(&new) && taken.insert(gone) {
            found.insert(new, gone);
        }
    }
    found
}

/// Pairs whose contents are the same; those that kept their name first.
fn same_contents(gone: &[File<'_>], new: &[File<'_>]) -> Vec<(usize, usize)> {
    let mut by_content: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (at, (_, content)) in gone.iter().enumerate().filter(|(_, (_, content))| !content.is_empty()) {
        by_content.entry(content).or_default().push(at);
    }
    let mut pairs = Vec::new();
    for (at, (path, content)) in new.iter().enumerate() {
        for from in by_content.get(content).into_iter().flatten().take(COMMON_MAX) {
            pairs.push((other_name(path, gone[*from].0), at, *from));
        }
    }
    pairs.sort_unstable();
    pairs.into_iter().map(|(_, new, gone)| (new, gone)).collect()
}

/// Pairs of texts that share enough lines; the most alike first.
fn similar_contents(gone: &[File<'_>], new: &[File<'_>]) -> Vec<(usize, usize)> {
    let mut index: HashMap<u64, Vec<(usize, u64)>> = HashMap::new();
    for (at, (_, content)) in gone.iter().enumerate() {
        for (line, bytes) in weights(content) {
            let files = index.entry(line).or_default();
            // One more than is used, to know that there are too many.
            if files.len() <= COMMON_MAX {
                files.push((at, bytes));
            }
        }
    }
    let mut pairs = Vec::new();
    for (at, (path, content)) in new.iter().enumerate() {
        let mut shared: HashMap<usize, u64> = HashMap::new();
        for (line, bytes) in weights(content) {
            let files = index.get(&line).filter(|files| files.len() <= COMMON_MAX);
            for (from, there) in files.into_iter().flatten() {
                *shared.entry(*from).or_default() += bytes.min(*there);
            }
        }
        for (from, bytes) in shared {
            let larger = content.len().max(gone[from].1.len()) as u64;
            let percent = bytes.saturating_mul(100) / larger.max(1);
            if percent >= STAYED_PERCENT {
                pairs.push((u64::MAX - percent, other_name(path, gone[from].0), at, from));
            }
        }
    }
    pairs.sort_unstable();
    pairs.into_iter().map(|(_, _, new, gone)| (new, gone)).collect()
}

/// Each line of a text, by hash, with the bytes that it has in all.
fn weights(content: &[u8]) -> HashMap<u64, u64> {
    let mut weights = HashMap::new();
    if !is_binary(content) {
        for line in Lines(content).tokenize() {
            let mut hasher = DefaultHasher::new();
            line.hash(&mut hasher);
            *weights.entry(hasher.finish()).or_default() += line.len() as u64 + 1;
        }
    }
    weights
}

fn other_name(a: &[u8], b: &[u8]) -> bool {
    let name = |path: &[u8]| Path::new(OsStr::from_bytes(path)).file_name().map(OsStr::to_owned);
    name(a) != name(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gone: &[(&str, &str)], new: &[(&str, &str)], expected: &[(&str, &str)]) {
        let bytes = |files: &[(&str, &str)]| -> Vec<(Vec<u8>, Vec<u8>)> {
            files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())).collect()
        };
        let (gone_bytes, new_bytes) = (bytes(gone), bytes(new));
        fn view(files: &[(Vec<u8>, Vec<u8>)]) -> Vec<File<'_>> {
            files.iter().map(|(path, text)| (path.as_slice(), text.as_slice())).collect()
        }
        let found = find(&view(&gone_bytes), &view(&new_bytes));
        let mut found: Vec<_> = found.into_iter().map(|(to, from)| (new[to].0, gone[from].0)).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_same_text_moved() {
        check(&[("a.rs", "x\n")], &[("b/a.rs", "x\n")], &[("b/a.rs", "a.rs")]);
        check(&[("a.rs", "")], &[("b.rs", "")], &[]);
    }

    #[test]
    fn of_two_same_texts_the_name_decides() {
        let gone = [("one/a.rs", "x\n"), ("one/b.rs", "x\n")];
        let new = [("two/b.rs", "x\n"), ("two/a.rs", "x\n")];
        check(&gone, &new, &[("two/a.rs", "one/a.rs"), ("two/b.rs", "one/b.rs")]);
    }

    #[test]
    fn half_must_have_stayed() {
        check(&[("a", "1\n2\n3\n4\n")], &[("b", "1\n2\nx\ny\n")], &[("b", "a")]);
        check(&[("a", "1\n2\n3\n4\n")], &[("b", "1\nw\nx\ny\n")], &[]);
    }

    #[test]
    fn one_file_moved_to_one_place_and_the_most_alike_wins() {
        let new = [("b", "1\n2\n3\nx\n"), ("c", "1\n2\n3\n4\ny\n")];
        check(&[("a", "1\n2\n3\n4\n")], &new, &[("c", "a")]);
    }
}
