//! Selection: which of all tests this run is asked for, by package and by shard.
//!
//! A shard is chosen from names and recorded times alone, so that machines that share nothing but these agree: with times,
//! the longest goes to the shard with the least to do so far; without, each name's digest says where it goes, so that a
//! new test moves no other. Tests that the policy puts first prepare what others use, so every shard runs them, and so
//! does every selection by package. Each feature set is split by itself, a test by its name with the set. Documentation tests of a package go together: their names are known only when they ran.

use crate::digest::{Digest, Hasher};
use crate::evidence::part::ShardPart;
use crate::policy::FeatureSet;
use crate::policy::features::SUFFIX_START;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds that tests took, by name.
pub type Times = BTreeMap<String, u64>;

/// What stands for all documentation tests of a package.
const DOCUMENTATION: &str = "::doc";

/// Which tests are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of these packages.
    pub packages: Option<BTreeSet<String>>,
    /// Only one shard of them.
    pub shard: Option<Shard>,
}

/// One of several shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1 to `count`.
    pub index: u32,
    /// How many there are.
    pub count: u32,
    /// What it is split by.
    pub times: Times,
    /// What the names of tests end with besides, in a further feature set.
    pub suffix: String,
}

/// The answer for one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// Names of tests; `package::doc` stands for that package's documentation tests.
    pub names: BTreeSet<String>,
    /// What evidence says of the shard.
    pub shard: Option<ShardPart>,
}

impl Selected {
    /// Whether a test is wanted.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether a package's documentation tests are wanted.
    pub fn documents(&self, package: &str) -> bool {
        self.names.contains(&documentation_of(package))
    }
}

/// What stands for a package's documentation tests.
pub fn documentation_of(package: &str) -> String {
    format!("{package}{DOCUMENTATION}")
}

impl Selection {
    /// Whether everything is wanted.
    pub fn is_everything(&self) -> bool {
        self.packages.is_none() && self.shard.is_none()
    }

    /// The same for a further feature set, whose tests have plain names while they run.
    #[must_use]
    pub fn of_set(&self, set: &FeatureSet) -> Selection {
        let shard = self.shard.clone().map(|shard| Shard { suffix: set.suffix(), ..shard });
        Selection { packages: self.packages.clone(), shard }
    }

    /// Chooses among all names of tests and of `package::doc` units; `first` are the policy's first tests.
    pub fn choose<'a>(&self, all: impl IntoIterator<Item = &'a str>, first: &[String]) -> Selected {
        let (before, names): (BTreeSet<&str>, BTreeSet<&str>) =
            all.into_iter().partition(|name| first.iter().any(|one| one == name));
        let package = |name: &str| name.split("::").next().unwrap_or(name).to_owned();
        let names: BTreeSet<&str> = names
            .into_iter()
            .filter(|name| self.packages.as_ref().is_none_or(|wanted| wanted.contains(&package(name))))
            .collect();
        let mut selected = Selected::default();
        match &self.shard {
            None => selected.names.extend(names.iter().map(|name| (*name).to_owned())),
            Some(shard) => {
                selected.shard = Some(shard.part(&names));
                selected.names.extend(shard.share(&names).into_iter().map(str::to_owned));
            }
        }
        selected.names.extend(before.into_iter().map(str::to_owned));
        selected
    }
}

impl Shard {
    fn part(&self, names: &BTreeSet<&str>) -> ShardPart {
        let mut tests = Hasher::default();
        names.iter().for_each(|name| tests.field(self.full(name).as_bytes()));
        let mut times = Hasher::default();
        for (name, millis) in &self.times {
            times.field(name.as_bytes());
            times.field(&millis.to_le_bytes());
        }
        ShardPart {
            index: self.index,
            count: self.count,
            times: times.finish(),
            tests: tests.finish(),
            total: names.len() as u64,
            sets: BTreeMap::new(),
        }
    }

    fn full(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// The names of this shard.
    fn share<'a>(&self, names: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let own = u64::from(self.index.saturating_sub(1));
        if self.times.is_empty() {
            let count = u64::from(self.count.max(1));
            return names.iter().copied().filter(|name| number_of(&self.full(name)) % count == own).collect();
        }
        let known: BTreeMap<&str, u64> =
            names.iter().filter_map(|name| Some((*name, self.time_of(name)?))).collect();
        let median = median(known.values().copied().collect());
        let mut by_weight: Vec<(u64, &str)> =
            names.iter().map(|name| (known.get(name).copied().unwrap_or(median), *name)).collect();
        by_weight.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let mut loads = vec![0_u64; self.count.max(1) as usize];
        let mut share = BTreeSet::new();
        for (weight, name) in by_weight {
            let least = (0..loads.len()).min_by_key(|shard| loads[*shard]).unwrap_or(0);
            // A test of no time still costs its process.
            loads[least] = loads[least].saturating_add(weight.max(1));
            if least as u64 == own {
                share.insert(name);
            }
        }
        share
    }

    fn time_of(&self, name: &str) -> Option<u64> {
        if !name.ends_with(DOCUMENTATION) {
            return self.times.get(&self.full(name)).copied();
        }
        let of_this_set = |test: &str| match self.suffix.as_str() {
            "" => !test.contains(SUFFIX_START),
            suffix => test.ends_with(suffix),
        };
        let of_this_package = |test: &str| test.strip_prefix(name).is_some_and(|rest| rest.starts_with('$'));
        let tests = self.times.iter().filter(|(test, _)| of_this_package(test) && of_this_set(test));
        tests.map(|(_, millis)| *millis).reduce(u64::saturating_add)
    }
}

