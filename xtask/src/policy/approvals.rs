//! Who must approve a rollout: how many people, who they may be, and for how long their word is good.
//!
//! In YAML a number alone is a quorum: `approvals: 1`.

use super::approvers::{Approver, Approvers};
use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Most people.
pub const QUORUM_MAX: u32 = 20;

/// Who must approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalPolicy {
    /// How many people.
    pub quorum: u32,
    /// Who may, by their names in policies/approvers.yaml. Default: whoever may deploy, by the user that they are on the
    /// platform's machine.
    pub from: Vec<String>,
    /// Whether the person who started the rollout may approve it.
    pub self_approval: bool,
    /// How long an approval stays good, in minutes. `None`: as long as the request.
    pub expires_minutes: Option<u64>,
}

/// The keys, as they are written where it is no number.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Written {
    /// How many people must approve. Default 1.
    quorum: u32,
    /// Who may, by their names in policies/approvers.yaml. Default: whoever may deploy, by the user that they are on the
    /// platform's machine.
    from: Vec<String>,
    /// Whether the person who started the rollout may approve it. Default true.
    self_approval: bool,
    /// How long an approval stays good, in minutes. Default: as long as the request, `deadlines.approval_secs`.
    expires_minutes: Option<u64>,
}

impl Default for Written {
    fn default() -> Self {
        Written { quorum: 1, from: Vec::new(), self_approval: true, expires_minutes: None }
    }
}

impl Default for ApprovalPolicy {
    fn default() -> Self {
        ApprovalPolicy::of(0)
    }
}

impl ApprovalPolicy {
    /// So many people, whoever they are.
    pub fn of(quorum: u32) -> ApprovalPolicy {
        ApprovalPolicy { quorum, from: Vec::new(), self_approval: true, expires_minutes: None }
    }

    /// Those who may approve, with their keys.
    pub fn people(&self, approvers: &Approvers) -> Vec<Approver> {
        let named = |one: &&Approver| self.from.contains(&one.name);
        approvers.approvers.iter().filter(named).cloned().collect()
    }

    /// Why nobody can ever meet it; `today` leaves out keys that have expired, where it is given. The embedded platform
    /// authenticates by keys, and by the user of a connection, which is its own: so one person besides.
    pub fn unmet(&self, approvers: &Approvers, today: Option<Date>) -> Option<String> {
        if self.quorum > QUORUM_MAX {
            return Some(format!("a quorum of {} is more than {QUORUM_MAX}", self.quorum));
        }
        if self.expires_minutes == Some(0) {
            return Some("an approval that expires at once never counts".to_owned());
        }
        let unknown = |name: &&String| !approvers.approvers.iter().any(|one| one.name == **name);
        if let Some(name) = self.from.iter().find(unknown) {
            return Some(format!("`{name}` is nobody in policies/approvers.yaml"));
        }
        let all = if self.from.is_empty() { approvers.approvers.clone() } else { self.people(approvers) };
        let lives = |one: &Approver| {
            one.ssh_keys
                .iter()
                .any(|key| today.is_none_or(|today| key.expires.is_none_or(|last| last >= today)))
        };
        let (keyed, rest): (Vec<&Approver>, Vec<&Approver>) = all.iter().partition(|one| lives(one));
        let by_user = rest.iter().any(|one| one.uid.is_some());
        let people = (keyed.len() + usize::from(by_user)).max(usize::from(self.from.is_empty()));
        // Without names, root stands beside the platform's user.
        let starter = !self.self_approval && !self.from.is_empty() && self.quorum > 0;
        let others = people.saturating_sub(usize::from(starter));
        let needed = usize::try_from(self.quorum).unwrap_or(usize::MAX);
        (others < needed).then(|| {
            let who = if self.self_approval { "" } else { " besides the one who starts a rollout" };
            format!("{needed} people must approve, and the embedded platform can authenticate {others}{who}")
        })
    }
}

impl<'de> Deserialize<'de> for ApprovalPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ApprovalPolicy, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = ApprovalPolicy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of people, or the keys `quorum`, `from`, `self_approval`, `expires_minutes`")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ApprovalPolicy, E> {
        u32::try_from(number).map(ApprovalPolicy::of).map_err(|_| E::custom("more people than there can be"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ApprovalPolicy, A::Error> {
        let Written { quorum, from, self_approval, expires_minutes } =
            Written::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ApprovalPolicy { quorum, from, self_approval, expires_minutes })
    }
}

impl JsonSchema for ApprovalPolicy {
    fn schema_name() -> Cow<'static, str> {
        "ApprovalPolicy".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Written::json_schema(generator);
        // A number alone is the quorum.
        schema.insert("type".to_owned(), serde_json::json!(["object", "integer"]));
        schema.insert("minimum".to_owned(), 0.into());
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "approvers:\n- {name: Ana, ssh_keys: [{key: ssh-ed25519 AAAA, expires: 2026-12-31}]}\n\
                       - {name: Ben, ssh_keys: [{key: ssh-ed25519 BBBB}]}\n- {name: Cem, github: cem}\n- {name: Dot, uid: 7}\n";

    #[test]
    fn a_number_is_a_quorum_and_keys_are_read_strictly() {
        let read = |text: &str| serde_yaml::from_str::<ApprovalPolicy>(text);
        assert_eq!(read("2").unwrap(), ApprovalPolicy::of(2));
        assert_eq!(
            read("{from: [Ana]}").unwrap(),
            ApprovalPolicy { from: vec!["Ana".into()], ..ApprovalPolicy::of(1) }
        );
        let error = read("{form: [Ana]}").unwrap_err().to_string();
        assert!(error.contains("`form`") && error.contains("`from`"), "{error}");
        assert!(read("many").unwrap_err().to_string().contains("a number of people"));
        let written = serde_yaml::to_string(&read("{quorum: 3, expires_minutes: 5}").unwrap()).unwrap();
        assert_eq!(read(&written).unwrap().expires_minutes, Some(5));
    }

    #[test]
    fn a_quorum_that_nobody_can_authenticate_is_told() {
        let approvers: Approvers = serde_yaml::from_str(TWO).unwrap();
        let unmet = |text: &str, day: Option<Date>| {
            serde_yaml::from_str::<ApprovalPolicy>(text).unwrap().unmet(&approvers, day).unwrap_or_default()
        };
        assert_eq!(unmet("1", None), "");
        assert_eq!(unmet("3", None), "", "two keys, and one by his user");
        assert!(unmet("4", None).contains("authenticate 3"));
        assert_eq!(unmet("{quorum: 2, from: [Ana, Ben]}", None), "");
        assert!(
            unmet("{quorum: 2, from: [Ana, Ben]}", Some(jiff::civil::date(2027, 1, 1)))
                .contains("authenticate 1")
        );
        assert!(unmet("{quorum: 2, from: [Ana, Cem]}", None).contains("authenticate 1"));
        assert_eq!(unmet("{quorum: 2, from: [Ana, Dot]}", None), "");
        assert!(unmet("{quorum: 2, from: [Ana, Ben], self_approval: false}", None).contains("besides"));
        assert!(unmet("{from: [Eve]}", None).contains("`Eve` is nobody"));
        assert!(unmet("{expires_minutes: 0}", None).contains("at once"));
        assert!(unmet("{quorum: 99}", None).contains("more than"));
        let nobody = Approvers::default();
        assert!(ApprovalPolicy::of(2).unmet(&nobody, None).is_some());
        assert_eq!(ApprovalPolicy::of(1).unmet(&nobody, None), None);
    }
}
