//! The console: which step runs, how long it took, what is next. A line that moves on a terminal, plain lines elsewhere.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

mod step;

pub use step::{Step, seconds};

use super::paper::{columns, style};
use super::{Own, Paper, annotations};
use crate::cli::Format;
use crate::verdict::Verdict;
use crate::world::World;
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};

/// Where everything that people and programs read goes out.
#[derive(Debug, Clone)]
pub struct Console {
    format: Format,
    verbosity: Verbosity,
    stderr: Style,
    stdout: Style,
    moving: Moving,
    reader: Reader,
    /// Columns of the terminals behind stdout and stderr.
    columns: (Option<u16>, Option<u16>),
    own: Own,
}

/// Who reads the streams besides people.
#[derive(Debug, Clone)]
enum Reader {
    /// Nobody.
    People,
    /// GitHub, which obeys lines that look like commands. The token, which nobody can guess, ends text that it shall not obey.
    GitHub { token: Option<String> },
}

/// How much narration there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only results and errors.
    Quiet,
    /// Steps.
    Normal,
    /// Also the commands that are run.
    Verbose,
}

/// Whether a stream gets colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// ANSI colours.
    Coloured,
    /// None.
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moving {
    Line,
    Still,
}

impl Console {
    /// A console on the process's own streams. `NO_COLOR`, `CLICOLOR_FORCE` and a dumb `TERM` are honoured.
    pub fn new(world: &World, format: Format, verbosity: Verbosity) -> Console {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let dumb = world.env("TERM") == Some("dumb");
        let moves = stderr.is_terminal() && !world.in_ci() && !dumb;
        Console {
            format,
            verbosity,
            stderr: style(stderr.is_terminal(), |name| world.env(name)),
            stdout: style(stdout.is_terminal(), |name| world.env(name)),
            columns: (columns(&stdout), columns(&stderr)),
            moving: if moves { Moving::Line } else { Moving::Still },
            reader: match world.env("GITHUB_ACTIONS") {
                Some("true") => Reader::GitHub { token: world.random_hex::<16>().ok() },
                _ => Reader::People,
            },
            own: Own::default(),
        }
    }

    /// The same for a program that is started with these words.
    #[must_use]
    pub fn called(self, own: Own) -> Console {
        Console { own, ..self }
    }

    /// How the program is called where its texts are read.
    pub fn own(&self) -> &Own {
        &self.own
    }

    /// A console for the errors of a start that failed.
    pub fn for_errors() -> Console {
        Console {
            format: Format::Human,
            verbosity: Verbosity::Quiet,
            stderr: Style::Plain,
            stdout: Style::Plain,
            moving: Moving::Still,
            reader: Reader::GitHub { token: None },
            columns: (None, None),
            own: Own::default(),
        }
    }

    /// What the result is written on.
    pub fn paper(&self) -> Paper {
        Paper::new(self.stdout, self.columns.0)
    }

    /// What narration is written on.
    fn narration(&self) -> Paper {
        Paper::new(self.stderr, self.columns.1)
    }

