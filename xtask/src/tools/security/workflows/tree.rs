//! YAML as a tree whose every value knows where it stands: findings need lines, and a fix needs columns.
//!
//! Anchors and aliases are legal in workflows. An alias shares the value that it names, so a bomb costs no memory; how large
//! the tree would be when written out is counted, and too large is a flaw. GitHub takes no merge keys (`<<`) and no key twice:
//! neither do we.

use crate::policy::places::{Flaw, Place};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashMap;
use std::rc::Rc;

/// Deepest nesting. The deepest that GitHub's syntax needs is about ten.
pub(super) const DEPTH_MAX: usize = 64;
/// Most values of one file, aliases written out.
pub(super) const VALUES_MAX: usize = 100_000;

/// One value.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) at: Place,
    /// What it is.
    pub(super) value: Value,
    /// Values in it, itself included, aliases written out.
    weight: usize,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Value {
    Scalar { text: String, style: ScalarStyle },
    List(Vec<Rc<Node>>),
    Map(Vec<(Key, Rc<Node>)>),
}

/// A key with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) at: Place,
}

impl Node {
    /// The value under a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.entry(key).map(|(_, node)| node)
    }

    /// The same with the key.
    pub(super) fn entry(&self, key: &str) -> Option<&(Key, Rc<Node>)> {
        self.entries().iter().find(|(name, _)| name.name == key)
    }

    /// The entries of a mapping; none of anything else.
    pub(super) fn entries(&self) -> &[(Key, Rc<Node>)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Rc<Node>] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The items of a list, or the value itself: `branches: main` and `branches: [main]` are the same to GitHub.
    pub(super) fn one_or_more(self: &Rc<Node>) -> Vec<&Rc<Node>> {
        match &self.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![self],
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is written: `key:`, `key: null`, `key: ~`.
    pub(super) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, style } => {
                *style == ScalarStyle::Plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Whether a scalar is this boolean to GitHub.
    pub(super) fn is(&self, text: &str) -> bool {
        self.text().is_some_and(|own| own.trim().eq_ignore_ascii_case(text))
    }

    /// The line of a place in the text of a scalar: exact in literal blocks, where scripts are; else its first.
    pub(super) fn line_of(&self, offset: usize) -> u32 {
        match &self.value {
            Value::Scalar { text, style: ScalarStyle::Literal } => {
                // Such a block is said to begin with its first line that is not empty.
                let empty = text.len() - text.trim_start_matches('\n').len();
                let before = text.get(empty..offset).unwrap_or_default();
                let lines = before.bytes().filter(|byte| *byte == b'\n').count();
                self.at.line + number(lines)
            }
            _ => self.at.line,
        }
    }

    /// Every scalar in it, keys left out, each as often as it stands or is named there.
    pub(super) fn scalars(self: &Rc<Node>) -> Vec<Rc<Node>> {
        let (mut open, mut found) = (vec![self.clone()], Vec::new());
        while let Some(node) = open.pop() {
            match &node.value {
                Value::Scalar { .. } => found.push(node),
                Value::List(items) => open.extend(items.iter().rev().cloned()),
                Value::Map(entries) => open.extend(entries.iter().rev().map(|(_, node)| node.clone())),
            }
        }
        found
    }
}

/// Reads a text that holds one document.
///
/// # Errors
/// Where and why it is none that GitHub would take, or more than we look at.
pub(super) fn read(text: &str) -> Result<Rc<Node>, Flaw> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| {
            let place = place(error.marker().line(), error.marker().col());
            Flaw { place, what: format!("no YAML: {}", error.info()) }
        })?;
        builder.take(&event, span)?;
    }
    let nothing = Flaw { place: Place { line: 1, column: 1 }, what: "the file is empty".to_owned() };
    builder.root.ok_or(nothing)
}

