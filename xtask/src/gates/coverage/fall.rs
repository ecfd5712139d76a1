//! The whole against the baseline of the base: a share that falls further than the policy tolerates.
//!
//! A change that only takes covered lines away lowers the share, too, and is no reason to refuse: the number of uncovered lines
//! has to grow as well.

use super::lines;
use crate::evidence::against::{Against, Comparison, Fallen, Patched};
use crate::policy::Percent;
use crate::policy::coverage::{BaselineDemand, CoveragePolicy};
use crate::verdict::{Finding, Gate, Severity};

/// What is to be said about the fall, and about stores that cannot be used.
pub(super) fn findings(policy: &CoveragePolicy, against: &Against) -> Vec<Finding> {
    let mut findings: Vec<Finding> = against.damaged.iter().map(|why| damaged(why)).collect();
    match &against.baseline {
        Fallen::Compared(comparison) => findings.extend(fallen(policy.drop_max, comparison)),
        Fallen::NoBaseline { why } if policy.baseline == BaselineDemand::Auto => {
            // Where there is no base, there is nothing that could have fallen.
            let compared = matches!(against.patch, Patched::Compared(_));
            findings.extend(compared.then(|| missing(why, Severity::Note)));
        }
        Fallen::NoBaseline { .. } => {}
    }
    findings
}

/// Where a baseline is demanded and there is none.
pub(super) fn no_baseline(policy: &CoveragePolicy, against: &Against) -> Option<Finding> {
    match (&against.baseline, policy.baseline, &against.patch) {
        (Fallen::NoBaseline { why }, BaselineDemand::Required, Patched::Compared(_)) => {
            Some(missing(why, Severity::Error))
        }
        _ => None,
    }
}

fn missing(why: &str, severity: Severity) -> Finding {
    let message = format!("there is no baseline, so a fall cannot be seen: {why}");
    let help =
        "on the default branch: cargo xtask ci; keep the folder as a cache, or name it with --baselines DIR";
    Finding::new(Gate::Coverage, "no-baseline", severity, message, help).about("baseline")
}

fn damaged(why: &str) -> Finding {
    let help = "remove the file; the next run of the default branch writes it again";
    Finding::new(Gate::Coverage, "baseline-damaged", Severity::Warning, why, help).about("baseline")
}

fn fallen(tolerance: Percent, comparison: &Comparison) -> Option<Finding> {
    let ((before, all_before), (now, all_now)) = (comparison.before, comparison.now);
    let more = (all_now.saturating_sub(now)).saturating_sub(all_before.saturating_sub(before));
    if tolerated(tolerance, comparison) || more <= comparison.allowed {
        return None;
    }
    let noise = match comparison.left_out + comparison.allowed {
        0 => String::new(),
        flapping => format!(" ({} that flap left out)", lines(flapping)),
    };
    let message = format!(
        "coverage fell from {} % to {} %, more than the {tolerance} points that are tolerated, and {} more \
         did not run{noise}; baseline {}",
        Percent::of(before, all_before),
        Percent::of(now, all_now),
        lines(more),
        comparison.age.words()
    );
    let help = "write tests for what the change left uncovered: cargo xtask coverage";
    Some(Finding::new(Gate::Coverage, "drop", Severity::Error, message, help).about("workspace"))
}

/// Whether `now >= before - tolerance`, as fractions, in integers: with all sides multiplied by both totals.
fn tolerated(tolerance: Percent, comparison: &Comparison) -> bool {
    let wide = |part: u64| u128::from(part);
    let ((before, all_before), (now, all_now)) = (comparison.before, comparison.now);
    let now = now.saturating_add(comparison.allowed).min(all_now);
    let product = |factors: [u128; 3]| factors.into_iter().fold(1, u128::saturating_mul);
    let points = u128::from(tolerance.basis_points());
    let here = product([wide(now), wide(all_before), 10_000]);
    let spared = product([points, wide(all_now), wide(all_before)]);
    here.saturating_add(spared) >= product([wide(before), wide(all_now), 10_000])
}

/// The numbers for `verdict.json`.
pub(super) fn facts(comparison: &Comparison) -> serde_json::Value {
    let share = |(covered, total): (u64, u64)| serde_json::json!({"covered": covered, "total": total});
    let points = |(covered, total): (u64, u64)| i64::from(Percent::of(covered, total).basis_points());
    serde_json::json!({
        "basis_points": points(comparison.before) - points(comparison.now),
        "before": share(comparison.before),
        "now": share(comparison.now),
        "flapping": {"left_out": comparison.left_out, "allowed": comparison.allowed},
        "baseline": comparison.age,
    })
}

#[cfg(test)]
mod proof {
    use super::*;
    use crate::evidence::baseline::Age;
    use proptest::prelude::*;

    fn comparison(before: (u64, u64), now: (u64, u64), allowed: u64) -> Comparison {
        let age = Age { commit: "c".repeat(40), behind: 2, days: 0 };
        Comparison { age, before, now, left_out: 0, allowed }
    }

    fn refused(before: (u64, u64), now: (u64, u64), allowed: u64) -> bool {
        fallen(Percent::whole(1), &comparison(before, now, allowed)).is_some()
    }

    #[test]
    fn exactly_the_tolerance_passes_and_one_line_more_is_refused() {
        assert!(!refused((900, 1000), (890, 1000), 0));
        assert!(refused((900, 1000), (889, 1000), 0));
        assert!(!refused((900, 1000), (889, 1000), 1), "one line flaps");
        assert!(!refused((900, 1000), (0, 0), 0), "nothing is left");
    }

    #[test]
    fn taking_covered_lines_away_is_no_fall() {
        assert!(!refused((900, 1000), (100, 200), 0), "the same hundred lines are uncovered");
        assert!(refused((900, 1000), (99, 200), 0));
    }

    #[test]
    fn a_missing_baseline_is_told_where_there_is_a_base() {
        let mut against = Against::default();
        let mut policy = CoveragePolicy::default();
        assert_eq!(findings(&policy, &against), []);
        against.patch = Patched::Compared(Default::default());
        assert_eq!(findings(&policy, &against)[0].severity, Severity::Note);
        assert_eq!(no_baseline(&policy, &against), None);
        policy.baseline = BaselineDemand::Required;
        assert_eq!(findings(&policy, &against), []);
        assert_eq!(no_baseline(&policy, &against).unwrap().code, "coverage/no-baseline");
    }

    proptest! {
        #[test]
        fn no_fall_is_never_refused(covered in 0u64..1000, missed in 0u64..1000, more in 0u64..1000, points in 0u32..200) {
            let before = (covered, covered + missed);
            let better = comparison(before, (covered + more, covered + more + missed), 0);
            prop_assert!(tolerated(Percent::above(u64::from(points), 10_000), &better));
        }

        #[test]
        fn it_is_the_difference_of_the_fractions(a in 0u64..200, b in 1u64..200, c in 0u64..200, d in 1u64..200, points in 0u32..10_000) {
            let (a, c) = (a.min(b), c.min(d));
            let tolerance = Percent::above(u64::from(points), 10_000);
            let exact = i128::from(c * b) * 10_000 + i128::from(points) * i128::from(b * d) >= i128::from(a * d) * 10_000;
            prop_assert_eq!(tolerated(tolerance, &comparison((a, b), (c, d), 0)), exact);
        }
    }
}
