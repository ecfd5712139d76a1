//! Judges what was found in workflows and actions. The same on a pull request as on the default branch: nothing outside of the
//! repository changes these findings over night, and most are mended in a line.

mod help;

use crate::evidence::workflows::{Audit, SecondOpinion, WorkflowFound, WorkflowsEvidence};
use crate::policy::lint::Level;
use crate::policy::security::WorkflowsPolicy;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};

/// The verdict. A repository without workflows passes, and the report says that there were none.
pub fn judge(policy: &WorkflowsPolicy, evidence: &WorkflowsEvidence, duration_ms: u64) -> GateVerdict {
    let told: Vec<&WorkflowFound> =
        evidence.found.iter().filter(|found| !is_trusted(policy, found)).collect();
    let facts = serde_json::json!({
        "workflows": evidence.workflows,
        "actions": evidence.actions,
        "used": evidence.used,
        "pinned": evidence.pinned,
        "skipped": evidence.skipped.len(),
        "found": told.len(),
        "zizmor": evidence.zizmor,
    });
    let mut findings: Vec<Finding> = told.into_iter().filter_map(|found| finding(policy, found)).collect();
    findings.extend(evidence.skipped.iter().map(|file| skipped(file)));
    findings.extend(switched_off(policy));
    if evidence.workflows + evidence.actions == 0 && evidence.found.is_empty() && evidence.skipped.is_empty()
    {
        findings.push(none());
    }
    let verdict = GateVerdict::of(Gate::Workflows, duration_ms, facts, findings);
    verdict.incomplete(second_opinion(&evidence.zizmor).into_iter().collect())
}

/// What the policy trusts by name.
fn is_trusted(policy: &WorkflowsPolicy, found: &WorkflowFound) -> bool {
    match found.audit {
        Audit::PrivilegedTrigger => policy.privileged.contains(&found.file),
        Audit::UnpinnedAction => {
            let name = found.name.as_deref().unwrap_or_default().to_ascii_lowercase();
            policy.trusted_actions.iter().map(|trusted| trusted.to_ascii_lowercase()).any(|trusted| {
                match trusted.strip_suffix("/*") {
                    Some(owner) => name.split('/').next() == Some(owner),
                    None => name == trusted || name.starts_with(&format!("{trusted}/")),
                }
            })
        }
        _ => false,
    }
}

/// What an audit's findings do; `None` where no policy decides: an unreadable file refuses, a missing version is told.
fn level(policy: &WorkflowsPolicy, audit: Audit) -> Option<Level> {
    Some(match audit {
        Audit::Unreadable | Audit::UnnamedVersion => return None,
        Audit::UnpinnedAction => policy.unpinned_action,
        Audit::UnpinnedImage => policy.unpinned_image,
        Audit::HeadCheckout => policy.head_checkout,
        Audit::PrivilegedTrigger => policy.privileged_trigger,
        Audit::TemplateInjection => policy.template_injection,
        Audit::PossibleInjection => policy.possible_injection,
        Audit::BadExpression => policy.bad_expression,
        Audit::WidePermissions => policy.wide_permissions,
        Audit::BroadPermissions => policy.broad_permissions,
        Audit::MissingPermissions => policy.missing_permissions,
        Audit::PersistedCredentials => policy.persisted_credentials,
        Audit::LeakedCredentials => policy.leaked_credentials,
        Audit::CachePoisoning => policy.cache_poisoning,
        Audit::SelfHosted => policy.self_hosted,
        Audit::InheritedSecrets => policy.inherited_secrets,
        Audit::ExposedSecrets => policy.exposed_secrets,
        Audit::HardcodedCredentials => policy.hardcoded_credentials,
        Audit::UnsafeArtifact => policy.unsafe_artifact,
        Audit::UntrustedEnvironment => policy.untrusted_environment,
        Audit::InsecureCommands => policy.insecure_commands,
        Audit::BotCondition => policy.bot_condition,
        Audit::AlwaysTrue => policy.always_true,
        Audit::SkippedCheck => policy.skipped_check,
        Audit::MissingTimeout => policy.missing_timeout,
        Audit::Zizmor => policy.zizmor,
    })
}

fn finding(policy: &WorkflowsPolicy, found: &WorkflowFound) -> Option<Finding> {
    let severity = match (found.audit, level(policy, found.audit)) {
        (Audit::UnnamedVersion, _) => Severity::Note,
        (_, None | Some(Level::Refuse)) => Severity::Error,
        (_, Some(Level::Warn)) => Severity::Warning,
        (_, Some(Level::Off)) => return None,
    };
    let code = match (found.audit, &found.name) {
        (Audit::Zizmor, Some(ident)) => format!("zizmor-{ident}"),
        (audit, _) => audit.name().to_owned(),
    };
    let help = help::of(found);
    let finding = Finding::new(Gate::Workflows, &code, severity, &found.message, help)
        .at(&found.file, found.line)
        .fixed_by(&found.fix);
    Some(match &found.job {
        Some(job) => finding.about(format!("{}:{job}", found.file)),
        None => finding,
    })
}

fn skipped(file: &str) -> Finding {
    let message = format!("{file} was not looked at: the policy leaves it out");
    let help = "remove it from `workflows.skip` in policies/security.yaml to look at it";
    Finding::new(Gate::Workflows, "skipped-by-policy", Severity::Note, message, help).at(file, 0)
}

/// The audits that the policy switches off, in one note: silence would look like a clean file.
fn switched_off(policy: &WorkflowsPolicy) -> Option<Finding> {
    let off = Audit::ALL.into_iter().filter(|audit| level(policy, *audit) == Some(Level::Off));
    let names: Vec<&str> = off.map(Audit::name).collect();
    let help = "set them to warn or refuse under `workflows` in policies/security.yaml";
    let message = format!("the policy does not look for {}", names.join(", "));
    (!names.is_empty()).then(|| Finding::new(Gate::Workflows, "switched-off", Severity::Note, message, help))
}

fn none() -> Finding {
    let message = "there is no workflow under .github/workflows and no action.yml in this workspace";
    let help = "cargo xtask init writes workflows";
    Finding::new(Gate::Workflows, "no-workflows", Severity::Note, message, help)
}

/// A second opinion that was asked for and did not come.
fn second_opinion(opinion: &SecondOpinion) -> Option<Finding> {
    let SecondOpinion::Failed { why } = opinion else { return None };
    let message = format!("zizmor is installed and gives no answer that can be read: {why}");
    let help = "zizmor --offline --no-config .github shows what it says; `workflows.ask_zizmor: off` in \
                policies/security.yaml does without it";
    Some(Finding::new(Gate::Workflows, "could-not-run", Severity::Error, message, help))
}

#[cfg(test)]
mod tests;
