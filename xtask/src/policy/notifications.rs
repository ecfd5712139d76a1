//! Who is told when a rollout needs people: webhooks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most webhooks.
pub const NOTIFICATIONS_MAX: usize = 10;
/// Most attempts for one message.
pub const ATTEMPTS_MAX: u32 = 20;
/// Longest time that a command waits for deliveries before it ends, in seconds.
pub const PATIENCE_SECS_MAX: u64 = 600;

/// One webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotificationPolicy {
    /// What records call it.
    pub name: String,
    /// Where messages are posted: `http://127.0.0.1:8080/hook`.
    pub url: String,
    /// What it is told. Default: everything.
    pub on: Vec<Occasion>,
    /// The variable that holds the secret by which messages are signed.
    pub secret_variable: Option<String>,
    /// The file that holds it, instead of a variable; relative to the workspace.
    pub secret_file: Option<String>,
    /// Whether messages may leave this machine without encryption. Default false: then only loopback addresses are told.
    pub plain_http: bool,
    /// How often one message is tried. Default 5.
    pub attempts: u32,
    /// How long one attempt may take. Default 5.
    pub timeout_secs: u64,
    /// How long a command waits for deliveries before it ends. Default 20.
    pub patience_secs: u64,
}

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A rollout waits for an approval.
    WaitingForApproval,
    /// A rollout may not begin: frozen, held, or outside of its windows.
    Held,
    /// The earlier version serves again.
    RolledBack,
    /// Neither way could be finished.
    NeedsOperator,
}

impl Occasion {
    /// Its name, as policies and messages have it.
    pub fn name(self) -> &'static str {
        match self {
            Occasion::WaitingForApproval => "waiting-for-approval",
            Occasion::Held => "held",
            Occasion::RolledBack => "rolled-back",
            Occasion::NeedsOperator => "needs-operator",
        }
    }
}

impl Default for NotificationPolicy {
    fn default() -> Self {
        NotificationPolicy {
            name: String::new(),
            url: String::new(),
            on: Vec::new(),
            secret_variable: None,
            secret_file: None,
            plain_http: false,
            attempts: 5,
            timeout_secs: 5,
            patience_secs: 20,
        }
    }
}

impl NotificationPolicy {
    /// Whether it is told of this.
    pub fn is_told(&self, occasion: Occasion) -> bool {
        self.on.is_empty() || self.on.contains(&occasion)
    }

    fn senseless(&self) -> Option<(&'static str, String)> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(plain) {
            return Some((".name", format!("`{}` is no name: up to 40 letters, digits, - and _", self.name)));
        }
        if self.url.starts_with("https:") {
            return Some((
                ".url",
                "https is not spoken yet: name a relay on 127.0.0.1, which speaks it for you".to_owned(),
            ));
        }
        if !self.url.starts_with("http://")
            || self.url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
        {
            return Some((".url", "no address: http://HOST:PORT/PATH, without a user".to_owned()));
        }
        match (&self.secret_variable, &self.secret_file) {
            (None, None) => {
                return Some(("", format!("{} has no secret, so nobody could trust it", self.name)));
            }
            (Some(_), Some(_)) => {
                return Some((".secret_file", "a secret in a variable and in a file".to_owned()));
            }
            _ => {}
        }
        if !(1..=ATTEMPTS_MAX).contains(&self.attempts) {
            return Some((".attempts", format!("attempts are 1 to {ATTEMPTS_MAX}")));
        }
        if self.timeout_secs == 0 || !(1..=PATIENCE_SECS_MAX).contains(&self.patience_secs) {
            return Some((
                ".patience_secs",
                format!("times are at least 1 s, and the patience at most {PATIENCE_SECS_MAX} s"),
            ));
        }
        None
    }
}

/// The key and what is wrong with it, where something can never make sense.
pub fn senseless(all: &[NotificationPolicy]) -> Option<(String, String)> {
    if all.len() > NOTIFICATIONS_MAX {
        return Some(("notifications".to_owned(), format!("more than {NOTIFICATIONS_MAX} webhooks")));
    }
    let mut names = BTreeSet::new();
    all.iter().enumerate().find_map(|(at, one)| {
        let twice = || Some((".name", format!("`{}` is there twice", one.name)));
        let (key, what) = one.senseless().or_else(|| if names.insert(&one.name) { None } else { twice() })?;
        Some((format!("notifications[{at}]{key}"), what))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_makes_sense_has_its_key() {
        let key = |text: &str| {
            let all: Vec<NotificationPolicy> = serde_yaml::from_str(text).unwrap();
            senseless(&all).map(|(key, _)| key).unwrap_or_default()
        };
        let good = "name: a, url: 'http://127.0.0.1:1/', secret_variable: HOOK_SECRET";
        assert_eq!(key(&format!("[{{{good}}}]")), "");
        assert_eq!(key(&format!("[{{{good}}}, {{{good}}}]")), "notifications[1].name");
        for (more, at) in [
            ("attempts: 0", ".attempts"),
            ("secret_file: s", ".secret_file"),
            ("timeout_secs: 0", ".patience_secs"),
            ("patience_secs: 601", ".patience_secs"),
        ] {
            assert_eq!(key(&format!("[{{{good}, {more}}}]")), format!("notifications[0]{at}"));
        }
        for url in
            ["https://example.org/", "ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1/ x"]
        {
            assert_eq!(key(&format!("[{{name: a, secret_file: s, url: '{url}'}}]")), "notifications[0].url");
        }
        assert_eq!(key("[{name: a, url: 'http://127.0.0.1/'}]"), "notifications[0]");
        assert_eq!(key("[{name: '', url: 'http://127.0.0.1/', secret_file: s}]"), "notifications[0].name");
    }
}
