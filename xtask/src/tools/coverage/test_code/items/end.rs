//! Where an item ends, told from its first word and from brackets.

use super::{is_punct, is_word};
use proc_macro2::{Delimiter, Spacing, TokenTree};

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
pub(super) fn item_end(tokens: &[TokenTree], start: usize) -> usize {
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
                '>' if shape == Shape::Other && is_arrow(before, &['=']) => (shape, angles) = (Shape::Arm, 0),
                '>' if !is_arrow(before, &['-', '=']) => angles = angles.saturating_sub(1),
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
        let qualifies =
            is_word(next, &["fn", "unsafe", "async", "extern"]) || matches!(next, Some(TokenTree::Group(_)));
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

/// Whether this `>` belongs to `->` or `=>`, of which those are asked for.
fn is_arrow(before: Option<&TokenTree>, shafts: &[char]) -> bool {
    matches!(before, Some(TokenTree::Punct(punct))
        if punct.spacing() == Spacing::Joint && shafts.contains(&punct.as_char()))
}

/// Whether a `<` stands right behind a word, as generics do and comparisons do not.
fn touches(before: Option<&TokenTree>, token: &TokenTree) -> bool {
    before.is_some_and(|before| {
        let name = matches!(before, TokenTree::Ident(_)) || is_punct(Some(before), ':');
        name && before.span().end() == token.span().start()
    })
}
