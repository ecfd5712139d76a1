//! What coverage is compared with: the change, the baseline of its base, and the noise that is known.
//!
//! Computed while measuring, from stores that a later judge does not have; kept as the few numbers that judging needs.

use super::baseline::{Age, BaselineCoverage};
use super::coverage::{CoverageEvidence, LineCounts};
use super::noise::{Noise, by_path};
use super::patch::{Patch, patch};
use crate::digest::Digest;
use crate::policy::coverage::TestCode;
use crate::workspace::Change;
use crate::workspace::change::Uncompared;
use serde::{Deserialize, Serialize};

/// What coverage was compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Against {
    /// The change.
    pub patch: Patched,
    /// The baseline.
    pub baseline: Fallen,
    /// Files of the stores that could not be used, each with why.
    pub damaged: Vec<String>,
}

/// The lines that a change brings, or why none are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Patched {
    /// There is nothing to compare with, and that is right.
    NotCompared {
        /// Why.
        why: String,
    },
    /// There should be a base, but it could not be had.
    NoBase {
        /// What failed, where and why.
        message: String,
        /// The next command to type.
        help: String,
    },
    /// The lines.
    Compared(Patch),
}

/// How the whole compares with a baseline, or why it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Fallen {
    /// There is none.
    NoBaseline {
        /// Where was looked.
        why: String,
    },
    /// Both numbers.
    Compared(Comparison),
}

/// The whole before and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The baseline.
    pub age: Age,
    /// Covered and all lines at the baseline, without those that flap.
    pub before: (u64, u64),
    /// The same now.
    pub now: (u64, u64),
    /// Lines that flap and were left out of `now`.
    pub left_out: u64,
    /// Lines that flapped in files that changed since: as many may be missing.
    pub allowed: u64,
}

impl Default for Patched {
    fn default() -> Self {
        Patched::NotCompared { why: "nobody asked for a comparison".to_owned() }
    }
}

impl Default for Fallen {
    fn default() -> Self {
        Fallen::NoBaseline { why: "nobody asked for a comparison".to_owned() }
    }
}

impl Patched {
    /// What the change brings of these lines, or why that is not known.
    pub fn of(counts: &LineCounts, change: Option<&Change>, uncompared: Option<&Uncompared>) -> Patched {
        match (change, uncompared) {
            (Some(change), _) => Patched::Compared(patch(counts, change)),
            (None, Some(Uncompared::NoBase { message, help })) => {
                Patched::NoBase { message: message.clone(), help: help.clone() }
            }
            (None, Some(Uncompared::NothingToCompare { reason })) => {
                Patched::NotCompared { why: reason.clone() }
            }
            (None, None) => Patched::default(),
        }
    }
}

/// Compares with a baseline. `digest` gives a file's bytes as they are now.
pub fn compare(
    (age, before): (Age, &BaselineCoverage),
    now: &CoverageEvidence,
    noise: Option<&Noise>,
    digest: impl Fn(&str) -> Option<Digest>,
) -> Fallen {
    if before.engine != now.engine || before.test_code != now.test_code {
        let counted = |engine: &str, test_code| {
            format!(
                "`{engine}` ({})",
                if test_code == TestCode::Include { "with test code" } else { "without test code" }
            )
        };
        let why = format!(
            "the baseline {} was counted by {}, this run by {}",
            age.words(),
            counted(&before.engine, before.test_code),
            counted(&now.engine, now.test_code)
        );
        return Fallen::NoBaseline { why };
    }
    let sum = |parts: &mut dyn Iterator<Item = (u64, u64)>| {
        parts.fold((0u64, 0u64), |sum, part| (sum.0.saturating_add(part.0), sum.1.saturating_add(part.1)))
    };
    let mut comparison = Comparison {
        age,
        before: sum(&mut before.files.values().map(|file| (file.covered, file.total))),
        now: now.totals(),
        left_out: 0,
        allowed: 0,
    };
    let files = by_path(now);
    for (path, noisy) in noise.iter().flat_map(|noise| &noise.files) {
        let old = before.files.get(path);
        let new = files.get(path.as_str());
        let old_known = old.filter(|file| file.digest == noisy.digest);
        let new_known = new.filter(|_| digest(path).as_ref() == Some(&noisy.digest));
        if let (Some(old), Some(new)) = (old_known, new_known) {
            let (all, ran) = noisy.count(&old.uncovered);
            comparison.before = less(comparison.before, (ran, all));
            let (all, ran) = noisy.count(&new.uncovered);
            comparison.now = less(comparison.now, (ran, all));
            comparison.left_out += all;
        } else if old.is_some() || new.is_some() {
            comparison.allowed += noisy.size();
        }
    }
    Fallen::Compared(comparison)
}

