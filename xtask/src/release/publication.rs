//! A release on GitHub: what shall be there, what is there, and what is to be done. Pure; `tools/github/release.rs` asks and does.
//!
//! A release is made as a draft, gets its files, and is published last, once each file was read back: what people fetch is whole from
//! the first second. A draft of ours that was interrupted is gone on with; a published one is never changed, because somebody may have
//! what it had (and where releases are immutable, GitHub refuses it anyway).

use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of an asset that has all its bytes. Any other is an upload that broke off: GitHub keeps its name taken.
const WHOLE: &str = "uploaded";

/// What shall be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The tag: `v1.2.3`.
    pub tag: String,
    /// The commit that was tagged.
    pub commit: String,
    /// The title.
    pub title: String,
    /// The notes, Markdown.
    pub notes: String,
    /// Whether the version is a pre-release.
    pub prerelease: bool,
    /// The files by name.
    pub assets: BTreeMap<String, File>,
}

/// A file that shall be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its length.
    pub size: u64,
    /// Its digest.
    pub digest: Digest,
}

/// A release that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct There {
    /// Its id.
    pub id: u64,
    /// Its tag; of a draft, the tag that it will be of.
    pub tag_name: String,
    /// Its title.
    pub name: Option<String>,
    /// Its notes.
    pub body: Option<String>,
    /// Whether only people of the house see it.
    pub draft: bool,
    /// Whether it is marked as a pre-release.
    pub prerelease: bool,
    /// Its page.
    pub html_url: String,
    /// Where files are sent: an address with a template behind it.
    pub upload_url: String,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Asset {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its length.
    pub size: u64,
    /// `uploaded`, or something else while it is not whole.
    pub state: String,
    /// The digest of what GitHub has; older GitHub Enterprise Servers do not tell it.
    #[serde(default)]
    pub digest: Option<String>,
}

impl Asset {
    /// Whether it has all its bytes.
    pub fn is_whole(&self) -> bool {
        self.state == WHOLE
    }
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Make the draft.
    Create,
    /// Set title, notes and mark of the draft.
    Describe,
    /// Remove what is left of an upload that broke off.
    Remove(u64),
    /// Send a file.
    Upload(String),
    /// Publish it: everything is there.
    Publish,
    /// Nothing: it is so already.
    Nothing,
}

/// Why nothing can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A published release is another one.
    #[error("{tag} is published, and differs: {what}")]
    Published {
        /// The tag.
        tag: String,
        /// What differs.
        what: String,
    },
    /// A file of the draft has other bytes.
    #[error("the draft of {tag} has another `{name}`: {what}")]
    Other {
        /// The tag.
        tag: String,
        /// The file.
        name: String,
        /// How it differs.
        what: String,
    },
    /// The draft has a file that nobody wants.
    #[error("the draft of {tag} has `{name}`, which this release does not")]
    Extra {
        /// The tag.
        tag: String,
        /// The file.
        name: String,
    },
    /// Two releases have the tag.
    #[error("there are {count} releases of {tag}")]
    Several {
        /// The tag.
        tag: String,
        /// How many.
        count: usize,
    },
}

/// The one release of a tag.
///
/// # Errors
/// Where there are several: drafts can have the same tag.
pub fn only(tag: &str, all: Vec<There>) -> Result<Option<There>, Refused> {
    let mut of: Vec<There> = all.into_iter().filter(|one| one.tag_name == tag).collect();
    match of.len() {
        0 | 1 => Ok(of.pop()),
        count => Err(Refused::Several { tag: tag.to_owned(), count }),
    }
}

/// What is to be done, given what is there. Asked again after each act, so it is right after a crash as well.
///
/// # Errors
/// [`Refused`]: people must look.
pub fn next(wanted: &Wanted, there: Option<&There>, assets: &[Asset]) -> Result<Act, Refused> {
    let Some(there) = there else { return Ok(Act::Create) };
    let told = difference(wanted, there);
    if !there.draft {
        return published(wanted, told, assets);
    }
    for asset in assets {
        if !asset.is_whole() {
            return Ok(Act::Remove(asset.id));
        }
        let Some(file) = wanted.assets.get(&asset.name) else {
            return Err(Refused::Extra { tag: wanted.tag.clone(), name: asset.name.clone() });
        };
        if let Some(what) = other(file, asset) {
            return Err(Refused::Other { tag: wanted.tag.clone(), name: asset.name.clone(), what });
        }
    }
    if told.is_some() {
        return Ok(Act::Describe);
    }
    let missing = wanted.assets.keys().find(|name| !assets.iter().any(|asset| asset.name == **name));
    Ok(missing.map_or(Act::Publish, |name| Act::Upload(name.clone())))
}

fn published(wanted: &Wanted, told: Option<&'static str>, assets: &[Asset]) -> Result<Act, Refused> {
    let refused = |what: String| Err(Refused::Published { tag: wanted.tag.clone(), what });
    if let Some(what) = told {
        return refused(what.to_owned());
    }
    for (name, file) in &wanted.assets {
        match assets.iter().find(|asset| asset.name == *name) {
            None => return refused(format!("`{name}` is missing")),
            Some(asset) => {
                if let Some(what) = other(file, asset) {
                    return refused(format!("`{name}` is another: {what}"));
                }
            }
        }
    }
    match assets.iter().find(|asset| !wanted.assets.contains_key(&asset.name)) {
        Some(extra) => refused(format!("`{}` is not of this release", extra.name)),
        None => Ok(Act::Nothing),
    }
}

/// What the page says otherwise.
fn difference(wanted: &Wanted, there: &There) -> Option<&'static str> {
    let same = |text: &Option<String>, wanted: &str| {
        text.as_deref().unwrap_or_default().replace("\r\n", "\n").trim() == wanted.trim()
    };
    match () {
        () if !same(&there.name, &wanted.title) => Some("the title"),
        () if !same(&there.body, &wanted.notes) => Some("the notes"),
        () if there.prerelease != wanted.prerelease => Some("the mark as a pre-release"),
        () => None,
    }
}

/// How the bytes there are others, or cannot be told to be the same.
fn other(file: &File, asset: &Asset) -> Option<String> {
    if asset.size != file.size {
        return Some(format!("{} bytes instead of {}", asset.size, file.size));
    }
    match &asset.digest {
        Some(digest) if *digest == file.digest.to_string() => None,
        Some(digest) => Some(format!("{digest} instead of {}", file.digest)),
        None => Some("GitHub does not tell its digest, so it cannot be read back".to_owned()),
    }
}

#[cfg(test)]
mod tests;