/// A value that is not closed yet.
struct Open {
    at: Place,
    anchor: usize,
    weight: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<(Key, Rc<Node>)>, key: Option<Key> },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Builder {
    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), Flaw> {
        let at = place(span.start.line(), span.start.col());
        let flaw = |what: String| Err(Flaw { place: at, what });
        match event {
            Event::DocumentStart(_) if self.root.is_some() => flaw("more than one document".to_owned()),
            Event::Scalar(text, style, anchor, _) => {
                if let Some(Open { inside: Inside::Map { entries, key: key @ None }, .. }) =
                    self.open.last_mut()
                {
                    if text.as_ref() == "<<" {
                        return flaw("a merge key (`<<`), which GitHub does not take".to_owned());
                    }
                    if entries.iter().any(|(known, _)| known.name == text.as_ref()) {
                        return flaw(format!("the key `{text}` is there twice"));
                    }
                    *key = Some(Key { name: text.to_string(), at });
                    return Ok(());
                }
                let value = Value::Scalar { text: text.to_string(), style: *style };
                self.close(Node { at, value, weight: 1 }, *anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(anchor).cloned() {
                Some(_) if self.waits_for_a_key() => flaw("an alias where a key should be".to_owned()),
                Some(node) => self.put(node, at),
                None => flaw("an alias of something that it is in itself".to_owned()),
            },
            Event::SequenceStart(anchor, _) => self.start(at, *anchor, Inside::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.start(at, *anchor, Inside::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, weight, inside }) = self.open.pop() else { return Ok(()) };
                let value = match inside {
                    Inside::List(items) => Value::List(items),
                    Inside::Map { entries, .. } => Value::Map(entries),
                };
                self.close(Node { at, value, weight }, anchor)
            }
            _ => Ok(()),
        }
    }

    fn waits_for_a_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Map { key: None, .. }, .. }))
    }

    fn start(&mut self, at: Place, anchor: usize, inside: Inside) -> Result<(), Flaw> {
        let what = if self.waits_for_a_key() {
            "a key that is no plain word".to_owned()
        } else if self.open.len() >= DEPTH_MAX {
            format!("nested deeper than {DEPTH_MAX} levels")
        } else {
            self.open.push(Open { at, anchor, weight: 1, inside });
            return Ok(());
        };
        Err(Flaw { place: at, what })
    }

    /// A value is whole: its anchor names it from here on.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Flaw> {
        let (node, at) = (Rc::new(node), began(&self.open));
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node, at)
    }

    fn put(&mut self, node: Rc<Node>, at: Place) -> Result<(), Flaw> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(node.weight);
        if open.weight > VALUES_MAX {
            let what = format!("more than {VALUES_MAX} values, aliases written out");
            return Err(Flaw { place: at, what });
        }
        match &mut open.inside {
            Inside::List(items) => items.push(node),
            Inside::Map { entries, key } => {
                if let Some(key) = key.take() {
                    entries.push((key, node));
                }
            }
        }
        Ok(())
    }
}

/// Where what is open began: that is what grew too large.
fn began(open: &[Open]) -> Place {
    open.last().map_or(Place { line: 1, column: 1 }, |open| open.at)
}

fn place(line: usize, column: usize) -> Place {
    Place { line: number(line).max(1), column: number(column + 1) }
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flaw(text: &str) -> String {
        read(text).expect_err("a flaw").what
    }

    #[test]
    fn values_know_where_they_stand() {
        let text = "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          one\n          two ${{ x }}\n      - {run: b}\n";
        let tree = read(text).unwrap();
        let (key, job) = tree.get("jobs").unwrap().entry("a").unwrap();
        assert_eq!((key.at.line, job.at.line), (3, 4));
        let steps = job.get("steps").unwrap().items();
        let run = steps[0].get("run").unwrap();
        assert_eq!(run.text(), Some("one\ntwo ${{ x }}\n"));
        assert_eq!((run.line_of(0), run.line_of(8)), (6, 7));
        let blank = read("a: |\n\n\n  x ${{ y }}\n").unwrap();
        let blank = blank.get("a").unwrap();
        assert_eq!((blank.text(), blank.line_of(4)), (Some("\n\nx ${{ y }}\n"), 4));
        assert_eq!(steps[1].get("run").unwrap().line_of(0), 8);
        assert_eq!((steps[1].at.line, steps[1].at.column), (8, 9));
    }

    #[test]
    fn an_alias_is_the_value_that_it_names() {
        let tree = read("a: &x {b: 1}\nc: *x\n").unwrap();
        assert_eq!(tree.get("c").unwrap().get("b").unwrap().text(), Some("1"));
    }

    #[test]
    fn what_github_would_not_take_is_a_flaw() {
        assert!(flaw("a: 1\na: 2\n").contains("twice"));
        assert!(flaw("a: &x {b: 1}\nc:\n  <<: *x\n").contains("merge key"));
        assert!(flaw("a: [\n").contains("no YAML"));
        assert!(flaw("").contains("empty"));
        assert!(flaw("a: 1\n---\nb: 2\n").contains("document"));
        assert!(flaw("? [a]\n: b\n").contains("plain word"));
        assert!(flaw("a: &x [*x]\n").contains("itself"));
        assert!(flaw(&"[".repeat(DEPTH_MAX + 1)).contains("deeper"));
    }

    #[test]
    fn a_bomb_is_a_flaw_and_costs_nothing() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..40 {
            let before = level - 1;
            let items = vec![format!("*a{before}"); 9].join(", ");
            bomb += &format!("a{level}: &a{level} [{items}]\n");
        }
        assert!(flaw(&bomb).contains("more than"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_tree_or_a_flaw(text in "(\\PC|[\\[\\]{}:,\\-\\n\\t &*!|>'\"#]){0,120}") {
            if let Ok(tree) = read(&text) {
                let lines = number(text.lines().count()) + 1;
                for scalar in tree.scalars() {
                    prop_assert!(scalar.at.line <= lines);
                }
            }
        }
    }
}
