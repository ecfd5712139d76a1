//! Windows: what may begin, and what may raise its weight, at the instant of the observation. A way back knows none.

use super::{Kind, Rollout, State, View};
use crate::policy::windows::calendar::{Calendar, Shut};
use crate::policy::windows::{Outside, OverrideBy};
use crate::rollout::RolloutPlan;
use jiff::{SignedDuration, Timestamp};

/// Why nothing may begin now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Why, when it opens by both clocks, and what to type.
    pub why: String,
    /// When it opens, where the plan says to wait for that.
    pub opens: Option<Timestamp>,
}

impl View<'_> {
    /// Why the windows let it not begin.
    pub(super) fn closed_to_begin(self) -> Option<Closed> {
        self.rollout.closed(self.observation.now).filter(|_| !self.is_overridden())
    }

    /// Why the windows let it not enter a state that raises its weight.
    pub(super) fn closed_to_raise(self, next: &State) -> Option<String> {
        let raises = matches!(next, State::Shifting { .. } | State::Full);
        if !raises || self.rollout.kind != Kind::Deploy || self.is_overridden() {
            return None;
        }
        self.rollout.shut(self.observation.now).map(|why| format!("the window has closed: {why}"))
    }

    fn is_overridden(self) -> bool {
        let needed = self.rollout.plan.windows.override_by.people();
        needed.is_some_and(|needed| self.observation.approvals.overriding >= needed)
    }
}

impl RolloutPlan {
    /// Why its windows never let anything begin from an instant on; `None`: they do.
    pub fn never(&self, now: Timestamp) -> Option<String> {
        let calendar = match Calendar::of(&self.windows) {
            _ if self.windows.is_empty() => return None,
            Ok(calendar) => calendar,
            Err(why) => return Some(why),
        };
        let span = self.must_last();
        if calendar.opens(now, span).is_some() {
            return None;
        }
        let ever = calendar.opens(now, SignedDuration::from_millis(1));
        Some(match ever {
            None => "its windows never open".to_owned(),
            Some(_) => format!("its windows never open for the {} s that a rollout may take", span.as_secs()),
        })
    }
}

impl Rollout {
    /// Why it must not begin at an instant: its windows are closed, or close before its worst case ends.
    pub fn closed(&self, now: Timestamp) -> Option<Closed> {
        let windows = &self.plan.windows;
        if self.kind != Kind::Deploy || windows.is_empty() {
            return None;
        }
        let calendar = match Calendar::of(windows) {
            Ok(calendar) => calendar,
            Err(why) => return Some(Closed { why, opens: None }),
        };
        let span = self.plan.must_last();
        let opens = calendar.opens(now, span);
        if opens == Some(now) {
            return None;
        }
        let reason = self.shut(now).unwrap_or_else(|| {
            let closes = calendar.closes(now).map_or(String::new(), |at| calendar.told(at));
            format!("it may take {} s, and the window closes {closes}", span.as_secs())
        });
        let when = match opens {
            Some(at) => format!("opens {}", calendar.told(at)),
            None => "never opens again for long enough".to_owned(),
        };
        let next = match windows.override_by {
            OverrideBy::Forbidden => String::new(),
            OverrideBy::OnePerson => {
                "; next: --override-window --reason TEXT, where it cannot wait".to_owned()
            }
            OverrideBy::TwoPeople => format!(
                "; next: --override-window --reason TEXT, where it cannot wait, then somebody else: \
                 cargo xtask approve {} --override-window --reason TEXT",
                self.id
            ),
        };
        let why = format!("{} takes no release now: {reason}; {when}{next}", self.environment);
        Some(Closed { why, opens: opens.filter(|_| windows.outside == Outside::Wait) })
    }

    /// Why its windows are closed at an instant.
    fn shut(&self, now: Timestamp) -> Option<String> {
        match Calendar::of(&self.plan.windows).map(|calendar| calendar.shut(now)) {
            Ok(None) => None,
            Ok(Some(Shut::Frozen(name))) => Some(format!("frozen by its calendar ({name})")),
            Ok(Some(Shut::NoWindow)) => Some("no window is open".to_owned()),
            Err(why) => Some(why),
        }
    }
}
