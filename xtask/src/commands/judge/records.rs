//! Records of the judge that rollouts left in the journal: shown, and judged again.

use crate::commands::context::Context;
use crate::commands::site::service_name;
use crate::deployer::{Judgement, judgements};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::table::table;
use crate::rollout::judge::record::{Replay, replay};
use serde::Serialize;

/// One record, judged again.
#[derive(Serialize)]
struct Again {
    #[serde(flatten)]
    judgement: Judgement,
    /// Whether the bytes are the same.
    same: bool,
    differences: Vec<String>,
    /// The verdict as it is found now, in one line.
    verdict: String,
}

/// `history --judge`: every record, as it is in the journal.
pub(in crate::commands) async fn records(
    context: &Context,
    environment: Option<&str>,
) -> anyhow::Result<Exit> {
    let all = gathered(context, environment).await?;
    context.console.result(&all, |_| match all.is_empty() {
        true => "the judge was not asked yet".to_owned(),
        false => all.iter().map(|one| one.record.trim_end()).collect::<Vec<_>>().join("\n"),
    });
    Ok(Exit::Done)
}

/// `judge replay --environment ENV`: each of them judged again.
pub(super) async fn replayed(context: &Context, environment: Option<&str>) -> anyhow::Result<Exit> {
    let all = gathered(context, environment).await?;
    let name = environment.unwrap_or_default();
    if all.is_empty() {
        let message = format!("the judge was not asked in {name}: there is no record");
        return Err(Failure::error(Exit::NothingChecked, message, format!("cargo xtask history {name}")));
    }
    let all = all.into_iter().map(again).collect::<anyhow::Result<Vec<Again>>>()?;
    let different = all.iter().filter(|one| !one.same).count();
    context.console.result(&all, |style| {
        let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        let rows = all.iter().map(|one| {
            let Judgement { at, rollout, step, look, .. } = &one.judgement;
            vec![
                at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                rollout.clone(),
                number(step.map(|step| step + 1)),
                number(*look),
                one.verdict.clone(),
                if one.same { "the same bytes".to_owned() } else { one.differences.join("; ") },
            ]
        });
        let head = ["when (UTC)", "rollout", "step", "look", "verdict", "judged again"];
        let plural = if all.len() == 1 { "record" } else { "records" };
        format!("{}\n\n{} {plural}", table(style, &head, &rows.collect::<Vec<_>>()), all.len())
    });
    if different == 0 {
        return Ok(Exit::Done);
    }
    let message =
        format!("{different} of {} records give something else when they are judged again", all.len());
    Err(Failure::error(
        Exit::Refused,
        message,
        "cargo xtask audit verify; or another version of gateline wrote them",
    ))
}

fn again(judgement: Judgement) -> anyhow::Result<Again> {
    let Replay { verdict, differences } = replay(&judgement.record).map_err(|why| {
        let message = format!("what rollout {} left is no record of a judgement: {why}", judgement.rollout);
        Failure::infrastructure(message, "cargo xtask audit verify")
    })?;
    let verdict = format!("{}: {}", verdict.answer.name(), verdict.reason);
    Ok(Again { same: differences.is_empty(), judgement, differences, verdict })
}

async fn gathered(context: &Context, environment: Option<&str>) -> anyhow::Result<Vec<Judgement>> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let service = service_name(&workspace, &in_force)?;
    if let Some(name) = environment {
        in_force.environment(name)?;
    }
    let mut all = judgements(&crate::commands::audit::records(context, &service)?);
    all.retain(|one| environment.is_none_or(|name| one.environment == name));
    Ok(all)
}
