//! The gate *lint*: formatting and clippy, judged by the policy's levels.
//!
//! The level that the source asks for (`#![deny(…)]`) does not matter: the compilation caps it, and the policy decides.

use crate::evidence::LintEvidence;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, LintTool};
use crate::policy::LintPolicy;
use crate::policy::lint::Level;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};

/// Judges what the linters said.
pub fn judge(policy: &LintPolicy, evidence: &LintEvidence, duration_ms: u64) -> GateVerdict {
    let findings: Vec<_> =
        evidence.diagnostics.iter().filter_map(|diagnostic| finding(policy, diagnostic)).collect();
    let count = |code: &str| findings.iter().filter(|finding| finding.code == code).count();
    let facts = serde_json::json!({
        "tools": evidence.tools,
        "files": evidence.files,
        "packages": evidence.packages,
        "rustfmt": count("lint/rustfmt"),
        "clippy": count("lint/clippy"),
        "errors": count("lint/does-not-compile"),
    });
    let verdict = GateVerdict::of(Gate::Lint, duration_ms, facts, findings);
    let formatting = policy.rustfmt != Level::Off && evidence.files > 0;
    let clippy = policy.clippy != Level::Off && evidence.packages > 0;
    if formatting || clippy { verdict } else { verdict.nothing_checked() }
}

fn finding(policy: &LintPolicy, diagnostic: &Diagnostic) -> Option<Finding> {
    let (what, level, help) = match (diagnostic.tool, diagnostic.severity) {
        (LintTool::Rustfmt, _) => ("rustfmt", policy.rustfmt, "cargo fmt --all".to_owned()),
        (LintTool::Clippy, DiagnosticSeverity::Warning) => {
            ("clippy", policy.clippy, "cargo clippy --fix --workspace --all-targets".to_owned())
        }
        (LintTool::Clippy, DiagnosticSeverity::Error) => {
            ("does-not-compile", Level::Refuse, explained(&diagnostic.lint))
        }
    };
    let severity = match level {
        Level::Refuse => Severity::Error,
        Level::Warn => Severity::Warning,
        Level::Off => return None,
    };
    let message = match diagnostic.lint.as_str() {
        "" => diagnostic.message.clone(),
        lint => format!("{} ({lint})", diagnostic.message),
    };
    let finding = Finding::new(Gate::Lint, what, severity, message, help);
    Some(if diagnostic.file.is_empty() { finding } else { finding.at(&diagnostic.file, diagnostic.line) })
}

/// The command that says more about a compiler error.
pub(crate) fn explained(code: &str) -> String {
    if code.starts_with('E') {
        format!("rustc --explain {code}")
    } else {
        "cargo check --workspace".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Outcome;

    fn said(tool: LintTool, severity: DiagnosticSeverity, lint: &str) -> LintEvidence {
        let diagnostic = Diagnostic {
            file: "src/a.rs".into(),
            line: 3,
            tool,
            severity,
            lint: lint.into(),
            message: "said so".into(),
            rendered: String::new(),
        };
        LintEvidence { tools: vec![], files: 1, packages: 1, diagnostics: vec![diagnostic] }
    }

    fn check(level: Level, evidence: &LintEvidence, outcome: Outcome, codes: &[&str]) {
        let policy = LintPolicy { rustfmt: level, clippy: level };
        let verdict = judge(&policy, evidence, 1);
        let found: Vec<_> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((verdict.outcome, found.as_slice()), (outcome, codes));
    }

    #[test]
    fn the_level_decides_about_warnings() {
        use DiagnosticSeverity::{Error, Warning};
        let unformatted = said(LintTool::Rustfmt, Warning, "");
        let linted = said(LintTool::Clippy, Warning, "clippy::all");
        let broken = said(LintTool::Clippy, Error, "E0308");
        check(Level::Refuse, &unformatted, Outcome::Refused, &["lint/rustfmt"]);
        check(Level::Refuse, &linted, Outcome::Refused, &["lint/clippy"]);
        check(Level::Warn, &linted, Outcome::Passed, &["lint/clippy"]);
        check(Level::Off, &linted, Outcome::NothingChecked, &[]);
        for level in [Level::Refuse, Level::Warn, Level::Off] {
            check(level, &broken, Outcome::Refused, &["lint/does-not-compile"]);
        }
    }

    #[test]
    fn a_finding_says_where_and_what_to_type() {
        let verdict =
            judge(&LintPolicy::default(), &said(LintTool::Clippy, DiagnosticSeverity::Error, "E0308"), 0);
        let finding = &verdict.findings[0];
        assert_eq!((finding.file.as_deref(), finding.line), (Some("src/a.rs"), Some(3)));
        assert_eq!(
            (finding.message.as_str(), finding.help.as_str()),
            ("said so (E0308)", "rustc --explain E0308")
        );
    }

    #[test]
    fn nothing_to_look_at_is_nothing_checked() {
        check(Level::Refuse, &LintEvidence::default(), Outcome::NothingChecked, &[]);
    }
}
