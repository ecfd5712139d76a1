//! What other tools were told, as keys of our policies: codecov, octocov, nextest. What has no equivalent is named, so that
//! nobody thinks it still holds.
//!
//! These files are input from outside: their size is limited, any text gives a value or an error.

use super::{Entry, place};
use crate::failure::Failure;
use crate::policy::Percent;
use crate::policy::tests::RETRIES_MAX;
use serde_yaml::Value;
use std::path::Path;

/// What was found in the files of other tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Keys of ours.
    pub entries: Vec<Entry>,
    /// What has no equivalent.
    pub without: Vec<String>,
}

type Reader = fn(&str, &str) -> Result<Taken, String>;

/// Where each tool looks for its file, in its order.
const FILES: [(&[&str], Reader); 3] = [
    (
        &[
            "codecov.yml",
            ".codecov.yml",
            "codecov.yaml",
            ".codecov.yaml",
            ".github/codecov.yml",
            "dev/codecov.yml",
        ],
        codecov,
    ),
    (&[".octocov.yml", "octocov.yml", ".octocov.yaml", "octocov.yaml"], octocov),
    (&[".config/nextest.toml"], nextest),
];

/// Reads what is there.
///
/// # Errors
/// Where a file is there and cannot be understood.
pub fn taken(root: &Path) -> anyhow::Result<Taken> {
    let mut all = Taken::default();
    for (names, read) in FILES {
        let Some(name) = names.iter().find(|name| root.join(name).is_file()) else { continue };
        let text = place::read(&root.join(name))?;
        let wrong = |why: String| {
            let help = "mend it, or run `init` without --from-current";
            Failure::usage(format!("{name}: {why}"), help)
        };
        let text = text.ok_or_else(|| wrong("it is no text, or more than 1 MiB of it".to_owned()))?;
        let taken = read(name, &text).map_err(wrong)?;
        all.entries.extend(taken.entries);
        all.without.extend(taken.without);
    }
    Ok(all)
}

impl Taken {
    fn says(&mut self, file: &'static str, key: &'static str, value: impl ToString, from: &str) {
        self.entries.push(Entry { file, key, value: value.to_string(), why: format!("As {from} says.") });
    }

    fn names(&mut self, from: &str, what: impl AsRef<str>) {
        self.without.push(format!("{from}: {}", what.as_ref()));
    }
}

/// `80`, `80%`, `"80.5%"`; nothing for `auto`.
fn percent(value: &Value) -> Option<Percent> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().trim_end_matches('%').trim().to_owned(),
        _ => return None,
    };
    // Percentages of ours have two decimals; more of them are cut, never rounded up.
    let text = match text.split_once('.') {
        Some((whole, decimals)) => {
            let decimals: String = decimals.chars().take_while(char::is_ascii_digit).take(2).collect();
            format!("{whole}.{decimals}")
        }
        None => text,
    };
    serde_yaml::from_value(Value::String(text)).ok()
}

fn yaml(text: &str) -> Result<Value, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

/// codecov.yml (<https://docs.codecov.com/docs/codecovyml-reference>).
fn codecov(name: &str, text: &str) -> Result<Taken, String> {
    let whole = yaml(text)?;
    let mut taken = Taken::default();
    let status = &whole["coverage"]["status"];
    for (kind, key) in [("project", "minimum"), ("patch", "patch_minimum")] {
        for (flag, value) in status[kind].as_mapping().into_iter().flatten() {
            let flag = flag.as_str().unwrap_or_default();
            let from = format!("{name} (coverage.status.{kind}.{flag})");
            if flag != "default" {
                taken.names(
                    &from,
                    "there are no flags; `packages` of policies/coverage.yaml has minima of packages",
                );
                continue;
            }
            match percent(&value["target"]) {
                Some(target) => taken.says("coverage", key, target, &format!("{name} ({kind} target)")),
                None if kind == "project" => {
                    taken.names(&from, "`target: auto` is what `drop_max` does, against the base's baseline");
                }
                None => taken
                    .names(&from, "`target: auto` has no equivalent for changed lines: patch_minimum stays"),
            }
            if let (Some(threshold), "project") = (percent(&value["threshold"]), kind) {
                taken.says("coverage", "drop_max", threshold, &format!("{name} (project threshold)"));
            }
            if value["informational"] == Value::Bool(true) {
                taken.names(&from, "`informational` has no equivalent: a gate refuses or has no bar");
            }
        }
        if status[kind] == Value::Bool(false) || status[kind].as_str() == Some("off") {
            taken.names(name, format!("the status `{kind}` is off there; {key} holds here"));
        }
    }
    if !whole["ignore"].is_null() {
        taken.names(name, "`ignore` has no equivalent: every file of the workspace's packages counts");
    }
    for key in ["flags", "component_management", "parsers", "fixes"] {
        if !whole[key].is_null() {
            taken.names(name, format!("`{key}` has no equivalent"));
        }
    }
    Ok(taken)
}

