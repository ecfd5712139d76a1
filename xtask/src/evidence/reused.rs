//! What was not run but used again: the results of an earlier run with the same inputs (DESIGN §6).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The run that results were taken from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EarlierRun {
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
    pub from: EarlierRun,
    /// Test binaries; the documentation tests of all packages count as one.
    pub binaries: u64,
    /// Tests in them.
    pub tests: u64,
}

/// Adds results to those that are told already: one entry for each run.
pub fn add(all: &mut Vec<Reused>, more: Reused) {
    match all.iter_mut().find(|one| one.from == more.from) {
        Some(one) => {
            one.binaries += more.binaries;
            one.tests += more.tests;
        }
        None => all.push(more),
    }
    all.sort_by(|a, b| a.from.cmp(&b.from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_each_run() {
        let from = |second| EarlierRun {
            at: Timestamp::from_second(second).unwrap(),
            commit: "c".repeat(40),
            dirty: false,
        };
        let mut all = Vec::new();
        let one = |second, binaries, tests| Reused { from: from(second), binaries, tests };
        for more in [one(2, 1, 3), one(1, 1, 1), one(2, 1, 4), one(1, 1, 5), one(0, 2, 2)] {
            add(&mut all, more);
        }
        let shown: Vec<_> =
            all.iter().map(|one| (one.from.at.as_second(), one.binaries, one.tests)).collect();
        assert_eq!(shown, [(0, 2, 2), (1, 2, 6), (2, 2, 7)]);
    }
}
