//! `policies/waivers.yaml`: findings that are known and borne for a while, each with an owner and a last day.
//!
//! A waiver lifts what a finding does, never that it is told: reports show it with its waiver. What no waiver can lift is
//! said by [`cannot_be_waived`]: a gate that could not run or had nothing to check, and everything about policies.

use super::places::Places;
use crate::failure::Failure;
use crate::verdict::Gate;
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file.
pub const FILE: &str = "waivers.yaml";
/// The last day of a waiver is at most this many days ahead.
pub const DAYS_MAX: i32 = 90;
/// From this many days before its last day on, a waiver is told to be ending.
pub const SOON_DAYS: i32 = 14;
/// Most waivers of a workspace: whoever needs more has other worries.
pub const WAIVERS_MAX: usize = 500;
/// The code whose findings a waiver may name by their value.
pub const HASHED_CODE: &str = "secrets/generic-secret";
/// Bytes of a hash's salt, and of the hash.
pub const SALT_BYTES: usize = 16;
/// See [`SALT_BYTES`].
pub const HASH_BYTES: usize = 32;
/// Less memory is no slow hash; more would make a waiver an attack.
pub const MEMORY_KIB_MIN: u32 = 19 * 1024;
/// See [`MEMORY_KIB_MIN`].
pub const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// Passes over that memory.
pub const PASSES_MAX: u32 = 10;
/// Most waivers with a value: each costs a tenth of a second for each value that is found.
pub const VALUES_MAX: usize = 50;
/// Longest code, subject, reason or owner, in bytes.
pub const TEXT_BYTES_MAX: usize = 1000;

/// Findings that are borne for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Waivers {
    /// The waivers. `cargo xtask waive CODE SUBJECT` adds one. Default none.
    pub waivers: Vec<Waiver>,
}

/// One finding that is borne for a while. All but `value` is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The code of the finding as reports show it, whole: `tests/failed`.
    pub code: String,
    /// What the finding is about, as reports show it: a test, a package, a file. `*` stands for any characters; one that
    /// meets a single subject is told to be too broad.
    pub subject: String,
    /// Why it may be borne.
    pub reason: String,
    /// Who will see to it.
    pub owner: String,
    /// The last day on which it holds (UTC): `2026-12-31`. At most 90 days ahead.
    #[schemars(with = "String", regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub expires: Date,
    /// Of `secrets/generic-secret` only: the one value that is waived, as a slow salted hash. `cargo xtask waive
    /// secrets/generic-secret PATH:LINE` writes it. Default every value of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A waiver with the line on which it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// What it says.
    pub waiver: Waiver,
    /// Its line in `policies/waivers.yaml`, from 1.
    pub line: u32,
}

impl Waiver {
    /// Whether its last day is over.
    pub fn expired(&self, today: Date) -> bool {
        self.expires < today
    }

    /// Days from today to the last day; negative once that is over.
    pub fn days_left(&self, today: Date) -> i32 {
        (self.expires - today).get_days()
    }

    /// Whether it speaks of this finding.
    pub fn meets(&self, code: &str, subject: &str, names: &[String]) -> bool {
        let named = self.value.as_ref().is_none_or(|value| names.contains(value));
        self.code == code && named && matches(&self.subject, subject)
    }

    /// Whether it speaks of more than one subject.
    pub fn broad(&self) -> bool {
        self.subject.contains('*')
    }

    /// Its gate.
    pub fn gate(&self) -> Option<Gate> {
        gate_of(&self.code)
    }
}

impl Waivers {
    /// Each waiver with its line.
    pub fn placed(&self, places: &Places) -> Vec<Placed> {
        let line = |index: usize| places.of(&format!("waivers[{index}]")).map_or(0, |place| place.line);
        let each = self.waivers.iter().enumerate();
        each.map(|(index, waiver)| Placed { waiver: waiver.clone(), line: line(index) }).collect()
    }

    /// Refuses what can never make sense, and what lasts too long from this day on.
    ///
    /// # Errors
    /// [`crate::exit::Exit::Usage`] with file and line.
    pub fn validate(&self, places: &Places, today: Date) -> anyhow::Result<()> {
        if self.waivers.len() > WAIVERS_MAX {
            let what = format!("policies/{FILE}: {} waivers, {WAIVERS_MAX} at most", self.waivers.len());
            return Err(Failure::usage(what, "mend what can be mended, and remove those waivers"));
        }
        let values = self.waivers.iter().filter(|waiver| waiver.value.is_some()).count();
        if values > VALUES_MAX {
            let what = format!("policies/{FILE}: {values} waivers name a value, {VALUES_MAX} at most");
            return Err(Failure::usage(what, "waive by code and path where a file has many"));
        }
        for (index, waiver) in self.waivers.iter().enumerate() {
            let Err((key, what, help)) = waiver.check(today) else { continue };
            let place = places.nearest(&format!("waivers[{index}].{key}"));
            let place = place.map_or(String::new(), |place| format!(":{place}"));
            return Err(Failure::usage(format!("policies/{FILE}{place}: {what}"), help));
        }
        Ok(())
    }
}