/// .octocov.yml (<https://github.com/k1LoW/octocov>).
fn octocov(name: &str, text: &str) -> Result<Taken, String> {
    let whole = yaml(text)?;
    let mut taken = Taken::default();
    let acceptable = &whole["coverage"]["acceptable"];
    if let Some(minimum) = percent(acceptable) {
        taken.says("coverage", "minimum", minimum, &format!("{name} (coverage.acceptable)"));
    } else if let Some(condition) = acceptable.as_str() {
        for part in condition.split("&&").map(str::trim) {
            match condition_of(part) {
                Some((key, value)) => {
                    taken.says("coverage", key, value, &format!("{name} (`{}`)", plain(part)))
                }
                None => taken.names(name, format!("`{}` has no equivalent", plain(part))),
            }
        }
    }
    for (part, key) in
        [("coverage", "exclude"), ("codeToTestRatio", "acceptable"), ("testExecutionTime", "acceptable")]
    {
        if !whole[part][key].is_null() {
            taken.names(name, format!("`{part}.{key}` has no equivalent"));
        }
    }
    Ok(taken)
}

/// `current >= 60%` is our minimum; `diff >= -0.5%`, the change of the whole, our `drop_max`.
fn condition_of(part: &str) -> Option<(&'static str, Percent)> {
    let (left, right) = part.split_once(">=")?;
    let right = right.trim();
    match (left.trim(), right.strip_prefix('-')) {
        ("current", None) => Some(("minimum", percent(&Value::String(right.to_owned()))?)),
        ("diff", Some(fall)) => Some(("drop_max", percent(&Value::String(fall.to_owned()))?)),
        ("diff", None) => {
            let rise = percent(&Value::String(right.to_owned()))?;
            (rise == Percent::whole(0)).then_some(("drop_max", rise))
        }
        _ => None,
    }
}

/// Text from outside in a comment: one line, no control characters.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect()
}

/// .config/nextest.toml (<https://nexte.st/docs/configuration/reference/>).
fn nextest(name: &str, text: &str) -> Result<Taken, String> {
    let whole: toml::Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let mut taken = Taken::default();
    let profiles = whole.get("profile").and_then(toml::Value::as_table);
    for (profile, values) in profiles.into_iter().flatten() {
        let retries = match profile.as_str() {
            "default" => "retries.local",
            "ci" => "retries.ci",
            other => {
                taken.names(
                    name,
                    format!("the profile `{}` is nextest's own: nextest_profile names it", plain(other)),
                );
                continue;
            }
        };
        let from = format!("{name} (profile.{profile})");
        for (key, value) in values.as_table().into_iter().flatten() {
            match key.as_str() {
                "retries" => take_retries(&mut taken, retries, value, &from),
                "slow-timeout" if profile == "default" => slow(&mut taken, value, &from),
                "flaky-result" if value.as_str() == Some("fail") => {
                    taken.says("tests", "flaky", "refuse", &from)
                }
                // What says how things are shown is no rule.
                "status-level" | "final-status-level" | "failure-output" | "success-output" | "junit" => {}
                other => taken.names(&from, format!("`{}` has no equivalent", plain(other))),
            }
        }
    }
    // One key, one entry: what the profile of CI says of a shared key does not stand twice.
    let mut seen = std::collections::BTreeSet::new();
    taken.entries.retain(|entry| seen.insert((entry.file, entry.key)));
    if !taken.without.is_empty() {
        taken.names(name, "`engine: nextest` in policies/tests.yaml keeps all of it in force");
    }
    Ok(taken)
}

fn take_retries(taken: &mut Taken, key: &'static str, value: &toml::Value, from: &str) {
    let count = value.as_integer().or_else(|| value.get("count").and_then(toml::Value::as_integer));
    match count {
        Some(count) if (0..=i64::from(RETRIES_MAX)).contains(&count) => taken.says("tests", key, count, from),
        Some(count) if count > 0 => {
            taken.says("tests", key, RETRIES_MAX, from);
            taken.names(from, format!("{count} retries: {RETRIES_MAX} are the most here"));
        }
        _ => taken.names(from, "`retries` is not understood"),
    }
}

/// `"60s"`, or `{ period = "60s", terminate-after = 2 }`.
fn slow(taken: &mut Taken, value: &toml::Value, from: &str) {
    let period =
        value.as_str().or_else(|| value.get("period").and_then(toml::Value::as_str)).and_then(seconds);
    let Some(period) = period else { return taken.names(from, "`slow-timeout` is not understood") };
    taken.says("tests", "slow_secs", period, from);
    let times = value.get("terminate-after").and_then(toml::Value::as_integer);
    let timeout = times.and_then(|times| u64::try_from(times).ok()?.checked_mul(period));
    if let Some(timeout) = timeout.filter(|timeout| *timeout > 0) {
        taken.says("tests", "timeout_secs", timeout, from);
    }
}

/// `1m 30s`, in seconds, as humantime writes it.
fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let factor = match &after[..unit] {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3600,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = after[unit..].trim_start();
    }
    (total > 0).then_some(total)
}

#[cfg(test)]
mod tests;
