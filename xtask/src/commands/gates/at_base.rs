//! The tests that fail here, run at the base: only where the policy says so, and only those that no baseline of that very
//! commit knows.

use super::Reuse;
use super::compare::Compared;
use super::measure::Measurer;
use crate::digest::{Digest, Hasher, short_commit};
use crate::evidence::base_run::BaseRun;
use crate::evidence::tests::{AtBase, TestOutcome};
use crate::evidence::{Measured, TestsEvidence};
use crate::policy::tests::FailingOnBase;
use crate::report::human::counted;
use crate::tools::at_base::{Answer, Question, ask};
use crate::tools::build::Compiled;
use crate::tools::remember;
use crate::workspace::change::Uncompared;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name of what is remembered of a base.
const REMEMBERED: &str = "at-base";

/// What an earlier run was told by the same base.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Known {
    outcomes: BTreeMap<String, TestOutcome>,
    absent: BTreeSet<String>,
}

impl Measurer<'_> {
    /// Says of each test that fails here how it ends at the base.
    pub(super) async fn ask_base(
        &self,
        compiled: &Compiled,
        compared: &Compared,
        tests: &mut Measured<TestsEvidence>,
    ) {
        let Ok(evidence) = &mut tests.result else { return };
        let unknown =
            evidence.tests.iter().filter(|test| test.outcome.is_failure() && test.at_base.is_none());
        let wanted: BTreeSet<String> = unknown.map(|test| test.name.clone()).collect();
        if self.in_force.policy.tests.failing_on_base != FailingOnBase::Run || wanted.is_empty() {
            return;
        }
        let commit = match compared {
            (Some(change), _) => &change.base.commit,
            (None, Some(Uncompared::NoBase { message, help })) => {
                let mut run = BaseRun::default();
                run.not_asked(wanted, message, help);
                evidence.base_run = Some(run);
                return;
            }
            (None, _) => return,
        };
        // The very same files fail in the very same way.
        if *commit == self.workspace.repository.commit && !self.workspace.dirty() {
            return;
        }
        let start = self.context.world.monotonic();
        let answer = self.answer_of(commit, compiled, wanted).await;
        for test in evidence.tests.iter_mut().filter(|test| test.at_base.is_none()) {
            let outcome = answer.outcomes.get(&test.name).cloned();
            test.at_base = outcome.map(|outcome| AtBase { commit: commit.clone(), outcome });
        }
        evidence.base_run = Some(answer.run);
        let took = self.context.world.monotonic().saturating_sub(start).as_millis();
        tests.duration_millis = tests.duration_millis.saturating_add(u64::try_from(took).unwrap_or(u64::MAX));
    }

    /// What the base says, from an earlier run where that counts.
    async fn answer_of(&self, commit: &str, compiled: &Compiled, wanted: BTreeSet<String>) -> Answer {
        let (target, inputs) = (&self.workspace.target, self.inputs_of_base(commit));
        let mut known: Known = match self.ask.reuse {
            Reuse::Never => Known::default(),
            Reuse::Allowed => remember::said(target, REMEMBERED, &inputs).unwrap_or_default(),
        };
        let is_known = |name: &String| known.outcomes.contains_key(name) || known.absent.contains(name);
        let left: BTreeSet<String> = wanted.iter().filter(|name| !is_known(name)).cloned().collect();
        let mut answer = match left.is_empty() {
            true => Answer {
                run: BaseRun { commit: commit.to_owned(), ..BaseRun::default() },
                ..Answer::default()
            },
            false => self.run_at_base(commit, compiled, left).await,
        };
        known.outcomes.extend(answer.outcomes);
        known.absent.extend(answer.run.absent);
        if self.ask.reuse == Reuse::Allowed {
            remember::keep_said(target, REMEMBERED, &inputs, &known);
        }
        known.outcomes.retain(|name, _| wanted.contains(name));
        answer.outcomes = known.outcomes;
        answer.run.absent = known.absent.into_iter().filter(|name| wanted.contains(name)).collect();
        answer
    }

    async fn run_at_base(&self, commit: &str, compiled: &Compiled, tests: BTreeSet<String>) -> Answer {
        let asked = counted(tests.len() as u64, "test");
        let short = short_commit(commit);
        let step = self.context.console.step(&self.context.world, format!("tests at base {short}"));
        let question = Question {
            root: &self.workspace.root,
            target: &self.workspace.target,
            commit,
            tests,
            policy: &self.in_force.policy.tests,
            toolchain: &compiled.cargo.toolchain,
            network: self.context.network(),
        };
        let answer = ask(&self.context.world, &question, &|line| step.tell(line)).await;
        let fails = answer.outcomes.values().filter(|outcome| outcome.is_failure()).count();
        let passes = answer.outcomes.len() - fails;
        let absent = answer.run.absent.len();
        match answer.run.unknown.first() {
            None => {
                step.done(format!("{asked}: {fails} fail there too, {passes} do not, {absent} not there"));
            }
            Some(one) => {
                step.failed(format!("could not be asked: {}", one.why));
            }
        }
        answer
    }

    /// What outcomes at the base depend on.
    fn inputs_of_base(&self, commit: &str) -> Digest {
        let mut inputs = Hasher::default();
        inputs.field(commit.as_bytes());
        for digest in [&self.subject.policy, &self.subject.toolchain] {
            inputs.field(digest.hex().as_bytes());
        }
        self.environment_into(&mut inputs);
        inputs.finish()
    }
}
