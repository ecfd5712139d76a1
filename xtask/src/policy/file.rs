//! One policy file: from bytes to values, and errors that say file, line, column and the nearest known key.

use super::places::{Flaw, Places};
use crate::failure::Failure;
use serde::de::DeserializeOwned;

/// A policy file may be this long; a longer one is not a policy.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

/// The text of a policy file.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] with the place of the first byte that is no UTF-8.
pub fn text(name: &str, bytes: Vec<u8>) -> anyhow::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        Failure::usage(
            format!("policies/{name}:{line}:{column}: a byte that is not UTF-8"),
            "save the file as UTF-8",
        )
    })
}

/// One file's values, and where they stand. A missing or empty file means the default.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] with file, line and the nearest known key.
pub fn file_with_places<T: DeserializeOwned + Default>(
    read: impl Fn(&str) -> anyhow::Result<Option<String>>,
    name: &str,
) -> anyhow::Result<(T, Places)> {
    let Some(text) = read(name)? else { return Ok((T::default(), Places::default())) };
    if text.len() > POLICY_BYTES_MAX {
        let message = format!(
            "policies/{name}: {} bytes are more than a policy may have ({POLICY_BYTES_MAX})",
            text.len()
        );
        return Err(Failure::usage(message, "cargo xtask policy show"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let blank =
        |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---";
    if text.lines().all(blank) {
        return Ok((T::default(), Places::default()));
    }
    let places = Places::read(text).map_err(|Flaw { place, what }| {
        Failure::usage(format!("policies/{name}:{place}: {what}"), "mend the file")
    })?;
    match serde_yaml::from_str(text) {
        Ok(value) => Ok((value, places)),
        Err(error) => Err(located(name, &error, &places)),
    }
}

/// What serde_yaml says, with the file before it and the nearest known key behind it. The place of the value that its
/// path names is exact; its own place may be that of the section.
fn located(name: &str, error: &serde_yaml::Error, places: &Places) -> anyhow::Error {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
    let words: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    let unknown = said.contains("unknown field") || said.contains("unknown variant");
    let near = match words.split_first() {
        Some((unknown_one, known)) if unknown => {
            nearest(unknown_one, known).map(|near| format!("; did you mean `{near}`?"))
        }
        _ => None,
    };
    let path = said.split(": ").next().filter(|path| !path.contains([' ', '`'])).unwrap_or_default();
    let exact = match words.first() {
        Some(key) if said.contains("unknown field") => places.of(join(path, key).trim_start_matches('.')),
        _ => places.of(path),
    };
    let own = error.location().map(|at| format!("{}:{}", at.line(), at.column()));
    let place =
        exact.map(|place| place.to_string()).or(own).map_or(String::new(), |place| format!(":{place}"));
    Failure::usage(
        format!("policies/{name}{place}: {said}{}", near.unwrap_or_default()),
        "mend the file; `cargo xtask policy show` prints what is in force, with every key",
    )
}

fn join(path: &str, key: &str) -> String {
    format!("{path}.{key}")
}

/// The nearest of the known words; `timeout-secs` and `timeoutSecs` are near `timeout_secs`.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.replace(['-', '_', ' '], "").to_lowercase();
    if let Some(same) = known.iter().find(|candidate| plain(candidate) == plain(word)) {
        return Some(same);
    }
    let score = |candidate: &&str| strsim::jaro_winkler(word, candidate);
    let close = |candidate: &&&str| score(candidate) > 0.75;
    known.iter().filter(close).max_by(|a, b| score(a).total_cmp(&score(b))).copied()
}
