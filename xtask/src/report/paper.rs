//! What a text is written on: with or without colours, and how wide. Breaking lines is done here, so that no line that we
//! break is wider than the terminal; commands, paths and what other programs print stay whole, to be copied.

use super::Style;

/// Narrower than this, breaking lines helps nobody.
const WIDTH_MIN: usize = 24;

/// What a text is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// Whether it takes colours.
    pub style: Style,
    /// Its columns; none where it is no terminal, and then no line is broken.
    pub width: Option<usize>,
}

impl Paper {
    /// Without colours and as wide as need be: a file, a pipe, a log.
    pub const PLAIN: Paper = Paper { style: Style::Plain, width: None };

    /// A terminal of this width.
    pub fn new(style: Style, columns: Option<u16>) -> Paper {
        let width = columns.map(usize::from).filter(|columns| *columns > 0);
        Paper { style, width: width.map(|columns| columns.max(WIDTH_MIN)) }
    }

    /// Breaks prose between words. The first line begins after `taken` columns, later ones after `hang` blanks. A line of the
    /// text that is indented keeps that; a word that is too long stays whole.
    pub fn wrap(self, text: &str, taken: usize, hang: usize) -> String {
        let Some(width) = self.width else {
            return text.replace('\n', &format!("\n{}", " ".repeat(hang)));
        };
        let mut out = String::new();
        for (number, line) in text.lines().enumerate() {
            let own = line.len() - line.trim_start().len();
            let indent = " ".repeat(hang + own);
            let mut column = if number == 0 { taken } else { indent.len() };
            if number > 0 {
                out.push('\n');
                out.push_str(&indent);
            }
            let mut fresh = true;
            for word in line.split_whitespace() {
                let long = word.chars().count();
                let gap = usize::from(!fresh);
                // A word that fits on no line gains nothing by a new one, unless something stands before it.
                if column + gap + long > width && column > indent.len() {
                    out.push('\n');
                    out.push_str(&indent);
                    column = indent.len();
                } else if !fresh {
                    out.push(' ');
                    column += 1;
                }
                out.push_str(word);
                column += long;
                fresh = false;
            }
        }
        out
    }

    /// The next thing to do: a command or an address stays in one line, prose is broken.
    pub fn wrap_help(self, help: &str, taken: usize, hang: usize) -> String {
        // Where we are called by our path, a command begins with that.
        let typed = ["cargo ", "gateline ", "/", "'/", "git ", "rustup ", "df ", "curl ", "http"];
        match typed.iter().any(|start| help.starts_with(start)) {
            true => help.to_owned(),
            false => self.wrap(help, taken, hang),
        }
    }
}

/// Whether a stream gets colours: `NO_COLOR` (no-color.org) is stronger than `CLICOLOR_FORCE` (bixense.com/clicolors), which is
/// stronger than what the stream is.
pub(super) fn style<'a>(terminal: bool, env: impl Fn(&str) -> Option<&'a str>) -> Style {
    let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    let forced = set("CLICOLOR_FORCE") && env("CLICOLOR_FORCE") != Some("0");
    let wanted = terminal && env("TERM") != Some("dumb") && env("CLICOLOR") != Some("0");
    if !set("NO_COLOR") && (forced || wanted) { Style::Coloured } else { Style::Plain }
}

/// The columns of a terminal; none where it is none.
pub(super) fn columns(stream: impl std::os::fd::AsFd) -> Option<u16> {
    rustix::termios::tcgetwinsize(stream).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, columns: u16, expected: &str) {
        assert_eq!(Paper::new(Style::Plain, Some(columns)).wrap(text, 6, 2), expected);
    }

    #[test]
    fn prose_is_broken_between_words() {
        check("one two", 40, "one two");
        check("aaaa bbbb cccc dddd eeee ffff", 24, "aaaa bbbb cccc\n  dddd eeee ffff");
        check("see: a\n  deep inside of it all", 24, "see: a\n    deep inside of it\n    all");
        let long = "x".repeat(50);
        check(&format!("a {long} b"), 30, &format!("a\n  {long}\n  b"));
        assert_eq!(Paper::PLAIN.wrap("a\nb", 6, 2), "a\n  b");
    }

    #[test]
    fn a_command_stays_whole() {
        let paper = Paper::new(Style::Plain, Some(24));
        let command = "cargo xtask test 'package::target$module::name'";
        assert_eq!(paper.wrap_help(command, 8, 2), command);
        assert!(paper.wrap_help("write tests for the files of this package", 8, 2).contains('\n'));
    }

    #[test]
    fn colours_follow_the_stream_and_the_environment() {
        let check = |terminal: bool, set: &[(&str, &'static str)], expected: Style| {
            let env = |name: &str| set.iter().find(|(one, _)| *one == name).map(|(_, value)| *value);
            assert_eq!(style(terminal, env), expected, "{terminal} {set:?}");
        };
        check(true, &[], Style::Coloured);
        check(false, &[], Style::Plain);
        check(true, &[("NO_COLOR", "1")], Style::Plain);
        check(true, &[("NO_COLOR", "")], Style::Coloured);
        check(true, &[("TERM", "dumb")], Style::Plain);
        check(true, &[("CLICOLOR", "0")], Style::Plain);
        check(false, &[("CLICOLOR_FORCE", "1")], Style::Coloured);
        check(false, &[("CLICOLOR_FORCE", "0")], Style::Plain);
        check(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], Style::Plain);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_and_no_word_is_lost(text in "([a-zé]{1,12}[ \n]{1,2}){0,30}", columns in 24u16..100) {
            let paper = Paper::new(Style::Plain, Some(columns));
            let wrapped = paper.wrap(&text, 8, 4);
            for (number, line) in wrapped.lines().enumerate() {
                let before = if number == 0 { 8 } else { 0 };
                prop_assert!(before + line.chars().count() <= usize::from(columns), "{line:?}");
            }
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&wrapped), words(&text));
        }
    }
}
