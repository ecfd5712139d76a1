//! At the base: runs the tests that fail here where the change began, so that what a change broke is told apart from what was
//! broken before.
//!
//! The base is taken to a folder of its own (`checkout`); only the programs that hold the tests are compiled, with the
//! toolchain of the work and in a target directory of their own below `target/gateline/`, which stays: what comes from other
//! repositories is compiled once. Programs are selected by package, so features are unified over those packages alone.
//! A base that cannot be had, does not compile or is not whole gives no answer; it never speaks for a test.

mod checkout;
mod units;

use super::build::{self, Compilation, Compiled, Purpose};
use super::cargo::{Cargo, Network, Progress, Take, Toolchain};
use super::git;
use super::redaction::Redactor;
use super::runner::{self, RunOptions, Told};
use crate::evidence::base_run::BaseRun;
use crate::evidence::baseline::without_line;
use crate::evidence::tests::{TestOutcome, TestsEvidence};
use crate::policy::{FeatureSet, TestsPolicy};
use crate::world::World;
use checkout::Checkout;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use units::Units;

/// How long everything may take: who waits for a verdict does not wait for ever.
const SECS_MAX: u64 = 1800;
/// Tests that are asked for. Where more than these fail, the change broke something that all of them need, or the base did.
const TESTS_MAX: usize = 200;
/// What the target directory may keep for the next run.
const KEPT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The next command where the base could not be asked.
const HELP: &str = "git worktree add ../at-base COMMIT, and run the tests there";

/// What is to be run, and where.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The workspace with the work.
    pub root: &'a Path,
    /// Its target directory.
    pub target: &'a Path,
    /// The base.
    pub commit: &'a str,
    /// Full names of tests.
    pub tests: BTreeSet<String>,
    /// How tests are run: as they were here.
    pub policy: &'a TestsPolicy,
    /// The toolchain that compiled the work.
    pub toolchain: &'a Toolchain,
    /// Whether cargo may use the network.
    pub network: Network,
}

/// What the base says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// How tests ended there, by the names that were asked for.
    pub outcomes: BTreeMap<String, TestOutcome>,
    /// What is not there, and what could not be asked.
    pub run: BaseRun,
}

/// Runs tests at a commit. It takes a while and gives an answer for each of them.
pub async fn ask(world: &World, question: &Question<'_>, progress: Progress<'_>) -> Answer {
    let mut asked = question.clone();
    let beyond: BTreeSet<_> = asked.tests.iter().skip(TESTS_MAX).cloned().collect();
    asked.tests.retain(|name| !beyond.contains(name));
    let mut answer = Answer::default();
    answer.run.commit = question.commit.to_owned();
    let limit = Duration::from_secs(SECS_MAX);
    let why = match tokio::time::timeout(limit, fill(world, &asked, progress, &mut answer)).await {
        Ok(Ok(())) => "it gave no answer".to_owned(),
        Ok(Err(why)) => why,
        Err(_) => format!("it took longer than {SECS_MAX} s"),
    };
    let known = |name: &String| answer.outcomes.contains_key(name) || answer.run.lacks(name);
    let told: BTreeSet<_> = answer.run.unknown.iter().flat_map(|one| one.tests.clone()).collect();
    let left: Vec<_> =
        asked.tests.iter().filter(|name| !known(name) && !told.contains(*name)).cloned().collect();
    let help = HELP.replace("COMMIT", question.commit);
    answer.run.not_asked(left, &why, &help);
    answer.run.not_asked(beyond, &format!("only the first {TESTS_MAX} are asked for"), &help);
    answer.run.absent.sort();
    answer
}

/// Fills in what can be known; the error is the reason for all the rest.
async fn fill(
    world: &World,
    question: &Question<'_>,
    progress: Progress<'_>,
    answer: &mut Answer,
) -> Result<(), String> {
    let folder = question.target.join("gateline/at-base");
    progress("taking the base to a folder of its own");
    let checkout =
        Checkout::of(world, question.root, question.commit).await.map_err(|error| format!("{error:#}"))?;
    let target = folder.join("target");
    let world = git::without_git(world).with_variable("CARGO_TARGET_DIR", &target.to_string_lossy());
    let done = asked_there(&world, question, &checkout, progress, answer).await;
    bound(&target, KEPT_BYTES_MAX);
    done
}