impl Waiver {
    /// `Err` holds the key, what is wrong with it, and what to do.
    ///
    /// # Errors
    /// What [`Waivers::validate`] refuses in one waiver.
    pub fn check(&self, today: Date) -> Result<(), (&'static str, String, String)> {
        let texts = [
            ("code", &self.code),
            ("subject", &self.subject),
            ("reason", &self.reason),
            ("owner", &self.owner),
        ];
        for (key, text) in texts {
            let wrong = if text.trim().is_empty() {
                "is empty"
            } else if text.len() > TEXT_BYTES_MAX {
                "is too long"
            } else if text.contains(char::is_control) {
                "has characters that cannot be shown"
            } else {
                continue;
            };
            return Err((key, format!("`{key}` {wrong}"), format!("give the waiver a `{key}` of one line")));
        }
        if let Some((why, help)) = cannot_be_waived(&self.code) {
            return Err(("code", why, help));
        }
        if let Some(value) = &self.value {
            self.check_value(value).map_err(|(what, help)| ("value", what, help))?;
        }
        let last = last_day(today);
        if self.expires > last {
            let what = format!(
                "`expires: {}` is {} days ahead, {DAYS_MAX} at most",
                self.expires,
                self.days_left(today)
            );
            return Err(("expires", what, format!("write {last} or earlier; it can be given anew then")));
        }
        Ok(())
    }
}

impl Waiver {
    /// Only what looks random and has no form of its own may be named by a hash: the rest could be guessed.
    fn check_value(&self, value: &str) -> Result<(), (String, String)> {
        if self.code != HASHED_CODE {
            let what =
                format!("`value` is for {HASHED_CODE}: what has a known form could be guessed from its hash");
            return Err((what, "waive it by code and path: leave `value` out".to_owned()));
        }
        match wrong_hash(value) {
            None => Ok(()),
            Some(why) => Err((
                format!("`value` is no hash: {why}"),
                format!("cargo xtask waive {HASHED_CODE} PATH:LINE"),
            )),
        }
    }
}

/// Why a text is no hash of a value: `argon2id:MEMORY_KIB:PASSES:SALT:HASH`, with limits, for a waiver must not be an attack
/// on memory or time.
pub fn wrong_hash(text: &str) -> Option<&'static str> {
    let form = Some("it is not `argon2id:MEMORY_KIB:PASSES:SALT:HASH`");
    let parts: Vec<&str> = text.split(':').collect();
    let ["argon2id", memory, passes, salt, hash] = parts[..] else { return form };
    let (Ok(memory), Ok(passes)) = (memory.parse::<u32>(), passes.parse::<u32>()) else { return form };
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_hex(salt, 2 * SALT_BYTES) || !is_hex(hash, 2 * HASH_BYTES) {
        return form;
    }
    if !(MEMORY_KIB_MIN..=MEMORY_KIB_MAX).contains(&memory) || !(1..=PASSES_MAX).contains(&passes) {
        return Some("it takes more memory or passes than is allowed, or too little memory to be slow");
    }
    None
}

/// The latest last day of a waiver that is given today.
pub fn last_day(today: Date) -> Date {
    today.saturating_add(days(DAYS_MAX))
}

/// So many days.
pub fn days(count: i32) -> Span {
    count.days()
}

/// Why no waiver can name this code, and what to do instead; `None` where one can.
pub fn cannot_be_waived(code: &str) -> Option<(String, String)> {
    let show = "take the code from the report: `cargo xtask ci` shows it in brackets";
    let Some((gate, what)) = code.split_once('/') else {
        return Some((format!("`{code}` is no code of a finding, which is `<gate>/<what>`"), show.into()));
    };
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if gate_of(code).is_none() {
        let names = Gate::ALL.map(Gate::name);
        let near = super::file::nearest(gate, &names)
            .map_or(String::new(), |near| format!("; did you mean `{near}/{what}`?"));
        return Some((format!("there is no gate `{gate}`{near}"), show.into()));
    }
    if what.is_empty() || !what.chars().all(kebab) {
        return Some((format!("`{code}` is no code of a finding"), show.into()));
    }
    if gate == Gate::Policy.name() {
        let why = "what is found about policies cannot be waived";
        let help = "undo the loosening, or have it approved: cargo xtask policy approve COMMIT";
        return Some((format!("`{code}`: {why}"), help.into()));
    }
    if what == "could-not-run" || what.starts_with("nothing-") || what == "no-tests" {
        let why = format!("`{code}`: what was not checked is no finding that could be waived");
        return Some((why, format!("make the gate run: cargo xtask ci --gate {gate}")));
    }
    None
}

