//! The gate *coverage*: whether the tests ran enough of the executable lines.
//!
//! Integers only: a share one line below the bar is below it. How lines are counted is in
//! docs/reference/coverage-engine.md, the bars in docs/reference/coverage-gate.md.

mod fall;
mod inputs;
mod parts;
mod patch;

use crate::evidence::against::{Fallen, Patched};
use crate::evidence::coverage::{CoverageEvidence, Doubt, DoubtKind, FileCoverage};
use crate::policy::Percent;
use crate::policy::coverage::{CoveragePolicy, TestCode};
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use serde_json::json;

/// Files whose uncovered lines are told; the rest is in the report.
const WORST_FILES_MAX: usize = 5;

/// Ranges told per file.
const RANGES_MAX: usize = 12;

/// Judges the lines by the policy.
pub fn judge(policy: &CoveragePolicy, evidence: &CoverageEvidence, duration_ms: u64) -> GateVerdict {
    let (covered, total) = evidence.totals();
    if total == 0 {
        let message = "there is no executable line in the workspace's packages";
        let help = "look with `cargo xtask plan` which packages are measured";
        let finding = Finding::new(Gate::Coverage, "no-lines", Severity::Note, message, help);
        return GateVerdict::of(Gate::Coverage, duration_ms, facts(evidence), vec![finding])
            .nothing_checked();
    }
    let against = &evidence.against;
    let worst = worst_files(&evidence.files);
    let mut findings: Vec<_> = worst.iter().map(|file| uncovered(file)).collect();
    findings.extend(evidence.doubts.iter().map(doubt));
    if !policy.minimum.reached_by(covered, total) {
        findings.insert(0, below_minimum(policy.minimum, covered, total, &worst));
    }
    findings.extend(inputs::findings(&evidence.imported));
    findings.splice(0..0, patch::findings(policy, &against.patch));
    findings.splice(0..0, fall::findings(policy, against));
    findings.splice(0..0, parts::findings(policy, &evidence.files));
    let missing = patch::no_base(policy, &against.patch).into_iter();
    let missing = missing.chain(fall::no_baseline(policy, against)).collect();
    GateVerdict::of(Gate::Coverage, duration_ms, facts(evidence), findings).incomplete(missing)
}

fn facts(evidence: &CoverageEvidence) -> serde_json::Value {
    let lines = |(covered, total): (u64, u64)| json!({"covered": covered, "total": total});
    let packages = parts::packages(&evidence.files).into_iter();
    let mut packages: serde_json::Map<_, _> =
        packages.map(|(name, sum)| (name.to_owned(), lines(sum))).collect();
    for (name, (functions, regions)) in parts::finer(&evidence.files) {
        packages[name]["functions"] = json!(functions);
        packages[name]["regions"] = json!(regions);
    }
    let mut facts = json!({
        "lines": lines(evidence.totals()),
        "functions": evidence.functions(),
        "regions": evidence.regions(),
        "summary_lines": evidence.summary_lines(),
        "packages": packages,
        "engine": evidence.engine,
    });
    let other = match evidence.test_code {
        TestCode::Exclude => "with_test_code",
        TestCode::Include => "without_test_code",
    };
    facts[other] = json!(evidence.other_totals());
    match &evidence.against.patch {
        Patched::Compared(patch) => facts["patch"] = lines((patch.covered, patch.total)),
        Patched::NotCompared { why } => facts["no_patch"] = why.as_str().into(),
        Patched::NoBase { message, .. } => facts["no_patch"] = message.as_str().into(),
    }
    match &evidence.against.baseline {
        Fallen::Compared(comparison) => facts["drop"] = fall::facts(comparison),
        Fallen::NoBaseline { why } => facts["no_drop"] = why.as_str().into(),
    }
    facts
}

/// What makes the numbers less sure than they look. None of it can make them too high.
fn doubt(doubt: &Doubt) -> Finding {
    let (what, help) = match doubt.kind {
        DoubtKind::UnreadableSource => {
            ("unreadable-source", "cargo check; if rustc reads it, report this as a bug of gateline")
        }
        DoubtKind::StrayProfile => (
            "stray-profile",
            "hand LLVM_PROFILE_FILE on to the process that is started with an empty environment",
        ),
    };
    Finding::new(Gate::Coverage, what, Severity::Warning, &doubt.message, help)
        .about(&doubt.file)
        .at(&doubt.file, 0)
}

/// The files with the most lines that did not run; of equals, by name.
fn worst_files(files: &[FileCoverage]) -> Vec<&FileCoverage> {
    let mut worst: Vec<_> = files.iter().filter(|file| file.covered < file.total).collect();
    worst.sort_by_key(|file| (std::cmp::Reverse(file.total - file.covered), &file.file));
    worst.truncate(WORST_FILES_MAX);
    worst
}

fn below_minimum(minimum: Percent, covered: u64, total: u64, worst: &[&FileCoverage]) -> Finding {
    let message = format!(
        "{covered} of {total} lines ran, {} %: {} missing to reach {minimum} %",
        Percent::of(covered, total),
        lines(minimum.needed(total).saturating_sub(covered)),
    );
    let files: Vec<_> =
        worst.iter().map(|file| format!("{} ({})", file.file, file.total - file.covered)).collect();
    let help = format!("write tests for the files with the most uncovered lines: {}", files.join(", "));
    Finding::new(Gate::Coverage, "below-minimum", Severity::Error, message, help)
}

