//! Base run: what came of running the tests that fail here at the base of the change.
//!
//! How each of them ended there stands with the test ([`super::tests::AtBase`]); here is what the base does not have, and
//! what could not be asked and why. That a test is not known to pass there is never taken for "it fails there too".

use serde::{Deserialize, Serialize};

/// What the base said besides outcomes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRun {
    /// The base's commit; empty where there is none.
    pub commit: String,
    /// Tests that are not there: the change brings them. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Tests of which nobody knows how they end there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<NotAsked>,
}

/// Tests that the base could not be asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotAsked {
    /// Why not.
    pub why: String,
    /// The next command to type.
    pub help: String,
    /// Their names, sorted.
    pub tests: Vec<String>,
}

impl BaseRun {
    /// Whether the base does not have this test.
    pub fn lacks(&self, name: &str) -> bool {
        self.absent.iter().any(|one| one == name)
    }

    /// Adds what another shard was told by the same base.
    pub fn add(&mut self, other: &BaseRun) {
        self.commit.clone_from(&other.commit);
        self.absent.extend(other.absent.iter().cloned());
        self.absent.sort();
        self.absent.dedup();
        for one in &other.unknown {
            self.not_asked(one.tests.clone(), &one.why, &one.help);
        }
    }

    /// Adds tests that could not be asked about, to those of the same reason.
    pub fn not_asked(&mut self, tests: impl IntoIterator<Item = String>, why: &str, help: &str) {
        let mut tests: Vec<String> = tests.into_iter().collect();
        if let Some(same) = self.unknown.iter_mut().find(|one| one.why == why && one.help == help) {
            same.tests.append(&mut tests);
            same.tests.sort();
            same.tests.dedup();
        } else if !tests.is_empty() {
            tests.sort();
            self.unknown.push(NotAsked { why: why.to_owned(), help: help.to_owned(), tests });
            self.unknown.sort();
        }
    }
}

#[cfg(test)]
mod proof {
    use super::*;

    #[test]
    fn what_shards_were_told_is_joined_by_reason() {
        let run = |absent: &str, test: &str, why: &str| {
            let mut run = BaseRun { commit: "c".into(), absent: vec![absent.into()], ..BaseRun::default() };
            run.not_asked([test.to_owned()], why, "h");
            run
        };
        let mut whole = BaseRun::default();
        whole.add(&run("b", "y", "slow"));
        whole.add(&run("a", "x", "slow"));
        whole.add(&run("a", "z", "broken"));
        whole.not_asked([], "nothing", "h");
        assert_eq!(whole.absent, ["a", "b"]);
        assert!(whole.lacks("a") && !whole.lacks("x"));
        let unknown: Vec<_> =
            whole.unknown.iter().map(|one| (one.why.as_str(), one.tests.join(" "))).collect();
        assert_eq!(unknown, [("broken", "z".to_owned()), ("slow", "x y".to_owned())]);
    }
}
