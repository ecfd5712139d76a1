//! The header of a member: POSIX.1-1988, pax(1) "ustar Interchange Format". Numbers are octal and fit or are refused.

use super::{Content, Entry, LayerError, MTIME_SECS};

/// Everything in an archive is a multiple of this.
pub(super) const BLOCK: usize = 512;
const NAME_BYTES_MAX: usize = 100;
const PREFIX_BYTES_MAX: usize = 155;
/// Seven octal digits.
pub(super) const OWNER_MAX: u32 = 0o7_777_777;
/// Eleven octal digits.
pub(super) const SIZE_BYTES_MAX: u64 = 0o77_777_777_777;

/// A ustar header (POSIX.1-1988, pax(1) "ustar Interchange Format").
pub(super) fn header(entry: &Entry) -> Result<[u8; BLOCK], LayerError> {
    let size = entry.kind.content().map_or(0, Content::size_bytes);
    if size > SIZE_BYTES_MAX {
        return Err(LayerError::TooLarge(entry.path.clone()));
    }
    if entry.owner > OWNER_MAX {
        return Err(LayerError::Owner(entry.path.clone(), entry.owner));
    }
    let directory = entry.kind.content().is_none();
    let path = if directory { format!("{}/", entry.path) } else { entry.path.clone() };
    let (prefix, name) = split(&path).ok_or_else(|| LayerError::TooLong(entry.path.clone()))?;
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, format!("{:07o}", entry.kind.mode()).as_bytes());
    put(108, format!("{:07o}", entry.owner).as_bytes());
    put(116, format!("{:07o}", entry.owner).as_bytes());
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{MTIME_SECS:011o}").as_bytes());
    put(148, b"        ");
    put(156, if directory { b"5" } else { b"0" });
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

/// Splits a path into ustar's prefix and name, at the first `/` that makes both fit.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME_BYTES_MAX {
        return Some(("", path));
    }
    path.match_indices('/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= PREFIX_BYTES_MAX && (1..=NAME_BYTES_MAX).contains(&name.len()))
}
