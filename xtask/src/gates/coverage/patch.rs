//! The lines that a change brings: did the tests run enough of them, and which did they not run.

use super::{lines, text_of};
use crate::evidence::against::Patched;
use crate::evidence::patch::{Patch, PatchFile};
use crate::policy::Percent;
use crate::policy::coverage::{BaseDemand, CoveragePolicy};
use crate::verdict::{Finding, Gate, Severity};

/// Ranges of uncovered changed lines that are told one by one; the rest is counted.
const RANGES_MAX: usize = 100;
/// New files below their bar that are told one by one.
const NEW_FILES_MAX: usize = 20;

/// What is to be said about the change.
pub(super) fn findings(policy: &CoveragePolicy, patched: &Patched) -> Vec<Finding> {
    match patched {
        Patched::Compared(patch) => of_patch(policy, patch),
        Patched::NotCompared { .. } | Patched::NoBase { .. } => Vec::new(),
    }
}

/// Where a base is demanded and there is none: the gate cannot speak of the change.
pub(super) fn no_base(policy: &CoveragePolicy, patched: &Patched) -> Option<Finding> {
    let finding = |message: String, help: &str| {
        Finding::new(Gate::Coverage, "no-base", Severity::Error, message, help).about("base")
    };
    match (patched, policy.base) {
        (Patched::NoBase { message, help }, _) => {
            Some(finding(format!("there is no base to compare the change with: {message}"), help))
        }
        (Patched::NotCompared { why }, BaseDemand::Required) => Some(finding(
            format!("the policy demands a base, and there is none: {why}"),
            "cargo xtask ci --base REF",
        )),
        _ => None,
    }
}

fn of_patch(policy: &CoveragePolicy, patch: &Patch) -> Vec<Finding> {
    if patch.total == 0 {
        let message = "the change has no executable line, so there is nothing that tests could run";
        let help = "nothing; see how lines are counted: docs/reference/coverage-gate.md";
        return vec![Finding::new(Gate::Coverage, "no-changed-lines", Severity::Note, message, help)];
    }
    let minimum = policy.patch_minimum;
    let reached = minimum.reached_by(patch.covered, patch.total);
    let mut findings = Vec::new();
    if !reached {
        findings.push(below(minimum, patch));
    }
    findings.extend(new_files(policy, patch));
    findings.extend(uncovered(patch, if reached { Severity::Note } else { Severity::Warning }));
    findings
}

fn below(minimum: Percent, patch: &Patch) -> Finding {
    let (covered, total) = (patch.covered, patch.total);
    let missing = minimum.needed(total).saturating_sub(covered);
    let message = format!(
        "{covered} of {} that the change brings ran, {} %: {} missing to reach {minimum} %",
        lines(total),
        Percent::of(covered, total),
        lines(missing)
    );
    let mut worst: Vec<&PatchFile> = patch.files.iter().filter(|file| file.covered < file.total).collect();
    worst.sort_by_key(|file| (std::cmp::Reverse(file.total - file.covered), &file.file));
    let worst: Vec<String> =
        worst.iter().take(5).map(|file| format!("{} ({})", file.file, file.total - file.covered)).collect();
    let help = format!("write tests that run the new lines, most are in {}", worst.join(", "));
    Finding::new(Gate::Coverage, "patch-below-minimum", Severity::Error, message, help).about("patch")
}

/// New files against the bar of their own.
fn new_files(policy: &CoveragePolicy, patch: &Patch) -> Vec<Finding> {
    let Some(minimum) = policy.new_file_minimum else { return Vec::new() };
    let below = |file: &&PatchFile| file.added && !minimum.reached_by(file.covered, file.total);
    let all: Vec<&PatchFile> = patch.files.iter().filter(below).collect();
    let finding = |file: &&PatchFile| {
        let (covered, total) = (file.covered, file.total);
        let share = Percent::of(covered, total);
        let message =
            format!("{covered} of {} of a new file ran, {share} %: below {minimum} %", lines(total));
        let help = format!("write tests for {}", file.file);
        let what = "new-file-below-minimum";
        let first = file.uncovered.first().map_or(0, |(first, _)| *first);
        Finding::new(Gate::Coverage, what, Severity::Error, message, help).at(&file.file, first)
    };
    let mut findings: Vec<Finding> = all.iter().take(NEW_FILES_MAX).map(finding).collect();
    findings.extend(super::rest(
        all.len(),
        NEW_FILES_MAX,
        "new-file-below-minimum",
        Severity::Error,
        "new files",
    ));
    findings
}

