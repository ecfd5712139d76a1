//! `policies/approvers.yaml`: who may accept that a change loosens a policy, and who may approve rollouts by name.
//!
//! The file of the *base* counts: nobody makes himself an approver by the change that needs one. An approval names the
//! change's last commit and both policies, so it is worth nothing for any other.

use super::places::Places;
use crate::digest::{Digest, short_commit};
use crate::failure::Failure;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file.
pub const FILE: &str = "approvers.yaml";
/// The namespace of signatures: a signature for something else is none for a policy.
pub const NAMESPACE: &str = "gateline-policy";
/// Most approvers.
pub const APPROVERS_MAX: usize = 200;
/// The kinds of keys that are read.
const KEY_KINDS: [&str; 5] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Who may accept that a change loosens a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Approvers {
    /// The approvers. Default nobody: then no loosening is accepted.
    pub approvers: Vec<Approver>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    /// The name, as reports show it.
    pub name: String,
    /// The login on GitHub, whose reviews count. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github: Option<String>,
    /// The keys that sign for this person. Default none.
    #[serde(default)]
    pub ssh_keys: Vec<SshKey>,
    /// The number of the user that this person is on the machine of the platform (`id -u`): so rollouts know who starts and
    /// approves them. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SshKey {
    /// The public key as `ssh-keygen` writes it, without its comment or with it: `ssh-ed25519 AAAA…`.
    pub key: String,
    /// The last day on which it signs (UTC): `2027-12-31`. Default: it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub expires: Option<Date>,
}

/// What an approval speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    /// The last commit of the change, 40 hexadecimal digits.
    pub commit: String,
    /// The digest of everything in the base's policies.
    pub base: Digest,
    /// The digest of everything in the change's policies.
    pub head: Digest,
}

/// Who says that he approves, once somebody has made sure that it is he.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Identity {
    /// A key that signed [`Approved::message`], as it stands in the file.
    Ssh {
        /// Kind and body, without a comment.
        key: String,
    },
    /// A login that GitHub has told, whose review names the commit.
    Github {
        /// The login.
        login: String,
    },
}

/// An approval whose author was authenticated. Whether he may approve is not said yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub identity: Identity,
    /// What.
    pub of: Approved,
}

impl Approved {
    /// The text that is signed. Each line has one meaning; nothing else is in it.
    pub fn message(&self) -> String {
        format!(
            "gateline/policy-approval/v1\ncommit {}\nbase {}\nhead {}\n",
            self.commit, self.base, self.head
        )
    }
}

impl Approvers {
    /// Whether an approval counts for this change on this day: the approver's name, or why not.
    ///
    /// # Errors
    /// Why it does not count, for people.
    pub fn accept(&self, approval: &Approval, of: &Approved, today: Date) -> Result<&str, String> {
        if approval.of.commit != of.commit {
            return Err(format!("it is for commit {}", short_commit(&approval.of.commit)));
        }
        if approval.of != *of {
            return Err("it is for other policies".to_owned());
        }
        match &approval.identity {
            Identity::Ssh { key } => {
                let mut known =
                    self.approvers.iter().flat_map(|one| one.ssh_keys.iter().map(move |key| (one, key)));
                let Some((approver, found)) = known.find(|(_, one)| body(&one.key) == body(key)) else {
                    return Err("its key is nobody's in the base's policies/approvers.yaml".to_owned());
                };
                match found.expires {
                    Some(last) if last < today => {
                        Err(format!("the key of {} expired on {last}", approver.name))
                    }
                    _ => Ok(&approver.name),
                }
            }
            Identity::Github { login } => {
                let same = |one: &&Approver| {
                    one.github.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(login))
                };
                let found = self.approvers.iter().find(same);
                found
                    .map(|one| one.name.as_str())
                    .ok_or_else(|| format!("@{login} is not in the base's policies/approvers.yaml"))
            }
        }
    }

    /// Refuses what can never make sense.
    ///
    /// # Errors
    /// [`crate::exit::Exit::Usage`] with file and line.
    pub fn validate(&self, places: &Places) -> anyhow::Result<()> {
        let refuse = |path: &str, what: String, help: &str| {
            let place = places.nearest(path).map_or(String::new(), |place| format!(":{place}"));
            Err(Failure::usage(format!("policies/{FILE}{place}: {what}"), help))
        };
        if self.approvers.len() > APPROVERS_MAX {
            return refuse("approvers", format!("more than {APPROVERS_MAX} approvers"), "name fewer people");
        }
        let mut seen = std::collections::BTreeSet::new();
        for (index, one) in self.approvers.iter().enumerate() {
            let at = format!("approvers[{index}]");
            if one.name.trim().is_empty() || one.name.contains(char::is_control) {
                return refuse(
                    &format!("{at}.name"),
                    "an approver without a name".into(),
                    "write it on one line",
                );
            }
            if one.github.is_none() && one.ssh_keys.is_empty() && one.uid.is_none() {
                let what = format!("{} has no way to approve", one.name);
                return refuse(&at, what, "add `ssh_keys`, `github` or `uid`");
            }
            if !seen.insert(format!("name {}", one.name)) {
                return refuse(&at, format!("{} is there twice", one.name), "put the keys under one name");
            }
            if one.uid.is_some_and(|uid| !seen.insert(format!("uid {uid}"))) {
                return refuse(
                    &format!("{at}.uid"),
                    "a user that is there twice".into(),
                    "a user is one person",
                );
            }
            for (number, key) in one.ssh_keys.iter().enumerate() {
                let path = format!("{at}.ssh_keys[{number}].key");
                let words: Vec<&str> = key.key.split_whitespace().collect();
                let plain =
                    |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
                let known = matches!(&words[..], [kind, body, ..] if KEY_KINDS.contains(kind) && plain(body));
                if !known || key.key.contains(char::is_control) {
                    let what = format!("`{}…` is no public key of a kind that is read", start(&key.key));
                    return refuse(&path, what, "paste the line of ~/.ssh/id_ed25519.pub");
                }
                if !seen.insert(format!("key {}", body(&key.key))) {
                    return refuse(&path, "a key that is there twice".into(), "a key belongs to one person");
                }
            }
        }
        Ok(())
    }
}

