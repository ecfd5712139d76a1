//! `judge simulate` and `judge replay`: the statistics of rollouts, tried and judged again.

mod records;

pub(super) use records::records;

use super::context::Context;
use crate::cli::{JudgeVerb, Simulate};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::Percent;
use crate::report::table::table;
use crate::rollout::judge::record::{Replay, replay};
use crate::rollout::judge::rules::{Kind, Rules};
use crate::rollout::judge::simulate::{Effect, Row, World, simulate};
use crate::tools::bounded;
use anyhow::Context as _;
use serde::Serialize;
use std::path::Path;

/// Longest record that is read: millions of samples.
const RECORD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Cells of the bar that shows a share.
const BAR_CELLS: u32 = 20;

/// The end of `judge simulate`, as `--format json` shows it.
#[derive(Serialize)]
struct Simulated<'a> {
    /// `gateline/judge-simulation/v1`.
    schema: &'static str,
    rules: &'a Rules,
    world: &'a World,
    rows: &'a [Row],
}

/// `judge …`.
pub(super) async fn judge(context: &Context, what: JudgeVerb) -> anyhow::Result<Exit> {
    match what {
        JudgeVerb::Simulate(asked) => simulated(context, &asked).await,
        JudgeVerb::Replay { record: Some(record), .. } => {
            replayed(context, &context.world.directory().join(record))
        }
        JudgeVerb::Replay { record: None, environment } => {
            records::replayed(context, environment.as_deref()).await
        }
    }
}

async fn simulated(context: &Context, asked: &Simulate) -> anyhow::Result<Exit> {
    let rules = rules(asked)?;
    let world = World {
        runs: asked.runs,
        seed: asked.seed,
        spread: percent("--spread", asked.spread)?,
        errors: percent("--errors", asked.errors)?,
    };
    let step = context.console.step(&context.world, "simulate");
    let rows = {
        let (rules, world) = (rules.clone(), world.clone());
        tokio::task::spawn_blocking(move || simulate(&rules, &world))
            .await
            .context("the simulation failed")?
    };
    step.done(format!("{} rollouts", rows.len() as u64 * u64::from(world.runs)));
    let shown =
        Simulated { schema: "gateline/judge-simulation/v1", rules: &rules, world: &world, rows: &rows };
    context.console.result(&shown, |style| {
        let head = ["canary", "stopped", "95 % interval", "", "went on", "nothing shown"];
        let cells = rows.iter().map(|row| cells(row, world.runs)).collect::<Vec<_>>();
        format!(
            "α {} % over {} looks, at each {} samples more of each side\n\n{}",
            rules.alpha,
            rules.looks,
            rules.min_samples,
            table(style, &head, &cells)
        )
    });
    Ok(Exit::Done)
}

/// The rules, as the command line changes them.
fn rules(asked: &Simulate) -> anyhow::Result<Rules> {
    let mut rules = Rules::default();
    rules.min_samples = asked.samples.unwrap_or(rules.min_samples);
    rules.looks = asked.looks.unwrap_or(rules.looks);
    if let Some(alpha) = asked.alpha {
        rules.alpha = percent("--alpha", alpha)?;
    }
    for metric in &mut rules.metrics {
        let (name, tolerance) = match metric.kind {
            Kind::Values => ("--latency-tolerance", asked.latency_tolerance),
            Kind::Errors => ("--error-tolerance", asked.error_tolerance),
        };
        if let (Kind::Values, Some(floor)) = (metric.kind, asked.latency_floor_millis) {
            metric.floor = floor.saturating_mul(1000);
        }
        if let Some(tolerance) = tolerance {
            metric.tolerance = percent(name, tolerance)?;
        }
    }
    rules.check().map_err(|why| {
        Failure::usage(format!("these rules can never decide: {why}"), "cargo xtask judge simulate --help")
    })?;
    Ok(rules)
}

