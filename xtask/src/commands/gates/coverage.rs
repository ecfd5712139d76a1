//! The step *coverage*: from the raw profiles of this run to lines.

use super::compare::Compared;
use super::measure::{Measurer, blocking};
use super::merge;
use super::select::none_ran;
use super::sets::profiles_of;
use crate::commands::context::write_report;
use crate::digest::Digest;
use crate::evidence::coverage::LineCounts;
use crate::evidence::tests::{TestOutcome, TestResult};
use crate::evidence::{CouldNotRun, CoverageEvidence, Measured, TestsEvidence};
use crate::plan::{Plan, Step};
use crate::policy::coverage::{CoverageEngine, CoverageInput};
use crate::policy::features::SUFFIX_START;
use crate::report::lcov;
use crate::tools::baseline::Found;
use crate::tools::build::{Compilation, Compiled, Harness, TestBinary};
use crate::tools::coverage::llvm::Tools;
use crate::tools::coverage::{self, Measurement, PackageTree, SourceTree, remap, stray};
use crate::tools::coverage_import::{self, Sources};
use crate::tools::runner::{doctest_objects, prefix_of, written_by};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the tests left behind for counting.
pub(super) struct Left<'a> {
    /// The directory of the raw profiles.
    pub(super) profiles: &'a Path,
    /// What was compiled for the feature sets after the first.
    pub(super) further: &'a [Compiled],
    /// Stray profiles that were in the tree before.
    pub(super) strays_before: &'a BTreeSet<PathBuf>,
    /// What is known of the tests.
    pub(super) tests: Option<&'a TestsEvidence>,
    /// Names of the raw profiles of each feature set, where all of them are kept.
    pub(super) profiles_of: Option<Vec<Digest>>,
}

