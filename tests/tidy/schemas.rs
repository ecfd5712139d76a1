//! A validator for the part of JSON Schema that our schemas use. A keyword that it does not know is an error, so that
//! it cannot agree by not looking. (The crate `jsonschema` would cost each test build thirty crates.)

use serde_json::{Map, Value};

/// Words that describe and demand nothing.
const SILENT: [&str; 6] = ["$schema", "$defs", "title", "description", "default", "format"];

/// What is wrong with `value`, each with its place.
pub(crate) fn validate(schema: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    look(schema, schema, value, "", &mut wrong);
    wrong
}

fn look(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let keywords = match schema {
        Value::Bool(true) => return,
        Value::Object(keywords) => keywords,
        _ => return wrong.push(format!("{at}: no schema: {schema}")),
    };
    for (keyword, demand) in keywords {
        if !holds(root, keywords, (keyword, demand), value, at, wrong) {
            wrong.push(format!("{at}: {value} does not meet {keyword}: {demand}"));
        }
    }
}

fn holds(
    root: &Value,
    keywords: &Map<String, Value>,
    (keyword, demand): (&str, &Value),
    value: &Value,
    at: &str,
    wrong: &mut Vec<String>,
) -> bool {
    let fits = |schema: &Value| {
        let mut wrong = Vec::new();
        look(root, schema, value, at, &mut wrong);
        wrong.is_empty()
    };
    let matching = || demand.as_array().into_iter().flatten().filter(|schema| fits(schema)).count();
    match keyword {
        silent if SILENT.contains(&silent) => true,
        "type" => demand.as_array().map_or(is_a(value, demand), |all| all.iter().any(|one| is_a(value, one))),
        "const" => value == demand,
        "enum" => demand.as_array().is_some_and(|all| all.contains(value)),
        "anyOf" => matching() > 0,
        "oneOf" => matching() == 1,
        "minimum" => value.as_f64().is_none_or(|number| Some(number) >= demand.as_f64()),
        "maximum" => value.as_f64().is_none_or(|number| Some(number) <= demand.as_f64()),
        "pattern" => value.as_str().is_none_or(|text| {
            demand
                .as_str()
                .and_then(|pattern| regex::Regex::new(pattern).ok())
                .is_some_and(|regex| regex.is_match(text))
        }),
        "$ref" => {
            let part = demand.as_str().and_then(|reference| root.pointer(reference.strip_prefix('#')?));
            part.is_some_and(|part| {
                look(root, part, value, at, wrong);
                true
            })
        }
        "items" => {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                look(root, demand, item, &format!("{at}/{index}"), wrong);
            }
            true
        }
        "required" => value.as_object().is_none_or(|object| {
            demand
                .as_array()
                .into_iter()
                .flatten()
                .all(|key| object.contains_key(key.as_str().unwrap_or_default()))
        }),
        "properties" => {
            for (key, schema) in demand.as_object().into_iter().flatten() {
                if let Some(inside) = value.get(key) {
                    look(root, schema, inside, &format!("{at}/{key}"), wrong);
                }
            }
            true
        }
        "additionalProperties" => {
            let known = |key: &String| keywords.get("properties").is_some_and(|all| all.get(key).is_some());
            let more: Vec<_> =
                value.as_object().into_iter().flatten().filter(|(key, _)| !known(key)).collect();
            for (key, inside) in more.iter().filter(|_| demand.is_object()) {
                look(root, demand, inside, &format!("{at}/{key}"), wrong);
            }
            *demand != Value::Bool(false) || more.is_empty()
        }
        _ => false,
    }
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

#[test]
fn each_keyword_refuses_what_it_must() {
    use serde_json::json;
    #[track_caller]
    fn check(schema: Value, good: Value, bad: Value) {
        assert_eq!(validate(&schema, &good), Vec::<String>::new());
        assert!(!validate(&schema, &bad).is_empty(), "{schema} takes {bad}");
    }
    check(json!({"type": ["string", "null"]}), json!(null), json!(1));
    check(json!({"const": "a"}), json!("a"), json!("b"));
    check(json!({"enum": ["a", "b"]}), json!("b"), json!("c"));
    check(json!({"anyOf": [{"type": "string"}, {"minimum": 3}]}), json!(3), json!(2));
    check(json!({"oneOf": [{"type": "integer"}, {"minimum": 3}]}), json!(2), json!(3));
    check(json!({"maximum": 3}), json!(3), json!(4));
    check(json!({"pattern": "^a+$"}), json!("aa"), json!("ab"));
    check(json!({"$defs": {"a": {"type": "null"}}, "$ref": "#/$defs/a"}), json!(null), json!(1));
    check(json!({"items": {"type": "null"}}), json!([null]), json!([null, 1]));
    check(json!({"required": ["a"]}), json!({"a": 1}), json!({}));
    check(json!({"properties": {"a": {"type": "null"}}}), json!({"b": 1}), json!({"a": 1}));
    let closed = json!({"properties": {"a": true}, "additionalProperties": false});
    check(closed, json!({"a": 1}), json!({"b": 1}));
    check(json!({"additionalProperties": {"type": "null"}}), json!({"b": null}), json!({"b": 1}));
    assert!(!validate(&json!({"contains": {}}), &json!([])).is_empty(), "an unknown keyword");
    assert!(!validate(&json!({"$ref": "#/$defs/none"}), &json!([])).is_empty(), "a lost reference");
}
