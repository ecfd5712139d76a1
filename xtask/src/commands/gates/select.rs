//! Which of the tests a run is asked for: `--affected` and `--shard`.

use super::compare::Compared;
use super::measure::Measurer;
use crate::cli::Select;
use crate::evidence::Evidence;
use crate::evidence::part::AffectedPart;
use crate::evidence::tests::{TestOutcome, TestsEvidence};
use crate::failure::Failure;
use crate::tools::affected;
use crate::tools::cargo::Cargo;
use crate::tools::runner::selection::{Selection, Shard, Times};
use crate::workspace::change::Uncompared;
use crate::workspace::graph::{Affected, Differences, Rules, affected as choose};
use anyhow::Context as _;
use std::path::Path;

/// A longer file holds no times.
const TIMES_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What runs, and what evidence says of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    pub(super) selection: Selection,
    pub(super) affected: Option<AffectedPart>,
}

impl Select {
    /// Whether every test is asked for.
    pub(super) fn is_everything(&self) -> bool {
        !self.affected && self.shard.is_none()
    }
}

impl Measurer<'_> {
    /// What this run is asked for.
    ///
    /// # Errors
    /// Where `--affected` has no base, or `--times` names a file without times.
    pub(super) async fn choice(&self, cargo: &Cargo, compared: &Compared) -> anyhow::Result<Choice> {
        let select = &self.ask.select;
        let shard = match select.shard {
            None => None,
            Some((index, count)) => {
                let times = match &select.times {
                    Some(file) => times(&self.context.world.directory().join(file))?,
                    None => Times::new(),
                };
                Some(Shard { index, count, times, suffix: String::new() })
            }
        };
        if !select.affected {
            return Ok(Choice { selection: Selection { packages: None, shard }, affected: None });
        }
        let affected = self.affected(cargo, compared).await?;
        let packages = Some(affected.packages.keys().cloned().collect());
        Ok(Choice { selection: Selection { packages, shard }, affected: Some(affected) })
    }

    pub(super) async fn affected(
        &self,
        cargo: &Cargo,
        (change, uncompared): &Compared,
    ) -> anyhow::Result<AffectedPart> {
        let graph = affected::graph(&cargo.root, &cargo.packages);
        let (base, found) = match (change, uncompared) {
            (Some(change), _) => {
                let world = &self.context.world;
                let lockfile = affected::relocked(world, &cargo.root, &cargo.packages, change).await?;
                let paths = change.paths().map(str::to_owned).collect();
                let policy = &self.in_force.policy.tests;
                let rules = Rules { unaffected_by: &policy.unaffected_by, inputs: &policy.inputs };
                (change.base.commit.clone(), choose(&graph, &Differences { paths, lockfile }, rules))
            }
            (None, Some(Uncompared::NoBase { message, help })) => {
                return Err(Failure::infrastructure(format!("--affected needs a base: {message}"), help));
            }
            (None, nothing) => {
                let why = match nothing {
                    Some(Uncompared::NothingToCompare { reason }) => reason.clone(),
                    _ => "there is no base".to_owned(),
                };
                let packages = graph.packages.keys().map(|name| (name.clone(), why.clone())).collect();
                let everything = Affected { packages, everything: Some(why) };
                (self.workspace.repository.commit.clone(), everything)
            }
        };
        let unaffected = graph.packages.into_keys().filter(|name| !found.packages.contains_key(name));
        let unaffected = unaffected.collect();
        Ok(AffectedPart { base, packages: found.packages, everything: found.everything, unaffected })
    }
}

/// Whether a part of the tests was asked for in which none ran: then there are no lines to count.
pub(super) fn none_ran(evidence: &TestsEvidence) -> bool {
    let ran = |outcome: &TestOutcome| !matches!(outcome, TestOutcome::Ignored | TestOutcome::NotRun(_));
    !evidence.part.is_whole()
        && evidence.broken.is_empty()
        && !evidence.tests.iter().any(|test| ran(&test.outcome))
}

/// Recorded times: the tests of an `evidence.json`, or an object of names and milliseconds.
fn times(file: &Path) -> anyhow::Result<Times> {
    let wrong = |why: String| {
        let message = format!("{}: {why}", file.display());
        Failure::usage(message, "name the evidence.json of a whole run, or leave --times out")
    };
    let size = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if size > TIMES_BYTES_MAX {
        return Err(wrong(format!("{size} bytes are more than times may have")));
    }
    let bytes = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    read_times(&bytes).map_err(wrong)
}

fn read_times(bytes: &[u8]) -> Result<Times, String> {
    if let Ok(times) = serde_json::from_slice::<Times>(bytes) {
        return Ok(times);
    }
    let evidence: Evidence =
        serde_json::from_slice(bytes).map_err(|error| format!("it holds no times: {error}"))?;
    let tests = evidence.gates.tests.and_then(|tests| tests.result.ok());
    let tests = tests.ok_or_else(|| "its evidence has no tests".to_owned())?.tests;
    Ok(tests.into_iter().map(|test| (test.name, test.duration_millis)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_come_from_a_list_or_from_evidence() {
        let list = read_times(br#"{"p::lib$a": 7}"#).unwrap();
        assert_eq!(list, [("p::lib$a".to_owned(), 7)].into());
        assert!(read_times(b"[1]").unwrap_err().contains("no times"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_times_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read_times(&bytes);
        }
    }
}
