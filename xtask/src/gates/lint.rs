//! The gate *lint*: formatting, clippy, documentation, the oldest Rust and unused dependencies, by the policy's levels.
//!
//! The level that the source asks for (`#![deny(…)]`) does not matter: the compilation caps it, and the policy decides.
//! What could not be looked at is a note, never silence.

use crate::evidence::LintEvidence;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, LintTool, Unchecked};
use crate::policy::LintPolicy;
use crate::policy::lint::Level;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};

/// Judges what the linters said.
pub fn judge(policy: &LintPolicy, evidence: &LintEvidence, duration_ms: u64) -> GateVerdict {
    let mut findings: Vec<_> =
        evidence.diagnostics.iter().filter_map(|diagnostic| finding(policy, diagnostic)).collect();
    let count = |code: &str| findings.iter().filter(|finding| finding.code == code).count();
    let mut facts = serde_json::json!({
        "tools": evidence.tools,
        "files": evidence.files,
        "packages": evidence.packages,
        "rustfmt": count("lint/rustfmt"),
        "clippy": count("lint/clippy"),
        "rustdoc": count("lint/rustdoc"),
        "errors": count("lint/does-not-compile"),
    });
    if let (Some(why), Some(facts)) = (&evidence.compiled_apart, facts.as_object_mut()) {
        facts.insert("compiled_apart".to_owned(), why.as_str().into());
    }
    findings.extend(evidence.unchecked.iter().filter_map(|one| unchecked(policy, one)));
    let verdict = GateVerdict::of(Gate::Lint, duration_ms, facts, findings);
    let formatting = policy.rustfmt != Level::Off && evidence.files > 0;
    let clippy = policy.clippy != Level::Off && evidence.packages > 0;
    if formatting || clippy { verdict } else { verdict.nothing_checked() }
}

fn finding(policy: &LintPolicy, diagnostic: &Diagnostic) -> Option<Finding> {
    let fixable = !diagnostic.edits.is_empty();
    let (what, level, help) = match (diagnostic.tool, diagnostic.severity) {
        (LintTool::Clippy, DiagnosticSeverity::Error) => {
            ("does-not-compile", Level::Refuse, explained(&diagnostic.lint))
        }
        (LintTool::Clippy, DiagnosticSeverity::Warning) if fixable => {
            ("clippy", policy.clippy, "cargo xtask lint --fix".to_owned())
        }
        (LintTool::Clippy, DiagnosticSeverity::Warning) => ("clippy", policy.clippy, about(&diagnostic.lint)),
        (tool, _) => (name(tool), level(policy, tool), help(tool).to_owned()),
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
    let finding = Finding::new(Gate::Lint, what, severity, message, help).fixed_by(&diagnostic.edits);
    Some(if diagnostic.file.is_empty() { finding } else { finding.at(&diagnostic.file, diagnostic.line) })
}

fn unchecked(policy: &LintPolicy, unchecked: &Unchecked) -> Option<Finding> {
    let what = format!("{}-not-checked", name(unchecked.tool));
    let note = Finding::new(Gate::Lint, &what, Severity::Note, &unchecked.why, &unchecked.help);
    (level(policy, unchecked.tool) != Level::Off).then_some(note)
}

const fn name(tool: LintTool) -> &'static str {
    match tool {
        LintTool::Rustfmt => "rustfmt",
        LintTool::Clippy => "clippy",
        LintTool::Rustdoc => "rustdoc",
        LintTool::Msrv => "msrv",
        LintTool::UnusedDependencies => "unused-dependency",
    }
}

const fn level(policy: &LintPolicy, tool: LintTool) -> Level {
    match tool {
        LintTool::Rustfmt => policy.rustfmt,
        LintTool::Clippy => policy.clippy,
        LintTool::Rustdoc => policy.rustdoc,
        LintTool::Msrv => policy.msrv,
        LintTool::UnusedDependencies => policy.unused_dependencies,
    }
}