/// A number that only the name decides.
fn number_of(name: &str) -> u64 {
    let digest = Digest::of(name.as_bytes());
    u64::from_str_radix(&digest.hex()[..16], 16).unwrap_or(0)
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shard(index: u32, count: u32, times: &[(&str, u64)]) -> Selection {
        let times = times.iter().map(|(name, millis)| ((*name).to_owned(), *millis)).collect();
        let shard = Shard { index, count, times, suffix: String::new() };
        Selection { packages: None, shard: Some(shard) }
    }

    fn names(selected: &Selected) -> Vec<&str> {
        selected.names.iter().map(String::as_str).collect()
    }

    #[test]
    fn the_longest_go_apart_and_the_unknown_count_as_the_median() {
        let times = [
            ("p::lib$slow", 900),
            ("p::lib$a", 300),
            ("p::lib$b", 300),
            ("p::doc$src/lib.rs - x (line 1)", 250),
        ];
        let all = ["p::lib$a", "p::lib$b", "p::lib$slow", "p::lib$new", "p::doc"];
        let of = |index| names(&shard(index, 2, &times).choose(all, &[])).join(" ");
        assert_eq!(of(1), "p::doc p::lib$slow");
        assert_eq!(of(2), "p::lib$a p::lib$b p::lib$new");
    }

    #[test]
    fn a_set_is_split_by_its_own_names_and_times() {
        let times = [
            ("p::lib$a", 900),
            ("p::lib$a [features: none]", 1),
            ("p::lib$b [features: none]", 900),
            ("p::doc$src/lib.rs - x (line 1)", 2),
            ("p::doc$src/lib.rs - x (line 1) [features: none]", 5000),
        ];
        let of_set = |index, all: &[&str]| {
            shard(index, 2, &times).of_set(&FeatureSet::None).choose(all.iter().copied(), &[])
        };
        let all = ["p::lib$a", "p::lib$b", "p::doc"];
        assert_eq!(names(&of_set(1, &all)), ["p::doc"]);
        assert_eq!(names(&of_set(2, &all)), ["p::lib$a", "p::lib$b"]);
        let all = ["p::lib$a", "p::doc"];
        let first = shard(1, 2, &times).choose(all, &[]);
        assert_eq!(names(&first), ["p::lib$a"], "the other set's times do not count here");
        assert_ne!(first.shard.unwrap().tests, of_set(1, &all).shard.unwrap().tests);
    }

    #[test]
    fn packages_are_chosen_and_the_first_always_run() {
        let packages = Some(["q".to_owned()].into());
        let selected = Selection { packages, shard: None }.choose(
            ["p::lib$a", "q::lib$b", "q::doc", "pq::lib$c", "p::it$first"],
            &["p::it$first".to_owned()],
        );
        assert_eq!(names(&selected), ["p::it$first", "q::doc", "q::lib$b"]);
        assert!(selected.documents("q") && !selected.documents("p") && selected.shard.is_none());
    }

    #[test]
    fn evidence_names_what_was_split_and_by_what() {
        let part = |times: &[(&str, u64)], all: &[&str]| {
            shard(1, 2, times).choose(all.iter().copied(), &[]).shard.unwrap()
        };
        let one = part(&[], &["p::lib$a"]);
        assert_eq!((one.index, one.count, one.total), (1, 2, 1));
        assert_ne!(one.tests, part(&[], &["p::lib$b"]).tests);
        assert_ne!(one.times, part(&[("p::lib$a", 1)], &["p::lib$a"]).times);
    }

    proptest! {
        #[test]
        fn every_test_is_in_exactly_one_shard(all in prop::collection::btree_set("[pq]::(lib|doc)\\$?[a-d]{0,2}", 0..30), times in prop::collection::btree_map("[pq]::(lib|doc)\\$?[a-d]{0,2}", 0u64..5000, 0..20), count in 1u32..6, first in prop::collection::vec("p::lib\\$[a-d]", 0..2)) {
            let mut seen: BTreeMap<String, u32> = BTreeMap::new();
            for index in 1..=count {
                let selection = Selection { packages: None, shard: Some(Shard { index, count, times: times.clone(), suffix: String::new() }) };
                let selected = selection.choose(all.iter().map(String::as_str), &first);
                prop_assert_eq!(&selected, &selection.choose(all.iter().map(String::as_str), &first));
                for name in selected.names {
                    *seen.entry(name).or_default() += 1;
                }
            }
            for name in &all {
                let expected = if first.contains(name) { count } else { 1 };
                prop_assert_eq!(seen.get(name), Some(&expected), "{}", name);
            }
            prop_assert_eq!(seen.len(), all.len());
        }

        #[test]
        fn no_shard_has_more_than_the_average_and_one_test(millis in prop::collection::vec(1u64..1000, 1..40), count in 1u32..6) {
            let times: Times = millis.iter().enumerate().map(|(index, one)| (format!("p::lib$t{index}"), *one)).collect();
            for index in 1..=count {
                let selection = Selection { packages: None, shard: Some(Shard { index, count, times: times.clone(), suffix: String::new() }) };
                let selected = selection.choose(times.keys().map(String::as_str), &[]);
                let load: u64 = selected.names.iter().map(|name| times[name]).sum();
                let longest = millis.iter().max().copied().unwrap_or(0);
                prop_assert!(load <= millis.iter().sum::<u64>() / u64::from(count) + longest);
            }
        }
    }
}