impl Measurer<'_> {
    /// The stray profiles in the tree now.
    pub(super) fn strays(&self) -> BTreeSet<PathBuf> {
        stray::list(self.package_folders())
    }

    fn package_folders(&self) -> impl Iterator<Item = &Path> {
        let folders = self.workspace.packages.iter().map(|package| package.directory.as_path());
        folders.chain([self.workspace.root.as_path()])
    }

    /// Counts the lines that the tests ran.
    pub(super) async fn coverage(
        &self,
        plan: &Plan,
        compiled: &Compiled,
        left: Left<'_>,
        (compared, found): (&Compared, &Found),
    ) -> anyhow::Result<Measured<CoverageEvidence>> {
        if compiled.outcome == Compilation::DoesNotCompile {
            let why = CouldNotRun {
                message: "the workspace does not compile".into(),
                help: "cargo check --all-targets".into(),
            };
            return Ok(Measured { result: Err(why), duration_millis: 0 });
        }
        let doubts = stray::remove_new(self.package_folders(), left.strays_before, &self.workspace.root);
        let measurement = self.measurement(compiled, &left);
        let step = self.step(&Step::Coverage, plan);
        let (sources, inputs) = self.inputs();
        // Where a part of the tests was asked for and it is empty, there are no profiles, and nothing is wrong.
        let nothing = left.tests.is_some_and(none_ran);
        let counting = async {
            let counts = match nothing {
                true => LineCounts::default(),
                false => self.count_once(compiled, measurement, left.profiles_of.as_deref()).await?,
            };
            let imported = blocking(move || coverage_import::read(&sources, &inputs)).await?;
            Ok(coverage_import::merge(counts, imported))
        };
        let mut counted = self.timed(counting).await;
        match &mut counted.result {
            Ok(counts) => {
                counts.doubts.extend(doubts);
                let reports = self.context.reports(self.workspace);
                if left.tests.is_some_and(|tests| tests.part.shard.is_some()) {
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
        let compare = |counts: LineCounts| {
            let evidence = counts.evidence();
            let against = self.against(&counts, &evidence, compared, found);
            let _ = self.context.lines.set(counts);
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

    /// The lines of these raw profiles, from the last run where it counted the same ones of the same tree.
    async fn count_once(
        &self,
        compiled: &Compiled,
        measurement: Measurement,
        profiles: Option<&[Digest]>,
    ) -> Result<LineCounts, CouldNotRun> {
        let Some(profiles) = profiles else { return self.count(compiled, measurement).await };
        self.said("lines", profiles, self.count(compiled, measurement)).await
    }

    /// Counts by the engine that the policy names.
    async fn count(&self, compiled: &Compiled, measurement: Measurement) -> Result<LineCounts, CouldNotRun> {
        let world = &self.context.world;
        let tools = match self.in_force.policy.coverage.engine {
            CoverageEngine::Builtin => None,
            CoverageEngine::LlvmCov => Some(Tools::find(world, &compiled.cargo).await?),
            CoverageEngine::Auto => Tools::find(world, &compiled.cargo).await.ok(),
        };
        match tools {
            None => blocking(move || coverage::measure(&measurement)).await,
            Some(tools) => {
                let exported = tools.export(world, &measurement).await?;
                blocking(move || coverage::measure_exported(&measurement, &exported)).await
            }
        }
    }

    fn measurement(&self, compiled: &Compiled, left: &Left<'_>) -> Measurement {
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
            remapped: remap::remapped(&self.context.world, &self.workspace.root),
        };
        let sets = std::iter::once(compiled).chain(left.further);
        Measurement {
            profiles: left.profiles.to_owned(),
            objects: sets.flat_map(Compiled::objects).map(Path::to_owned).collect(),
            doctests: doctest_objects(left.profiles),
            tree,
            test_code: self.in_force.policy.coverage.test_code,
            writers: writers(left, compiled),
            expected: expected(left, compiled),
        }
    }
}

/// Every feature set that ran: what the names of its raw profiles begin with, what those of its tests end with, and its
/// binaries.
fn sets<'a>(
    left: &'a Left<'_>,
    compiled: &'a Compiled,
) -> impl Iterator<Item = (String, String, &'a [TestBinary])> {
    let further = left.further.iter().map(|set| {
        let features = &set.cargo.features;
        (profiles_of(features), features.suffix(), set.tests.as_slice())
    });
    further.chain(std::iter::once((String::new(), String::new(), compiled.tests.as_slice())))
}

/// Who wrote which raw profile.
fn writers(left: &Left<'_>, compiled: &Compiled) -> BTreeMap<String, String> {
    let (Some(tests), Ok(entries)) = (left.tests, std::fs::read_dir(left.profiles)) else {
        return BTreeMap::new();
    };
    let writer = |name: String| {
        let wrote = sets(left, compiled).find_map(|(start, suffix, binaries)| {
            let own = name.strip_prefix(&start)?;
            Some(written_by(Path::new(own), binaries, tests)? + &suffix)
        });
        Some((name.clone(), wrote?))
    };
    entries.flatten().filter_map(|entry| writer(entry.file_name().to_string_lossy().into_owned())).collect()
}

/// Binaries of which a test passed: libtest returned to its end, and the runtime wrote the profile after it.
fn expected(left: &Left<'_>, compiled: &Compiled) -> Vec<(String, String)> {
    let passed = |test: &&TestResult| matches!(test.outcome, TestOutcome::Passed | TestOutcome::Flaky);
    let passed: Vec<_> = left.tests.iter().flat_map(|evidence| &evidence.tests).filter(passed).collect();
    let mut expected = Vec::new();
    for (start, suffix, binaries) in sets(left, compiled) {
        let of_set = |test: &&&TestResult| match suffix.as_str() {
            "" => !test.name.contains(SUFFIX_START),
            suffix => test.name.ends_with(suffix),
        };
        let passed: Vec<_> = passed.iter().filter(of_set).collect();
        for (number, binary) in binaries.iter().enumerate() {
            let of_it = |test: &&&&TestResult| {
                test.name.strip_prefix(&binary.name).is_some_and(|rest| rest.starts_with('$'))
            };
            if binary.harness == Harness::Libtest && passed.iter().any(|test| of_it(&test)) {
                expected.push((start.clone() + &prefix_of(number), format!("{}{suffix}", binary.name)));
            }
        }
    }
    expected
}
