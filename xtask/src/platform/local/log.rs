//! A log file with a size limit: when it is full it becomes `<log>.1`, that one `<log>.2`, and the oldest goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The longest that one log file gets.
pub(super) const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How many files there are of one log.
pub(super) const LOG_FILES_MAX: u32 = 3;

/// A log that drops what cannot be written. Whoever logs on a full disk must go on: the tracing library reports a failed
/// write on standard error, and where that lies on the same disk, the report itself panics.
#[derive(Debug)]
pub(super) struct DroppingLog(pub(super) RotatingLog);

/// An open log.
#[derive(Debug)]
pub(super) struct RotatingLog {
    path: PathBuf,
    file: File,
    length: u64,
    limit: u64,
}

impl RotatingLog {
    /// Opens a log for appending.
    pub(super) fn open(path: &Path) -> io::Result<RotatingLog> {
        RotatingLog::with_limit(path, LOG_BYTES_MAX)
    }

    fn with_limit(path: &Path, limit: u64) -> io::Result<RotatingLog> {
        let file = append_to(path)?;
        let length = file.metadata()?.len();
        Ok(RotatingLog { path: path.to_owned(), file, length, limit })
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..LOG_FILES_MAX - 1).rev() {
            let from = numbered(&self.path, number);
            if from.exists() {
                std::fs::rename(from, numbered(&self.path, number + 1))?;
            }
        }
        self.file = append_to(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

impl Write for RotatingLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length + bytes.len() as u64 > self.limit {
            self.rotate()?;
        }
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Write for DroppingLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// The last lines of a text file, for an error message; empty where it cannot be read.
pub(super) fn tail(path: &Path, lines: usize) -> String {
    let text =
        std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = RotatingLog::with_limit(&path, 4).unwrap();
        for text in ["aaaa", "bbbb", "cccc", "dddd"] {
            log.write_all(text.as_bytes()).unwrap();
        }
        log.flush().unwrap();
        let read = |number| std::fs::read_to_string(numbered(&path, number)).ok();
        assert_eq!(
            [read(0), read(1), read(2), read(3)].map(Option::unwrap_or_default),
            ["dddd", "cccc", "bbbb", ""]
        );
    }

    #[test]
    fn on_a_full_disk_lines_are_dropped_and_nothing_fails() {
        let full = Path::new("/dev/full");
        assert!(RotatingLog::open(full).unwrap().write_all(b"lost").is_err(), "this disk is full");
        let mut log = DroppingLog(RotatingLog::open(full).unwrap());
        assert!(log.write_all(b"lost").is_ok() && log.flush().is_ok());
    }

    #[test]
    fn an_existing_log_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        RotatingLog::open(&path).unwrap().write_all(b"one\ntwo\n").unwrap();
        RotatingLog::open(&path).unwrap().write_all(b"three\n").unwrap();
        assert_eq!(tail(&path, 2), "two\nthree");
        assert_eq!(tail(&directory.path().join("none"), 2), "");
    }
}
