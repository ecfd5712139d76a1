//! Judges secrets by where they stand: in a file, in what a commit brings, in the history. What was not read is told: silence
//! is no proof.

use crate::evidence::secrets::{SecretFound, SecretsEvidence, SecretsScope, Stands, ToldBy};
use crate::policy::lint::Level;
use crate::policy::security::SecretsPolicy;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};

/// Characters of a commit's name that people read.
const COMMIT_CHARACTERS: usize = 12;

/// The verdict. A scan of the tree or of the history that read no file has checked nothing; a change may bring no file.
pub fn judge(policy: &SecretsPolicy, evidence: &SecretsEvidence, duration_ms: u64) -> GateVerdict {
    let mut facts = serde_json::json!({
        "scope": evidence.scope,
        "files": evidence.files,
        "skipped": evidence.skipped.len(),
        "found": evidence.found.len(),
    });
    if let SecretsScope::Change { commits, .. } | SecretsScope::History { commits } = &evidence.scope {
        facts["commits"] = (*commits).into();
    }
    let mut findings: Vec<Finding> = match policy.level {
        Level::Off => vec![switched_off("level")],
        _ => evidence.found.iter().filter_map(|found| finding(policy, found)).collect(),
    };
    if policy.generic == Level::Off && policy.level != Level::Off {
        findings.push(switched_off("generic"));
    }
    findings.extend(evidence.skipped.iter().map(|(path, reason)| unread(policy, path, reason)));
    let verdict = GateVerdict::of(Gate::Secrets, duration_ms, facts, findings);
    let may_be_empty = matches!(evidence.scope, SecretsScope::Change { .. } | SecretsScope::Staged);
    if evidence.files == 0 && !may_be_empty { verdict.nothing_checked() } else { verdict }
}

fn finding(policy: &SecretsPolicy, found: &SecretFound) -> Option<Finding> {
    let looks = match found.told_by {
        ToldBy::Form => policy.level,
        ToldBy::Look => policy.generic,
    };
    let severity = match (policy.level, looks) {
        (_, Level::Off) => return None,
        (Level::Refuse, Level::Refuse) => Severity::Error,
        _ => Severity::Warning,
    };
    let SecretFound { file, line, rule, what, redacted, .. } = found;
    let message = format!("{what} {}: {redacted}", place(found));
    Some(
        Finding::new(Gate::Secrets, rule, severity, message, help(found))
            .at(file, *line)
            .about(file)
            .named(&found.named),
    )
}

fn place(found: &SecretFound) -> String {
    let commit = found.commit.as_deref().map(|commit| &commit[..commit.len().min(COMMIT_CHARACTERS)]);
    match (commit, found.stands) {
        (None, _) => "in a file".to_owned(),
        (Some(commit), Stands::Still) => format!("in a file, since commit {commit}"),
        (Some(commit), Stands::Removed) => {
            format!("in commit {commit}, taken out since: the history keeps it")
        }
        (Some(commit), Stands::Unknown) => format!("in commit {commit}"),
    }
}

fn help(found: &SecretFound) -> String {
    let SecretFound { file, line, rule, .. } = found;
    let remove = match (&found.commit, found.stands) {
        (None, _) => format!("then take it out of {file}"),
        (Some(_), _) => {
            format!("then take it out of {file} and of the commits: git rebase -i, before they are pushed")
        }
    };
    let waive = match found.told_by {
        ToldBy::Look => format!(
            "cargo xtask waive secrets/{rule} '{file}:{line}' waives this value wherever it moves in the file"
        ),
        ToldBy::Form => format!("cargo xtask waive secrets/{rule} '{file}'"),
    };
    format!(
        "revoke it where it was issued first: whoever can read the repository has it; {remove}. If it is no secret: {waive}"
    )
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

fn switched_off(key: &str) -> Finding {
    let (what, of) = match key {
        "generic" => ("generic-switched-off", "values that only look like secrets"),
        _ => ("switched-off", "secrets"),
    };
    let help = format!("set `secrets.{key}: refuse` in policies/security.yaml");
    Finding::new(Gate::Secrets, what, Severity::Note, format!("the policy does not look for {of}"), help)
}

#[cfg(test)]
mod tests;
