//! What was not run but used again: the results of an earlier run with the same inputs (DESIGN §6).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The run that results were taken from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct From {
    /// When its tests had ended.
    pub at: Timestamp,
    /// Its commit, 40 hexadecimal digits.
    pub commit: String,
    /// Whether files differed from that commit.
    pub dirty: bool,
}

/// Results of one earlier run that stand for this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reused {
    /// Whose they are.
    pub from: From,
    /// Test binaries; the documentation tests of all packages count as one.
    pub binaries: u64,
    /// Tests in them.
    pub tests: u64,
}

/// Adds one binary's tests to what is told of its run.
pub fn add(all: &mut Vec<Reused>, from: &From, tests: u64) {
    match all.iter_mut().find(|one| one.from == *from) {
        Some(one) => {
            one.binaries += 1;
            one.tests += tests;
        }
        None => all.push(Reused { from: from.clone(), binaries: 1, tests }),
    }
    all.sort_by(|a, b| a.from.cmp(&b.from));
}

/// Adds what another feature set used again.
pub fn merge(all: &mut Vec<Reused>, more: Vec<Reused>) {
    for other in more {
        match all.iter_mut().find(|one| one.from == other.from) {
            Some(one) => {
                one.binaries += other.binaries;
                one.tests += other.tests;
            }
            None => all.push(other),
        }
    }
    all.sort_by(|a, b| a.from.cmp(&b.from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_each_run() {
        let from = |second| From {
            at: Timestamp::from_second(second).unwrap(),
            commit: "c".repeat(40),
            dirty: false,
        };
        let mut all = Vec::new();
        add(&mut all, &from(2), 3);
        add(&mut all, &from(1), 1);
        add(&mut all, &from(2), 4);
        merge(&mut all, vec![Reused { from: from(1), binaries: 1, tests: 5 }]);
        merge(&mut all, vec![Reused { from: from(0), binaries: 2, tests: 2 }]);
        let shown: Vec<_> =
            all.iter().map(|one| (one.from.at.as_second(), one.binaries, one.tests)).collect();
        assert_eq!(shown, [(0, 2, 2), (1, 2, 6), (2, 2, 7)]);
    }
}
