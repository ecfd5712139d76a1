//! Everything in a policy folder together: what is demanded, what is waived, and who may approve.
//!
//! The digest of [`Policy`] alone names what evidence was judged by; the digest of the whole set is what an approval
//! names, because a waiver or an approver that a change brings loosens as much as a lower minimum does.

use super::approvers::{self, Approvers};
use super::places::Places;
use super::waivers::{self, Placed, Waivers};
use super::{Policy, file, parse};
use crate::digest::{Digest, Hasher};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// The files of a policy folder by name.
pub type Texts = BTreeMap<String, String>;

/// Everything in a policy folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicySet {
    /// What is demanded.
    pub policy: Policy,
    /// What is waived, with its lines.
    pub waivers: Vec<Placed>,
    /// Who may accept a loosening.
    pub approvers: Approvers,
}

impl PolicySet {
    /// Parses and validates all of it. How long a waiver may last is counted from `today`.
    ///
    /// # Errors
    /// [`crate::exit::Exit::Usage`] with file, line and the nearest known key.
    pub fn parse(texts: &Texts, today: Date) -> anyhow::Result<PolicySet> {
        let read = |name: &str| Ok(texts.get(name).cloned());
        let policy = parse::parse(read)?;
        let (all, places): (Waivers, Places) = file::file_with_places(read, waivers::FILE)?;
        all.validate(&places, today)?;
        let waivers = all.placed(&places);
        let (approvers, places): (Approvers, Places) = file::file_with_places(read, approvers::FILE)?;
        approvers.validate(&places)?;
        Ok(PolicySet { policy, waivers, approvers })
    }

    /// The digest of all values: comments and order of files change nothing.
    pub fn hash(&self) -> Digest {
        let waivers: Vec<_> = self.waivers.iter().map(|placed| &placed.waiver).collect();
        let mut hasher = Hasher::default();
        // Plain data with string keys always serialises.
        hasher.field(self.policy.hash().to_string().as_bytes());
        hasher.field(&serde_json::to_vec(&waivers).unwrap_or_default());
        hasher.field(&serde_json::to_vec(&self.approvers).unwrap_or_default());
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn set(texts: &[(&str, &str)]) -> anyhow::Result<PolicySet> {
        let texts = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        PolicySet::parse(&texts, date(2026, 11, 24))
    }

    const WAIVER: &str = "waivers:\n# why\n- code: tests/failed\n  subject: a::b\n  reason: r\n  owner: ana\n  expires: 2026-12-31\n";

    #[test]
    fn a_waiver_has_its_line_and_changes_the_digest_of_the_set_only() {
        let (with, without) = (set(&[("waivers.yaml", WAIVER)]).unwrap(), set(&[]).unwrap());
        assert_eq!(with.waivers[0].line, 3);
        assert_eq!(with.policy.hash(), without.policy.hash());
        assert_ne!(with.hash(), without.hash());
        let moved = set(&[("waivers.yaml", &format!("# moved\n{WAIVER}"))]).unwrap();
        assert_eq!(moved.hash(), with.hash());
    }

    #[test]
    fn what_a_waiver_lacks_or_has_too_much_is_told_with_its_place() {
        for (from, to, words) in [
            ("  owner: ana\n", "", "waivers.yaml:3:3: waivers[0]: missing field `owner`"),
            ("2026-12-31", "2027-12-31", "waivers.yaml:7:3: `expires: 2027-12-31` is 402 days ahead"),
            ("2026-12-31", "soon", "waivers.yaml:7:"),
            ("tests/failed", "policy/loosened", "waivers.yaml:3:3: `policy/loosened`"),
            ("reason:", "raeson:", "did you mean `reason`"),
        ] {
            let error = set(&[("waivers.yaml", &WAIVER.replace(from, to))]).expect_err(to).to_string();
            assert!(error.contains(words), "{words:?} is not in {error}");
        }
    }
}
