//! What people have ordered about a rollout and its environment, as [`super::advance`] sees it.

use super::{Kind, Rollout};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The orders in force for one rollout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// Its environment takes no new release.
    pub frozen: Option<Ordered>,
    /// Its release goes nowhere until somebody releases it.
    pub held: Option<Ordered>,
    /// It stays at the weight that it has.
    pub paused: Option<Ordered>,
    /// It goes back.
    pub abort: Option<Ordered>,
}

impl Orders {
    /// Why a rollout must not begin, and the command that changes it. A way back and a restart bring nothing new.
    pub fn must_not_begin(&self, rollout: &Rollout) -> Option<String> {
        if rollout.kind != Kind::Deploy {
            return None;
        }
        let (environment, digest) = (&rollout.environment, rollout.digest.short());
        let frozen = self.frozen.as_ref().map(|order| {
            format!("{environment} is frozen {}; next: cargo xtask thaw {environment}", order.told())
        });
        frozen.or_else(|| {
            let order = self.held.as_ref()?;
            Some(format!("{digest} is held {}; next: cargo xtask release {digest}", order.told()))
        })
    }
}

/// Who ordered something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Who (`uid:1000`, `supervisor`).
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in their words; may be empty.
    pub reason: String,
}

impl Ordered {
    /// Who, when and why in one line.
    pub fn told(&self) -> String {
        let at = self.at.strftime("%Y-%m-%d %H:%M UTC");
        let why = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("by {} on {at}{why}", self.by)
    }
}
