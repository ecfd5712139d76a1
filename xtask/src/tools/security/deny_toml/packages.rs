//! How a `deny.toml` names packages: `name`, `name@1.2.3`, `name:<2`, or a table with `crate`, or with `name` and `version`.

use semver::VersionReq;
use serde_json::{Map, Value as Json};
use toml::Value;

/// A package, and which of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) package: String,
    version: Option<String>,
}

impl Spec {
    /// `None` where it names no package.
    pub(super) fn of(entry: &Value) -> Option<Spec> {
        let text = entry.as_str().or_else(|| entry.get("crate").and_then(Value::as_str));
        let (name, version) = match (text, entry.get("name").and_then(Value::as_str)) {
            (Some(text), _) => match (text.split_once('@'), text.split_once(':')) {
                (Some((name, version)), _) => (name, Some(format!("={version}"))),
                (None, Some((name, version))) => (name, Some(version.to_owned())),
                (None, None) => (text, None),
            },
            (None, Some(name)) => (name, entry.get("version").and_then(Value::as_str).map(str::to_owned)),
            (None, None) => return None,
        };
        let name = name.trim();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        let right = !name.is_empty() && name.chars().all(plain);
        let version = version.map(|version| version.trim().to_owned()).filter(|version| version != "*");
        let meant = version.as_ref().is_none_or(|version| version.parse::<VersionReq>().is_ok());
        (right && meant).then(|| Spec { package: name.to_owned(), version })
    }

    /// An entry of a list in security.yaml.
    pub(super) fn entry(&self, more: &[(&str, Json)]) -> Json {
        let mut entry = Map::new();
        entry.insert("package".to_owned(), self.package.as_str().into());
        if let Some(version) = &self.version {
            entry.insert("version".to_owned(), version.as_str().into());
        }
        entry.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        Json::Object(entry)
    }
}