fn uncovered(file: &FileCoverage) -> Finding {
    let ranges: Vec<_> = file.uncovered.iter().take(RANGES_MAX).map(|range| text_of(*range)).collect();
    let more = match file.uncovered.len().saturating_sub(RANGES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more ranges"),
    };
    let number = file.total - file.covered;
    let message = format!("{} of {} did not run: {}{more}", number, lines(file.total), ranges.join(", "));
    let first = file.uncovered.first().map_or(0, |(first, _)| *first);
    let help = "see them all: target/gateline/coverage.lcov";
    Finding::new(Gate::Coverage, "uncovered", Severity::Note, message, help).at(&file.file, first)
}

fn lines(number: u64) -> String {
    if number == 1 { "1 line".to_owned() } else { format!("{number} lines") }
}

/// Says how many more there are of what was told one by one.
fn rest(count: usize, told: usize, what: &str, severity: Severity, of_what: &str) -> Option<Finding> {
    let more = count.checked_sub(told).filter(|more| *more > 0)?;
    let message = format!("and {more} more {of_what}");
    let help = "all of them: target/gateline/evidence.json";
    Some(Finding::new(Gate::Coverage, what, severity, message, help))
}

fn text_of((first, last): (u32, u32)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Outcome;

    fn file(name: &str, package: &str, covered: u64, uncovered: &[(u32, u32)]) -> FileCoverage {
        let missing: u64 = uncovered.iter().map(|(first, last)| u64::from(last - first + 1)).sum();
        FileCoverage {
            file: name.into(),
            package: package.into(),
            covered,
            total: covered + missing,
            uncovered: uncovered.to_vec(),
            ..FileCoverage::default()
        }
    }

    fn judged(files: &[FileCoverage]) -> GateVerdict {
        let evidence = CoverageEvidence {
            engine: "builtin".into(),
            files: files.to_vec(),
            ..CoverageEvidence::default()
        };
        judge(&CoveragePolicy::default(), &evidence, 7)
    }

    #[test]
    fn exactly_the_bar_passes_and_one_line_below_is_refused() {
        let check = |covered: u32, expected: Outcome| {
            let verdict = judged(&[file("a.rs", "p", covered.into(), &[(1, 100 - covered)])]);
            assert_eq!(verdict.outcome, expected, "{covered}");
        };
        check(80, Outcome::Passed);
        check(79, Outcome::Refused);
        assert_eq!(judged(&[file("a.rs", "p", 3, &[])]).findings, []);
    }

    #[test]
    fn a_refusal_says_how_much_is_missing_and_where() {
        let verdict = judged(&[file("a.rs", "p", 10, &[(3, 3)]), file("b.rs", "q", 5, &[(1, 4), (9, 10)])]);
        let told: Vec<_> =
            verdict.findings.iter().map(|finding| (finding.message.as_str(), finding.line)).collect();
        let expected = [
            ("15 of 22 lines ran, 68.18 %: 3 lines missing to reach 80 %", None),
            ("6 of 11 lines did not run: 1-4, 9-10", Some(1)),
            ("1 of 11 lines did not run: 3", Some(3)),
        ];
        assert_eq!(told, expected);
        assert_eq!(verdict.findings[0].code, "coverage/below-minimum");
        assert!(verdict.findings[0].help.ends_with(": b.rs (6), a.rs (1)"), "{}", verdict.findings[0].help);
        let facts = json!({
            "lines": {"covered": 15, "total": 22},
            "packages": {
                "p": {"covered": 10, "total": 11, "functions": {"covered": 0, "total": 0}, "regions": {"covered": 0, "total": 0}},
                "q": {"covered": 5, "total": 11, "functions": {"covered": 0, "total": 0}, "regions": {"covered": 0, "total": 0}},
            },
            "engine": "builtin",
            "no_patch": "nobody asked for a comparison",
            "no_drop": "nobody asked for a comparison",
            "functions": {"covered": 0, "total": 0},
            "regions": {"covered": 0, "total": 0},
            "summary_lines": {"covered": 0, "total": 0},
            "with_test_code": {"covered": 15, "total": 22},
        });
        assert_eq!((verdict.facts, verdict.duration_ms), (facts, 7));
    }

    #[test]
    fn only_the_worst_files_and_their_first_ranges_are_told() {
        let ranges: Vec<(u32, u32)> = (0..20).map(|index| (index * 2 + 1, index * 2 + 1)).collect();
        let files: Vec<_> = (0..9).map(|index| file(&format!("{index}.rs"), "p", 1000, &ranges)).collect();
        let verdict = judged(&files);
        assert_eq!((verdict.outcome, verdict.findings.len()), (Outcome::Passed, WORST_FILES_MAX));
        assert!(verdict.findings[0].message.ends_with(", 23 and 8 more ranges"), "{:?}", verdict.findings[0]);
    }

    #[test]
    fn no_lines_is_nothing_checked() {
        assert_eq!(judged(&[]).outcome, Outcome::NothingChecked);
    }
}