/// One finding for each range, so that each is shown beside its lines.
fn uncovered(patch: &Patch, severity: Severity) -> Vec<Finding> {
    let ranges = || {
        patch
            .files
            .iter()
            .flat_map(|file| file.uncovered.iter().map(move |range| (file.file.as_str(), *range)))
    };
    let finding = |(file, (first, last)): (&str, (u32, u32))| {
        let message = match first == last {
            true => "no test runs this changed line".to_owned(),
            false => format!("no test runs these changed lines, {}", text_of((first, last))),
        };
        let help = "write a test that runs them; all lines: target/gateline/coverage.lcov";
        Finding::new(Gate::Coverage, "uncovered-change", severity, message, help).at(file, first).until(last)
    };
    let mut findings: Vec<Finding> = ranges().take(RANGES_MAX).map(finding).collect();
    findings.extend(super::rest(ranges().count(), RANGES_MAX, "uncovered-change", severity, "ranges"));
    findings
}

#[cfg(test)]
mod proof {
    use super::*;

    /// Path, whether it is new, covered lines, uncovered ranges.
    type Told<'a> = (&'a str, bool, u64, &'a [(u32, u32)]);

    fn patch(files: &[Told<'_>]) -> Patched {
        let files: Vec<PatchFile> = files
            .iter()
            .map(|(file, added, covered, uncovered)| {
                let missing: u64 = uncovered.iter().map(|(first, last)| u64::from(last - first + 1)).sum();
                PatchFile {
                    file: (*file).to_owned(),
                    added: *added,
                    covered: *covered,
                    total: covered + missing,
                    uncovered: uncovered.to_vec(),
                }
            })
            .collect();
        let covered = files.iter().map(|file| file.covered).sum();
        let total = files.iter().map(|file| file.total).sum();
        Patched::Compared(Patch { covered, total, files })
    }

    fn check(policy: &CoveragePolicy, patched: &Patched, expected: &[(&str, Severity)]) -> Vec<Finding> {
        let found = findings(policy, patched);
        let told: Vec<(&str, Severity)> =
            found.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect();
        assert_eq!(told, expected);
        found
    }

    #[test]
    fn one_line_below_the_bar_refuses_and_each_range_is_told() {
        use Severity::{Error, Note, Warning};
        let policy = CoveragePolicy::default();
        let bar = patch(&[("a.rs", false, 8, &[(3, 4)])]);
        check(&policy, &bar, &[("coverage/uncovered-change", Note)]);
        let below = patch(&[("a.rs", false, 7, &[(3, 4), (9, 9)])]);
        let codes = [
            ("coverage/patch-below-minimum", Error),
            ("coverage/uncovered-change", Warning),
            ("coverage/uncovered-change", Warning),
        ];
        let found = check(&policy, &below, &codes);
        assert_eq!(
            found[0].message,
            "7 of 10 lines that the change brings ran, 70 %: 1 line missing to reach 80 %"
        );
        assert_eq!((found[1].line, found[1].end_line), (Some(3), Some(4)));
        assert_eq!((found[2].line, found[2].end_line), (Some(9), None));
    }

    #[test]
    fn new_files_have_a_bar_of_their_own_where_the_policy_says() {
        let policy =
            CoveragePolicy { new_file_minimum: Some(Percent::whole(90)), ..CoveragePolicy::default() };
        let patched = patch(&[("a.rs", true, 8, &[(1, 1)]), ("b.rs", false, 8, &[(1, 1)])]);
        let found = findings(&policy, &patched);
        assert_eq!(found[0].code, "coverage/new-file-below-minimum");
        assert_eq!(found[0].file.as_deref(), Some("a.rs"));
        assert_eq!(found.iter().filter(|finding| finding.severity == Severity::Error).count(), 1);
    }

    #[test]
    fn nothing_executable_says_so_and_the_rest_is_counted() {
        let policy = CoveragePolicy::default();
        check(&policy, &patch(&[]), &[("coverage/no-changed-lines", Severity::Note)]);
        let ranges: Vec<(u32, u32)> = (0..150).map(|index| (index * 3 + 1, index * 3 + 1)).collect();
        let found = findings(&policy, &patch(&[("a.rs", false, 1000, &ranges)]));
        assert_eq!(found.len(), RANGES_MAX + 1);
        assert!(found[RANGES_MAX].message.contains("50 more ranges"), "{}", found[RANGES_MAX].message);
    }

    #[test]
    fn no_base_is_told_where_one_is_needed() {
        let policy = CoveragePolicy::default();
        let missing = Patched::NoBase { message: "shallow".into(), help: "git fetch --unshallow".into() };
        assert_eq!(no_base(&policy, &missing).unwrap().help, "git fetch --unshallow");
        assert_eq!(no_base(&policy, &Patched::default()), None);
        let demanding = CoveragePolicy { base: BaseDemand::Required, ..policy };
        assert!(no_base(&demanding, &Patched::default()).is_some());
        assert_eq!(no_base(&demanding, &patch(&[])), None);
    }
}
