//! `--from-current`: what a repository reaches today, as the keys of policies that it meets today.
//!
//! A share of lines becomes the minimum; findings of a linter or of the advisories make that level a warning, with their
//! number beside it; files with secrets are skipped by name. A failing test is never levelled: what it needs is a fix, or a
//! waiver that somebody answers for, so it is named.

use super::Entry;
use crate::digest::short_commit;
use crate::evidence::advisories::{AdvisoryKind, AdvisoryMatch, PackageSource};
use crate::evidence::lint::{DiagnosticSeverity, LintTool};
use crate::evidence::workflows::Audit;
use crate::evidence::{CouldNotRun, Evidence, Measured};
use crate::policy::Percent;
use crate::workspace::dependencies::Reach;
use std::collections::BTreeSet;

/// Names that are listed; the rest is counted.
const NAMES_MAX: usize = 10;

/// What the repository reaches, and what no policy can make good.
///
/// # Errors
/// Where it does not compile: nothing can be started from.
pub fn reached(evidence: &Evidence) -> Result<(Vec<Entry>, Vec<String>), CouldNotRun> {
    let (mut entries, mut left_out) = (Vec::new(), Vec::new());
    let at = format!("at {}", short_commit(&evidence.subject.commit));
    lint(evidence, &at, &mut entries, &mut left_out)?;
    tests(evidence, &mut left_out);
    coverage(evidence, &at, &mut entries, &mut left_out);
    security(evidence, &at, &mut entries, &mut left_out);
    workflows(evidence, &at, &mut entries, &mut left_out);
    Ok((entries, left_out))
}

/// The result of a gate; where there is none, why the default stays.
fn result<'a, E>(name: &str, measured: Option<&'a Measured<E>>, left_out: &mut Vec<String>) -> Option<&'a E> {
    match measured.map(|measured| &measured.result) {
        Some(Ok(evidence)) => return Some(evidence),
        Some(Err(why)) => {
            left_out.push(format!("{name} could not be measured, its defaults stay: {}", why.message))
        }
        None => left_out.push(format!("{name} was not measured, its defaults stay")),
    }
    None
}

fn lint(
    evidence: &Evidence,
    at: &str,
    entries: &mut Vec<Entry>,
    left_out: &mut Vec<String>,
) -> Result<(), CouldNotRun> {
    let Some(lint) = result("lint", evidence.gates.lint.as_ref(), left_out) else { return Ok(()) };
    let broken = lint.diagnostics.iter().find(|one| {
        one.severity == DiagnosticSeverity::Error
            && one.tool == LintTool::Clippy
            && !one.lint.starts_with("clippy::")
    });
    if let Some(error) = broken {
        return Err(CouldNotRun {
            message: format!("{}:{}: it does not compile: {}", error.file, error.line, error.message),
            help: "make it compile, or run `init` without --from-current".to_owned(),
        });
    }
    for (tool, key, mend) in [
        (LintTool::Rustfmt, "rustfmt", "cargo fmt --all"),
        (LintTool::Clippy, "clippy", "gateline lint --fix"),
        (LintTool::Msrv, "msrv", "raise rust-version"),
    ] {
        let count = lint.diagnostics.iter().filter(|one| one.tool == tool).count();
        if count > 0 {
            let why = format!("{count} {at}: refuse once they are gone ({mend}).");
            entries.push(Entry { file: "lint", key, value: "warn".to_owned(), why });
        }
    }
    Ok(())
}

fn tests(evidence: &Evidence, left_out: &mut Vec<String>) {
    let Some(tests) = result("tests", evidence.gates.tests.as_ref(), left_out) else { return };
    let failing: Vec<&str> =
        tests.tests.iter().filter(|test| test.outcome.is_failure()).map(|test| test.name.as_str()).collect();
    let what = "fails and no policy allows that: mend it, mark it #[ignore], or gateline waive tests/failed";
    left_out.extend(failing.iter().take(NAMES_MAX).map(|name| format!("{name} {what} '{name}'")));
    if failing.len() > NAMES_MAX {
        left_out.push(format!("{} more tests fail", failing.len() - NAMES_MAX));
    }
}

