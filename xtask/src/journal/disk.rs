//! The few calls that can fail half-way, so that tests can make each of them fail: a short write, a full disk, a
//! sync that reports an error, a truncation that does not work.

use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Space that is kept for the records of a rollback: some hundreds of them.
pub const RESERVE_BYTES: u64 = 256 * 1024;
const ZEROS: [u8; 8192] = [0; 8192];

/// Changes to files.
pub trait Disk {
    /// Writes some of the bytes at the end of the file; fewer than all is allowed.
    ///
    /// # Errors
    /// As `write(2)`.
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize>;

    /// Makes data and length durable.
    ///
    /// # Errors
    /// As `fdatasync(2)`.
    fn sync(&mut self, file: &File) -> io::Result<()>;

    /// Cuts the file.
    ///
    /// # Errors
    /// As `ftruncate(2)`.
    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()>;

    /// Makes a file of [`RESERVE_BYTES`] really allocated bytes.
    ///
    /// # Errors
    /// As `fallocate(2)`.
    fn reserve(&mut self, path: &Path) -> io::Result<()>;

    /// Gives that file's space up.
    ///
    /// # Errors
    /// As `unlink(2)`.
    fn give_up(&mut self, path: &Path) -> io::Result<()>;
}

/// The machine's disk.
#[derive(Debug, Default)]
pub struct System;

impl Disk for System {
    fn write(&mut self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn reserve(&mut self, path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
            Ok(()) => file.sync_all(),
            Err(rustix::io::Errno::OPNOTSUPP) => fill(&file),
            Err(error) => Err(error.into()),
        }
    }

    fn give_up(&mut self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

/// For file systems that cannot allocate without writing.
fn fill(mut file: &File) -> io::Result<()> {
    for _ in 0..RESERVE_BYTES / ZEROS.len() as u64 {
        file.write_all(&ZEROS)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn the_reserve_is_really_allocated_either_way() {
        let directory = tempfile::tempdir().unwrap();
        let (allocated, filled) = (directory.path().join("a"), directory.path().join("b"));
        System.reserve(&allocated).unwrap();
        fill(&File::create(&filled).unwrap()).unwrap();
        for path in [&allocated, &filled] {
            let metadata = std::fs::metadata(path).unwrap();
            assert_eq!(metadata.len(), RESERVE_BYTES);
            assert!(metadata.blocks() * 512 >= RESERVE_BYTES, "{} blocks", metadata.blocks());
        }
        System.give_up(&allocated).unwrap();
        assert!(!allocated.exists());
    }
}
