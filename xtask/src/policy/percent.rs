//! A percentage kept as basis points: `80` and `83.42` are exact, and comparing is integer arithmetic.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Basis points: 10,000 are 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

/// 100 %.
const WHOLE: u32 = 10_000;

impl Percent {
    /// Whole per cent; more than 100 is 100.
    pub const fn whole(percent: u32) -> Percent {
        Percent(if percent > 100 { WHOLE } else { percent * 100 })
    }

    /// Whether `part` of `total` reaches this: `part * 10000 >= basis_points * total`. Of nothing, all is reached.
    pub fn reached_by(self, part: u64, total: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) >= u128::from(self.0) * u128::from(total)
    }

    /// Whether this is at least `part` of `total`: the ceiling's question. Of nothing, nothing is too much.
    pub fn at_least(self, part: u64, total: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) <= u128::from(self.0) * u128::from(total)
    }

    /// The share in basis points, rounded *down*, so that 79.999 % never reads 80 %.
    pub fn of(part: u64, total: u64) -> Percent {
        let share = (u128::from(part) * u128::from(WHOLE)).checked_div(u128::from(total));
        Percent(share.map_or(WHOLE, |share| u32::try_from(share).unwrap_or(WHOLE).min(WHOLE)))
    }

    /// The share in basis points, rounded *up*: a tolerance that is to suffice. Of nothing, it is nothing.
    pub fn above(part: u64, total: u64) -> Percent {
        let share = u128::from(part) * u128::from(WHOLE);
        let share = if total == 0 { 0 } else { share.div_ceil(u128::from(total)) };
        Percent(u32::try_from(share).unwrap_or(WHOLE).min(WHOLE))
    }

    /// How much of 100 % this is, in hundredths of a per cent.
    pub const fn basis_points(self) -> u32 {
        self.0
    }

    /// The least `part` of `total` that reaches this.
    pub fn needed(self, total: u64) -> u64 {
        let needed = (u128::from(self.0) * u128::from(total)).div_ceil(u128::from(WHOLE));
        u64::try_from(needed).unwrap_or(u64::MAX)
    }

    fn parse(text: &str) -> Option<Percent> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || fraction.len() > 2 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction: u32 = format!("{fraction:0<2}").parse().ok()?;
        let points = whole.parse::<u32>().ok()? * 100 + fraction;
        (points <= WHOLE).then_some(Percent(points))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, fraction) => write!(f, "{whole}.{fraction:02}"),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 100 {
            0 => serializer.serialize_u32(self.0 / 100),
            _ => serializer.serialize_f64(f64::from(self.0) / 100.0),
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Percent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage from 0 to 100 with at most two decimals")
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Percent, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Percent, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Percent, E> {
                Percent::parse(value)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(value), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A percentage from 0 to 100 with at most two decimals.",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 100},
                {"type": "string", "pattern": "^(100(\\.0{0,2})?|0?[0-9]{1,2}(\\.[0-9]{0,2})?)$"},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_line_below_is_below() {
        let eighty = Percent::whole(80);
        assert!(eighty.reached_by(80, 100) && !eighty.reached_by(79, 100) && eighty.reached_by(0, 0));
        assert_eq!((eighty.needed(101), Percent::of(79_999, 100_000).to_string().as_str()), (81, "79.99"));
    }

    #[test]
    fn decimals_are_exact_and_nonsense_is_refused() {
        let parse = |text| serde_yaml::from_str::<Percent>(text).map(|percent| percent.0);
        assert_eq!(
            (parse("80").unwrap(), parse("83.42").unwrap(), parse("\"0.5\"").unwrap()),
            (8000, 8342, 50)
        );
        for text in ["101", "-1", "1.234", "a", "100.01"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(points in 0u32..=WHOLE) {
            let percent = Percent(points);
            prop_assert_eq!(serde_yaml::from_str::<Percent>(&serde_yaml::to_string(&percent).unwrap()).unwrap(), percent);
            prop_assert_eq!(serde_json::from_str::<Percent>(&serde_json::to_string(&percent).unwrap()).unwrap(), percent);
        }

        #[test]
        fn needed_is_the_least_that_reaches(points in 0u32..=WHOLE, total in 0u64..1_000_000) {
            let (percent, needed) = (Percent(points), Percent(points).needed(total));
            prop_assert!(percent.reached_by(needed, total));
            prop_assert!(needed == 0 || !percent.reached_by(needed - 1, total));
        }
    }
}
