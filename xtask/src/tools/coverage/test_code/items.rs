//! One source file as tokens: which lines belong to items that exist only under test, which are documentation, and
//! which modules it declares. Pure.
//!
//! Tokens, not a syntax tree: where an item ends can be told from its first word and from brackets, this is a quarter of
//! the compile time of `syn` with all features, it reads syntax that is newer than we are, and it sees inside of macros,
//! where a syntax tree ends.

use super::Range;
use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use std::collections::HashSet;

/// Brackets inside of each other.
const DEPTH_MAX: usize = 256;

/// Attributes, by their last word, that make a function a test: rustc's own and those that expand to it.
const TEST_ATTRIBUTES: [&str; 7] =
    ["test", "bench", "rstest", "test_case", "test_matrix", "quickcheck", "wasm_bindgen_test"];

/// What one file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Items {
    /// Lines that exist only under test.
    pub(super) test: Vec<Range>,
    /// Lines of documentation comments.
    pub(super) comments: Vec<Range>,
    /// Modules in files of their own.
    pub(super) modules: Vec<Declared>,
}

/// `mod name;`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// The inline modules around it, outermost first.
    pub(super) inside: Vec<String>,
    /// Its name.
    pub(super) name: String,
    /// What `#[path]` says.
    pub(super) path: Option<String>,
    /// Whether it exists only under test.
    pub(super) test: bool,
}

/// Reads one file.
///
/// # Errors
/// Where it is not Rust.
pub(super) fn read(text: &str) -> Result<Items, String> {
    let text = without_shebang(text);
    let stream: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
        let at = error.span().start();
        format!("{error} in line {}", at.line)
    })?;
    let mut reader = Reader::default();
    let place = Site { inside: Vec::new(), only: Only::Always, depth: 0 };
    let read = reader.walk(stream, &place);
    // Places are kept per thread and would add up.
    proc_macro2::extra::invalidate_current_thread_spans();
    let only = read?;
    let product = reader.product;
    for (first, last) in &mut reader.items.test {
        // A line that product code shares is product code.
        *first = first.saturating_add(u32::from(product.contains(first)));
        *last = last.saturating_sub(u32::from(product.contains(last)));
    }
    if only == Only::UnderTest {
        reader.items.test = vec![(1, u32::MAX)];
    }
    Ok(reader.items)
}

/// `#!/usr/bin/env …` is a line of its own, but `#![…]` is an attribute.
fn without_shebang(text: &str) -> std::borrow::Cow<'_, str> {
    match text.strip_prefix("#!") {
        Some(rest) if !rest.trim_start().starts_with('[') => format!("//-{rest}").into(),
        _ => text.into(),
    }
}

/// When code exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    Always,
    UnderTest,
}

/// Where tokens stand.
struct Site {
    inside: Vec<String>,
    only: Only,
    depth: usize,
}

#[derive(Default)]
struct Reader {
    items: Items,
    /// Lines with a token of product code.
    product: HashSet<u32>,
}