    /// Whether a person is there to be asked.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && self.format == Format::Human
    }

    /// Asks a yes-or-no question; anything but a yes is a no.
    pub fn ask(&self, question: &str) -> bool {
        let clear = if self.moving == Moving::Line { "\r\u{1b}[2K" } else { "" };
        eprint!("{clear}{question} [y/N] ");
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        read.is_ok() && matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Asks for one line; empty where nothing was said.
    pub fn ask_line(&self, question: &str) -> String {
        let clear = if self.moving == Moving::Line { "\r\u{1b}[2K" } else { "" };
        eprint!("{clear}{question} ");
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        read.map_or(String::new(), |_| line.trim().to_owned())
    }

    /// Narration: one line on stderr, broken where the terminal has no room for it.
    pub fn note(&self, line: impl AsRef<str>) {
        if self.verbosity > Verbosity::Quiet {
            self.say(&broken(self.narration(), &self.own.text(line.as_ref())));
        }
    }

    /// Narration that only `-v` shows.
    pub fn detail(&self, line: impl AsRef<str>) {
        if self.verbosity == Verbosity::Verbose {
            self.say(&format!("    {}", line.as_ref()));
        }
    }

    /// An error with its help: on stderr always.
    pub fn error(&self, error: &anyhow::Error) {
        let paper = self.narration();
        let said = paper.wrap(&self.own.text(&format!("{error:#}")), "error: ".len(), 2);
        self.say(&format!("{}: {said}", self.paint_stderr(anstyle_red(), "error")));
        if let Some(help) = crate::failure::Failure::help_of(error) {
            let help = paper.wrap_help(&self.own.text(help), "  next: ".len(), 4);
            self.say(&format!("  {}: {help}", self.paint_stderr(anstyle_cyan(), "next")));
        }
    }

    /// Lines on stderr that nobody takes for commands.
    fn say(&self, lines: &str) {
        match self.reader {
            Reader::People => eprintln!("{lines}"),
            Reader::GitHub { .. } => eprintln!("{}", annotations::defused(lines)),
        }
    }

    /// Whether GitHub reads along, so that annotations and a job summary are wanted.
    pub fn is_read_by_github(&self) -> bool {
        matches!(self.reader, Reader::GitHub { .. })
    }

    /// Commands for GitHub: on the stream of the result, so that they come after it, unless that is a document.
    pub fn command_github(&self, commands: &str) {
        match self.format {
            Format::Human => self.raw(commands),
            Format::Json => eprint!("{commands}"),
        }
    }

    /// The verb's result on stdout: text for people, or one JSON document. All of it is ours.
    pub fn result<T: Serialize>(&self, value: &T, human: impl FnOnce(Style) -> String) {
        let text = match self.format {
            Format::Human => self.own.text(&human(self.stdout)).into_owned(),
            Format::Json => self.own.json(&document(value)).into_owned(),
        };
        self.put(text);
    }

    /// The same for a verdict, which helps in our own words already: what tests and compilers print is shown as it is.
    pub fn verdict(&self, verdict: &Verdict, human: impl FnOnce(Style) -> String) {
        self.put(match self.format {
            Format::Human => human(self.stdout),
            Format::Json => document(verdict),
        });
    }

    fn put(&self, text: String) {
        let text = match self.format {
            Format::Human => self.shown(text),
            Format::Json if self.is_read_by_github() => annotations::defused_json(&text),
            Format::Json => text,
        };
        // A reader that went away (a closed pipe) is not our failure.
        let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    }

    /// The text as it goes out: where GitHub would find a command in it, it is told not to look.
    fn shown(&self, text: String) -> String {
        match &self.reader {
            Reader::GitHub { token } if annotations::defused(&text) != text => match token {
                Some(token) => annotations::quoted(&text, token),
                None => annotations::defused(&text),
            },
            _ => text,
        }
    }

    /// Raw text on stdout: completions, schemas.
    pub fn raw(&self, text: &str) {
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    fn paint_stderr(&self, style: anstyle::Style, text: &str) -> String {
        paint(self.stderr, style, text)
    }
}

fn document<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string())
}

/// A line of narration as it is, or broken with its indentation.
fn broken(paper: Paper, line: &str) -> String {
    let fits = |line: &str| paper.width.is_none_or(|width| line.chars().count() <= width);
    if line.contains('\u{1b}') || line.lines().all(fits) {
        return line.to_owned();
    }
    let indent = line.len() - line.trim_start().len();
    format!("{}{}", " ".repeat(indent), paper.wrap(line.trim_start(), indent, indent + 2))
}

fn anstyle_red() -> anstyle::Style {
    anstyle::AnsiColor::Red.on_default().bold()
}

fn anstyle_cyan() -> anstyle::Style {
    anstyle::AnsiColor::Cyan.on_default().bold()
}

/// Text in a style, where the stream takes it.
pub fn paint(stream: Style, style: anstyle::Style, text: &str) -> String {
    match stream {
        Style::Coloured => format!("{style}{text}{style:#}"),
        Style::Plain => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narration_is_broken_with_its_indentation() {
        let paper = Paper::new(Style::Plain, Some(30));
        assert_eq!(broken(paper, "  = short  and as it is"), "  = short  and as it is");
        let long = broken(paper, "  = every tool and test partner is here");
        assert_eq!(long, "  = every tool and test\n    partner is here");
        assert_eq!(broken(Paper::PLAIN, &"x ".repeat(90)), "x ".repeat(90));
    }

    #[test]
    fn a_plain_stream_gets_no_escapes() {
        assert_eq!(paint(Style::Plain, anstyle_red(), "x"), "x");
        assert!(paint(Style::Coloured, anstyle_cyan(), "x").contains('\u{1b}'));
    }
}
