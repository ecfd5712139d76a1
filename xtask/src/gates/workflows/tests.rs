//! What each finding does under the policy, and what passes.

use super::*;
use crate::verdict::Outcome;

fn found(audit: Audit) -> WorkflowFound {
    WorkflowFound {
        file: ".github/workflows/w.yml".into(),
        line: 3,
        audit,
        job: Some("a".into()),
        step: Some(0),
        message: "m".into(),
        name: Some("tj-actions/changed-files".into()),
        fix: Vec::new(),
    }
}

fn judged(policy: &WorkflowsPolicy, audit: Audit) -> GateVerdict {
    let found = vec![found(audit)];
    judge(policy, &WorkflowsEvidence { workflows: 1, found, ..WorkflowsEvidence::default() }, 1)
}

#[test]
fn every_audit_has_a_code_a_level_and_help() {
    let policy = WorkflowsPolicy::default();
    for audit in Audit::ALL {
        let verdict = judged(&policy, audit);
        let [finding] = verdict.findings.as_slice() else { panic!("{audit:?}: {:?}", verdict.findings) };
        assert!(finding.code.starts_with(&format!("workflows/{}", audit.name())), "{}", finding.code);
        assert!(finding.help.len() > 20, "{audit:?}: {}", finding.help);
        assert_eq!(finding.waived_as(), ".github/workflows/w.yml:a");
        let refuses = finding.severity == Severity::Error;
        assert_eq!(verdict.outcome, if refuses { Outcome::Refused } else { Outcome::Passed }, "{audit:?}");
    }
    let refusing = Audit::ALL.into_iter().filter(|audit| judged(&policy, *audit).outcome == Outcome::Refused);
    assert_eq!(refusing.count(), 10);
}

#[test]
fn the_policy_decides_and_silence_is_told() {
    let mut policy = WorkflowsPolicy { missing_timeout: Level::Refuse, ..WorkflowsPolicy::default() };
    assert_eq!(judged(&policy, Audit::MissingTimeout).outcome, Outcome::Refused);
    policy.missing_timeout = Level::Off;
    let verdict = judged(&policy, Audit::MissingTimeout);
    let codes: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!((verdict.outcome, codes), (Outcome::Passed, vec!["workflows/switched-off"]));
}

#[test]
fn what_the_policy_trusts_by_name_is_no_finding() {
    for (trusted, expected) in [
        ("tj-actions/*", Outcome::Passed),
        ("TJ-actions/changed-files", Outcome::Passed),
        ("tj-actions/changed", Outcome::Refused),
        ("tj/*", Outcome::Refused),
    ] {
        let policy = WorkflowsPolicy { trusted_actions: vec![trusted.into()], ..WorkflowsPolicy::default() };
        assert_eq!(judged(&policy, Audit::UnpinnedAction).outcome, expected, "{trusted}");
    }
    let privileged = vec![".github/workflows/w.yml".to_owned()];
    let policy = WorkflowsPolicy { privileged, ..WorkflowsPolicy::default() };
    assert_eq!(judged(&policy, Audit::PrivilegedTrigger).findings, []);
    assert_eq!(judged(&policy, Audit::HeadCheckout).outcome, Outcome::Refused);
}

#[test]
fn no_workflow_passes_and_says_so() {
    let verdict = judge(&WorkflowsPolicy::default(), &WorkflowsEvidence::default(), 1);
    assert_eq!(
        (verdict.outcome, verdict.findings[0].code.as_str()),
        (Outcome::Passed, "workflows/no-workflows")
    );
}

#[test]
fn a_second_opinion_that_does_not_come_is_no_pass() {
    let zizmor = SecondOpinion::Failed { why: "fatal".into() };
    let evidence = WorkflowsEvidence { workflows: 1, zizmor, ..WorkflowsEvidence::default() };
    let verdict = judge(&WorkflowsPolicy::default(), &evidence, 1);
    assert_eq!(
        (verdict.outcome, verdict.findings[0].code.as_str()),
        (Outcome::Error, "workflows/could-not-run")
    );
}

#[test]
fn what_is_left_out_is_told() {
    let evidence = WorkflowsEvidence { skipped: vec!["a/action.yml".into()], ..WorkflowsEvidence::default() };
    let verdict = judge(&WorkflowsPolicy::default(), &evidence, 1);
    assert_eq!((verdict.outcome, verdict.findings.len()), (Outcome::Passed, 1));
}
