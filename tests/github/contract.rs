//! GitHub's description of itself (npm `@octokit/openapi`, which `setup` installs), cut to what we use, as a judge of every
//! request and every reply.
//!
//! The whole description has 13 MB; what is cut out of it is kept in the target directory. Schemas are compiled when they are
//! first needed. What the description does not say and GitHub does (unknown keys, lengths) is checked by hand here.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

/// The operations that the suite uses.
const OPERATIONS: [(&str, &str); 36] = [
    ("post", "/repos/{owner}/{repo}/check-runs"),
    ("patch", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
    ("get", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}/check-runs"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}/status"),
    ("post", "/repos/{owner}/{repo}/statuses/{sha}"),
    ("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("patch", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
    ("get", "/repos/{owner}/{repo}/pulls/{pull_number}"),
    ("get", "/repos/{owner}/{repo}/pulls"),
    ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"),
    ("post", "/repos/{owner}/{repo}/code-scanning/sarifs"),
    ("get", "/repos/{owner}/{repo}/installation"),
    ("post", "/app/installations/{installation_id}/access_tokens"),
    ("get", "/rate_limit"),
    ("get", "/repos/{owner}/{repo}/issues"),
    ("post", "/repos/{owner}/{repo}/issues"),
    ("patch", "/repos/{owner}/{repo}/issues/{issue_number}"),
    ("get", "/repos/{owner}/{repo}"),
    ("get", "/repos/{owner}/{repo}/rulesets"),
    ("post", "/repos/{owner}/{repo}/rulesets"),
    ("get", "/repos/{owner}/{repo}/rulesets/{ruleset_id}"),
    ("put", "/repos/{owner}/{repo}/rulesets/{ruleset_id}"),
    ("get", "/repos/{owner}/{repo}/rules/branches/{branch}"),
    ("get", "/repos/{owner}/{repo}/branches/{branch}/protection"),
    ("get", "/repos/{owner}/{repo}/environments/{environment_name}"),
    ("put", "/repos/{owner}/{repo}/environments/{environment_name}"),
    ("get", "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies"),
    ("post", "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies"),
    (
        "delete",
        "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
    ),
    ("get", "/repos/{owner}/{repo}/actions/permissions/workflow"),
    ("put", "/repos/{owner}/{repo}/actions/permissions/workflow"),
    ("get", "/apps/{app_slug}"),
    ("get", "/users/{username}"),
    ("get", "/orgs/{org}/teams/{team_slug}"),
];
/// Those of releases and of the pin.
const RELEASES: [(&str, &str); 14] = [
    ("get", "/repos/{owner}/{repo}/releases"),
    ("post", "/repos/{owner}/{repo}/releases"),
    ("get", "/repos/{owner}/{repo}/releases/{release_id}"),
    ("patch", "/repos/{owner}/{repo}/releases/{release_id}"),
    ("get", "/repos/{owner}/{repo}/releases/{release_id}/assets"),
    ("post", "/repos/{owner}/{repo}/releases/{release_id}/assets"),
    ("delete", "/repos/{owner}/{repo}/releases/assets/{asset_id}"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}"),
    ("get", "/repos/{owner}/{repo}/git/ref/{ref}"),
    ("post", "/repos/{owner}/{repo}/git/refs"),
    ("get", "/repos/{owner}/{repo}/contents/{path}"),
    ("put", "/repos/{owner}/{repo}/contents/{path}"),
    ("post", "/repos/{owner}/{repo}/pulls"),
    ("get", "/repos/{owner}/{repo}/releases/tags/{tag}"),
];
/// Parameters that may have slashes in them.
const GREEDY: [&str; 2] = ["{ref}", "{path}"];
/// Keys that say nothing about a shape.
const WORDS: [&str; 5] = ["description", "externalDocs", "summary", "title", "x-github"];

/// The folder of the packages that `setup` installs; `None` where it did not.
pub(crate) fn package(name: &str) -> Option<PathBuf> {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent()?.to_owned();
    let folder = target.join("gateline/tools/node_modules").join(name);
    folder.is_dir().then_some(folder)
}

/// The judge.
pub(crate) struct Contract {
    root: Value,
    schemas: Value,
    compiled: Mutex<BTreeMap<String, Arc<Validator>>>,
}

/// One operation.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) template: String,
}

