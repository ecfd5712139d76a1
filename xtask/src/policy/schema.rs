//! JSON Schemas of the policy files and of the verdict: for editors, and for whoever reads `verdict.json`.
//!
//! They come from the types that parse the files, so they cannot promise what the parser refuses to keep, but for rules
//! across keys (rising weights, distinct ports), which only [`super::parse`] knows. The files in `policies/schema/` are
//! written from here and checked fresh by `tidy`.

use super::approvers::Approvers;
use super::waivers::Waivers;
use super::{
    CoveragePolicy, GithubPolicy, ImagePolicy, LintPolicy, RolloutPolicy, SecurityPolicy, TestsPolicy,
};
use crate::verdict::Verdict;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

/// Every schema (JSON Schema 2020-12) with its name: `NAME` is `policies/schema/NAME.schema.json`.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("lint", policy::<LintPolicy>("lint")),
        ("tests", policy::<TestsPolicy>("tests")),
        ("coverage", policy::<CoveragePolicy>("coverage")),
        ("security", policy::<SecurityPolicy>("security")),
        ("image", policy::<ImagePolicy>("image")),
        ("rollout", policy::<RolloutPolicy>("rollout")),
        ("github", policy::<GithubPolicy>("github")),
        ("waivers", policy::<Waivers>("waivers")),
        ("approvers", policy::<Approvers>("approvers")),
        ("verdict", titled(SchemaSettings::draft2020_12().for_serialize(), of::<Verdict>, "verdict.json")),
    ]
}

fn policy<T: JsonSchema>(name: &str) -> Value {
    titled(SchemaSettings::draft2020_12(), of::<T>, &format!("policies/{name}.yaml"))
}

fn of<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    settings.into_generator().into_root_schema_for::<T>()
}

fn titled(settings: SchemaSettings, make: fn(SchemaSettings) -> Schema, title: &str) -> Value {
    let mut schema = make(settings);
    schema.insert("title".to_owned(), title.into());
    RecursiveTransform(plain_description).transform(&mut schema);
    schema.to_value()
}

/// Descriptions are doc comments: on one line, and without the brackets of links that only rustdoc follows.
fn plain_description(schema: &mut Schema) {
    let Some(Value::String(text)) = schema.get_mut("description") else { return };
    *text = text.replace('\n', " ").replace("[`", "`").replace("`]", "`");
}

#[cfg(test)]
mod tests {
    use super::super::parse::all_files;
    use super::*;

    #[test]
    fn every_policy_file_has_its_schema() {
        let named: Vec<String> = all().iter().map(|(name, _)| format!("{name}.yaml")).collect();
        assert_eq!(named[..all_files().len()], all_files());
    }

    #[test]
    fn an_unknown_key_is_refused_everywhere() {
        for (name, schema) in all() {
            let parts = schema["$defs"].as_object().into_iter().flatten().map(|(_, part)| part);
            let mut objects = parts.chain([&schema]).filter(|part| part["type"] == "object");
            assert!(name == "verdict" || objects.all(|part| part["additionalProperties"] == false), "{name}");
        }
    }

    #[test]
    fn descriptions_have_no_links_of_rustdoc() {
        let text = serde_json::to_string(&all()).unwrap();
        assert!(!text.contains("[`"), "{text}");
    }
}
