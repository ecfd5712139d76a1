//! Which tests are wanted: those whose name contains one of some words. A word that is the whole name of a test means that
//! test alone, so that the command in a report runs what it says.
//!
//! A word with the name of a feature set means tests of that set alone; while a set's tests run, its own words have lost it
//! (`sets.rs`), so whatever still has one means nothing.
//!
//! Documentation tests are asked for only where a word can mean nothing else: rustdoc takes a second to say that it has none,
//! and these words are typed twenty times a day.

use crate::policy::features::SUFFIX_START;
use std::collections::HashSet;

/// What separates a binary's name from the test's.
const SEPARATOR: char = '$';

/// Words, of which one is enough; no word wants everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter<'a>(pub(super) &'a [String]);

/// The same, once it is known which words are whole names.
pub(super) struct Chosen<'a> {
    words: &'a [String],
    whole: HashSet<&'a str>,
}

impl<'a> Filter<'a> {
    /// Whether a test of this binary can be wanted.
    pub(super) fn may_want(self, binary: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|word| may_mean(word, binary))
    }

    /// The choice among these names.
    pub(super) fn among<'n>(self, names: impl Iterator<Item = &'n str>) -> Chosen<'a> {
        let mut whole = HashSet::new();
        for name in names {
            whole.extend(self.0.iter().map(String::as_str).filter(|word| *word == name));
        }
        Chosen { words: self.0, whole }
    }

    /// The words that are left for documentation tests, where the ordinary tests have these names. `None`: they are not asked.
    pub(super) fn for_documentation(self, names: &[&str]) -> Option<Vec<String>> {
        if self.0.is_empty() {
            return Some(Vec::new());
        }
        let means_documentation = |word: &&String| match word.split_once(SEPARATOR) {
            _ if word.contains(SUFFIX_START) => false,
            Some((binary, _)) => binary.is_empty() || binary.ends_with("doc"),
            None => !names.iter().any(|name| name.contains(word.as_str())),
        };
        let words: Vec<_> = self.0.iter().filter(means_documentation).cloned().collect();
        (!words.is_empty()).then_some(words)
    }
}

impl Chosen<'_> {
    /// Whether this one is wanted.
    pub(super) fn has(&self, name: &str) -> bool {
        let means = |word: &String| match self.whole.contains(word.as_str()) {
            true => word == name,
            false => name.contains(word.as_str()),
        };
        self.words.is_empty() || self.words.iter().any(means)
    }
}

fn may_mean(word: &str, binary: &str) -> bool {
    !word.contains(SUFFIX_START) && word.split_once(SEPARATOR).is_none_or(|(end, _)| binary.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 4] = ["p::lib$a", "p::lib$ab", "q::it$a::b", "q::whole"];

    fn check(words: &[&str], expected: &[&str], documentation: Option<&[&str]>) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let chosen = Filter(&words).among(NAMES.into_iter());
        let has: Vec<_> = NAMES.into_iter().filter(|name| chosen.has(name)).collect();
        assert_eq!(has, expected, "{words:?}");
        let left = Filter(&words).for_documentation(&NAMES);
        let left = left.as_ref().map(|words| words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(left.as_deref(), documentation, "{words:?}");
    }

    #[test]
    fn a_word_is_part_of_a_name_or_a_whole_one() {
        check(&[], &NAMES, Some(&[]));
        check(&["ab"], &["p::lib$ab"], None);
        check(&["p::lib$a"], &["p::lib$a"], None);
        check(&["lib$a"], &["p::lib$a", "p::lib$ab"], None);
        check(&["q::whole", "::b"], &["q::it$a::b", "q::whole"], None);
        check(&["nothing"], &[], Some(&["nothing"]));
        check(&["p::lib$a [features: none]", "p::doc$a [features: none]", "[features: none]"], &[], None);
        check(&["ab", "p::doc$src"], &["p::lib$ab"], Some(&["p::doc$src"]));
    }

    #[test]
    fn a_word_with_a_binary_asks_no_other() {
        let may = |word: &str, binary| Filter(&[word.to_owned()]).may_want(binary);
        assert!(
            may("p::lib$a", "p::lib") && may("lib$a", "p::lib") && may("a", "p::lib") && may("$a", "p::lib")
        );
        assert!(!may("p::lib$a", "p::it") && !may("p::doc$a", "p::lib"));
    }

    proptest! {
        #[test]
        fn what_is_chosen_comes_from_a_binary_that_is_asked(word in "[a-c:$]{0,5}", binary in "[a-c:]{1,4}", test in "[a-c:]{1,4}") {
            let name = format!("{binary}${test}");
            let words = [word];
            if Filter(&words).among([name.as_str()].into_iter()).has(&name) {
                prop_assert!(Filter(&words).may_want(&binary));
            }
        }
    }
}