fn less(whole: (u64, u64), part: (u64, u64)) -> (u64, u64) {
    (whole.0.saturating_sub(part.0), whole.1.saturating_sub(part.1))
}

#[cfg(test)]
mod proof {
    use super::super::baseline::BaselineFile;
    use super::super::coverage::FileCoverage;
    use super::super::noise::{NoisyFile, SCHEMA};
    use super::*;
    use crate::policy::Percent;

    fn before(uncovered: &[(u32, u32)], bytes: &[u8]) -> BaselineCoverage {
        let missing: u64 = uncovered.iter().map(|(first, last)| u64::from(last - first + 1)).sum();
        let file = BaselineFile {
            digest: Digest::of(bytes),
            covered: 10 - missing,
            total: 10,
            uncovered: uncovered.to_vec(),
        };
        BaselineCoverage {
            engine: "e".into(),
            test_code: TestCode::default(),
            files: [("a.rs".into(), file)].into(),
        }
    }

    fn now(uncovered: &[(u32, u32)]) -> CoverageEvidence {
        let missing: u64 = uncovered.iter().map(|(first, last)| u64::from(last - first + 1)).sum();
        let file = FileCoverage {
            file: "a.rs".into(),
            package: "p".into(),
            covered: 10 - missing,
            total: 10,
            uncovered: uncovered.to_vec(),
            ..FileCoverage::default()
        };
        CoverageEvidence { engine: "e".into(), files: vec![file], ..CoverageEvidence::default() }
    }

    fn noise(lines: &[(u32, u32)]) -> Noise {
        let file = NoisyFile { digest: Digest::of(b"same"), lines: lines.to_vec() };
        Noise {
            schema: SCHEMA.into(),
            commit: "c".into(),
            toolchain: Digest::of(b""),
            recorded: jiff::Timestamp::UNIX_EPOCH,
            runs: 3,
            covered_min: 7,
            covered_max: 10,
            total: 10,
            tolerance: Percent::whole(30),
            files: [("a.rs".into(), file)].into(),
        }
    }

    fn age() -> Age {
        Age { commit: "c".into(), behind: 0, days: 0 }
    }

    fn compared(
        before: &BaselineCoverage,
        now: &CoverageEvidence,
        noise: &Noise,
        bytes: &[u8],
    ) -> Comparison {
        match compare((age(), before), now, Some(noise), |_| Some(Digest::of(bytes))) {
            Fallen::Compared(comparison) => comparison,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_that_flap_are_left_out_on_both_sides() {
        let found = compared(&before(&[], b"same"), &now(&[(4, 6)]), &noise(&[(4, 6)]), b"same");
        assert_eq!((found.before, found.now, found.left_out, found.allowed), ((7, 7), (7, 7), 3, 0));
    }

    #[test]
    fn where_the_file_changed_as_many_lines_may_be_missing() {
        let found = compared(&before(&[], b"same"), &now(&[(4, 6)]), &noise(&[(4, 6)]), b"other");
        assert_eq!((found.before, found.now, found.left_out, found.allowed), ((10, 10), (7, 10), 0, 3));
        let found = compared(&before(&[], b"older"), &now(&[(4, 6)]), &noise(&[(4, 6)]), b"same");
        assert_eq!((found.left_out, found.allowed), (0, 3));
    }

    #[test]
    fn another_engine_is_not_compared() {
        let other = BaselineCoverage { engine: "f".into(), ..before(&[], b"same") };
        let found = compare((age(), &other), &now(&[]), None, |_| None);
        assert!(matches!(found, Fallen::NoBaseline { why } if why.contains("`f`")));
        let other = BaselineCoverage { test_code: TestCode::Include, ..before(&[], b"same") };
        let found = compare((age(), &other), &now(&[]), None, |_| None);
        assert!(matches!(found, Fallen::NoBaseline { why } if why.contains("with test code")));
    }
}
