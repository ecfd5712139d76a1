//! What is in force and what is wanted in the same words, line by line, so that the difference of both is the drift.
//!
//! Only what the policy has a word for becomes a line. What is there besides (a rule of another kind, a parameter that is newer than
//! we are) is neither drift nor taken away: [`kept`].

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Keys with values, in the order of keys.
pub(super) type Lines = BTreeMap<String, Value>;

/// The kinds of rules that the policy speaks of, and their parameters that it speaks of.
const RULES: [(&str, &[&str]); 6] = [
    ("deletion", &[]),
    ("non_fast_forward", &[]),
    ("required_linear_history", &[]),
    (
        "pull_request",
        &[
            "dismiss_stale_reviews_on_push",
            "require_code_owner_review",
            "require_last_push_approval",
            "required_approving_review_count",
            "required_review_thread_resolution",
        ],
    ),
    ("required_status_checks", &["strict_required_status_checks_policy"]),
    (
        "merge_queue",
        &[
            "check_response_timeout_minutes",
            "grouping_strategy",
            "max_entries_to_build",
            "max_entries_to_merge",
            "merge_method",
            "min_entries_to_merge",
            "min_entries_to_merge_wait_minutes",
        ],
    ),
];

/// A ruleset, as GitHub tells it or as it will be told.
pub(super) fn ruleset(ruleset: &Value) -> Lines {
    let mut lines = Lines::new();
    lines.insert("enforcement".to_owned(), ruleset["enforcement"].clone());
    let names = &ruleset["conditions"]["ref_name"];
    for (key, which) in [("branches", "include"), ("branches not", "exclude")] {
        for name in list(&names[which]) {
            lines.insert(format!("{key} {}", name.as_str().unwrap_or_default()), json!(true));
        }
    }
    for actor in list(&ruleset["bypass_actors"]) {
        let kind = actor["actor_type"].as_str().unwrap_or_default();
        lines.insert(format!("may bypass: {kind} {}", actor["actor_id"]), actor["bypass_mode"].clone());
    }
    for rule in list(&ruleset["rules"]) {
        let kind = rule["type"].as_str().unwrap_or_default();
        let Some((_, parameters)) = RULES.iter().find(|(known, _)| *known == kind) else { continue };
        if parameters.is_empty() {
            lines.insert(kind.to_owned(), json!(true));
        }
        for parameter in *parameters {
            lines.insert(format!("{kind}.{parameter}"), rule["parameters"][parameter].clone());
        }
        for check in list(&rule["parameters"]["required_status_checks"]) {
            let name = check["context"].as_str().unwrap_or_default();
            let app = check.get("integration_id").filter(|app| !app.is_null());
            let from = app.map_or_else(|| "anybody".to_owned(), |app| format!("App {app}"));
            lines.insert(format!("{kind} `{name}` from"), json!(from));
        }
    }
    lines
}

/// The kinds of rules of a ruleset that the policy speaks of.
pub(super) fn kinds(rules: &[Value]) -> Lines {
    let known = |rule: &&Value| RULES.iter().any(|(kind, _)| rule["type"] == *kind);
    let line = |rule: &Value| (rule["type"].as_str().unwrap_or_default().to_owned(), json!(true));
    rules.iter().filter(known).map(line).collect()
}

/// An environment, as GitHub tells it, with its patterns of branches and tags as `(kind, pattern)`.
pub(super) fn environment(environment: &Value, refs: &[(String, String)]) -> Lines {
    let mut lines = Lines::from([("wait_timer".to_owned(), json!(0))]);
    for rule in list(&environment["protection_rules"]) {
        match rule["type"].as_str() {
            Some("wait_timer") => {
                lines.insert("wait_timer".to_owned(), rule["wait_timer"].clone());
            }
            Some("required_reviewers") => {
                let alone = rule["prevent_self_review"].as_bool().unwrap_or(false);
                let all: Vec<(String, String, u64)> =
                    list(&rule["reviewers"]).iter().filter_map(reviewer).collect();
                reviewers(&mut lines, alone, &all);
            }
            _ => {}
        }
    }
    let policy = &environment["deployment_branch_policy"];
    let from = match (policy["protected_branches"].as_bool(), policy["custom_branch_policies"].as_bool()) {
        (Some(true), _) => Deployable::Protected,
        (_, Some(true)) => Deployable::Listed(refs),
        _ => Deployable::Any,
    };
    deployable(&mut lines, &from);
    lines
}

/// Which branches and tags may be deployed.
pub(super) enum Deployable<'a> {
    /// Every one.
    Any,
    /// Branches with protection of the older kind.
    Protected,
    /// These patterns, as `(kind, pattern)`.
    Listed(&'a [(String, String)]),
}

/// The lines of who may let a deployment through: kind, name and number of each.
pub(super) fn reviewers(lines: &mut Lines, prevent_self_review: bool, all: &[(String, String, u64)]) {
    if all.is_empty() {
        return;
    }
    lines.insert("prevent_self_review".to_owned(), json!(prevent_self_review));
    for (kind, name, id) in all {
        lines.insert(format!("reviewer {kind} {name}"), json!(id));
    }
}