async fn asked_there(
    world: &World,
    question: &Question<'_>,
    checkout: &Checkout,
    progress: Progress<'_>,
    answer: &mut Answer,
) -> Result<(), String> {
    if !checkout.workspace.join("Cargo.toml").is_file() {
        return Err("there is no Cargo.toml".to_owned());
    }
    let (world, cargo) = same_toolchain(world, question, &checkout.workspace).await?;
    let cargo = cargo.leaving_out(&question.policy.leave_out);
    let sets = &question.policy.features;
    let suffixes: Vec<String> = sets.iter().skip(1).map(FeatureSet::suffix).collect();
    let mut left = question.tests.clone();
    // The first set has plain names, so the others take theirs before.
    for (set, suffix) in sets.iter().skip(1).zip(&suffixes) {
        let (own, others): (BTreeSet<_>, _) = left.into_iter().partition(|name| name.ends_with(suffix));
        left = others;
        let plain = |name: &String| name.strip_suffix(suffix.as_str()).unwrap_or(name).to_owned();
        let wanted = own.iter().map(|name| (plain(name), name.clone()));
        of_set(&world, question, &cargo, (set, wanted.collect()), checkout, progress, answer).await;
    }
    let first = sets.first().cloned().unwrap_or_default();
    let wanted = left.into_iter().map(|name| (name.clone(), name)).collect();
    of_set(&world, question, &cargo, (&first, wanted), checkout, progress, answer).await;
    Ok(())
}

/// The workspace there, with the compiler of the work: where the folder would choose another one, it is told which.
async fn same_toolchain(
    world: &World,
    question: &Question<'_>,
    workspace: &Path,
) -> Result<(World, Cargo), String> {
    let discover = async |world: &World| {
        let found = Cargo::discover(world, workspace, question.network).await;
        found.map_err(|why| why.message)
    };
    let wanted = &question.toolchain.rustc;
    if let Ok(cargo) = discover(world).await
        && cargo.toolchain.rustc == *wanted
    {
        return Ok((world.clone(), cargo));
    }
    let sysroot = question.toolchain.sysroot.to_string_lossy();
    let world = world.clone().with_variable("RUSTUP_TOOLCHAIN", &sysroot);
    let cargo = discover(&world).await?;
    if cargo.toolchain.rustc == *wanted {
        Ok((world, cargo))
    } else {
        Err(format!("its toolchain is {}, not {wanted}", cargo.toolchain.rustc))
    }
}

/// Tests of one feature set: names as they are there, each with the name that was asked for.
async fn of_set(
    world: &World,
    question: &Question<'_>,
    cargo: &Cargo,
    (set, wanted): (&FeatureSet, BTreeMap<String, String>),
    checkout: &Checkout,
    progress: Progress<'_>,
    answer: &mut Answer,
) {
    let help = HELP.replace("COMMIT", question.commit);
    let units = Units::of(cargo, wanted.keys().map(String::as_str), &question.policy.first);
    let (there, absent): (BTreeMap<_, _>, BTreeMap<_, _>) =
        wanted.into_iter().partition(|(name, _)| units.have(name));
    answer.run.absent.extend(absent.into_values());
    if there.is_empty() {
        return;
    }
    let ran = ran(world, question, cargo, (set, &units), there.keys(), progress).await;
    match ran {
        Err(why) => answer.run.not_asked(there.into_values(), &why, &help),
        Ok(evidence) => {
            for (name, asked) in there {
                match ended(&evidence, &name, &checkout.lacks) {
                    Said::Ended(outcome) => drop(answer.outcomes.insert(asked, outcome)),
                    Said::Absent => answer.run.absent.push(asked),
                    Said::Unknown(why) => answer.run.not_asked([asked], &why, &help),
                }
            }
        }
    }
}

