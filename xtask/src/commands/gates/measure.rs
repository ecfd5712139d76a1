//! Measuring: the steps of the plan, each performed. What needs no compiler runs while cargo compiles.

use super::compile::Begun;
use super::{Ask, Reuse};
use crate::commands::context::{Context, InForce};
use crate::digest::{Digest, Hasher};
use crate::evidence::{CouldNotRun, Evidence, GateEvidence, Measured, SCHEMA, Subject};
use crate::plan::{Goal, Plan, Step, plan};
use crate::report::Step as Shown;
use crate::tools::cargo::Cargo;
use crate::tools::git::Found;
use crate::tools::lint::{self, Formatting};
use crate::tools::{partners, remember, runner};
use crate::verdict::Gate;
use crate::workspace::Workspace;
use crate::workspace::dependencies::Dependencies;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// One run of the gates: everything that measuring needs.
pub(super) struct Measurer<'a> {
    pub(super) context: &'a Context,
    pub(super) workspace: &'a Workspace,
    pub(super) in_force: &'a InForce,
    pub(super) ask: &'a Ask,
    pub(super) subject: &'a Subject,
    /// What the work is compared with, asked for once.
    pub(super) found: OnceCell<Result<Found, CouldNotRun>>,
    /// What cargo resolves, asked for once: four gates speak of it.
    pub(super) dependencies: OnceCell<Result<Arc<Dependencies>, CouldNotRun>>,
    /// The lockfile of a commit that the work is compared with, read once: two gates speak of it.
    pub(super) base_lockfile: OnceCell<Result<Option<String>, String>>,
}

impl<'a> Measurer<'a> {
    /// A run that has measured nothing yet.
    pub(super) fn new(
        context: &'a Context,
        workspace: &'a Workspace,
        in_force: &'a InForce,
        ask: &'a Ask,
        subject: &'a Subject,
    ) -> Measurer<'a> {
        let (found, dependencies, base_lockfile) =
            (OnceCell::new_with(in_force.found.clone().map(Ok)), OnceCell::new(), OnceCell::new());
        Measurer { context, workspace, in_force, ask, subject, found, dependencies, base_lockfile }
    }
}

