//! `llvm-cov export` in JSON (`llvm.coverage.json.export`, versions 2 and 3), of C, C++, Swift, Zig or Rust.
//!
//! Lines come from a file's segments as LLVM makes them, with the engine's own code, so that they equal the `DA` lines of
//! `llvm-cov export --format=lcov`. Everything else is skipped without being kept.

use super::gathered::{Gathered, RECORD_LINES_MAX};
use super::json::{Json, plain_truth, plain_whole};
use super::stream::Malformed;
use crate::tools::coverage::{ExportedSegment as Segment, lines_of_segments};
use std::io::BufRead;

/// What `type` must say.
const TYPE: &str = "llvm.coverage.json.export";

/// Reads an export.
///
/// # Errors
/// Where it is malformed, at which line.
pub fn read(input: impl BufRead, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    let (mut json, mut kind, mut segments) = (Json::new(input), None, Vec::new());
    json.object(|json, key| match key {
        "type" => {
            kind = Some(json.string()?);
            Ok(())
        }
        "data" => json.list(|json| {
            json.object(|json, key| match key {
                "files" => json.list(|json| read_file(json, &mut segments, gathered)),
                _ => json.skip(),
            })
        }),
        _ => json.skip(),
    })?;
    json.end()?;
    if kind.as_deref() != Some(TYPE) {
        return Err(json.wrong(format!("`type` is not `{TYPE}`")));
    }
    Ok(())
}

/// `filename` and `segments`, in any order. The list is only lent, so that it need not grow for each file.
fn read_file(
    json: &mut Json<impl BufRead>,
    segments: &mut Vec<Segment>,
    gathered: &mut Gathered<'_>,
) -> Result<(), Malformed> {
    let mut file = None;
    segments.clear();
    json.object(|json, key| match key {
        "filename" => {
            file = Some(json.string()?);
            Ok(())
        }
        "segments" => {
            segments.clear();
            json.list(|json| {
                if segments.len() == RECORD_LINES_MAX {
                    return Err(json.wrong(format!("a file of more than {RECORD_LINES_MAX} segments")));
                }
                segments.push(read_segment(json)?);
                Ok(())
            })
        }
        _ => json.skip(),
    })?;
    let Some(file) = file else { return Err(json.wrong("a file without `filename`")) };
    take(&file, segments, gathered).map_err(|why| json.wrong(why))
}

/// `[line, column, count, counted, entry, gap]`. Nearly always all of it is in the buffer, without white space.
fn read_segment(json: &mut Json<impl BufRead>) -> Result<Segment, Malformed> {
    match json.quick(plain_segment) {
        Some(segment) => Ok(segment),
        None => any_segment(json),
    }
}

fn plain_segment(text: &[u8]) -> Option<(Segment, &[u8])> {
    let (line, rest) = plain_whole(text.strip_prefix(b"[")?)?;
    let (column, rest) = plain_whole(rest.strip_prefix(b",")?)?;
    let (count, rest) = plain_whole(rest.strip_prefix(b",")?)?;
    let (counted, rest) = plain_truth(rest.strip_prefix(b",")?)?;
    let (entry, rest) = plain_truth(rest.strip_prefix(b",")?)?;
    let (gap, rest) = plain_truth(rest.strip_prefix(b",")?)?;
    let (line, column) = (u32::try_from(line).ok()?, u32::try_from(column).ok()?);
    Some((Segment { line, column, count, counted, entry, gap }, rest.strip_prefix(b"]")?))
}

fn any_segment(json: &mut Json<impl BufRead>) -> Result<Segment, Malformed> {
    let small = |json: &mut Json<_>| {
        let value = json.whole()?;
        u32::try_from(value).map_err(|_| json.wrong(format!("{value} is no line or column")))
    };
    json.expect(b'[')?;
    let line = small(json)?;
    json.expect(b',')?;
    let column = small(json)?;
    json.expect(b',')?;
    let count = json.whole()?;
    json.expect(b',')?;
    let counted = json.truth()?;
    json.expect(b',')?;
    let entry = json.truth()?;
    json.expect(b',')?;
    let gap = json.truth()?;
    json.expect(b']')?;
    Ok(Segment { line, column, count, counted, entry, gap })
}

/// Takes the lines of a file.
fn take(file: &str, segments: &[Segment], gathered: &mut Gathered<'_>) -> Result<(), String> {
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
