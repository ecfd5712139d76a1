//! The platform of the simulation, in a few lines, and what goes wrong on it.

use super::judged::Clients;
use crate::digest::Digest;
use crate::policy::approvals::ApprovalPolicy;
use crate::policy::rollout::EnvironmentPolicy;
use crate::rollout::orders::{Ordered, Orders};
use crate::rollout::seen::{
    Counters, EnvironmentStatus, Health, InstanceStatus, Listening, OnExpiry, Role, Share, Step, Target,
    Weights,
};
use crate::rollout::{Action, Kind, Previous, Rollout, RolloutPlan, SCHEMA, State};
use jiff::{SignedDuration, Timestamp};

/// An hour.
const HOUR_MILLIS: i64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    ActionRefused,
    ActionsRefusedForEver,
    CanaryCrashes,
    CanaryUnready,
    CanaryForeign,
    CanaryErrors,
    DeployerSleepsPastExpiry,
    ClockSetBack,
    StopsNeverWork,
    SomebodyElseSetsWeights,
    Paused,
    PausedForGood,
    Continued,
    Stopped,
    Frozen,
    Held,
    Forgotten,
    WindowCloses,
    WindowOpens,
    WindowOverridden,
}

/// All but [`Fault::Forgotten`], which is none without a pause.
pub(super) const FAULTS: [Fault; 19] = [
    Fault::ActionRefused,
    Fault::ActionsRefusedForEver,
    Fault::CanaryCrashes,
    Fault::CanaryUnready,
    Fault::CanaryForeign,
    Fault::CanaryErrors,
    Fault::DeployerSleepsPastExpiry,
    Fault::ClockSetBack,
    Fault::StopsNeverWork,
    Fault::SomebodyElseSetsWeights,
    Fault::Paused,
    Fault::PausedForGood,
    Fault::Continued,
    Fault::Stopped,
    Fault::Frozen,
    Fault::Held,
    Fault::WindowCloses,
    Fault::WindowOpens,
    Fault::WindowOverridden,
];

pub(super) struct Sim {
    pub(super) now: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) seen: EnvironmentStatus,
    pub(super) erring: bool,
    pub(super) refusing: bool,
    pub(super) unstoppable: bool,
    pub(super) orders: Orders,
    /// Whether nobody ever takes the pause back, or the window stays closed.
    pub(super) forgotten: bool,
    /// Who asks.
    pub(super) clients: Clients,
    /// People who override the window.
    pub(super) overriding: u32,
}

pub(super) fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

pub(super) fn instance(id: &str, name: &str, role: Role) -> InstanceStatus {
    InstanceStatus {
        id: id.to_owned(),
        digest: digest(name),
        role,
        port: 1,
        pid: Some(1),
        health: Health::Ready,
        in_flight: 0,
        counters: Counters::default(),
        step: Step::default(),
        log: "log".into(),
    }
}

pub(super) fn table(shares: Vec<Share>) -> Weights {
    Weights { shares, expires_in_millis: None, on_expiry: OnExpiry::Stable }
}

pub(super) fn old_share(weight: u8) -> Share {
    Share { role: Role::Stable, digest: digest("old"), instances: vec!["old-0".into()], weight }
}

pub(super) fn rollout(kind: Kind, previous: bool) -> Rollout {
    let policy = EnvironmentPolicy { approvals: ApprovalPolicy::of(1), ..EnvironmentPolicy::default() };
    let start = Timestamp::UNIX_EPOCH;
    Rollout {
        schema: SCHEMA.to_owned(),
        id: "r".into(),
        service: "desk".into(),
        environment: "production".into(),
        kind,
        actor: "uid:1".into(),
        digest: digest("new"),
        commit: "c".into(),
        version: "1".into(),
        previous: previous.then(|| Previous { digest: digest("old"), instances: vec!["old-0".into()] }),
        plan: match kind {
            Kind::Deploy => RolloutPlan::forward(&policy),
            Kind::Rollback => RolloutPlan::back(&policy),
            Kind::Restart => RolloutPlan::restart(&policy),
        },
        state: State::AwaitingApproval,
        entered_at: start,
        started_at: start,
        reason: None,
        cause: None,
        judged: Vec::new(),
    }
}

impl Sim {
    pub(super) fn new(previous: bool) -> Sim {
        let (shares, instances) = if previous {
            (vec![old_share(100)], vec![instance("old-0", "old", Role::Stable)])
        } else {
            (vec![], vec![])
        };
        let target = Target { service: "desk".into(), environment: "production".into() };
        let seen = EnvironmentStatus {
            target,
            port: 1,
            listening: Listening::Yes,
            weights: table(shares),
            expires_at: None,
            generation: 0,
            restored: false,
            grant: None,
            instances,
            rollout: None,
        };
        Sim {
            now: Timestamp::UNIX_EPOCH,
            expires: None,
            seen,
            erring: false,
            refusing: false,
            unstoppable: false,
            orders: Orders::default(),
            forgotten: false,
            clients: Clients::None,
            overriding: 0,
        }
    }

