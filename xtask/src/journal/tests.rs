//! Laws of the journal: what is written is read, what is tampered with is named, what is torn is cut, and what
//! failed is not there.

mod faults;
mod tamper;

use super::*;
use crate::digest::Digest;
use crate::platform::protocol::Phase;
use proptest::prelude::*;
use tempfile::TempDir;

fn draft(text: &str) -> Draft {
    let body = serde_json::json!({ "text": text, "crc": "00000000", "v": 1 });
    Draft {
        environment: "production".into(),
        epoch: 3,
        actor: "uid:1000".into(),
        at: Timestamp::UNIX_EPOCH,
        entry: Entry { rollout: "r-1".into(), phase: Phase::Intent, what: "set-weights".into(), body },
    }
}

fn home() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("desk.journal");
    (directory, path)
}

fn filled(path: &Path, count: usize) -> Vec<Record> {
    let mut journal = Journal::open(path).unwrap();
    (0..count).map(|n| journal.append(draft(&n.to_string()), Importance::Normal).unwrap()).collect()
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        seq: u64, epoch: u64, second in 0_i64..4_000_000_000, texts: [String; 4], body in json(),
    ) {
        let [environment, actor, rollout, what] = texts;
        let record = Record {
            seq,
            prev: Digest::of(what.as_bytes()),
            at: Timestamp::from_second(second).unwrap(),
            environment,
            epoch,
            actor,
            entry: Entry { rollout, phase: Phase::Event, what, body },
        };
        let line = encode(&record);
        prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
        prop_assert_eq!(decode(line.strip_suffix(b"\n").unwrap()), Ok(record));
    }
}

#[test]
fn a_reopened_journal_goes_on_where_it_ended() {
    let (_directory, path) = home();
    let first = filled(&path, 150);
    assert_eq!((first[0].seq, first[0].prev.clone()), (1, Digest::of(b"")));
    let mut journal = Journal::open(&path).unwrap();
    assert_eq!(journal.cut(), None);
    let next = journal.append(draft("next"), Importance::Normal).unwrap();
    assert_eq!((next.seq, next.epoch, journal.head().seq), (151, 3, 151));
    let verified = verify(&path).unwrap();
    assert_eq!((verified.records, &verified.head, verified.torn_bytes), (151, journal.head(), 0));
}

#[test]
fn reading_goes_on_from_any_record_in_pages() {
    let (_directory, path) = home();
    let mut all = filled(&path, 130);
    let mut journal = Journal::open(&path).unwrap();
    all.extend((0..130).map(|n| journal.append(draft(&n.to_string()), Importance::Normal).unwrap()));
    check_pages(&journal, &all);
    drop(journal);
    check_pages(&Journal::open(&path).unwrap(), &all);
}

fn check_pages(journal: &Journal, all: &[Record]) {
    for after in 0..all.len() {
        let page = journal.read(after as u64, 7).unwrap();
        assert_eq!(page, all[after..(after + 7).min(all.len())]);
    }
    assert_eq!(journal.read(all.len() as u64, 7).unwrap(), []);
    assert_eq!(journal.read(u64::MAX, 7).unwrap(), []);
    assert_eq!(journal.read(0, 0).unwrap(), []);
}

#[test]
fn a_page_is_bounded_in_bytes() {
    let (_directory, path) = home();
    let mut journal = Journal::open(&path).unwrap();
    let large = "x".repeat(LINE_BYTES_MAX - 1000);
    for _ in 0..5 {
        journal.append(draft(&large), Importance::Normal).unwrap();
    }
    let page = journal.read(0, 5).unwrap();
    let bytes: usize = page.iter().map(|record| encode(record).len()).sum();
    assert!(!page.is_empty() && bytes as u64 <= READ_BYTES_MAX, "{} records, {bytes} bytes", page.len());
    let seqs: Vec<u64> = page.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (1..=page.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_record_longer_than_a_line_is_refused_and_leaves_nothing() {
    let (_directory, path) = home();
    let mut journal = Journal::open(&path).unwrap();
    let error = journal.append(draft(&"x".repeat(LINE_BYTES_MAX)), Importance::Normal).unwrap_err();
    assert!(matches!(error, JournalError::TooLong { bytes } if bytes > LINE_BYTES_MAX), "{error}");
    assert!(error.help().contains("digest"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn a_second_opener_is_told_who_has_it() {
    let (_directory, path) = home();
    let journal = Journal::open(&path).unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert!(matches!(error, JournalError::Locked(_)), "{error}");
    assert_eq!(error.help(), "cargo xtask local status");
    drop(journal);
    Journal::open(&path).unwrap();
}

#[test]
fn a_missing_directory_is_an_error_that_names_the_file() {
    let (_directory, path) = home();
    let error = Journal::open(&path.join("no/journal")).unwrap_err();
    assert!(error.to_string().contains("desk.journal/no/journal"), "{error}");
    assert!(verify(&path).unwrap_err().to_string().starts_with("failed to open"));
}

#[test]
fn a_removed_journal_does_not_start_empty() {
    let (_directory, path) = home();
    filled(&path, 1);
    std::fs::remove_file(&path).unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert!(matches!(error, JournalError::Missing(_)), "{error}");
    assert!(error.help().contains("backup"));
    assert!(!path.exists());
}
