//! What rustc, clippy and rustdoc printed, under our own heading: their place, the source, their help.
//!
//! Evidence keeps the text without colours, so that it is the same wherever it was made; a terminal gets rustc's own back.

use crate::report::Style;
use crate::report::console::paint;
use crate::report::text;
use anstyle::AnsiColor;

/// Lines of one diagnostic.
const LINES_MAX: usize = 24;
/// Bytes of one line.
const LINE_BYTES_MAX: usize = 600;

/// The lines after the first, which our heading says; `None` where there are none. `colour` is that of the heading.
pub(super) fn lines(style: Style, rendered: &str, colour: AnsiColor) -> Option<Vec<String>> {
    let rendered = text::plain(rendered);
    let mut lines: Vec<&str> = rendered.lines().skip(1).filter(|line| !is_common(line)).collect();
    while lines.last().is_some_and(|line| matches!(line.trim(), "" | "|")) {
        lines.pop();
    }
    let begins = lines.iter().position(|line| line.trim_start().starts_with("--> "))?;
    lines.drain(..begins);
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    let mut shown: Vec<String> =
        lines.into_iter().map(|line| coloured(style, &text::cut(line, LINE_BYTES_MAX), colour)).collect();
    if more > 0 {
        shown.push(format!("… {more} lines more, in evidence.json"));
    }
    Some(shown)
}

/// What stands under every lint and says nothing of this one.
fn is_common(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("= help: for further information visit https://rust-lang.github.io/rust-clippy/")
        || line.starts_with("= note: `#[warn(") && line.ends_with(" on by default")
}

/// As rustc colours: the margin and the arrow blue, what is underlined in the colour of the severity, help cyan.
fn coloured(style: Style, line: &str, colour: AnsiColor) -> String {
    let blue = AnsiColor::BrightBlue.on_default().bold();
    let trimmed = line.trim_start();
    if let Some(rest) = trimmed.strip_prefix("--> ") {
        let indent = &line[..line.len() - trimmed.len()];
        return format!("{indent}{} {rest}", paint(style, blue, "-->"));
    }
    if let Some((word, rest)) = trimmed.split_once(':').filter(|(word, _)| matches!(*word, "help" | "note")) {
        let colour = if word == "help" { AnsiColor::Cyan } else { AnsiColor::Green };
        return format!("{}:{rest}", paint(style, colour.on_default().bold(), word));
    }
    let margin = line.chars().take_while(|letter| letter.is_ascii_digit() || *letter == ' ').count();
    let (number, code) = line.split_at(margin);
    match code.chars().next() {
        Some(mark @ ('|' | '=')) => {
            let code = &code[1..];
            let marks = mark == '|' && code.trim_start().starts_with(['^', '-', '_', '|']);
            let code = if marks { paint(style, colour.on_default().bold(), code) } else { code.to_owned() };
            format!("{}{code}", paint(style, blue, &format!("{number}{mark}")))
        }
        Some('-') if margin > 0 => paint(style, AnsiColor::Red.on_default(), line),
        Some('+') if margin > 0 => paint(style, AnsiColor::Green.on_default(), line),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAID: &str = "warning: length comparison to zero\n  --> src/lib.rs:10:8\n   |\n10 |     if values.len() == 0 {\n   |        ^^^^ help: use `is_empty`\n   |\n   = help: for further information visit https://rust-lang.github.io/rust-clippy/rust-1.95.0/index.html#len_zero\n   = note: `#[warn(clippy::len_zero)]` on by default\nhelp: change this\n   |\n10 -     old\n10 +     new\n   |\n\n";

    #[test]
    fn the_heading_and_what_says_nothing_is_left_out() {
        let shown = lines(Style::Plain, SAID, AnsiColor::Red).unwrap().join("\n");
        let expected = "  --> src/lib.rs:10:8\n   |\n10 |     if values.len() == 0 {\n   |        ^^^^ help: use `is_empty`\n   |\nhelp: change this\n   |\n10 -     old\n10 +     new";
        assert_eq!(shown, expected);
        assert_eq!(lines(Style::Plain, "error: no place\n", AnsiColor::Red), None);
        assert_eq!(lines(Style::Plain, "", AnsiColor::Red), None);
    }

    #[test]
    fn colours_change_no_letter() {
        let plain = lines(Style::Plain, SAID, AnsiColor::Red).unwrap().join("\n");
        let coloured = lines(Style::Coloured, SAID, AnsiColor::Red).unwrap().join("\n");
        assert_ne!(coloured, plain);
        assert_eq!(text::plain(&coloured), plain);
    }

    proptest! {
        #[test]
        fn any_text_is_bounded(rendered in any::<String>()) {
            let rendered = format!("x\n--> a\n{rendered}");
            prop_assert!(lines(Style::Coloured, &rendered, AnsiColor::Red).unwrap().len() <= LINES_MAX + 1);
        }
    }
}
