//! The console: which step runs, how long it took, what is next. A line that moves on a terminal, plain lines elsewhere.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use super::paper::{columns, style};
use super::{Paper, annotations};
use crate::cli::Format;
use crate::world::World;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

/// How often the progress line turns.
const TICK: Duration = Duration::from_millis(120);
/// A terminal of fewer columns has no room for columns of ours.
const NARROW_COLUMNS: u16 = 72;

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

/// A step that runs. Ends with [`Step::done`]; dropped without, its line is only removed.
pub struct Step<'a> {
    console: &'a Console,
    world: &'a World,
    title: String,
    start: Duration,
    bar: Option<ProgressBar>,
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
        }
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
        }
    }

    /// What the result is written on.
    pub fn paper(&self) -> Paper {
        Paper::new(self.stdout, self.columns.0)
    }

    /// A step that ended: one line, or two where one has no room for it.
    fn ended(&self, mark: &str, title: &str, result: &str, took: Duration) {
        self.say(&ended(self.narration(), mark, title, result, took));
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

    /// Begins a step.
    pub fn step<'a>(&'a self, world: &'a World, title: impl Into<String>) -> Step<'a> {
        self.step_before(world, title, None)
    }

    /// Begins a step and says what comes after it.
    pub fn step_before<'a>(
        &'a self,
        world: &'a World,
        title: impl Into<String>,
        next: Option<&str>,
    ) -> Step<'a> {
        let title = title.into();
        let next = next.map_or(String::new(), |next| format!("  (next: {next})"));
        let visible = self.verbosity > Verbosity::Quiet;
        let bar = (visible && self.moving == Moving::Line).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:.bold} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_prefix(format!("{title}{next}"));
            bar.enable_steady_tick(TICK);
            bar
        });
        if visible && bar.is_none() {
            self.say(&format!("  … {title}{next}"));
        }
        Step { console: self, world, title, start: world.monotonic(), bar }
    }

    /// Narration: one line on stderr, broken where the terminal has no room for it.
    pub fn note(&self, line: impl AsRef<str>) {
        if self.verbosity > Verbosity::Quiet {
            self.say(&broken(self.narration(), line.as_ref()));
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
        let said = paper.wrap(&format!("{error:#}"), "error: ".len(), 2);
        self.say(&format!("{}: {said}", self.paint_stderr(anstyle_red(), "error")));
        if let Some(help) = crate::failure::Failure::help_of(error) {
            let help = paper.wrap_help(help, "  next: ".len(), 4);
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

    /// The verb's result on stdout: text for people, or one JSON document.
    pub fn result<T: Serialize>(&self, value: &T, human: impl FnOnce(Style) -> String) {
        let text = match self.format {
            Format::Human => self.shown(human(self.stdout)),
            Format::Json => {
                let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string());
                if self.is_read_by_github() { annotations::defused_json(&text) } else { text }
            }
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

/// How a step ended, on this paper. The mark is one column wide, whatever colours it has.
fn ended(paper: Paper, mark: &str, title: &str, result: &str, took: Duration) -> String {
    let took = seconds(took);
    let narrow = paper.width.is_some_and(|width| width < usize::from(NARROW_COLUMNS));
    let padded = if narrow { 0 } else { 26 };
    let columns = "  ✓ ".chars().count()
        + title.chars().count().max(padded)
        + 1
        + result.chars().count()
        + 2
        + took.len();
    match paper.width.is_none_or(|width| columns <= width) {
        true => format!("  {mark} {title:<padded$} {result}  {took}"),
        false => format!("  {mark} {title}  {took}\n    {}", paper.wrap(result, 4, 4)),
    }
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

impl Step<'_> {
    /// What the step is doing now: shown on a terminal only.
    pub fn tell(&self, message: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.into());
        }
    }

    /// A line that stays, above the one that moves.
    pub fn notice(&self, line: impl AsRef<str>) {
        if self.console.verbosity == Verbosity::Quiet {
            return;
        }
        let print = || eprintln!("  ! {} {}", self.title, line.as_ref());
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// What a program prints, as it comes: on stderr, because stdout has the verb's result.
    pub fn output(&self, bytes: &[u8]) {
        let mut stderr = std::io::stderr();
        // A reader that went away (a closed pipe) is not our failure.
        let _ = stderr.write_all(bytes).and_then(|()| stderr.flush());
    }

    /// Takes the moving line away while a person is asked something.
    pub fn hide(&self) {
        if let Some(bar) = &self.bar {
            bar.disable_steady_tick();
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// Brings it back.
    pub fn show(&self) {
        if let Some(bar) = &self.bar {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(TICK);
        }
    }

    /// Ends the step: its title, what came of it, and its time. Returns the time.
    pub fn done(self, result: impl AsRef<str>) -> Duration {
        let took = self.world.monotonic().saturating_sub(self.start);
        self.clear();
        if self.console.verbosity > Verbosity::Quiet {
            let mark = paint(self.console.stderr, anstyle::AnsiColor::Green.on_default(), "✓");
            self.console.ended(&mark, &self.title, result.as_ref(), took);
        }
        took
    }

    /// Ends the step badly.
    pub fn failed(self, result: impl AsRef<str>) -> Duration {
        let took = self.world.monotonic().saturating_sub(self.start);
        self.clear();
        let mark = self.console.paint_stderr(anstyle_red(), "✗");
        self.console.ended(&mark, &self.title, result.as_ref(), took);
        took
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A time as people read it: `0.4 s`, `12 s`, `3 min 20 s`.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        whole @ 10..120 => format!("{whole} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let read = |millis| seconds(Duration::from_millis(millis));
        assert_eq!(
            (read(420), read(12_900), read(200_000)),
            ("0.4 s".into(), "12 s".into(), "3 min 20 s".into())
        );
    }

    #[test]
    fn a_step_has_two_lines_where_one_is_too_long() {
        let check = |columns: Option<u16>, expected: &str| {
            let took = Duration::from_millis(420);
            let paper = Paper::new(Style::Plain, columns);
            let ended = ended(paper, "✓", "compile", "1 package, 2 test programs", took);
            assert_eq!(ended, expected, "{columns:?}");
            if let Some(width) = columns {
                assert!(ended.lines().all(|line| line.chars().count() <= usize::from(width)), "{ended}");
            }
        };
        let wide = "  ✓ compile                    1 package, 2 test programs  0.4 s";
        check(None, wide);
        check(Some(80), wide);
        check(Some(60), "  ✓ compile 1 package, 2 test programs  0.4 s");
        check(Some(40), "  ✓ compile  0.4 s\n    1 package, 2 test programs");
        check(Some(24), "  ✓ compile  0.4 s\n    1 package, 2 test\n    programs");
    }

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
