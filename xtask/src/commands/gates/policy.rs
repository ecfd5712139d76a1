//! The step *policy*: the waivers in force, the day, and what the change does to the policies.

use super::measure::Measurer;
use crate::evidence::Measured;
use crate::evidence::policy::{PolicyEvidence, Scope};
use crate::policy::PolicySet;

impl Measurer<'_> {
    /// Reads waivers and compares policies. A file that is wrong ends the verb: nothing could be judged by it.
    pub(super) fn policy(&self) -> anyhow::Result<Measured<PolicyEvidence>> {
        let start = self.context.world.monotonic();
        let today = self.context.today();
        let set = PolicySet::parse(&self.in_force.texts, today)?;
        let evidence = PolicyEvidence {
            today,
            scope: if self.ask.filter.is_some() { Scope::Part } else { Scope::Whole },
            files: self.in_force.texts.len() as u64,
            waivers: set.waivers,
            comparison: None,
        };
        let took = self.context.world.monotonic().saturating_sub(start);
        let duration_millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(Measured { result: Ok(evidence), duration_millis })
    }
}