fn coverage(evidence: &Evidence, at: &str, entries: &mut Vec<Entry>, left_out: &mut Vec<String>) {
    let Some(coverage) = result("coverage", evidence.gates.coverage.as_ref(), left_out) else { return };
    let (covered, total) = coverage.totals();
    if total == 0 {
        return left_out.push("coverage found no executable line, its defaults stay".to_owned());
    }
    let value = Percent::of(covered, total).to_string();
    let why = format!("{covered} of {total} {at}; `gateline coverage ratchet` raises it.");
    entries.push(Entry { file: "coverage", key: "minimum", value, why });
}

fn security(evidence: &Evidence, at: &str, entries: &mut Vec<Entry>, left_out: &mut Vec<String>) {
    if let Some(advisories) = result("advisories", evidence.gates.advisories.as_ref(), left_out) {
        // The others are warnings by default.
        let refuses = |one: &&AdvisoryMatch| {
            one.kind == AdvisoryKind::Vulnerability
                && one.source == PackageSource::Registry
                && one.reach <= Reach::Build
        };
        let found: BTreeSet<&str> =
            advisories.matches.iter().filter(refuses).map(|one| one.id.as_str()).collect();
        if !found.is_empty() {
            let why = format!("{} {at}: refuse once they are gone.", listed(&found));
            entries.push(Entry {
                file: "security",
                key: "advisories.vulnerability",
                value: "warn".to_owned(),
                why,
            });
        }
    }
    if let Some(secrets) = result("secrets", evidence.gates.secrets.as_ref(), left_out) {
        let files: BTreeSet<&str> = secrets.found.iter().map(|one| one.file.as_str()).collect();
        if !files.is_empty() {
            let why = format!(
                "What was found there {at} is known to whoever has the history: replace it, then scan them."
            );
            // JSON is YAML, and its quotes are never a problem.
            let value = serde_json::json!(files).to_string();
            entries.push(Entry { file: "security", key: "secrets.skip", value, why });
        }
    }
}

/// The audits that refuse by default, each with its key.
const REFUSING: [(Audit, &str); 9] = [
    (Audit::UnpinnedAction, "workflows.unpinned_action"),
    (Audit::HeadCheckout, "workflows.head_checkout"),
    (Audit::TemplateInjection, "workflows.template_injection"),
    (Audit::WidePermissions, "workflows.wide_permissions"),
    (Audit::LeakedCredentials, "workflows.leaked_credentials"),
    (Audit::HardcodedCredentials, "workflows.hardcoded_credentials"),
    (Audit::UnsafeArtifact, "workflows.unsafe_artifact"),
    (Audit::UntrustedEnvironment, "workflows.untrusted_environment"),
    (Audit::InsecureCommands, "workflows.insecure_commands"),
];

fn workflows(evidence: &Evidence, at: &str, entries: &mut Vec<Entry>, left_out: &mut Vec<String>) {
    let Some(workflows) = result("workflows", evidence.gates.workflows.as_ref(), left_out) else { return };
    for (audit, key) in REFUSING {
        let count = workflows.found.iter().filter(|one| one.audit == audit).count();
        if count > 0 {
            let why = format!("{count} {at}: refuse once they are gone.");
            entries.push(Entry { file: "security", key, value: "warn".to_owned(), why });
        }
    }
    let unreadable = workflows.found.iter().filter(|one| one.audit == Audit::Unreadable);
    left_out.extend(unreadable.map(|one| {
        format!(
            "{} cannot be read and no policy allows that: mend it, or name it under workflows.skip",
            one.file
        )
    }));
}

