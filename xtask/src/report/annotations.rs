//! Annotations on a pull request, as workflow commands: `::error file=…,line=…::…`. They need no token, so they work on forks.
//!
//! GitHub shows 10 errors, 10 warnings and 10 notices of a step and drops the rest without a word. So the ones that matter
//! most come first, and a last line counts the others. Escaping is that of `@actions/core` (`command.ts`). What tests print
//! must not be able to give commands: [`quoted`] for text that is shown as it is, [`defused`] for lines between others.

use super::{rank, text};
use crate::verdict::{Finding, Severity, Verdict};
use std::fmt::Write as _;

/// Annotations of one kind that GitHub shows of one step.
pub const PER_KIND_MAX: usize = 10;
/// Bytes of one message; GitHub allows 64 KiB in all.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// The commands, one a line, and at the end how many findings are not among them.
pub fn write(verdict: &Verdict, report: &str) -> String {
    let (shown, rest) = shown(verdict);
    let mut lines = String::new();
    for finding in shown {
        let _ = writeln!(lines, "{}", command(finding));
    }
    if rest > 0 {
        let message = format!("{rest} more, see the job summary or {report}");
        let _ = writeln!(lines, "::notice title=gateline::{}", data(&message));
    }
    lines
}

/// The findings that become commands, and how many do not.
pub fn shown(verdict: &Verdict) -> (Vec<&Finding>, usize) {
    let ranked = rank::ranked(verdict);
    let kinds = [Severity::Error, Severity::Warning, Severity::Note];
    let of = |severity| ranked.iter().copied().filter(move |finding| finding.severity == severity);
    let many = kinds.iter().any(|severity| of(*severity).count() > PER_KIND_MAX);
    let shown: Vec<&Finding> = kinds
        .iter()
        .flat_map(|severity| {
            // The line that counts the rest is a notice too.
            let room = if many && *severity == Severity::Note { PER_KIND_MAX - 1 } else { PER_KIND_MAX };
            of(*severity).take(room)
        })
        .collect();
    let rest = ranked.len() - shown.len();
    (shown, rest)
}

fn command(finding: &Finding) -> String {
    let name = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    // As `@actions/core` leaves properties without a value out.
    if let Some(file) = finding.file.as_deref().map(text::plain).filter(|file| !file.is_empty()) {
        properties.push(format!("file={}", property(&file)));
        properties.extend(finding.line.map(|line| format!("line={line}")));
        properties.extend(finding.end_line.map(|line| format!("endLine={line}")));
    }
    properties.push(format!("title={}", property(&finding.code)));
    format!("::{name} {}::{}", properties.join(","), data(&message(finding, MESSAGE_BYTES_MAX)))
}

/// What stands beside a line: what is wrong, and the next command.
pub(super) fn message(finding: &Finding, bytes_max: usize) -> String {
    let message = text::plain(&format!("{}\nnext: {}", finding.message.trim_end(), finding.help));
    text::cut(&message, bytes_max)
}

/// `escapeData` of `@actions/core`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `escapeProperty` of `@actions/core`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// One output of a step, as a line of the file that `GITHUB_OUTPUT` names. A value of several lines ends at a word that nobody can
/// guess ("Workflow commands for GitHub Actions", multiline strings).
pub fn output(name: &str, value: &str, end: &str) -> String {
    if value.contains(['\n', '\r']) {
        return format!("{name}<<{end}\n{value}\n{end}\n");
    }
    format!("{name}={value}\n")
}

/// Text that GitHub shows and does not obey: commands stop until the token, which nobody can guess, comes again.
pub fn quoted(text: &str, token: &str) -> String {
    format!("::stop-commands::{token}\n{}\n::{token}::\n", text.trim_end_matches('\n'))
}

