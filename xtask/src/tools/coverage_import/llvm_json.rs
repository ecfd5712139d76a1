//! `llvm-cov export` in JSON (`llvm.coverage.json.export`, versions 2 and 3), of C, C++, Swift, Zig or Rust.
//!
//! Lines come from a file's segments as LLVM makes them, with the engine's own code, so that they equal the `DA` lines of
//! `llvm-cov export --format=lcov`. Everything else is skipped without being kept.

use super::gathered::{Gathered, RECORD_LINES_MAX};
use super::stream::{Limit, Malformed, Watched};
use crate::tools::coverage::{ExportedSegment as Segment, lines_of_segments};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt;
use std::io::{BufRead, Read};

/// What `type` must say.
const TYPE: &str = "llvm.coverage.json.export";

/// Reads an export.
///
/// # Errors
/// Where it is malformed, at which line.
pub fn read(input: impl BufRead, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    let watched = RefCell::new(Watched::new(input));
    let context = Context { watched: &watched, gathered: RefCell::new(gathered) };
    let mut json = serde_json::Deserializer::from_reader(Shared(&watched));
    let read = Seed(Part::Export, &context).deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| {
        let line = watched.borrow().line();
        // The line is ours: serde_json's is of where its value began.
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
        Malformed::new(line, said)
    })
}

struct Context<'a, 'b, 'c, R> {
    watched: &'a RefCell<Watched<R>>,
    gathered: RefCell<&'b mut Gathered<'c>>,
}

impl<R: BufRead> Context<'_, '_, '_, R> {
    fn piece(&self, limit: Limit) {
        self.watched.borrow_mut().piece(limit);
    }

    /// Takes the lines of a file.
    fn take(&self, file: &str, segments: &[Segment]) -> Result<(), String> {
        let mut gathered = self.gathered.borrow_mut();
        let Some(place) = gathered.place(file, &[])? else { return Ok(()) };
        if !segments.is_sorted_by_key(|segment| (segment.line, segment.column)) {
            return Err(format!("the segments of `{file}` are not in order"));
        }
        let span = segments.first().zip(segments.last()).map_or(0, |(first, last)| last.line - first.line);
        if span as usize > RECORD_LINES_MAX || segments.iter().any(|segment| segment.line == 0) {
            return Err(format!("the segments of `{file}` name lines that no file has"));
        }
        gathered.add(place, &mut lines_of_segments(segments))
    }
}

/// The stream, which the parser reads and the visitors watch.
struct Shared<'a, R>(&'a RefCell<Watched<R>>);

impl<R: BufRead> Read for Shared<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().read(into)
    }
}

/// Which part of the export a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The whole: `type` and `data`.
    Export,
    /// `data`: a list of exports.
    Data,
    /// One of them: `files`, `functions`, `totals`.
    Item,
    /// `files`: a list.
    Files,
    /// One of them: `filename`, `segments`, `summary`.
    File,
}

struct Seed<'x, 'a, 'b, 'c, R>(Part, &'x Context<'a, 'b, 'c, R>);

impl<'de, R: BufRead> DeserializeSeed<'de> for Seed<'_, '_, '_, '_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            Part::Data | Part::Files => deserializer.deserialize_seq(self),
            Part::Export | Part::Item | Part::File => deserializer.deserialize_map(self),
        }
    }
}

impl<'de, R: BufRead> Visitor<'de> for Seed<'_, '_, '_, '_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Part::Export => "an export of llvm-cov",
            Part::Data => "a list of exports",
            Part::Item => "an export with its files",
            Part::Files => "a list of files",
            Part::File => "a file with its segments",
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let part = if self.0 == Part::Data { Part::Item } else { Part::File };
        self.1.piece(Limit::Piece);
        while list.next_element_seed(Seed(part, self.1))?.is_some() {
            self.1.piece(Limit::Piece);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut file, mut segments, mut seen) = (None, Vec::new(), None);
        self.1.piece(Limit::Piece);
        while let Some(key) = map.next_key::<String>()? {
            self.1.piece(Limit::Piece);
            match (self.0, key.as_str()) {
                (Part::Export, "type") => seen = Some(map.next_value::<String>()?),
                (Part::Export, "data") => map.next_value_seed(Seed(Part::Data, self.1))?,
                (Part::Item, "files") => map.next_value_seed(Seed(Part::Files, self.1))?,
                (Part::File, "filename") => file = Some(map.next_value::<String>()?),
                (Part::File, "segments") => segments = map.next_value_seed(Segments(self.1))?,
                _ => {
                    // What is skipped may be long: nothing of it is kept.
                    self.1.piece(Limit::None);
                    map.next_value::<IgnoredAny>()?;
                }
            }
            self.1.piece(Limit::Piece);
        }
        match (self.0, file, seen) {
            (Part::File, None, _) => Err(A::Error::custom("a file without `filename`")),
            (Part::File, Some(file), _) => self.1.take(&file, &segments).map_err(A::Error::custom),
            (Part::Export, _, Some(kind)) if kind == TYPE => Ok(()),
            (Part::Export, _, _) => Err(A::Error::custom(format!("`type` is not `{TYPE}`"))),
            _ => Ok(()),
        }
    }
}

struct Segments<'x, 'a, 'b, 'c, R>(&'x Context<'a, 'b, 'c, R>);

impl<'de, R: BufRead> DeserializeSeed<'de> for Segments<'_, '_, '_, '_, R> {
    type Value = Vec<Segment>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Segment>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, R: BufRead> Visitor<'de> for Segments<'_, '_, '_, '_, R> {
    type Value = Vec<Segment>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("segments: [line, column, count, counted, entry, gap]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Segment>, A::Error> {
        let mut segments = Vec::new();
        while let Some(Written(line, column, count, counted, entry, gap)) = list.next_element()? {
            self.0.piece(Limit::Piece);
            if segments.len() == RECORD_LINES_MAX {
                return Err(A::Error::custom(format!("a file of more than {RECORD_LINES_MAX} segments")));
            }
            segments.push(Segment { line, column, count, counted, entry, gap });
        }
        Ok(segments)
    }
}

/// A segment as it is written.
#[derive(serde::Deserialize)]
struct Written(u32, u32, u64, bool, bool, bool);
