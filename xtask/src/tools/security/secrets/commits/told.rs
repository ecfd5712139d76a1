//! Each secret once: by the first commit that brought it, and whether it still stands.

use super::super::found;
use super::super::scan::Place;
use super::super::value::{Names, Value};
use super::{Scanned, Sighting};
use crate::evidence::CouldNotRun;
use crate::evidence::secrets::{SecretFound, Stands};
use crate::tools::git::Now;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Rule, value, path: one secret.
pub(super) type Key = (usize, Value, PathBuf);

/// One secret, told once. No Debug: it leads to the value.
pub(super) struct Told<'a> {
    pub(super) place: &'a Place,
    pub(super) path: &'a Path,
    /// The sighting that brought it.
    pub(super) first: usize,
    pub(super) commit: Option<&'a str>,
    pub(super) stands: Stands,
}

impl Told<'_> {
    pub(super) fn key(&self) -> Key {
        (self.place.rule, self.place.value.clone(), self.path.to_owned())
    }
}

/// Each secret by the first commit that brought it to a path, at its place in the last version where that has it still.
pub(super) fn told<'a>(
    scanned: &'a Scanned,
    standing: &Option<BTreeSet<(Vec<u8>, String)>>,
) -> Vec<Told<'a>> {
    let mut last: BTreeMap<&Path, usize> = BTreeMap::new();
    for (index, one) in scanned.brought.iter().enumerate() {
        last.insert(&one.path, index);
    }
    let places = |one: &'a Sighting| match &one.now {
        Now::Blob(object) => scanned.hits.get(object).map_or(&[][..], Vec::as_slice),
        Now::Folder | Now::Nothing => one.here.as_slice(),
    };
    let mut known: BTreeSet<(usize, &Value, &Path)> = BTreeSet::new();
    let mut all = Vec::new();
    for (index, one) in scanned.brought.iter().enumerate() {
        for place in places(one) {
            if !known.insert((place.rule, &place.value, &one.path)) {
                continue;
            }
            let end = last.get(one.path.as_path()).map_or(one, |index| &scanned.brought[*index]);
            let now =
                places(end).iter().find(|other| (other.rule, &other.value) == (place.rule, &place.value));
            let (place, stands) = match (standing, now) {
                (None, Some(now)) => (now, Stands::Still),
                (None, None) => (place, Stands::Removed),
                (Some(tree), _) => {
                    let here = |object: &String| {
                        tree.contains(&(one.path.as_os_str().as_bytes().to_vec(), object.clone()))
                    };
                    let still = matches!(&one.now, Now::Blob(object) if here(object));
                    (place, if still { Stands::Still } else { Stands::Unknown })
                }
            };
            all.push(Told { place, path: &one.path, first: index, commit: one.commit.as_deref(), stands });
        }
    }
    all
}

pub(super) fn evidence_of(
    all: Vec<(Place, String, Option<String>, Stands)>,
    names: &[String],
) -> Result<Vec<SecretFound>, CouldNotRun> {
    let mut names = Names::new(names.iter().map(String::as_str));
    let mut list = Vec::with_capacity(all.len());
    for (place, file, commit, stands) in all {
        list.push(SecretFound { commit, stands, ..found(place, &file, &mut names)? });
    }
    list.sort();
    Ok(list)
}