const fn help(tool: LintTool) -> &'static str {
    match tool {
        LintTool::Rustfmt => "cargo fmt --all",
        LintTool::Clippy => "cargo clippy --workspace --all-targets",
        LintTool::Rustdoc => "cargo doc --no-deps --workspace",
        LintTool::Msrv => "raise `rust-version`, or write it as that version understands it",
        LintTool::UnusedDependencies => "remove it from the manifest, or tell the tool that it is used",
    }
}

/// Where a lint is explained; clippy's own list has its page for each.
fn about(lint: &str) -> String {
    match lint.strip_prefix("clippy::") {
        Some(name) => format!("https://rust-lang.github.io/rust-clippy/master/#{name}"),
        None => help(LintTool::Clippy).to_owned(),
    }
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
            edits: vec![],
        };
        LintEvidence { files: 1, packages: 1, diagnostics: vec![diagnostic], ..LintEvidence::default() }
    }

    fn check(level: Level, evidence: &LintEvidence, outcome: Outcome, codes: &[&str]) {
        let policy = LintPolicy { rustfmt: level, clippy: level, rustdoc: level, ..LintPolicy::default() };
        let verdict = judge(&policy, evidence, 1);
        let found: Vec<_> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((verdict.outcome, found.as_slice()), (outcome, codes));
    }

    #[test]
    fn the_level_decides_about_warnings() {
        use DiagnosticSeverity::{Error, Warning};
        let unformatted = said(LintTool::Rustfmt, Warning, "");
        let linted = said(LintTool::Clippy, Warning, "clippy::all");
        let documented = said(LintTool::Rustdoc, Warning, "rustdoc::broken_intra_doc_links");
        let broken = said(LintTool::Clippy, Error, "E0308");
        check(Level::Refuse, &unformatted, Outcome::Refused, &["lint/rustfmt"]);
        check(Level::Refuse, &linted, Outcome::Refused, &["lint/clippy"]);
        check(Level::Warn, &linted, Outcome::Passed, &["lint/clippy"]);
        check(Level::Off, &linted, Outcome::NothingChecked, &[]);
        check(Level::Refuse, &documented, Outcome::Refused, &["lint/rustdoc"]);
        check(Level::Warn, &documented, Outcome::Passed, &["lint/rustdoc"]);
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
    fn what_was_not_looked_at_is_told_where_the_policy_asks() {
        let unchecked = Unchecked { tool: LintTool::Msrv, why: "no 1.70".into(), help: "rustup".into() };
        let evidence =
            LintEvidence { files: 1, packages: 1, unchecked: vec![unchecked], ..LintEvidence::default() };
        check(Level::Refuse, &evidence, Outcome::Passed, &["lint/msrv-not-checked"]);
        let off = LintPolicy { msrv: Level::Off, ..LintPolicy::default() };
        assert!(judge(&off, &evidence, 0).findings.is_empty());
    }

    #[test]
    fn a_finding_carries_what_a_tool_would_write() {
        let mut evidence = said(LintTool::Clippy, DiagnosticSeverity::Warning, "clippy::all");
        let bare = judge(&LintPolicy::default(), &evidence, 0).findings.remove(0);
        assert_eq!((bare.fix, bare.help.ends_with("#all")), (None, true));
        let edit = crate::evidence::lint::Edit {
            file: "src/a.rs".into(),
            line: 3,
            column: 1,
            end_line: 3,
            end_column: 2,
            replacement: "x".into(),
        };
        evidence.diagnostics[0].edits = vec![edit.clone()];
        let fixed = judge(&LintPolicy::default(), &evidence, 0).findings.remove(0);
        assert_eq!((fixed.fix, fixed.help.as_str()), (Some(vec![edit]), "cargo xtask lint --fix"));
    }

    #[test]
    fn nothing_to_look_at_is_nothing_checked() {
        check(Level::Refuse, &LintEvidence::default(), Outcome::NothingChecked, &[]);
    }
}
