//! A `deny.toml` (cargo-deny 0.20) as keys of `policies/security.yaml`. Pure.
//!
//! What has no equal here is named, never guessed. The defaults of cargo-deny hold for each section that the file has, since its
//! writer relied on them; a section that it does not have says nothing.

mod packages;

use crate::failure::Failure;
use packages::Spec;
use serde_json::{Map, Value as Json, json};
use toml::{Table, Value};

/// Longest file. The longest known has some 30,000 bytes.
pub const BYTES_MAX: u64 = 1 << 20;
/// crates.io, as cargo-deny names it.
const CRATES_IO: &str = "github.com/rust-lang/crates.io-index";
/// What stands where a reason is needed and none was written.
const NO_REASON: &str = "taken over from deny.toml, which gives no reason";

/// What a `deny.toml` says, in our words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// Sections of security.yaml with their keys, in order.
    pub sections: Vec<(&'static str, Map<String, Json>)>,
    /// Keys that were not taken over, each with the reason.
    pub left_out: Vec<(String, &'static str)>,
    /// Advisories that it ignores, each with its reason: waivers, which need an owner and a last day.
    pub ignored: Vec<(String, String)>,
}

/// Reads a `deny.toml`.
///
/// # Errors
/// Where it is no TOML, with its line.
pub fn read(text: &str) -> anyhow::Result<Imported> {
    let file: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        let said = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        Failure::usage(
            format!("line {line}: {said}"),
            "cargo deny check shows whether cargo-deny can read it",
        )
    })?;
    let mut imported = Imported::default();
    for (key, value) in &file {
        match (key.as_str(), value) {
            ("licenses", Value::Table(table)) => imported.licences(table),
            ("bans", Value::Table(table)) => imported.bans(table),
            ("sources", Value::Table(table)) => imported.sources(table),
            ("advisories", Value::Table(table)) => imported.advisories(table),
            ("output", _) => imported.leave(key, "it says how cargo-deny prints"),
            ("graph" | "targets" | "exclude" | "all-features" | "no-default-features" | "features", _) => {
                imported.leave(key, "all features and the platforms of the build are looked at here");
            }
            _ => imported.leave(key, "it is not known here"),
        }
    }
    Ok(imported)
}

impl Imported {
    fn leave(&mut self, key: &str, why: &'static str) {
        let key: String = key.chars().filter(|letter| !letter.is_control()).take(200).collect();
        self.left_out.push((key, why));
    }

    fn licences(&mut self, table: &Table) {
        // cargo-deny looks at packages of the workspace too, unless private ones are left out.
        let mut keys = Map::from_iter([("allow".to_owned(), json!([])), ("members".to_owned(), json!(true))]);
        for (key, value) in table {
            let path = format!("licenses.{key}");
            match (key.as_str(), value) {
                ("allow", Value::Array(names)) => {
                    let names = self.licences_of(&path, names);
                    keys.insert("allow".to_owned(), names.into());
                }
                ("exceptions", Value::Array(entries)) => {
                    let entries = entries.iter().filter_map(|entry| self.exception(&path, entry)).collect();
                    keys.insert("exceptions".to_owned(), Json::Array(entries));
                }
                ("include-dev", Value::Boolean(wanted)) => {
                    keys.insert("development".to_owned(), json!(wanted));
                }
                ("private", Value::Table(private)) => {
                    if private.get("ignore").and_then(Value::as_bool) == Some(true) {
                        keys.insert("members".to_owned(), json!(false));
                    }
                    if private.keys().any(|key| key != "ignore") {
                        self.leave(&path, "packages of the workspace count all or not at all: `members`");
                    }
                }
                ("version", _) => {}
                ("clarify", Value::Array(none)) if none.is_empty() => {}
                ("clarify", _) => self.leave(
                    &path,
                    "a clarification here has the SHA-256 of its file: the gate names it for each package that needs one",
                ),
                ("confidence-threshold", _) => self.leave(&path, "texts of licences are never guessed here"),
                ("unused-allowed-license" | "unused-license-exception", _) => {
                    self.leave(&path, "exceptions that nothing uses are always told");
                }
                ("include-build", _) => self.leave(&path, "what runs while the workspace is built always counts"),
                _ => self.leave(&path, "it is not known here"),
            }
        }
        self.sections.push(("licences", keys));
    }

