//! The step *coverage*: from the raw profiles of this run to lines.

use super::compare::Compared;
use super::measure::{Measurer, blocking};
use crate::commands::context::write_report;
use crate::evidence::coverage::LineCounts;
use crate::evidence::{CouldNotRun, CoverageEvidence, Measured};
use crate::plan::{Plan, Step};
use crate::policy::coverage::CoverageInput;
use crate::report::lcov;
use crate::tools::baseline::Found;
use crate::tools::build::{Compilation, Compiled};
use crate::tools::coverage::{Measurement, PackageTree, SourceTree, measure as measure_lines};
use crate::tools::coverage_import::{self, Sources};
use std::path::Path;

impl Measurer<'_> {
    /// Counts the lines that the tests ran.
    pub(super) async fn coverage(
        &self,
        plan: &Plan,
        compiled: &Compiled,
        profiles: &Path,
        (compared, found): (&Compared, &Found),
    ) -> anyhow::Result<Measured<CoverageEvidence>> {
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
        let (sources, inputs) = self.inputs();
        let counted = self
            .timed(blocking(move || {
                let counts = measure_lines(&measurement)?;
                let imported = coverage_import::read(&sources, &inputs)?;
                Ok(coverage_import::merge(counts, imported))
            }))
            .await;
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
        let compare = |counts: LineCounts| {
            let evidence = counts.evidence();
            let against = self.against(&counts, &evidence, compared, found);
            CoverageEvidence { against, ..evidence }
        };
        Ok(Measured { result: counted.result.map(compare), duration_millis: counted.duration_millis })
    }

    /// The coverage files of the policy and of `--from`, and whose files their lines are.
    fn inputs(&self) -> (Sources, Vec<CoverageInput>) {
        let root = self.workspace.root.clone();
        let packages = self.workspace.packages.iter();
        let relative = |folder: &Path| folder.strip_prefix(&root).unwrap_or(folder).to_owned();
        let packages = packages.map(|package| (package.name.clone(), relative(&package.directory))).collect();
        let named = self.ask.from.iter().map(|file| {
            let file = self.context.world.directory().join(file).display().to_string();
            CoverageInput { file, ..CoverageInput::default() }
        });
        let inputs = self.in_force.policy.coverage.inputs.iter().cloned().chain(named).collect();
        (Sources { root, packages }, inputs)
    }
}
