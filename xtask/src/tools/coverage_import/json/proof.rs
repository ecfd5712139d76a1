//! What is skipped and read, compared with `serde_json`.

use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;

/// Texts that are JSON or nearly so.
fn texts() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        "\"(\\\\[\"/bfnrtxu]|\\\\u[0-9a-fA-F]{4}|[a-zü\n ])*\"",
    ];
    let value = scalar.prop_recursive(4, 40, 4, |inner| {
        let entry = ("\"[a-z]{0,3}\" ?", inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
            prop::collection::vec(entry, 0..4).prop_map(|all| format!("{{\n{}}}", all.join(","))),
        ]
    });
    // A place, and what is done to it: nothing, taken away, or another character.
    (value, any::<prop::sample::Index>(), prop::option::of("[\\[\\]{},:\"0e.\\\\ -]?")).prop_map(
        |(text, place, other)| {
            let Some(other) = other else { return text };
            let at = place.index(text.chars().count().max(1));
            let cut = |(index, letter): (usize, char)| {
                if index == at { other.clone() } else { letter.to_string() }
            };
            text.chars().enumerate().map(cut).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_skipped_is_what_serde_json_takes(text in texts(), size in 1usize..40) {
        let input = std::io::BufReader::with_capacity(size, text.as_bytes());
        let mut json = Json::new(input);
        let ours = json.skip().and_then(|()| json.end());
        let theirs = serde_json::from_str::<IgnoredAny>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?}, {:?}", text, ours, theirs);
    }

    #[test]
    fn strings_and_numbers_are_what_serde_json_reads(string in any::<String>(), number in any::<u64>(), truth in any::<bool>(), size in 1usize..9) {
        let text = serde_json::to_string_pretty(&(&string, number, truth)).unwrap();
        let mut json = Json::new(std::io::BufReader::with_capacity(size, text.as_bytes()));
        json.expect(b'[').unwrap();
        prop_assert_eq!(json.string().unwrap(), string);
        json.expect(b',').unwrap();
        prop_assert_eq!(json.whole().unwrap(), number);
        json.expect(b',').unwrap();
        prop_assert_eq!(json.truth().unwrap(), truth);
        json.expect(b']').unwrap();
        json.end().unwrap();
    }
}

#[test]
fn what_is_no_whole_number_is_refused() {
    for text in ["-1", "01", "1.5", "1e3", "x", ""] {
        assert!(Json::new(text.as_bytes()).whole().is_err(), "{text}");
    }
    assert_eq!(Json::new(&b"99999999999999999999,"[..]).whole().unwrap(), u64::MAX);
}
