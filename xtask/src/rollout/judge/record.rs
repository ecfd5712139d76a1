//! The record of a judgement: what went in beside what came out, so that anybody can judge again and get the same bytes.

use super::{Input, Verdict, judge};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema of a record.
pub const SCHEMA: &str = "gateline/judge/v1";

/// Most differences that are listed.
const DIFFERENCES_MAX: usize = 20;

#[derive(Serialize)]
struct Written<'a> {
    schema: &'a str,
    input: &'a Input,
    verdict: &'a Verdict,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: String,
    input: Input,
    verdict: Value,
}

/// What came of judging a record again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// The verdict, as it is found now.
    pub verdict: Verdict,
    /// Where the record has something else: path, what it says, what is found. Empty where the bytes are the same.
    pub differences: Vec<String>,
}

/// The record of this input: one line of JSON.
pub fn record(input: &Input) -> String {
    written(input, &judge(input))
}

fn written(input: &Input, verdict: &Verdict) -> String {
    // Plain data with string keys: it always serialises.
    let text = serde_json::to_string(&Written { schema: SCHEMA, input, verdict }).unwrap_or_default();
    text + "\n"
}

/// Judges the input of a record again.
///
/// # Errors
/// Why this is no record, in one line.
pub fn replay(text: &str) -> Result<Replay, String> {
    let stored: Stored = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if stored.schema != SCHEMA {
        return Err(format!("its schema is `{}`, not `{SCHEMA}`", stored.schema));
    }
    let verdict = judge(&stored.input);
    let again = written(&stored.input, &verdict);
    let mut differences = Vec::new();
    if again != text {
        // Both sides are read back from text, so that reading a number is not what differs.
        let found = serde_json::from_str::<Value>(&again)
            .ok()
            .and_then(|mut value| value.get_mut("verdict").map(Value::take));
        compare("verdict", &stored.verdict, &found.unwrap_or_default(), &mut differences);
        if differences.is_empty() {
            differences
                .push("the values are the same, but not the bytes: spaces, order or notation".to_owned());
        }
    }
    differences.truncate(DIFFERENCES_MAX);
    Ok(Replay { verdict, differences })
}

fn compare(path: &str, stored: &Value, found: &Value, differences: &mut Vec<String>) {
    match (stored, found) {
        (Value::Object(one), Value::Object(other)) => {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(added) {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&format!("{path}.{key}"), &of(one), &of(other), differences);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}[{at}]"), one, other, differences);
            }
        }
        _ if stored != found => {
            differences.push(format!("{path}: the record says {stored}, judging it again {found}"))
        }
        _ => {}
    }
}
