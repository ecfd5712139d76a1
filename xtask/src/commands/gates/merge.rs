//! `ci merge DIR…`: one verdict from the shards of one run.

use super::measure::Measurer;
use super::{Ask, baseline, judge, policy, reports};
use crate::commands::context::{Context, write_report};
use crate::evidence::merge::{Piece, SHARDS_MAX, Whole, merge};
use crate::evidence::{Evidence, GateEvidence, TestsEvidence};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::{FeatureSet, TestsPolicy};
use crate::report::human;
use crate::report::lcov;
use crate::verdict::{Finding, Gate, Severity};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// One shard's evidence or lines; larger ones are not ours.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Where a shard's line counts are, beside its evidence.
pub(super) const LINES: &str = "lines.json";

/// Judges the whole and writes its reports. `ask` has the gates that must be there, where `--gate` names some.
pub(super) async fn shards(context: &Context, directories: &[PathBuf], mut ask: Ask) -> anyhow::Result<Exit> {
    let refuse = |why: String| Failure::usage(why, "give each shard's report folder once: ci merge DIR…");
    if directories.len() > SHARDS_MAX {
        return Err(refuse(format!("{} folders are more than {SHARDS_MAX}", directories.len())));
    }
    let workspace = context.workspace().await?;
    // The same policies as the shards had: those of the base, on a pull request.
    let in_force = policy::in_force(context, &workspace, &ask).await?;
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
    let mut whole = merge(&pieces, &first_of_all_sets(&in_force.policy.tests)).map_err(&refuse)?;
    let folder = context.reports(&workspace);
    if let Some(lines) = &whole.lines {
        write_report(&folder.join("coverage.lcov"), lcov::write(lines).as_bytes())?;
    }
    let tests = whole.evidence.gates.tests.as_ref().and_then(|tests| tests.result.as_ref().ok());
    ask.select.affected = tests.is_some_and(|tests: &TestsEvidence| tests.part.affected.is_some());
    let subject = whole.evidence.subject.clone();
    let measurer = Measurer::new(context, &workspace, &in_force, &ask, &subject);
    measurer.compare_whole(&mut whole).await;
    let here = measured(&whole.evidence.gates);
    let wanted = if ask.gates.is_empty() { here.clone() } else { ask.gates.clone() };
    let mut verdict = judge(&in_force, &whole.evidence, &wanted);
    if let Some(note) = left_out(&wanted)
        && let Some(tests) = verdict.gates.iter_mut().find(|gate| gate.gate == Gate::Tests)
    {
        tests.add(vec![note]);
    }
    let verdict = context.console.own().verdict(verdict);
    reports::write(context, &workspace, &in_force, &whole.evidence, &verdict)?;
    baseline::record(context, &workspace, &in_force, &ask, (&whole.evidence, &verdict)).await;
    let report = workspace.shown(&folder.join("verdict.json")).display().to_string();
    let paper = context.console.paper();
    context.console.verdict(&verdict, |_| human::verdict(paper, &verdict, Some(&whole.evidence), &report));
    Ok(verdict.outcome.exit())
}

/// The tests that every shard runs, as each feature set names them.
fn first_of_all_sets(policy: &TestsPolicy) -> Vec<String> {
    let suffixes = policy.features.iter().skip(1).map(FeatureSet::suffix);
    let mut names = policy.first.clone();
    names.extend(suffixes.flat_map(|suffix| policy.first.iter().map(move |name| format!("{name}{suffix}"))));
    names
}

impl Measurer<'_> {
    /// Compares the whole with the baselines of its base, as one machine would have: a shard alone cannot.
    async fn compare_whole(&self, whole: &mut Whole) {
        let compared = (whole.evidence.change.clone(), whole.evidence.uncompared.clone());
        let base = compared.0.as_ref().map(|change| change.base.commit.as_str());
        let found = self.baselines(base).await;
        if let Some(tests) = &mut whole.evidence.gates.tests {
            self.compare_tests(&found, base, tests);
        }
        let coverage = whole.evidence.gates.coverage.as_mut().and_then(|one| one.result.as_mut().ok());
        if let (Some(coverage), Some(lines)) = (coverage, &whole.lines) {
            coverage.against = self.against(lines, coverage, &compared, &found);
        }
    }
}

/// The gates of `ci` of which this verdict says nothing.
fn left_out(wanted: &[Gate]) -> Option<Finding> {
    let missing = Gate::OF_WORKSPACE.into_iter().filter(|gate| !wanted.contains(gate));
    let names: Vec<String> = missing.map(|gate| gate.name().to_owned()).collect();
    let message = format!("no shard was asked for {}: this verdict says nothing of it", names.join(", "));
    let help = "cargo xtask ci --shard I/N measures every gate; ci merge DIR… --gate NAME demands one";
    (!names.is_empty()).then(|| Finding::new(Gate::Tests, "gates-left-out", Severity::Note, message, help))
}

/// The gates that were measured: those that the shards were asked for.
fn measured(gates: &GateEvidence) -> Vec<Gate> {
    let has = |gate: &Gate| match gate {
        Gate::Lint => gates.lint.is_some(),
        Gate::Tests => gates.tests.is_some(),
        Gate::Coverage => gates.coverage.is_some(),
        Gate::Advisories => gates.advisories.is_some(),
        Gate::Licences => gates.licences.is_some(),
        Gate::Bans => gates.bans.is_some(),
        Gate::Sources => gates.sources.is_some(),
        Gate::Secrets => gates.secrets.is_some(),
        Gate::Workflows => gates.workflows.is_some(),
        Gate::Scanners => gates.scanners.is_some(),
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