    /// Names that SPDX knows.
    fn licences_of(&mut self, path: &str, names: &[Value]) -> Vec<String> {
        let mut known = Vec::new();
        for name in names {
            let text = name.as_str().unwrap_or_default();
            match spdx::Licensee::parse_mode(text, crate::policy::security::LICENCES) {
                Ok(_) => known.push(text.to_owned()),
                Err(_) => self.leave(&format!("{path}: {text}"), "SPDX knows no licence of this name"),
            }
        }
        known
    }

    fn exception(&mut self, path: &str, entry: &Value) -> Option<Json> {
        let spec = self.spec(path, entry)?;
        let allow = entry.get("allow").and_then(Value::as_array)?.clone();
        let allow = self.licences_of(path, &allow);
        Some(spec.entry(&[("allow", allow.into()), ("reason", reason(entry).into())]))
    }

    fn bans(&mut self, table: &Table) {
        let level = |value: &Value| value.as_str().and_then(level);
        let mut keys = Map::from_iter([
            ("duplicates".to_owned(), json!("warn")),
            ("wildcards".to_owned(), json!("off")),
            ("wildcard_paths".to_owned(), json!(false)),
        ]);
        for (key, value) in table {
            let path = format!("bans.{key}");
            match (key.as_str(), value) {
                ("multiple-versions", value) if level(value).is_some() => {
                    keys.insert("duplicates".to_owned(), json!(level(value)));
                }
                ("wildcards", value) if level(value).is_some() => {
                    keys.insert("wildcards".to_owned(), json!(level(value)));
                }
                ("allow-wildcard-paths", Value::Boolean(may)) => {
                    keys.insert("wildcard_paths".to_owned(), json!(may));
                }
                ("deny", Value::Array(entries)) => {
                    let entries = entries.iter().filter_map(|entry| self.banned(&path, entry)).collect();
                    keys.insert("deny".to_owned(), Json::Array(entries));
                }
                ("skip", Value::Array(entries)) => {
                    let entries = entries.iter().filter_map(|entry| {
                        Some(self.spec(&path, entry)?.entry(&[("reason", reason(entry).into())]))
                    });
                    let entries = entries.collect::<Vec<_>>();
                    keys.insert("skip".to_owned(), Json::Array(entries));
                }
                ("features", Value::Array(entries)) => {
                    let entries = entries.iter().filter_map(|entry| self.features(&path, entry)).collect();
                    keys.insert("features".to_owned(), Json::Array(entries));
                }
                ("build", Value::Table(build)) => self.build(&path, build, &mut keys),
                ("skip-tree" | "allow" | "allow-workspace", Value::Array(none)) if none.is_empty() => {}
                ("highlight", _) => self.leave(&path, "it says how cargo-deny draws"),
                ("skip-tree", _) => self.leave(&path, "each package is named by itself here: `skip`"),
                ("allow" | "allow-workspace", _) => {
                    self.leave(&path, "packages are banned by name here, never all but some");
                }
                _ => self.leave(&path, "it is not known here"),
            }
        }
        self.sections.push(("bans", keys));
    }

    fn banned(&mut self, path: &str, entry: &Value) -> Option<Json> {
        let spec = self.spec(path, entry)?;
        let mut more = vec![("reason", Json::from(reason(entry)))];
        if let Some(instead) = entry.get("use-instead").and_then(Value::as_str) {
            more.push(("instead", instead.into()));
        }
        if let Some(wrappers) = entry.get("wrappers").and_then(Value::as_array) {
            let names: Vec<&str> = wrappers.iter().filter_map(Value::as_str).collect();
            more.push(("needed_by", names.into()));
        }
        if entry.get("deny-multiple-versions").is_some() {
            self.leave(&format!("{path}: {}", spec.package), "`duplicates` has one level for all packages");
            return None;
        }
        Some(spec.entry(&more))
    }