/// Kind and body of a public key, without its comment.
pub fn body(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn start(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn approvers(text: &str) -> Approvers {
        serde_yaml::from_str(text).unwrap()
    }

    const TWO: &str = "approvers:\n- name: Ana\n  ssh_keys:\n  - key: ssh-ed25519 AAAA ana@home\n    expires: 2026-12-31\n\
                       - name: Ben\n  github: ben-codes\n";

    #[test]
    fn an_approval_counts_for_its_commit_its_policies_and_its_day() {
        let base = approvers(TWO);
        let today = date(2026, 11, 24);
        let of = Approved { commit: "c".repeat(40), base: Digest::of(b"b"), head: Digest::of(b"h") };
        let by = |key: &str| Approval { identity: Identity::Ssh { key: key.into() }, of: of.clone() };
        let said = |approval: &Approval, today| base.accept(approval, &of, today).map(str::to_owned);
        assert_eq!(said(&by("ssh-ed25519 AAAA other comment"), today), Ok("Ana".into()));
        assert!(said(&by("ssh-ed25519 BBBB"), today).unwrap_err().contains("nobody's"));
        assert!(said(&by("ssh-ed25519 AAAA"), date(2027, 1, 1)).unwrap_err().contains("expired"));
        let mut other = by("ssh-ed25519 AAAA");
        other.of.commit = "d".repeat(40);
        assert!(said(&other, today).unwrap_err().contains("commit dddddddddddd"));
        other = by("ssh-ed25519 AAAA");
        other.of.head = Digest::of(b"later");
        assert!(said(&other, today).unwrap_err().contains("other policies"));
        let login =
            |login: &str| Approval { identity: Identity::Github { login: login.into() }, of: of.clone() };
        assert_eq!(said(&login("Ben-Codes"), today), Ok("Ben".into()));
        assert!(said(&login("eve"), today).unwrap_err().contains("@eve"));
    }

    #[test]
    fn senseless_files_are_refused_with_their_place() {
        let check = |text: &str, words: &[&str]| {
            let error = approvers(text).validate(&Places::read(text).unwrap()).expect_err(text).to_string();
            words.iter().for_each(|word| assert!(error.contains(word), "{word} is not in {error}"));
        };
        check("approvers:\n- name: ' '\n  github: a\n", &["approvers.yaml:2:3", "without a name"]);
        check("approvers:\n- name: a\n", &["2:3", "no way to approve"]);
        check("approvers:\n- name: a\n  ssh_keys: [{key: ssh-rsa AAAA}]\n", &[":3:", "no public key"]);
        check("approvers:\n- name: a\n  ssh_keys: [{key: 'ssh-ed25519 A,B'}]\n", &["no public key"]);
        let twice = "approvers:\n- {name: a, ssh_keys: [{key: ssh-ed25519 AA}]}\n- {name: b, ssh_keys: [{key: ssh-ed25519 AA x}]}\n";
        check(twice, &[":3:", "twice"]);
        check("approvers: [{name: a, github: a}, {name: a, github: b}]", &["twice"]);
        assert!(approvers(TWO).validate(&Places::default()).is_ok());
    }

    #[test]
    fn the_signed_text_says_all_of_it() {
        let of = Approved { commit: "c".into(), base: Digest::of(b"b"), head: Digest::of(b"h") };
        assert_eq!(of.message().lines().count(), 4);
        assert!(of.message().contains(&of.base.to_string()) && of.message().contains(&of.head.to_string()));
    }
}
