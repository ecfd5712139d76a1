//! The drift: what is in force and should not be, and what should be and is not. Pure, with the text for people.

use super::lines::Lines;
use crate::report::text;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// Something on GitHub that the policy speaks of, as it is and as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// What it is: `ruleset gateline`.
    pub(super) subject: String,
    /// As it is; no lines where it is not there.
    pub(super) there: Lines,
    /// As it should be.
    pub(super) wanted: Lines,
}

/// One line of the drift.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Drift {
    /// Of what: `ruleset gateline`.
    pub(super) subject: String,
    /// Which of its lines.
    pub(super) key: String,
    /// As it is; `None` where it is not there.
    pub(super) in_force: Option<Value>,
    /// As it should be; `None` where it should not be there.
    pub(super) wanted: Option<Value>,
}

/// What the token may not see, so that nobody knows whether it is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Unseen {
    /// What.
    pub(super) subject: String,
    /// What GitHub says.
    pub(super) why: String,
    /// The right that is missing.
    pub(super) right: &'static str,
}

/// Every line that differs, in the order of parts and keys.
pub(super) fn drift(parts: &[Part]) -> Vec<Drift> {
    parts.iter().flat_map(of_part).collect()
}

fn of_part(part: &Part) -> Vec<Drift> {
    let mut keys: Vec<&String> = part.there.keys().chain(part.wanted.keys()).collect();
    keys.sort();
    keys.dedup();
    let one = |key: &String| {
        let (there, wanted) = (part.there.get(key), part.wanted.get(key));
        (there != wanted).then(|| Drift {
            subject: part.subject.clone(),
            key: key.clone(),
            in_force: there.cloned(),
            wanted: wanted.cloned(),
        })
    };
    keys.into_iter().filter_map(one).collect()
}

/// The drift as a diff: `-` is in force, `+` is wanted.
pub(super) fn shown(drift: &[Drift]) -> String {
    let mut text = String::new();
    let mut subject = "";
    for one in drift {
        if subject != one.subject {
            let _ = writeln!(text, "--- in force: {0}\n+++ wanted: {0}", one.subject);
            subject = &one.subject;
        }
        for (sign, value) in [('-', &one.in_force), ('+', &one.wanted)] {
            if let Some(value) = value {
                let _ = writeln!(text, "{sign} {}", line(&one.key, value));
            }
        }
    }
    text
}

/// A line for people. Names come from outside: none of them ends the line.
fn line(key: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text::one_line(&format!("{key}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn lines(all: &[(&str, Value)]) -> Lines {
        all.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_diff_shows_what_is_in_force_and_what_is_wanted() {
        let ruleset = Part {
            subject: "ruleset gateline".to_owned(),
            there: lines(&[("a", json!(1)), ("b", json!(true)), ("same", json!("x"))]),
            wanted: lines(&[("a", json!(2)), ("c", json!("yes\u{1b}[1m\nno")), ("same", json!("x"))]),
        };
        let same = Part {
            subject: "workflows".to_owned(),
            there: lines(&[("a", json!(1))]),
            wanted: lines(&[("a", json!(1))]),
        };
        let new = Part {
            subject: "environment x".to_owned(),
            there: Lines::new(),
            wanted: lines(&[("wait_timer", json!(0))]),
        };
        let expected = "--- in force: ruleset gateline\n+++ wanted: ruleset gateline\n- a: 1\n+ a: 2\n- b: true\n+ c: yes no\n\
                        --- in force: environment x\n+++ wanted: environment x\n+ wait_timer: 0\n";
        assert_eq!(shown(&drift(&[ruleset, same, new])), expected);
    }

    proptest! {
        #[test]
        fn no_drift_is_the_same(there in prop::collection::btree_map("[a-c]", 0u8..3, 0..3), wanted in prop::collection::btree_map("[a-c]", 0u8..3, 0..3)) {
            let lines = |all: &std::collections::BTreeMap<String, u8>| -> Lines { all.iter().map(|(key, value)| (key.clone(), json!(value))).collect() };
            let part = Part { subject: String::new(), there: lines(&there), wanted: lines(&wanted) };
            prop_assert_eq!(drift(&[part]).is_empty(), there == wanted);
        }
    }
}