impl Contract {
    /// It, once per process; `None` where the package is not here.
    pub(crate) fn get() -> Option<&'static Contract> {
        static CONTRACT: OnceLock<Option<Contract>> = OnceLock::new();
        CONTRACT.get_or_init(Contract::load).as_ref()
    }

    fn load() -> Option<Contract> {
        let package = package("@octokit/openapi")?;
        let version = std::fs::read_to_string(package.join("package.json")).unwrap();
        let version: Value = serde_json::from_str(&version).unwrap();
        let count = OPERATIONS.len() + RELEASES.len();
        let name = format!("github-{}-{count}.json", version["version"].as_str().unwrap());
        let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let root: Value = match std::fs::read(&kept) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => {
                let whole = std::fs::read(package.join("generated/api.github.com.json")).unwrap();
                let cut = cut(&serde_json::from_slice(&whole).unwrap());
                let fresh = kept.with_extension(std::process::id().to_string());
                std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
                std::fs::write(&fresh, cut.to_string()).unwrap();
                std::fs::rename(&fresh, &kept).unwrap();
                cut
            }
        };
        let mut schemas = json!({"components": {"schemas": root["components"]["schemas"].clone()}});
        to_schema(&mut schemas);
        Some(Contract { root, schemas, compiled: Mutex::default() })
    }

    /// The operation of a request: literal parts before parameters.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Operation> {
        let got: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut found: Vec<&String> = self.root["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, item)| item.get(method.to_lowercase()).is_some())
            .map(|(template, _)| template)
            .filter(|template| {
                let parts: Vec<&str> = template.trim_matches('/').split('/').collect();
                let fits = match parts.last().is_some_and(|last| GREEDY.contains(last)) {
                    true => parts.len() <= got.len(),
                    false => parts.len() == got.len(),
                };
                fits && parts.iter().zip(&got).all(|(part, got)| part.starts_with('{') || part == got)
            })
            .collect();
        let greedy = |template: &str| GREEDY.iter().any(|last| template.ends_with(last));
        found.sort_by_key(|template| (greedy(template), template.matches('{').count()));
        let template = found.first()?;
        Some(Operation { method: method.to_lowercase(), template: (*template).clone() })
    }

    fn of(&self, operation: &Operation) -> &Value {
        &self.root["paths"][&operation.template][&operation.method]
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(name) => self.root.pointer(&name[1..]).unwrap_or_else(|| panic!("{name}")),
            None => value,
        }
    }

    /// An example of GitHub's for an answer.
    pub(crate) fn example(&self, operation: &Operation, status: u16) -> Value {
        let answer = self.resolved(&self.of(operation)["responses"][status.to_string()]);
        let examples = answer["content"]["application/json"]["examples"].as_object().unwrap();
        let first = self.resolved(examples.values().next().unwrap());
        first["value"].clone()
    }

    /// What is wrong with a request.
    pub(crate) fn check_request(&self, operation: &Operation, query: &str, body: &[u8]) -> Vec<String> {
        let mut wrong = Vec::new();
        let known: Vec<&Value> = self.of(operation)["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| self.resolved(one))
            .collect();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(parameter) = known.iter().find(|one| one["in"] == "query" && one["name"] == name) else {
                wrong.push(format!("unknown parameter {name}"));
                continue;
            };
            let value = decoded(value);
            let value = match parameter["schema"]["type"] == "string" {
                true => json!(value),
                false => serde_json::from_str(&value).unwrap_or(json!(value)),
            };
            wrong.extend(self.errors(&format!("{}{name}", operation.template), &parameter["schema"], &value));
        }
        let schema =
            &self.resolved(&self.of(operation)["requestBody"])["content"]["application/json"]["schema"];
        let is_file = self.of(operation)["requestBody"]["content"]["application/octet-stream"].is_object();
        match (schema.is_null(), body.is_empty()) {
            (true, true) => {}
            (true, false) if is_file => {}
            (true, false) => wrong.push("a body where none is taken".to_owned()),
            (false, true) if self.of(operation)["requestBody"]["required"] == true => {
                wrong.push("no body".to_owned());
            }
            (false, true) => {}
            (false, false) => {
                let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
                let name = format!("{} {} body", operation.method, operation.template);
                wrong.extend(self.errors(&name, schema, &body));
                wrong.extend(unknown(self.resolved(schema), &body));
                wrong.extend(by_hand(operation, &body));
            }
        }
        wrong
    }

    /// What is wrong with a reply. Codes that GitHub gives and does not describe are no fault of the fake.
    pub(crate) fn check_reply(&self, operation: &Operation, status: u16, body: &Value) -> Vec<String> {
        let Some(answer) = self.of(operation)["responses"].get(status.to_string()) else {
            return if status >= 300 { vec![] } else { vec![format!("status {status} is not described")] };
        };
        let content = self.resolved(answer)["content"].as_object();
        let schema = content
            .and_then(|all| all.iter().find(|(kind, _)| kind.contains("json")))
            .map(|(_, one)| &one["schema"]);
        let name = format!("{} {} {status}", operation.method, operation.template);
        schema.map(|schema| self.errors(&name, schema, body)).unwrap_or_default()
    }

    fn errors(&self, name: &str, schema: &Value, value: &Value) -> Vec<String> {
        let kept = self.compiled.lock().unwrap().get(name).cloned();
        let validator = kept.unwrap_or_else(|| {
            let made = Arc::new(self.compile(schema));
            self.compiled.lock().unwrap().insert(name.to_owned(), made.clone());
            made
        });
        let wrong =
            validator.iter_errors(value).map(|error| format!("{name}{}: {error}", error.instance_path()));
        wrong.map(|line| line.chars().take(300).collect()).collect()
    }

    fn compile(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        to_schema(&mut schema);
        let mut seen = BTreeSet::new();
        reach(&schema, &self.schemas, &mut seen);
        let mut defined = Map::new();
        for name in &seen {
            let short = name.strip_prefix("#/components/schemas/").unwrap_or_else(|| panic!("{name}"));
            defined.insert(short.to_owned(), self.schemas.pointer(&name[1..]).unwrap().clone());
        }
        // In Draft 4 what stands beside `$ref` does not count: so it is wrapped.
        let whole = json!({"allOf": [schema], "components": {"schemas": defined}});
        jsonschema::options().with_draft(Draft::Draft4).build(&whole).expect("a schema")
    }
}

