//! The beginning of a run: what is compared with, what is asked for, and the one compilation.
//!
//! With `--affected`, only the packages whose tests run are compiled, so cargo waits for the comparison. Without it, both
//! go side by side.

use super::compare::Compared;
use super::measure::Measurer;
use super::select::Choice;
use crate::evidence::CouldNotRun;
use crate::evidence::part::AffectedPart;
use crate::plan::{Plan, Step};
use crate::policy::FeatureSet;
use crate::report::human::counted;
use crate::tools::build::{self, Compilation, Compiled, Purpose};
use crate::tools::cargo::{Cargo, Progress};
use crate::verdict::Gate;
use std::collections::BTreeSet;

/// What is known when the tests can begin.
pub(super) struct Begun {
    pub(super) compared: Compared,
    pub(super) choice: Choice,
    /// What was compiled; `None` where no gate needs it.
    pub(super) compiled: Option<Result<Compiled, CouldNotRun>>,
}

impl Measurer<'_> {
    /// Compares, chooses and compiles.
    pub(super) async fn begin(
        &self,
        plan: &Plan,
        cargo: Option<&Result<Cargo, CouldNotRun>>,
    ) -> anyhow::Result<Begun> {
        let Some(Ok(known)) = cargo.filter(|_| plan.has(&Step::Compile)) else {
            let (compared, compiled) = tokio::join!(self.compared(), self.compile(plan, cargo, None));
            return Ok(Begun { compared: compared?, choice: Choice::default(), compiled });
        };
        if !self.ask.select.affected {
            let choice = self.choice(known, &(None, None)).await?;
            let (compared, compiled) = tokio::join!(self.compared(), self.compile(plan, cargo, None));
            return Ok(Begun { compared: compared?, choice, compiled });
        }
        let compared = self.compared().await?;
        let choice = self.choice(known, &compared).await?;
        let only = choice.affected.as_ref().and_then(|part| needed(part, &self.in_force.policy.tests.first));
        let compiled = self.compile(plan, cargo, only.as_ref()).await;
        Ok(Begun { compared, choice, compiled })
    }

    /// Compiles for the gates, only these packages where some are named.
    async fn compile(
        &self,
        plan: &Plan,
        cargo: Option<&Result<Cargo, CouldNotRun>>,
        only: Option<&BTreeSet<String>>,
    ) -> Option<Result<Compiled, CouldNotRun>> {
        let cargo = plan.has(&Step::Compile).then_some(cargo).flatten()?;
        let of_policy = |cargo: Cargo| cargo.of_policy(&self.in_force.policy.tests);
        let cargo = match cargo.clone().and_then(of_policy) {
            Ok(cargo) => cargo,
            Err(why) => return Some(Err(why)),
        };
        let Some(only) = only else { return Some(self.compile_set(plan, &cargo).await) };
        let cargo = cargo.only(only);
        if cargo.selected().next().is_some() {
            return Some(self.compile_set(plan, &cargo).await);
        }
        self.step(&Step::Compile, plan).done("nothing: no package is affected");
        Some(Ok(build::nothing(&cargo)))
    }

    /// Compiles one feature set for what the wanted gates need.
    pub(super) async fn compile_set(&self, plan: &Plan, cargo: &Cargo) -> Result<Compiled, CouldNotRun> {
        let step = self.step(&Step::Compile, plan);
        let compiled = self.compile_for_gates(plan, cargo, &|line| step.tell(line)).await;
        match &compiled {
            Ok(compiled) if compiled.outcome == Compilation::DoesNotCompile => {
                step.failed("does not compile")
            }
            Ok(compiled) => step.done(format!(
                "{}, {}{}",
                counted(compiled.packages.len() as u64, "package"),
                counted(compiled.tests.len() as u64, "test program"),
                match &cargo.features {
                    FeatureSet::Default => String::new(),
                    set => set.suffix(),
                }
            )),
            Err(_) => step.failed("could not compile"),
        };
        compiled
    }

    /// One compilation for lint and tests, or one for each where they cannot share it.
    async fn compile_for_gates(
        &self,
        plan: &Plan,
        cargo: &Cargo,
        progress: Progress<'_>,
    ) -> Result<Compiled, CouldNotRun> {
        let compile = async |purpose| {
            self.context.console.detail(build::command_for(purpose, cargo).to_string());
            build::compile_for(purpose, &self.context.world, cargo, progress).await
        };
        let lint = self.ask.gates.contains(&Gate::Lint);
        match build::why_apart(cargo, self.in_force.policy.lint.share_compile) {
            None if lint => compile(Purpose::Shared).await,
            None => compile(Purpose::TestsOfShared).await,
            Some(_) if !lint => compile(Purpose::Tests).await,
            Some(why) => {
                let linted = compile(Purpose::Lint).await?;
                let mut compiled = match plan.has(&Step::Test) {
                    true => compile(Purpose::Tests).await?.with_diagnostics_of(&linted),
                    false => linted,
                };
                compiled.compiled_apart = Some(why);
                Ok(compiled)
            }
        }
    }
}

/// The packages that are compiled for these tests and those that always run first; `None` where that is all of them.
pub(in crate::commands) fn needed(part: &AffectedPart, first: &[String]) -> Option<BTreeSet<String>> {
    let first = first.iter().filter_map(|test| test.split_once("::")).map(|(package, _)| package.to_owned());
    let needed: BTreeSet<_> = part.packages.keys().cloned().chain(first).collect();
    part.unaffected.iter().any(|package| !needed.contains(package)).then_some(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_first_is_compiled_with_what_is_affected() {
        let part = |unaffected: &[&str]| AffectedPart {
            packages: [("a".to_owned(), "a/src/lib.rs".to_owned())].into(),
            unaffected: unaffected.iter().map(|name| (*name).to_owned()).collect(),
            ..AffectedPart::default()
        };
        let check = |unaffected: &[&str], first: &[&str], expected: Option<&[&str]>| {
            let first: Vec<_> = first.iter().map(|name| (*name).to_owned()).collect();
            let expected = expected.map(|all| all.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(needed(&part(unaffected), &first), expected, "{unaffected:?} {first:?}");
        };
        check(&[], &[], None);
        check(&["b", "c"], &[], Some(&["a"]));
        check(&["b", "c"], &["b::it$prepare"], Some(&["a", "b"]));
        check(&["b"], &["b::it$prepare"], None);
    }
}