fn gate_of(code: &str) -> Option<Gate> {
    let name = code.split('/').next().unwrap_or_default();
    Gate::ALL.into_iter().find(|gate| gate.name() == name)
}

/// Whether a pattern, in which `*` stands for any characters, is this text. Linear in their product.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// A waiver of this finding that holds until the end of 2026-12-31.
    pub(crate) fn waiver(code: &str, subject: &str) -> Waiver {
        Waiver {
            code: code.into(),
            subject: subject.into(),
            reason: "upstream has a fix".into(),
            owner: "ana".into(),
            expires: date(2026, 12, 31),
            value: None,
        }
    }

    #[test]
    fn only_values_that_look_random_are_named_and_only_by_a_slow_hash() {
        let hash = format!("argon2id:65536:3:{}:{}", "0f".repeat(16), "a0".repeat(32));
        let check = |code: &str, value: &str| {
            let one = Waiver { value: Some(value.into()), ..waiver(code, "a") };
            one.check(date(2026, 11, 24)).err().map(|(key, what, _)| format!("{key}: {what}"))
        };
        assert_eq!(check(HASHED_CODE, &hash), None);
        assert!(check("secrets/github-token", &hash).is_some_and(|why| why.contains("could be guessed")));
        for (from, to) in [
            ("65536", "1024"),
            ("65536", "9999999"),
            (":3:", ":11:"),
            (":3:", ":x:"),
            ("argon2id", "md5"),
            ("0f0f", "0F0f"),
        ] {
            assert!(check(HASHED_CODE, &hash.replacen(from, to, 1)).is_some(), "{from} {to}");
        }
    }

    #[test]
    fn a_value_is_met_by_its_name_only() {
        let one = Waiver { value: Some("argon2id:1".into()), ..waiver(HASHED_CODE, "a") };
        assert!(one.meets(HASHED_CODE, "a", &["x".into(), "argon2id:1".into()]));
        assert!(!one.meets(HASHED_CODE, "a", &[]) && !one.meets(HASHED_CODE, "b", &["argon2id:1".into()]));
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("a::b", "a::b", true),
            ("a::b", "a::bc", false),
            ("a::*", "a::bc", true),
            ("*", "", true),
            ("*::b", "a::b", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_last_day_counts_and_is_at_most_ninety_ahead() {
        let one = waiver("tests/failed", "a");
        assert!(!one.expired(date(2026, 12, 31)) && one.expired(date(2027, 1, 1)));
        assert_eq!(one.days_left(date(2026, 12, 1)), 30);
        assert!(one.check(date(2026, 10, 2)).is_ok());
        let (key, what, help) = one.check(date(2026, 10, 1)).unwrap_err();
        assert_eq!(key, "expires");
        assert!(what.contains("91 days ahead") && help.contains("2026-12-30"), "{what} {help}");
    }

    #[test]
    fn what_was_not_checked_and_what_is_about_policies_cannot_be_waived() {
        for code in [
            "policy/loosened",
            "policy/waiver-expired",
            "tests/could-not-run",
            "coverage/nothing-checked",
            "test/failed",
            "tests",
            "tests/",
            "tests/Failed now",
        ] {
            assert!(cannot_be_waived(code).is_some(), "{code}");
        }
        assert!(cannot_be_waived("test/failed").unwrap().0.contains("did you mean `tests/failed`"));
        for code in ["tests/failed", "secrets/github-token", "image/too-big"] {
            assert_eq!(cannot_be_waived(code), None, "{code}");
        }
    }

    #[test]
    fn every_part_is_needed() {
        let today = date(2026, 11, 24);
        let mut one = waiver("tests/failed", "a");
        one.owner = " ".into();
        assert_eq!(one.check(today).unwrap_err().0, "owner");
        one.owner = "two\nlines".into();
        assert_eq!(one.check(today).unwrap_err().0, "owner");
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_and_its_cuts(text in "[a-c:]{0,12}", at in 0_usize..13) {
            let at = at.min(text.len());
            prop_assert!(matches(&text, &text));
            let pattern = format!("{}*{}", &text[..at], &text[at..]);
            prop_assert!(matches(&pattern, &text));
        }
    }
}
