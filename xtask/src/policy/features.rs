//! Feature sets, as policies name them: `default`, `all`, `none`, or features with commas between.
//!
//! A set is text in YAML and in evidence, and a value here. Which packages have the features is cargo's to know.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// What begins the set's part of a test's name.
pub const SUFFIX_START: &str = "[features: ";

/// Which features packages are compiled with.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FeatureSet {
    /// The default features.
    #[default]
    Default,
    /// `--all-features`.
    All,
    /// `--no-default-features`.
    None,
    /// The default features and these; `package/feature` names one package's.
    Named(Vec<String>),
}

impl FeatureSet {
    /// What cargo is told.
    pub fn arguments(&self) -> Vec<String> {
        match self {
            FeatureSet::Default => Vec::new(),
            FeatureSet::All => vec!["--all-features".to_owned()],
            FeatureSet::None => vec!["--no-default-features".to_owned()],
            FeatureSet::Named(names) => vec![format!("--features={}", names.join(","))],
        }
    }

    /// The set as a part of a file's name.
    pub fn file_name(&self) -> String {
        self.to_string().replace(['/', ','], "-")
    }

    /// What the names of tests end with where a set is not the first of the policy.
    pub fn suffix(&self) -> String {
        format!(" {SUFFIX_START}{self}]")
    }
}

impl FromStr for FeatureSet {
    type Err = String;

    fn from_str(text: &str) -> Result<FeatureSet, String> {
        match text.trim() {
            "default" => return Ok(FeatureSet::Default),
            "all" => return Ok(FeatureSet::All),
            "none" => return Ok(FeatureSet::None),
            _ => {}
        }
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| !is_feature(name)) {
            None => Ok(FeatureSet::Named(names)),
            Some(bad) => Err(format!(
                "`{bad}` is no feature; a set is `default`, `all`, `none`, or names with commas between"
            )),
        }
    }
}

/// A feature as cargo takes it, with the package before it or not
/// (The Cargo Reference, "The `[features]` section").
fn is_feature(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | '/');
    name.chars().all(plain) && name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeatureSet::Default => f.write_str("default"),
            FeatureSet::All => f.write_str("all"),
            FeatureSet::None => f.write_str("none"),
            FeatureSet::Named(names) => f.write_str(&names.join(",")),
        }
    }
}

impl TryFrom<String> for FeatureSet {
    type Error = String;

    fn try_from(text: String) -> Result<FeatureSet, String> {
        text.parse()
    }
}

impl From<FeatureSet> for String {
    fn from(set: FeatureSet) -> String {
        set.to_string()
    }
}

impl JsonSchema for FeatureSet {
    fn schema_name() -> Cow<'static, str> {
        "FeatureSet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A set of features: `default`, `all`, `none`, or names with commas between.",
            "type": "string",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_set_is_what_cargo_is_told() {
        let check = |text: &str, arguments: &[&str]| {
            let set: FeatureSet = text.parse().unwrap();
            assert_eq!(
                (set.arguments(), set.to_string().as_str()),
                (arguments.iter().map(|&one| one.to_owned()).collect(), text)
            );
        };
        check("default", &[]);
        check("all", &["--all-features"]);
        check("none", &["--no-default-features"]);
        check("a,b-c,p/d", &["--features=a,b-c,p/d"]);
        assert_eq!(FeatureSet::None.suffix(), " [features: none]");
        for bad in ["", "a,,b", "-x", "a b", "--all"] {
            assert!(bad.parse::<FeatureSet>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_set_or_an_error(text in "\\PC{0,40}") {
            if let Ok(set) = text.parse::<FeatureSet>() {
                prop_assert_eq!(set.to_string().parse::<FeatureSet>(), Ok(set));
            }
        }
    }
}
