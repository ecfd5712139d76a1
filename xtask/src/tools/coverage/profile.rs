//! Raw profiles: how often each counter of each function was hit, summed over all files.
//!
//! `llvm_profparser` knows the header in all its versions; the body is read here, because its reader panics on a file
//! that ends early, reserves memory by a number from the file, and merges counters without looking at the function's
//! hash. Here every size is compared with the file's length first, so a damaged file is an error with its name and
//! never fewer lines. Format: compiler-rt/lib/profile/InstrProfilingWriter.c and `InstrProfData.inc`, versions 9 to 11
//! (LLVM 18 to 23), little endian, 64 bit.

use llvm_profparser::instrumentation_profile::InstrProfReader as _;
use llvm_profparser::instrumentation_profile::raw_profile::{Header, RawInstrProf64};
use std::collections::HashMap;

/// `RawInstrProf64::MAGIC` as a little-endian machine writes it.
const MAGIC: [u8; 8] = *b"\x81rforpl\xff";

/// The top byte of the version holds flags.
const VERSION_MASK: u64 = 0x00ff_ffff_ffff_ffff;

/// Counters of one byte each, where 0 means hit; rustc does not write them.
const FLAG_BYTE_COVERAGE: u64 = 1 << 60;

/// The counters of all profiles, by function.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// By hash of the name: hash of the structure and the counts. Most names have one structure.
    functions: HashMap<u64, Vec<Structure>>,
}

#[derive(Debug)]
struct Structure {
    hash: u64,
    counts: Vec<u64>,
}

/// What the profiles know of a function.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known<'a> {
    /// It ran.
    Counts(&'a [u64]),
    /// It never ran.
    Absent,
    /// A function of this name ran, but it was built from another source.
    OtherStructure,
}

impl Counters {
    /// Adds one raw profile.
    ///
    /// # Errors
    /// What is wrong with it; nothing is to be concluded from the counters then.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() {
            return Err("it is empty".to_owned());
        }
        // One file may hold several profiles, one behind the other.
        while !bytes.is_empty() {
            bytes = self.add_one(bytes)?;
        }
        Ok(())
    }

    /// What is known of the function with this name and structure.
    pub(super) fn of(&self, name: u64, hash: u64) -> Known<'_> {
        match self.functions.get(&name) {
            None => Known::Absent,
            Some(structures) => structures
                .iter()
                .find(|structure| structure.hash == hash)
                .map_or(Known::OtherStructure, |structure| Known::Counts(&structure.counts)),
        }
    }

    fn add_one<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], String> {
        let layout = Layout::of(bytes)?;
        let data = part(bytes, layout.data);
        let counters = part(bytes, layout.counters);
        for (index, record) in data.chunks_exact(layout.record_size).enumerate() {
            self.add_function(&layout, index, record, counters)?;
        }
        Ok(&bytes[layout.end..])
    }

    fn add_function(
        &mut self,
        layout: &Layout,
        index: usize,
        record: &[u8],
        counters: &[u8],
    ) -> Result<(), String> {
        let (name, hash, pointer) = (word(record, 0), word(record, 8), word(record, 16));
        let number = half_word(record, layout.number_of_counters_at) as usize;
        // The pointer is relative to its record, the delta to the first one (InstrProfReader.cpp, `readRawCounts`).
        let offset =
            pointer.wrapping_add((index * layout.record_size) as u64).wrapping_sub(layout.counters_delta);
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| Some(start..start.checked_add(number.checked_mul(8)?)?))
            .filter(|range| number > 0 && range.start % 8 == 0 && range.end <= counters.len());
        let Some(range) = range else {
            return Err(format!("function {index} points outside of the counters"));
        };
        let counts = &counters[range];
        // As `llvm-profdata merge -sparse`: what never ran is not in the profile.
        if counts.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.sum(name, hash, counts)
            .map_err(|()| format!("function {index} has another number of counters elsewhere"))
    }

    fn sum(&mut self, name: u64, hash: u64, counts: &[u8]) -> Result<(), ()> {
        let structures = self.functions.entry(name).or_default();
        let Some(known) = structures.iter_mut().find(|structure| structure.hash == hash) else {
            let counts = counts.chunks_exact(8).map(|bytes| word(bytes, 0)).collect();
            structures.push(Structure { hash, counts });
            return Ok(());
        };
        if known.counts.len() * 8 != counts.len() {
            return Err(());
        }
        for (sum, bytes) in known.counts.iter_mut().zip(counts.chunks_exact(8)) {
            *sum = sum.saturating_add(word(bytes, 0));
        }
        Ok(())
    }
}

