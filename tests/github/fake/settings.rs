//! What GitHub does with rulesets, environments and the rights of workflows.

use super::State;
use super::act::{not_found, page};
use crate::contract::{Contract, Operation, decoded};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What it enforces.
pub(crate) struct Settings {
    pub(crate) rulesets: Vec<Value>,
    /// Names, each with what it was set to.
    pub(crate) environments: BTreeMap<String, Value>,
    /// Patterns that may be deployed, of each environment.
    pub(crate) refs: BTreeMap<String, Vec<Value>>,
    pub(crate) workflows: Value,
    /// Whether the default branch has protection of the older kind.
    pub(crate) classic: bool,
    /// Whether it shows who may bypass a ruleset.
    pub(crate) shows_bypass: bool,
    /// Whether rulesets of the repository hold: of private ones some plans have none.
    pub(crate) holds: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            rulesets: vec![],
            environments: BTreeMap::new(),
            refs: BTreeMap::new(),
            workflows: json!({"default_workflow_permissions": "write", "can_approve_pull_request_reviews": true}),
            classic: false,
            shows_bypass: true,
            holds: true,
        }
    }
}

/// People, teams and Apps that there are.
const PEOPLE: [(&str, u64); 2] = [("Ada", 1), ("bob", 2)];
const TEAMS: [(&str, u64); 1] = [("ops", 9)];
const APPS: [(&str, u64); 2] = [("github-actions", 15368), ("codescan", 77)];

