//! Judges the secrets that stand in tracked files. What was not read is told: silence is no proof.

use crate::evidence::secrets::{SecretFound, SecretsEvidence};
use crate::policy::lint::Level;
use crate::policy::security::SecretsPolicy;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};

/// The verdict. A scan that read no file has checked nothing.
pub fn judge(policy: &SecretsPolicy, evidence: &SecretsEvidence, duration_ms: u64) -> GateVerdict {
    let facts = serde_json::json!({
        "files": evidence.files,
        "skipped": evidence.skipped.len(),
        "found": evidence.found.len(),
    });
    let mut findings: Vec<Finding> = match policy.level {
        Level::Refuse => evidence.found.iter().map(|found| finding(Severity::Error, found)).collect(),
        Level::Warn => evidence.found.iter().map(|found| finding(Severity::Warning, found)).collect(),
        Level::Off => vec![switched_off()],
    };
    findings.extend(evidence.skipped.iter().map(|(path, reason)| unread(policy, path, reason)));
    let verdict = GateVerdict::of(Gate::Secrets, duration_ms, facts, findings);
    if evidence.files == 0 { verdict.nothing_checked() } else { verdict }
}

fn finding(severity: Severity, found: &SecretFound) -> Finding {
    let SecretFound { file, line, rule, what, redacted } = found;
    let help = format!(
        "revoke it where it was issued first: whoever can read the repository has it; then remove it from {file} \
         and from the history. If it is no secret, add the path to `secrets.skip` in policies/security.yaml \
         with the reason beside it"
    );
    let message = format!("{what} in a tracked file: {redacted}");
    Finding::new(Gate::Secrets, rule, severity, message, help).at(file, *line)
}

fn unread(policy: &SecretsPolicy, path: &str, reason: &str) -> Finding {
    let message = format!("{path} was not scanned: {reason}");
    let by_policy = policy.skip.iter().any(|skip| skip == path);
    let (what, severity, help) = if by_policy {
        (
            "skipped-by-policy",
            Severity::Note,
            "remove it from `secrets.skip` in policies/security.yaml to scan it",
        )
    } else {
        (
            "not-scanned",
            Severity::Warning,
            "add it to `secrets.skip` in policies/security.yaml with the reason",
        )
    };
    Finding::new(Gate::Secrets, what, severity, message, help).at(path, 0)
}

fn switched_off() -> Finding {
    let help = "set `secrets.level: refuse` in policies/security.yaml";
    Finding::new(Gate::Secrets, "switched-off", Severity::Note, "the policy does not look for secrets", help)
}

#[cfg(test)]
mod tests;