/// Lines that GitHub does not take for commands: `::` at a start and `##[` anywhere get a space.
pub fn defused(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let line = line.replace("##[", "# #[").replace('\r', " ");
        match line.trim_start().starts_with("::") {
            true => line.replacen("::", ": :", 1),
            false => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A JSON document in which GitHub finds no command of the old kind (`##[…]` anywhere in a line); its value is the same.
pub fn defused_json(document: &str) -> String {
    // Two number signs stand in strings only.
    document.replace("##[", "#\\u0023[")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::verdict::{Gate, GateVerdict};
    use proptest::prelude::*;

    /// Characters of a message that GitHub shows; the rest is cut off.
    const MESSAGE_CHARS_SHOWN: usize = 4_096;

    fn of(findings: Vec<Finding>) -> Verdict {
        let mut verdict = sample::verdict();
        verdict.gates = vec![GateVerdict::of(Gate::Lint, 0, serde_json::json!({}), findings)];
        verdict
    }

    /// The outputs as the runner reads them: by the first of `=` and `<<` in a line.
    fn read(text: &str) -> Vec<(String, String)> {
        let (mut all, mut lines) = (Vec::new(), text.split('\n'));
        while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
            let several = line.find("<<").filter(|at| line.find('=').is_none_or(|equals| *at < equals));
            match several {
                Some(at) => {
                    let value: Vec<&str> = lines.by_ref().take_while(|one| *one != &line[at + 2..]).collect();
                    all.push((line[..at].to_owned(), value.join("\n")));
                }
                None => {
                    all.extend(line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
                }
            }
        }
        all
    }

    #[test]
    fn the_sample() {
        insta::assert_snapshot!(write(&sample::verdict(), "target/gateline/verdict.json"));
    }

    #[test]
    fn the_budget_is_kept_and_the_rest_counted() {
        let finding = |number: u32, severity| {
            let mut finding = Finding::new(Gate::Lint, "clippy", severity, "m", "h").at("a.rs", number);
            finding.changed = number == 40;
            finding
        };
        let all = [Severity::Error, Severity::Warning, Severity::Note];
        let findings = (1..=40).flat_map(|number| all.map(|severity| finding(number, severity))).collect();
        let lines = write(&of(findings), "r");
        let count = |name: &str| lines.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!((count("::error "), count("::warning "), count("::notice ")), (10, 10, 10));
        assert!(lines.starts_with("::error file=a.rs,line=40,"), "the changed line is first: {lines}");
        assert_eq!(lines.lines().last(), Some("::notice title=gateline::91 more, see the job summary or r"));
        let few = write(&of(vec![finding(1, Severity::Error)]), "r");
        assert_eq!(few, "::error file=a.rs,line=1,title=lint/clippy::m%0Anext: h\n");
    }

    #[test]
    fn shown_text_cannot_command() {
        assert_eq!(quoted("::error::x\n", "T"), "::stop-commands::T\n::error::x\n::T::\n");
        assert_eq!(defused("  ::set-env name=x::y\na ##[error]b"), "  : :set-env name=x::y\na # #[error]b");
        let json = serde_json::json!({"a": "##[add-mask]x"}).to_string();
        let defused = defused_json(&json);
        assert!(!defused.contains("##["));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&defused).unwrap()["a"], "##[add-mask]x");
    }

    proptest! {
        #[test]
        fn no_message_can_give_a_second_command(message in any::<String>(), file in any::<String>(), help in any::<String>()) {
            let hostile = format!("{message}\r\n::error::x\n##[error]y,line=1");
            let properties = if text::plain(&file).is_empty() { 1 } else { 3 };
            let finding = Finding::new(Gate::Lint, "clippy", Severity::Error, hostile, help).at(file, 3);
            let lines = write(&of(vec![finding]), "r");
            prop_assert_eq!(lines.lines().count(), 1);
            prop_assert!(!lines.trim_end_matches('\n').contains(['\n', '\r']));
            // Between the two colons at the start and the first two after it, there are our properties and no other.
            let (head, _) = lines.strip_prefix("::").unwrap().split_once("::").unwrap();
            prop_assert_eq!(head.split(',').count(), properties);
        }

        #[test]
        fn the_runner_reads_what_was_written(values in proptest::collection::vec("[^\r]{0,20}|a=b<<c|\n\n|x\ny=1", 0..4)) {
            let lines: String = values.iter().map(|value| output("verdict", value, "end-of-it")).collect();
            let expected: Vec<(String, String)> =
                values.into_iter().map(|value| ("verdict".to_owned(), value)).collect();
            prop_assert_eq!(read(&lines), expected);
        }

        #[test]
        fn no_more_commands_of_a_kind_than_github_shows(kinds in prop::collection::vec(0usize..3, 0..70), message in any::<String>()) {
            let severities = [Severity::Error, Severity::Warning, Severity::Note];
            let finding = |(line, kind): (u32, &usize)| Finding::new(Gate::Lint, "clippy", severities[*kind], message.repeat(50), "h").at("a.rs", line);
            let lines = write(&of((1..).zip(&kinds).map(finding).collect()), "r");
            for name in ["error", "warning", "notice"] {
                let start = format!("::{name} ");
                let of_kind = lines.lines().filter(|line| line.starts_with(&start));
                prop_assert!(of_kind.count() <= PER_KIND_MAX);
            }
            let counted = lines.lines().filter(|line| line.starts_with("::notice title=gateline::")).count();
            let told: usize = lines.lines().last().and_then(|line| line.strip_prefix("::notice title=gateline::")?.split(' ').next()?.parse().ok()).unwrap_or(0);
            prop_assert_eq!(lines.lines().count() - counted + told, kinds.len(), "shown or counted");
            for line in lines.lines() {
                let message = line[2..].split_once("::").unwrap().1;
                let decoded = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
                prop_assert!(decoded.chars().count() <= MESSAGE_CHARS_SHOWN);
            }
        }

        #[test]
        fn no_line_that_was_defused_is_a_command(text in ".{0,40}", more in "(::|##\\[|[ \\n\\r:#\\[]){0,12}") {
            for line in defused(&format!("{more}{text}{more}")).split(['\n', '\r']) {
                prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{:?}", line);
            }
        }
    }
}