fn known(all: &[(&'static str, u64)], name: &str) -> Option<(&'static str, u64)> {
    all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied()
}

pub(super) fn act(
    contract: &Contract,
    state: &mut State,
    operation: &Operation,
    path: &str,
    query: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let template = operation.template.rsplit("{repo}").next().unwrap();
    let example = |status: u16| contract.example(operation, status);
    let parts: Vec<String> = path.split('/').map(decoded).collect();
    let last = parts.last().cloned().unwrap_or_default();
    let id: u64 = last.parse().unwrap_or(0);
    let environment = || parts[5].clone();
    let next = state.next;
    let settings = &mut state.settings;
    Some(match (operation.method.as_str(), template) {
        ("get", "") => {
            let mut made = example(200);
            made["default_branch"] = json!("main");
            // GitHub's example lacks what its own schema asks for, in the repository and in those around it.
            made["language"] = Value::Null;
            for around in ["parent", "source", "template_repository"] {
                made.as_object_mut().unwrap().remove(around);
            }
            (200, made)
        }
        ("get", "/rulesets") => {
            let short = |one: &Value| {
                let mut one = one.clone();
                for key in ["rules", "conditions", "bypass_actors"] {
                    one.as_object_mut().unwrap().remove(key);
                }
                one
            };
            let all: Vec<Value> = settings.rulesets.iter().map(short).collect();
            (200, json!(page(&all, query)))
        }
        ("get", "/rulesets/{ruleset_id}") => {
            let Some(found) = settings.rulesets.iter().find(|one| one["id"] == id) else {
                return Some(not_found());
            };
            let mut found = found.clone();
            if !settings.shows_bypass {
                found.as_object_mut().unwrap().remove("bypass_actors");
            }
            (200, found)
        }
        ("post", "/rulesets") => {
            if settings
                .rulesets
                .iter()
                .any(|one| one["name"] == body["name"] && one["source_type"] == "Repository")
            {
                let errors = json!(["Name must be unique"]);
                return Some((
                    422,
                    json!({"message": "Validation Failed", "documentation_url": "", "errors": errors}),
                ));
            }
            let made = ruleset(next, body);
            settings.rulesets.push(made.clone());
            (201, made)
        }
        ("put", "/rulesets/{ruleset_id}") => {
            let Some(found) = settings.rulesets.iter_mut().find(|one| one["id"] == id) else {
                return Some(not_found());
            };
            *found = ruleset(id, body);
            (200, found.clone())
        }
        ("get", "/rules/branches/{branch}") => {
            let holds = |one: &&Value| {
                let on = one["conditions"]["ref_name"]["include"].as_array().unwrap();
                settings.holds
                    && one["enforcement"] == "active"
                    && on.contains(&json!("~DEFAULT_BRANCH"))
                    && last == "main"
            };
            let rules = settings.rulesets.iter().filter(holds).flat_map(|one| {
                one["rules"].as_array().unwrap().iter().map(|rule| {
                    let mut rule = rule.clone();
                    rule["ruleset_id"] = one["id"].clone();
                    rule["ruleset_source"] = one["source"].clone();
                    rule["ruleset_source_type"] = one["source_type"].clone();
                    rule
                })
            });
            (200, json!(page(&rules.collect::<Vec<_>>(), query)))
        }
        ("get", "/branches/{branch}/protection") => match settings.classic {
            true => (200, json!({"url": "https://api.github.com/x"})),
            false => not_found(),
        },
        ("get", "/environments/{environment_name}") => match settings.environments.get(&last) {
            Some(set) => (200, shown(example(200), &last, set)),
            None => not_found(),
        },
        ("put", "/environments/{environment_name}") => {
            if body["deployment_branch_policy"]["custom_branch_policies"] != json!(true) {
                settings.refs.remove(&last);
            }
            settings.environments.insert(last.clone(), body.clone());
            (200, shown(example(200), &last, body))
        }
        ("get", "/environments/{environment_name}/deployment-branch-policies") => {
            let all = settings.refs.get(&environment()).cloned().unwrap_or_default();
            (200, json!({"total_count": all.len(), "branch_policies": page(&all, query)}))
        }
        ("post", "/environments/{environment_name}/deployment-branch-policies") => {
            let all = settings.refs.entry(environment()).or_default();
            if all.iter().any(|one| one["name"] == body["name"] && one["type"] == body["type"]) {
                return Some((303, Value::Null));
            }
            let made = json!({"id": next, "node_id": "x", "name": body["name"], "type": body["type"]});
            all.push(made.clone());
            (200, made)
        }
        ("delete", "/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}") => {
            settings.refs.entry(environment()).or_default().retain(|one| one["id"] != id);
            (204, Value::Null)
        }
        ("get", "/actions/permissions/workflow") => (200, settings.workflows.clone()),
        ("put", "/actions/permissions/workflow") => {
            settings.workflows = body.clone();
            (204, Value::Null)
        }
        ("get", "/apps/{app_slug}") => named(example(200), "slug", known(&APPS, &last)),
        ("get", "/users/{username}") => named(example(200), "login", known(&PEOPLE, &last)),
        ("get", "/orgs/{org}/teams/{team_slug}") => {
            let mut team = example(200);
            team["type"] = json!("organization");
            team["organization"]["archived_at"] = Value::Null;
            named(team, "slug", known(&TEAMS, &last))
        }
        _ => return None,
    })
}

/// Somebody, or nobody.
fn named(mut made: Value, key: &str, found: Option<(&str, u64)>) -> (u16, Value) {
    let Some((name, id)) = found else { return not_found() };
    made[key] = json!(name);
    made["id"] = json!(id);
    (200, made)
}

/// A ruleset of the repository as it is kept.
pub(crate) fn ruleset(id: u64, set: &Value) -> Value {
    let mut made = set.clone();
    made["id"] = json!(id);
    made["source_type"] = json!("Repository");
    made["source"] = json!("o/r");
    // GitHub fills in parameters that nobody named.
    for rule in made["rules"].as_array_mut().into_iter().flatten() {
        if rule["type"] == "pull_request" && rule["parameters"]["allowed_merge_methods"].is_null() {
            rule["parameters"]["allowed_merge_methods"] = json!(["merge", "squash", "rebase"]);
        }
    }
    made
}

/// An environment as GitHub tells it.
fn shown(mut made: Value, name: &str, set: &Value) -> Value {
    let example = made["protection_rules"][1]["reviewers"].clone();
    let mut rules = Vec::new();
    if let Some(minutes) = set["wait_timer"].as_u64().filter(|minutes| *minutes > 0) {
        rules.push(json!({"id": 1, "node_id": "x", "type": "wait_timer", "wait_timer": minutes}));
    }
    let reviewers: Vec<Value> = set["reviewers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let (at, key, all): (_, _, &[_]) = match one["type"].as_str() {
                Some("Team") => (1, "slug", &TEAMS),
                _ => (0, "login", &PEOPLE),
            };
            let (name, id) =
                all.iter().find(|(_, id)| one["id"] == *id).expect("GitHub refuses whom it does not know");
            let mut made = example[at].clone();
            made["reviewer"]["id"] = json!(id);
            made["reviewer"][key] = json!(name);
            if at == 1 {
                made["reviewer"]["type"] = json!("organization");
            }
            made
        })
        .collect();
    if !reviewers.is_empty() {
        let alone = set["prevent_self_review"] == json!(true);
        rules.push(json!({"id": 2, "node_id": "x", "type": "required_reviewers", "prevent_self_review": alone, "reviewers": reviewers}));
    }
    if !set["deployment_branch_policy"].is_null() {
        rules.push(json!({"id": 3, "node_id": "x", "type": "branch_policy"}));
    }
    made["name"] = json!(name);
    made["protection_rules"] = json!(rules);
    made["deployment_branch_policy"] = set["deployment_branch_policy"].clone();
    made
}
