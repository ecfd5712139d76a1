//! What deployers and the supervisor say to each other: one JSON object per line over a Unix socket.
//!
//! A connection owns the grants that it was given: when it closes, for whatever reason, they are free. Reads and
//! short appends need no grant. Every effect carries the grant's epoch; a lower one than the newest is refused.

use crate::digest::Digest;
pub use crate::rollout::seen::{
    Counters, EnvironmentStatus, GrantKind, Health, InstanceStatus, Listening, OnExpiry, Role, Share, Side,
    Sides, Step, Target, Weights,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The version of this protocol; another one is refused with the command to restart the supervisor.
pub const PROTOCOL: u32 = 2;
/// The longest line either side reads.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One call, with a number that its reply repeats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Chosen by the caller.
    pub id: u64,
    /// What is asked.
    pub request: Request,
}

/// The reply to one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The call's number.
    pub id: u64,
    /// What came of it.
    pub result: Result<Reply, Refusal>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Request {
    /// First call of each connection.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
    },
    /// Everything about one service, or about all.
    Status {
        /// Only this service.
        service: Option<String>,
    },
    /// Makes sure that the environment exists with its proxy listening. Idempotent. Needs no grant.
    Ensure {
        /// Which.
        target: Target,
        /// The port of the proxy; 0 lets the supervisor choose one and keep it.
        port: u16,
    },
    /// Asks for the right to change an environment.
    Grant {
        /// Which.
        target: Target,
        /// For going on or going back.
        kind: GrantKind,
    },
    /// Gives the right back.
    Release {
        /// Which.
        target: Target,
    },
    /// Appends a record to the service's journal, durably, before the reply.
    Append {
        /// Where.
        target: Target,
        /// The grant; `None` for short appends (approve, reject), which need none.
        epoch: Option<u64>,
        /// What.
        entry: Entry,
    },
    /// Reads records of the service's journal.
    Journal {
        /// Which service.
        service: String,
        /// Only records after this sequence number.
        after: u64,
        /// At most this many (the supervisor may send fewer).
        limit: u32,
    },
    /// Starts an instance from an unpacked image. Idempotent by `id`.
    Start {
        /// Where.
        target: Target,
        /// The grant.
        epoch: u64,
        /// How.
        spec: InstanceSpec,
    },
    /// Drains an instance (no new picks, in-flight finished), then SIGTERM, grace, SIGKILL. The reply comes when it is gone.
    Stop {
        /// Where.
        target: Target,
        /// The grant.
        epoch: u64,
        /// Which instance.
        instance: String,
        /// Longest wait for requests in flight, in milliseconds.
        drain_millis: u64,
        /// From SIGTERM to SIGKILL, in milliseconds.
        grace_millis: u64,
    },
    /// Sets all weights at once; the reply comes when the data plane uses them.
    SetWeights {
        /// Where.
        target: Target,
        /// The grant.
        epoch: u64,
        /// The table.
        weights: Weights,
    },
    /// Moves the expiry of the weights in force, while the deployer lives.
    Renew {
        /// Where.
        target: Target,
        /// The grant.
        epoch: u64,
        /// From now, in milliseconds.
        expires_in_millis: u64,
    },
    /// Sends marked probe requests to the instances of one role, through the proxy's own client; they are counted apart.
    Probe {
        /// Where.
        target: Target,
        /// The grant.
        epoch: u64,
        /// To whom.
        role: Role,
        /// The path.
        path: String,
        /// How many, at most 1,000.
        count: u32,
    },
    /// What clients got of the release on trial and of the one that serves since the weights in force were set. Needs no
    /// grant.
    Samples {
        /// Where.
        target: Target,
    },
    /// Stops the supervisor; with `instances`, every instance first (drained).
    Down {
        /// Whether instances are stopped too.
        instances: bool,
    },
}

