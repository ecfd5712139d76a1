//! Versions that an advisory names one by one or by events, as the OSV format does (OSV Schema 1.7, "affected[].ranges field").

use semver::Version;
use serde::{Deserialize, Serialize};

/// What is affected: any of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Versions, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Each a list of events, sorted by version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Vec<Event>>,
}

/// What happens at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// From here on it is affected.
    Introduced(Version),
    /// From here on it is not.
    Fixed(Version),
    /// It is the last that is affected.
    LastAffected(Version),
}

impl Event {
    /// The version at which it happens; of two at one version, an introduction goes first.
    pub(in crate::tools::security) fn at(&self) -> (&Version, u8) {
        match self {
            Event::Introduced(version) => (version, 0),
            Event::Fixed(version) => (version, 1),
            Event::LastAffected(version) => (version, 2),
        }
    }
}

impl Affected {
    /// Whether a version is affected.
    pub fn has(&self, version: &Version) -> bool {
        let named = |text: &String| text.parse::<Version>().is_ok_and(|named| named == *version);
        self.versions.iter().any(named) || self.ranges.iter().any(|events| within(events, version))
    }
}

/// The state after the last event that is not past this version.
fn within(events: &[Event], version: &Version) -> bool {
    let mut affected = false;
    for event in events {
        match event {
            Event::Introduced(from) if from <= version => affected = true,
            Event::Fixed(from) if from <= version => affected = false,
            Event::LastAffected(last) if last < version => affected = false,
            _ => {}
        }
    }
    affected
}
