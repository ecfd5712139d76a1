//! A badge with the coverage, in the form that readers of READMEs know. An SVG without anything from outside.

use super::text::markup;
use crate::policy::Percent;

/// Width of letters in Verdana at 11 pixels, in tenths, from the space on. Others count as an `m`.
const WIDTHS: [u16; 95] = [
    39, 43, 50, 90, 70, 118, 80, 30, 50, 50, 70, 90, 40, 50, 40, 50, // space to /
    70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 50, 50, 90, 90, 90, 60, // 0 to ?
    110, 75, 75, 77, 85, 70, 63, 85, 83, 46, 50, 76, 61, 93, 82, 87, // @ to O
    66, 87, 76, 75, 68, 81, 75, 109, 75, 68, 75, 50, 50, 50, 90, 70, // P to _
    70, 66, 69, 57, 69, 66, 39, 69, 70, 30, 38, 65, 30, 107, 70, 67, // ` to o
    69, 69, 47, 57, 43, 70, 65, 90, 65, 65, 58, 70, 50, 70, 90, // p to ~
];

/// The badge of `covered` of `total` lines: green from the minimum on, amber within ten points of it, else red.
pub fn coverage(covered: u64, total: u64, minimum: Percent) -> String {
    let (shown, colour) = shown(covered, total, minimum);
    write("coverage", &shown, colour)
}

/// The same for services that draw badges: the answer of an "endpoint", as shields.io defines it.
pub fn endpoint(covered: u64, total: u64, minimum: Percent) -> String {
    let (shown, colour) = shown(covered, total, minimum);
    let answer =
        serde_json::json!({"schemaVersion": 1, "label": "coverage", "message": shown, "color": colour});
    format!("{answer}\n")
}

fn shown(covered: u64, total: u64, minimum: Percent) -> (String, &'static str) {
    let share = Percent::of(covered, total);
    // A point lower: what is lacking is less than ten of a hundred lines.
    let close = minimum.reached_by(covered.saturating_add(total / 10), total);
    let colour = match (minimum.reached_by(covered, total), close) {
        (true, _) => "#2c8a3c",
        (false, true) => "#9a6700",
        (false, false) => "#c5332d",
    };
    match total {
        0 => ("unknown".to_owned(), "#6e7781"),
        _ => (format!("{share}%"), colour),
    }
}

/// A badge: what, how much, in which colour.
pub fn write(label: &str, value: &str, colour: &str) -> String {
    let (left, right) = (width(label) + 10, width(value) + 10);
    let whole = left + right;
    let (label, value) = (markup(label), markup(value));
    let middle = |start: u32, width: u32| start * 10 + width * 5;
    let (label_at, value_at) = (middle(0, left), middle(left, right));
    let (label_length, value_length) = ((left - 10) * 10, (right - 10) * 10);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-label=\"{label}: {value}\">\n\
         <title>{label}: {value}</title>\n\
         <clipPath id=\"r\"><rect width=\"{whole}\" height=\"20\" rx=\"3\"/></clipPath>\n\
         <g clip-path=\"url(#r)\"><rect width=\"{left}\" height=\"20\" fill=\"#444c56\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{colour}\"/></g>\n\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"110\">\
         <text x=\"{label_at}\" y=\"140\" transform=\"scale(.1)\" textLength=\"{label_length}\">{label}</text>\
         <text x=\"{value_at}\" y=\"140\" transform=\"scale(.1)\" textLength=\"{value_length}\">{value}</text></g>\n</svg>\n"
    )
}

/// In whole pixels, rounded up.
fn width(text: &str) -> u32 {
    let letter = |letter: char| {
        let at = usize::try_from(u32::from(letter).wrapping_sub(0x20)).unwrap_or(usize::MAX);
        u32::from(WIDTHS.get(at).copied().unwrap_or(107))
    };
    text.chars().map(letter).sum::<u32>().div_ceil(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colour_follows_the_minimum() {
        let colour = |covered, total| {
            let badge = coverage(covered, total, Percent::whole(80));
            ["#2c8a3c", "#9a6700", "#c5332d", "#6e7781"].into_iter().find(|colour| badge.contains(colour))
        };
        assert_eq!(colour(80, 100), Some("#2c8a3c"));
        assert_eq!(colour(79, 100), Some("#9a6700"));
        assert_eq!(colour(69, 100), Some("#c5332d"));
        assert_eq!(colour(0, 0), Some("#6e7781"));
    }

    #[test]
    fn the_endpoint_says_the_same() {
        let answer: serde_json::Value =
            serde_json::from_str(&endpoint(8342, 10_000, Percent::whole(80))).unwrap();
        let expected = serde_json::json!({"schemaVersion": 1, "label": "coverage", "message": "83.42%", "color": "#2c8a3c"});
        assert_eq!(answer, expected);
    }

    #[test]
    fn the_badge() {
        insta::assert_snapshot!(coverage(8342, 10_000, Percent::whole(80)));
        assert!(write("<a>", "&", "#000").contains("aria-label=\"&lt;a&gt;: &amp;\""));
    }
}
