//! What GitHub does with checks, comments, issues, reviews and tokens.

use super::{Pull, State, settings};
use crate::contract::{Contract, Operation, decoded};
use serde_json::{Value, json};

/// There is no such thing.
pub(super) fn not_found() -> (u16, Value) {
    let about = "https://docs.github.com/rest";
    (404, json!({"message": "Not Found", "documentation_url": about, "status": "404"}))
}

/// A value of the query.
fn asked(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
}

/// The part of a list that the query asks for.
pub(super) fn page(all: &[Value], query: &str) -> Vec<Value> {
    let number = |name: &str, otherwise: usize| {
        asked(query, name).and_then(|number| number.parse().ok()).unwrap_or(otherwise)
    };
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    all.iter().skip(size * (page - 1)).take(size).cloned().collect()
}

/// Whether a comment is the one of this path.
pub(super) fn is_at(comment: &Value, path: &str) -> bool {
    path.rsplit('/').next().and_then(|id| id.parse().ok()) == comment["id"].as_u64()
}

/// What GitHub does.
pub(super) fn act(
    contract: &Contract,
    state: &mut State,
    operation: &Operation,
    path: &str,
    query: &str,
    body: &Value,
) -> (u16, Value) {
    let template = operation.template.rsplit("{repo}").next().unwrap();
    let example = |status: u16| contract.example(operation, status);
    let parts: Vec<&str> = path.split('/').collect();
    let id: u64 = parts.last().and_then(|part| part.parse().ok()).unwrap_or(0);
    let asked = |name: &str| asked(query, name);
    state.next += 1;
    let not_found = not_found();
    match (operation.method.as_str(), template) {
        ("post", "/check-runs") => {
            let mut made = example(201);
            for key in ["name", "head_sha", "external_id", "status", "conclusion", "details_url"] {
                made[key] = body[key].clone();
            }
            made["id"] = json!(state.next);
            let annotations = body["output"]["annotations"].as_array().cloned().unwrap_or_default();
            for key in ["title", "summary"] {
                made["output"][key] = body["output"][key].clone();
            }
            made["output"]["annotations_count"] = json!(annotations.len());
            state.annotations.insert(state.next, annotations);
            state.checks.push(made.clone());
            (201, made)
        }
        ("patch", "/check-runs/{check_run_id}") => {
            let Some(check) = state.checks.iter_mut().find(|one| one["id"] == id) else { return not_found };
            let all = state.annotations.entry(id).or_default();
            all.extend(body["output"]["annotations"].as_array().cloned().unwrap_or_default());
            check["output"]["annotations_count"] = json!(all.len());
            (200, check.clone())
        }
        ("get", "/check-runs/{check_run_id}") => {
            state.checks.iter().find(|one| one["id"] == id).map_or(not_found, |one| (200, one.clone()))
        }
        ("get", "/commits/{ref}/check-runs") => {
            let commit = parts[parts.len() - 2];
            let name = asked("check_name");
            let of = |one: &&Value| {
                one["head_sha"] == commit && name.as_ref().is_none_or(|name| one["name"] == **name)
            };
            // `filter=latest`: the newest of each name.
            let found: Vec<Value> = state.checks.iter().rev().filter(of).take(1).cloned().collect();
            (200, json!({"total_count": found.len(), "check_runs": found}))
        }
        ("get", "/commits/{ref}/status") => {
            let mut made = example(200);
            made["statuses"] = json!(state.statuses.iter().rev().collect::<Vec<_>>());
            (200, made)
        }
        ("post", "/statuses/{sha}") => {
            let mut made = example(201);
            for key in ["state", "description", "context", "target_url"] {
                made[key] = body[key].clone();
            }
            let short: Value = [
                "url",
                "avatar_url",
                "id",
                "node_id",
                "state",
                "description",
                "target_url",
                "context",
                "created_at",
                "updated_at",
            ]
            .iter()
            .map(|key| ((*key).to_owned(), made[*key].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
            state.statuses.push(short);
            (201, made)
        }
        ("get", "/issues/{issue_number}/comments") => (200, json!(page(&state.comments, query))),
        ("post", "/issues/{issue_number}/comments") => {
            let made = comment(example(201), state.next, body["body"].as_str().unwrap(), "Bot", "NONE");
            state.comments.push(made.clone());
            (201, made)
        }
        ("patch", "/issues/comments/{comment_id}") => {
            let Some(there) = state.comments.iter_mut().find(|one| is_at(one, path)) else {
                return not_found;
            };
            there["body"] = body["body"].clone();
            (200, there.clone())
        }
        ("get", "/pulls/{pull_number}") => match id == state.pull.0 {
            true => (200, pull(example(200), &state.pull)),
            false => not_found,
        },
        ("get", "/pulls/{pull_number}/reviews") => {
            let made = |(login, state, commit): &(&str, &str, &str)| {
                let mut made = example(200)[0].clone();
                made["user"]["login"] = json!(login);
                made["state"] = json!(state);
                made["commit_id"] = json!(commit);
                made
            };
            (200, json!(state.reviews.iter().map(made).collect::<Vec<_>>()))
        }
        ("get", "/pulls") => {
            let one = pull(example(200)[0].clone(), &state.pull);
            let owner = state.pull.3.as_deref().and_then(|name| name.split('/').next()).unwrap_or_default();
            let here = state.pull.1 == "open"
                && asked("head").is_some_and(|head| head.starts_with(&format!("{owner}:")));
            (200, if here { json!([one]) } else { json!([]) })
        }
        ("post", "/code-scanning/sarifs") => {
            state.sarifs.push(body.clone());
            (202, example(202))
        }
        ("get", "/issues") => {
            let of = |one: &&Value| asked("state").is_none_or(|state| one["state"] == *state);
            (200, json!(state.issues.iter().filter(of).collect::<Vec<_>>()))
        }
        ("post", "/issues") => {
            let mut made = comment(example(201), state.next, body["body"].as_str().unwrap(), "Bot", "NONE");
            made["number"] = json!(state.next);
            made["title"] = body["title"].clone();
            made["state"] = json!("open");
            state.issues.push(made.clone());
            (201, made)
        }
        ("patch", "/issues/{issue_number}") => {
            let Some(there) = state.issues.iter_mut().find(|one| one["number"] == id) else {
                return not_found;
            };
            for (key, value) in body.as_object().unwrap() {
                there[key] = value.clone();
            }
            (200, there.clone())
        }
        ("get", "/installation") => (200, example(200)),
        ("post", "/app/installations/{installation_id}/access_tokens") => {
            state.given += 1;
            let token = format!("ghs_1_given.{}", state.given);
            state.tokens = vec![token.clone()];
            (201, json!({"token": token, "expires_at": state.ends, "permissions": {"checks": "write"}}))
        }
        _ => settings::act(contract, state, operation, path, query, body)
            .unwrap_or_else(|| panic!("the fake cannot {} {}", operation.method, operation.template)),
    }
}

fn pull(mut made: Value, (number, state, head, repository): &Pull) -> Value {
    // GitHub's example of a team lacks what its own schema asks for.
    made["requested_teams"] = json!([]);
    made["number"] = json!(number);
    made["state"] = json!(state);
    made["head"]["sha"] = json!(head);
    match repository {
        Some(name) => made["head"]["repo"]["full_name"] = json!(name),
        None => made["head"]["repo"] = Value::Null,
    }
    made
}

/// A comment of somebody.
pub(crate) fn comment(mut made: Value, id: u64, body: &str, kind: &str, association: &str) -> Value {
    made["id"] = json!(id);
    made["body"] = json!(body);
    made["user"]["type"] = json!(kind);
    made["author_association"] = json!(association);
    made
}