fn percent(name: &str, value: f64) -> anyhow::Result<Percent> {
    serde_json::from_value(serde_json::json!(value)).map_err(|why| {
        Failure::usage(
            format!("`{name} {value}` is no share: {why}"),
            "give it in per cent, from 0 to 100, as 0.5",
        )
    })
}

fn cells(row: &Row, runs: u32) -> Vec<String> {
    let [low, share, high] = row.stopped.map(|share| share * 100.0);
    let part = |count: u32| format!("{:.1} %", f64::from(count) * 100.0 / f64::from(runs.max(1)));
    vec![
        effect(row.effect),
        format!("{share:.1} %"),
        format!("{low:.1}–{high:.1}"),
        bar(row.fail, runs),
        part(row.pass),
        part(row.inconclusive),
    ]
}

fn effect(effect: Effect) -> String {
    match (effect.values, effect.errors.basis_points()) {
        (0, 0) => "as good".to_owned(),
        (values, 0) => format!("+{values} % latency"),
        (_, _) => format!("+{} pp errors", effect.errors),
    }
}

fn bar(part: u32, of: u32) -> String {
    let full = (u64::from(part) * u64::from(BAR_CELLS) + u64::from(of) / 2) / u64::from(of.max(1));
    let full = usize::try_from(full).unwrap_or(0);
    format!("{}{}", "█".repeat(full), "·".repeat(BAR_CELLS as usize - full.min(BAR_CELLS as usize)))
}

fn replayed(context: &Context, file: &Path) -> anyhow::Result<Exit> {
    let unfit = |why: String| {
        let message = format!("{} is no record of a judgement: {why}", file.display());
        Failure::usage(message, "give a file of the schema gateline/judge/v1")
    };
    let bytes = bounded::read(file, RECORD_BYTES_MAX).map_err(|error| {
        let message = format!("failed to read {}: {error}", file.display());
        Failure::infrastructure(message, "check the path: cargo xtask judge replay RECORD")
    })?;
    let text = String::from_utf8(bytes).map_err(|_| unfit("it is not UTF-8".to_owned()))?;
    let Replay { verdict, differences } = replay(&text).map_err(unfit)?;
    let shown = serde_json::json!({
        "schema": "gateline/judge-replay/v1",
        "same": differences.is_empty(),
        "verdict": verdict,
        "differences": differences,
    });
    context.console.result(&shown, |style| {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.4}"));
        let rows = verdict.metrics.iter().map(|metric| {
            vec![
                metric.metric.clone(),
                metric.answer.name().to_owned(),
                metric.canary.to_string(),
                metric.baseline.to_string(),
                number(metric.effect),
                number(metric.p),
                number(Some(metric.threshold)),
            ]
        });
        let head = ["metric", "answer", "canary", "baseline", "effect", "p", "threshold"];
        let rows = table(style, &head, &rows.collect::<Vec<_>>());
        let same = if differences.is_empty() { "the same bytes".to_owned() } else { differences.join("\n") };
        format!("{rows}\n\n{}\n{same}", verdict.reason)
    });
    if differences.is_empty() {
        return Ok(Exit::Done);
    }
    let message = format!("judging {} again gives something else", file.display());
    Err(Failure::error(
        Exit::Refused,
        message,
        "the record was changed, or another version of gateline wrote it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_of_one_length() {
        let check = |part: u32, of: u32, full: usize| {
            let bar = bar(part, of);
            assert_eq!((bar.chars().count(), bar.matches('█').count()), (BAR_CELLS as usize, full), "{bar}");
        };
        check(0, 200, 0);
        check(100, 200, 10);
        check(200, 200, 20);
        check(1, 1000, 0);
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(percent("--errors", 0.5).unwrap().basis_points(), 50);
        assert_eq!(Failure::exit_of(&percent("--errors", -1.0).unwrap_err()), Exit::Usage);
        assert_eq!(Failure::exit_of(&percent("--errors", 101.0).unwrap_err()), Exit::Usage);
    }
}
