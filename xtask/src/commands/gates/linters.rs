//! The linters that need what was compiled: documentation, feature sets that no test needs, the oldest Rust, and unused
//! dependencies. They run beside the tests.

use super::measure::Measurer;
use crate::digest::Digest;
use crate::evidence::{CouldNotRun, LintEvidence, Measured};
use crate::plan::{Plan, Step};
use crate::policy::FeatureSet;
use crate::policy::lint::Level;
use crate::tools::build::{self, Compilation, Compiled, Purpose};
use crate::tools::cargo::Take;
use crate::tools::lint::{self, Formatting, Looked, msrv, rustdoc, unused};
use crate::tools::redaction::Redactor;
use crate::verdict::Gate;

/// What the linters besides rustfmt and clippy said.
#[derive(Default)]
pub(super) struct Linted {
    looked: Vec<Result<Looked, CouldNotRun>>,
    /// Feature sets that were compiled for lint alone.
    checked: Vec<Compiled>,
}

impl Measurer<'_> {
    /// Asks every linter that the policy asks for. A workspace that does not compile has enough to say.
    pub(super) async fn linters(&self, plan: &Plan, compiled: &Compiled) -> Linted {
        if !self.ask.gates.contains(&Gate::Lint) || compiled.outcome == Compilation::DoesNotCompile {
            return Linted::default();
        }
        let (policy, world) = (&self.in_force.policy.lint, &self.context.world);
        // What rustdoc said of some packages is not what it says of all.
        let names: Vec<_> = compiled.cargo.selected().map(|package| package.name.as_str()).collect();
        let packages = [Digest::of(names.join(" ").as_bytes())];
        // What is remembered must hold no secret either.
        let documented = async {
            let looked = rustdoc::look(world, compiled).await;
            looked.map(|looked| Redactor::new(world).looked(looked))
        };
        let who = [unused::identity(world)];
        let (rustdoc, msrv, unused, checked) = tokio::join!(
            asked(policy.rustdoc, self.said("rustdoc", &packages, documented)),
            asked(policy.msrv, msrv::look(world, &compiled.cargo)),
            asked(
                policy.unused_dependencies,
                self.said("unused", &who, unused::look(world, &compiled.cargo))
            ),
            self.check_sets(plan, compiled),
        );
        let mut linted =
            Linted { looked: [rustdoc, msrv, unused].into_iter().flatten().collect(), ..Linted::default() };
        match checked {
            Ok(checked) => linted.checked = checked,
            Err(why) => linted.looked.push(Err(why)),
        }
        linted
    }

    /// Compiles the feature sets that are only to be linted.
    async fn check_sets(&self, plan: &Plan, compiled: &Compiled) -> Result<Vec<Compiled>, CouldNotRun> {
        let tested = self.in_force.policy.tests.features.as_slice();
        let untested: &[FeatureSet] = if plan.has(&Step::Test) { &[] } else { tested };
        let more = self.in_force.policy.lint.feature_sets.iter().filter(|set| !tested.contains(set));
        let mut checked = Vec::new();
        for set in untested.iter().skip(1).chain(more) {
            let Some(cargo) = compiled.cargo.with_features(set, Take::WhatItChanges)? else { continue };
            self.context.console.detail(build::command_for(Purpose::Lint, &cargo).to_string());
            checked.push(build::compile_for(Purpose::Lint, &self.context.world, &cargo, &|_| {}).await?);
        }
        Ok(checked)
    }

    /// The gate's evidence: rustfmt, what every compilation said, and the other linters.
    pub(super) fn lint(
        &self,
        compiled: Compiled,
        further: &[Compiled],
        linted: Linted,
        format: Measured<Formatting>,
    ) -> Measured<LintEvidence> {
        let sets = further.iter().chain(&linted.checked);
        let left_out = lint::not_selected(&compiled.cargo);
        let compiled = sets.fold(compiled, Compiled::with_diagnostics_of);
        let looked = linted.looked.into_iter().chain([Ok(left_out)]);
        let mut lint = lint::with(lint::gather(&self.in_force.policy.lint, &compiled, format), looked);
        let redactor = Redactor::new(&self.context.world);
        lint.result = match lint.result {
            Ok(mut evidence) => {
                redactor.lint(&mut evidence);
                Ok(evidence)
            }
            Err(why) => Err(redactor.why(why)),
        };
        lint
    }
}

async fn asked<T>(level: Level, work: impl Future<Output = T>) -> Option<T> {
    match level {
        Level::Off => None,
        Level::Refuse | Level::Warn => Some(work.await),
    }
}