    fn features(&mut self, path: &str, entry: &Value) -> Option<Json> {
        let spec = self.spec(path, entry)?;
        let names = |key: &str| -> Vec<&str> {
            let all = entry.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).collect()
        };
        let key = format!("{path}: {}", spec.package);
        if entry.get("exact").and_then(Value::as_bool) == Some(true) {
            self.leave(&format!("{key}: exact"), "a feature may be off here: `allow` names what may be on");
        }
        let (deny, allow) = (names("deny"), names("allow"));
        if deny.is_empty() && allow.is_empty() {
            self.leave(&key, "it names no feature");
            return None;
        }
        let mut more = vec![("reason", Json::from(reason(entry)))];
        let lists = [("deny", deny), ("allow", allow)].into_iter().filter(|(_, names)| !names.is_empty());
        more.extend(lists.map(|(key, names)| (key, Json::from(names))));
        Some(spec.entry(&more))
    }

    fn build(&mut self, path: &str, build: &Table, keys: &mut Map<String, Json>) {
        for (key, value) in build {
            let path = format!("{path}.{key}");
            match (key.as_str(), value) {
                ("allow-build-scripts", Value::Array(entries)) => {
                    let names = entries.iter().filter_map(|entry| Some(self.spec(&path, entry)?.package));
                    let names = names.collect::<Vec<_>>();
                    keys.insert("build_scripts".to_owned(), json!({"level": "refuse", "allow": names}));
                }
                _ => self.leave(&path, "what build scripts bring along is not looked at here"),
            }
        }
    }

    fn sources(&mut self, table: &Table) {
        let mut keys = Map::from_iter([
            ("unknown_registry".to_owned(), json!("warn")),
            ("unknown_git".to_owned(), json!("warn")),
        ]);
        let mut git: Vec<String> = Vec::new();
        for (key, value) in table {
            let path = format!("sources.{key}");
            let words = |value: &Value| -> Vec<String> {
                let all = value.as_array().into_iter().flatten();
                all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
            };
            match (key.as_str(), value) {
                ("unknown-registry" | "unknown-git", value) if value.as_str().and_then(level).is_some() => {
                    keys.insert(key.replace('-', "_"), json!(value.as_str().and_then(level)));
                }
                ("allow-registry", Value::Array(_)) => {
                    let named = words(value).into_iter();
                    let named =
                        named.map(|url| if url.contains(CRATES_IO) { "crates.io".to_owned() } else { url });
                    keys.insert("registries".to_owned(), named.collect::<Vec<_>>().into());
                }
                ("allow-git" | "private", Value::Array(_)) => git.extend(words(value)),
                ("allow-org", Value::Table(hosts)) => {
                    for (host, names) in hosts {
                        let organisations = words(names).into_iter();
                        git.extend(
                            organisations.map(|name| format!("https://{host}.{}/{name}/", end_of(host))),
                        );
                    }
                }
                ("required-git-spec", Value::String(pin))
                    if matches!(pin.as_str(), "any" | "branch" | "tag" | "rev") =>
                {
                    keys.insert("git_pin".to_owned(), pin.as_str().into());
                }
                ("unused-allowed-source", _) => {
                    self.leave(&path, "sources that nothing comes from are not told")
                }
                _ => self.leave(&path, "it is not known here"),
            }
        }
        if !git.is_empty() {
            keys.insert("git".to_owned(), git.into());
        }
        self.sections.push(("sources", keys));
    }

    fn advisories(&mut self, table: &Table) {
        for (key, value) in table {
            let path = format!("advisories.{key}");
            match (key.as_str(), value) {
                ("ignore", Value::Array(entries)) => {
                    for entry in entries {
                        let id = entry.as_str().or_else(|| entry.get("id").and_then(Value::as_str));
                        match id.filter(|id| id.starts_with("RUSTSEC-")) {
                            Some(id) => self.ignored.push((id.to_owned(), reason(entry))),
                            None => self.leave(&path, "only advisories with an id of RustSec can be waived"),
                        }
                    }
                }
                ("version", _) => {}
                _ => self.leave(&path, "levels of advisories have keys of their own in security.yaml"),
            }
        }
    }

    fn spec(&mut self, path: &str, entry: &Value) -> Option<Spec> {
        let spec = Spec::of(entry);
        if spec.is_none() {
            self.leave(path, "an entry names no package that cargo could have");
        }
        spec
    }
}

fn level(word: &str) -> Option<&'static str> {
    match word {
        "deny" => Some("refuse"),
        "warn" => Some("warn"),
        "allow" => Some("off"),
        _ => None,
    }
}

fn reason(entry: &Value) -> String {
    let said = entry.get("reason").and_then(Value::as_str).unwrap_or_default();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.is_empty() { NO_REASON.to_owned() } else { said.chars().take(500).collect() }
}

fn end_of(host: &str) -> &'static str {
    if host == "bitbucket" { "org" } else { "com" }
}

#[cfg(test)]
mod tests;