impl Reader {
    /// Reads the tokens of a file or between two brackets. An inner attribute may say that all of it is test code.
    fn walk(&mut self, stream: TokenStream, site: &Site) -> Result<Only, String> {
        if site.depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} brackets inside of each other"));
        }
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let (mut index, mut path, mut all) = (0, None, Only::Always);
        while index < tokens.len() {
            let attributes = attributes(&tokens, index);
            for attribute in &attributes.list {
                path = attribute.path().or(path);
                self.items.comments.extend(attribute.documentation());
                if attribute.inner && attribute.only() == Only::UnderTest {
                    all = Only::UnderTest;
                }
            }
            let test = attributes.list.iter().any(|one| !one.inner && one.only() == Only::UnderTest);
            if test && site.only == Only::Always {
                let end = item_end(&tokens, attributes.end);
                let last = tokens[..end].last().map_or(0, |token| line(token.span().end()));
                self.items.test.push((line(tokens[index].span().start()), last));
                let site = Site { inside: site.inside.clone(), only: Only::UnderTest, depth: site.depth };
                for step in attributes.end..end {
                    self.step(&tokens, step, &mut path, &site)?;
                }
                index = end;
                continue;
            }
            for token in &tokens[index..attributes.end] {
                self.mark(token, site);
            }
            index = attributes.end;
            if index < tokens.len() {
                self.step(&tokens, index, &mut path, site)?;
                index += 1;
            }
        }
        Ok(all)
    }

    /// Reads one token that is no attribute.
    fn step(
        &mut self,
        tokens: &[TokenTree],
        index: usize,
        path: &mut Option<String>,
        site: &Site,
    ) -> Result<(), String> {
        self.mark(&tokens[index], site);
        match &tokens[index] {
            TokenTree::Ident(word) if word == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Punct(end))) =
                    (tokens.get(index + 1), tokens.get(index + 2))
                    && end.as_char() == ';'
                {
                    self.items.modules.push(Declared {
                        inside: site.inside.clone(),
                        name: plain(&name.to_string()),
                        path: path.take(),
                        test: site.only == Only::UnderTest,
                    });
                }
            }
            TokenTree::Punct(end) if end.as_char() == ';' => *path = None,
            TokenTree::Group(group) => {
                let before = index.checked_sub(2).map(|before| &tokens[before..index]);
                let module = match before {
                    Some([TokenTree::Ident(word), TokenTree::Ident(name)]) if word == "mod" => {
                        Some(path.take().unwrap_or_else(|| plain(&name.to_string())))
                    }
                    _ => None,
                };
                if group.delimiter() == Delimiter::Brace {
                    *path = None;
                }
                let inside = site.inside.iter().cloned().chain(module).collect();
                let inner = Site { inside, only: site.only, depth: site.depth + 1 };
                let before = self.items.modules.len();
                if self.walk(group.stream(), &inner)? == Only::UnderTest && site.only == Only::Always {
                    self.items.test.push(lines_inside(group));
                    self.items.modules[before..].iter_mut().for_each(|module| module.test = true);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn mark(&mut self, token: &TokenTree, site: &Site) {
        if site.only == Only::UnderTest {
            return;
        }
        match token {
            TokenTree::Group(group) => {
                self.product.insert(line(group.span_open().start()));
                self.product.insert(line(group.span_close().end()));
            }
            token => {
                self.product.insert(line(token.span().start()));
                self.product.insert(line(token.span().end()));
            }
        }
    }
}

fn lines_inside(group: &Group) -> Range {
    (line(group.span_open().start()), line(group.span_close().end()))
}

fn line(place: proc_macro2::LineColumn) -> u32 {
    u32::try_from(place.line).unwrap_or(u32::MAX)
}

/// Without `r#`.
fn plain(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).to_owned()
}

/// Attributes in front of something.
struct Attributes {
    list: Vec<Attribute>,
    /// The first token behind them.
    end: usize,
}

struct Attribute {
    content: Vec<TokenTree>,
    inner: bool,
    lines: Range,
}

