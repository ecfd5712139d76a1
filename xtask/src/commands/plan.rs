//! `plan`: the steps of a verb with the outside commands that each would run, without running them.

use super::context::{Context, InForce};
use crate::cli::PlanGoal;
use crate::exit::Exit;
use crate::plan::{Goal, Planned, Step, plan};
use crate::policy::coverage::CoverageEngine;
use crate::policy::lint::Level;
use crate::report::Paper;
use crate::report::console::paint;
use crate::tools::cargo::Cargo;
use crate::tools::{build, lint};
use crate::verdict::Gate;
use crate::workspace::Workspace;
use serde::Serialize;
use std::fmt::Write as _;

/// A step with what it runs.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    planned: &'a Planned,
    /// What it runs outside.
    runs: Vec<String>,
}

/// `plan [ci|ship]`.
pub(super) async fn show(context: &Context, goal: PlanGoal) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let goal = match goal {
        PlanGoal::Ci => Goal::Gates(Gate::OF_WORKSPACE.to_vec()),
        PlanGoal::Ship => Goal::Ship,
    };
    let plan = plan(&in_force.policy, &goal);
    let mut steps = Vec::new();
    for planned in &plan.steps {
        let runs = commands(context, &workspace, &in_force, &planned.step).await?;
        steps.push(Shown { planned, runs });
    }
    let paper = context.console.paper();
    context.console.result(&serde_json::json!({"steps": steps}), |_| human(paper, &steps));
    Ok(Exit::Done)
}

/// A step with its reason, and under it what it runs: each command in a line of its own, to be copied.
fn human(paper: Paper, steps: &[Shown<'_>]) -> String {
    let mut text = String::new();
    for (number, Shown { planned, runs }) in (1..).zip(steps) {
        let head = format!("{number:>2}  {}", planned.step.name());
        let why = paper.wrap(&planned.why, head.chars().count() + 2, 4);
        let _ = writeln!(text, "{}: {why}", paint(paper.style, anstyle::Style::new().bold(), &head));
        for run in runs {
            let _ = writeln!(text, "      {run}");
        }
    }
    text
}

/// What a step runs, as a person would type it; what needs no other program says so.
pub(super) async fn commands(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    step: &Step,
) -> anyhow::Result<Vec<String>> {
    let policy = &in_force.policy;
    let none = |what: &str| vec![format!("no other program: {what}")];
    Ok(match step {
        Step::Policy => vec![match &context.global.policy_ref {
            Some(reference) => format!("git ls-tree {reference} policies/; git cat-file blob …"),
            None => {
                "git ls-tree BASE policies/, on a pull request or with --base; else no other program".into()
            }
        }],
        Step::Format | Step::Compile => {
            let cargo = Cargo::discover(&context.world, &workspace.root, context.network()).await;
            let cargo = cargo.map_err(|why| super::gates::failure(&why))?;
            if *step == Step::Format {
                vec![lint::command(&cargo).to_string()]
            } else {
                let mut all = vec![build::command(&cargo).to_string()];
                let sets = policy.tests.features.iter().skip(1);
                all.extend(sets.map(|set| format!("the same for the features `{set}`")));
                let checked = policy.lint.feature_sets.iter();
                all.extend(checked.map(|set| format!("cargo check for the features `{set}`")));
                let asked = |level: Level| level != Level::Off;
                let rustdoc = asked(policy.lint.rustdoc).then(|| lint::rustdoc::command(&cargo)).flatten();
                all.extend(rustdoc.map(|command| command.to_string()));
                let oldest = asked(policy.lint.msrv).then(|| lint::msrv::commands(&cargo));
                all.extend(oldest.into_iter().flatten().map(|command| command.to_string()));
                if asked(policy.lint.unused_dependencies) {
                    all.push(lint::unused::command(&context.world, &cargo).to_string());
                }
                all
            }
        }
        Step::Advisories => none("the snapshot of advisories is part of this one"),
        Step::Secrets => vec!["git ls-files; the files are read here".into()],
        Step::Test => {
            let mut all = vec!["each test of each test program in a process of its own".to_owned()];
            if policy.tests.doctests {
                all.push("cargo test --doc".into());
            }
            all
        }
        Step::Coverage => match policy.coverage.engine {
            CoverageEngine::Builtin => none("raw profiles and mappings are read here"),
            CoverageEngine::LlvmCov => vec!["llvm-profdata merge; llvm-cov export".into()],
            CoverageEngine::Auto => {
                vec!["llvm-profdata merge; llvm-cov export, where they match rustc".into()]
            }
        },
        Step::Judge => none("judging is a function of policies and evidence"),
        Step::Image => vec![format!("cargo build --profile {} with +crt-static", policy.image.profile)],
        Step::Release => none("two files are written"),
        Step::RollOut { .. } => vec!["the supervisor of the platform, through its socket".into()],
    })
}