/// Compiles what holds the tests, and runs these.
async fn ran<'n>(
    world: &World,
    question: &Question<'_>,
    cargo: &Cargo,
    (set, units): (&FeatureSet, &Units),
    names: impl Iterator<Item = &'n String>,
    progress: Progress<'_>,
) -> Result<TestsEvidence, String> {
    let cargo = cargo.with_features(set, Take::Everything).map_err(|why| why.message)?;
    let cargo =
        cargo.map(|cargo| cargo.only(&units.packages).with_targets(units.targets.iter().cloned().collect()));
    let cargo = cargo.ok_or_else(|| "it has no package".to_owned())?;
    let compiled =
        build::compile_for(Purpose::Tests, world, &cargo, progress).await.map_err(|why| why.message)?;
    if compiled.outcome == Compilation::DoesNotCompile {
        return Err(Redactor::new(world).text(does_not_compile(&compiled)));
    }
    let filters: Vec<String> = names.map(|name| without_line(name).to_owned()).collect();
    let doctests = question.policy.doctests && filters.iter().any(|name| name.contains("::doc$"));
    let policy = TestsPolicy { doctests, ..question.policy.clone() };
    let options = RunOptions { filters, ..RunOptions::default() };
    let tell = |told: Told<'_>| {
        if let Told::Progress(line) = told {
            progress(line);
        }
    };
    let ran = runner::run(world, &compiled, &policy, &options, &tell).await;
    ran.result.map_err(|why| why.message)
}

fn does_not_compile(compiled: &Compiled) -> String {
    let first = compiled.errors().next();
    first.map_or_else(
        || "it does not compile".to_owned(),
        |error| format!("it does not compile: {}", error.message),
    )
}

/// What a run says of one test.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Ended(TestOutcome),
    Absent,
    Unknown(String),
}

/// Documentation tests of one item are one: their lines move. A folder that lacks something is believed where a test passes.
fn ended(ran: &TestsEvidence, name: &str, lacks: &[String]) -> Said {
    let own = without_line(name);
    let binary = own.split_once('$').map_or(own, |(binary, _)| binary);
    let broken =
        ran.broken.iter().find(|one| one.name == binary || one.name == "doc" && binary.ends_with("::doc"));
    let outcomes: Vec<_> =
        ran.tests.iter().filter(|test| without_line(&test.name) == own).map(|test| &test.outcome).collect();
    let failure = outcomes.iter().find(|outcome| outcome.is_failure());
    match (outcomes.first(), failure) {
        (None, _) => match broken {
            Some(broken) => {
                Said::Unknown(format!("{binary} gave no list of its tests there: {}", broken.why))
            }
            None => Said::Absent,
        },
        (Some(_), Some(_)) if !lacks.is_empty() => {
            Said::Unknown(format!("it fails there too, but the folder lacks {}", lacks.join(", ")))
        }
        (Some(_), Some(failure)) => Said::Ended((*failure).clone()),
        (Some(TestOutcome::Skipped(missing)), None) => {
            Said::Unknown(format!("it did not run there: {missing}"))
        }
        (Some(TestOutcome::NotRun(culprit)), None) => {
            Said::Unknown(format!("it did not run there, because {culprit} runs first and did not pass"))
        }
        (Some(outcome), None) => Said::Ended((*outcome).clone()),
    }
}

/// Removes a directory that has become too large.
fn bound(directory: &Path, bytes_max: u64) {
    let mut waiting: Vec<PathBuf> = vec![directory.to_owned()];
    let mut bytes = 0_u64;
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(facts) if facts.is_dir() => waiting.push(entry.path()),
                Ok(facts) => bytes = bytes.saturating_add(facts.len()),
                Err(_) => {}
            }
        }
    }
    if bytes > bytes_max {
        // What cannot be removed now is removed next time.
        let _ = std::fs::remove_dir_all(directory);
    }
}

#[cfg(test)]
mod tests;
