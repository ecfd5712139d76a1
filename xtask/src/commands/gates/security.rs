//! Measuring the parts of the security group. None needs the compiler.

use super::Secrets;
use super::compare::Compared;
use super::measure::{Measurer, blocking};
use crate::evidence::{
    AdvisoriesEvidence, BansEvidence, CouldNotRun, LicencesEvidence, Measured, ScannersEvidence,
    SecretsEvidence, SourcesEvidence, WorkflowsEvidence,
};
use crate::plan::{Plan, Step};
use crate::tools::dependencies::{self, lockfile};
use crate::tools::git::{self, BaseRequest, Found};
use crate::tools::security::advisories::{Databases, LookedUp};
use crate::tools::security::packages::Packages;
use crate::tools::security::secrets::Wanted;
use crate::tools::security::{advisories, bans, licences, scanners, secrets, sources, workflows};
use crate::workspace::change::BaseKind;
use std::path::PathBuf;
use std::sync::Arc;

/// What was measured of the supply chain; each where the plan has it.
#[derive(Default)]
pub(super) struct Supply {
    pub(super) licences: Option<Measured<LicencesEvidence>>,
    pub(super) bans: Option<Measured<BansEvidence>>,
    pub(super) sources: Option<Measured<SourcesEvidence>>,
}

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
        let (dependencies, databases) = tokio::join!(
            dependencies::read(world, workspace, self.wanted()),
            Databases::read(world, &workspace.root, &workspace.target, policy)
        );
        let (dependencies, databases) = (dependencies?, databases?);
        let root = workspace.root.clone();
        blocking(move || advisories::look_up(&dependencies, &lockfile::text(&root)?, &databases)).await
    }

    /// The build that every gate of the group speaks of.
    fn wanted(&self) -> dependencies::Wanted<'_> {
        let policy = &self.in_force.policy.security.advisories;
        let network = self.context.network();
        dependencies::Wanted { features: &policy.features, platforms: &policy.platforms, network }
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
                Found::Base(base) if base.kind == BaseKind::Target => Wanted::Since(base.commit),
                // On the default branch nothing was looked at before: all that is there counts.
                Found::Base(_) | Found::Nothing(_) => {
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

    /// Licences, bans and sources: cargo is asked once for all of them, and its time is that of the first.
    pub(super) async fn supply(&self, plan: &Plan) -> Supply {
        let [licences, bans, sources] =
            [Step::Licences, Step::Bans, Step::Sources].map(|step| plan.has(&step));
        if !(licences || bans || sources) {
            return Supply::default();
        }
        let asking = async {
            let base = if bans { self.lockfile_of_base().await } else { None };
            let packages = Packages::read(&self.context.world, self.workspace, self.wanted()).await?;
            Ok((Arc::new(packages), base))
        };
        let asked = self.timed(asking).await;
        let (packages, base) = match asked.result {
            Ok(known) => known,
            Err(why) => {
                fn failed<E>(wanted: bool, why: &CouldNotRun) -> Option<Measured<E>> {
                    wanted.then(|| Measured { result: Err(why.clone()), duration_millis: 0 })
                }
                return Supply {
                    licences: failed(licences, &why),
                    bans: failed(bans, &why),
                    sources: failed(sources, &why),
                };
            }
        };
        let mut supply = Supply::default();
        let (root, tracked) = (self.workspace.root.clone(), self.workspace.repository.tracked.clone());
        if licences {
            let (packages, policy) = (packages.clone(), self.in_force.policy.security.licences.clone());
            let mut measured = self.timed(blocking(move || licences::of(&packages, &policy))).await;
            measured.duration_millis += asked.duration_millis;
            supply.licences = Some(measured);
        }
        if bans {
            let (packages, root) = (packages.clone(), root.clone());
            let work = move || {
                let around = bans::Around { root: &root, tracked: &tracked, base: base.as_deref() };
                Ok(bans::of(&packages, around))
            };
            supply.bans = Some(self.timed(blocking(work)).await);
        }
        if sources {
            supply.sources = Some(self.timed(blocking(move || Ok(sources::of(&packages, &root)))).await);
        }
        supply
    }

    /// The lockfile of the commit that the work is compared with, where there is one: only notes for people need it.
    async fn lockfile_of_base(&self) -> Option<String> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let request = BaseRequest { named: self.ask.base.as_deref(), network: self.context.network() };
        let Ok(Found::Base(base)) = git::base(world, root, request).await else { return None };
        git::show(world, root, &base.commit, lockfile::NAME).await.ok().flatten()
    }

    pub(super) async fn scanners(&self, plan: &Plan) -> Option<Measured<ScannersEvidence>> {
        if !plan.has(&Step::Scanners) {
            return None;
        }
        let (world, policy) = (self.context.world.clone(), self.in_force.policy.security.scanners.clone());
        let repository = &self.workspace.repository;
        let subject = scanners::Subject {
            root: self.workspace.root.clone(),
            commit: repository.commit.clone(),
            committed: repository.commit_time,
            tracked: repository.tracked.clone(),
        };
        Some(self.timed(blocking(move || scanners::gather(&world, &subject, &policy))).await)
    }
}

fn unreadable(error: &anyhow::Error) -> CouldNotRun {
    let help = crate::failure::Failure::help_of(error).unwrap_or("cargo xtask policy check").to_owned();
    CouldNotRun { message: format!("failed to read the waivers: {error:#}"), help }
}
