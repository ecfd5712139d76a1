//! Part: which of the workspace's tests a run was asked for, where that was not all of them.
//!
//! A run of a part never stands for a whole one: its facts say so, and no release is made from it. Shards are merged
//! into a whole again, packages that a change does not affect are not.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was left out, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Only packages that the change affects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected: Option<AffectedPart>,
    /// Only one shard of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardPart>,
}

/// The packages that a change affects, and the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffectedPart {
    /// The commit that it was compared with.
    pub base: String,
    /// The packages whose tests ran, each with the reason.
    pub packages: BTreeMap<String, String>,
    /// What marked everything, where something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everything: Option<String>,
    /// The packages whose tests did not run.
    pub unaffected: Vec<String>,
}

/// One shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPart {
    /// Which, from 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
    /// The digest of the recorded times that it was split by.
    pub times: Digest,
    /// The digest of the names that were split: of other names, other shards.
    pub tests: Digest,
    /// How many those were.
    pub total: u64,
    /// The same of each further feature set that had tests, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, Split>,
}

/// What was split of one further feature set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The digest of the names.
    pub tests: Digest,
    /// How many those were.
    pub total: u64,
}

impl ShardPart {
    /// The tests that were split, of all feature sets.
    pub fn tests_of_all_sets(&self) -> u64 {
        self.sets.values().fold(self.total, |sum, split| sum.saturating_add(split.total))
    }
}

impl Part {
    /// Whether nothing was left out.
    pub fn is_whole(&self) -> bool {
        self.shard.is_none() && self.affected.as_ref().is_none_or(|affected| affected.unaffected.is_empty())
    }

    /// Whether there is nothing to say: every test was asked for.
    pub fn is_empty(&self) -> bool {
        *self == Part::default()
    }

    /// In words: what ran.
    pub fn told(&self) -> String {
        let mut told = Vec::new();
        if let Some(affected) = &self.affected {
            let (ran, not) = (affected.packages.len(), affected.unaffected.len());
            told.push(format!("the tests of {ran} of {} packages", ran + not));
        }
        if let Some(shard) = &self.shard {
            told.push(format!("shard {} of {}", shard.index, shard.count));
        }
        told.join(", ")
    }
}

impl AffectedPart {
    /// The digest of the choice: shards of one run chose the same.
    pub fn digest(&self) -> Digest {
        // Plain data with string keys always serialises.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_whole_only_where_nothing_was_left_out() {
        let affected = |unaffected: &[&str]| AffectedPart {
            base: "b".to_owned(),
            packages: [("a".to_owned(), "a/src/lib.rs".to_owned())].into(),
            everything: None,
            unaffected: unaffected.iter().map(|name| (*name).to_owned()).collect(),
        };
        let part = |affected, shard| Part { affected, shard };
        let none = || Digest::of(b"");
        let sets = [("none".to_owned(), Split { tests: none(), total: 4 })].into();
        let shard = ShardPart { index: 2, count: 3, times: none(), tests: none(), total: 7, sets };
        assert_eq!(shard.tests_of_all_sets(), 11);
        assert!(Part::default().is_whole() && part(Some(affected(&[])), None).is_whole());
        assert!(
            !part(Some(affected(&["b"])), None).is_whole() && !part(None, Some(shard.clone())).is_whole()
        );
        assert_eq!(
            part(Some(affected(&["b"])), Some(shard)).told(),
            "the tests of 1 of 2 packages, shard 2 of 3"
        );
        assert!(Part::default().is_empty() && !part(Some(affected(&[])), None).is_empty());
        assert_ne!(affected(&["b"]).digest(), affected(&[]).digest());
    }
}
