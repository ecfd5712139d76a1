//! The step *tests*: every test of what was compiled, in the raw profiles' directory of this run.

use super::Reuse;
use super::compare::Compared;
use super::coverage::Left;
use super::failed;
use super::measure::Measurer;
use super::select::Choice;
use crate::evidence::{Evidence, GateEvidence};
use crate::plan::{Plan, Step};
use crate::report::human;
use crate::tools::build::Compiled;
use crate::tools::runner::{self, Capture, Counting, Kept, RunOptions, Setting, Told};
use crate::verdict::Outcome;
use std::sync::Arc;

impl Measurer<'_> {
    /// Runs the tests of every feature set, and counts the lines that they ran. Gives the sets after the first.
    pub(super) async fn run(
        &self,
        plan: &Plan,
        compiled: &mut Compiled,
        compared: &Compared,
        choice: Choice,
        gates: &mut GateEvidence,
    ) -> anyhow::Result<Vec<Compiled>> {
        if !plan.has(&Step::Test) {
            return Ok(Vec::new());
        }
        let profiles = self.context.reports(self.workspace).join("profraw");
        // Files that tests could have written are never evidence: only this run's profiles count.
        let _ = std::fs::remove_dir_all(&profiles);
        std::fs::create_dir_all(&profiles)?;
        let strays_before = self.strays();
        let options = RunOptions {
            filters: self.ask.filters.clone(),
            profiles: plan.has(&Step::Coverage).then(|| profiles.clone()),
            capture: self.ask.capture,
            previous: self.previous(),
            selection: choice.selection,
            counting: Counting::Continuous,
            kept: self.kept(compiled).await,
        };
        let mut kepts: Vec<_> = options.kept.iter().cloned().collect();
        let step = self.step(&Step::Test, plan);
        if self.ask.capture == Capture::Live {
            step.hide();
        }
        let tell = |told: Told<'_>| match told {
            Told::Progress(line) => step.tell(line),
            Told::Notice(line) => step.notice(line),
            Told::Output(bytes) => step.output(bytes),
        };
        let policy = &self.in_force.policy.tests;
        let base = compared.0.as_ref().map(|change| change.base.commit.as_str());
        let found = self.baselines(base).await;
        let mut tests = runner::run(&self.context.world, compiled, policy, &options, &tell).await;
        if let Ok(evidence) = &mut tests.result {
            evidence.part.affected = choice.affected;
        }
        let further = self.further_sets(plan, compiled, &options, &mut tests, &mut kepts).await?;
        self.compare_tests(&found, base, &mut tests);
        let judged = tests.result.as_ref().ok().map(|one| crate::gates::of_these_tests(policy, one));
        match &judged {
            Some(judged) if judged.outcome == Outcome::Passed => step.done(human::facts(judged)),
            Some(judged) => step.failed(human::facts(judged)),
            None => step.failed("could not run"),
        };
        self.ask_base(compiled, compared, &mut tests).await;
        if let Ok(evidence) = &tests.result {
            failed::remember(&self.context.reports(self.workspace), evidence)?;
        }
        gates.tests = Some(tests);
        if plan.has(&Step::Coverage) {
            let tests = gates.tests.as_ref().and_then(|tests| tests.result.as_ref().ok());
            let profiles_of = match kepts.len() == 1 + further.len() {
                true => kepts.iter().map(|kept| kept.identity().cloned()).collect(),
                false => None,
            };
            let (profiles, strays_before) = (&profiles, &strays_before);
            let left = Left { profiles, further: &further, strays_before, tests, profiles_of };
            gates.coverage = Some(self.coverage(plan, compiled, left, (compared, &found)).await?);
        }
        Ok(further)
    }

    /// What earlier runs proved, where it may be used again: a whole run on a laptop that was not asked for fresh evidence.
    pub(super) async fn kept(&self, compiled: &Compiled) -> Option<Arc<Kept>> {
        if self.ask.reuse == Reuse::Never || !self.ask.is_whole() || self.ask.capture == Capture::Live {
            return None;
        }
        let setting = Setting {
            workspace: self.workspace,
            policy: &self.in_force.policy.tests,
            toolchain: &self.subject.toolchain,
            environment: &self.environment(),
        };
        Some(Kept::open(&self.context.world, compiled, setting).await)
    }

    /// The last run's times, so that the heaviest test starts first.
    fn previous(&self) -> Option<crate::evidence::TestsEvidence> {
        let file = self.context.reports(self.workspace).join("evidence.json");
        let evidence: Evidence = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        evidence.gates.tests.and_then(|tests| tests.result.ok())
    }
}
