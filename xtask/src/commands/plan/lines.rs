//! What each step runs, as lines for a shell in the workspace.
//!
//! A step that starts other programs shows their commands; one that this program does by itself shows the verb that does it
//! alone. What has no line of its own is told in a comment, and what is not installed is told as the run tells it.

use crate::commands::context::{Context, InForce};
use crate::commands::gates::failure;
use crate::digest::Hasher;
use crate::evidence::CouldNotRun;
use crate::evidence::lint::Unchecked;
use crate::plan::{Step, about};
use crate::policy::coverage::CoverageEngine;
use crate::policy::lint::Level;
use crate::policy::tests::Engine;
use crate::policy::{FeatureSet, Policy};
use crate::report::Paper;
use crate::tools::build::{self, Purpose};
use crate::tools::cargo::{Cargo, Take};
use crate::tools::lint::{self, msrv, rustdoc, unused};
use crate::tools::{remember, runner};
use crate::workspace::Workspace;
use crate::world::CommandLine;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What a step runs.
#[derive(Debug, Default, Serialize)]
pub(in crate::commands) struct Lines {
    /// Each line does a part of the step where it is pasted into a shell in the workspace.
    pub(super) runs: Vec<String>,
    /// What is to be known besides: done without another program, or not done here.
    pub(super) notes: Vec<String>,
}

/// What all steps are shown from.
pub(in crate::commands) struct Surveyed<'a> {
    context: &'a Context,
    workspace: &'a Workspace,
    in_force: &'a InForce,
    /// The feature sets that are compiled and tested, each as cargo gets it.
    sets: Vec<Tested>,
    /// Those that are only linted.
    linted: Vec<Cargo>,
    /// Sets that change no package.
    same: Vec<String>,
}

/// A feature set that is tested.
struct Tested {
    cargo: Cargo,
    /// For what its programs are compiled.
    purpose: Purpose,
    /// Why lint has a compilation of its own, where it has.
    apart: Option<String>,
}

impl Lines {
    /// One command or comment a line, so much indented. Commands stay whole, to be copied.
    pub(in crate::commands) fn human(&self, paper: Paper, indent: usize) -> String {
        let mut text = String::new();
        let blank = " ".repeat(indent);
        for note in &self.notes {
            let broken = paper.wrap(note, indent + 2, indent + 2);
            let broken = broken.replace(&format!("\n{blank}  "), &format!("\n{blank}# "));
            let _ = writeln!(text, "{blank}# {broken}");
        }
        for run in &self.runs {
            let _ = writeln!(text, "{blank}{run}");
        }
        text
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn unchecked(&mut self, Unchecked { why, help, .. }: &Unchecked) {
        self.notes.push(format!("not checked: {why}; to have it: {help}"));
    }
}

impl<'a> Surveyed<'a> {
    /// Asks cargo once for all steps.
    ///
    /// # Errors
    /// Where there is no toolchain, or where a policy names a feature that no package has.
    pub(in crate::commands) async fn of(
        context: &'a Context,
        workspace: &'a Workspace,
        in_force: &'a InForce,
    ) -> anyhow::Result<Surveyed<'a>> {
        let cargo = Cargo::discover(&context.world, &workspace.root, context.network()).await;
        let first = cargo.and_then(|cargo| cargo.of_policy(&in_force.policy.tests));
        let sets = first.and_then(|first| feature_sets(first, &in_force.policy));
        let (sets, linted, same) = sets.map_err(|why| failure(&why))?;
        let aparts = why_apart(workspace, in_force, &sets);
        let tested = |(cargo, apart): (Cargo, Option<String>)| {
            let purpose = if apart.is_some() { Purpose::Tests } else { Purpose::Shared };
            Tested { cargo, purpose, apart }
        };
        let sets = sets.into_iter().zip(aparts).map(tested).collect();
        Ok(Surveyed { context, workspace, in_force, sets, linted, same })
    }

