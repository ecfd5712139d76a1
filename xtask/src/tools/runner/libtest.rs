//! What libtest prints: its list of tests, and how one test ended.
//!
//! An exit status of 0 proves nothing (`exit(0)` inside a test has it too): a test has passed only where libtest's last
//! line says that exactly this one test ran and passed and all others of the binary were left out. A test that prints
//! that very line and then exits is not found out: it could as well assert nothing.

use super::process::Ended;
use crate::evidence::tests::TestOutcome;

/// How a test says that a partner which it needs is missing here: a line of its output.
pub const SKIP_MARK: &str = "gateline-skip: ";
/// libtest's exit status where a test failed (`ERROR_EXIT_CODE` in library/test/src/lib.rs).
const FAILED_STATUS: i32 = 101;

/// Reads `--list`: one `name: test` or `name: benchmark` per line, and at the end `2 tests, 0 benchmarks`. That sum tells a
/// binary without tests from one that ended before libtest began; the terse format has none.
pub(super) fn read_list(text: &str) -> Result<Vec<String>, String> {
    let mut lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    let sum = lines.pop().and_then(list_sum).ok_or("its list has no end")?;
    let name = |line: &str| {
        let name = line.strip_suffix(": test").or_else(|| line.strip_suffix(": benchmark"));
        name.map(str::to_owned).ok_or_else(|| format!("its list has the line `{}`", shortened(line)))
    };
    let names = lines.into_iter().map(name).collect::<Result<Vec<_>, _>>()?;
    if names.len() as u64 == sum {
        Ok(names)
    } else {
        Err(format!("its list has {} names and says {sum}", names.len()))
    }
}

/// `1 test, 0 benchmarks`
fn list_sum(line: &str) -> Option<u64> {
    let (tests, benchmarks) = line.split_once(", ")?;
    let count = |text: &str, word: &str| -> Option<u64> {
        text.trim_end_matches('s').strip_suffix(word)?.trim_end().parse().ok()
    };
    count(tests, "test")?.checked_add(count(benchmarks, "benchmark")?)
}

/// How a test ended that ran alone in its process, in a binary that has so many others.
pub(super) fn conclude(ended: Ended, others: u64, stdout: &str, stderr: &str) -> TestOutcome {
    match (ended, Tally::last_of(stdout, others)) {
        (Ended::TimedOut, _) => TestOutcome::TimedOut,
        (Ended::Exited(0), Some(Tally { passed: 1, failed: 0, ignored: 0 })) => {
            skipped(stdout, stderr).map_or(TestOutcome::Passed, TestOutcome::Skipped)
        }
        (Ended::Exited(FAILED_STATUS), Some(Tally { passed: 0, failed: 1, ignored: 0 })) => {
            TestOutcome::Failed
        }
        (Ended::Exited(0), Some(_)) => TestOutcome::Vanished("the binary did not run it".to_owned()),
        (ended, _) => TestOutcome::Vanished(format!("{ended} before the test had ended")),
    }
}

/// How a binary without libtest ended: its exit status is all that it says.
pub(super) fn conclude_own(ended: Ended, stdout: &str, stderr: &str) -> TestOutcome {
    match ended {
        Ended::Exited(0) => skipped(stdout, stderr).map_or(TestOutcome::Passed, TestOutcome::Skipped),
        Ended::Exited(_) => TestOutcome::Failed,
        Ended::TimedOut => TestOutcome::TimedOut,
        Ended::Signalled(_) => TestOutcome::Vanished(ended.to_string()),
    }
}

fn skipped(stdout: &str, stderr: &str) -> Option<String> {
    let mark = |line: &str| line.strip_prefix(SKIP_MARK).map(|what| shortened(what.trim()));
    stderr.lines().chain(stdout.lines()).find_map(mark)
}

/// The numbers of a `test result:` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Tally {
    /// The tally on the last line that is not empty; anything after it means that the process did something else.
    fn last_of(stdout: &str, others: u64) -> Option<Tally> {
        let last = stdout.lines().rev().find(|line| !line.is_empty())?;
        let left_out = format!("; 0 measured; {others} filtered out; finished in ");
        Tally::read(last).filter(|_| last.contains(&left_out))
    }

    /// `test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.00s`
    pub(super) fn read(line: &str) -> Option<Tally> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut counts = counts.split("; ");
        let mut next = |word: &str| counts.next()?.strip_suffix(word)?.trim_end().parse().ok();
        Some(Tally { passed: next("passed")?, failed: next("failed")?, ignored: next("ignored")? })
    }
}

