//! Every fuzz target on its seeds, and on a fixed number of mutations of them: bytes turned over, cut off, doubled, spliced.
//! A developer runs the same targets for hours with a coverage-guided engine: docs/operations/fuzzing.md.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may stop a test")]

#[path = "fuzz/targets.rs"]
mod targets;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use std::path::Path;
use targets::TARGETS;

/// Mutated inputs for each target.
const CASES: u32 = 1500;
/// Bytes of an input.
const BYTES_MAX: usize = 1 << 16;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// One way to damage an input.
#[derive(Debug, Clone)]
enum Damage {
    Byte(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Double(Index, Index),
    Splice(Index, Vec<u8>, Index),
}

fn damage(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Damage> {
    let odd = select(vec![0, b'\n', b'\r', 0x0c, b'"', b'<', b'&', b'-', b'9', b':', b'[', b'{', 0x7f, 0xff]);
    let at = any::<Index>;
    prop_oneof![
        (at(), prop_oneof![any::<u8>(), odd]).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (at(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (at(), "[0-9]{1,22}").prop_map(|(at, digits)| Damage::Insert(at, digits.into_bytes())),
        (at(), at()).prop_map(|(from, to)| Damage::Remove(from, to)),
        (at(), at()).prop_map(|(from, to)| Damage::Double(from, to)),
        (at(), select(seeds), at()).prop_map(|(at, other, from)| Damage::Splice(at, other, from)),
    ]
}

fn apply(mut bytes: Vec<u8>, damage: Damage) -> Vec<u8> {
    // One place more than there are bytes: the end.
    let place = |index: Index, bytes: &[u8]| index.index(bytes.len() + 1);
    let span = |from: Index, to: Index, bytes: &[u8]| {
        let (a, b) = (place(from, bytes), place(to, bytes));
        a.min(b)..a.max(b)
    };
    match damage {
        Damage::Byte(at, byte) => {
            let at = place(at, &bytes);
            bytes.get_mut(at).into_iter().for_each(|old| *old = byte);
        }
        Damage::Insert(at, more) => drop(bytes.splice(place(at, &bytes)..place(at, &bytes), more)),
        Damage::Remove(from, to) => drop(bytes.drain(span(from, to, &bytes))),
        Damage::Double(from, to) => {
            let span = span(from, to, &bytes);
            let part = bytes[span.clone()].to_vec();
            drop(bytes.splice(span.end..span.end, part));
        }
        Damage::Splice(at, other, from) => {
            bytes.truncate(place(at, &bytes));
            bytes.extend_from_slice(&other[place(from, &other)..]);
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

#[track_caller]
fn check(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds.iter().for_each(|seed| target(seed));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let inputs = (select(seeds.clone()), vec(damage(seeds), 1..6))
        .prop_map(|(seed, damages)| damages.into_iter().fold(seed, apply));
    TestRunner::new(config)
        .run(&inputs, |bytes| {
            target(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn lcov() {
    check("lcov");
}

#[test]
fn cobertura() {
    check("cobertura");
}

#[test]
fn llvm_json() {
    check("llvm-json");
}

#[test]
fn diff() {
    check("diff");
}

#[test]
fn policy() {
    check("policy");
}

#[test]
fn lockfile() {
    check("lockfile");
}

#[test]
fn osv() {
    check("osv");
}

#[test]
fn workflow() {
    check("workflow");
}

#[test]
fn sarif() {
    check("sarif");
}

#[test]
fn theauditor() {
    check("theauditor");
}

#[test]
fn cargo_deny() {
    check("cargo-deny");
}

#[test]
fn cargo_audit() {
    check("cargo-audit");
}

#[test]
fn deny_toml() {
    check("deny-toml");
}

#[test]
fn changelog() {
    check("changelog");
}

#[test]
fn sums() {
    check("sums");
}

#[test]
fn secrets() {
    check("secrets");
}

#[test]
fn advisory() {
    check("advisory");
}

#[test]
fn bundle() {
    check("bundle");
}
