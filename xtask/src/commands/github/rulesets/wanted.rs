//! What the policy asks of GitHub, in GitHub's words: pure.

use super::lines::{self, Deployable, Lines};
use crate::policy::GithubPolicy;
use crate::policy::github::{Environment, Grouping, MergeMethod, MergeQueue, TokenRights, Workflows};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The name of our ruleset. Others are never written.
pub(super) const RULESET: &str = "gateline";
/// The word for an App that may be any.
pub(super) const ANYBODY: &str = "any";

/// The numbers that GitHub knows names by.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Apps.
    pub(super) apps: BTreeMap<String, u64>,
    /// Reviewers: kind, name as GitHub writes it, number.
    pub(super) reviewers: BTreeMap<String, (String, String, u64)>,
}

/// The ruleset, as it is written.
pub(super) fn ruleset(policy: &GithubPolicy, names: &Names) -> Value {
    let flags = [
        ("deletion", policy.no_deletion),
        ("non_fast_forward", policy.no_force_pushes),
        ("required_linear_history", policy.linear_history),
    ];
    let mut rules: Vec<Value> =
        flags.into_iter().filter(|(_, wanted)| *wanted).map(|(kind, _)| json!({"type": kind})).collect();
    let mut rule =
        |kind: &str, parameters: Value| rules.push(json!({"type": kind, "parameters": parameters}));
    if policy.pull_request {
        let reviews = &policy.reviews;
        rule(
            "pull_request",
            json!({
                "dismiss_stale_reviews_on_push": reviews.dismiss_stale,
                "require_code_owner_review": reviews.code_owners,
                "require_last_push_approval": reviews.last_push,
                "required_approving_review_count": reviews.approvals,
                "required_review_thread_resolution": reviews.conversations,
            }),
        );
    }
    if !policy.required_checks.is_empty() {
        let check = |check: &crate::policy::github::RequiredCheck| {
            let mut one = json!({"context": check.name});
            if let Some(id) = names.apps.get(&check.app) {
                one["integration_id"] = json!(id);
            }
            one
        };
        let checks: Vec<Value> = policy.required_checks.iter().map(check).collect();
        rule(
            "required_status_checks",
            json!({"required_status_checks": checks, "strict_required_status_checks_policy": policy.up_to_date}),
        );
    }
    if policy.merge_queue.enabled {
        rule("merge_queue", merge_queue(&policy.merge_queue));
    }
    json!({
        "name": RULESET, "target": "branch", "enforcement": "active", "bypass_actors": [],
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}, "rules": rules,
    })
}

fn merge_queue(queue: &MergeQueue) -> Value {
    let method = match queue.method {
        MergeMethod::Merge => "MERGE",
        MergeMethod::Squash => "SQUASH",
        MergeMethod::Rebase => "REBASE",
    };
    let grouping = match queue.grouping {
        Grouping::AllGreen => "ALLGREEN",
        Grouping::HeadGreen => "HEADGREEN",
    };
    json!({
        "check_response_timeout_minutes": queue.check_timeout_minutes,
        "grouping_strategy": grouping,
        "max_entries_to_build": queue.build_max,
        "max_entries_to_merge": queue.merge_max,
        "merge_method": method,
        "min_entries_to_merge": queue.merge_min,
        "min_entries_to_merge_wait_minutes": queue.merge_wait_minutes,
    })
}

/// The rights of workflows, as they are written.
pub(super) fn workflows(workflows: &Workflows) -> Value {
    let token = match workflows.token {
        TokenRights::Read => "read",
        TokenRights::Write => "write",
    };
    json!({"default_workflow_permissions": token, "can_approve_pull_request_reviews": workflows.approve_pull_requests})
}

/// The patterns of branches and tags that may be deployed; nothing where any may.
pub(super) fn refs(environment: &Environment, default_branch: &str) -> Option<Vec<(String, String)>> {
    if environment.any_ref {
        return None;
    }
    let of = |kind: &str, all: &[String]| -> Vec<_> {
        all.iter().map(|pattern| (kind.to_owned(), pattern.clone())).collect()
    };
    let listed = [of("branch", &environment.branches), of("tag", &environment.tags)].concat();
    Some(if listed.is_empty() { of("branch", &[default_branch.to_owned()]) } else { listed })
}

/// An environment, as it is written; its patterns are written apart.
pub(super) fn environment(environment: &Environment, names: &Names) -> Value {
    let all = reviewers(environment, names);
    let one = |(kind, _, id): &(String, String, u64)| json!({"type": kind, "id": id});
    let listed = json!({"protected_branches": false, "custom_branch_policies": true});
    json!({
        "wait_timer": environment.wait_minutes,
        "prevent_self_review": !all.is_empty() && environment.prevent_self_review,
        "reviewers": if all.is_empty() { Value::Null } else { all.iter().map(one).collect() },
        "deployment_branch_policy": if environment.any_ref { Value::Null } else { listed },
    })
}

