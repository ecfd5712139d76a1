//! LCOV tracefiles (geninfo(1), "TRACEFILE FORMAT"), as geninfo, grcov, llvm-cov, tarpaulin, c8 and many others write them.
//!
//! `SF`, `DA` and `end_of_record` are read; functions, branches and sums are skipped: llvm-cov's sums are another count than its `DA`
//! lines. Anything else is no tracefile.

use super::gathered::{Gathered, RECORD_LINES_MAX};
use super::stream::{Malformed, digits, for_each_line};
use std::io::BufRead;

/// What of a record was seen.
enum Record {
    /// None is open.
    Outside,
    /// Its file, where it is in the workspace.
    Of(Option<usize>),
}

/// Reads a tracefile.
///
/// # Errors
/// Where a line is wrong, by number.
pub fn read(input: impl BufRead, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    let (mut record, mut lines, mut last, mut records) = (Record::Outside, Vec::new(), 0, 0u64);
    for_each_line(input, |number, line| {
        last = number;
        let wrong = |what: String| Malformed::new(number, what);
        if let Some(rest) = line.strip_prefix(b"DA:") {
            let Record::Of(place) = record else {
                return Err(wrong("`DA` before `SF`".to_owned()));
            };
            let entry =
                data(rest).ok_or_else(|| wrong(format!("`{}` is no `DA:line,count`", shown(line))))?;
            if place.is_some() {
                if lines.len() == RECORD_LINES_MAX {
                    return Err(wrong(format!("a record of more than {RECORD_LINES_MAX} lines")));
                }
                lines.push(entry);
            }
            return Ok(());
        }
        let line = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        if let Some(path) = line.strip_prefix(b"SF:") {
            if matches!(record, Record::Of(_)) {
                return Err(wrong("`SF` before the `end_of_record` of the file before it".to_owned()));
            }
            record = Record::Of(gathered.place(&text(path), &[]).map_err(wrong)?);
            records += 1;
        } else if line == b"end_of_record" {
            match std::mem::replace(&mut record, Record::Outside) {
                Record::Outside => return Err(wrong("`end_of_record` without `SF`".to_owned())),
                Record::Of(Some(place)) => gathered.add(place, &mut lines).map_err(wrong)?,
                Record::Of(None) => {}
            }
        } else if !is_skipped(line) {
            return Err(wrong(format!("`{}` is no line of an LCOV tracefile", shown(line))));
        }
        Ok(())
    })?;
    match record {
        Record::Of(_) => Err(Malformed::new(last, "the file is cut off: no `end_of_record`")),
        Record::Outside if records == 0 => {
            Err(Malformed::new(last.max(1), "no record: not an LCOV tracefile, or one of no file"))
        }
        Record::Outside => Ok(()),
    }
}

/// `line,count[,checksum]`.
fn data(rest: &[u8]) -> Option<(u32, u64)> {
    let (line, rest) = digits(rest)?;
    let (count, rest) = digits(rest.strip_prefix(b",")?)?;
    let ends = rest.is_empty() || (rest[0] == b',' && rest.len() > 1);
    let line = u32::try_from(line).ok().filter(|line| *line > 0 && ends)?;
    Some((line, count))
}

/// Blank lines, comments, and records of other things: some capital letters or digits, and a colon.
fn is_skipped(line: &[u8]) -> bool {
    let word = line.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
    let blank = line.iter().all(u8::is_ascii_whitespace);
    blank || line.starts_with(b"#") || (word >= 2 && line.get(word) == Some(&b':'))
}

/// Text for a message: short, and without control characters.
fn shown(line: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(line).chars().take(60).collect();
    text.escape_debug().to_string()
}

/// A path; bytes that are not UTF-8 are written `\xNN`.
fn text(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}
