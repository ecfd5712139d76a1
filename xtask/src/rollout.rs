//! Rollout: how a release reaches an environment.
//!
//! [`advance`] is pure: it takes a rollout and an observation and answers the next state with one action, and every
//! action means "make it so". Resuming after a crash is therefore nothing special: observe, then advance. Going back
//! is no second code path either: it is `advance` answering with the weights of the previous release.

mod advance;
pub mod judge;
mod look;
pub mod orders;
mod plan;
pub mod seen;
#[cfg(test)]
mod simulation;

pub use advance::{Closed, advance};
pub use look::{Compared, Figures, Look};
pub use plan::RolloutPlan;

use crate::digest::Digest;
use jiff::Timestamp;
use orders::Orders;
use seen::{EnvironmentStatus, Share, Sides, Weights};
use serde::{Deserialize, Serialize};

/// The schema of a rollout's record.
pub const SCHEMA: &str = "gateline/rollout/v1";

/// One release on its way into one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// [`SCHEMA`].
    pub schema: String,
    /// Its name, which is also the name to approve.
    pub id: String,
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// Going on, or going back to an earlier release.
    pub kind: Kind,
    /// Who started it (`uid:1000`).
    pub actor: String,
    /// The digest that shall serve.
    pub digest: Digest,
    /// The commit of that release.
    pub commit: String,
    /// Its version.
    pub version: String,
    /// What served before, with its instances: what a failure restores. `None` for a first deployment.
    pub previous: Option<Previous>,
    /// The steps, as they were planned: a policy edited meanwhile does not alter a running rollout.
    pub plan: RolloutPlan,
    /// Where it is.
    pub state: State,
    /// When it came there.
    pub entered_at: Timestamp,
    /// When it started.
    pub started_at: Timestamp,
    /// Why it goes back, or why it needs an operator.
    pub reason: Option<String>,
    /// What it goes back for: whether the release is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The last look of the judge at each step that it was asked in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged: Vec<Look>,
}

/// What a rollout went back for. Only a bad release is held: a deployer that died says nothing about what it deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The release broke a guard or was never ready, or somebody rolled it back.
    Release,
    /// What is around it: lapsed or foreign weights, a start or a switch that could not be done, too few samples.
    Surroundings,
    /// Somebody stopped the rollout.
    Order,
}

/// Going on, or going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A new release.
    Deploy,
    /// An earlier release, at once: no approvals, no small steps, guards stay.
    Rollback,
    /// The release that serves, in a fresh instance: no approvals, no small steps, guards stay.
    Restart,
}

/// What served before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its digest.
    pub digest: Digest,
    /// Its instances.
    pub instances: Vec<String>,
}

impl From<&Share> for Previous {
    fn from(share: &Share) -> Previous {
        Previous { digest: share.digest.clone(), instances: share.instances.clone() }
    }
}

/// Where a rollout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "in")]
pub enum State {
    /// Waiting for an approval. Holds no grant.
    AwaitingApproval,
    /// New instances start and become ready.
    Starting,
    /// The weights of one step are set and confirmed.
    Shifting {
        /// Index into the plan's steps.
        step: usize,
    },
    /// The step is watched.
    Watching {
        /// Index into the plan's steps.
        step: usize,
        /// Replies of the new version when the step began.
        samples_before: u64,
        /// How many looks the judge has taken.
        #[serde(default)]
        looked: u32,
    },
    /// Somebody holds it at the weight that it has.
    Paused {
        /// Where it goes on.
        next: Box<State>,
    },
    /// 100 % is set and confirmed; the previous version stays ready.
    Full,
    /// 100 % is watched.
    Soaking,
    /// The new version becomes the stable one.
    Promoting,
    /// The previous version is drained and stopped.
    Draining,
    /// The previous version's weight is restored and confirmed.
    GoingBack,
    /// The failed version's instances are stopped.
    Cleaning,
    /// The end; it never changes.
    Ended {
        /// Which end.
        terminal: Terminal,
    },
}

/// The ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terminal {
    /// The release serves.
    Done,
    /// The previous release serves.
    RolledBack,
    /// Neither could be reached in time; traffic stays on the healthier side.
    NeedsOperator,
    /// Somebody said no.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// A newer rollout took its place.
    Superseded,
    /// Stopped by its owner before it took traffic.
    Aborted,
}

/// What `advance` looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The wall clock.
    pub now: Timestamp,
    /// The answers given so far, bound to this rollout's digest, environment and plan.
    pub approvals: Approvals,
    /// What people have ordered since.
    pub orders: Orders,
    /// The environment as the data plane has it.
    pub seen: EnvironmentStatus,
    /// What clients got of both sides; asked for where a look is due.
    pub sides: Option<Sides>,
}

