//! Unsafe code of the workspace, counted by Rust's tokens: words in comments and texts are none.
//!
//! What macros make of their arguments is not seen, and neither are dependencies: this is a number for people who review.

use crate::evidence::bans::UnsafeCode;
use crate::tools::bounded;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
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
        if memchr::memmem::find(&bytes, WORD).is_none() {
            continue;
        }
        let before = (all.blocks, all.functions, all.impls);
        match std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<TokenStream>().ok()) {
            Some(tokens) => count(tokens, 0, &mut all),
            None => all.not_read += 1,
        }
        if before != (all.blocks, all.functions, all.impls) {
            all.files.push(file.to_string_lossy().into_owned());
        }
    }
    all
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
