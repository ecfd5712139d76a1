//! Attributes: whether one says that its item exists only under test.

use super::super::Range;
use super::{DEPTH_MAX, Only, is_punct, line};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Attributes, by their last word, that make a function a test: rustc's own and those that expand to it.
const TEST_ATTRIBUTES: [&str; 7] =
    ["test", "bench", "rstest", "test_case", "test_matrix", "quickcheck", "wasm_bindgen_test"];

/// Attributes in front of something.
pub(super) struct Attributes {
    pub(super) list: Vec<Attribute>,
    /// The first token behind them.
    pub(super) end: usize,
}

pub(super) struct Attribute {
    content: Vec<TokenTree>,
    pub(super) inner: bool,
    lines: Range,
}

pub(super) fn attributes(tokens: &[TokenTree], start: usize) -> Attributes {
    let mut found = Attributes { list: Vec::new(), end: start };
    while is_punct(tokens.get(found.end), '#') {
        let inner = is_punct(tokens.get(found.end + 1), '!');
        let at = found.end + 1 + usize::from(inner);
        let Some(TokenTree::Group(group)) = tokens.get(at) else { break };
        if group.delimiter() != Delimiter::Bracket {
            break;
        }
        let lines = (line(tokens[found.end].span().start()), line(group.span_close().end()));
        found.list.push(Attribute { content: group.stream().into_iter().collect(), inner, lines });
        found.end = at + 1;
    }
    found
}

impl Attribute {
    pub(super) fn only(&self) -> Only {
        let under_test = match &self.content[..] {
            [TokenTree::Ident(word), TokenTree::Group(condition)] if word == "cfg" => {
                needs_test(condition.stream())
            }
            content => self.name(content).is_some_and(|name| TEST_ATTRIBUTES.contains(&name.as_str())),
        };
        if under_test { Only::UnderTest } else { Only::Always }
    }

    /// The last word of its path.
    fn name(&self, content: &[TokenTree]) -> Option<String> {
        let path = content.iter().take_while(|token| match token {
            TokenTree::Ident(_) => true,
            TokenTree::Punct(punct) => punct.as_char() == ':',
            _ => false,
        });
        path.last().and_then(|token| match token {
            TokenTree::Ident(word) => Some(word.to_string()),
            _ => None,
        })
    }

    /// `path = "…"`
    pub(super) fn path(&self) -> Option<String> {
        match &self.content[..] {
            [TokenTree::Ident(word), TokenTree::Punct(_), TokenTree::Literal(text)] if word == "path" => {
                unquoted(&text.to_string())
            }
            _ => None,
        }
    }

    /// The lines of a documentation comment or of `#[doc = …]`.
    pub(super) fn documentation(&self) -> Option<Range> {
        let is_doc =
            matches!(&self.content[..], [TokenTree::Ident(word), TokenTree::Punct(_), ..] if word == "doc");
        is_doc.then_some(self.lines)
    }
}

/// A string literal's text; paths with escapes do not occur.
fn unquoted(literal: &str) -> Option<String> {
    let raw = literal.strip_prefix('r').map_or(literal, |raw| raw.trim_matches('#'));
    Some(raw.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// Whether a condition is false wherever `test` is not set, whatever else is.
fn needs_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    truth(&tokens, Some(false), 0) == Some(false) && truth(&tokens, Some(true), 0) != Some(false)
}

/// A condition's value where `test` has this one; `None` where other settings decide.
fn truth(condition: &[TokenTree], test: Option<bool>, depth: usize) -> Option<bool> {
    if depth > DEPTH_MAX {
        return None;
    }
    match condition {
        [TokenTree::Ident(word)] if word == "test" => test,
        [TokenTree::Ident(word)] if word == "true" => Some(true),
        [TokenTree::Ident(word)] if word == "false" => Some(false),
        [TokenTree::Ident(word), TokenTree::Group(group)] => {
            let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
            let parts = tokens.split(|token| is_punct(Some(token), ',')).filter(|part| !part.is_empty());
            let mut values = parts.map(|part| truth(part, test, depth + 1));
            match word.to_string().as_str() {
                "not" => values.next().flatten().map(|value| !value),
                "all" => decided(values, false),
                "any" => decided(values, true),
                _ => None,
            }
        }
        _ => None,
    }
}

/// One part with the deciding value decides; the other value needs all of them.
fn decided(values: impl Iterator<Item = Option<bool>>, by: bool) -> Option<bool> {
    let mut all_known = true;
    for value in values {
        if value == Some(by) {
            return Some(by);
        }
        all_known &= value.is_some();
    }
    all_known.then_some(!by)
}
