//! `plan`: the steps of a verb with the outside commands that each would run, without running them.

use super::context::Context;
use crate::cli::PlanGoal;
use crate::exit::Exit;
use crate::plan::{Goal, Step, plan};
use crate::report::table::table;
use crate::tools::cargo::Cargo;
use crate::tools::{build, lint};
use crate::verdict::Gate;

/// `plan [ci|ship]`.
pub(super) async fn show(context: &Context, goal: PlanGoal) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let goal = match goal {
        PlanGoal::Ci => Goal::Gates(Gate::OF_WORKSPACE.to_vec()),
        PlanGoal::Ship => Goal::Ship,
    };
    let plan = plan(&in_force.policy, &goal);
    let cargo = Cargo::discover(&context.world, &workspace.root, context.network()).await;
    let cargo = cargo.map_err(|why| super::gates::failure(&why))?;
    let command = |step: &Step| match step {
        Step::Format => lint::command(&cargo).to_string(),
        Step::Compile => build::command(&cargo).to_string(),
        Step::Test => "each test binary by itself, then cargo test --doc".to_owned(),
        Step::Image => format!("cargo build --profile {} with +crt-static", in_force.policy.image.profile),
        _ => "-".to_owned(),
    };
    context.console.result(&plan, |style| {
        let rows = plan.steps.iter().enumerate().map(|(number, planned)| {
            vec![(number + 1).to_string(), planned.step.name(), planned.why.clone(), command(&planned.step)]
        });
        table(style, &["#", "step", "why", "runs"], &rows.collect::<Vec<_>>())
    });
    Ok(Exit::Done)
}
