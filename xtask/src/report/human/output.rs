//! What a failing test printed, as people want to see it: the beginning and the end, without what every test prints.

use crate::report::text;

/// Bytes of one line.
const LINE_BYTES_MAX: usize = 1_000;

/// At most about `lines_max` lines; how many were left out stands where they were.
pub(super) fn lines(output: &str, lines_max: usize) -> Vec<String> {
    let output = text::plain(output);
    let (mut kept, frames) = without_foreign_frames(&output);
    without_summary(&mut kept);
    while kept.first().is_some_and(|line| is_preamble(line)) {
        kept.remove(0);
    }
    while kept.last().is_some_and(|line| line.trim().is_empty()) {
        kept.pop();
    }
    let mut lines: Vec<String> =
        kept.into_iter().map(|line| text::cut(line.trim_end(), LINE_BYTES_MAX)).collect();
    if let Some(more) = lines.len().checked_sub(lines_max).filter(|more| *more > 1) {
        // The end says what went wrong, the beginning what was tried.
        let head = lines_max / 3;
        lines.splice(
            head..head + more,
            [format!("… {more} lines left out: see junit.xml in the report folder …")],
        );
    }
    if frames > 0 {
        lines.push(format!("… {frames} frames of the standard library left out …"));
    }
    lines
}

/// Takes out what libtest says after a failed test: the report says that in its own words.
fn without_summary(lines: &mut Vec<&str>) {
    let Some(last) =
        lines.iter().rposition(|line| line.starts_with("test result: FAILED. 0 passed; 1 failed"))
    else {
        return;
    };
    let before = lines.iter().take(last);
    let Some(first) =
        before.rev().position(|line| line.starts_with("test ") && line.ends_with(" ... FAILED"))
    else {
        return;
    };
    let is_its_own = |line: &&str| line.trim().is_empty() || *line == "failures:" || line.starts_with("    ");
    let first = last - 1 - first;
    if lines.iter().take(last).skip(first + 1).all(is_its_own) {
        let blank = lines.iter().skip(last + 1).take_while(|line| line.trim().is_empty()).count();
        lines.drain(first..=last + blank);
    }
}

/// libtest's own lines before a test's.
fn is_preamble(line: &str) -> bool {
    line.trim().is_empty() || line == "running 1 test"
}

/// Without the frames of a backtrace that lie in the standard library, and how many those were.
fn without_foreign_frames(output: &str) -> (Vec<&str>, usize) {
    let (mut kept, mut left_out, mut traced) = (Vec::new(), 0, false);
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        traced = (traced && is_in_trace(line)) || line == "stack backtrace:";
        let place = |next: &&str| traced && next.trim_start().starts_with("at ");
        match lines.peek().copied().filter(place) {
            Some(next) if next.trim_start().starts_with("at /rustc/") => {
                lines.next();
                left_out += 1;
            }
            _ => kept.push(line),
        }
    }
    (kept, left_out)
}

/// `  12: name` or `at place`.
fn is_in_trace(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at ") || line.split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        let output: String = (0..20).map(|number| format!("line {number}\n")).collect();
        let shown = lines(&format!("\nrunning 1 test\n{output}\n"), 6);
        let expected = [
            "line 0",
            "line 1",
            "… 14 lines left out: see junit.xml in the report folder …",
            "line 16",
            "line 17",
            "line 18",
            "line 19",
        ];
        assert_eq!(shown, expected);
        assert_eq!(lines("a\nb", 6), ["a", "b"]);
        assert!(lines("\nrunning 1 test\n", 6).is_empty());
    }

    #[test]
    fn a_backtrace_shows_the_workspaces_frames() {
        let output = "thread 'a' panicked at src/a.rs:1:2:\nno\nstack backtrace:\n   0: __rustc::rust_begin_unwind\n             \
                      at /rustc/5980/library/std/src/panicking.rs:689:5\n   1: fx::add\n             at ./src/lib.rs:5:1\n   \
                      2: core::ops::call\n             at /rustc/5980/library/core/src/ops.rs:250:5\nnote: Some details are omitted\n";
        let expected = [
            "thread 'a' panicked at src/a.rs:1:2:",
            "no",
            "stack backtrace:",
            "   1: fx::add",
            "             at ./src/lib.rs:5:1",
            "note: Some details are omitted",
            "… 2 frames of the standard library left out …",
        ];
        assert_eq!(lines(output, 40), expected);
    }

    #[test]
    fn libtests_summary_is_no_output_of_the_test() {
        let output = "\nrunning 1 test\nhello\ntest a::b ... FAILED\n\nfailures:\n\nfailures:\n    a::b\n\ntest result: FAILED. 0 \
                      passed; 1 failed; 0 ignored\n\n\nthread 'a::b' panicked at src/a.rs:3:5:\nno\n";
        assert_eq!(lines(output, 40), ["hello", "thread 'a::b' panicked at src/a.rs:3:5:", "no"]);
        let own = "test a ... FAILED\nsaid by the test\ntest result: FAILED. 0 passed; 1 failed";
        assert_eq!(lines(own, 40).len(), 3, "what the test says itself stays");
    }

    proptest! {
        #[test]
        fn any_output_is_bounded_and_commands_nothing(output in any::<String>(), most in 3usize..20) {
            let shown = lines(&output, most);
            prop_assert!(shown.len() <= most + 2);
            let escape = char::from(27);
            prop_assert!(shown.iter().all(|line| !line.contains(escape)));
        }
    }
}
