//! The step *coverage*: from the raw profiles of this run to lines.

use super::measure::{Measurer, blocking};
use super::merge::{self, keeps_lines};
use crate::commands::context::write_report;
use crate::evidence::coverage::LineCounts;
use crate::evidence::part::Part;
use crate::evidence::{CouldNotRun, Measured};
use crate::plan::{Plan, Step};
use crate::report::lcov;
use crate::tools::build::{Compilation, Compiled};
use crate::tools::coverage::{Measurement, PackageTree, SourceTree, measure as measure_lines};
use std::path::Path;

/// What lines are counted from.
pub(super) struct Lines<'a> {
    /// The raw profiles of this run.
    pub(super) profiles: &'a Path,
    /// Which part of the tests wrote them.
    pub(super) part: Option<Part>,
    /// Whether no test was asked for, so that there are none.
    pub(super) none_ran: bool,
}

impl Measurer<'_> {
    /// Counts the lines that the tests ran.
    pub(super) async fn coverage(
        &self,
        plan: &Plan,
        compiled: &Compiled,
        from: Lines<'_>,
    ) -> anyhow::Result<Measured<crate::evidence::CoverageEvidence>> {
        if compiled.outcome == Compilation::DoesNotCompile {
            let why = CouldNotRun {
                message: "the workspace does not compile".into(),
                help: "cargo check --all-targets".into(),
            };
            return Ok(Measured { result: Err(why), duration_millis: 0 });
        }
        let packages = self.workspace.packages.iter();
        let tree = SourceTree {
            root: self.workspace.root.clone(),
            target: self.workspace.target.clone(),
            packages: packages
                .map(|package| PackageTree {
                    name: package.name.clone(),
                    directory: package.directory.clone(),
                })
                .collect(),
            remapped: Vec::new(),
        };
        let objects = compiled.objects().map(Path::to_owned).collect();
        let measurement = Measurement {
            profiles: from.profiles.to_owned(),
            objects,
            doctests: Vec::new(),
            tree,
            test_code: self.in_force.policy.coverage.test_code,
        };
        let step = self.step(&Step::Coverage, plan);
        let none_ran = from.none_ran;
        let count = move || match none_ran {
            true => Ok(LineCounts::default()),
            false => measure_lines(&measurement),
        };
        let counted = self.timed(blocking(count)).await;
        match &counted.result {
            Ok(counts) => {
                let reports = self.context.reports(self.workspace);
                if keeps_lines(from.part.as_ref()) {
                    write_report(&reports.join(merge::LINES), &serde_json::to_vec(counts)?)?;
                }
                let file = reports.join("coverage.lcov");
                write_report(&file, lcov::write(counts).as_bytes())?;
                step.done("lines counted");
            }
            Err(_) => {
                step.failed("could not be counted");
            }
        }
        Ok(Measured {
            result: counted.result.map(|counts| counts.evidence()),
            duration_millis: counted.duration_millis,
        })
    }
}
