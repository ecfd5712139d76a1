//! Lines with their counts, packed: two or three bytes for a line, so that a workspace of millions of lines needs less memory
//! than its tracefile is long. In files they are pairs, `[[line, count], …]`.
//!
//! Line numbers are kept as distances, both numbers in groups of seven bits (as LEB128). What was packed is only read from the
//! front: every reader goes through it once.

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Lines and how often each ran, in the order in which they were given.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Lines {
    bytes: Box<[u8]>,
    count: usize,
}

impl FromIterator<(u32, u64)> for Lines {
    fn from_iter<I: IntoIterator<Item = (u32, u64)>>(lines: I) -> Lines {
        let mut packing = Packing::default();
        lines.into_iter().for_each(|line| packing.push(line));
        packing.done()
    }
}

impl From<Vec<(u32, u64)>> for Lines {
    fn from(lines: Vec<(u32, u64)>) -> Lines {
        lines.into_iter().collect()
    }
}

impl Lines {
    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes that they need.
    pub fn packed_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Each line and its count.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: self.bytes.iter(), line: 0 }
    }
}

/// They are what they hold, packed or not.
impl<T: AsRef<[(u32, u64)]>> PartialEq<T> for Lines {
    fn eq(&self, other: &T) -> bool {
        self.iter().eq(other.as_ref().iter().copied())
    }
}

impl<'a> IntoIterator for &'a Lines {
    type Item = (u32, u64);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Packs one line after the other.
#[derive(Default)]
struct Packing {
    bytes: Vec<u8>,
    count: usize,
    before: u32,
}

impl Packing {
    /// A distance backwards wraps around, so that any order is kept.
    fn push(&mut self, (line, count): (u32, u64)) {
        number(&mut self.bytes, u64::from(line.wrapping_sub(self.before)));
        number(&mut self.bytes, count);
        self.before = line;
        self.count += 1;
    }

    fn done(self) -> Lines {
        Lines { bytes: self.bytes.into_boxed_slice(), count: self.count }
    }
}

fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Lines from the first to the last.
#[derive(Clone)]
pub struct Iter<'a> {
    rest: std::slice::Iter<'a, u8>,
    line: u32,
}

impl Iter<'_> {
    fn number(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = *self.rest.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
            shift += 7;
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = (u32, u64);

    fn next(&mut self) -> Option<(u32, u64)> {
        let distance = self.number()?;
        // It was a `u32` when it was packed.
        self.line = self.line.wrapping_add(distance as u32);
        Some((self.line, self.number()?))
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl Serialize for Lines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lines, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Lines;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("lines: [[line, count], …]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Lines, A::Error> {
                let mut packing = Packing::default();
                while let Some(line) = list.next_element()? {
                    packing.push(line);
                }
                Ok(packing.done())
            }
        }

        deserializer.deserialize_seq(Pairs)
    }
}

#[cfg(test)]
mod proof {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_in_any_order(lines in prop::collection::vec(any::<(u32, u64)>(), 0..60)) {
            let packed: Lines = lines.iter().copied().collect();
            prop_assert_eq!((packed.len(), packed.is_empty()), (lines.len(), lines.is_empty()));
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), lines.clone());
            prop_assert_eq!(format!("{packed:?}"), format!("{lines:?}"));
        }

        #[test]
        fn in_files_they_are_pairs(lines in prop::collection::vec((1u32..9000, 0u64..9), 0..60)) {
            let packed = Lines::from(lines.clone());
            let text = serde_json::to_string(&packed).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&lines).unwrap());
            prop_assert_eq!(serde_json::from_str::<Lines>(&text).unwrap(), packed);
        }
    }

    #[test]
    fn neighbours_with_small_counts_need_two_bytes_each() {
        let lines: Lines = (1..1001).map(|line| (line, 100)).collect();
        assert_eq!(lines.packed_bytes(), 2000);
    }
}
