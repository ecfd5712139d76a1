//! Plan: every step that will be taken, as data. The run acts on the same list that `plan` shows.

mod about;

pub use about::{About, about};

use crate::policy::Policy;
use crate::rollout::RolloutPlan;
use crate::verdict::Gate;
use serde::Serialize;

/// What is to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// These gates, judged.
    Gates(Vec<Gate>),
    /// All gates of a release, the image, and every environment in order.
    Ship,
}

/// The steps towards a goal, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What is done.
    pub steps: Vec<Planned>,
}

/// One step with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// What is done.
    pub step: Step,
    /// Which demand it serves.
    pub why: String,
}

/// What can be done. Each is one arm of the `match` that acts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Step {
    /// Waivers, and the policies of the change against those of its base. Needs no compiler.
    Policy,
    /// rustfmt over all packages. Needs no compiler: runs beside `Compile`.
    Format,
    /// Cargo.lock against the advisory databases. Needs no compiler.
    Advisories,
    /// What dependencies say of their licences. Needs no compiler.
    Licences,
    /// Which packages there are, in which versions. Needs no compiler.
    Bans,
    /// Where packages come from. Needs no compiler.
    Sources,
    /// Tracked files against the secret rules. Needs no compiler.
    Secrets,
    /// Workflows and actions of the repository. Needs no compiler.
    Workflows,
    /// The reports of other scanners. Needs no compiler.
    Scanners,
    /// One instrumented compilation, with clippy in it, for lint, tests, coverage and documentation tests.
    Compile,
    /// Every test, one process per test.
    Test,
    /// Raw profiles into lines.
    Coverage,
    /// The fold of all gates.
    Judge,
    /// The OCI image.
    Image,
    /// The release: digest and evidence.
    Release,
    /// A rollout into one environment.
    RollOut {
        /// Its name.
        environment: String,
    },
}

impl Step {
    /// Its name in reports.
    pub fn name(&self) -> String {
        match self {
            Step::Policy => "policy".into(),
            Step::Format => "format".into(),
            Step::Advisories => "advisories".into(),
            Step::Licences => "licences".into(),
            Step::Bans => "bans".into(),
            Step::Sources => "sources".into(),
            Step::Secrets => "secrets".into(),
            Step::Workflows => "workflows".into(),
            Step::Scanners => "scanners".into(),
            Step::Compile => "compile".into(),
            Step::Test => "tests".into(),
            Step::Coverage => "coverage".into(),
            Step::Judge => "judge".into(),
            Step::Image => "image".into(),
            Step::Release => "release".into(),
            Step::RollOut { environment } => environment.clone(),
        }
    }

    /// Whether it may run while cargo compiles.
    pub fn beside_the_compiler(&self) -> bool {
        matches!(
            self,
            Step::Policy
                | Step::Format
                | Step::Advisories
                | Step::Licences
                | Step::Bans
                | Step::Sources
                | Step::Secrets
                | Step::Workflows
                | Step::Scanners
        )
    }
}

impl Plan {
    /// Whether a step is in it.
    pub fn has(&self, step: &Step) -> bool {
        self.steps.iter().any(|planned| planned.step == *step)
    }
}

/// The steps towards a goal under a policy. A step that several gates need is there once.
pub fn plan(policy: &Policy, goal: &Goal) -> Plan {
    let mut steps: Vec<Planned> = Vec::new();
    let mut add = |step: Step, why: String| {
        if !steps.iter().any(|planned| planned.step == step) {
            steps.push(Planned { step, why });
        }
    };
    let gates: &[Gate] = match goal {
        Goal::Gates(gates) => gates,
        Goal::Ship => &Gate::OF_WORKSPACE,
    };
    for gate in Gate::ALL.iter().filter(|gate| gates.contains(gate)) {
        for step in needed_by(*gate) {
            let why = match step {
                Step::Compile => "one compilation for lint, tests, coverage and documentation tests".into(),
                _ => demand(policy, *gate),
            };
            add(step, why);
        }
    }
    steps.sort_by(|a, b| a.step.cmp(&b.step));
    steps.push(Planned { step: Step::Judge, why: "one verdict over all gates".into() });
    if *goal == Goal::Ship {
        let mut add = |step, why: String| steps.push(Planned { step, why });
        add(Step::Image, "policies/image.yaml".into());
        add(Step::Release, "only a passed verdict makes one".into());
        for environment in &policy.rollout.environments {
            let weights: Vec<String> =
                environment.steps.iter().map(|step| format!("{} %", step.weight)).collect();
            let approvals = match environment.approvals.quorum {
                0 => String::new(),
                1 => "after 1 approval, ".to_owned(),
                count => format!("after {count} approvals, "),
            };
            let forward = RolloutPlan::forward(environment);
            let (expected, worst) = (told(forward.expected()), told(forward.worst_case()));
            let windows = environment.windows.summary();
            let why = format!(
                "{approvals}by {} then 100 %; {expected} as a rule, {worst} at worst{windows} (policies/rollout.yaml)",
                weights.join(", ")
            );
            add(Step::RollOut { environment: environment.name.clone() }, why);
        }
    }
    Plan { steps }
}

