//! Windows of an environment: when releases may begin there, by the calendar of one time zone.
//!
//! What the keys mean is here; whether an instant lies inside is [`calendar`]. Times are those that a clock on the wall of that
//! zone shows: what a change of the clocks skips does not happen that day, and what it repeats happens twice.

pub mod calendar;

use jiff::civil::{Date, Weekday};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Most windows of each kind.
pub const WINDOWS_MAX: usize = 100;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// What stands between the first and the last day of a range.
const RANGE: &str = "..";

/// When releases may begin in an environment. A way back knows no windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WindowPolicy {
    /// The time zone of all times here, by its IANA name: `Europe/Berlin`. Default UTC.
    pub zone: String,
    /// When releases may begin. Default: always.
    pub allow: Vec<Window>,
    /// When none may, whatever `allow` says. Default: never.
    pub freeze: Vec<Window>,
    /// What `deploy`, `promote` and `ship` do outside: end with 13, or wait until it opens. Default refuse.
    pub outside: Outside,
    /// What a rollout does that would raise its weight after the window has closed: go back, or hold its weight until it opens
    /// again (for `pause_secs` at most). Default back.
    pub at_close: AtClose,
    /// Whether nothing begins whose worst case ends after the window closes. Default true.
    pub must_finish: bool,
    /// Who may begin outside all the same, with `--override-window --reason TEXT`. Default one-person.
    #[serde(rename = "override")]
    pub override_by: OverrideBy,
}

/// One window: times of the days that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// What people call it.
    pub name: String,
    /// The weekdays on which it begins. Default: each.
    pub days: Vec<Day>,
    /// The dates on which it begins: `2026-12-24`, or `2026-12-20..2027-01-02` with both ends. Default: each.
    pub dates: Vec<Dates>,
    /// When it begins: `09:00`. Default 00:00.
    pub from: ClockTime,
    /// When it ends: `17:00`, or `24:00`. Not later than `from` means on the next day. Default 24:00.
    pub until: ClockTime,
}

/// Outside of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outside {
    /// The command ends with 13.
    #[default]
    Refuse,
    /// It waits.
    Wait,
}

/// Where a window closes on a rollout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtClose {
    /// It goes back.
    #[default]
    Back,
    /// It holds its weight.
    Hold,
}

/// Who may begin outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideBy {
    /// Nobody.
    Forbidden,
    /// Two people, each with a reason.
    TwoPeople,
    /// Whoever may deploy, with a reason.
    #[default]
    OnePerson,
}

impl OverrideBy {
    /// How many people it takes; `None`: no number is enough.
    pub fn people(self) -> Option<u32> {
        match self {
            OverrideBy::Forbidden => None,
            OverrideBy::OnePerson => Some(1),
            OverrideBy::TwoPeople => Some(2),
        }
    }
}

/// A weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Day {
        match day {
            Weekday::Monday => Day::Mon,
            Weekday::Tuesday => Day::Tue,
            Weekday::Wednesday => Day::Wed,
            Weekday::Thursday => Day::Thu,
            Weekday::Friday => Day::Fri,
            Weekday::Saturday => Day::Sat,
            Weekday::Sunday => Day::Sun,
        }
    }
}

/// A time of day to the minute, 00:00 to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockTime(u16);

impl ClockTime {
    /// Minutes since midnight, at most 1,440.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl TryFrom<String> for ClockTime {
    type Error = String;

    fn try_from(text: String) -> Result<ClockTime, String> {
        let bad = || format!("`{text}` is no time of day: write \"09:30\", at most \"24:00\"");
        let digits = |part: &str| {
            let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = text.split_once(':').ok_or_else(bad)?;
        let (hours, minutes) = digits(hours).zip(digits(minutes)).ok_or_else(bad)?;
        let all = hours * 60 + minutes;
        if minutes < 60 && all <= DAY_MINUTES { Ok(ClockTime(all)) } else { Err(bad()) }
    }
}

impl From<ClockTime> for String {
    fn from(time: ClockTime) -> String {
        time.to_string()
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl JsonSchema for ClockTime {
    fn schema_name() -> Cow<'static, str> {
        "ClockTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time of day: `09:30`, at most `24:00`.",
            "type": "string",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
        })
    }
}

