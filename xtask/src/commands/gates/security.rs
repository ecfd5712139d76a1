//! Measuring the parts of the security group. None needs the compiler.

use super::compare::Compared;
use super::measure::{Measurer, blocking};
use crate::evidence::{AdvisoriesEvidence, CouldNotRun, Measured, SecretsEvidence, WorkflowsEvidence};
use crate::plan::{Plan, Step};
use crate::tools::dependencies::{self, Wanted, lockfile};
use crate::tools::security::advisories::{Databases, LookedUp};
use crate::tools::security::{advisories, secrets, workflows};
use std::path::PathBuf;

impl Measurer<'_> {
    /// What the databases say of Cargo.lock; [`Measurer::advisories_against`] compares it with the base.
    pub(super) async fn advisories(&self, plan: &Plan) -> Option<Measured<LookedUp>> {
        if !plan.has(&Step::Advisories) {
            return None;
        }
        Some(self.timed(self.look_up()).await)
    }

    async fn look_up(&self) -> Result<LookedUp, CouldNotRun> {
        let (world, workspace) = (&self.context.world, self.workspace);
        let policy = &self.in_force.policy.security.advisories;
        let wanted = Wanted {
            features: &policy.features,
            platforms: &policy.platforms,
            network: self.context.network(),
        };
        let (dependencies, databases) = tokio::join!(
            dependencies::read(world, workspace, wanted),
            Databases::read(world, &workspace.root, &workspace.target, policy)
        );
        let (dependencies, databases) = (dependencies?, databases?);
        let root = workspace.root.clone();
        blocking(move || advisories::look_up(&dependencies, &lockfile::text(&root)?, &databases)).await
    }

    /// The same, with what the base has already.
    pub(super) async fn advisories_against(
        &self,
        found: Measured<LookedUp>,
        compared: &Compared,
    ) -> Measured<AdvisoriesEvidence> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let result = match found.result {
            Ok(found) => {
                Ok(advisories::against(world, root, found, compared.0.as_ref(), compared.1.as_ref()).await)
            }
            Err(why) => Err(why),
        };
        Measured { result, duration_millis: found.duration_millis }
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