/// The lines of what may be deployed.
pub(super) fn deployable(lines: &mut Lines, what: &Deployable<'_>) {
    let word = match what {
        Deployable::Any => "any ref",
        Deployable::Protected => "protected branches",
        Deployable::Listed(_) => "listed refs",
    };
    lines.insert("deploys".to_owned(), json!(word));
    if let Deployable::Listed(all) = what {
        for (kind, pattern) in *all {
            lines.insert(format!("deploys {kind} {pattern}"), json!(true));
        }
    }
}

/// A reviewer in a reply: kind, name and number.
fn reviewer(value: &Value) -> Option<(String, String, u64)> {
    let who = crate::tools::github::settings::named(&value["reviewer"])?;
    Some((value["type"].as_str()?.to_owned(), who.login.or(who.slug)?, who.id))
}

/// The rights of workflows, as GitHub tells them.
pub(super) fn workflows(permissions: &Value) -> Lines {
    ["default_workflow_permissions", "can_approve_pull_request_reviews"]
        .iter()
        .map(|key| ((*key).to_owned(), permissions[*key].clone()))
        .collect()
}

/// What is to be written, with what is there besides: rules of other kinds, and parameters without a word in the policy.
pub(super) fn kept(mut wanted: Value, there: &Value) -> Value {
    let known = |kind: &Value| RULES.iter().any(|(known, _)| kind == known);
    let others: Vec<Value> =
        list(&there["rules"]).iter().filter(|rule| !known(&rule["type"])).cloned().collect();
    let Some(rules) = wanted["rules"].as_array_mut() else { return wanted };
    for rule in rules.iter_mut() {
        let same = list(&there["rules"]).iter().find(|one| one["type"] == rule["type"]);
        let before = same.and_then(|one| one["parameters"].as_object()).cloned().unwrap_or_default();
        if let Some(parameters) = rule.get_mut("parameters").and_then(Value::as_object_mut) {
            for (key, value) in before {
                parameters.entry(key).or_insert(value);
            }
        }
    }
    rules.extend(others);
    wanted
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &Lines) -> Vec<String> {
        lines.iter().map(|(key, value)| format!("{key}: {value}")).collect()
    }

    #[test]
    fn what_the_policy_has_no_word_for_is_no_line_and_is_kept() {
        let there = json!({"enforcement": "active", "bypass_actors": [{"actor_type": "Team", "actor_id": 3, "bypass_mode": "always"}],
            "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": ["refs/heads/x"]}},
            "rules": [{"type": "deletion"}, {"type": "required_signatures"}, {"type": "required_status_checks", "parameters": {
                "strict_required_status_checks_policy": false, "do_not_enforce_on_create": true,
                "required_status_checks": [{"context": "a", "integration_id": 7}, {"context": "b"}]}}]});
        let expected = [
            "branches not refs/heads/x: true",
            "branches ~DEFAULT_BRANCH: true",
            "deletion: true",
            "enforcement: \"active\"",
            "may bypass: Team 3: \"always\"",
            "required_status_checks `a` from: \"App 7\"",
            "required_status_checks `b` from: \"anybody\"",
            "required_status_checks.strict_required_status_checks_policy: false",
        ];
        assert_eq!(shown(&ruleset(&there)), expected);
        let wanted = json!({"rules": [{"type": "required_status_checks", "parameters": {"required_status_checks": []}}]});
        let expected = json!({"rules": [
            {"type": "required_status_checks", "parameters": {"required_status_checks": [],
                "strict_required_status_checks_policy": false, "do_not_enforce_on_create": true}},
            {"type": "required_signatures"}]});
        assert_eq!(kept(wanted, &there), expected);
        assert_eq!(
            shown(&kinds(there["rules"].as_array().unwrap())),
            ["deletion: true", "required_status_checks: true"]
        );
    }

    #[test]
    fn an_environment_without_rules_lets_everything_through() {
        assert_eq!(shown(&environment(&json!({}), &[])), ["deploys: \"any ref\"", "wait_timer: 0"]);
        let there = json!({"protection_rules": [
                {"type": "wait_timer", "wait_timer": 30}, {"type": "branch_policy"},
                {"type": "required_reviewers", "prevent_self_review": true, "reviewers": [
                    {"type": "User", "reviewer": {"login": "ada", "id": 1}}, {"type": "Team", "reviewer": {"slug": "ops", "id": 2}}]}],
            "deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true}});
        let refs = [("branch".to_owned(), "main".to_owned()), ("tag".to_owned(), "v*".to_owned())];
        let expected = [
            "deploys: \"listed refs\"",
            "deploys branch main: true",
            "deploys tag v*: true",
            "prevent_self_review: true",
            "reviewer Team ops: 2",
            "reviewer User ada: 1",
            "wait_timer: 30",
        ];
        assert_eq!(shown(&environment(&there, &refs)), expected);
        let protected = json!({"deployment_branch_policy": {"protected_branches": true, "custom_branch_policies": false}});
        assert_eq!(shown(&environment(&protected, &[]))[0], "deploys: \"protected branches\"");
    }
}
