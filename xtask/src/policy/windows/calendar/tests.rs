//! The calendar against a clock that is read minute by minute.

use super::*;
use crate::policy::windows::{ClockTime, Dates, Day};
use proptest::prelude::*;

/// Zones whose clocks do what others' do not: by half an hour, backwards in winter, across midnight, by a whole day.
const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Havana",
];
const DAYS: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn policy(text: &str) -> WindowPolicy {
    let policy: WindowPolicy = serde_yaml::from_str(text).unwrap();
    assert_eq!(policy.senseless(), None, "{text}");
    policy
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A reading of the words of the policy that shares nothing with the code under test but the zone's clock.
fn by_the_words(policy: &WindowPolicy, zone: &TimeZone, at: Timestamp) -> bool {
    let shown = at.to_zoned(zone.clone());
    let inside = |window: &Window| {
        [0, 1].into_iter().any(|days_ago| {
            let began = shown.date().checked_sub(Span::new().days(days_ago)).unwrap();
            let number = usize::try_from(began.weekday().to_monday_zero_offset()).unwrap();
            let day = window.days.is_empty() || window.days.contains(&DAYS[number]);
            let named = |dates: &Dates| dates.first <= began && began <= dates.last;
            let date = window.dates.is_empty() || window.dates.iter().any(named);
            let since = i64::from(shown.hour()) * 60 + i64::from(shown.minute()) + days_ago * 1440;
            let (from, until) = (i64::from(window.from.minutes()), i64::from(window.until.minutes()));
            let until = if until <= from { until + 1440 } else { until };
            day && date && from <= since && since < until
        })
    };
    !policy.freeze.iter().any(inside) && (policy.allow.is_empty() || policy.allow.iter().any(inside))
}

fn window() -> impl Strategy<Value = Window> {
    let time = |range| prop_oneof![(0..24_u16).prop_map(|hour| hour * 60), range];
    let days = proptest::collection::vec(0..7_usize, 0..4)
        .prop_map(|days| days.into_iter().map(|day| DAYS[day]).collect());
    (days, time(0..1440_u16), time(1..1441_u16)).prop_map(|(days, from, until)| {
        let until = if from == until { until % 1440 + 1 } else { until };
        let (from, until) = (ClockTime(from), ClockTime(until));
        Window { days, from, until, ..Window::default() }
    })
}

/// A change of the zone's clock in these years, or where there is none, some instant.
fn near_a_change() -> impl Strategy<Value = (String, Timestamp)> {
    (0..ZONES.len(), 1_262_304_000..1_893_456_000_i64, -1500..100_i64).prop_map(|(zone, second, minutes)| {
        let name = ZONES[zone].to_owned();
        let policy = WindowPolicy { zone: name.clone(), ..WindowPolicy::default() };
        let zone = Calendar::of(&policy).unwrap().zone;
        let some = Timestamp::from_second(second / 60 * 60).unwrap();
        let change = zone.following(some).next().map_or(some, |change| change.timestamp());
        (name, change.checked_add(SignedDuration::from_mins(minutes)).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn each_minute_around_a_change_of_the_clocks_is_as_the_words_say(
        (zone, begin) in near_a_change(),
        allow in proptest::collection::vec(window(), 0..3),
        freeze in proptest::collection::vec(window(), 0..3),
    ) {
        let policy = WindowPolicy { zone, allow, freeze, ..WindowPolicy::default() };
        let calendar = Calendar::of(&policy).unwrap();
        let minutes = 2 * 1440;
        let open: Vec<bool> = (0..minutes)
            .map(|minute| by_the_words(&policy, &calendar.zone, begin.checked_add(MINUTE * minute).unwrap()))
            .collect();
        let walked: Vec<bool> = (0..minutes)
            .map(|minute| calendar.is_open(begin.checked_add(MINUTE * minute).unwrap()))
            .collect();
        prop_assert_eq!(&walked, &open);
        let limit = begin.checked_add(MINUTE * minutes).unwrap();
        let change = open.iter().position(|now| *now != open[0]);
        let change = change.map(|minute| begin.checked_add(MINUTE * i32::try_from(minute).unwrap()).unwrap());
        prop_assert_eq!(calendar.change(begin, limit), change);
    }

    #[test]
    fn what_opens_for_a_while_is_open_for_it_and_not_before(
        (zone, begin) in near_a_change(),
        allow in proptest::collection::vec(window(), 1..3),
        freeze in proptest::collection::vec(window(), 0..2),
        minutes in 1..400_i32,
    ) {
        let policy = WindowPolicy { zone, allow, freeze, ..WindowPolicy::default() };
        let calendar = Calendar::of(&policy).unwrap();
        let holds = |from: Timestamp| (0..minutes).all(|minute| {
            by_the_words(&policy, &calendar.zone, from.checked_add(MINUTE * minute).unwrap())
        });
        match calendar.opens(begin, MINUTE * minutes) {
            Some(opens) => {
                prop_assert!(holds(opens), "{opens}");
                let earlier = opens.checked_sub(MINUTE).unwrap();
                prop_assert!(opens == begin || earlier < begin || !holds(earlier), "{earlier}");
            }
            None => prop_assert!((0..3 * 24).all(|hour| !holds(begin.checked_add(MINUTE * 60 * hour).unwrap()))),
        }
    }
}

#[test]
fn what_the_clock_skips_does_not_happen_and_what_it_repeats_happens_twice() {
    // In Berlin, 2027-03-28 02:00 is 03:00; 2027-10-31 03:00 is 02:00 again.
    let night = policy("zone: Europe/Berlin\nallow: [{from: '02:15', until: '02:45'}]");
    let calendar = Calendar::of(&night).unwrap();
    let open = |text| calendar.opens(at(text), MINUTE);
    assert_eq!(open("2027-03-27T12:00Z"), Some(at("2027-03-29T00:15Z")));
    assert_eq!(open("2027-10-30T12:00Z"), Some(at("2027-10-31T00:15Z")));
    assert_eq!(calendar.closes(at("2027-10-31T00:15Z")), Some(at("2027-10-31T00:45Z")));
    assert_eq!(open("2027-10-31T00:45Z"), Some(at("2027-10-31T01:15Z")));
    let across = policy("zone: Europe/Berlin\nallow: [{from: '01:30', until: '02:30'}]");
    let calendar = Calendar::of(&across).unwrap();
    assert_eq!(calendar.closes(at("2027-03-28T00:30Z")), Some(at("2027-03-28T01:00Z")));
}

#[test]
fn a_window_must_be_long_enough_and_a_freeze_cuts_it() {
    let hours = policy(
        "allow: [{days: [mon], from: '09:00', until: '12:00'}]\nfreeze: [{name: audit, dates: [2026-11-30], from: '10:00', until: '11:30'}]",
    );
    let calendar = Calendar::of(&hours).unwrap();
    let opens = |hours| calendar.opens(at("2026-11-30T08:00Z"), SignedDuration::from_hours(hours));
    assert_eq!(opens(1), Some(at("2026-11-30T09:00Z")));
    assert_eq!(opens(2), Some(at("2026-12-07T09:00Z")));
    assert_eq!(opens(4), None);
    assert_eq!(calendar.shut(at("2026-11-30T10:15Z")), Some(Shut::Frozen("audit".into())));
    assert_eq!(calendar.shut(at("2026-11-30T08:15Z")), Some(Shut::NoWindow));
}

#[test]
fn the_end_of_all_dates_and_a_freeze_without_end_are_never() {
    let opens = |text: &str| Calendar::of(&policy(text)).unwrap().opens(at("2026-11-30T12:00Z"), MINUTE);
    assert_eq!(opens("allow: [{dates: [2026-11-29]}]"), None);
    assert_eq!(opens("freeze: [{}]"), None);
    assert_eq!(
        opens(
            "allow: [{days: [mon]}]\nfreeze: [{days: [mon], until: '12:00'}, {days: [mon], from: '12:00'}]"
        ),
        None
    );
    assert_eq!(opens("allow: [{dates: [2030-02-28]}]"), Some(at("2030-02-28T00:00Z")));
    assert_eq!(opens("freeze: [{dates: [2026-11-30..2028-12-31]}]"), Some(at("2029-01-01T00:00Z")));
}

#[test]
fn an_instant_is_told_by_both_clocks() {
    let berlin = policy("zone: Europe/Berlin");
    let told = |policy: &WindowPolicy| Calendar::of(policy).unwrap().told(at("2026-12-01T08:00Z"));
    assert_eq!(told(&berlin), "Tue 2026-12-01 09:00 Europe/Berlin (2026-12-01 08:00 UTC)");
    assert_eq!(told(&policy("zone: UTC")), "Tue 2026-12-01 08:00 UTC");
}
