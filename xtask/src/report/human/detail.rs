//! What stands under a finding besides its place: what a failing test printed, what the compiler printed.

use super::{output, rendered};
use crate::evidence::Evidence;
use crate::evidence::lint::Diagnostic;
use crate::report::Style;
use crate::verdict::{Finding, Gate, Severity, Verdict};
use anstyle::AnsiColor;
use std::collections::{BTreeMap, BTreeSet};

/// Lines of output of all failing tests together, shared among them.
const OUTPUT_LINES_MAX: usize = 120;
/// Lines of output of one test, at least and at most.
const OUTPUT_LINES: (usize, usize) = (8, 40);
/// Diagnostics of the compiler that are shown whole; of the rest, the first line.
const RENDERED_MAX: usize = 8;

/// Where a diagnostic stands and what it says, as its finding has it.
type Place<'a> = (&'a str, u32, String);

/// What evidence knows of findings.
pub(super) struct Details<'a> {
    outputs: BTreeMap<&'a str, &'a str>,
    lines_max: usize,
    rendered: BTreeMap<Place<'a>, &'a str>,
    shown: BTreeSet<(&'a str, u32, &'a str)>,
}

impl<'a> Details<'a> {
    /// What this evidence knows of the findings of this verdict.
    pub(super) fn new(verdict: &'a Verdict, evidence: Option<&'a Evidence>) -> Details<'a> {
        let parts = evidence.map(|evidence| &evidence.gates);
        let tests = parts.and_then(|parts| parts.tests.as_ref()?.result.as_ref().ok());
        let lint = parts.and_then(|parts| parts.lint.as_ref()?.result.as_ref().ok());
        let all = verdict.gates.iter().flat_map(|gate| &gate.findings);
        let failed: BTreeSet<&str> = all
            .clone()
            .filter(|finding| tells_output(finding))
            .filter_map(|finding| finding.subject.as_deref())
            .collect();
        let tested = tests.iter().flat_map(|tests| &tests.tests);
        let outputs: BTreeMap<&str, &str> = tested
            .filter(|test| failed.contains(test.name.as_str()) && !test.output.is_empty())
            .map(|test| (test.name.as_str(), test.output.as_str()))
            .collect();
        let (least, most) = OUTPUT_LINES;
        let lines_max = (OUTPUT_LINES_MAX / outputs.len().max(1)).clamp(least, most);
        let said = lint.iter().flat_map(|lint| &lint.diagnostics);
        let said = said.chain(tests.iter().flat_map(|tests| &tests.compile_errors));
        let rendered: BTreeMap<_, _> = said.map(|one| (place(one), one.rendered.as_str())).collect();
        // Changed lines first, then the worst: as everywhere where there is not room for all.
        let ranked = crate::report::rank::ranked(verdict);
        let shown = ranked
            .into_iter()
            .filter_map(|finding| {
                let key = key(finding)?;
                rendered.contains_key(&(key.0, key.1, key.2.to_owned())).then_some(key)
            })
            .take(RENDERED_MAX)
            .collect();
        Details { outputs, lines_max, rendered, shown }
    }

    /// The lines that stand under this finding.
    pub(super) fn of(&self, style: Style, finding: &'a Finding, colour: AnsiColor) -> Vec<String> {
        if finding.waiver.is_some() {
            return Vec::new();
        }
        if let Some(printed) = finding.subject.as_deref().and_then(|name| self.outputs.get(name)) {
            let lines = output::lines(printed, self.lines_max);
            return lines.into_iter().map(|line| format!("    {line}").trim_end().to_owned()).collect();
        }
        let Some(key) = key(finding).filter(|key| self.shown.contains(key)) else { return Vec::new() };
        let said = self.rendered.get(&(key.0, key.1, key.2.to_owned()));
        said.and_then(|said| rendered::lines(style, said, colour)).unwrap_or_default()
    }
}

/// Whether what the test printed belongs to this finding.
fn tells_output(finding: &Finding) -> bool {
    let of_tests = finding.code.starts_with(Gate::Tests.name());
    of_tests && finding.severity == Severity::Error && finding.waiver.is_none()
}

fn key(finding: &Finding) -> Option<(&str, u32, &str)> {
    let compiled = finding.code.starts_with("lint/") || finding.code.starts_with("tests/");
    compiled
        .then(|| (finding.file.as_deref().unwrap_or_default(), finding.line.unwrap_or(0), &*finding.message))
}

/// As `gates/lint.rs` and `gates/tests.rs` write the message.
fn place(one: &Diagnostic) -> Place<'_> {
    let message = match one.lint.as_str() {
        "" => one.message.clone(),
        lint => format!("{} ({lint})", one.message),
    };
    (&one.file, one.line, message)
}
