//! Functions made by hand: which ones count, and what their counters come to.

use super::super::files::SourceTree;
use super::super::profile::tests::profile;
use super::*;
use llvm_profparser::{FunctionRecordHeader, SourceLocation};

fn counter(id: u64) -> Counter {
    Counter { kind: CounterType::ProfileInstrumentation, id }
}

fn expression(id: u64, kind: ExprKind) -> Counter {
    Counter { kind: CounterType::Expression(kind), id }
}

fn region(count: Counter, column_start: usize, column_end: usize) -> CounterMappingRegion {
    CounterMappingRegion {
        kind: RegionKind::Code,
        count,
        false_count: Counter::default(),
        file_id: 0,
        expanded_file_id: 0,
        loc: SourceLocation { line_start: 1, line_end: 2, column_start, column_end },
        mcdc_params: None,
    }
}

fn record(fn_hash: u64, regions: Vec<CounterMappingRegion>) -> FunctionRecordV3 {
    let header = FunctionRecordHeader { name_hash: 1, data_len: 0, fn_hash, filenames_ref: 0 };
    FunctionRecordV3 { header, regions, expressions: Vec::new() }
}

#[test]
fn expressions_are_computed_in_any_order() {
    use ExprKind::{Add, Subtract};
    let value =
        |expressions: &[Expression], index| Values::of(expressions, &[10, 3]).map(|values| values.get(index));
    let make = |kind, lhs, rhs| Expression { kind, lhs, rhs };
    let expressions = [
        make(Subtract, expression(1, Add), counter(1)),
        make(Add, counter(0), expression(2, Add)),
        make(Add, counter(1), Counter::default()),
    ];
    assert_eq!(value(&expressions, expression(0, Subtract)), Ok(Ok(10)));
    assert_eq!(value(&expressions, expression(1, Add)), Ok(Ok(13)));
    assert_eq!(value(&expressions, counter(7)), Ok(Ok(0)), "a counter that was optimised out");
    assert_eq!(value(&expressions, expression(9, Add)), Ok(Ok(0)));
    let circle = [make(Add, expression(1, Add), counter(0)), make(Add, expression(0, Add), counter(0))];
    assert_eq!(value(&circle, counter(0)), Err("a counter is computed from itself".to_owned()));
}

#[test]
fn a_chain_of_expressions_needs_no_stack() {
    let chain: Vec<_> = (0..20_000)
        .map(|index| Expression {
            kind: ExprKind::Add,
            lhs: expression(index + 1, ExprKind::Add),
            rhs: counter(0),
        })
        .collect();
    let values = Values::of(&chain, &[1]).unwrap();
    assert_eq!(values.get(expression(0, ExprKind::Add)), Ok(20_000));
}

#[test]
fn the_mark_of_a_gap_is_understood() {
    let check = |column_start, column_end, expected: (Kind, Place)| {
        let region = region(counter(0), column_start, column_end);
        let kind = kind_of(&region).unwrap();
        assert_eq!((kind, place(&region, kind, 1).unwrap().end), expected, "{column_start} {column_end:#x}");
    };
    check(3, 9, (Kind::Code, Place::new(2, 9)));
    check(3, 9 | GAP_BIT, (Kind::Gap, Place::new(2, 9)));
    check(1, usize::MAX, (Kind::Code, Place::new(2, u32::MAX)));
    check(0, GAP_BIT, (Kind::Gap, Place::new(2, u32::MAX)));
}

#[test]
fn a_line_that_no_file_has_is_refused() {
    let mut far = region(counter(0), 1, 2);
    far.loc.line_end = LINES_MAX + 1;
    assert!(place(&far, Kind::Code, 1).unwrap_err().contains("more than"));
}

#[test]
fn a_real_record_replaces_a_dummy_and_nothing_else_does() {
    let dummy = record(0, vec![region(Counter::default(), 1, 2)]);
    let real = record(5, vec![region(counter(0), 1, 2)]);
    let other = record(6, vec![region(counter(0), 1, 2)]);
    let check = |records: &[FunctionRecordV3], expected: u64| {
        let hashes: Vec<_> = distinct(records).iter().map(|record| record.header.fn_hash).collect();
        assert_eq!(hashes, [expected]);
    };
    check(&[dummy.clone(), real.clone()], 5);
    check(&[real.clone(), dummy.clone()], 5);
    check(&[real, other], 5);
    check(&[dummy.clone(), dummy], 0);
}

#[test]
fn what_the_profiles_know_of_a_function_decides_whether_it_counts() {
    let mut counters = Counters::default();
    counters.add(&profile(&[(1, 5, &[7, 2])])).unwrap();
    let check = |record: &FunctionRecordV3, files: &[Option<usize>], expected: Option<&[u64]>| {
        let counted = counted(record, files, &counters).unwrap();
        let counts: Option<Vec<u64>> =
            counted.map(|regions| regions.iter().map(|(_, region)| region.count).collect());
        assert_eq!(counts.as_deref(), expected, "{record:?}");
    };
    let regions = || vec![region(counter(0), 1, 2), region(counter(1), 3, 4)];
    check(&record(5, regions()), &[Some(0)], Some(&[7, 2]));
    check(&record(6, regions()), &[Some(0)], None);
    check(&record(5, vec![region(Counter::default(), 1, 2)]), &[Some(0)], None);
    let unknown = FunctionRecordV3 {
        header: FunctionRecordHeader { name_hash: 2, ..record(5, vec![]).header },
        ..record(5, regions())
    };
    check(&unknown, &[Some(0)], Some(&[0, 0]));
    check(&record(5, regions()), &[None], Some(&[]));
    let branch = CounterMappingRegion { kind: RegionKind::Branch, ..region(counter(1), 1, 2) };
    check(&record(5, vec![region(counter(1), 1, 2), branch]), &[Some(0)], Some(&[2]));
}

#[test]
fn an_object_that_is_not_instrumented_has_no_mapping_and_a_damaged_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let tree = SourceTree {
        root: directory.path().into(),
        target: directory.path().join("target"),
        packages: vec![],
        remapped: vec![],
    };
    let (sources, counters) = (Sources::of(&tree), Counters::default());
    let check = |bytes: &[u8]| {
        let path = directory.path().join("object");
        std::fs::write(&path, bytes).unwrap();
        read(&path, &sources, &counters).map(|mapping| mapping.instrumented)
    };
    // The smallest ELF file: a header without sections.
    let mut elf = vec![0; 64];
    elf[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    (elf[16], elf[18], elf[20], elf[52]) = (2, 62, 1, 64);
    assert_eq!(check(&elf), Ok(false));
    assert!(check(&elf[..40]).is_err());
    assert!(check(b"#!/bin/sh\n").is_err());
    assert!(read(&directory.path().join("absent"), &sources, &counters).is_err());
    // A hole in a file takes no room.
    let huge = directory.path().join("huge");
    std::fs::File::create(&huge).unwrap().set_len(OBJECT_BYTES_MAX + 1).unwrap();
    assert!(read(&huge, &sources, &counters).unwrap_err().contains("more than"));
}