impl Measurer<'_> {
    /// Measures what the wanted gates need. Gates that need no compiler run beside it.
    pub(super) async fn measure(&self) -> anyhow::Result<Evidence> {
        let wanted = self.ask.gates.as_slice();
        let plan = plan(&self.in_force.policy, &Goal::Gates(wanted.to_vec()));
        // First: a policy that is wrong is told before an hour of work.
        let mut gates = GateEvidence { policy: Some(self.policy()?), ..GateEvidence::default() };
        let needs_cargo = plan.has(&Step::Compile) || plan.has(&Step::Format);
        let cargo = match needs_cargo {
            true => {
                Some(Cargo::discover(&self.context.world, &self.workspace.root, self.context.network()).await)
            }
            false => None,
        };
        // What needs no compiler runs while cargo compiles.
        let (begun, format, advisories, supply, secrets, workflows, scanners) = tokio::join!(
            self.begin(&plan, cargo.as_ref()),
            self.format(&plan, cargo.as_ref()),
            self.advisories(&plan),
            self.supply(&plan),
            self.secrets(&plan, gates.policy.as_ref()),
            self.workflows(&plan),
            self.scanners(&plan),
        );
        let Begun { compared, choice, compiled } = begun?;
        if let Some(found) = advisories {
            gates.advisories = Some(self.advisories_against(found, &compared).await);
        }
        (gates.licences, gates.sources) = (supply.licences, supply.sources);
        if let Some(found) = supply.bans {
            gates.bans = Some(self.bans_against(found, &compared).await);
        }
        gates.secrets = secrets;
        gates.workflows = workflows;
        gates.scanners = scanners;
        match compiled {
            None => {}
            Some(Ok(mut compiled)) => {
                let all = compiled.clone();
                // Linters that need what was compiled run beside the tests.
                let (looked, further) = tokio::join!(
                    self.linters(&plan, &all),
                    self.run(&plan, &mut compiled, &compared, choice, &mut gates)
                );
                let further = further?;
                if wanted.contains(&Gate::Lint) {
                    gates.lint = format.map(|format| self.lint(all, &further, looked, format));
                }
            }
            Some(Err(why)) => could_not_compile(&plan, wanted, &why, &mut gates),
        }
        let (change, uncompared) = compared;
        let subject = self.subject.clone();
        Ok(Evidence { schema: SCHEMA.to_owned(), subject, change, uncompared, gates })
    }

    async fn format(
        &self,
        plan: &Plan,
        cargo: Option<&Result<Cargo, CouldNotRun>>,
    ) -> Option<Measured<Formatting>> {
        let cargo = plan.has(&Step::Format).then_some(cargo).flatten()?;
        Some(match cargo {
            Ok(cargo) => {
                let policy = &self.in_force.policy.lint;
                let asking = async { lint::format(&self.context.world, cargo, policy).await.result };
                self.timed(self.said("format", &[], asking)).await
            }
            Err(why) => Measured { result: Err(why.clone()), duration_millis: 0 },
        })
    }

    pub(super) fn step(&self, step: &Step, plan: &Plan) -> Shown<'_> {
        let after = plan.steps.iter().skip_while(|planned| planned.step != *step).nth(1);
        let next = after.map(|planned| planned.step.name());
        self.context.console.step_before(&self.context.world, step.name(), next.as_deref())
    }

    /// What a step says that gives the same answer for the same tree, policy, toolchain and environment, and for the same of
    /// what else it reads. It is asked again in CI and where fresh evidence is wanted.
    pub(super) async fn said<T: Serialize + DeserializeOwned>(
        &self,
        step: &str,
        reads: &[Digest],
        asking: impl Future<Output = Result<T, CouldNotRun>>,
    ) -> Result<T, CouldNotRun> {
        if self.ask.reuse == Reuse::Never {
            return asking.await;
        }
        let mut inputs = Hasher::default();
        let Subject { tree, policy, toolchain, .. } = self.subject;
        [tree, policy, toolchain]
            .into_iter()
            .chain(reads)
            .for_each(|digest| inputs.field(digest.hex().as_bytes()));
        self.environment_into(&mut inputs);
        let (inputs, target) = (inputs.finish(), &self.workspace.target);
        if let Some(said) = remember::said(target, step, &inputs) {
            return Ok(said);
        }
        let said = asking.await?;
        remember::keep_said(target, step, &inputs, &said);
        Ok(said)
    }

    /// Adds the environment to what an answer depends on.
    pub(super) fn environment_into(&self, inputs: &mut Hasher) {
        for (name, value) in self.environment() {
            inputs.field(name.as_bytes());
            inputs.field(value.as_bytes());
        }
    }

    /// What tests see of the environment, and the flags of compilers: what answers depend on. Our own folder of tools is left
    /// out of `PATH`: where it is guessed wrong, the same machine would have another one.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let world = &self.context.world;
        let mut environment =
            runner::declared_environment(world, &self.in_force.policy.tests, &self.workspace.root);
        if let Some(path) = environment.get_mut("PATH") {
            *path = partners::without_own(path, &self.workspace.target).to_owned();
        }
        environment
    }

    pub(super) async fn timed<E>(&self, work: impl Future<Output = Result<E, CouldNotRun>>) -> Measured<E> {
        let start = self.context.world.monotonic();
        let result = work.await;
        let took: Duration = self.context.world.monotonic().saturating_sub(start);
        Measured { result, duration_millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }
    }
}

pub(super) async fn blocking<E: Send + 'static>(
    work: impl FnOnce() -> Result<E, CouldNotRun> + Send + 'static,
) -> Result<E, CouldNotRun> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(CouldNotRun {
            message: format!("a worker ended early: {error}"),
            help: "report this as a bug of gateline".into(),
        })
    })
}

/// Every gate that needs the compiler says why it could not run.
fn could_not_compile(plan: &Plan, wanted: &[Gate], why: &CouldNotRun, gates: &mut GateEvidence) {
    fn failed<E>(why: &CouldNotRun) -> Option<Measured<E>> {
        Some(Measured { result: Err(why.clone()), duration_millis: 0 })
    }
    if wanted.contains(&Gate::Lint) {
        gates.lint = failed(why);
    }
    if plan.has(&Step::Test) {
        gates.tests = failed(why);
    }
    if plan.has(&Step::Coverage) {
        gates.coverage = failed(why);
    }
}
