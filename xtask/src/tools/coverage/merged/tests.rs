//! Objects may come in any order, and test code is told apart without counting again.

use super::super::lines::{Kind, Place};
use super::*;
use proptest::prelude::*;

fn merged(mappings: Vec<Mapping>) -> Vec<FileLines> {
    merge(mappings, Vec::new(), &Scanned::default(), TestCode::Exclude).files
}

fn mapping(functions: &[(u64, u32, u64)]) -> Mapping {
    let regions = |line: u32, count| {
        vec![(
            0,
            Region { start: Place::new(line, 1), end: Place::new(line + 1, 2), count, kind: Kind::Code },
        )]
    };
    let source = Source { file: "src/a.rs".into(), package: "p".into() };
    let function = |(name, line, count): &(u64, u32, u64)| Function {
        name: *name,
        symbol: None,
        main: Some(0),
        regions: regions(*line, *count),
    };
    let functions = functions.iter().map(function);
    Mapping { sources: vec![source], functions: functions.collect(), instrumented: true }
}

#[test]
fn a_function_of_two_objects_counts_once_and_two_instances_are_summed() {
    let files = merged(vec![mapping(&[(1, 1, 3), (2, 5, 1)]), mapping(&[(1, 1, 3), (3, 5, 4)])]);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].lines, [(1, 3), (2, 3), (5, 5), (6, 5)]);
}

proptest! {
    #[test]
    fn the_order_of_objects_plays_no_role(
        functions in prop::collection::vec(prop::collection::vec((0u64..5, 0u64..3), 0..6), 1..5),
        seed in 0usize..24,
    ) {
        // The same name has the same counters everywhere, as they were summed over all processes before.
        let object = |names: &Vec<(u64, u64)>| {
            mapping(&names.iter().map(|(name, _)| (*name, 1 + *name as u32 % 3 * 2, name * 7 % 4)).collect::<Vec<_>>())
        };
        let straight = merged(functions.iter().map(object).collect());
        let mut turned: Vec<_> = functions.clone();
        turned.rotate_left(seed % functions.len());
        turned.reverse();
        prop_assert_eq!(straight, merged(turned.iter().map(object).collect()));
    }
}
