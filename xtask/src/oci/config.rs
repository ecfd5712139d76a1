//! The config of an image: how its process starts, and what the image says of itself.
//!
//! The commit and the version stand here and not in the binary, so that a commit that changes no code changes no
//! layer. Labels repeat the annotations, because older interfaces show only labels.

use super::LayerFacts;
use crate::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the rootfs layer keeps the CA bundle.
pub const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What a shell would search; the same as Docker's default.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const CREATED: &str = "org.opencontainers.image.created";

/// What an image is made from, besides its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// The commit.
    pub revision: String,
    /// The repository.
    pub source: Option<String>,
    /// The SPDX expression.
    pub licences: Option<String>,
    /// The package's description.
    pub description: Option<String>,
    /// The absolute path of the binary in the image.
    pub entrypoint: String,
    /// Arguments after it.
    pub arguments: Vec<String>,
    /// TCP ports.
    pub ports: Vec<u16>,
    /// The numeric user and group.
    pub user: u32,
    /// Environment on top of the defaults.
    pub environment: BTreeMap<String, String>,
    /// Labels besides ours; ours win, so that no policy can name another commit.
    pub labels: BTreeMap<String, String>,
}

/// The processors that images are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

/// The config document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// When the commit was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// `amd64` or `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// How the process starts.
    #[serde(default)]
    pub config: Process,
    /// The layers by their uncompressed digests.
    pub rootfs: RootFs,
    /// One line per layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
}

/// How the process of an image starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Process {
    /// `uid:gid`.
    pub user: String,
    /// `8080/tcp` and the like; the values are empty objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `NAME=value`.
    #[serde(deserialize_with = "list")]
    pub env: Vec<String>,
    /// The program and its fixed arguments.
    #[serde(deserialize_with = "list")]
    pub entrypoint: Vec<String>,
    /// Arguments after it.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Where it starts.
    pub working_dir: String,
    /// What the image says of itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that asks it to end.
    pub stop_signal: String,
}

/// `{}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// The layers by their uncompressed digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Lowest first.
    pub diff_ids: Vec<Digest>,
}

/// One layer's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When the commit was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Which tool made the layer; without a version, which would change the digest for nothing.
    #[serde(default)]
    pub created_by: String,
    /// What is in it.
    #[serde(default)]
    pub comment: String,
}

impl Architecture {
    /// Its name in OCI documents.
    pub const fn oci(self) -> &'static str {
        match self {
            Architecture::Amd64 => "amd64",
            Architecture::Arm64 => "arm64",
        }
    }
}

impl Config {
    /// The config of an image of ours.
    pub fn new(
        facts: &Facts,
        architecture: Architecture,
        created: Timestamp,
        layers: &[LayerFacts],
    ) -> Config {
        let created_text = rfc3339(created);
        let history = |layer: &LayerFacts| History {
            created: Some(created_text.clone()),
            created_by: "gateline image build".to_owned(),
            comment: layer.what.clone(),
        };
        Config {
            created: Some(created_text.clone()),
            architecture: architecture.oci().to_owned(),
            os: "linux".to_owned(),
            config: Process::new(facts, created),
            rootfs: RootFs {
                kind: "layers".to_owned(),
                diff_ids: layers.iter().map(|layer| layer.blob.diff_id.clone()).collect(),
            },
            history: layers.iter().map(history).collect(),
        }
    }
}

impl Process {
    fn new(facts: &Facts, created: Timestamp) -> Process {
        let mut environment = BTreeMap::from([
            ("PATH".to_owned(), PATH.to_owned()),
            ("SSL_CERT_FILE".to_owned(), CA_BUNDLE.to_owned()),
        ]);
        environment.extend(facts.environment.clone());
        Process {
            user: format!("{0}:{0}", facts.user),
            exposed_ports: facts.ports.iter().map(|port| (format!("{port}/tcp"), Empty {})).collect(),
            env: environment.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            entrypoint: vec![facts.entrypoint.clone()],
            cmd: facts.arguments.clone(),
            working_dir: "/".to_owned(),
            labels: labels(facts, created),
            stop_signal: "SIGTERM".to_owned(),
        }
    }

    /// The program and all its arguments.
    pub fn command(&self) -> Vec<String> {
        self.entrypoint.iter().chain(&self.cmd).cloned().collect()
    }

    /// The environment by name; an entry without `=` is an empty value.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let pair = |entry: &String| {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            (name.to_owned(), value.to_owned())
        };
        self.env.iter().map(pair).collect()
    }
}

/// What an image says of itself: on the manifest and the index as annotations, in the config as labels.
pub fn labels(facts: &Facts, created: Timestamp) -> BTreeMap<String, String> {
    let said = [
        ("title", Some(facts.name.clone())),
        ("version", Some(facts.version.clone())),
        ("revision", Some(facts.revision.clone())),
        ("source", facts.source.clone()),
        ("licenses", facts.licences.clone()),
        ("description", facts.description.clone()),
    ];
    let said = said.into_iter();
    let mut labels = facts.labels.clone();
    labels.extend(said.filter_map(|(key, value)| Some((format!("org.opencontainers.image.{key}"), value?))));
    labels.insert(CREATED.to_owned(), rfc3339(created));
    labels
}

/// Whole seconds, as commits have them.
fn rfc3339(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// Go writes an empty list as `null`.
fn list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::tests::facts;

    fn config() -> Config {
        let created: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        Config::new(&facts(), Architecture::Arm64, created, &[])
    }

    #[test]
    fn the_process_is_what_the_policy_says() {
        let process = config().config;
        assert_eq!(process.command(), ["/app/svc", "--serve"]);
        assert_eq!((process.user.as_str(), process.stop_signal.as_str()), ("65532:65532", "SIGTERM"));
        assert_eq!(process.environment()["SSL_CERT_FILE"], CA_BUNDLE);
        assert_eq!(process.environment()["MODE"], "x");
        assert!(process.exposed_ports.contains_key("8080/tcp"));
    }

    #[test]
    fn created_is_the_commit_time_in_whole_seconds() {
        let config = config();
        assert_eq!(config.created.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!(config.config.labels[CREATED], "2026-01-02T03:04:05Z");
        assert_eq!(config.config.labels["org.opencontainers.image.revision"], "a".repeat(40));
        assert!(!config.config.labels.contains_key("org.opencontainers.image.description"));
    }

    #[test]
    fn a_policy_cannot_name_another_commit() {
        let revision = "org.opencontainers.image.revision".to_owned();
        let labels =
            BTreeMap::from([(revision.clone(), "x".to_owned()), ("team".to_owned(), "y".to_owned())]);
        let labels = super::labels(&Facts { labels, ..facts() }, Timestamp::UNIX_EPOCH);
        assert_eq!((labels[&revision].as_str(), labels["team"].as_str()), ("a".repeat(40).as_str(), "y"));
    }

    #[test]
    fn what_go_writes_is_read() {
        let text = r#"{"architecture":"amd64","os":"linux","config":{"Cmd":null,"Env":["A"]},
            "rootfs":{"type":"layers","diff_ids":[]},"variant":"x"}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert_eq!(config.config.command(), Vec::<String>::new());
        assert_eq!(config.config.environment(), BTreeMap::from([("A".to_owned(), String::new())]));
    }
}
