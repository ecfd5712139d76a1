//! A step while it runs: a line that moves on a terminal, and how it ended.

use super::{Console, Moving, Paper, Verbosity, anstyle_red, paint};
use crate::world::World;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write as _;
use std::time::Duration;

/// How often the progress line turns.
const TICK: Duration = Duration::from_millis(120);
/// A terminal of fewer columns has no room for columns of ours.
const NARROW_COLUMNS: usize = 72;

/// A step that runs. Ends with [`Step::done`]; dropped without, its line is only removed.
pub struct Step<'a> {
    console: &'a Console,
    world: &'a World,
    title: String,
    start: Duration,
    bar: Option<ProgressBar>,
}

impl Console {
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

    /// A step that ended: one line, or two where one has no room for it.
    fn ended(&self, mark: &str, title: &str, result: &str, took: Duration) {
        self.say(&ended(self.narration(), mark, title, result, took));
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

/// How a step ended, on this paper. The mark is one column wide, whatever colours it has.
fn ended(paper: Paper, mark: &str, title: &str, result: &str, took: Duration) -> String {
    let took = seconds(took);
    let narrow = paper.width.is_some_and(|width| width < NARROW_COLUMNS);
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
    use crate::report::Style;

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
}
