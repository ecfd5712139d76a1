//! A disk that fails: every call once, each in every way; and one that is full.

use super::*;
use rustix::io::Errno;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The real disk, except for the calls with these numbers.
#[derive(Default)]
struct Faulty {
    calls: Rc<Cell<usize>>,
    failing: BTreeSet<usize>,
    error: Option<Errno>,
}

impl Faulty {
    fn fails(&self) -> bool {
        let call = self.calls.replace(self.calls.get() + 1);
        self.failing.contains(&call)
    }

    fn error(&self) -> io::Error {
        self.error.unwrap_or(Errno::IO).into()
    }
}

impl Disk for Faulty {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        // Half of it first, so that a failing second write leaves a torn line behind.
        let part = if bytes.len() > 100 { &bytes[..bytes.len() / 2] } else { bytes };
        if self.fails() { Err(self.error()) } else { System.write(file, part) }
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        if self.fails() { Err(self.error()) } else { System.sync(file) }
    }

    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        if self.fails() { Err(self.error()) } else { System.truncate(file, length) }
    }

    fn reserve(&mut self, path: &Path) -> io::Result<()> {
        if self.fails() { Err(self.error()) } else { System.reserve(path) }
    }

    fn give_up(&mut self, path: &Path) -> io::Result<()> {
        System.give_up(path)
    }
}

/// Three appends, each tried until it works; the numbers that were acknowledged.
fn three_appends(path: &Path, disk: Faulty) -> Option<Vec<Record>> {
    let mut journal = Journal::open_on(path, disk).ok()?;
    let mut acknowledged = Vec::new();
    for attempt in 0..8 {
        if acknowledged.len() == 3 {
            break;
        }
        if let Ok(record) = journal.append(draft(&format!("try {attempt}")), Importance::Normal) {
            acknowledged.push(record);
        }
        assert_eq!(journal.read(0, 10).unwrap(), acknowledged, "what failed is not read");
    }
    Some(acknowledged)
}

#[test]
fn whichever_call_fails_exactly_the_acknowledged_records_are_there() {
    for error in [Errno::DQUOT, Errno::IO, Errno::INTR] {
        let mut seen_failure = false;
        for call in 0..14 {
            for failing in [BTreeSet::from([call]), BTreeSet::from([call, call + 1])] {
                let (_directory, path) = home();
                let calls = Rc::new(Cell::new(0));
                let disk = Faulty { calls: Rc::clone(&calls), failing, error: Some(error) };
                let Some(acknowledged) = three_appends(&path, disk) else { continue };
                assert_eq!(acknowledged.len(), 3, "the journal stays usable");
                seen_failure |= calls.get() > call;
                assert_eq!(verify(&path).unwrap().torn_bytes, 0, "no half-written record stays");
                assert_eq!(Journal::open(&path).unwrap().read(0, 10).unwrap(), acknowledged);
            }
        }
        assert!(seen_failure);
    }
}

#[test]
fn a_torn_line_that_could_not_be_cut_is_cut_at_the_next_opening() {
    let (_directory, path) = home();
    // 0 reserve, 1 first half, 2 second half fails, 3 cutting fails.
    let disk = Faulty { failing: BTreeSet::from([2, 3]), error: Some(Errno::NOSPC), ..Faulty::default() };
    let mut journal = Journal::open_on(&path, disk).unwrap();
    let error = journal.append(draft("lost"), Importance::Normal).unwrap_err();
    assert!(matches!(error, JournalError::Full(_)), "{error}");
    assert!(error.help().contains("free some space"));
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert!(journal.cut().is_some());
    assert_eq!(journal.head(), &Head::start());
}

/// A disk with this much room; the reserve takes one unit, each record one.
struct Small(Rc<Cell<u32>>);

impl Small {
    fn take(&self) -> io::Result<()> {
        let left = self.0.get().checked_sub(1).ok_or(Errno::NOSPC)?;
        self.0.set(left);
        Ok(())
    }
}

