//! `plan ci --affected`: the steps as `ci --affected` would take them, and which file marked which package.

use super::{Shown, Surveyed, human, of_step};
use crate::cli::PlanGoal;
use crate::commands::context::Context;
use crate::commands::gates;
use crate::digest::short_commit;
use crate::evidence::part::AffectedPart;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Goal, plan};
use crate::verdict::Gate;
use std::fmt::Write as _;

/// `plan ci --affected [--base REF]`.
pub(in crate::commands) async fn show_affected(
    context: &Context,
    goal: PlanGoal,
    base: Option<String>,
) -> anyhow::Result<Exit> {
    if goal == PlanGoal::Ship {
        return Err(Failure::usage("a release needs every package", "cargo xtask plan ci --affected"));
    }
    let workspace = context.workspace().await?;
    let (in_force, part) = gates::affected(context, &workspace, base).await?;
    let plan = plan(&in_force.policy, &Goal::Gates(Gate::OF_WORKSPACE.to_vec()));
    let mut surveyed = Surveyed::of(context, &workspace, &in_force).await?;
    if let Some(needed) = gates::needed(&part, &in_force.policy.tests.first) {
        surveyed = surveyed.only(&needed);
    }
    let mut steps = Vec::new();
    for planned in &plan.steps {
        steps.push(Shown { planned, lines: of_step(&surveyed, &planned.step).await? });
    }
    let paper = context.console.paper();
    let document = serde_json::json!({"steps": steps, "affected": part});
    context.console.result(&document, |_| human(paper, &steps) + "\n" + &told(&part));
    Ok(Exit::Done)
}

/// Each package with what marked it, and the others.
fn told(part: &AffectedPart) -> String {
    let (affected, all) = (part.packages.len(), part.packages.len() + part.unaffected.len());
    let mut text = String::new();
    // Writing to a String cannot fail.
    let since = short_commit(&part.base);
    let _ = writeln!(text, "{affected} of {all} packages are affected since {since}");
    if let Some(why) = &part.everything {
        let _ = writeln!(text, "  everything: {why}");
    }
    let width = part.packages.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, because) in part.packages.iter().filter(|_| part.everything.is_none()) {
        let _ = writeln!(text, "  {name:<width$}  {because}");
    }
    if !part.unaffected.is_empty() {
        let _ = writeln!(text, "not affected, so not checked: {}", part.unaffected.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_marked_a_package_stands_beside_it() {
        let part = AffectedPart {
            base: "0123456789abcdef".into(),
            packages: [("app".into(), "needs core".into()), ("core".into(), "crates/core/src/lib.rs".into())]
                .into(),
            everything: None,
            unaffected: vec!["x".into(), "y".into()],
        };
        let expected = "2 of 4 packages are affected since 0123456789ab\n  app   needs core\n  core  crates/core/src/lib.rs\n\
                        not affected, so not checked: x, y\n";
        assert_eq!(told(&part), expected);
        let whole =
            AffectedPart { everything: Some("x.sh: no package owns it".into()), unaffected: vec![], ..part };
        assert_eq!(
            told(&whole),
            "2 of 2 packages are affected since 0123456789ab\n  everything: x.sh: no package owns it\n"
        );
    }
}
