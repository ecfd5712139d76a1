//! What of the samples is found, by format and by container.

use super::kind::Kind;
use super::rules::RULES;
use super::samples::containers;
pub(super) use super::samples::{ALNUM, body, samples};
use super::scan::Scanner;
use std::sync::LazyLock;

pub(super) static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());

pub(super) fn names(text: &[u8]) -> Vec<&'static str> {
    SCANNER.scan(text, Kind::Text).places.iter().map(|place| RULES[place.rule].name).collect()
}

/// The table of `docs/reference/security-gate.md`: of each container, in how many of those that can be put into it the secret is found.
#[test]
fn recall_by_container() {
    let mut counts: std::collections::BTreeMap<&str, (usize, usize, Vec<&str>)> = Default::default();
    for sample in samples() {
        for (container, text) in containers(sample) {
            let (found, all, missed) = counts.entry(container).or_default();
            *all += 1;
            if names(text.as_bytes()).is_empty() {
                missed.push(sample.rule());
            } else {
                *found += 1;
            }
        }
    }
    for (container, (found, all, missed)) in &counts {
        println!("{container}: {found} of {all} ({missed:?})");
    }
    let share = |container: &str| counts.get(container).map_or(0, |(found, all, _)| found * 100 / all);
    assert_eq!(share("plain"), 100);
    for (container, least) in
        [("JSON", 95), ("YAML", 98), ("URL", 95), ("base64", 90), ("base64 in lines", 90), ("in pieces", 70)]
    {
        assert!(share(container) >= least, "{container}: {} %, {:?}", share(container), counts[container].2);
    }
}