/// What an instance is started from. The supervisor adds port, nonce and identity variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// Unique in the environment: `<rollout>-<slot>`.
    pub id: String,
    /// The digest of the image's index.
    pub digest: Digest,
    /// The role at start.
    pub role: Role,
    /// The unpacked root file system.
    pub rootfs: PathBuf,
    /// Entry point and arguments; the first is a path inside the root file system.
    pub command: Vec<String>,
    /// Working directory inside the root file system.
    pub directory: String,
    /// Environment: the image's, then the policy's; `{port}` and `{data}` are filled in by the supervisor.
    pub environment: BTreeMap<String, String>,
    /// The path that answers 200 when it may receive traffic.
    pub ready_path: String,
    /// Whether replies must carry `x-gateline-digest` and `x-gateline-nonce`.
    pub echoes_identity: bool,
    /// From SIGTERM to SIGKILL when nobody says otherwise, in milliseconds.
    pub stop_grace_millis: u64,
    /// Facts handed to the instance as `GATELINE_VERSION` and `GATELINE_COMMIT`.
    pub version: String,
    /// The commit of the release.
    pub commit: String,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reply")]
pub enum Reply {
    /// To `Hello`.
    Hello {
        /// The supervisor's version.
        version: String,
        /// Its process.
        pid: u32,
        /// Its state directory.
        state: PathBuf,
        /// The digest of its executable's copy.
        executable: String,
    },
    /// To `Status`.
    Status {
        /// The supervisor's time: expiries are to be read against it.
        now: Timestamp,
        /// The environments.
        environments: Vec<EnvironmentStatus>,
    },
    /// To `Ensure`.
    Ensured {
        /// The port that the proxy listens on.
        port: u16,
    },
    /// To `Grant`.
    Granted {
        /// The epoch of every later call.
        epoch: u64,
        /// Where a rollback's records go, should the journal be damaged: the emergency chain beside it.
        #[serde(default)]
        emergency: Option<PathBuf>,
    },
    /// To `Append`.
    Appended {
        /// The record's number.
        seq: u64,
    },
    /// To `Journal`.
    Journal {
        /// In order.
        records: Vec<Record>,
    },
    /// To `Start`.
    Started {
        /// As it stands.
        instance: InstanceStatus,
    },
    /// To `Stop`.
    Stopped {
        /// Requests still in flight when the drain ended; 0 is "none lost".
        cut: u64,
    },
    /// To `SetWeights` and `Renew`: the table that the data plane uses.
    Weights {
        /// Counts up with each table.
        generation: u64,
    },
    /// To `Probe`.
    Probed {
        /// Replies below 500.
        ok: u64,
        /// 5xx replies and failures to connect.
        failed: u64,
        /// What the last failure was.
        last_failure: Option<String>,
    },
    /// To `Samples`: at most [`crate::rollout::seen::SAMPLES_MAX`] latencies of each role.
    Samples {
        /// Both roles.
        sides: Sides,
    },
    /// To the rest.
    Done,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For callers that branch.
    pub code: RefusalCode,
    /// What, where, why.
    pub message: String,
    /// The next command to type.
    pub help: String,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The call makes no sense.
    Malformed,
    /// Another protocol version.
    Protocol,
    /// No such service, environment or instance.
    Unknown,
    /// Somebody else holds the environment.
    Held,
    /// The epoch is not the newest: the grant was revoked.
    Stale,
    /// The port of the proxy is taken.
    PortTaken,
    /// The journal is damaged, the disk is full, or a file could not be written.
    Journal,
    /// Not allowed for this peer.
    Forbidden,
    /// Anything else that could not be done.
    Failed,
}

/// What a deployer or a person writes into the journal. The supervisor adds number, time, chain and checksum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The rollout that it belongs to.
    pub rollout: String,
    /// What kind of record.
    pub phase: Phase,
    /// The action or event: `set-weights`, `approved`, …
    pub what: String,
    /// Its data.
    pub body: serde_json::Value,
}

/// The phases of an effect, and records that are no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the effect.
    Intent,
    /// After it was observed.
    Done,
    /// It was tried and failed.
    Failed,
    /// The rollout's state after a decision.
    State,
    /// An approval, a rejection, a restore by the supervisor: something that happened.
    Event,
}

/// One record of the journal: one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// From 1, without gaps.
    pub seq: u64,
    /// The digest of the line before (of `""` for the first).
    pub prev: Digest,
    /// When, by the supervisor's clock.
    pub at: Timestamp,
    /// Which environment.
    pub environment: String,
    /// The grant that it was written under; 0 for none.
    pub epoch: u64,
    /// Who: `uid:1000`, by the socket's peer credentials, or `supervisor`.
    pub actor: String,
    /// What.
    pub entry: Entry,
}
