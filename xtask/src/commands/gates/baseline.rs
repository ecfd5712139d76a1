//! Baselines: what a run is compared with, and what it leaves for later ones.

use super::measure::Measurer;
use super::{Ask, Recording};
use crate::commands::context::{Context, InForce};
use crate::digest::Digest;
use crate::evidence::baseline::{Baseline, SCHEMA, compare_failures, compare_tests};
use crate::evidence::noise::Noise;
use crate::evidence::{CoverageEvidence, Evidence, Measured, TestsEvidence};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::tests::FailingOnBase;
use crate::tools::baseline::{Found, Start, Store, on_default_branch};
use crate::verdict::{Gate, Outcome, Verdict};
use crate::workspace::Workspace;
use std::path::Path;

/// A source file is digested up to here; what is larger is no source.
const SOURCE_BYTES_MAX: u64 = 64 * 1024 * 1024;

impl Measurer<'_> {
    /// The baselines to compare with: the nearest ones of the base, or of HEAD where there is no base.
    pub(super) async fn baselines(&self, base: Option<&str>) -> Found {
        let store = store(self.context, self.workspace, self.in_force, self.ask);
        let head = self.workspace.repository.commit.as_str();
        let start = match base {
            None if !self.workspace.dirty() => Start::Parent,
            Some(base) if base == head && !self.workspace.dirty() => Start::Parent,
            _ => Start::Itself,
        };
        let (world, root) = (&self.context.world, &self.workspace.root);
        match store.nearest(world, root, base.unwrap_or(head), start).await {
            Ok(found) => {
                found.damaged.iter().for_each(|why| self.context.console.note(format!("warning: {why}")));
                found
            }
            Err(error) => Found { searched: format!("{error:#}"), ..Found::default() },
        }
    }

    /// Says how the tests compare with the baseline's, where all of them were run, and which of those that fail also fail at
    /// the base.
    pub(super) fn compare_tests(
        &self,
        found: &Found,
        base: Option<&str>,
        tests: &mut Measured<TestsEvidence>,
    ) {
        let (Ok(evidence), Some((age, before))) = (&mut tests.result, &found.tests) else { return };
        let wanted = self.in_force.policy.tests.failing_on_base != FailingOnBase::Off;
        if wanted && base == Some(age.commit.as_str()) {
            compare_failures(before, &age.commit, evidence);
        }
        if self.ask.is_whole() && Baseline::tests_of(evidence).is_some() {
            evidence.compared = Some(compare_tests(before, age.clone(), evidence));
        }
    }
}

/// The store: `--baselines`, else the policy's folder, else the one beside the reports.
pub(super) fn store(context: &Context, workspace: &Workspace, in_force: &InForce, ask: &Ask) -> Store {
    Store::at(match (&ask.baselines, &in_force.policy.coverage.baselines) {
        (Some(named), _) => context.world.directory().join(named),
        (None, Some(named)) => workspace.root.join(named),
        (None, None) => context.reports(workspace).join("baselines"),
    })
}

/// The store where nothing special is asked for.
pub(in crate::commands) fn store_of(context: &Context, workspace: &Workspace, in_force: &InForce) -> Store {
    store(context, workspace, in_force, &Ask::default())
}

/// The noise that is known, where it can be used.
pub(in crate::commands) fn noise_of(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
) -> Option<Noise> {
    let noise = store_of(context, workspace, in_force).noise();
    noise.unwrap_or_else(|why| {
        context.console.note(format!("warning: {why}"));
        None
    })
}

/// Refuses `--record-baseline` where nothing could be recorded, before anything is measured.
pub(super) fn check(workspace: &Workspace, ask: &Ask) -> anyhow::Result<()> {
    if ask.record == Recording::Always && workspace.dirty() {
        let message = "a baseline speaks of a commit, and the tree differs from it";
        return Err(Failure::error(Exit::Usage, message, "commit, or `git stash`, then --record-baseline"));
    }
    Ok(())
}

/// Keeps what a commit reached: a clean tree on the default branch, or whatever `--record-baseline` says. A folder that cannot be
/// written is told; it does not change the verdict.
pub(super) async fn record(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    ask: &Ask,
    (evidence, verdict): (&Evidence, &Verdict),
) {
    let branch = workspace.repository.branch.as_deref();
    let wanted = match ask.record {
        Recording::Never => false,
        Recording::Always => true,
        Recording::Auto => on_default_branch(&context.world, &workspace.root, branch).await,
    };
    if !wanted || workspace.dirty() || !ask.is_whole() {
        return;
    }
    let store = store(context, workspace, in_force, ask);
    let Some(mut baseline) = baseline(context, workspace, evidence, verdict) else { return };
    if let Ok(Some(before)) = store.read(&baseline.commit)
        && before.toolchain == baseline.toolchain
    {
        baseline.tests = baseline.tests.or(before.tests);
        baseline.coverage = baseline.coverage.or(before.coverage);
    }
    match store.write(&baseline) {
        Ok(file) => {
            context.console.note(format!("baseline recorded: {}", workspace.shown(&file).display()));
        }
        Err(error) => context.console.note(format!("warning: the baseline was not recorded: {error:#}")),
    }
}

/// Lines are kept only where every test passed: a failing test leaves lines out, and later changes would be let down with it.
fn baseline(
    context: &Context,
    workspace: &Workspace,
    evidence: &Evidence,
    verdict: &Verdict,
) -> Option<Baseline> {
    let tests = evidence.gates.tests.as_ref().and_then(|measured| measured.result.as_ref().ok());
    let passed = verdict.gates.iter().any(|gate| gate.gate == Gate::Tests && gate.outcome == Outcome::Passed);
    let coverage = evidence.gates.coverage.as_ref().and_then(|measured| measured.result.as_ref().ok());
    let coverage = coverage.filter(|_| passed).map(|coverage| coverage_of(workspace, coverage));
    let tests = tests.and_then(Baseline::tests_of);
    (tests.is_some() || coverage.is_some()).then(|| Baseline {
        schema: SCHEMA.to_owned(),
        commit: evidence.subject.commit.clone(),
        recorded: context.world.now(),
        toolchain: evidence.subject.toolchain.clone(),
        tests,
        coverage,
    })
}

fn coverage_of(
    workspace: &Workspace,
    coverage: &CoverageEvidence,
) -> crate::evidence::baseline::BaselineCoverage {
    Baseline::coverage_of(coverage, |file| digest(&workspace.root.join(file)))
}

/// The digest of a source file; `None` where it cannot be read.
pub(in crate::commands) fn digest(file: &Path) -> Option<Digest> {
    let small = std::fs::metadata(file).ok()?.len() <= SOURCE_BYTES_MAX;
    small.then(|| std::fs::read(file).ok()).flatten().map(|bytes| Digest::of(&bytes))
}
