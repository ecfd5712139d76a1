//! Measuring the parts of the security group. None needs the compiler.

use super::measure::{Measurer, blocking};
use crate::evidence::{AdvisoriesEvidence, Measured, SecretsEvidence, WorkflowsEvidence};
use crate::plan::{Plan, Step};
use crate::tools::security::{advisories, secrets, workflows};
use std::path::PathBuf;

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

    pub(super) async fn workflows(&self, plan: &Plan) -> Option<Measured<WorkflowsEvidence>> {
        if !plan.has(&Step::Workflows) {
            return None;
        }
        let repository = &self.workspace.repository;
        // A workflow that nobody has added yet is one that soon runs.
        let changed = repository.changed.iter().map(PathBuf::from);
        let files: Vec<PathBuf> = repository.tracked.iter().cloned().chain(changed).collect();
        let policy = &self.in_force.policy.security.workflows;
        let gathering = workflows::gather(&self.context.world, &self.workspace.root, &files, policy);
        Some(self.timed(gathering).await)
    }
}
