//! What a platform shows of an environment: instances, weights, health, counters. Plain data.

use crate::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most latencies that are kept of one backend, and that are told of one role: two sides of a look stay far below the
/// longest line of the journal and of the socket.
pub const SAMPLES_MAX: usize = 2000;

/// The role of an instance in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The release that serves.
    Stable,
    /// A fresh copy of the stable release, for comparison.
    Baseline,
    /// The release on trial.
    Canary,
}

/// Who gets which share of the requests. Shares are of whole roles' digests and sum to 100, or the list is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// One entry per group of instances.
    pub shares: Vec<Share>,
    /// When the weights lapse without a renewal, in milliseconds from now; `None`: never (only a table with one
    /// stable share may say so).
    pub expires_in_millis: Option<u64>,
    /// What the supervisor does then.
    pub on_expiry: OnExpiry,
}

impl Weights {
    /// The share of the release that serves, whatever its weight; none before a first deployment.
    pub fn stable(&self) -> Option<&Share> {
        self.shares.iter().find(|share| share.role == Role::Stable)
    }
}

/// One share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The role that these instances have from now on.
    pub role: Role,
    /// Whose instances.
    pub digest: Digest,
    /// The instances that serve it, by id. At least one, unless the weight is 0.
    pub instances: Vec<String>,
    /// Per cent.
    pub weight: u8,
}

/// The pre-authorised restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnExpiry {
    /// All traffic to the stable share; where there is none (a first deployment), to nobody.
    Stable,
}

/// One environment, as the data plane has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentStatus {
    /// Which.
    pub target: Target,
    /// The proxy's port.
    pub port: u16,
    /// Whether it listens there.
    #[serde(default)]
    pub listening: Listening,
    /// The weights in force.
    pub weights: Weights,
    /// When they lapse.
    pub expires_at: Option<Timestamp>,
    /// Their generation.
    pub generation: u64,
    /// Whether the dead man's switch has restored the stable share since the last `SetWeights`.
    pub restored: bool,
    /// The newest epoch, and what it was given for; `None` when free.
    pub grant: Option<(u64, GrantKind)>,
    /// The instances.
    pub instances: Vec<InstanceStatus>,
    /// The last state of the newest rollout, by the journal.
    pub rollout: Option<serde_json::Value>,
}

/// Whether a proxy listens on its port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum Listening {
    /// It does.
    #[default]
    Yes,
    /// The port could not be had: nobody is served.
    No(String),
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Its id.
    pub id: String,
    /// The image that it was started from.
    pub digest: Digest,
    /// Its role now.
    pub role: Role,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The process of the service, while it runs.
    pub pid: Option<u32>,
    /// Its health.
    pub health: Health,
    /// Requests in flight through the proxy.
    pub in_flight: u64,
    /// What the proxy counted.
    pub counters: Counters,
    /// What clients got of it since the weights in force were set.
    #[serde(default)]
    pub step: Step,
    /// Where its log is.
    pub log: PathBuf,
}

/// Health, as the supervisor's own checks see it. Unknown is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum Health {
    /// Not yet ready since it started; the text says what the last check saw.
    Starting(String),
    /// Ready, with its identity proved.
    Ready,
    /// Was ready and is no more.
    Unready(String),
    /// Answers with another identity: a squatter, or another build.
    Foreign(String),
    /// The process has ended.
    Exited(String),
}

/// What the proxy counted of one instance, since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Clients' requests that were answered or failed.
    pub requests: u64,
    /// 5xx replies.
    pub server_errors: u64,
    /// No connection, or cut before the reply was complete.
    pub connection_errors: u64,
    /// Requests sent once more because no byte of the first attempt was sent.
    pub retries: u64,
    /// Marked probe requests.
    pub probes: u64,
    /// Those that failed.
    pub probe_errors: u64,
}

/// Clients' requests to one instance since the weights in force were set. Probes are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Requests that were answered or failed.
    pub replies: u64,
    /// 5xx replies, no connection, or cut before the reply was complete.
    pub errors: u64,
    /// Latencies that are kept, at most [`SAMPLES_MAX`].
    pub samples: u64,
}

/// What clients got of two roles since the weights in force were set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// The number of these weights.
    pub generation: u64,
    /// Of the release on trial.
    pub canary: Side,
    /// Of the release that serves.
    pub baseline: Side,
}

/// What clients got of one role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Times to the head of the reply in microseconds, an even sample of at most [`SAMPLES_MAX`].
    pub micros: Vec<u64>,
    /// Requests that were answered or failed.
    pub replies: u64,
    /// Those that failed or were answered with 5xx.
    pub errors: u64,
}

impl Side {
    /// The sum of several instances. Each keeps an even sample, and so is what is kept of all.
    pub fn of(instances: Vec<Side>) -> Side {
        let mut sum = Side::default();
        for instance in instances {
            sum.micros.extend(instance.micros);
            sum.replies += instance.replies;
            sum.errors += instance.errors;
        }
        let stride = sum.micros.len().div_ceil(SAMPLES_MAX).max(1);
        sum.micros = sum.micros.into_iter().step_by(stride).collect();
        sum
    }
}

/// Which environment of which service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
}

/// Whether a grant is for going on or for going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// A deployment; refused while any other grant is held.
    Forward,
    /// A rollback; revokes a forward grant, refused while another rollback holds.
    Rollback,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_of_several_instances_is_one_bounded_side() {
        let side = |from: u64, count: u64| Side {
            micros: (from..from + count).collect(),
            replies: count,
            errors: 1,
        };
        let small = Side::of(vec![side(0, 3), side(10, 2)]);
        assert_eq!(small, Side { micros: vec![0, 1, 2, 10, 11], replies: 5, errors: 2 });
        let large = Side::of(vec![side(0, 2000), side(5000, 2000), side(9000, 1)]);
        assert_eq!((large.replies, large.errors), (4001, 3));
        assert!(
            large.micros.len() <= SAMPLES_MAX && large.micros.iter().any(|value| *value >= 5000),
            "{}",
            large.micros.len()
        );
        assert_eq!(Side::of(vec![]), Side::default());
    }
}
