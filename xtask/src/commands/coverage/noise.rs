//! `coverage noise`: the same commit several times, so that lines that flap are known before they refuse anybody's change.

use crate::commands::context::Context;
use crate::commands::gates::{self, Ask};
use crate::evidence::coverage::LineCounts;
use crate::evidence::noise::{Noise, NoisyFile, SCHEMA, Spread, spread};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::coverage_import::{self, Sources};
use crate::verdict::Gate;
use std::collections::BTreeMap;

/// Runs the tests, compares the runs, and keeps what they had different.
pub(super) async fn noise(context: &Context, runs: u32) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    if workspace.dirty() {
        let message = "noise is that of a commit, and the tree differs from it";
        return Err(Failure::usage(message, "commit, or `git stash`, then cargo xtask coverage noise"));
    }
    let in_force = context.policy(&workspace).await?;
    let subject = context.subject(&workspace, &in_force).await?;
    let ask = Ask::gates(&[Gate::Tests, Gate::Coverage]);
    let mut counted = Vec::new();
    for run in 1..=runs {
        context.console.note(format!("run {run} of {runs}"));
        let evidence = gates::measure(context, &workspace, &in_force, subject.clone(), &ask).await?;
        if let Some(Err(why)) = evidence.gates.coverage.map(|coverage| coverage.result) {
            return Err(gates::failure(&why));
        }
        counted.push(lines_of_this_run(context, &workspace)?);
    }
    let spread = spread(&counted);
    let mut files = BTreeMap::new();
    for (file, lines) in &spread.files {
        let digest = gates::digest(&workspace.root.join(file));
        let digest = digest.ok_or_else(|| anyhow::anyhow!("failed to read {file}"))?;
        files.insert(file.clone(), NoisyFile { digest, lines: lines.clone() });
    }
    let noise = Noise {
        schema: SCHEMA.to_owned(),
        commit: subject.commit.clone(),
        toolchain: subject.toolchain.clone(),
        recorded: context.world.now(),
        runs,
        covered_min: spread.covered_min,
        covered_max: spread.covered_max,
        total: spread.total,
        tolerance: spread.tolerance(),
        files,
    };
    let store = gates::baselines_of(context, &workspace, &in_force);
    let file = store.write_noise(&noise)?;
    let file = workspace.shown(&file).display().to_string();
    context.console.result(&noise, |_| told(&noise, &spread, &file));
    Ok(Exit::Done)
}

/// The lines of the run that has just ended, from the tracefile that it wrote.
fn lines_of_this_run(
    context: &Context,
    workspace: &crate::workspace::Workspace,
) -> anyhow::Result<LineCounts> {
    let file = context.reports(workspace).join("coverage.lcov").display().to_string();
    let sources = Sources { root: workspace.root.clone(), packages: Vec::new() };
    let input = crate::policy::coverage::CoverageInput { file, ..Default::default() };
    let imported = coverage_import::read(&sources, &[input]).map_err(|why| gates::failure(&why))?;
    Ok(coverage_import::merge(LineCounts::default(), imported))
}

fn told(noise: &Noise, spread: &Spread, file: &str) -> String {
    let mut text = String::new();
    for (file, lines) in &spread.files {
        for (first, last) in lines {
            let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
            text.push_str(&format!("{file}:{range}\n"));
        }
    }
    let (least, most, total) = (noise.covered_min, noise.covered_max, noise.total);
    let lines = spread.lines();
    text + &format!(
        "{lines} of {total} lines flap over {} runs: {least} to {most} covered, a difference of {} points\n\
         kept in {file}; the drop gate leaves these lines out, so `drop_max` need not allow for them",
        noise.runs, noise.tolerance
    )
}
