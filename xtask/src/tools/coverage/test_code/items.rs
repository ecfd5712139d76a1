//! One source file as tokens: which lines belong to items that exist only under test, which are documentation, and
//! which modules it declares. Pure.
//!
//! Tokens, not a syntax tree: where an item ends can be told from its first word and from brackets, this is a quarter of
//! the compile time of `syn` with all features, it reads syntax that is newer than we are, and it sees inside of macros,
//! where a syntax tree ends.

mod attribute;
mod end;

use super::Range;
use attribute::attributes;
use end::item_end;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::HashSet;

/// Brackets inside of each other.
const DEPTH_MAX: usize = 256;

/// What one file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Items {
    /// Lines that exist only under test.
    pub(super) test: Vec<Range>,
    /// Lines of documentation comments.
    pub(super) comments: Vec<Range>,
    /// Lines of the bodies of `macro_rules!`.
    pub(super) macros: Vec<Range>,
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
                if is_macro_rules(tokens, index) {
                    self.items.macros.push(lines_inside(group));
                }
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

/// Whether the group at this place is the body in `macro_rules! name {…}`.
fn is_macro_rules(tokens: &[TokenTree], index: usize) -> bool {
    index >= 3 && is_word(tokens.get(index - 3), &["macro_rules"]) && is_punct(tokens.get(index - 2), '!')
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

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_word(token: Option<&TokenTree>, words: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if words.iter().any(|word| ident == word))
}

#[cfg(test)]
mod tests;