/// The answers to an approval request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Approvals {
    /// People who said yes and may.
    pub granted: u32,
    /// Whether anybody who may said no.
    pub answer: Answer,
    /// People who said that it may begin though the windows are closed.
    pub overriding: u32,
}

/// Whether somebody said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answer {
    /// Nobody did.
    #[default]
    Open,
    /// Somebody did.
    Rejected,
}

/// The next thing to make so.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Ask for an approval, or stop here until there is one.
    AskApproval,
    /// Stop here: nothing may begin until an order is taken back, or a window opens.
    Hold {
        /// Which order, and the command that takes it back; or when it opens.
        why: String,
        /// When the window opens that the plan says to wait for.
        opens: Option<Timestamp>,
    },
    /// Start this instance of the new version.
    Start {
        /// Its id.
        instance: String,
    },
    /// Set these weights and wait until the data plane uses them.
    SetWeights {
        /// The whole table.
        weights: Weights,
    },
    /// Send marked requests to the new version.
    Probe {
        /// How many.
        count: u32,
    },
    /// Look again after this long; keep the weights alive meanwhile.
    Wait {
        /// Milliseconds.
        millis: u64,
    },
    /// Order a pause: what comes next is for people to say.
    Pause {
        /// Why.
        why: String,
    },
    /// Drain and stop this instance.
    Stop {
        /// Its id.
        instance: String,
    },
    /// Nothing more: the rollout has ended.
    Finish,
}

impl Rollout {
    /// The instance of the new version. One per rollout for now; the number is its slot.
    pub fn instance(&self) -> String {
        format!("{}-0", self.id)
    }

    /// Whether it has ended, and how.
    pub fn terminal(&self) -> Option<Terminal> {
        match self.state {
            State::Ended { terminal } => Some(terminal),
            _ => None,
        }
    }

    /// Whether the new version may take traffic now, so that its weights must be kept alive.
    pub fn is_exposed(&self) -> bool {
        match &self.state {
            State::Shifting { .. }
            | State::Watching { .. }
            | State::Full
            | State::Soaking
            | State::Promoting => true,
            // Before the first table nothing is to be kept alive.
            State::Paused { next } => match **next {
                State::Shifting { step } => step > 0,
                State::Full => self.previous.is_some() && !self.plan.steps.is_empty(),
                _ => true,
            },
            _ => false,
        }
    }

    /// The same rollout on its way back, for this reason. One that has ended, or is past the point where the previous
    /// version still runs, stays as it is.
    #[must_use]
    pub fn going_back(&self, cause: Cause, reason: impl Into<String>, now: Timestamp) -> Rollout {
        match self.state {
            State::Ended { .. } | State::Draining | State::GoingBack | State::Cleaning => self.clone(),
            _ => Rollout {
                reason: Some(reason.into()),
                cause: Some(cause),
                ..self.entering(State::GoingBack, now)
            },
        }
    }

    fn entering(&self, state: State, now: Timestamp) -> Rollout {
        Rollout { state, entered_at: now, ..self.clone() }
    }
}

impl State {
    /// Its name, for people and records.
    pub fn name(&self) -> &'static str {
        match self {
            State::AwaitingApproval => "awaiting approval",
            State::Starting => "starting",
            State::Shifting { .. } => "shifting",
            State::Watching { .. } => "watching",
            State::Paused { .. } => "paused",
            State::Full => "full",
            State::Soaking => "soaking",
            State::Promoting => "promoting",
            State::Draining => "draining",
            State::GoingBack => "going back",
            State::Cleaning => "cleaning",
            State::Ended { terminal } => terminal.name(),
        }
    }
}

impl Terminal {
    /// Every end.
    pub const ALL: [Terminal; 7] = [
        Terminal::Done,
        Terminal::RolledBack,
        Terminal::NeedsOperator,
        Terminal::Rejected,
        Terminal::Expired,
        Terminal::Superseded,
        Terminal::Aborted,
    ];

    /// Its name, for people and records.
    pub fn name(self) -> &'static str {
        match self {
            Terminal::Done => "done",
            Terminal::RolledBack => "rolled back",
            Terminal::NeedsOperator => "needs an operator",
            Terminal::Rejected => "rejected",
            Terminal::Expired => "expired",
            Terminal::Superseded => "superseded",
            Terminal::Aborted => "aborted",
        }
    }
}
