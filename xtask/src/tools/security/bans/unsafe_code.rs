//! Unsafe code of the workspace, counted by Rust's tokens: words in comments and texts are none.
//!
//! What macros make of their arguments is not seen, and neither are dependencies: this is a number for people who review. Against a
//! base, files are compared by their counts: a place that moved within a file, or with it, is not new.

use crate::evidence::bans::{UnsafeChange, UnsafeCode};
use crate::tools::{bounded, git};
use crate::workspace::Change;
use crate::workspace::change::FileChange;
use crate::world::World;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A longer file was not written by a person.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Groups inside of each other that are looked into.
const DEPTH_MAX: usize = 200;
/// The word, which most files do not have.
const WORD: &[u8] = b"unsafe";

/// What the tracked Rust files have of it.
pub(super) fn of(root: &Path, tracked: &[PathBuf]) -> UnsafeCode {
    let mut all = UnsafeCode::default();
    for file in tracked.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let path = root.join(file);
        if !path.symlink_metadata().is_ok_and(|facts| facts.is_file()) {
            continue;
        }
        let Ok(bytes) = bounded::read(&path, FILE_BYTES_MAX) else {
            all.not_read += 1;
            continue;
        };
        match in_text(&bytes) {
            Some(found) if found.places() > 0 => {
                all.blocks += found.blocks;
                all.functions += found.functions;
                all.impls += found.impls;
                all.files.push(file.to_string_lossy().into_owned());
            }
            Some(_) => {}
            None => all.not_read += 1,
        }
    }
    all
}

/// What a change brings and takes out; nothing where a file of its base cannot be had.
pub(super) async fn against(
    world: &World,
    root: &Path,
    tracked: &[PathBuf],
    change: &Change,
) -> Option<UnsafeChange> {
    let tracked: HashSet<&Path> = tracked.iter().map(PathBuf::as_path).collect();
    let is_rust = |path: &&str| path.ends_with(".rs");
    let pairs = change.files.iter().map(|file| {
        let path = file.path.as_str();
        let (before, now) = match &file.what {
            FileChange::Added => (None, Some(path)),
            FileChange::Modified => (Some(path), Some(path)),
            FileChange::Removed => (Some(path), None),
            FileChange::Renamed { from } => (Some(from.as_str()), Some(path)),
        };
        (before.filter(is_rust), now.filter(is_rust).filter(|path| tracked.contains(Path::new(path))))
    });
    let pairs: Vec<(Option<&str>, Option<&str>)> = pairs.collect();
    let names: Vec<&str> = pairs.iter().filter_map(|(before, _)| *before).collect();
    let mut texts = git::files_at(world, root, &change.base.commit, &names).await.ok()?.into_iter();
    let both: Vec<(Vec<u8>, Option<PathBuf>)> = pairs
        .iter()
        .map(|(before, now)| {
            let text = if before.is_some() { texts.next() } else { None };
            (text.unwrap_or_default(), now.map(|now| root.join(now)))
        })
        .collect();
    let counting = tokio::task::spawn_blocking(move || {
        let now = |path: PathBuf| bounded::read(&path, FILE_BYTES_MAX).unwrap_or_default();
        let both = both.into_iter().map(|(before, path)| (before, path.map(now).unwrap_or_default()));
        compared(both)
    });
    let (added, removed) = counting.await.ok()?;
    Some(UnsafeChange { base: change.base.commit.clone(), added, removed })
}

/// How many places there are more, and how many fewer, in texts as they were and are. A text that is no Rust tells nothing.
pub(super) fn compared(texts: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> (u64, u64) {
    let (mut added, mut removed) = (0, 0);
    for (before, now) in texts {
        if let (Some(before), Some(now)) = (in_text(&before), in_text(&now)) {
            added += now.places().saturating_sub(before.places());
            removed += before.places().saturating_sub(now.places());
        }
    }
    (added, removed)
}

/// What one text has; nothing where it is no Rust.
fn in_text(bytes: &[u8]) -> Option<UnsafeCode> {
    let mut found = UnsafeCode::default();
    if memchr::memmem::find(bytes, WORD).is_some() {
        count(std::str::from_utf8(bytes).ok()?.parse().ok()?, 0, &mut found);
    }
    Some(found)
}

fn count(tokens: TokenStream, depth: usize, all: &mut UnsafeCode) {
    if depth > DEPTH_MAX {
        return;
    }
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => count(group.stream(), depth + 1, all),
            TokenTree::Ident(word) if word == "unsafe" => match tokens.peek() {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => all.blocks += 1,
                Some(TokenTree::Ident(next)) if next == "fn" || next == "extern" => all.functions += 1,
                Some(TokenTree::Ident(next)) if next == "impl" || next == "trait" || next == "auto" => {
                    all.impls += 1
                }
                _ => {}
            },
            _ => {}
        }
    }
}
