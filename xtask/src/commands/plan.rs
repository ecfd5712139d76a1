//! `plan`: the steps of a verb with the outside commands that each would run, without running them.
//!
//! Every line that it prints can be pasted into a shell in the workspace: a command does the step, with the compiler and the
//! variables that the run has; what is no command is a comment. For that, `plan` writes the compiler wrappers, which a line
//! names, into the target directory.

mod affected;
mod lines;

pub(super) use affected::show_affected;
pub(super) use lines::{Lines, Surveyed, of_step};

use super::context::Context;
use crate::cli::PlanGoal;
use crate::exit::Exit;
use crate::plan::{Goal, Planned, plan};
use crate::report::Paper;
use crate::report::console::paint;
use crate::verdict::Gate;
use serde::Serialize;
use std::fmt::Write as _;

/// A step with what it runs.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    planned: &'a Planned,
    #[serde(flatten)]
    lines: Lines,
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
    let surveyed = Surveyed::of(context, &workspace, &in_force).await?;
    let mut steps = Vec::new();
    for planned in &plan.steps {
        steps.push(Shown { planned, lines: of_step(&surveyed, &planned.step).await? });
    }
    let paper = context.console.paper();
    context.console.result(&serde_json::json!({"steps": steps}), |_| human(paper, &steps));
    Ok(Exit::Done)
}

/// A step with its reason, and under it what it runs: each command in a line of its own, to be copied.
fn human(paper: Paper, steps: &[Shown<'_>]) -> String {
    let mut text = String::new();
    for (number, Shown { planned, lines }) in (1..).zip(steps) {
        let head = format!("{number:>2}  {}", planned.step.name());
        let why = paper.wrap(&planned.why, head.chars().count() + 2, 4);
        let _ = writeln!(text, "{}: {why}", paint(paper.style, anstyle::Style::new().bold(), &head));
        text += &lines.human(paper, 6);
    }
    text
}
