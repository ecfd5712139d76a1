//! Cobertura XML (coverage-04.dtd), as coverage.py, gcovr, coverlet, istanbul, JaCoCo's converters and cargo-tarpaulin write it.
//!
//! Read as a stream: `source`, `class filename`, `line number hits`. A line that stands below a method and below its class counts
//! once (the larger count); several classes of one file are summed. A document type is passed over, unless it brings a subset of its own:
//! entities are never expanded, and an unknown one is an error. Plain `line` elements, which are nearly all of a file, are taken
//! from the buffer without the parser.

use super::gathered::{Gathered, RECORD_LINES_MAX};
use super::stream::{Limit, Malformed, Watched, digits};
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::io::BufRead;

/// How deep elements may nest; Cobertura needs nine.
pub const NESTING_MAX: usize = 64;
/// Folders that a file may name as beginnings of its paths.
pub const FOLDERS_MAX: usize = 100;

/// Reads a Cobertura file.
///
/// # Errors
/// Where it is malformed, at which line.
pub fn read(input: impl BufRead, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    let mut reader = Reader::from_reader(Watched::new(input));
    let mut state = State {
        gathered,
        depth: 0,
        root: false,
        folders: Vec::new(),
        text: None,
        class: None,
        lines: Vec::new(),
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().piece(Limit::Piece);
        let event = match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => break,
            Ok(event) => event,
            Err(error) => return Err(Malformed::new(reader.get_ref().line(), error.to_string())),
        };
        state.take(&event).map_err(|what| Malformed::new(reader.get_ref().piece_line(), what))?;
        // Between elements only: behind a text the parser stands before a `<` that it has seen.
        if matches!(event, Event::Start(_) | Event::Empty(_) | Event::End(_)) {
            let input = reader.get_mut();
            let taken = state.plain(input.here());
            input.consume(taken);
        }
    }
    let line = reader.get_ref().line();
    match (state.depth, state.root) {
        (0, true) => Ok(()),
        (0, false) => Err(Malformed::new(line, "no element: not a Cobertura file")),
        _ => Err(Malformed::new(line, "the file is cut off")),
    }
}

struct State<'a, 'b> {
    gathered: &'a mut Gathered<'b>,
    depth: usize,
    /// Whether the root element was seen.
    root: bool,
    folders: Vec<String>,
    /// The text of the `source` that is open.
    text: Option<String>,
    /// The class that is open: its depth, and its file where it is in the workspace.
    class: Option<(usize, Option<usize>)>,
    lines: Vec<(u32, u64)>,
}

impl State<'_, '_> {
    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Empty(element) => {
                self.open(element)?;
                self.close()
            }
            Event::Start(element) => self.open(element),
            Event::End(_) => self.close(),
            Event::Text(text) => {
                if let Some(source) = &mut self.text {
                    source.push_str(text);
                }
                Ok(())
            }
            Event::GeneralRef(entity) => {
                if self.text.is_some() {
                    Err(format!("the entity `&{};` in a path", &**entity))
                } else {
                    Ok(())
                }
            }
            Event::DocType(declared) if declared.contains('[') => {
                Err("a document type with a subset of its own: entities are not read".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(format!("elements nest deeper than {NESTING_MAX}"));
        }
        let name = element.name();
        match name.as_ref() {
            "line" => return self.line(element),
            "class" => {
                let file = attribute(element, "filename")?;
                let file = file.ok_or("a `class` without `filename`")?;
                if self.class.is_some() {
                    return Err("a `class` inside a `class`".to_owned());
                }
                let place = self.gathered.place(&file, &self.folders)?;
                self.class = Some((self.depth, place));
            }
            "source" => self.text = Some(String::new()),
            name if self.depth == 1 && name != "coverage" => {
                return Err(format!("the root element is `{name}`, of Cobertura it is `coverage`"));
            }
            _ => {}
        }
        self.root = true;
        Ok(())
    }