    pub(super) fn ordered(&self) -> Option<Ordered> {
        Some(Ordered { by: "uid:2".into(), at: self.now, reason: "night".into() })
    }

    pub(super) fn canary(&mut self) -> Option<&mut InstanceStatus> {
        self.seen.instances.iter_mut().find(|instance| instance.digest == digest("new"))
    }

    pub(super) fn pass(&mut self, millis: i64) {
        self.now = self.now.checked_add(SignedDuration::from_millis(millis)).unwrap();
        if self.expires.is_some_and(|expires| self.now >= expires) {
            self.expires = None;
            self.seen.restored = true;
            self.seen.weights.shares.retain(|share| share.role == Role::Stable);
            self.seen.weights.shares.iter_mut().for_each(|share| share.weight = 100);
        }
    }

    pub(super) fn inject(&mut self, fault: Fault) {
        let health = |sim: &mut Sim, health: Health| {
            if let Some(canary) = sim.canary() {
                canary.health = health;
            }
        };
        match fault {
            Fault::ActionRefused => {}
            Fault::ActionsRefusedForEver => self.refusing = true,
            Fault::CanaryCrashes => health(self, Health::Exited("signal 9".into())),
            Fault::CanaryUnready => health(self, Health::Unready("503".into())),
            Fault::CanaryForeign => health(self, Health::Foreign("other nonce".into())),
            Fault::CanaryErrors => self.erring = true,
            Fault::DeployerSleepsPastExpiry => self.pass(60_000),
            Fault::ClockSetBack => self.now = self.now.checked_sub(SignedDuration::from_secs(5)).unwrap(),
            Fault::StopsNeverWork => self.unstoppable = true,
            Fault::Paused => self.orders.paused = self.ordered(),
            Fault::PausedForGood => {
                self.orders.paused = self.ordered();
                self.forgotten = true;
            }
            Fault::Continued => self.orders.paused = None,
            Fault::Stopped => self.orders.abort = self.ordered(),
            Fault::Frozen => self.orders.frozen = self.ordered(),
            Fault::Held => self.orders.held = self.ordered(),
            Fault::Forgotten => self.forgotten = true,
            // The calendar is the plan's; what a closed one holds, it holds for good.
            Fault::WindowCloses => self.forgotten = true,
            Fault::WindowOpens => self.forgotten = false,
            Fault::WindowOverridden => self.overriding = 1,
            // Lowering only: what a second deployer or the dead man's switch may do.
            Fault::SomebodyElseSetsWeights => {
                self.seen.weights.shares.retain(|share| share.role == Role::Stable);
                self.seen.weights.shares.iter_mut().for_each(|share| share.weight = 100);
            }
        }
    }

    pub(super) fn perform(&mut self, action: &Action) {
        self.pass(20);
        let lowering = |weights: &Weights| weights.shares.iter().all(|share| share.role == Role::Stable);
        match action {
            Action::SetWeights { weights } if !self.refusing || lowering(weights) => {
                self.seen.weights = weights.clone();
                self.forget_step();
                self.seen.restored = false;
                self.expires = weights.expires_in_millis.map(|millis| {
                    self.now.checked_add(SignedDuration::from_millis(i64::try_from(millis).unwrap())).unwrap()
                });
            }
            Action::Start { instance: id } if !self.refusing => {
                self.seen.instances.push(instance(id, "new", Role::Canary));
            }
            Action::Probe { count } => {
                let (count, erring) = (u64::from(*count), self.erring);
                if let Some(canary) = self.canary() {
                    canary.counters.probes += count;
                    canary.counters.probe_errors += if erring { count } else { 0 };
                }
            }
            Action::Wait { millis } => {
                let live = self.expires.is_some_and(|expires| expires > self.now);
                self.pass(i64::try_from(*millis).unwrap());
                self.clients_ask();
                if live && !self.seen.restored {
                    self.expires = Some(self.now.checked_add(SignedDuration::from_secs(10)).unwrap());
                }
            }
            Action::Stop { instance: id } if self.unstoppable => {
                let _ = id;
                self.pass(5000);
            }
            Action::Stop { instance: id } => self.seen.instances.retain(|instance| instance.id != *id),
            // Nobody takes it back.
            Action::Hold { .. } => self.pass(6 * HOUR_MILLIS),
            Action::Pause { .. } if !self.refusing => self.orders.paused = self.ordered(),
            Action::SetWeights { .. }
            | Action::Start { .. }
            | Action::AskApproval
            | Action::Finish
            | Action::Pause { .. } => self.pass(1000),
        }
    }

    /// A pause lasts: until somebody takes it back, or for good. The deployer lives and keeps the weights alive.
    pub(super) fn stay_paused(&mut self) {
        if self.forgotten {
            let later = SignedDuration::from_millis(6 * HOUR_MILLIS);
            self.now = self.now.checked_add(later).unwrap();
            self.expires = self.expires.map(|expires| expires.checked_add(later).unwrap());
        } else {
            self.orders.paused = None;
        }
    }
}