/// Rules that the description does not have.
fn by_hand(operation: &Operation, body: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let count = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let mut check = |is_wrong: bool, what: &str| {
        if is_wrong {
            wrong.push(what.to_owned());
        }
    };
    if operation.template.contains("check-runs") {
        let output = &body["output"];
        check(body["status"] == "completed" && body["conclusion"].is_null(), "completed needs a conclusion");
        check(output["annotations"].as_array().is_some_and(|all| all.len() > 50), "more than 50 annotations");
        check(count(&output["summary"]) > 65_535, "the summary is too long");
        for annotation in output["annotations"].as_array().into_iter().flatten() {
            check(count(&annotation["message"]) > 65_536, "an annotation is too long");
            check(
                annotation["end_line"].as_u64() < annotation["start_line"].as_u64(),
                "an annotation ends before it starts",
            );
        }
    }
    if operation.template.contains("comments") {
        check(count(&body["body"]) > 65_536, "Body is too long (maximum is 65536 characters)");
    }
    if operation.template.contains("statuses") {
        check(count(&body["description"]) > 140, "the description is too long");
    }
    wrong
}

/// Keys of a request that GitHub does not know; it would ignore them in silence.
fn unknown(schema: &Value, body: &Value) -> Vec<String> {
    let (Some(known), Some(body)) = (schema["properties"].as_object(), body.as_object()) else {
        return Vec::new();
    };
    let mut wrong: Vec<String> =
        body.keys().filter(|key| !known.contains_key(*key)).map(|key| format!("unknown key {key}")).collect();
    for (key, value) in body {
        let inner = known.get(key).unwrap_or(&Value::Null);
        wrong.extend(unknown(inner, value));
        for item in value.as_array().into_iter().flatten() {
            wrong.extend(unknown(&inner["items"], item));
        }
    }
    wrong
}

/// The operations, and everything that they refer to.
fn cut(whole: &Value) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (method, template) in OPERATIONS.into_iter().chain(RELEASES) {
        let operation = &whole["paths"][template][method];
        assert!(operation.is_object(), "GitHub does not describe {method} {template}");
        let mut operation = operation.clone();
        strip(&mut operation, false);
        paths.entry(template).or_default().insert(method.to_owned(), operation);
    }
    let mut result = json!({"paths": paths, "components": {}});
    let mut waiting: Vec<String> = Vec::new();
    references(&result, &mut waiting);
    let mut seen = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let mut parts = name.trim_start_matches("#/components/").splitn(2, '/');
        let (section, short) = (parts.next().unwrap(), parts.next().unwrap());
        let mut value = whole.pointer(&name[1..]).unwrap_or_else(|| panic!("{name}")).clone();
        if section != "examples" {
            strip(&mut value, false);
            references(&value, &mut waiting);
        }
        result["components"][section][short] = value;
    }
    result
}

/// Takes the words away; keys of `properties` are names, not words.
fn strip(value: &mut Value, names: bool) {
    match value {
        Value::Object(object) => {
            if !names {
                object.retain(|key, _| !WORDS.contains(&key.as_str()));
            }
            for (key, inner) in object.iter_mut() {
                if key != "example" && key != "examples" || names {
                    strip(
                        inner,
                        !names && matches!(key.as_str(), "properties" | "responses" | "patternProperties"),
                    );
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, false)),
        _ => {}
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(name)) = object.get("$ref") {
                found.push(name.clone());
            }
            object.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn reach(value: &Value, all: &Value, seen: &mut BTreeSet<String>) {
    let mut found = Vec::new();
    references(value, &mut found);
    for name in found {
        if seen.insert(name.clone()) {
            reach(all.pointer(&name[1..]).unwrap_or_else(|| panic!("{name}")), all, seen);
        }
    }
}

/// From OpenAPI 3.0 to JSON Schema: `nullable`.
fn to_schema(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(to_schema);
            if object.get("nullable") != Some(&json!(true)) {
                return;
            }
            object.remove("nullable");
            if let Some(Value::Array(values)) = object.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
            match object.get("type").cloned() {
                Some(kind) => {
                    object.insert("type".into(), json!([kind, "null"]));
                    for key in ["allOf", "oneOf", "anyOf"] {
                        if let Some(inner) = object.remove(key) {
                            object.insert("anyOf".into(), json!([{"type": "null"}, {key: inner}]));
                        }
                    }
                }
                None => {
                    let inner = Value::Object(std::mem::take(object));
                    object.insert("anyOf".into(), json!([inner, {"type": "null"}]));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(to_schema),
        _ => {}
    }
}

/// A value of a query.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
