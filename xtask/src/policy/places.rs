//! Where each value of a policy file stands: line and column by key path, for errors, for findings and for `policy show`.
//!
//! `serde_yaml` makes the values but does not tell where they stood, so a second reader goes over the same text. It gives
//! places only, never values: where the two disagree about a text, a place is missing and nothing else.

use saphyr_parser::{Event, Parser, Span};
use std::collections::BTreeMap;
use std::fmt;

/// Deepest nesting that is followed. A policy has five levels.
const DEPTH_MAX: usize = 32;
/// Most values of one file.
const VALUES_MAX: usize = 20_000;

/// A place in a text, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// The places of a file's values by path: `advisories.unsound`, `environments[0].steps[1].weight`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, Place>);

/// What makes a text no policy, whatever its values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where.
    pub place: Place,
    /// What: lower case, no full stop.
    pub what: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Places {
    /// Reads the places of a text.
    ///
    /// # Errors
    /// A key that is there twice, an alias, or more than a policy can have. A text that is no YAML is none of these:
    /// the parser of values says it better.
    pub fn read(text: &str) -> Result<Places, Flaw> {
        let mut reader = Reader::default();
        let mut parser = Parser::new_from_str(text);
        while let Some(Ok((event, span))) = parser.next_event() {
            reader.take(&event, span)?;
        }
        Ok(reader.places)
    }

    /// Where the value with this path stands.
    pub fn of(&self, path: &str) -> Option<Place> {
        self.0.get(path).copied()
    }

    /// The same for the value or what it is nearest in: a default inside a section that stands there.
    pub fn nearest(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.of(path) {
                return Some(place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Every path with its place.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Place)> {
        self.0.iter().map(|(path, place)| (path.as_str(), *place))
    }
}

/// What is open around the next event.
enum Open {
    /// A mapping that waits for a key.
    Key,
    /// A mapping that waits for the value of this key.
    Value(String),
    /// A list, with the index of its next item.
    Item(usize),
}

#[derive(Default)]
struct Reader {
    open: Vec<(String, Open)>,
    places: Places,
}

impl Reader {
    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), Flaw> {
        let place = Place { line: number(span.start.line()), column: number(span.start.col() + 1) };
        let flaw = |what: String| Err(Flaw { place, what });
        match event {
            Event::Alias(_) => {
                flaw("an alias (`*name`): a policy says each value where it holds, so write it out".into())
            }
            Event::Scalar(text, ..) => {
                if let Some((path, state @ Open::Key)) = self.open.last_mut() {
                    let path = if path.is_empty() { text.to_string() } else { format!("{path}.{text}") };
                    *state = Open::Value(path.clone());
                    if self.places.0.insert(path, place).is_some() {
                        return flaw(format!("the key `{text}` is there twice"));
                    }
                    return self.bounded(place);
                }
                self.begin(place);
                self.bounded(place)
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if matches!(self.open.last(), Some((_, Open::Key))) {
                    return flaw("a key that is no plain word".into());
                }
                let path = self.begin(place);
                let state = if matches!(event, Event::MappingStart(..)) { Open::Key } else { Open::Item(0) };
                self.open.push((path, state));
                if self.open.len() > DEPTH_MAX {
                    return flaw(format!("nested deeper than {DEPTH_MAX} levels"));
                }
                self.bounded(place)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Begins a value: its path, after which the next key or item may come.
    fn begin(&mut self, place: Place) -> String {
        match self.open.last_mut() {
            Some((_, state @ Open::Value(_))) => {
                let Open::Value(path) = std::mem::replace(state, Open::Key) else { return String::new() };
                path
            }
            Some((list, Open::Item(index))) => {
                let path = format!("{list}[{index}]");
                *index += 1;
                self.places.0.insert(path.clone(), place);
                path
            }
            _ => String::new(),
        }
    }

    fn bounded(&self, place: Place) -> Result<(), Flaw> {
        if self.places.0.len() > VALUES_MAX {
            return Err(Flaw { place, what: format!("more than {VALUES_MAX} values") });
        }
        Ok(())
    }
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    #[test]
    fn every_value_has_its_place() {
        let text = "# c\na: 1\nb:\n  c: x # why\n  d: [1, 22]\ne:\n- f: 1\n  g: {h: 2}\n- {f: 3}\n";
        let places = Places::read(text).unwrap();
        for (path, expected) in [
            ("a", place(2, 1)),
            ("b.c", place(4, 3)),
            ("b.d[1]", place(5, 10)),
            ("e[0].f", place(7, 3)),
            ("e[0].g.h", place(8, 7)),
            ("e[1]", place(9, 3)),
            ("e[1].f", place(9, 4)),
        ] {
            assert_eq!(places.of(path), Some(expected), "{path}");
        }
        assert_eq!((places.of("b.x"), places.nearest("b.x")), (None, Some(place(3, 1))));
        assert_eq!(places.nearest("x.y"), None);
    }

    #[test]
    fn windows_lines_and_a_byte_order_mark_move_nothing() {
        assert_eq!(Places::read("a: 1\r\nb: 2\r\n").unwrap().of("b"), Some(place(2, 1)));
    }

    #[test]
    fn twice_aliased_deep_or_endless_is_a_flaw() {
        let flaw = |text: &str| Places::read(text).expect_err(text);
        assert_eq!(flaw("a:\n  b: 1\n  b: 2\n").place, place(3, 3));
        assert!(flaw("a: &x [1]\nb: *x\n").what.contains("alias"));
        assert!(flaw(&"[".repeat(DEPTH_MAX + 1)).what.contains("nested"));
        assert!(flaw(&format!("a: [{}]", "1,".repeat(VALUES_MAX + 1))).what.contains("more than"));
    }

    proptest! {
        #[test]
        fn any_text_gives_places_or_a_flaw(text in "(\\PC|[\\[\\]{}:,\\-\\n\\t &*!|>'\"#]){0,120}") {
            let _ = Places::read(&text);
        }
    }
}