/// A date, or all from a first to a last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dates {
    /// The first.
    pub first: Date,
    /// The last, which may be the first.
    pub last: Date,
}

impl TryFrom<String> for Dates {
    type Error = String;

    fn try_from(text: String) -> Result<Dates, String> {
        let bad = || format!("`{text}` is no date: write 2026-12-24, or 2026-12-20..2027-01-02");
        let (first, last) = text.split_once(RANGE).unwrap_or((&text, &text));
        let date = |part: &str| (part.len() == 10).then(|| Date::from_str(part).ok()).flatten();
        let (first, last) = date(first).zip(date(last)).ok_or_else(bad)?;
        if first <= last { Ok(Dates { first, last }) } else { Err(format!("`{text}` ends before it begins")) }
    }
}

impl From<Dates> for String {
    fn from(Dates { first, last }: Dates) -> String {
        if first == last { first.to_string() } else { format!("{first}{RANGE}{last}") }
    }
}

impl JsonSchema for Dates {
    fn schema_name() -> Cow<'static, str> {
        "Dates".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A date, or the first and the last one of a range: `2026-12-20..2027-01-02`.",
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([.][.][0-9]{4}-[0-9]{2}-[0-9]{2})?$",
        })
    }
}

impl Default for WindowPolicy {
    fn default() -> Self {
        WindowPolicy {
            zone: "UTC".to_owned(),
            allow: Vec::new(),
            freeze: Vec::new(),
            outside: Outside::default(),
            at_close: AtClose::default(),
            must_finish: true,
            override_by: OverrideBy::default(),
        }
    }
}

impl Default for Window {
    fn default() -> Self {
        Window {
            name: String::new(),
            days: Vec::new(),
            dates: Vec::new(),
            from: ClockTime(0),
            until: ClockTime(DAY_MINUTES),
        }
    }
}

impl WindowPolicy {
    /// Whether there is no window at all: then it is always open.
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.freeze.is_empty()
    }

    /// The windows in some words, after a semicolon; nothing where there are none.
    pub fn summary(&self) -> String {
        let told = |windows: &[Window]| windows.iter().map(Window::told).collect::<Vec<_>>().join("; ");
        let allow = (!self.allow.is_empty()).then(|| format!("begins {}", told(&self.allow)));
        let freeze = (!self.freeze.is_empty()).then(|| format!("never {}", told(&self.freeze)));
        let parts: Vec<String> = allow.into_iter().chain(freeze).collect();
        if parts.is_empty() { String::new() } else { format!("; {} ({})", parts.join(", "), self.zone) }
    }

    /// The key and what is wrong with it, where something can never make sense.
    pub fn senseless(&self) -> Option<(String, String)> {
        if let Err(why) = calendar::Calendar::of(self) {
            return Some(("zone".to_owned(), why));
        }
        [("allow", &self.allow), ("freeze", &self.freeze)].into_iter().find_map(|(kind, windows)| {
            if windows.len() > WINDOWS_MAX {
                return Some((kind.to_owned(), format!("more than {WINDOWS_MAX} windows")));
            }
            let wrong = |(at, window): (usize, &Window)| {
                let (key, what) = window.senseless()?;
                Some((format!("{kind}[{at}]{key}"), what))
            };
            windows.iter().enumerate().find_map(wrong)
        })
    }
}

