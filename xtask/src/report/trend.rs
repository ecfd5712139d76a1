//! How the coverage went over the recorded commits of the default branch: an SVG that follows light and dark.

use super::human::counted;
use super::text::markup;
use crate::digest::short_commit;
use crate::policy::Percent;
use jiff::Timestamp;
use std::fmt::Write as _;

/// Commits that are drawn; of more, the newest.
pub const POINTS_MAX: usize = 100;

/// One recorded commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The commit.
    pub commit: String,
    /// When it was measured.
    pub time: Timestamp,
    /// Lines that ran.
    pub covered: u64,
    /// Executable lines.
    pub total: u64,
}

const WIDTH: u64 = 720;
const HEIGHT: u64 = 240;
const LEFT: u64 = 48;
const RIGHT: u64 = 64;
const TOP: u64 = 36;
const BOTTOM: u64 = 32;
/// Basis points: 100 %.
const WHOLE: u64 = 10_000;
/// Basis points between two lines of the grid, by the height that is shown.
const GRID: [(u64, u64); 3] = [(1_500, 250), (4_000, 1_000), (WHOLE, 2_500)];

const STYLE: &str = "svg{color:#1f2328;background:#fff;font:12px system-ui,sans-serif}text{fill:currentColor}\
    .q{fill:#59636e}.g{stroke:#d1d9e0}.m{stroke:#c5332d;stroke-dasharray:4 4}.l{fill:none;stroke:#2c8a3c;stroke-width:2}\
    .p{fill:#2c8a3c}@media(prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}.q{fill:#9198a1}\
    .g{stroke:#30363d}.l{stroke:#3fb950}.p{fill:#3fb950}.m{stroke:#f85149}}";

/// The drawing. The points come in any order and are drawn by time.
pub fn write(points: &[Point], minimum: Percent) -> String {
    let mut points: Vec<&Point> = points.iter().filter(|point| point.total > 0).collect();
    points.sort_by_key(|point| (point.time, &point.commit));
    let points = &points[points.len().saturating_sub(POINTS_MAX)..];
    let bar = minimum.needed(WHOLE);
    let lowest = points.iter().map(|point| share(point)).chain([bar]).min().unwrap_or(bar);
    let step_of =
        |floor: u64| GRID.iter().find(|(span, _)| WHOLE - floor <= *span).map_or(2_500, |(_, step)| *step);
    let step = step_of(lowest);
    let floor = (lowest.saturating_sub(1) / step) * step;
    let y = |share: u64| TOP + (WHOLE - share) * (HEIGHT - TOP - BOTTOM) / (WHOLE - floor).max(1);
    let last = points.len().saturating_sub(1).max(1) as u64;
    let x = |at: usize| LEFT + at as u64 * (WIDTH - LEFT - RIGHT) / last;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"line coverage over {}\">\n<style>{STYLE}</style>\n\
         <text x=\"{LEFT}\" y=\"20\">line coverage, {}</text>\n",
        counted(points.len() as u64, "commit"),
        counted(points.len() as u64, "recorded commit")
    );
    let right = WIDTH - RIGHT;
    for mark in (0..=(WHOLE - floor) / step).map(|number| floor + number * step) {
        let (y, percent) = (y(mark), Percent::of(mark, WHOLE));
        let label = LEFT - 8;
        let _ = writeln!(
            text,
            "<path class=\"g\" d=\"M{LEFT} {y}H{right}\"/><text class=\"q\" x=\"{label}\" y=\"{}\" text-anchor=\"end\">{percent} %</text>",
            y + 4
        );
    }
    let _ = writeln!(
        text,
        "<path class=\"m\" d=\"M{LEFT} {}H{right}\"><title>minimum {minimum} %</title></path>",
        y(bar)
    );
    let line: Vec<String> =
        points.iter().enumerate().map(|(at, point)| format!("{} {}", x(at), y(share(point)))).collect();
    if line.len() > 1 {
        let _ = writeln!(text, "<path class=\"l\" d=\"M{}\"/>", line.join("L"));
    }
    for (at, point) in points.iter().enumerate() {
        let (commit, day) = (short_commit(&point.commit), day(point));
        let share_shown = Percent::of(point.covered, point.total);
        let title =
            markup(&format!("{commit}, {day}: {share_shown} % ({} of {})", point.covered, point.total));
        let (x, y) = (x(at), y(share(point)));
        let _ = writeln!(
            text,
            "<circle class=\"p\" cx=\"{x}\" cy=\"{y}\" r=\"3\"><title>{title}</title></circle>"
        );
    }
    ends(&mut text, points, x(points.len().saturating_sub(1)), points.last().map(|point| y(share(point))));
    text.push_str("</svg>\n");
    text
}

/// The first and the last day below, and the last share beside its point.
fn ends(text: &mut String, points: &[&Point], x: u64, y: Option<u64>) {
    let (Some(first), Some(last), Some(y)) = (points.first(), points.last(), y) else { return };
    let below = HEIGHT - 10;
    let _ = writeln!(text, "<text class=\"q\" x=\"{LEFT}\" y=\"{below}\">{}</text>", day(first));
    if points.len() > 1 {
        let end = WIDTH - RIGHT;
        let _ = writeln!(
            text,
            "<text class=\"q\" x=\"{end}\" y=\"{below}\" text-anchor=\"end\">{}</text>",
            day(last)
        );
    }
    let percent = Percent::of(last.covered, last.total);
    let _ = writeln!(text, "<text x=\"{}\" y=\"{}\">{percent} %</text>", x + 8, y + 4);
}

fn share(point: &Point) -> u64 {
    let share =
        u128::from(point.covered.min(point.total)) * u128::from(WHOLE) / u128::from(point.total.max(1));
    u64::try_from(share).unwrap_or(WHOLE)
}

fn day(point: &Point) -> String {
    point.time.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(day: i64, covered: u64, total: u64) -> Point {
        let time = Timestamp::from_second(1_760_000_000 + day * 86_400).unwrap();
        Point { commit: format!("{day:040x}"), time, covered, total }
    }

    #[test]
    fn the_trend() {
        let points: Vec<_> = [7900, 8100, 8050, 8342]
            .iter()
            .zip(0..)
            .map(|(covered, day)| point(day, *covered, 10_000))
            .collect();
        insta::assert_snapshot!(write(&points, Percent::whole(80)));
    }

    proptest! {
        #[test]
        fn every_point_lies_in_the_drawing(shares in prop::collection::vec((any::<u64>(), any::<u64>()), 0..130), minimum in 0u32..101) {
            let points: Vec<_> = shares.iter().zip(0..).map(|((covered, total), day)| point(day, *covered, *total)).collect();
            let drawing = write(&points, Percent::whole(minimum));
            let drawn = drawing.split("cy=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse::<u64>().unwrap());
            let drawn: Vec<_> = drawn.collect();
            prop_assert!(drawn.len() <= POINTS_MAX);
            prop_assert!(drawn.iter().all(|y| (TOP..=HEIGHT - BOTTOM).contains(y)));
        }
    }
}
