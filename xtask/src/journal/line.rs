//! One record as one line of JSON: bytes in, bytes out.
//!
//! ```text
//! {"v":1,"seq":7,"prev":"sha256:…","at":"…","environment":"…","epoch":3,"actor":"…","entry":{…},"crc":"0a1b2c3d"}
//! ```
//!
//! `v` is [`VERSION`] and always first; `crc` is the CRC-32 (IEEE, as in gzip) of all bytes before `,"crc":`, in
//! eight lower-case hexadecimal digits, and always last. `prev` of the next record is the SHA-256 of the whole
//! line without its newline. Both ends have one spelling only, so every byte of a line is covered.

use crate::digest::Digest;
use crate::platform::protocol::Record;

/// The version of the line format.
pub const VERSION: u32 = 1;
/// The longest line, newline included: four of them fit into one line of the supervisor's protocol.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

const VERSION_KEY: &[u8] = b"{\"v\":";
const CRC_KEY: &[u8] = b",\"crc\":\"";
const CRC_DIGITS: usize = 8;
const END: &[u8] = b"\"}";

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The checksum is missing or does not fit the bytes.
    #[error("its checksum does not fit")]
    Crc,
    /// `prev` is not the digest of the line before.
    #[error("it does not follow from the record before (the chain is broken)")]
    Chain,
    /// The number is not the next one.
    #[error("it carries the number {found}")]
    Seq {
        /// The number that it carries.
        found: u64,
    },
    /// The checksum fits, but the line is no record.
    #[error("it is not a record: {0}")]
    NotJson(String),
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("it is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Written by a newer gateline.
    #[error("it has format {0}, newer than {VERSION}")]
    NewerVersion(u32),
}

/// The line of a record, newline included.
pub fn encode(record: &Record) -> Vec<u8> {
    // A record is plain data with string keys: it always serialises.
    let json = serde_json::to_vec(record).unwrap_or_default();
    let fields = json.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or_default();
    let mut line = format!("{{\"v\":{VERSION},").into_bytes();
    line.extend_from_slice(fields);
    let crc = crc32fast::hash(&line);
    line.extend_from_slice(CRC_KEY);
    line.extend_from_slice(format!("{crc:08x}").as_bytes());
    line.extend_from_slice(END);
    line.push(b'\n');
    line
}

/// The record of a line (without its newline). Number and chain are the reader's to check.
///
/// # Errors
/// What is wrong with the line by itself.
pub fn decode(line: &[u8]) -> Result<Record, Fault> {
    if line.len() >= LINE_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let fields = checked(line).ok_or(Fault::Crc)?;
    match version(fields) {
        Some(VERSION) => {}
        Some(newer) if newer > VERSION => return Err(Fault::NewerVersion(newer)),
        _ => return Err(Fault::NotJson("it does not begin with its format".to_owned())),
    }
    serde_json::from_slice(line).map_err(|error| Fault::NotJson(error.to_string()))
}

/// The name of a line: what `prev` of the next record says.
pub(super) fn digest(line: &[u8]) -> Digest {
    Digest::of(line)
}

/// Whether a broken line begins with a whole sound record and goes on: its newline was taken away, which no crash
/// does. (One byte behind the record may be a newline that did not reach the disk.)
pub(super) fn begins_with_record(line: &[u8]) -> bool {
    let (mut crc, mut hashed) = (crc32fast::Hasher::new(), 0);
    while let Some(place) = line[hashed..].windows(CRC_KEY.len()).position(|bytes| bytes == CRC_KEY) {
        crc.update(&line[hashed..hashed + place]);
        hashed += place;
        let rest = &line[hashed + CRC_KEY.len()..];
        let end = format!("{:08x}\"}}", crc.clone().finalize());
        if rest.starts_with(end.as_bytes()) && rest.len() > end.len() + 1 {
            return true;
        }
        crc.update(&line[hashed..=hashed]);
        hashed += 1;
    }
    false
}

/// The bytes before the checksum, where it fits.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_suffix(END)?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(CRC_DIGITS)?)?;
    let fields = rest.strip_suffix(CRC_KEY)?;
    (format!("{:08x}", crc32fast::hash(fields)).as_bytes() == digits).then_some(fields)
}

fn version(fields: &[u8]) -> Option<u32> {
    let rest = fields.strip_prefix(VERSION_KEY)?;
    let end = rest.iter().position(|byte| *byte == b',')?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}