impl Window {
    fn senseless(&self) -> Option<(&'static str, String)> {
        if self.name.contains(char::is_control) {
            return Some((".name", "a name of more than one line".to_owned()));
        }
        if self.from == self.until {
            return Some((".until", format!("a window from {} until {} is empty", self.from, self.until)));
        }
        if self.from.0 == DAY_MINUTES {
            return Some((".from", "a window that begins at 24:00: write 00:00".to_owned()));
        }
        let dates = || {
            self.dates.iter().flat_map(|dates| {
                dates.first.series(jiff::Span::new().days(1)).take_while(|day| *day <= dates.last).take(7)
            })
        };
        let never = !self.dates.is_empty()
            && !self.days.is_empty()
            && !dates().any(|day| self.days.contains(&day.weekday().into()));
        never
            .then(|| (".dates", "a window that never opens: none of its dates is one of its days".to_owned()))
    }

    /// Whether it ends on the day after the one on which it begins.
    fn wraps(&self) -> bool {
        self.until <= self.from
    }

    /// How a person would say it.
    pub fn told(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let days: Vec<String> = self.days.iter().map(|day| format!("{day:?}").to_lowercase()).collect();
        let dates: Vec<String> = self.dates.iter().map(|dates| String::from(*dates)).collect();
        let hours = (self.from.0, self.until.0) != (0, DAY_MINUTES);
        let hours = hours.then(|| format!("{}–{}", self.from, self.until));
        let parts =
            [days.join(", "), dates.join(", ")].into_iter().filter(|part| !part.is_empty()).chain(hours);
        let told = parts.collect::<Vec<_>>().join(" ");
        if told.is_empty() { "each day".to_owned() } else { told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> WindowPolicy {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn windows_are_read_as_people_write_them_and_written_so() {
        let text = "allow: [{days: [mon, fri], from: 09:00, until: '24:00'}]\nfreeze: [{dates: [2026-12-20..2027-01-02, 2027-04-01]}]";
        let read = policy(text);
        assert_eq!(read.allow[0].from.minutes(), 540);
        assert_eq!(
            (read.allow[0].told(), read.freeze[0].told()),
            ("mon, fri 09:00–24:00".into(), "2026-12-20..2027-01-02, 2027-04-01".into())
        );
        assert_eq!(policy(&serde_yaml::to_string(&read).unwrap()), read);
        assert_eq!((policy("{}").is_empty(), read.is_empty()), (true, false));
    }

    #[test]
    fn what_is_no_time_and_no_date_is_refused() {
        let wrong = |text: &str, word: &str| {
            let error = serde_yaml::from_str::<WindowPolicy>(text).expect_err(text).to_string();
            assert!(error.contains(word), "{error}");
        };
        for time in ["9:00", "09:60", "24:01", "25:00", "0900", "09:0a", "+9:00"] {
            wrong(&format!("allow: [{{from: '{time}'}}]"), "no time of day");
        }
        for date in ["2026-02-30", "2026-1-2", "tomorrow", "2026-12-01..", "2026-12-01T00:00"] {
            wrong(&format!("allow: [{{dates: ['{date}']}}]"), "no date");
        }
        wrong("allow: [{dates: [2026-12-02..2026-12-01]}]", "ends before");
    }

    #[test]
    fn what_never_makes_sense_has_its_key() {
        let key = |text: &str| policy(text).senseless().map(|(key, _)| key);
        assert_eq!(key("zone: Europe/Belrin"), Some("zone".into()));
        assert_eq!(key("allow: [{from: '09:00', until: '09:00'}]"), Some("allow[0].until".into()));
        assert_eq!(key("freeze: [{}, {from: '24:00', until: '01:00'}]"), Some("freeze[1].from".into()));
        // 2026-12-05 is a Saturday.
        assert_eq!(
            key("allow: [{days: [mon], dates: [2026-12-05..2026-12-06]}]"),
            Some("allow[0].dates".into())
        );
        assert_eq!(key("allow: [{days: [sun], dates: [2026-12-05..2026-12-06]}]"), None);
        assert_eq!(key("allow: [{from: '22:00', until: '02:00'}]"), None);
    }
}
