//! `ci merge DIR…`: one verdict from the shards of one run.

use super::conclude;
use crate::commands::context::{Context, write_report};
use crate::evidence::merge::{Piece, SHARDS_MAX, merge};
use crate::evidence::{Evidence, GateEvidence};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::human;
use crate::report::lcov;
use crate::verdict::Gate;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// One shard's evidence or lines; larger ones are not ours.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Where a shard's line counts are, beside its evidence.
pub(super) const LINES: &str = "lines.json";

/// Judges the whole and writes its reports.
pub(super) async fn shards(context: &Context, directories: &[PathBuf]) -> anyhow::Result<Exit> {
    let refuse = |why: String| Failure::usage(why, "give each shard's report folder once: ci merge DIR…");
    if directories.len() > SHARDS_MAX {
        return Err(refuse(format!("{} folders are more than {SHARDS_MAX}", directories.len())));
    }
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let mut pieces = Vec::new();
    for directory in directories {
        let folder = context.world.directory().join(directory);
        let from = directory.display().to_string();
        let evidence: Evidence = read(&folder.join("evidence.json")).map_err(&refuse)?;
        let subject = &evidence.subject;
        if subject.commit != workspace.repository.commit || subject.tree != workspace.repository.tree {
            let here = &workspace.repository.commit;
            let what =
                if subject.commit == *here { "another tree of the same commit" } else { &subject.commit };
            return Err(refuse(format!("{from} is foreign: it speaks of {what}, this is {here}")));
        }
        if subject.policy != in_force.source.hash {
            return Err(refuse(format!("{from} is foreign: it was made under other policies")));
        }
        let lines = folder.join(LINES);
        let lines = if lines.exists() { Some(read(&lines).map_err(&refuse)?) } else { None };
        pieces.push(Piece { from, evidence, lines });
    }
    let whole = merge(&pieces, &in_force.policy.tests.first).map_err(&refuse)?;
    let reports = context.reports(&workspace);
    if let Some(lines) = &whole.lines {
        write_report(&reports.join("coverage.lcov"), lcov::write(lines).as_bytes())?;
    }
    let wanted = measured(&whole.evidence.gates);
    let verdict = conclude(context, &workspace, &in_force, &whole.evidence, &wanted)?;
    let report = workspace.shown(&reports.join("verdict.json")).display().to_string();
    let paper = context.console.paper();
    context.console.result(&verdict, |_| human::verdict(paper, &verdict, Some(&whole.evidence), &report));
    Ok(verdict.outcome.exit())
}

/// The gates that were measured: those that the shards were asked for.
fn measured(gates: &GateEvidence) -> Vec<Gate> {
    let has = |gate: &Gate| match gate {
        Gate::Lint => gates.lint.is_some(),
        Gate::Tests => gates.tests.is_some(),
        Gate::Coverage => gates.coverage.is_some(),
        Gate::Advisories => gates.advisories.is_some(),
        Gate::Secrets => gates.secrets.is_some(),
        Gate::Policy => gates.policy.is_some(),
        Gate::Image => false,
    };
    Gate::ALL.into_iter().filter(has).collect()
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let wrong = |why: String| format!("failed to read {}: {why}", file.display());
    let size = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(wrong(format!("{size} bytes are more than a shard may have")));
    }
    let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}
