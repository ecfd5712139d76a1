//! Measuring the parts of the security group. None needs the compiler.

use super::measure::{Measurer, blocking};
use crate::evidence::{AdvisoriesEvidence, Measured, SecretsEvidence};
use crate::plan::{Plan, Step};
use crate::tools::security::{advisories, secrets};

impl Measurer<'_> {
    pub(super) async fn advisories(&self, plan: &Plan) -> Option<Measured<AdvisoriesEvidence>> {
        if !plan.has(&Step::Advisories) {
            return None;
        }
        let (world, root) = (self.context.world.clone(), self.workspace.root.clone());
        Some(self.timed(blocking(move || advisories::gather(&world, &root))).await)
    }

    pub(super) async fn secrets(&self, plan: &Plan) -> Option<Measured<SecretsEvidence>> {
        if !plan.has(&Step::Secrets) {
            return None;
        }
        let skip = self.in_force.policy.security.secrets.skip.clone();
        let (root, files) = (self.workspace.root.clone(), self.workspace.repository.tracked.clone());
        Some(self.timed(async move { secrets::gather(&root, &files, &skip).await }).await)
    }
}
