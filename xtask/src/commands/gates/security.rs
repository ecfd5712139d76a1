//! Measuring the parts of the security group. None needs the compiler.

use super::Secrets;
use super::measure::{Measurer, blocking};
use crate::evidence::{AdvisoriesEvidence, CouldNotRun, Measured, SecretsEvidence};
use crate::plan::{Plan, Step};
use crate::tools::git::Found;
use crate::tools::security::secrets::Wanted;
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
        Some(self.timed(self.looked_for_secrets()).await)
    }

    async fn looked_for_secrets(&self) -> Result<SecretsEvidence, CouldNotRun> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let skip = &self.in_force.policy.security.secrets.skip;
        let names = self.named_values().map_err(|error| unreadable(&error))?;
        let wanted = match self.ask.secrets {
            Secrets::Staged => Wanted::Staged,
            Secrets::History => Wanted::History,
            Secrets::Change => match self.found().await? {
                Found::Base(base) => Wanted::Since(base.commit),
                Found::Nothing(_) => {
                    return secrets::gather(root, &self.workspace.repository.tracked, skip, &names).await;
                }
            },
        };
        secrets::gather_commits(world, root, &wanted, skip, &names).await
    }

    /// The values that the waivers which count name by a hash.
    fn named_values(&self) -> anyhow::Result<Vec<String>> {
        let waivers = self.policy()?;
        let placed = waivers.result.map(|policies| policies.waivers).unwrap_or_default();
        Ok(placed.into_iter().filter_map(|placed| placed.waiver.value).collect())
    }
}

fn unreadable(error: &anyhow::Error) -> CouldNotRun {
    let help = crate::failure::Failure::help_of(error).unwrap_or("cargo xtask policy check").to_owned();
    CouldNotRun { message: format!("failed to read the waivers: {error:#}"), help }
}