/// A line that fits into a message.
pub(super) fn shortened(line: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    let mut short: String = line.chars().take(CHARACTERS_MAX).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OK: &str = "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 5 \
                      filtered out; finished in 0.00s\n\n";

    fn check(ended: Ended, stdout: &str, expected: TestOutcome) {
        assert_eq!(conclude(ended, 5, stdout, ""), expected, "{ended:?} {stdout}");
    }

    #[test]
    fn only_the_last_line_of_a_process_that_exits_with_0_is_a_pass() {
        let vanished = |why: &str| TestOutcome::Vanished(why.to_owned());
        check(Ended::Exited(0), OK, TestOutcome::Passed);
        check(Ended::Exited(0), "\nrunning 1 test\n", vanished("exit status 0 before the test had ended"));
        check(Ended::Exited(0), &format!("{OK}more"), vanished("exit status 0 before the test had ended"));
        check(Ended::Exited(0), &OK.replace("1 passed", "0 passed"), vanished("the binary did not run it"));
        check(
            Ended::Exited(0),
            &OK.replace("5 filtered", "6 filtered"),
            vanished("exit status 0 before the test had ended"),
        );
        check(Ended::Exited(7), OK, vanished("exit status 7 before the test had ended"));
        check(Ended::Exited(101), "", vanished("exit status 101 before the test had ended"));
        check(Ended::Signalled(6), "", vanished("signal 6 (SIGABRT) before the test had ended"));
        check(Ended::TimedOut, OK, TestOutcome::TimedOut);
        let failed = OK.replace("ok. 1 passed; 0 failed", "FAILED. 0 passed; 1 failed");
        check(Ended::Exited(101), &failed, TestOutcome::Failed);
    }

    #[test]
    fn a_pass_that_names_a_missing_partner_is_skipped() {
        let outcome = conclude(Ended::Exited(0), 5, OK, "gateline-skip: no docker here\n");
        assert_eq!(outcome, TestOutcome::Skipped("no docker here".to_owned()));
        assert_eq!(conclude_own(Ended::Exited(0), "", ""), TestOutcome::Passed);
        assert_eq!(conclude_own(Ended::Exited(1), "gateline-skip: x", ""), TestOutcome::Failed);
        assert_eq!(conclude_own(Ended::TimedOut, "", ""), TestOutcome::TimedOut);
        let killed = TestOutcome::Vanished("signal 9 (SIGKILL)".to_owned());
        assert_eq!(conclude_own(Ended::Signalled(9), "", ""), killed);
    }

    #[test]
    fn a_list_is_a_list_or_an_error() {
        let check = |text: &str, expected: Result<&[&str], &str>| {
            let read = read_list(text);
            let names = read.as_ref().map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(names.as_deref().map_err(|why| why.as_str()), expected, "{text}");
        };
        check("a::b: test\nc: benchmark\n\n1 test, 1 benchmark\n", Ok(&["a::b", "c"]));
        check("0 tests, 0 benchmarks\n", Ok(&[]));
        check("", Err("its list has no end"));
        check("a: test\n", Err("its list has no end"));
        check("hello\n0 tests, 0 benchmarks\n", Err("its list has the line `hello`"));
        check("a: test\n\n2 tests, 0 benchmarks\n", Err("its list has 1 names and says 2"));
        assert_eq!(shortened(&"ü".repeat(300)).chars().count(), 201);
    }

    proptest! {
        #[test]
        fn no_output_before_the_end_is_a_pass(noise in "[ -~\n]{0,200}") {
            prop_assume!(Tally::last_of(&noise, 5).is_none());
            prop_assert_ne!(conclude(Ended::Exited(0), 5, &noise, ""), TestOutcome::Passed);
        }

        #[test]
        fn tallies_are_read_back(passed: u32, failed: u32, ignored: u32) {
            let line = format!("test result: ok. {passed} passed; {failed} failed; {ignored} ignored; 0 measured");
            let tally = Tally { passed: passed.into(), failed: failed.into(), ignored: ignored.into() };
            prop_assert_eq!(Tally::read(&line), Some(tally));
        }
    }
}