    fn line(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let Some((_, place)) = self.class else { return Err("a `line` outside of a `class`".to_owned()) };
        let (mut number, mut hits) = (None, None);
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            match attribute.key.as_ref() {
                "number" => number = attribute.value.parse::<u32>().ok().filter(|number| *number > 0),
                "hits" => hits = count(&attribute.value),
                _ => {}
            }
        }
        let (Some(number), Some(hits)) = (number, hits) else {
            return Err("a `line` whose `number` or `hits` is missing or no number".to_owned());
        };
        if place.is_some() {
            if self.lines.len() == RECORD_LINES_MAX {
                return Err(format!("a class of more than {RECORD_LINES_MAX} lines"));
            }
            self.lines.push((number, hits));
        }
        Ok(())
    }

    /// Takes the plain `line` elements at the start of a text: nearly all that a file consists of, ten times as fast as the
    /// parser does. How many bytes they have; what is not plain, or wrong, is left to the parser.
    fn plain(&mut self, text: &[u8]) -> usize {
        let Some((_, place)) = self.class else { return 0 };
        if self.text.is_some() || self.depth >= NESTING_MAX {
            return 0;
        }
        let mut rest = text;
        while let Some((line, behind)) = plain_line(rest) {
            if place.is_some() {
                if self.lines.len() == RECORD_LINES_MAX {
                    break;
                }
                self.lines.push(line);
            }
            rest = behind;
        }
        text.len() - rest.len()
    }

    fn close(&mut self) -> Result<(), String> {
        if let Some(source) = self.text.take() {
            if self.folders.len() == FOLDERS_MAX {
                return Err(format!("more than {FOLDERS_MAX} sources"));
            }
            self.folders.push(source.trim().to_owned());
        }
        if let Some((depth, place)) = self.class
            && depth == self.depth
        {
            self.class = None;
            if let Some(place) = place {
                // Below a method and below the class: the same line, and the larger count is right.
                self.lines.sort_unstable();
                self.lines.dedup_by(|next, kept| {
                    let same = next.0 == kept.0;
                    if same {
                        kept.1 = kept.1.max(next.1);
                    }
                    same
                });
                self.gathered.add(place, &mut self.lines)?;
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }
}

/// White space, a whole `<line …/>` of ASCII without references, and what is behind it.
fn plain_line(text: &[u8]) -> Option<((u32, u64), &[u8])> {
    let mut rest = text.trim_ascii_start().strip_prefix(b"<line")?;
    let (mut number, mut hits) = (None, None);
    loop {
        if let Some(behind) = rest.strip_prefix(b"/>") {
            return Some(((number?, hits?), behind));
        }
        rest = rest.strip_prefix(b" ")?;
        if let Some(value) = rest.strip_prefix(b"number=\"") {
            let (value, behind) = digits(value)?;
            number = Some(u32::try_from(value).ok().filter(|number| *number > 0)?);
            rest = behind.strip_prefix(b"\"")?;
        } else if let Some(value) = rest.strip_prefix(b"hits=\"") {
            let (value, behind) = digits(value)?;
            hits = Some(value);
            rest = behind.strip_prefix(b"\"")?;
        } else if !rest.starts_with(b"/>") {
            rest = other_attribute(rest)?;
        }
    }
}

/// What is behind an attribute whose value needs no care.
fn other_attribute(text: &[u8]) -> Option<&[u8]> {
    let name = text.iter().position(|byte| !(byte.is_ascii_lowercase() || *byte == b'-'))?;
    let value = text.get(name..)?.strip_prefix(b"=\"").filter(|_| name > 0)?;
    let end = value.iter().position(|byte| !matches!(byte, b' '..=b'~') || b"\"<>&".contains(byte))?;
    value.get(end..)?.strip_prefix(b"\"")
}

/// A count; one that is too large is the largest.
fn count(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    for attribute in element.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            return Ok(Some(value.map_err(|error| error.to_string())?.into_owned()));
        }
    }
    Ok(None)
}
