//! `policies/rollout.yaml`: the service, its environments in order, and the steps into each.

mod judge;

pub use judge::{JudgePolicy, OnInconclusive};

use super::Percent;
use super::approvals::ApprovalPolicy;
use super::approvers::Approvers;
use super::notifications::NotificationPolicy;
use super::windows::WindowPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a release reaches its environments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPolicy {
    /// The service that is rolled out.
    pub service: ServicePolicy,
    /// The environments, in the order of promotion. Default: development, staging, production.
    pub environments: Vec<EnvironmentPolicy>,
    /// Webhooks that are told when a rollout needs people. Default none.
    pub notifications: Vec<NotificationPolicy>,
}

/// How the service is run and asked for its health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServicePolicy {
    /// Its name: of its journal and its state. Default: the name of the image's package.
    pub name: Option<String>,
    /// Path that answers 200 when the instance may receive traffic.
    pub ready_path: String,
    /// Path of the marked probe requests in steps where there is no traffic.
    pub probe_path: String,
    /// Variables for each instance. `{port}` and `{data}` stand for its port and the environment's data directory.
    /// `PORT` and `DATA_DIR` are always set.
    pub environment: BTreeMap<String, String>,
    /// Whether replies must carry the digest and the nonce that the supervisor handed out (`x-gateline-digest`,
    /// `x-gateline-nonce`). Where false, the owner of the listening socket is checked instead. Default true.
    pub echoes_identity: bool,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentPolicy {
    /// Its name.
    pub name: String,
    /// The port of its proxy on 127.0.0.1; 0 lets the supervisor choose one and keep it.
    pub port: u16,
    /// Weights of the new version before 100, in order. Default `[10, 50]`.
    pub steps: Vec<StepPolicy>,
    /// Who must approve: a number of people, or the keys below. Default nobody.
    pub approvals: ApprovalPolicy,
    /// When releases may begin. Default always.
    pub windows: WindowPolicy,
    /// What must not happen while the new version takes traffic.
    pub guards: GuardPolicy,
    /// How the new version is compared with the stable one.
    pub judge: JudgePolicy,
    /// How long the new version is watched at 100 % before the old one is stopped.
    pub soak_millis: u64,
    /// Deadlines.
    pub deadlines: DeadlinePolicy,
}

/// One step: a weight, and how long it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepPolicy {
    /// Share of requests for the new version, in per cent.
    pub weight: u8,
    /// How long the step is watched, in milliseconds.
    pub hold_millis: u64,
    /// Requests that the new version must have answered before the step ends; marked probe requests fill up what
    /// traffic does not bring.
    #[serde(default)]
    pub samples: u32,
}

/// Hard guards, judged on every observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GuardPolicy {
    /// Highest share of the new version's replies that may be 5xx or connection errors. Default 1.
    pub errors_max: Percent,
    /// Fewest replies before that share is judged. Default 5.
    pub samples_min: u32,
}

/// How long each part may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeadlinePolicy {
    /// From start to ready. Default 30.
    pub ready_secs: u64,
    /// One weight: set and confirmed, with its samples gathered. Default 120 beyond its hold time.
    pub step_secs: u64,
    /// In-flight requests of an old instance. Default 30.
    pub drain_secs: u64,
    /// From SIGTERM to SIGKILL. Default 30.
    pub stop_secs: u64,
    /// The whole way back. Default 60.
    pub rollback_secs: u64,
    /// How long a weight stays without a live deployer. Default 10.
    pub weight_expiry_secs: u64,
    /// How long an approval is waited for before the request expires. Default 7 days.
    pub approval_secs: u64,
    /// How long somebody may pause a rollout before it goes back. Default 1 day.
    pub pause_secs: u64,
}

impl DeadlinePolicy {
    fn all_secs(&self) -> [u64; 8] {
        let DeadlinePolicy { ready_secs, step_secs, drain_secs, stop_secs, .. } = *self;
        let DeadlinePolicy { rollback_secs, weight_expiry_secs, approval_secs, pause_secs, .. } = *self;
        [
            ready_secs,
            step_secs,
            drain_secs,
            stop_secs,
            rollback_secs,
            weight_expiry_secs,
            approval_secs,
            pause_secs,
        ]
    }
}

impl EnvironmentPolicy {
    /// The key (`.windows.zone`), what is wrong with it and what helps, where something can never make sense.
    pub fn senseless(&self, approvers: &Approvers) -> Option<(String, String, &'static str)> {
        let weights: Vec<u8> = self.steps.iter().map(|step| step.weight).collect();
        if !weights.is_sorted_by(|a, b| a < b) || weights.iter().any(|weight| !(1..=99).contains(weight)) {
            let what = format!("weights {weights:?} do not rise from 1 to 99");
            return Some((".steps".to_owned(), what, "e.g. 10, 50"));
        }
        if self.deadlines.all_secs().contains(&0) {
            let what = "a deadline of 0 can never be met".to_owned();
            return Some((".deadlines".to_owned(), what, "leave it out for the default"));
        }
        if let Some(why) = self.judge.senseless() {
            let what = format!("the judge can never decide: {why}");
            let help = "try numbers with `cargo xtask judge simulate`, or `judge: {enabled: false}`";
            return Some((".judge".to_owned(), what, help));
        }
        if let Some(what) = self.approvals.unmet(approvers, None) {
            return Some((
                ".approvals".to_owned(),
                what,
                "ask for fewer, or add people with `ssh_keys` to approvers.yaml",
            ));
        }
        let (key, what) = self.windows.senseless()?;
        Some((format!(".windows.{key}"), what, "see docs/operations/windows.md"))
    }
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        let environment = |name: &str, port, approvals| EnvironmentPolicy {
            name: name.to_owned(),
            port,
            approvals: ApprovalPolicy { quorum: approvals, ..ApprovalPolicy::default() },
            ..EnvironmentPolicy::default()
        };
        RolloutPolicy {
            service: ServicePolicy::default(),
            environments: vec![
                environment("development", 7401, 0),
                environment("staging", 7402, 0),
                environment("production", 7403, 1),
            ],
            notifications: Vec::new(),
        }
    }
}

impl Default for ServicePolicy {
    fn default() -> Self {
        ServicePolicy {
            name: None,
            ready_path: "/health/ready".to_owned(),
            probe_path: "/".to_owned(),
            environment: BTreeMap::new(),
            echoes_identity: true,
        }
    }
}

impl Default for EnvironmentPolicy {
    fn default() -> Self {
        let step = |weight| StepPolicy { weight, hold_millis: 1000, samples: 20 };
        EnvironmentPolicy {
            name: String::new(),
            port: 0,
            steps: vec![step(10), step(50)],
            approvals: ApprovalPolicy::default(),
            windows: WindowPolicy::default(),
            guards: GuardPolicy::default(),
            judge: JudgePolicy::default(),
            soak_millis: 1000,
            deadlines: DeadlinePolicy::default(),
        }
    }
}

impl Default for GuardPolicy {
    fn default() -> Self {
        GuardPolicy { errors_max: Percent::whole(1), samples_min: 5 }
    }
}

impl Default for DeadlinePolicy {
    fn default() -> Self {
        DeadlinePolicy {
            ready_secs: 30,
            step_secs: 120,
            drain_secs: 30,
            stop_secs: 30,
            rollback_secs: 60,
            weight_expiry_secs: 10,
            approval_secs: 7 * 24 * 3600,
            pause_secs: 24 * 3600,
        }
    }
}