    /// The same with these packages only.
    pub(super) fn only(mut self, packages: &BTreeSet<String>) -> Surveyed<'a> {
        let taken = |cargo: &mut Cargo| {
            *cargo = cargo.only(packages);
            cargo.selected().next().is_some()
        };
        self.linted.retain_mut(taken);
        if !self.sets.iter_mut().map(|set| taken(&mut set.cargo)).fold(false, |any, one| any | one) {
            self.same.push("no package is affected: nothing is compiled".to_owned());
        }
        self
    }

    /// The sets for which something is compiled.
    fn compiled(&self) -> impl Iterator<Item = &Tested> {
        self.sets.iter().filter(|set| set.cargo.selected().next().is_some())
    }

    fn line(&self, command: &CommandLine) -> String {
        command.for_a_shell(&self.context.world, &self.workspace.root)
    }

    /// The verb that does a step and nothing else.
    pub(in crate::commands) fn alone(&self, step: &Step) -> String {
        self.context.console.own().text(&about(step).alone).into_owned()
    }
}

/// Why lint has a compilation of its own, for each set. It is kept for as long as nothing in the tree changes: every source is
/// read for it.
fn why_apart(workspace: &Workspace, in_force: &InForce, sets: &[Cargo]) -> Vec<Option<String>> {
    let mut inputs = Hasher::default();
    inputs.field(workspace.repository.tree.hex().as_bytes());
    inputs.field(in_force.source.hash.hex().as_bytes());
    let inputs = inputs.finish();
    let kept = remember::said(&workspace.target, "apart", &inputs);
    kept.filter(|kept: &Vec<_>| kept.len() == sets.len()).unwrap_or_else(|| {
        let share = in_force.policy.lint.share_compile;
        let found = sets.iter().map(|cargo| build::why_apart(cargo, share)).collect();
        remember::keep_said(&workspace.target, "apart", &inputs, &found);
        found
    })
}

type Sets = (Vec<Cargo>, Vec<Cargo>, Vec<String>);

/// What is tested, what is only linted, and what is the same as the first.
fn feature_sets(first: Cargo, policy: &Policy) -> Result<Sets, CouldNotRun> {
    let tested = policy.tests.features.as_slice();
    let mut same = Vec::new();
    let mut changed = |set: &FeatureSet| {
        let found = first.with_features(set, Take::WhatItChanges);
        if matches!(found, Ok(None)) {
            same.push(format!("the features `{set}` change no package: they are not compiled again"));
        }
        found.transpose()
    };
    let further: Result<Vec<Cargo>, _> = tested.iter().skip(1).filter_map(&mut changed).collect();
    let more = policy.lint.feature_sets.iter().filter(|set| !tested.contains(set));
    let linted: Result<Vec<Cargo>, _> = more.filter_map(&mut changed).collect();
    let (further, linted) = (further?, linted?);
    Ok(([vec![first], further].concat(), linted, same))
}

/// What a step runs, as a person would type it; what needs no other program says so.
pub(in crate::commands) async fn of_step(surveyed: &Surveyed<'_>, step: &Step) -> anyhow::Result<Lines> {
    let policy = &surveyed.in_force.policy;
    let mut lines = Lines::default();
    let by_itself = |note: &str| Lines { runs: vec![surveyed.alone(step)], notes: vec![note.to_owned()] };
    Ok(match step {
        Step::Policy => by_itself("git is asked for the policies of the base, where there is one"),
        Step::Advisories => by_itself(
            "cargo metadata says what is linked, git has the base's Cargo.lock; the database is read here",
        ),
        Step::Licences | Step::Bans => by_itself("cargo metadata names the packages and their manifests"),
        Step::Sources => by_itself("no other program: Cargo.lock and manifests are read here"),
        Step::Scanners => by_itself("no other program: whoever runs the scanners has run them before"),
        Step::Secrets => by_itself("git names the tracked files, which are read here"),
        Step::Workflows => by_itself("zizmor gives a second opinion where it is installed"),
        Step::Format => {
            match (policy.lint.rustfmt, surveyed.sets.first()) {
                (Level::Off, _) | (_, None) => lines.note("policies/lint.yaml says `rustfmt: off`"),
                (_, Some(first)) => lines.runs.push(surveyed.line(&lint::command(&first.cargo))),
            }
            lines
        }
        Step::Compile => {
            compile(surveyed, &mut lines)?;
            linters(surveyed, &mut lines).await?;
            lines
        }
        Step::Test => {
            tests(surveyed, &mut lines)?;
            lines
        }
        Step::Coverage => by_itself(match policy.coverage.engine {
            CoverageEngine::Builtin => "no other program: raw profiles and mappings are read here",
            CoverageEngine::LlvmCov => "llvm-profdata merges raw profiles, llvm-cov exports lines",
            CoverageEngine::Auto => {
                "llvm-profdata and llvm-cov where they match rustc, else no other program"
            }
        }),
        Step::Judge => {
            lines.note("no other program: judging is a function of policies and evidence");
            lines
        }
        Step::Image => by_itself(&format!(
            "cargo builds with the profile `{}` and a static libc; layers are made here",
            policy.image.profile
        )),
        Step::Release => {
            lines.note(format!(
                "two files are written where all gates passed: {} does it",
                surveyed.alone(step)
            ));
            lines
        }
        Step::RollOut { .. } => by_itself("the supervisor of the platform is asked, through its socket"),
    })
}

