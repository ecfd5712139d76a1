//! Measuring the parts of the security group. None needs the compiler.

use super::Secrets;
use super::compare::Compared;
use super::measure::{Measurer, blocking};
use crate::evidence::{
    AdvisoriesEvidence, BansEvidence, CouldNotRun, LicencesEvidence, Measured, PolicyEvidence,
    ScannersEvidence, SecretsEvidence, SourcesEvidence, WorkflowsEvidence,
};
use crate::plan::{Plan, Step};
use crate::policy::security::WorkflowsPolicy;
use crate::tools::dependencies::{self, lockfile};
use crate::tools::git::{self, Found};
use crate::tools::security::advisories::{Databases, LookedUp};
use crate::tools::security::packages::Packages;
use crate::tools::security::secrets::Wanted;
use crate::tools::security::{advisories, bans, licences, scanners, secrets, sources, workflows};
use crate::workspace::change::BaseKind;
use crate::workspace::dependencies::Dependencies;
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
        // The base's lockfile is asked for later; here nobody waits for it.
        let (dependencies, databases, _) = tokio::join!(
            self.dependencies(),
            Databases::read(world, &workspace.root, &workspace.target, policy),
            self.lockfile_of_base(),
        );
        let (dependencies, databases) = (dependencies?, databases?);
        let root = workspace.root.clone();
        blocking(move || advisories::look_up(&dependencies, &lockfile::text(&root)?, &databases)).await
    }

    /// The build that every gate of the group speaks of.
    async fn dependencies(&self) -> Result<Arc<Dependencies>, CouldNotRun> {
        let policy = &self.in_force.policy.security.advisories;
        let network = self.context.network();
        let wanted =
            dependencies::Wanted { features: &policy.features, platforms: &policy.platforms, network };
        let (world, workspace) = (&self.context.world, self.workspace);
        let asking = async || dependencies::read(world, workspace, wanted).await.map(Arc::new);
        self.dependencies.get_or_init(asking).await.clone()
    }

    /// The same, with what the base has already.
    pub(super) async fn advisories_against(
        &self,
        found: Measured<LookedUp>,
        compared: &Compared,
    ) -> Measured<AdvisoriesEvidence> {
        let lockfile = match &compared.0 {
            Some(change) if change.base.kind == BaseKind::Target => {
                self.lockfile_of(&change.base.commit).await
            }
            _ => Ok(None),
        };
        let of_base = lockfile.as_ref().map(Option::as_deref).map_err(String::as_str);
        let against = |found| advisories::against(found, compared.0.as_ref(), compared.1.as_ref(), of_base);
        Measured { result: found.result.map(against), duration_millis: found.duration_millis }
    }

    /// What there is, with what the change does to it.
    pub(super) async fn bans_against(
        &self,
        found: Measured<BansEvidence>,
        compared: &Compared,
    ) -> Measured<BansEvidence> {
        let (Ok(evidence), Some(change)) = (&found.result, &compared.0) else { return found };
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let tracked = &self.workspace.repository.tracked;
        let against = bans::against(world, root, tracked, evidence.clone(), change).await;
        Measured { result: Ok(against), ..found }
    }

    /// Secrets; the waivers of the policies may name values.
    pub(super) async fn secrets(
        &self,
        plan: &Plan,
        policies: Option<&Measured<PolicyEvidence>>,
    ) -> Option<Measured<SecretsEvidence>> {
        if !plan.has(&Step::Secrets) {
            return None;
        }
        let read = policies.and_then(|policies| policies.result.as_ref().ok());
        let waivers = read.into_iter().flat_map(|policies| &policies.waivers);
        let names: Vec<String> = waivers.filter_map(|placed| placed.waiver.value.clone()).collect();
        Some(self.timed(self.looked_for_secrets(&names)).await)
    }

    async fn looked_for_secrets(&self, names: &[String]) -> Result<SecretsEvidence, CouldNotRun> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let skip = &self.in_force.policy.security.secrets.skip;
        let wanted = match self.ask.secrets {
            Secrets::Staged => Wanted::Staged,
            Secrets::History => Wanted::History,
            Secrets::Change => match self.found().await? {
                Found::Base(base) if base.kind == BaseKind::Target => Wanted::Since(base.commit),
                // On the default branch nothing was looked at before: all that is there counts.
                Found::Base(_) | Found::Nothing(_) => {
                    return secrets::gather(root, &self.workspace.repository.tracked, skip, names).await;
                }
            },
        };
        secrets::gather_commits(world, root, &wanted, skip, names).await
    }

    pub(super) async fn workflows(&self, plan: &Plan) -> Option<Measured<WorkflowsEvidence>> {
        if !plan.has(&Step::Workflows) {
            return None;
        }
        let repository = &self.workspace.repository;
        // A workflow that nobody has added yet is one that soon runs.
        let changed = repository.changed.iter().map(PathBuf::from);
        let files: Vec<PathBuf> = repository.tracked.iter().cloned().chain(changed).collect();
        Some(self.timed(self.workflows_of(&files)).await)
    }

    /// Those of the workspace, and those of the repository around it: GitHub reads workflows at the repository's root alone.
    async fn workflows_of(&self, files: &[PathBuf]) -> Result<WorkflowsEvidence, CouldNotRun> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let policy = &self.in_force.policy.security.workflows;
        let mut evidence = workflows::gather(world, root, files, policy).await?;
        let above = git::above(world, root, ".github").await.map_err(|error| CouldNotRun {
            message: format!("failed to list the workflows of the repository: {error:#}"),
            help: "git ls-files .github".to_owned(),
        })?;
        if let Some(above) = above {
            // A path of the policy is relative to the workspace, as those that are shown.
            let skip = policy.skip.iter().filter_map(|path| path.strip_prefix(&above.up));
            let policy = WorkflowsPolicy { skip: skip.map(str::to_owned).collect(), ..policy.clone() };
            evidence.add(workflows::gather(world, &above.top, &above.files, &policy).await?, &above.up);
        }
        Ok(evidence)
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
            let packages = Packages::of(self.dependencies().await?, &self.workspace.root)?;
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
        let Ok(Found::Base(base)) = self.found().await else { return None };
        self.lockfile_of(&base.commit).await.ok().flatten()
    }

    /// The lockfile at the base's commit; nothing where it has none.
    async fn lockfile_of(&self, base: &str) -> Result<Option<String>, String> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let asking = async || {
            let shown = git::show(world, root, base, lockfile::NAME).await;
            shown.map_err(|error| format!("{error:#}"))
        };
        self.base_lockfile.get_or_init(asking).await.clone()
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
