//! Feature sets after the first: each is compiled when the tests of the one before have ended, because cargo writes the
//! programs of all sets to the same paths, and tests start them from there.

use super::measure::Measurer;
use crate::evidence::{self, CouldNotRun, Measured, TestsEvidence};
use crate::plan::Plan;
use crate::policy::FeatureSet;
use crate::tools::build::{self, Compiled};
use crate::tools::cargo::Take;
use crate::tools::runner::{self, Kept, RunOptions, Told};
use std::path::Path;
use std::sync::Arc;

impl Measurer<'_> {
    /// Compiles and runs every further set of the policy, and adds its tests to those of the first. What no set builds is
    /// told.
    pub(super) async fn further_sets(
        &self,
        plan: &Plan,
        first: &mut Compiled,
        options: &RunOptions,
        tests: &mut Measured<TestsEvidence>,
        kepts: &mut Vec<Arc<Kept>>,
    ) -> anyhow::Result<Vec<Compiled>> {
        let mut further: Vec<Compiled> = Vec::new();
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
            let options = RunOptions { kept, ..options.clone() };
            let ran = self.run_set(&compiled, set, &options).await;
            tests.duration_millis += ran.duration_millis;
            match ran.result {
                Ok(ran) => add(evidence, ran, set),
                Err(why) => tests.result = Err(why),
            }
            further.push(compiled);
        }
        if let Ok(evidence) = &mut tests.result {
            let sets: Vec<&Compiled> = std::iter::once(&*first).chain(&further).collect();
            if sets.iter().all(|set| set.outcome == build::Compilation::Succeeded) {
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
        let options = RunOptions { profiles: own.clone(), ..of_set(options, set) };
        let policy = &self.in_force.policy.tests;
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
        let told = ran.result.as_ref().ok().map(|one| crate::gates::tests::judge(policy, one, 0));
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

/// The last run's times under the names that this set's tests have while they run, and the filter without the suffix.
fn of_set(options: &RunOptions, set: &FeatureSet) -> RunOptions {
    let suffix = set.suffix();
    let mut options = options.clone();
    if let Some(previous) = &mut options.previous {
        previous.tests.retain_mut(|test| {
            let plain = test.name.strip_suffix(&suffix).map(str::to_owned);
            plain.is_some_and(|plain| {
                test.name = plain;
                true
            })
        });
    }
    options.filters.iter_mut().for_each(|filter| *filter = plain(filter, &suffix));
    options
}

fn plain(filter: &str, suffix: &str) -> String {
    filter.strip_suffix(suffix).unwrap_or(filter).to_owned()
}

/// Moves a set's raw profiles, and the folder of doctests' programs, to the others, under names that no other set has.
fn gather_profiles(own: &Path, all: &Path, set: &FeatureSet) -> std::io::Result<()> {
    let prefix = set.file_name();
    for entry in std::fs::read_dir(own)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let into = all.join(entry.file_name());
            std::fs::create_dir_all(&into)?;
            gather_profiles(&entry.path(), &into, set)?;
        } else {
            let name = format!("{prefix}-{}", entry.file_name().to_string_lossy());
            std::fs::rename(entry.path(), all.join(name))?;
        }
    }
    std::fs::remove_dir(own)
}

/// Adds a set's tests, each with the set in its name.
fn add(evidence: &mut TestsEvidence, mut ran: TestsEvidence, set: &FeatureSet) {
    let suffix = set.suffix();
    ran.tests.iter_mut().for_each(|test| test.name.push_str(&suffix));
    ran.broken.iter_mut().for_each(|broken| broken.name.push_str(&suffix));
    ran.compile_errors.iter_mut().for_each(|error| error.message.push_str(&suffix));
    for name in ran.empty.iter_mut().chain(&mut ran.counts_lost) {
        name.push_str(&suffix);
    }
    evidence.empty.extend(ran.empty);
    evidence.counts_lost.extend(ran.counts_lost);
    ran.reused.into_iter().for_each(|one| evidence::reused::add(&mut evidence.reused, one));
    evidence.tests.extend(ran.tests);
    evidence.tests.sort_by(|a, b| a.name.cmp(&b.name));
    evidence.broken.extend(ran.broken);
    evidence.compile_errors.extend(ran.compile_errors);
}
