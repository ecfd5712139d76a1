//! Just enough of ELF to know whether a binary starts in an empty root: its machine, and whether it asks for a
//! dynamic loader. Offsets are those of the 64-bit little-endian format (elf(5)).

use crate::oci::config::Architecture;

/// How much of a file is looked at: headers of linkers we know lie in the first page.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most program headers that are looked at.
const PROGRAM_HEADERS_MAX: usize = 64;
const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;
const PT_INTERP: u32 = 3;

/// What the head of a binary says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Elf {
    pub(super) architecture: Architecture,
    pub(super) linkage: Linkage,
}

/// Whether a loader and libraries are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linkage {
    /// It starts by itself.
    Static,
    /// It asks for a loader.
    Dynamic,
}

/// Reads the head of a binary.
pub(super) fn read(head: &[u8]) -> Result<Elf, String> {
    let whole = head.len() >= HEADER_BYTES && head.starts_with(b"\x7fELF");
    if !whole || head[4] != 2 || head[5] != 1 {
        return Err("it is not a 64-bit little-endian ELF file".to_owned());
    }
    let architecture = match u16_at(head, 18) {
        62 => Architecture::Amd64,
        183 => Architecture::Arm64,
        other => return Err(format!("its machine number {other} is not one that images are made for")),
    };
    let start = usize::try_from(u64_at(head, 32)).unwrap_or(usize::MAX);
    let (size, count) = (usize::from(u16_at(head, 54)), usize::from(u16_at(head, 56)));
    if size != PROGRAM_HEADER_BYTES || count == 0 || count > PROGRAM_HEADERS_MAX {
        return Err(format!("it has {count} program headers of {size} bytes"));
    }
    let headers = start.checked_add(size * count).and_then(|end| head.get(start..end));
    let headers = headers.ok_or("its program headers are not at its start")?;
    let asks = headers.chunks(PROGRAM_HEADER_BYTES).any(|header| u32_at(header, 0) == PT_INTERP);
    let linkage = if asks { Linkage::Dynamic } else { Linkage::Static };
    Ok(Elf { architecture, linkage })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_system_binary_is_dynamic() {
        let bytes = std::fs::read("/bin/sh").unwrap();
        let elf = read(&bytes[..bytes.len().min(HEAD_BYTES_MAX)]).unwrap();
        assert_eq!(elf.linkage, Linkage::Dynamic);
    }

    #[test]
    fn without_the_loader_header_it_is_static() {
        let mut bytes = std::fs::read("/bin/sh").unwrap();
        bytes.truncate(HEAD_BYTES_MAX);
        let start = usize::try_from(u64_at(&bytes, 32)).unwrap();
        for at in 0..usize::from(u16_at(&bytes, 56)) {
            let at = start + at * PROGRAM_HEADER_BYTES;
            if u32_at(&bytes, at) == PT_INTERP {
                bytes[at..at + 4].fill(0);
            }
        }
        assert_eq!(read(&bytes).unwrap().linkage, Linkage::Static);
        bytes[18] = 40;
        assert!(read(&bytes).unwrap_err().contains("machine number 40"));
        assert!(read(b"#!/bin/sh").is_err());
    }

    proptest! {
        #[test]
        fn any_head_is_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 64..400)) {
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            bytes[18..20].copy_from_slice(&[62, 0]);
            let _ = read(&bytes);
            bytes[54..58].copy_from_slice(&[56, 0, 1, 0]);
            let _ = read(&bytes);
        }
    }
}
