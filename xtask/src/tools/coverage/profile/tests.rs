//! Raw profiles made by hand, whole and damaged.

use super::*;

/// One function of a profile: name, structure, counts.
pub(in super::super) type Function<'a> = (u64, u64, &'a [u64]);

/// A raw profile of version 10 as compiler-rt writes it on x86-64.
pub(in super::super) fn profile(functions: &[Function<'_>]) -> Vec<u8> {
    let counters: Vec<u64> = functions.iter().flat_map(|function| function.2).copied().collect();
    let (names, delta) = (b"\x05\x00a\x01b\x01c", 0x4000u64);
    let header = [
        10,
        0,
        functions.len() as u64,
        0,
        counters.len() as u64,
        0,
        0,
        0,
        names.len() as u64,
        delta,
        0,
        0,
        0,
        0,
        1,
    ];
    let mut bytes = MAGIC.to_vec();
    bytes.extend(header.into_iter().flat_map(u64::to_le_bytes));
    let mut before = 0u64;
    for (index, (name, hash, counts)) in functions.iter().enumerate() {
        let pointer = delta + before * 8 - index as u64 * 64;
        for word in [*name, *hash, pointer, 0, 0, 0, counts.len() as u64, 0] {
            bytes.extend(word.to_le_bytes());
        }
        before += counts.len() as u64;
    }
    bytes.extend(counters.into_iter().flat_map(u64::to_le_bytes));
    bytes.extend(names);
    bytes.extend(vec![0; names.len().wrapping_neg() % 8]);
    bytes
}

fn summed(profiles: &[Vec<u8>]) -> Result<Counters, String> {
    let mut counters = Counters::default();
    profiles.iter().try_for_each(|profile| counters.add(profile))?;
    Ok(counters)
}

#[test]
fn counters_of_all_files_are_summed_by_name_and_structure() {
    let first = profile(&[(1, 10, &[1, 2]), (2, 20, &[0, 0, 0]), (3, 30, &[u64::MAX])]);
    let second = profile(&[(3, 30, &[5]), (1, 10, &[10, 0]), (1, 11, &[9])]);
    let counters = summed(&[first, second]).unwrap();
    assert_eq!(counters.of(1, 10), Known::Counts(&[11, 2]));
    assert_eq!(counters.of(1, 11), Known::Counts(&[9]));
    assert_eq!(counters.of(1, 12), Known::OtherStructure);
    assert_eq!(counters.of(2, 20), Known::Absent, "what never ran is not in the profile");
    assert_eq!(counters.of(3, 30), Known::Counts(&[u64::MAX]), "sums stay at the top");
    assert_eq!(counters.of(4, 40), Known::Absent);
}

#[test]
fn one_file_may_hold_several_profiles() {
    let both = [profile(&[(1, 10, &[1])]), profile(&[(1, 10, &[2])])].concat();
    assert_eq!(summed(&[both]).unwrap().of(1, 10), Known::Counts(&[3]));
}

#[test]
fn wherever_a_file_ends_too_early_it_is_refused() {
    let whole = profile(&[(1, 10, &[1, 2]), (2, 20, &[3])]);
    for length in 0..whole.len() {
        assert!(summed(&[whole[..length].to_vec()]).is_err(), "{length} of {} bytes", whole.len());
    }
    let error = summed(&[whole[..whole.len() - 1].to_vec()]).unwrap_err();
    assert_eq!(error, format!("it ends after {} of {} bytes", whole.len() - 1, whole.len()));
}

#[test]
fn damaged_files_are_refused_with_the_reason() {
    let check = |offset: usize, value: u64, expected: &str| {
        let mut bytes = profile(&[(1, 10, &[1, 2]), (2, 20, &[3])]);
        bytes[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        let error = summed(&[bytes]).unwrap_err();
        assert!(error.contains(expected), "{offset}: {error}");
    };
    check(0, 0, "does not begin like a raw profile");
    check(8, 8, "raw profile version 8 is not known");
    check(8, 10 | FLAG_BYTE_COVERAGE, "parts that Rust does not write");
    check(24, u64::MAX, "impossible sizes");
    check(24, 1 << 40, "it ends after");
    check(80, 0, "function 0 points outside");
    let record = 128;
    check(record + 48, 0, "function 0 points outside");
    check(record + 48, 4, "function 0 points outside");
    check(record + 64 + 16, 1, "function 1 points outside");
}

#[test]
fn garbage_behind_a_profile_is_refused() {
    let mut bytes = profile(&[(1, 10, &[1])]);
    bytes.extend(b"garbage!");
    assert!(summed(&[bytes]).is_err());
}

#[test]
fn counters_of_one_structure_have_one_length() {
    let error = summed(&[profile(&[(1, 10, &[1])]), profile(&[(1, 10, &[1, 1])])]).unwrap_err();
    assert_eq!(error, "function 0 has another number of counters elsewhere");
}
