//! Further feature sets: what of a run means their tests, and their results beside those of the first.
//!
//! A test is the set, the binary and its name. While a set runs, its tests have plain names; before and after, those of a
//! further set end in ` [features: SET]`. A word that is the whole name of a test of the first set means that test alone,
//! so that a command in a report runs what it says and compiles no other set.

use super::RunOptions;
use super::list::Listing;
use crate::evidence::part::Split;
use crate::evidence::{TestsEvidence, reused};
use crate::policy::FeatureSet;
use crate::policy::features::SUFFIX_START;

/// The words of a run that can mean tests of a further set, without the set. `None`: no test of the set is wanted. `is_whole`
/// tells the names of the first set's tests.
pub fn words_of_set(
    words: &[String],
    set: &FeatureSet,
    is_whole: impl Fn(&str) -> bool,
) -> Option<Vec<String>> {
    let suffix = set.suffix();
    let everything = |word: &&String| suffix.contains(word.trim()) && word.contains(SUFFIX_START.trim());
    if words.is_empty() || words.iter().any(|word| everything(&word)) {
        return Some(Vec::new());
    }
    let plain = |word: &String| match word.strip_suffix(&suffix) {
        Some(plain) => Some(plain.to_owned()),
        None => (!word.contains(SUFFIX_START) && !is_whole(word)).then(|| word.clone()),
    };
    let plain: Vec<String> = words.iter().filter_map(plain).collect();
    (!plain.is_empty()).then_some(plain)
}

impl RunOptions {
    /// The same for a further set and these words of it: with the last run's times under the names that its tests have while
    /// they run.
    #[must_use]
    pub fn of_set(&self, set: &FeatureSet, words: Vec<String>) -> RunOptions {
        let suffix = set.suffix();
        let mut options =
            RunOptions { filters: words, selection: self.selection.of_set(set), ..self.clone() };
        if let Some(previous) = &mut options.previous {
            previous.tests.retain_mut(|test| {
                let plain = test.name.strip_suffix(&suffix).map(str::to_owned);
                plain.is_some_and(|plain| {
                    test.name = plain;
                    true
                })
            });
        }
        options
    }
}

impl Listing {
    /// Adds a further set's tests, each with the set in its name.
    pub fn add_set(&mut self, mut listing: Listing, set: &FeatureSet) {
        let suffix = set.suffix();
        listing.tests.iter_mut().for_each(|test| test.name.push_str(&suffix));
        listing.broken.iter_mut().for_each(|broken| broken.name.push_str(&suffix));
        self.tests.extend(listing.tests);
        self.tests.sort();
        self.broken.extend(listing.broken);
    }
}

/// Adds a set's tests, each with the set in its name.
pub fn add_set(evidence: &mut TestsEvidence, mut ran: TestsEvidence, set: &FeatureSet) {
    let suffix = set.suffix();
    ran.tests.iter_mut().for_each(|test| test.name.push_str(&suffix));
    ran.broken.iter_mut().for_each(|broken| broken.name.push_str(&suffix));
    ran.compile_errors.iter_mut().for_each(|error| error.message.push_str(&suffix));
    for name in ran.empty.iter_mut().chain(&mut ran.counts_lost) {
        name.push_str(&suffix);
    }
    if let (Some(whole), Some(own)) = (&mut evidence.part.shard, ran.part.shard) {
        whole.sets.insert(set.to_string(), Split { tests: own.tests, total: own.total });
    }
    evidence.empty.extend(ran.empty);
    evidence.counts_lost.extend(ran.counts_lost);
    ran.reused.into_iter().for_each(|one| reused::add(&mut evidence.reused, one));
    evidence.tests.extend(ran.tests);
    evidence.tests.sort_by(|a, b| a.name.cmp(&b.name));
    evidence.broken.extend(ran.broken);
    evidence.compile_errors.extend(ran.compile_errors);
    evidence.forget_what_is_empty_in_one_set();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::evidence::part::ShardPart;
    use crate::evidence::tests::{TestOutcome, TestResult};

    #[test]
    fn words_mean_tests_of_their_set() {
        let check = |words: &[&str], expected: Option<&[&str]>| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let left = words_of_set(&words, &FeatureSet::None, |name| name == "p::lib$a");
            let left = left.as_ref().map(|left| left.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(left.as_deref(), expected, "{words:?}");
        };
        check(&[], Some(&[]));
        check(&["lib"], Some(&["lib"]));
        check(&["p::lib$a"], None);
        check(&["p::lib$a", "p::lib$b"], Some(&["p::lib$b"]));
        check(&["p::lib$a [features: none]"], Some(&["p::lib$a"]));
        check(&["p::lib$a [features: all]"], None);
        check(&["[features: none]"], Some(&[]));
        check(&["none"], Some(&["none"]));
    }

    fn ran(name: &str, total: u64) -> TestsEvidence {
        let none = || Digest::of(b"");
        let shard = ShardPart { index: 1, count: 2, times: none(), tests: none(), total, sets: [].into() };
        let mut evidence = TestsEvidence {
            tests: vec![TestResult::new(name, TestOutcome::Passed)],
            empty: vec!["p::it".into(), "p::alone".into()],
            ..TestsEvidence::default()
        };
        evidence.part.shard = Some(shard);
        evidence
    }

    #[test]
    fn results_stand_beside_those_of_the_first_with_what_was_split() {
        let mut evidence = ran("p::lib$b", 7);
        add_set(&mut evidence, ran("p::lib$a", 3), &FeatureSet::None);
        let names: Vec<_> = evidence.tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["p::lib$a [features: none]", "p::lib$b"]);
        assert_eq!(evidence.empty, ["p::it", "p::alone"], "once, whatever the number of sets");
        let mut more = evidence.clone();
        add_set(&mut more, ran("p::alone$a", 3), &FeatureSet::All);
        assert_eq!(more.empty, ["p::it"], "it has a test in another set");
        let shard = evidence.part.shard.as_ref().unwrap();
        assert_eq!((shard.total, shard.sets["none"].total), (7, 3));
        // The times of the last run are found again under plain names, those of other sets are not.
        let options = RunOptions { previous: Some(evidence), ..RunOptions::default() };
        let of_set = options.of_set(&FeatureSet::None, vec!["a".into()]);
        let names: Vec<_> =
            of_set.previous.iter().flat_map(|ran| &ran.tests).map(|test| test.name.as_str()).collect();
        assert_eq!((names, of_set.filters), (vec!["p::lib$a"], vec!["a".to_owned()]));
    }
}
