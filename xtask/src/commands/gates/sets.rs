//! Feature sets after the first: each is compiled when the tests of the one before have ended, because cargo writes the
//! programs of all sets to the same paths, and tests start them from there.

use super::measure::Measurer;
use crate::evidence::{CouldNotRun, Measured, TestsEvidence};
use crate::plan::Plan;
use crate::policy::{FeatureSet, TestsPolicy};
use crate::tools::build::{self, Compiled};
use crate::tools::cargo::Take;
use crate::tools::runner::{self, Kept, RunOptions, Told};
use std::path::Path;
use std::sync::Arc;

impl Measurer<'_> {
    /// Compiles and runs every further set of the policy, and adds its tests to those of the first. A set of which no test is
    /// asked for is not compiled. What no set builds is told, where all were compiled.
    pub(super) async fn further_sets(
        &self,
        plan: &Plan,
        first: &mut Compiled,
        options: &RunOptions,
        tests: &mut Measured<TestsEvidence>,
        kepts: &mut Vec<Arc<Kept>>,
    ) -> anyhow::Result<Vec<Compiled>> {
        let mut further: Vec<Compiled> = Vec::new();
        let mut unasked = 0_usize;
        for set in self.in_force.policy.tests.features.iter().skip(1) {
            let Ok(evidence) = &mut tests.result else { break };
            let cargo = match first.cargo.with_features(set, Take::WhatItChanges) {
                Ok(Some(cargo)) => cargo,
                Ok(None) => continue,
                Err(why) => {
                    tests.result = Err(why);
                    break;
                }
            };
            let is_whole = |word: &str| {
                evidence.tests.iter().any(|test| test.name == word)
                    || evidence.broken.iter().any(|broken| broken.name == word)
            };
            let Some(words) = runner::words_of_set(&options.filters, set, is_whole) else {
                unasked += 1;
                continue;
            };
            match further.last_mut() {
                Some(last) => last.keep_binaries()?,
                None => first.keep_binaries()?,
            }
            let compiled = match self.compile_set(plan, &cargo).await {
                Ok(compiled) => compiled,
                Err(why) => {
                    tests.result = Err(why);
                    break;
                }
            };
            let kept = self.kept(&compiled).await;
            kepts.extend(kept.clone());
            let options = RunOptions { kept, ..options.of_set(set, words) };
            let ran = self.run_set(&compiled, set, &options).await;
            tests.duration_millis += ran.duration_millis;
            match ran.result {
                Ok(ran) => runner::add_set(evidence, ran, set),
                Err(why) => tests.result = Err(why),
            }
            further.push(compiled);
        }
        if let Ok(evidence) = &mut tests.result {
            let sets: Vec<&Compiled> = std::iter::once(&*first).chain(&further).collect();
            if unasked == 0 && sets.iter().all(|set| set.outcome == build::Compilation::Succeeded) {
                evidence.not_built = build::not_built(&sets);
            }
        }
        Ok(further)
    }

    /// Runs the tests of one further set. Its raw profiles are apart while it runs: binaries are numbered anew.
    async fn run_set(
        &self,
        compiled: &Compiled,
        set: &FeatureSet,
        options: &RunOptions,
    ) -> Measured<TestsEvidence> {
        let step = self.context.console.step(&self.context.world, format!("tests{}", set.suffix()));
        let own = options.profiles.as_ref().map(|profiles| profiles.join("set"));
        let options = RunOptions { profiles: own.clone(), ..options.clone() };
        let policy = &self.in_force.policy.tests.of_set(set);
        let tell = |told: Told<'_>| match told {
            Told::Progress(line) => step.tell(line),
            Told::Notice(line) => step.notice(line),
            Told::Output(bytes) => step.output(bytes),
        };
        let mut ran = runner::run(&self.context.world, compiled, policy, &options, &tell).await;
        if let (Some(own), Some(all)) = (&own, own.as_deref().and_then(Path::parent))
            && let Err(error) = gather_profiles(own, all, set)
        {
            ran.result = Err(CouldNotRun {
                message: format!("failed to keep raw profiles of {}: {error}", own.display()),
                help: "df -h".to_owned(),
            });
        }
        // That a name in the policy is of no test only all sets together can tell.
        let policy = TestsPolicy { first: Vec::new(), must_run: Vec::new(), ..policy.clone() };
        let told = ran.result.as_ref().ok().map(|one| crate::gates::of_these_tests(&policy, one));
        match told {
            Some(judged) if judged.outcome == crate::verdict::Outcome::Passed => {
                step.done(crate::report::human::facts(&judged))
            }
            Some(judged) => step.failed(crate::report::human::facts(&judged)),
            None => step.failed("could not run"),
        };
        ran
    }
}

/// What the names of a further set's raw profiles begin with, once they lie among the others.
pub(super) fn profiles_of(set: &FeatureSet) -> String {
    format!("{}-", set.file_name())
}

/// Moves a set's raw profiles, and the folder of doctests' programs, to the others, under names that no other set has.
fn gather_profiles(own: &Path, all: &Path, set: &FeatureSet) -> std::io::Result<()> {
    let prefix = profiles_of(set);
    for entry in std::fs::read_dir(own)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let into = all.join(entry.file_name());
            std::fs::create_dir_all(&into)?;
            gather_profiles(&entry.path(), &into, set)?;
        } else {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            std::fs::rename(entry.path(), all.join(name))?;
        }
    }
    std::fs::remove_dir(own)
}
