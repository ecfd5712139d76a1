//! Damage is found and named; a torn tail is cut; an emergency rollback gets its own chain.

use super::*;

#[test]
fn a_removed_journal_is_no_empty_one_and_a_rollback_goes_on_beside_it() {
    let (_directory, path) = home();
    assert_eq!(load(&path).unwrap(), [], "there never was one");
    drop(Journal::open(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(load(&path), Err(JournalError::Missing(_))));
    for seq in [2, 3] {
        let mut chain = Journal::open_emergency(&path, Timestamp::UNIX_EPOCH, "supervisor").unwrap();
        assert_eq!(chain.path(), beside(&path, "emergency-1"));
        assert_eq!(chain.append(draft("back"), Importance::Rollback).unwrap().seq, seq);
        assert!(!path.exists(), "an empty one would hide the loss");
    }
}

const RECORDS: usize = 5;

fn lines() -> Vec<Vec<u8>> {
    let mut head = Head::start();
    (0..RECORDS)
        .map(|n| {
            let Draft { environment, epoch, actor, at, entry } = draft(&format!("{{\"v\":1,{n}"));
            let record =
                Record { seq: head.seq + 1, prev: head.digest.clone(), at, environment, epoch, actor, entry };
            let line = encode(&record);
            head = Head { seq: record.seq, digest: Digest::of(&line[..line.len() - 1]) };
            line
        })
        .collect()
}

fn damage(bytes: &[u8]) -> Option<Damage> {
    match verify_reader(bytes, |_, _| {}) {
        Err(ChainError::Damage(damage)) => Some(damage),
        _ => None,
    }
}

/// Every place before the last line, with the number of its record.
fn places(lines: &[Vec<u8>]) -> Vec<(usize, u64)> {
    let earlier = &lines[..lines.len() - 1];
    let seqs = earlier.iter().zip(1..).flat_map(|(line, seq)| std::iter::repeat_n(seq, line.len()));
    seqs.enumerate().collect()
}

#[test]
fn any_changed_or_removed_byte_before_the_tail_is_named() {
    let lines = lines();
    let whole = lines.concat();
    assert_eq!(verify_reader(&whole[..], |_, _| {}).unwrap().records, RECORDS as u64);
    for (place, seq) in places(&lines) {
        for with in [whole[place] ^ 1, whole[place] ^ 0x20, b'\n', b'"', 0] {
            let mut changed = whole.clone();
            changed[place] = with;
            let named = damage(&changed).map(|damage| damage.seq);
            assert_eq!(named, (with != whole[place]).then_some(seq), "byte {place} to {with}");
        }
        let mut removed = whole.clone();
        removed.remove(place);
        assert_eq!(damage(&removed).map(|damage| damage.seq), Some(seq), "byte {place} removed");
    }
}

#[test]
fn any_inserted_byte_before_the_tail_is_named() {
    let lines = lines();
    let whole = lines.concat();
    for (place, seq) in places(&lines) {
        for byte in [b'\n', b'0', b'"', b' '] {
            let mut inserted = whole.clone();
            inserted.insert(place, byte);
            // A newline put behind a whole record leaves that one sound, and an empty line in the next one's place.
            let named = damage(&inserted).map(|damage| damage.seq);
            assert!(named == Some(seq) || named == Some(seq + 1), "{byte} at {place}: {named:?}");
        }
    }
}

#[test]
fn swapped_removed_and_repeated_lines_are_named() {
    for line in 0..RECORDS - 1 {
        let (mut swapped, mut removed, mut repeated) = (lines(), lines(), lines());
        swapped.swap(line, line + 1);
        removed.remove(line);
        repeated.insert(line, repeated[line].clone());
        for (lines, seq) in [(swapped, line + 1), (removed, line + 1), (repeated, line + 2)] {
            let damage = damage(&lines.concat()).unwrap();
            assert_eq!(damage.seq, seq as u64, "{damage}");
            assert!(matches!(damage.fault, Fault::Seq { .. }), "{damage}");
        }
    }
}

#[test]
fn a_line_of_another_chain_is_named_even_at_the_tail() {
    let mut lines = lines();
    let mut forged = decode(lines[RECORDS - 1].strip_suffix(b"\n").unwrap()).unwrap();
    forged.prev = Digest::of(b"elsewhere");
    lines[RECORDS - 1] = encode(&forged);
    let damage = damage(&lines.concat()).unwrap();
    assert_eq!((damage.seq, damage.fault), (RECORDS as u64, Fault::Chain));
}

fn with_checksum(text: &str) -> Vec<u8> {
    format!("{text},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(text.as_bytes())).into_bytes()
}

#[test]
fn other_formats_and_long_lines_are_damage_not_a_torn_tail() {
    let check =
        |bytes: &[u8], fault: Fault| assert_eq!(damage(bytes).map(|damage| damage.fault), Some(fault));
    check(&with_checksum("{\"v\":2,\"seq\":1"), Fault::NewerVersion(2));
    check(&with_checksum("{\"seq\":1"), Fault::NotJson("it does not begin with its format".into()));
    check(&with_checksum("{\"v\":0,\"seq\":1"), Fault::NotJson("it does not begin with its format".into()));
    assert!(matches!(
        damage(&with_checksum("{\"v\":1,\"seq\":")).map(|damage| damage.fault),
        Some(Fault::NotJson(_))
    ));
    check(&vec![b'x'; LINE_BYTES_MAX], Fault::TooLong);
    check(&[vec![b'x'; LINE_BYTES_MAX + 9], b"\n{}\n".to_vec()].concat(), Fault::TooLong);
    assert_eq!(decode(&vec![b'x'; LINE_BYTES_MAX]), Err(Fault::TooLong));
    assert_eq!(decode(b""), Err(Fault::Crc));
}

#[test]
fn a_tail_cut_at_any_byte_leaves_the_records_before_it_and_appends_go_on() {
    let (_directory, path) = home();
    let records = filled(&path, 3);
    let whole = std::fs::read(&path).unwrap();
    let sound = whole.len() - encode(&records[2]).len();
    for end in sound..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let torn = verify(&path).unwrap();
        assert_eq!((torn.records, torn.torn_bytes), (2, (end - sound) as u64));
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.read(0, 10).unwrap(), records[..2]);
        let cut = journal.cut().cloned();
        assert_eq!(cut.as_ref().map_or(0, |cut| cut.bytes), (end - sound) as u64);
        if let Some(kept) = cut.and_then(|cut| cut.kept) {
            assert_eq!(std::fs::read(kept).unwrap(), whole[sound..end]);
        }
        journal.append(draft("2"), Importance::Normal).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_tail_that_reached_the_disk_in_part_is_cut() {
    let (_directory, path) = home();
    filled(&path, 3);
    let whole = std::fs::read(&path).unwrap();
    let length = whole.len();
    for (from, to) in [(length - 40, length - 20), (length - 200, length - 1), (length - 1, length)] {
        let mut holed = whole.clone();
        holed[from..to].fill(0);
        std::fs::write(&path, &holed).unwrap();
        assert_eq!(Journal::open(&path).unwrap().head().seq, 2, "{from}..{to}");
    }
}

#[test]
fn a_damaged_journal_refuses_and_names_the_record() {
    let (_directory, path) = home();
    filled(&path, 4);
    tamper(&path);
    let error = Journal::open(&path).unwrap_err();
    assert!(error.to_string().contains("record 2 (line 2, byte "), "{error}");
    assert!(error.help().contains("rollback"), "{}", error.help());
    assert_eq!(verify(&path).unwrap_err().to_string(), error.to_string());
}

fn tamper(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replacen("\"text\":\"1\"", "\"text\":\"7\"", 1)).unwrap();
}

#[test]
fn an_emergency_goes_on_in_its_own_chain_that_names_the_damaged_one() {
    let (_directory, path) = home();
    filled(&path, 4);
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(Journal::open_emergency(&path, at, "supervisor").unwrap().path(), path);
    tamper(&path);
    let damaged = std::fs::read(&path).unwrap();
    let mut journal = Journal::open_emergency(&path, at, "supervisor").unwrap();
    let first = journal.read(0, 1).unwrap().remove(0);
    assert_eq!(first.entry.body["digest"], Digest::of(&damaged).to_string());
    assert_eq!(first.entry.body["damaged"], "desk.journal");
    assert!(matches!(Journal::open(&path), Err(JournalError::Locked(_))), "the damaged file stays locked");
    journal.append(draft("back"), Importance::Rollback).unwrap();
    drop(journal);
    let again = Journal::open_emergency(&path, at, "supervisor").unwrap();
    assert_eq!(again.head().seq, 2, "the same chain goes on");
    let chain = again.path().to_owned();
    drop(again);
    tamper_more(&path);
    let other = Journal::open_emergency(&path, at, "supervisor").unwrap();
    assert_ne!(other.path(), chain, "other bytes, other chain");
    assert_eq!(other.head().seq, 1);
}

fn tamper_more(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replacen("\"text\":\"2\"", "\"text\":\"8\"", 1)).unwrap();
}

#[test]
fn emergency_chains_are_bounded() {
    let (directory, path) = home();
    filled(&path, 4);
    tamper(&path);
    for number in 1..=EMERGENCY_CHAINS_MAX {
        std::fs::write(directory.path().join(format!("desk.journal.emergency-{number}")), "?\n?\n").unwrap();
    }
    let error = Journal::open_emergency(&path, Timestamp::UNIX_EPOCH, "supervisor").unwrap_err();
    assert!(matches!(error, JournalError::Emergencies(_)), "{error}");
}