fn attributes(tokens: &[TokenTree], start: usize) -> Attributes {
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
    fn only(&self) -> Only {
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
    fn path(&self) -> Option<String> {
        match &self.content[..] {
            [TokenTree::Ident(word), TokenTree::Punct(_), TokenTree::Literal(text)] if word == "path" => {
                unquoted(&text.to_string())
            }
            _ => None,
        }
    }

    /// The lines of a documentation comment or of `#[doc = …]`.
    fn documentation(&self) -> Option<Range> {
        let is_doc = matches!(&self.content[..], [TokenTree::Ident(word), TokenTree::Punct(_), ..] if word == "doc");
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

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_word(token: Option<&TokenTree>, words: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if words.iter().any(|word| ident == word))
}

/// What an item is, as far as its end depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Only words that may stand before anything, so far.
    Unknown,
    /// Ends with `;`: `use`, `let`, `const`, `static`, `type`, `extern crate`.
    Semicolon,
    /// Ends with its body or with `;`: `fn`, `mod`, `impl`, `struct`, …
    Body,
    /// `if`, `match`, loops: ends with the last of its blocks.
    Control,
    /// A field, variant, arm, argument, expression or macro call.
    Other,
    /// A match arm behind its `=>`.
    Arm,
}

/// The first token behind the item that begins here.
fn item_end(tokens: &[TokenTree], start: usize) -> usize {
    let (mut shape, mut angles) = (Shape::Unknown, 0usize);
    let mut index = start;
    while index < tokens.len() {
        let before = index.checked_sub(1).filter(|before| *before >= start).map(|before| &tokens[before]);
        match &tokens[index] {
            TokenTree::Punct(punct) => match punct.as_char() {
                ';' => return index + 1,
                ',' if angles == 0 && matches!(shape, Shape::Other | Shape::Arm | Shape::Unknown) => {
                    return index + 1;
                }
                '<' if shape == Shape::Body || touches(before, &tokens[index]) => angles += 1,
                '>' if is_arrow(before) => {
                    if shape == Shape::Other && is_punct(before, '=') {
                        (shape, angles) = (Shape::Arm, 0);
                    }
                }
                '>' => angles = angles.saturating_sub(1),
                // A label, or a fragment of a macro: the next word says what it is.
                '\'' | '$' if shape == Shape::Unknown => index += 1,
                ':' if shape == Shape::Unknown => {}
                _ if shape == Shape::Unknown => shape = Shape::Other,
                _ => {}
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let next = tokens.get(index + 1);
                let ends = match shape {
                    Shape::Unknown => true,
                    Shape::Body => angles == 0,
                    Shape::Control => {
                        let goes_on = is_word(next, &["else"])
                            || ['=', '.', '?', '|'].iter().any(|one| is_punct(next, *one));
                        !goes_on
                    }
                    Shape::Arm => is_punct(before, '>'),
                    Shape::Other => is_punct(before, '!') || is_macro_with_name(tokens, index),
                    Shape::Semicolon => false,
                };
                if ends {
                    return index + 1 + usize::from(is_punct(next, ',') || is_punct(next, ';'));
                }
            }
            TokenTree::Ident(_) if shape == Shape::Unknown => shape = shape_of(tokens, index),
            TokenTree::Group(_) if shape == Shape::Unknown && !is_word(before, &["pub"]) => {
                shape = if is_punct(before, '$') { shape } else { Shape::Other };
            }
            TokenTree::Literal(_) if shape == Shape::Unknown && !is_word(before, &["extern"]) => {
                shape = Shape::Other;
            }
            _ => {}
        }
        index += 1;
    }
    tokens.len()
}

fn shape_of(tokens: &[TokenTree], index: usize) -> Shape {
    let next = tokens.get(index + 1);
    let is = |words: &[&str]| is_word(tokens.get(index), words);
    if is(&["pub", "unsafe", "async", "default", "safe", "auto", "crate", "move"]) {
        Shape::Unknown
    } else if is(&["const"]) {
        let qualifies = is_word(next, &["fn", "unsafe", "async", "extern"]) || matches!(next, Some(TokenTree::Group(_)));
        if qualifies { Shape::Unknown } else { Shape::Semicolon }
    } else if is(&["extern"]) {
        if is_word(next, &["crate"]) { Shape::Semicolon } else { Shape::Unknown }
    } else if is(&["use", "static", "type", "let"]) {
        Shape::Semicolon
    } else if is(&["fn", "mod", "impl", "trait", "struct", "enum", "macro"])
        || (is(&["union"]) && matches!(next, Some(TokenTree::Ident(_))))
    {
        Shape::Body
    } else if is(&["if", "match", "while", "for", "loop"]) {
        Shape::Control
    } else {
        Shape::Other
    }
}

/// `macro_rules! name {…}`
fn is_macro_with_name(tokens: &[TokenTree], index: usize) -> bool {
    index >= 2 && is_punct(tokens.get(index - 2), '!')
}

/// Whether this `>` belongs to `->` or `=>`.
fn is_arrow(before: Option<&TokenTree>) -> bool {
    matches!(before, Some(TokenTree::Punct(punct))
        if punct.spacing() == Spacing::Joint && matches!(punct.as_char(), '-' | '='))
}

/// Whether a `<` stands right behind a word, as generics do and comparisons do not.
fn touches(before: Option<&TokenTree>, token: &TokenTree) -> bool {
    before.is_some_and(|before| {
        let name = matches!(before, TokenTree::Ident(_)) || is_punct(Some(before), ':');
        name && before.span().end() == token.span().start()
    })
}

#[cfg(test)]
mod tests;