/// Where the parts of one raw profile lie: offset and length in bytes, all inside of the file.
struct Layout {
    data: (usize, usize),
    counters: (usize, usize),
    end: usize,
    record_size: usize,
    number_of_counters_at: usize,
    counters_delta: u64,
}

impl Layout {
    fn of(bytes: &[u8]) -> Result<Layout, String> {
        if !bytes.starts_with(&MAGIC) {
            return Err("it does not begin like a raw profile of a 64-bit little-endian machine".to_owned());
        }
        let header = RawInstrProf64::parse_header(bytes);
        let (rest, header) = header.map_err(|_| "it ends inside of its header".to_owned())?;
        let version = header.version & VERSION_MASK;
        let (record_size, number_of_counters_at) = match version {
            9 | 10 => (64, 48),
            11 => (72, 56),
            _ => return Err(format!("raw profile version {version} is not known here (9 to 11 are)")),
        };
        if header.version & FLAG_BYTE_COVERAGE != 0 || header.num_vtables != 0 || header.vnames_size != 0 {
            return Err("it has parts that Rust does not write".to_owned());
        }
        let ends = ends(bytes.len() - rest.len(), record_size, &header)
            .ok_or_else(|| "its header names impossible sizes".to_owned())?;
        if ends.all > bytes.len() {
            return Err(format!("it ends after {} of {} bytes", bytes.len(), ends.all));
        }
        Ok(Layout {
            data: ends.data,
            counters: ends.counters,
            end: ends.all,
            record_size,
            number_of_counters_at,
            counters_delta: header.counters_delta,
        })
    }
}

/// Where parts begin and how long they are, and where the profile ends.
struct Ends {
    data: (usize, usize),
    counters: (usize, usize),
    all: usize,
}

/// Adds the sizes up in the order of the file; `None` where they do not fit into a number.
fn ends(header_size: usize, record_size: usize, header: &Header) -> Option<Ends> {
    let size = |number: u64, unit: usize| usize::try_from(number).ok()?.checked_mul(unit);
    let sum = |sizes: &[usize]| sizes.iter().try_fold(0usize, |sum, size| sum.checked_add(*size));
    let data =
        (header_size.checked_add(size(header.binary_ids_len, 1)?)?, size(header.data_len, record_size)?);
    let counters_start = sum(&[data.0, data.1, size(header.padding_bytes_before_counters, 1)?])?;
    let counters = (counters_start, size(header.counters_len, 8)?);
    let names = size(header.names_len, 1)?;
    let all = sum(&[
        counters.0,
        counters.1,
        size(header.padding_bytes_after_counters, 1)?,
        size(header.num_bitmap_bytes, 1)?,
        size(header.padding_bytes_after_bitmap_bytes, 1)?,
        size(header.num_uniform_counters, 8)?,
        size(header.padding_bytes_after_uniform_counters, 1)?,
        names,
        names.wrapping_neg() % 8,
    ])?;
    Some(Ends { data, counters, all })
}

/// The part at this offset with this length; [`Layout::of`] has compared both with the file's.
fn part(bytes: &[u8], (offset, length): (usize, usize)) -> &[u8] {
    &bytes[offset..offset + length]
}

/// Eight bytes as a number.
fn word(bytes: &[u8], offset: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[offset..offset + 8]);
    u64::from_le_bytes(word)
}

/// Four bytes as a number.
fn half_word(bytes: &[u8], offset: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(word)
}

#[cfg(test)]
pub(super) mod tests;
