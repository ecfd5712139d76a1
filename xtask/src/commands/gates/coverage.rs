//! The step *coverage*: from the raw profiles of this run to lines.

use super::measure::{Measurer, blocking};
use crate::commands::context::write_report;
use crate::evidence::{CouldNotRun, Measured};
use crate::plan::{Plan, Step};
use crate::report::lcov;
use crate::tools::build::{Compilation, Compiled};
use crate::tools::coverage::{Measurement, PackageTree, SourceTree, measure as measure_lines};
use std::path::Path;

impl Measurer<'_> {
    /// Counts the lines that the tests ran.
    pub(super) async fn coverage(
        &self,
        plan: &Plan,
        compiled: &Compiled,
        profiles: &Path,
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
            profiles: profiles.to_owned(),
            objects,
            doctests: Vec::new(),
            tree,
            test_code: self.in_force.policy.coverage.test_code,
        };
        let step = self.step(&Step::Coverage, plan);
        let counted = self.timed(blocking(move || measure_lines(&measurement))).await;
        match &counted.result {
            Ok(counts) => {
                let file = self.context.reports(self.workspace).join("coverage.lcov");
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