fn compile(surveyed: &Surveyed<'_>, lines: &mut Lines) -> anyhow::Result<()> {
    let mut add = |purpose, cargo: &Cargo| -> anyhow::Result<()> {
        let rest = build::rest(purpose, cargo, build::Built::Guess);
        for command in std::iter::once(build::command_for(purpose, cargo)).chain(rest) {
            lines.runs.push(surveyed.line(&build::with_compiler_for(purpose, cargo, command)?));
        }
        Ok(())
    };
    let left_out = surveyed.in_force.policy.tests.leave_out.iter();
    let mut notes: Vec<String> =
        left_out.map(|(target, reason)| format!("without {target}: {reason}")).collect();
    notes.extend(surveyed.same.iter().cloned());
    for Tested { cargo, purpose, apart } in surveyed.compiled() {
        if let Some(why) = apart {
            notes.push(format!("lint has a compilation of its own: {why}"));
            add(Purpose::Lint, cargo)?;
        }
        add(*purpose, cargo)?;
    }
    for cargo in &surveyed.linted {
        add(Purpose::Lint, cargo)?;
    }
    notes.dedup();
    lines.notes.extend(notes);
    Ok(())
}

/// The linters besides rustfmt and clippy, as the first feature set's compilation is looked at.
async fn linters(surveyed: &Surveyed<'_>, lines: &mut Lines) -> anyhow::Result<()> {
    let Some(Tested { cargo, purpose, .. }) = surveyed.sets.first() else { return Ok(()) };
    let (policy, world) = (&surveyed.in_force.policy.lint, &surveyed.context.world);
    let asked = |level: Level| level != Level::Off;
    if asked(policy.rustdoc) {
        rustdoc::switched_off(cargo).iter().for_each(|one| lines.unchecked(one));
        if let Some(command) = rustdoc::command(cargo) {
            let command = build::with_compiler_for(*purpose, cargo, command)?;
            lines.runs.push(surveyed.line(&rustdoc::documenting(cargo, command)?));
        }
    }
    if asked(policy.msrv) {
        for check in msrv::checks(world, cargo).await {
            match check {
                Ok(check) => lines.runs.push(surveyed.line(&check.command)),
                Err(unchecked) => lines.unchecked(&unchecked),
            }
        }
    }
    if asked(policy.unused_dependencies) {
        match unused::command(world, cargo) {
            Ok(command) => lines.runs.push(surveyed.line(&command)),
            Err(unchecked) => lines.unchecked(&unchecked),
        }
    }
    Ok(())
}

fn tests(surveyed: &Surveyed<'_>, lines: &mut Lines) -> anyhow::Result<()> {
    let policy = &surveyed.in_force.policy.tests;
    lines.note(match policy.engine {
        Engine::Builtin => "each test runs in a process of its own; these lines run each test program whole",
        Engine::Auto | Engine::Nextest => {
            "cargo-nextest runs each test in a process of its own, where it is installed; these lines run each test program whole"
        }
    });
    for Tested { cargo, purpose, .. } in surveyed.compiled() {
        let mut add = |command: CommandLine| -> anyhow::Result<()> {
            lines.runs.push(surveyed.line(&build::with_compiler_for(*purpose, cargo, command)?));
            Ok(())
        };
        add(build::run_whole(cargo))?;
        if let Some(command) = rustdoc::command(cargo).filter(|_| policy.doctests) {
            add(runner::with_documentation_flags(&surveyed.context.world, command))?;
        }
    }
    Ok(())
}