impl Disk for Small {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        if self.take().is_err() {
            // As a real disk does: what fits is written first.
            System.write(file, &bytes[..1])?;
            return Err(Errno::NOSPC.into());
        }
        System.write(file, bytes)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        System.sync(file)
    }

    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        System.truncate(file, length)
    }

    fn reserve(&mut self, path: &Path) -> io::Result<()> {
        self.take()?;
        System.reserve(path)
    }

    fn give_up(&mut self, path: &Path) -> io::Result<()> {
        System.give_up(path)?;
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

#[test]
fn only_a_rollback_gets_the_reserve_and_it_is_made_again() {
    let (_directory, path) = home();
    let room = Rc::new(Cell::new(2));
    let mut journal = Journal::open_on(&path, Small(Rc::clone(&room))).unwrap();
    let mut append = |importance| {
        let result = journal.append(draft("x"), importance).map(|record| record.seq);
        assert_eq!(verify(&path).unwrap().torn_bytes, 0, "what failed is cut at once");
        (result, journal.is_reserved())
    };
    assert!(matches!(append(Importance::Normal), (Ok(1), true)));
    assert!(
        matches!(append(Importance::Normal), (Err(JournalError::Full(_)), true)),
        "the reserve is not for this"
    );
    assert!(matches!(append(Importance::Rollback), (Ok(2), false)), "but for this");
    assert!(matches!(append(Importance::Rollback), (Err(JournalError::Full(_)), false)), "once");
    room.set(1);
    assert!(
        matches!(append(Importance::Normal), (Err(JournalError::Full(_)), true)),
        "the reserve comes first"
    );
    room.set(1);
    assert!(matches!(append(Importance::Normal), (Ok(3), true)));
    assert_eq!(verify(&path).unwrap().records, 3);
}

#[test]
fn a_rollback_that_needs_room_for_other_files_gets_the_reserve() {
    let (_directory, path) = home();
    let room = Rc::new(Cell::new(1));
    let mut journal = Journal::open_on(&path, Small(Rc::clone(&room))).unwrap();
    assert!(journal.is_reserved());
    journal.make_room().unwrap();
    assert_eq!((journal.is_reserved(), room.get()), (false, 1));
    journal.make_room().unwrap();
    assert_eq!(room.get(), 1, "there is nothing more to give up");
    room.set(2);
    journal.append(draft("on"), Importance::Normal).unwrap();
    assert!(journal.is_reserved(), "it is made again before anything else");
}

#[test]
fn a_full_disk_does_not_keep_a_rollback_from_opening() {
    let (_directory, path) = home();
    let room = Rc::new(Cell::new(0));
    let mut journal = Journal::open_on(&path, Small(Rc::clone(&room))).unwrap();
    assert!(!journal.is_reserved());
    room.set(1);
    assert_eq!(journal.append(draft("back"), Importance::Rollback).unwrap().seq, 1);
}

/// Run by hand as root: `mount -t tmpfs -o size=1m none DIR`, then with `GATELINE_TEST_SMALL_DISK=DIR`.
#[test]
#[ignore = "needs a file system of about 1 MiB, which only root can mount"]
#[expect(clippy::disallowed_methods, reason = "names the file system that was mounted by hand")]
fn a_really_full_disk_takes_a_rollback_and_nothing_else() {
    let directory = PathBuf::from(std::env::var_os("GATELINE_TEST_SMALL_DISK").unwrap());
    let path = directory.join("journal");
    let mut journal = Journal::open(&path).unwrap();
    let large = "x".repeat(20_000);
    let error = loop {
        if let Err(error) = journal.append(draft(&large), Importance::Normal) {
            break error;
        }
    };
    assert!(matches!(error, JournalError::Full(_)), "{error}");
    let before = verify(&path).unwrap();
    assert_eq!((before.torn_bytes, journal.is_reserved()), (0, true));
    for _ in 0..5 {
        journal.append(draft(&large), Importance::Rollback).unwrap();
    }
    assert!(journal.append(draft(&large), Importance::Normal).is_err(), "no space for the reserve");
    assert_eq!(verify(&path).unwrap().records, before.records + 5);
}