/// The same as lines.
pub(super) fn environment_lines(environment: &Environment, names: &Names, default_branch: &str) -> Lines {
    let mut wanted = Lines::from([("wait_timer".to_owned(), json!(environment.wait_minutes))]);
    lines::reviewers(&mut wanted, environment.prevent_self_review, &reviewers(environment, names));
    match refs(environment, default_branch) {
        None => lines::deployable(&mut wanted, &Deployable::Any),
        Some(all) => lines::deployable(&mut wanted, &Deployable::Listed(&all)),
    }
    wanted
}

fn reviewers(environment: &Environment, names: &Names) -> Vec<(String, String, u64)> {
    environment.reviewers.iter().filter_map(|name| names.reviewers.get(name).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(text: &str) -> GithubPolicy {
        serde_yaml::from_str(text).unwrap()
    }

    fn names() -> Names {
        let ada = ("User".to_owned(), "Ada".to_owned(), 1);
        Names {
            apps: BTreeMap::from([("github-actions".to_owned(), 15368)]),
            reviewers: BTreeMap::from([("ada".to_owned(), ada)]),
        }
    }

    #[test]
    fn the_default_asks_for_the_roll_up_of_github_actions() {
        let lines = lines::ruleset(&ruleset(&GithubPolicy::default(), &names()));
        let shown: Vec<String> = lines.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        let expected = [
            "branches ~DEFAULT_BRANCH: true",
            "deletion: true",
            "enforcement: \"active\"",
            "non_fast_forward: true",
            "pull_request.dismiss_stale_reviews_on_push: true",
            "pull_request.require_code_owner_review: true",
            "pull_request.require_last_push_approval: true",
            "pull_request.required_approving_review_count: 1",
            "pull_request.required_review_thread_resolution: false",
            "required_status_checks `required` from: \"App 15368\"",
            "required_status_checks.strict_required_status_checks_policy: false",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_not_wanted_is_no_rule() {
        let bare =
            policy("{required_checks: [], pull_request: false, no_force_pushes: false, no_deletion: false}");
        assert_eq!(ruleset(&bare, &names())["rules"], json!([]));
        let queue = policy("{merge_queue: {enabled: true, method: rebase, grouping: head-green}}");
        let lines = lines::ruleset(&ruleset(&queue, &names()));
        assert_eq!(
            (&lines["merge_queue.merge_method"], &lines["merge_queue.grouping_strategy"]),
            (&json!("REBASE"), &json!("HEADGREEN"))
        );
    }

    #[test]
    fn an_environment_is_written_as_it_is_compared() {
        let one = |text: &str| policy(&format!("environments: [{{name: a{text}}}]")).environments.remove(0);
        let plain = one("");
        assert_eq!(refs(&plain, "trunk").unwrap(), [("branch".to_owned(), "trunk".to_owned())]);
        assert_eq!(environment(&plain, &names())["reviewers"], Value::Null);
        let held = one(", reviewers: [ada], wait_minutes: 5, tags: ['v*']");
        assert_eq!(environment(&held, &names())["reviewers"], json!([{"type": "User", "id": 1}]));
        assert_eq!(environment_lines(&held, &names(), "main")["reviewer User Ada"], json!(1));
        let any = one(", any_ref: true");
        assert_eq!(environment(&any, &names())["deployment_branch_policy"], Value::Null);
        assert_eq!(environment_lines(&any, &names(), "main")["deploys"], json!("any ref"));
    }

    proptest! {
        #[test]
        fn what_is_written_has_no_drift_to_itself(
            flags: [bool; 8], approvals in 0u8..=10, checks in prop::collection::btree_set("[a-z /]{1,8}", 0..4), anybody: bool,
        ) {
            let mut policy = GithubPolicy::default();
            let [up_to_date, pull_request, linear, force, deletion, owners, stale, queue] = flags;
            (policy.up_to_date, policy.pull_request, policy.linear_history) = (up_to_date, pull_request, linear);
            (policy.no_force_pushes, policy.no_deletion, policy.merge_queue.enabled) = (force, deletion, queue);
            policy.reviews.approvals = approvals;
            (policy.reviews.code_owners, policy.reviews.dismiss_stale) = (owners, stale);
            let app = if anybody { ANYBODY } else { "github-actions" };
            policy.required_checks = checks.into_iter().map(|name| crate::policy::github::RequiredCheck { name, app: app.to_owned() }).collect();
            let body = ruleset(&policy, &names());
            prop_assert_eq!(lines::ruleset(&lines::kept(body.clone(), &body)), lines::ruleset(&body));
            prop_assert_eq!(lines::kept(body.clone(), &body), body);
        }
    }
}
