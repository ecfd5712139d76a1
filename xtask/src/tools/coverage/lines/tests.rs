//! Regions made by hand, with the lines that LLVM gives for them, and laws that hold for any regions.

use super::*;
use proptest::prelude::*;

/// `(from line, from column, to line, to column)`.
type Span = (u32, u32, u32, u32);

fn region(kind: Kind, (line, column, end_line, end_column): Span, count: u64) -> Region {
    Region { start: Place::new(line, column), end: Place::new(end_line, end_column), count, kind }
}

fn code(span: Span, count: u64) -> Region {
    region(Kind::Code, span, count)
}

fn check(regions: &[Region], expected: &[(u32, u64)]) {
    assert_eq!(count(regions.to_vec()), expected, "{regions:?}");
}

#[test]
fn nothing_has_no_lines() {
    check(&[], &[]);
}

#[test]
fn one_region_counts_each_of_its_lines() {
    check(&[code((3, 1, 5, 2), 7)], &[(3, 7), (4, 7), (5, 7)]);
}

#[test]
fn lines_between_functions_are_not_executable() {
    check(&[code((1, 1, 2, 2), 1), code((5, 1, 6, 2), 0)], &[(1, 1), (2, 1), (5, 0), (6, 0)]);
}

#[test]
fn a_nested_region_overrides_and_the_outer_count_returns() {
    let regions = [code((1, 1, 7, 2), 4), code((3, 9, 5, 6), 0)];
    check(&regions, &[(1, 4), (2, 4), (3, 4), (4, 0), (5, 0), (6, 4), (7, 4)]);
}

#[test]
fn the_largest_count_that_is_entered_on_a_line_is_its_count() {
    // `if cold { rare } else { frequent }` on one line: nothing wraps into it.
    check(&[code((2, 1, 2, 40), 5), code((2, 9, 2, 15), 1), code((2, 20, 2, 30), 9)], &[(2, 9)]);
    // What wraps into the line counts too, what only returns on it does not.
    check(&[code((1, 1, 3, 2), 8), code((1, 5, 2, 3), 0), code((2, 5, 2, 9), 1)], &[(1, 8), (2, 1), (3, 8)]);
}

#[test]
fn identical_regions_are_summed_and_others_are_not() {
    let regions = [code((1, 1, 3, 2), 2), code((1, 1, 3, 2), 3), code((1, 1, 2, 9), 1)];
    check(&regions, &[(1, 1), (2, 1), (3, 5)]);
    // Racing counters: a difference below zero meets its other half.
    check(&[code((1, 1, 1, 2), u64::MAX), code((1, 1, 1, 2), 4)], &[(1, 3)]);
}

#[test]
fn a_gap_counts_only_where_nothing_else_is() {
    let gap = region(Kind::Gap, (2, 7, 4, 3), 0);
    check(
        &[code((1, 1, 6, 2), 5), code((2, 1, 2, 7), 5), gap, code((4, 3, 5, 4), 5)],
        &[(1, 5), (2, 5), (3, 0), (4, 5), (5, 5), (6, 5)],
    );
}

#[test]
fn skipped_lines_are_not_executable() {
    let skipped = region(Kind::Skipped, (2, 1, 4, 9), 0);
    check(&[code((1, 1, 6, 2), 3), skipped], &[(1, 3), (5, 3), (6, 3)]);
    // Where code covers the same area, the code speaks.
    check(&[region(Kind::Skipped, (1, 1, 2, 2), 0), code((1, 1, 2, 2), 1)], &[(1, 1), (2, 1)]);
}

#[test]
fn an_empty_region_takes_the_count_around_it() {
    check(
        &[code((1, 1, 4, 2), 6), code((2, 5, 2, 5), 0), code((3, 1, 3, 4), 2)],
        &[(1, 6), (2, 6), (3, 6), (4, 6)],
    );
    // At the very end it is skipped, and on a line of its own nothing is left.
    check(&[code((1, 1, 1, 9), 6), code((3, 5, 3, 5), 1)], &[(1, 6)]);
}

#[test]
fn regions_that_overlap_without_nesting_end_in_order() {
    let regions = [code((1, 1, 3, 5), 1), code((2, 1, 5, 5), 2), code((2, 9, 4, 5), 3)];
    check(&regions, &[(1, 1), (2, 3), (3, 3), (4, 3), (5, 2)]);
}

#[test]
fn a_file_with_a_region_far_away_is_quick() {
    let lines = count(vec![code((1, 1, 1, 2), 1), code((4_000_000_000, 1, 4_000_000_000, 2), 1)]);
    assert_eq!(lines, [(1, 1), (4_000_000_000, 1)]);
}

fn any_region() -> impl Strategy<Value = Region> {
    let kind = prop_oneof![6 => Just(Kind::Code), 1 => Just(Kind::Gap), 1 => Just(Kind::Skipped)];
    (kind, 1u32..12, 1u32..6, 0u32..5, 1u32..6, 0u64..4).prop_map(|(kind, line, column, more, end, count)| {
        let end = if more == 0 { end.max(column) } else { end };
        region(kind, (line, column, line + more, end), count)
    })
}

proptest! {
    #[test]
    fn the_order_of_regions_plays_no_role(
        (regions, shuffled) in prop::collection::vec(any_region(), 0..14)
            .prop_flat_map(|regions| (Just(regions.clone()), Just(regions).prop_shuffle()))
    ) {
        prop_assert_eq!(count(regions), count(shuffled));
    }

    #[test]
    fn another_instance_that_never_ran_changes_nothing(regions in prop::collection::vec(any_region(), 0..14)) {
        let unused = regions.iter().map(|region| Region { count: 0, ..*region });
        let both = regions.iter().copied().chain(unused).collect();
        prop_assert_eq!(count(regions), count(both));
    }

    // Of gaps and skipped regions that cross code this is not true in LLVM either; compilers write none.
    #[test]
    fn counts_decide_no_line_of_code_into_existence(regions in prop::collection::vec(any_region(), 0..14)) {
        let with = |count: Option<u64>| {
            let code = regions.iter().filter(|region| region.kind == Kind::Code && region.start < region.end);
            count_lines(code.map(|region| Region { count: count.unwrap_or(region.count), ..*region }).collect())
        };
        prop_assert_eq!(with(None), with(Some(1)));
        prop_assert_eq!(with(None), with(Some(0)));
    }
}

fn count_lines(regions: Vec<Region>) -> Vec<u32> {
    count(regions).into_iter().map(|(line, _)| line).collect()
}
