//! What is written from the code: the reference pages, the schemas, and the workflows that `init` writes for others too. Each is a pure function of the library.

use clap::CommandFactory as _;
use gateline::cli::Cli;
use gateline::exit::Exit;
use gateline::policy::schema;
use gateline::tools::init;
use serde_json::Value;
use std::fmt::Write as _;

/// How deep verbs nest (`image build` is two).
const VERB_DEPTH_MAX: usize = 4;
/// Width of the help pages, whatever terminal the test has.
const HELP_COLUMNS: usize = 100;

/// Every generated file: its path and what it must hold.
pub(crate) fn all() -> Vec<(String, String)> {
    let schemas = schema::all();
    let mut files = vec![
        ("docs/reference/exit-codes.md".to_owned(), exit_codes()),
        ("docs/reference/policies.md".to_owned(), policies(&schemas)),
        ("docs/reference/cli.md".to_owned(), command_line()),
        ("docs/reference/secret-rules.md".to_owned(), secret_rules()),
    ];
    for (name, schema) in schemas {
        files.push((format!("policies/schema/{name}.schema.json"), format!("{schema:#}\n")));
    }
    files.extend(init::workflows(&ours()).into_iter().map(|file| (file.path, file.text)));
    files
}

/// What `init` would be told here: our own workflows are those that it writes for others.
fn ours() -> init::Setting {
    init::Setting {
        steps: init::Steps::Xtask,
        branch: "main".to_owned(),
        image: Some("gateline-desk".to_owned()),
        owner: None,
        whose: init::Whose::Ours,
        policies: "policies".to_owned(),
        start: init::Start::default(),
    }
}

fn secret_rules() -> String {
    let rules: Vec<_> = gateline::tools::security::secrets::rules().collect();
    let mut page = format!(
        "# Rules for secrets\n\nThe {} formats that the gate `secrets` knows, specific before general: at one place the first \
         wins. How they are used: [the security gate](security-gate.md#secrets).\n\n| code | what |\n|---|---|\n",
        rules.len()
    );
    for (name, what) in rules {
        let _ = writeln!(page, "| `secrets/{name}` | {what} |");
    }
    page
}

fn exit_codes() -> String {
    let mut page =
        "# Exit codes\n\nHow a verb ended, for scripts and CI; a number never changes its meaning.\n\n\
                    | code | meaning |\n|---|---|\n"
            .to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(page, "| {} | {} |", exit.code(), exit.meaning());
    }
    page
}

fn command_line() -> String {
    let mut page =
        "# The command line\n\nThe help of every verb, as `--help` prints it. `cargo xtask` is `gateline` \
                    built from the checkout.\n"
            .to_owned();
    let mut root = Cli::command().term_width(HELP_COLUMNS);
    root.build();
    help_of(&mut root, "gateline", 0, &mut page);
    page
}

fn help_of(command: &mut clap::Command, name: &str, depth: usize, page: &mut String) {
    // The version is left out: a release would otherwise change this page.
    let help = command.clone().bin_name(name).render_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    if depth == VERB_DEPTH_MAX {
        return;
    }
    for verb in command.get_subcommands_mut().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
    {
        let name = format!("{name} {}", verb.get_name());
        help_of(verb, &name, depth + 1, page);
    }
}

fn policies(schemas: &[(&'static str, Value)]) -> String {
    let mut page = "# Policies\n\nEvery key of every file in `policies/`, from the schemas in `policies/schema/`. A file \
                    that is missing means its defaults, never \"no gate\"; an unknown key is an error.\n"
        .to_owned();
    for (name, schema) in schemas.iter().filter(|(name, _)| *name != "verdict") {
        let about = text(&schema["description"]);
        let _ = write!(
            page,
            "\n## {name}.yaml\n\n{about}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
        );
        rows(schema, schema, "", &mut page);
    }
    page
}

/// One row for each key; the keys of an object or of a list's items follow below it, with its name before theirs.
fn rows(root: &Value, object: &Value, prefix: &str, page: &mut String) {
    for (key, value) in object["properties"].as_object().into_iter().flatten() {
        let part = resolved(root, value);
        let path = format!("{prefix}{key}");
        let meaning =
            if value["description"].is_null() { &part["description"] } else { &value["description"] };
        let required = object["required"].as_array().is_some_and(|all| all.iter().any(|one| one == key));
        let default = match &value["default"] {
            Value::Object(all) if all.is_empty() => "empty".to_owned(),
            Value::Null if required => "required".to_owned(),
            Value::Null => "none".to_owned(),
            Value::Object(_) => "as below".to_owned(),
            Value::Array(all) if all.iter().any(Value::is_object) => several(all),
            default => format!("`{default}`"),
        };
        let _ = writeln!(page, "| `{path}` | {} | {default} | {} |", kind(root, value), text(meaning));
        rows(root, part, &format!("{path}."), page);
        rows(root, resolved(root, &part["items"]), &format!("{path}[]."), page);
    }
}

/// A list of objects by what tells them apart: names or weights; all of it stands in the schema.
fn several(all: &[Value]) -> String {
    let word = |one: &Value| {
        if one["name"].is_null() { one["weight"].to_string() } else { text(&one["name"]).to_owned() }
    };
    format!("{} (see the schema)", all.iter().map(word).collect::<Vec<_>>().join(", "))
}

/// The type in plain words.
fn kind(root: &Value, value: &Value) -> String {
    let part = resolved(root, value);
    if part["anyOf"][0]["maximum"] == 100 {
        return "percentage".to_owned();
    }
    if let Some(choices) = part["oneOf"].as_array() {
        let choices: Vec<String> = choices.iter().map(|one| format!("`{}`", text(&one["const"]))).collect();
        return choices.join(", ");
    }
    let first = if part["type"].is_array() { &part["type"][0] } else { &part["type"] };
    match first.as_str().unwrap_or_default() {
        "array" => format!("list of: {}", kind(root, &part["items"])),
        "object" if resolved(root, &part["additionalProperties"])["anyOf"][0]["maximum"] == 100 => {
            "map of percentages".to_owned()
        }
        "object" if part["additionalProperties"].is_object() => "map of strings".to_owned(),
        "object" => "keys below".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "integer" => match (&part["minimum"], &part["maximum"]) {
            (Value::Number(least), Value::Number(most)) => format!("integer, {least} to {most}"),
            (Value::Number(least), _) => format!("integer, at least {least}"),
            _ => "integer".to_owned(),
        },
        other => other.to_owned(),
    }
}

/// The definition that a reference points to, or the value itself.
fn resolved<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(value)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn every_key_has_a_row_with_its_meaning() {
    let page = policies(&schema::all());
    for row in [
        "| `minimum` | percentage | `80` |",
        "| `environments[].steps[].weight` | integer, 0 to 255 | required |",
        "| `rustfmt` | `refuse`, `warn`, `off` | `\"refuse\"` |",
        "| `environments[].deadlines.ready_secs` | integer, at least 0 | `30` |",
    ] {
        assert!(page.contains(row), "{row} is not in\n{page}");
    }
    let silent: Vec<&str> = page.lines().filter(|line| line.ends_with("|  |")).collect();
    assert!(silent.is_empty(), "keys without a meaning: {silent:#?}");
}

#[test]
fn every_visible_verb_has_its_help() {
    let page = command_line();
    for verb in ["gateline ship", "gateline image build", "gateline audit verify"] {
        assert!(page.contains(&format!("\n## {verb}\n")), "{verb}");
    }
    assert!(!page.contains("## gateline supervise"), "a hidden verb is shown");
}