fn listed(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().copied().take(NAMES_MAX).collect();
    match names.len().checked_sub(NAMES_MAX) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::evidence::coverage::FileCoverage;
    use crate::evidence::lint::Diagnostic;
    use crate::evidence::secrets::SecretFound;
    use crate::evidence::tests::{TestOutcome, TestResult};
    use crate::evidence::workflows::WorkflowFound;
    use crate::evidence::{
        CoverageEvidence, GateEvidence, LintEvidence, SCHEMA, SecretsEvidence, Subject, TestsEvidence,
        WorkflowsEvidence,
    };

    fn measured<E>(evidence: E) -> Option<Measured<E>> {
        Some(Measured { result: Ok(evidence), duration_millis: 1 })
    }

    fn evidence(gates: GateEvidence) -> Evidence {
        let none = Digest::of(b"");
        Evidence {
            schema: SCHEMA.to_owned(),
            subject: Subject {
                commit: "c".repeat(40),
                dirty: false,
                tree: none.clone(),
                policy: none.clone(),
                toolchain: none,
            },
            change: None,
            uncompared: None,
            gates,
        }
    }

    fn diagnostic(tool: LintTool, severity: DiagnosticSeverity, lint: &str) -> Diagnostic {
        Diagnostic {
            file: "src/a.rs".to_owned(),
            line: 3,
            tool,
            severity,
            lint: lint.to_owned(),
            message: "m".to_owned(),
            rendered: String::new(),
            edits: Vec::new(),
        }
    }

    #[test]
    fn what_is_reached_today_is_the_bar() {
        let file =
            FileCoverage { file: "src/a.rs".to_owned(), covered: 1, total: 3, ..FileCoverage::default() };
        let found = SecretFound {
            file: "a \"b\".pem".to_owned(),
            line: 1,
            rule: "r".to_owned(),
            what: "w".to_owned(),
            redacted: "…".to_owned(),
            ..SecretFound::default()
        };
        let warning = diagnostic(LintTool::Clippy, DiagnosticSeverity::Warning, "clippy::a");
        let test = TestResult::new("p::lib$a", TestOutcome::Failed);
        let gates = GateEvidence {
            lint: measured(LintEvidence { diagnostics: vec![warning], ..LintEvidence::default() }),
            tests: measured(TestsEvidence { tests: vec![test], ..TestsEvidence::default() }),
            coverage: measured(CoverageEvidence { files: vec![file], ..CoverageEvidence::default() }),
            secrets: measured(SecretsEvidence { files: 1, found: vec![found], ..SecretsEvidence::default() }),
            ..GateEvidence::default()
        };
        let (entries, left_out) = reached(&evidence(gates)).unwrap();
        let said: Vec<(&str, &str)> = entries.iter().map(|one| (one.key, one.value.as_str())).collect();
        assert_eq!(
            said,
            [("clippy", "warn"), ("minimum", "33.33"), ("secrets.skip", "[\"a \\\"b\\\".pem\"]")]
        );
        assert!(left_out[0].contains("waive tests/failed 'p::lib$a'"), "{left_out:?}");
        assert!(left_out[1].contains("advisories was not measured"), "{left_out:?}");
    }

    #[test]
    fn audits_that_refuse_become_warnings_and_an_unreadable_file_is_named() {
        let found = |audit| WorkflowFound {
            file: "w.yml".to_owned(),
            line: 1,
            audit,
            job: None,
            step: None,
            message: "m".to_owned(),
            name: None,
            fix: Vec::new(),
        };
        let found = [Audit::UnpinnedAction, Audit::UnpinnedAction, Audit::MissingTimeout, Audit::Unreadable]
            .map(found);
        let evidence_of = WorkflowsEvidence { found: found.to_vec(), ..WorkflowsEvidence::default() };
        let gates = GateEvidence { workflows: measured(evidence_of), ..GateEvidence::default() };
        let (mut entries, mut left_out) = (Vec::new(), Vec::new());
        workflows(&evidence(gates), "at c", &mut entries, &mut left_out);
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((entry.key, entry.value.as_str()), ("workflows.unpinned_action", "warn"));
        assert!(entry.why.starts_with("2 at c"), "{}", entry.why);
        assert!(left_out[0].contains("w.yml cannot be read"), "{left_out:?}");
        let policy = crate::policy::security::WorkflowsPolicy::default();
        let refusing = serde_json::to_value(policy).unwrap();
        let refusing = refusing.as_object().unwrap().values().filter(|level| *level == "refuse");
        assert_eq!(refusing.count(), REFUSING.len());
    }

    #[test]
    fn what_does_not_compile_is_no_start() {
        let error = diagnostic(LintTool::Clippy, DiagnosticSeverity::Error, "E0308");
        let lint = measured(LintEvidence { diagnostics: vec![error], ..LintEvidence::default() });
        let why = reached(&evidence(GateEvidence { lint, ..GateEvidence::default() })).unwrap_err();
        assert!(why.message.contains("src/a.rs:3: it does not compile"), "{why:?}");
    }
}
