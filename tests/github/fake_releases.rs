//! The part of the fake that keeps releases, files of branches and pull requests for the pin.

use crate::contract::{Contract, Operation, decoded};
use crate::fake::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateline::digest::Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What it knows of them.
#[derive(Default)]
pub(crate) struct Releases {
    pub(crate) all: Vec<Value>,
    /// Files by the id of their release.
    pub(crate) assets: Vec<(u64, Value)>,
    /// Tags and branches with their commits: `tags/v1.0.0`, `heads/main`.
    pub(crate) references: BTreeMap<String, String>,
    /// Contents of files by branch and path.
    pub(crate) files: BTreeMap<(String, String), String>,
    pub(crate) requests: Vec<Value>,
    /// Whether it tells digests, as GitHub Enterprise Servers of some age do not.
    pub(crate) tells_no_digests: bool,
    /// Where files are sent instead.
    pub(crate) upload_elsewhere: Option<&'static str>,
    /// The bytes of the next upload are damaged on their way.
    pub(crate) damages: bool,
}

/// What GitHub does; `None` where the operation is not one of these.
pub(crate) fn act(
    contract: &Contract,
    state: &mut State,
    operation: &Operation,
    (path, query): (&str, &str),
    body: &[u8],
) -> Option<(u16, Value)> {
    let template = operation.template.rsplit("{repo}").next().unwrap();
    let example = |status: u16| contract.example(operation, status);
    let parts: Vec<&str> = path.split('/').collect();
    let id: u64 = parts.iter().rev().find_map(|part| part.parse().ok()).unwrap_or(0);
    let asked = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    };
    let behind = |start: &str| path.split_once(start).map(|(_, rest)| decoded(rest)).unwrap_or_default();
    let not_found = (
        404,
        json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}),
    );
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    state.next += 1;
    let (next, base) = (state.next, state.own_base.clone());
    let it = &mut state.releases;
    Some(match (operation.method.as_str(), template) {
        ("get", "/releases") => (200, json!(it.all.iter().rev().collect::<Vec<_>>())),
        ("post", "/releases") => {
            let mut made = example(201);
            made["id"] = json!(next);
            made["assets"] = json!([]);
            let to = it.upload_elsewhere.unwrap_or(&base);
            made["upload_url"] = json!(format!("{to}/repos/o/r/releases/{next}/assets{{?name,label}}"));
            set(&mut made, &json);
            it.all.push(made.clone());
            (201, made)
        }
        ("get", "/releases/{release_id}") => {
            it.all.iter().find(|one| one["id"] == id).map_or(not_found, |one| (200, one.clone()))
        }
        ("patch", "/releases/{release_id}") => {
            let Some(there) = it.all.iter_mut().find(|one| one["id"] == id) else { return Some(not_found) };
            set(there, &json);
            (200, there.clone())
        }
        ("get", "/releases/{release_id}/assets") => {
            let of: Vec<&Value> =
                it.assets.iter().filter(|(release, _)| *release == id).map(|(_, one)| one).collect();
            (200, json!(of))
        }
        ("post", "/releases/{release_id}/assets") => {
            let name = asked("name").unwrap_or_default();
            if it.assets.iter().any(|(release, one)| *release == id && one["name"] == *name) {
                let errors = json!([{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]);
                return Some((422, json!({"message": "Validation Failed", "errors": errors})));
            }
            let mut bytes = body.to_vec();
            if std::mem::take(&mut it.damages) {
                bytes[0] ^= 1;
            }
            let mut made = example(201);
            made["id"] = json!(next);
            made["name"] = json!(name);
            made["size"] = json!(bytes.len());
            made["state"] = json!("uploaded");
            made["digest"] = match it.tells_no_digests {
                true => Value::Null,
                false => json!(Digest::of(&bytes).to_string()),
            };
            it.assets.push((id, made.clone()));
            (201, made)
        }
        ("delete", "/releases/assets/{asset_id}") => {
            it.assets.retain(|(_, one)| one["id"] != id);
            (204, Value::Null)
        }
        ("get", "/commits/{ref}") => match it.references.get(&behind("/commits/")) {
            Some(commit) => {
                let mut made = example(200);
                made["sha"] = json!(commit);
                (200, made)
            }
            None => not_found,
        },
        ("get", "/git/ref/{ref}") => match it.references.get(&behind("/git/ref/")) {
            Some(commit) => {
                let mut made = example(200);
                made["object"]["sha"] = json!(commit);
                (200, made)
            }
            None => not_found,
        },
        ("post", "/git/refs") => {
            let name = json["ref"].as_str().unwrap().trim_start_matches("refs/").to_owned();
            let commit = json["sha"].as_str().unwrap().to_owned();
            if it.references.insert(name.clone(), commit).is_some() {
                return Some((422, json!({"message": "Reference already exists"})));
            }
            let branch = name.trim_start_matches("heads/").to_owned();
            let inherited: Vec<(String, String)> = it
                .files
                .iter()
                .filter(|((of, _), _)| of == "main")
                .map(|((_, path), text)| (path.clone(), text.clone()))
                .collect();
            it.files.extend(inherited.into_iter().map(|(path, text)| ((branch.clone(), path), text)));
            (201, example(201))
        }
        ("get", "/contents/{path}") => {
            let place = (asked("ref").unwrap(), behind("/contents/"));
            let Some(text) = it.files.get(&place) else { return Some(not_found) };
            let mut made = example(200);
            made["content"] = json!(format!("{}\n", STANDARD.encode(text)));
            made["sha"] = json!(sha_of(text));
            (200, made)
        }
        ("put", "/contents/{path}") => {
            let place = (json["branch"].as_str().unwrap().to_owned(), behind("/contents/"));
            let known = it.files.get(&place).map(|text| sha_of(text));
            if known.as_deref() != json["sha"].as_str() {
                return Some((
                    409,
                    json!({"message": "is at another blob", "documentation_url": "https://docs.github.com/rest"}),
                ));
            }
            let text = STANDARD.decode(json["content"].as_str().unwrap()).unwrap();
            it.files.insert(place, String::from_utf8(text).unwrap());
            (if known.is_some() { 200 } else { 201 }, example(201))
        }
        ("get", "/pulls") if asked("base").is_some() => {
            let of = |one: &&Value| {
                asked("head").is_some_and(|head| head.ends_with(one["head"]["ref"].as_str().unwrap()))
            };
            (200, json!(it.requests.iter().filter(of).collect::<Vec<_>>()))
        }
        ("post", "/pulls") => {
            // GitHub's example of a team lacks what its own schema asks for.
            let mut made = example(201);
            made["requested_teams"] = json!([]);
            made["head"]["ref"] = json["head"].clone();
            made["title"] = json["title"].clone();
            made["body"] = json["body"].clone();
            let reply = made.clone();
            // The list has fewer keys, and the same names for them.
            let listed = contract.find("GET", "/repos/o/r/pulls").unwrap();
            let mut listed = contract.example(&listed, 200)[0].clone();
            listed["requested_teams"] = json!([]);
            listed["head"]["ref"] = json["head"].clone();
            it.requests.push(listed);
            (201, reply)
        }
        _ => return None,
    })
}

fn set(release: &mut Value, body: &Value) {
    for (key, value) in body.as_object().unwrap() {
        release[key] = value.clone();
    }
}

fn sha_of(text: &str) -> String {
    Digest::of(text.as_bytes()).hex()[..40].to_owned()
}