/// A duration as people say it.
fn told(span: jiff::SignedDuration) -> String {
    match span.as_secs() {
        secs if secs >= 120 => format!("{} min", (secs + 59) / 60),
        secs => format!("{secs} s"),
    }
}

fn needed_by(gate: Gate) -> Vec<Step> {
    match gate {
        Gate::Lint => vec![Step::Format, Step::Compile],
        Gate::Tests => vec![Step::Compile, Step::Test],
        Gate::Coverage => vec![Step::Compile, Step::Test, Step::Coverage],
        Gate::Advisories => vec![Step::Advisories],
        Gate::Licences => vec![Step::Licences],
        Gate::Bans => vec![Step::Bans],
        Gate::Sources => vec![Step::Sources],
        Gate::Secrets => vec![Step::Secrets],
        Gate::Workflows => vec![Step::Workflows],
        Gate::Scanners => vec![Step::Scanners],
        Gate::Image => vec![Step::Image],
        Gate::Policy => vec![Step::Policy],
    }
}

fn demand(policy: &Policy, gate: Gate) -> String {
    match gate {
        Gate::Lint => "no formatting difference, no warning (policies/lint.yaml)".into(),
        Gate::Tests => {
            format!("every test passes within {} s (policies/tests.yaml)", policy.tests.timeout_secs)
        }
        Gate::Coverage => format!("at least {} % of lines (policies/coverage.yaml)", policy.coverage.minimum),
        Gate::Advisories => "no known vulnerability in Cargo.lock (policies/security.yaml)".into(),
        Gate::Licences => "every dependency under an allowed licence (policies/security.yaml)".into(),
        Gate::Bans => "no package that is banned (policies/security.yaml)".into(),
        Gate::Sources => "every package from a place that is allowed (policies/security.yaml)".into(),
        Gate::Secrets => "no secret in tracked files (policies/security.yaml)".into(),
        Gate::Workflows => "no known hole in a workflow or an action (policies/security.yaml)".into(),
        Gate::Scanners => match policy.security.scanners.inputs.len() {
            0 => "no report of another scanner is named (policies/security.yaml)".into(),
            count => format!("nothing in {count} reports of other scanners (policies/security.yaml)"),
        },
        Gate::Image => "an image within its budget (policies/image.yaml)".into(),
        Gate::Policy => "no waiver past its day, nothing loosened against the base (policies/)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(goal: &Goal) -> Vec<String> {
        plan(&Policy::default(), goal).steps.iter().map(|planned| planned.step.name()).collect()
    }

    #[test]
    fn a_rollout_says_who_approves_how_long_it_takes_and_when_it_may_begin() {
        let mut policy = Policy::default();
        policy.rollout.environments[2].windows.freeze = vec![crate::policy::windows::Window::default()];
        let steps = plan(&policy, &Goal::Ship).steps;
        let last = steps.last().map(|planned| planned.why.as_str());
        let told = "after 1 approval, by 10 %, 50 % then 100 %; 3 s as a rule, 16 min at worst; never each day (UTC) \
                    (policies/rollout.yaml)";
        assert_eq!(last, Some(told));
    }

    #[test]
    fn each_step_is_there_once_and_in_order() {
        let way = [
            "policy",
            "format",
            "advisories",
            "licences",
            "bans",
            "sources",
            "secrets",
            "workflows",
            "scanners",
            "compile",
            "tests",
            "coverage",
            "judge",
            "image",
            "release",
        ];
        let environments = ["development", "staging", "production"];
        assert_eq!(names(&Goal::Ship), [&way[..], &environments[..]].concat());
        assert_eq!(names(&Goal::Gates(vec![Gate::Lint])), ["format", "compile", "judge"]);
        assert_eq!(
            names(&Goal::Gates(vec![Gate::Secrets, Gate::Advisories])),
            ["advisories", "secrets", "judge"]
        );
    }

    #[test]
    fn the_same_inputs_give_the_same_plan() {
        assert_eq!(plan(&Policy::default(), &Goal::Ship), plan(&Policy::default(), &Goal::Ship));
    }
}
