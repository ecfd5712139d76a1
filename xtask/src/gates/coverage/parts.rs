//! The bars of single packages and files, which the policy may set.

use super::lines;
use crate::evidence::coverage::{FileCoverage, Share};
use crate::policy::Percent;
use crate::policy::coverage::CoveragePolicy;
use crate::verdict::{Finding, Gate, Severity};
use std::collections::BTreeMap;

/// Packages or files below their bar that are told one by one; the rest is counted.
const TOLD_MAX: usize = 50;

/// Covered and all lines by package.
pub(super) fn packages(files: &[FileCoverage]) -> BTreeMap<&str, (u64, u64)> {
    let mut packages: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for file in files {
        let sum = packages.entry(&file.package).or_default();
        *sum = (sum.0 + file.covered, sum.1 + file.total);
    }
    packages
}

/// Functions and regions by package.
pub(super) fn finer(files: &[FileCoverage]) -> BTreeMap<&str, (Share, Share)> {
    let mut packages: BTreeMap<&str, (Share, Share)> = BTreeMap::new();
    for file in files {
        let (functions, regions) = packages.entry(&file.package).or_default();
        (*functions, *regions) = (functions.plus(file.functions), regions.plus(file.regions));
    }
    packages
}

/// What is to be said about them.
pub(super) fn findings(policy: &CoveragePolicy, files: &[FileCoverage]) -> Vec<Finding> {
    let packages = packages(files);
    let bar = |name: &str| policy.packages.get(name).copied().or(policy.package_minimum);
    let below = packages.iter().filter_map(|(name, (covered, total))| {
        let minimum = bar(name).filter(|minimum| !minimum.reached_by(*covered, *total))?;
        let message = message(&format!("package {name}"), (*covered, *total), minimum);
        let help = format!("write tests for {name}: cargo xtask coverage lists its files");
        Some(error("package-below-minimum", message, help).about(*name))
    });
    let mut findings = told(below.collect(), "package-below-minimum", "packages");
    let unknown = policy.packages.keys().filter(|name| !packages.contains_key(name.as_str()));
    findings.extend(unknown.map(|name| {
        let message = format!("the policy has a bar for {name}, and no such package has executable lines");
        let help = "correct `packages` in policies/coverage.yaml";
        Finding::new(Gate::Coverage, "unknown-package", Severity::Warning, message, help).about(name)
    }));
    if let Some(minimum) = policy.file_minimum {
        let below = files.iter().filter(|file| !minimum.reached_by(file.covered, file.total)).map(|file| {
            let message = message(&file.file, (file.covered, file.total), minimum);
            let first = file.uncovered.first().map_or(0, |(first, _)| *first);
            let help = format!("write tests for {}", file.file);
            error("file-below-minimum", message, help).at(&file.file, first)
        });
        findings.extend(told(below.collect(), "file-below-minimum", "files"));
    }
    findings
}

fn error(what: &str, message: String, help: String) -> Finding {
    Finding::new(Gate::Coverage, what, Severity::Error, message, help)
}

fn message(what: &str, (covered, total): (u64, u64), minimum: Percent) -> String {
    let missing = minimum.needed(total).saturating_sub(covered);
    format!(
        "{what}: {covered} of {} ran, {} %: {} missing to reach {minimum} %",
        lines(total),
        Percent::of(covered, total),
        lines(missing)
    )
}

fn told(mut all: Vec<Finding>, what: &str, of_what: &str) -> Vec<Finding> {
    let count = all.len();
    all.truncate(TOLD_MAX);
    all.extend(super::rest(count, TOLD_MAX, what, Severity::Error, of_what));
    all
}

#[cfg(test)]
mod proof {
    use super::*;

    fn file(name: &str, package: &str, covered: u64, total: u64) -> FileCoverage {
        let uncovered = if covered < total { vec![(5, 5)] } else { vec![] };
        FileCoverage {
            file: name.into(),
            package: package.into(),
            covered,
            total,
            uncovered,
            ..FileCoverage::default()
        }
    }

    fn codes(policy: &CoveragePolicy, files: &[FileCoverage]) -> Vec<String> {
        findings(policy, files)
            .into_iter()
            .map(|finding| format!("{} {}", finding.code, finding.waived_as()))
            .collect()
    }

    #[test]
    fn each_package_and_file_meets_its_own_bar() {
        let files = [file("a.rs", "p", 9, 10), file("b.rs", "p", 5, 10), file("c.rs", "q", 6, 10)];
        assert!(codes(&CoveragePolicy::default(), &files).is_empty(), "both are off by default");
        let policy = CoveragePolicy {
            package_minimum: Some(Percent::whole(70)),
            packages: [("q".to_owned(), Percent::whole(60)), ("r".to_owned(), Percent::whole(1))].into(),
            file_minimum: Some(Percent::whole(51)),
            ..CoveragePolicy::default()
        };
        assert_eq!(
            codes(&policy, &files),
            ["coverage/unknown-package r", "coverage/file-below-minimum b.rs"]
        );
        let stricter =
            CoveragePolicy { package_minimum: Some(Percent::whole(71)), ..CoveragePolicy::default() };
        let expected = ["coverage/package-below-minimum p", "coverage/package-below-minimum q"];
        assert_eq!(codes(&stricter, &files), expected);
    }

    #[test]
    fn many_files_are_counted() {
        let files: Vec<_> = (0..80).map(|index| file(&format!("{index}.rs"), "p", 0, 1)).collect();
        let policy = CoveragePolicy { file_minimum: Some(Percent::whole(1)), ..CoveragePolicy::default() };
        let found = findings(&policy, &files);
        assert_eq!(found.len(), TOLD_MAX + 1);
        assert!(found[TOLD_MAX].message.contains("30 more files"), "{}", found[TOLD_MAX].message);
    }
}
