//! What commits bring: `diff-tree --stdin -c --raw -z` and its like, read as a stream.
//!
//! A merge brings what differs from each of its parents (`-c`). Renames are not looked for: a file that moved is one that is gone
//! and one that is new. Paths stay bytes.

use super::raw::is_object;
use std::io::BufRead;

/// Longest piece between two NULs: a path has 4096 bytes on Linux, a header one object for each parent.
const PIECE_BYTES_MAX: u64 = 64 * 1024;

/// One path that a commit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) struct Brought {
    /// The commit; empty where git speaks of none (`diff-index`).
    pub(in crate::tools) commit: String,
    /// The path.
    pub(in crate::tools) path: Vec<u8>,
    /// What was there before, for each parent that had something.
    pub(in crate::tools) before: Vec<String>,
    /// What is there now.
    pub(in crate::tools) now: Now,
}

/// What a commit leaves at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) enum Now {
    /// This file or link.
    Blob(String),
    /// A file that git has not stored: it is in the folder.
    Folder,
    /// Nothing, or a submodule, which has its own gates.
    Nothing,
}

/// Reads them one after another.
pub(in crate::tools) struct History<R> {
    input: R,
    commit: String,
    commits: u64,
}

impl<R: BufRead> History<R> {
    /// From what git prints.
    pub(in crate::tools) fn new(input: R) -> History<R> {
        History { input, commit: String::new(), commits: 0 }
    }

    /// Commits so far.
    pub(in crate::tools) fn commits(&self) -> u64 {
        self.commits
    }

    /// The next path; `None` at the end.
    ///
    /// # Errors
    /// Where it is something else than git would print.
    pub(in crate::tools) fn next(&mut self) -> anyhow::Result<Option<Brought>> {
        loop {
            let Some(piece) = self.piece()? else { return Ok(None) };
            let text = String::from_utf8_lossy(&piece);
            if is_object(&text) {
                self.commit = text.into_owned();
                self.commits += 1;
                continue;
            }
            let Some((before, now)) = header(&text) else { anyhow::bail!("git listed `{text}`") };
            let Some(path) = self.piece()?.filter(|path| !path.is_empty()) else {
                anyhow::bail!("git's list ends before a path");
            };
            return Ok(Some(Brought { commit: self.commit.clone(), path, before, now }));
        }
    }

    fn piece(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut piece = Vec::new();
        std::io::Read::take(&mut self.input, PIECE_BYTES_MAX).read_until(0, &mut piece)?;
        match piece.pop() {
            None => Ok(None),
            Some(0) => Ok(Some(piece)),
            Some(_) => anyhow::bail!("git's list is cut short"),
        }
    }
}

/// `:100644 100644 1111… 2222… M`, with a colon, a mode and an object more for each further parent.
fn header(text: &str) -> Option<(Vec<String>, Now)> {
    let rest = text.trim_start_matches(':');
    let parents = text.len() - rest.len();
    let words: Vec<&str> = rest.split(' ').collect();
    if parents == 0 || words.len() != 2 * parents + 3 {
        return None;
    }
    let (modes, rest) = words.split_at(parents + 1);
    let (objects, _status) = rest.split_at(parents + 1);
    let is_mode = |mode: &&str| mode.len() == 6 && mode.bytes().all(|digit| digit.is_ascii_digit());
    if !modes.iter().all(is_mode) || !objects.iter().all(|object| is_object(object)) {
        return None;
    }
    let side = |(mode, object): (&&str, &&str)| match &mode[..2] {
        "10" | "12" if object.bytes().all(|digit| digit == b'0') => Now::Folder,
        "10" | "12" => Now::Blob((*object).to_owned()),
        _ => Now::Nothing,
    };
    let mut sides: Vec<Now> = modes.iter().zip(objects).map(side).collect();
    let now = sides.pop()?;
    let before = sides.into_iter().filter_map(|side| match side {
        Now::Blob(object) => Some(object),
        Now::Folder | Now::Nothing => None,
    });
    Some((before.collect(), now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";
    const NONE: &str = "0000000000000000000000000000000000000000";

    fn read(text: &[u8]) -> anyhow::Result<Vec<Brought>> {
        let mut history = History::new(text);
        let mut all = Vec::new();
        while let Some(one) = history.next()? {
            all.push(one);
        }
        Ok(all)
    }

    #[test]
    fn commits_merges_and_the_index_are_read() {
        let text = format!(
            "{ONE}\0:000000 100644 {NONE} {TWO} A\0a ä\0::100644 100644 120000 {ONE} {NONE} {TWO} MM\0l\0{TWO}\0:100644 000000 {ONE} {NONE} D\0gone\0:100644 100644 {ONE} {NONE} M\0here\0:000000 160000 {NONE} {ONE} A\0sub\0"
        );
        let all = read(text.as_bytes()).unwrap();
        let told: Vec<_> =
            all.iter().map(|one| (one.commit.as_str(), one.before.len(), one.now.clone())).collect();
        let blob = |object: &str| Now::Blob(object.to_owned());
        assert_eq!(
            told,
            [
                (ONE, 0, blob(TWO)),
                (ONE, 1, blob(TWO)),
                (TWO, 1, Now::Nothing),
                (TWO, 1, Now::Folder),
                (TWO, 0, Now::Nothing)
            ]
        );
        assert!(read(b"").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let cut = format!(":100644 100644 {ONE} {TWO} M\0a");
        let pathless = format!(":100644 100644 {ONE} {TWO} M\0");
        for wrong in ["a\0", ":1\0a\0", "::100644 100644 M\0a\0", &cut, &pathless] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list_or_an_error(bytes: Vec<u8>, parts in proptest::collection::vec(":{1,3}|100644|M|\0| |1{40}|a", 0..40)) {
            let _ = read(&bytes);
            let _ = read(parts.concat().as_bytes());
        }

        #[test]
        fn paths_are_read_back(paths in proptest::collection::vec("[^\0]{1,20}", 0..20)) {
            let text: String = paths.iter().map(|path| format!(":100644 100644 {ONE} {TWO} M\0{path}\0")).collect();
            let all = read(text.as_bytes()).unwrap();
            prop_assert!(all.into_iter().map(|one| String::from_utf8(one.path).unwrap()).eq(paths));
        }
    }
}
