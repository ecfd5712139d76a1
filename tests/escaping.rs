//! Escaping of workflow commands and outputs against npm `@actions/core`, which GitHub writes: the same bytes on picked and on
//! random text. Its builder of summaries does not escape HTML, so there is nothing to agree with; tests of our own hold there.

#![expect(clippy::disallowed_methods, reason = "runs the real partner")]

use gateline::report::{annotations, text};
use gateline::verdict::{About, Finding, Gate, GateVerdict, Severity, Verdict};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// How many random cases there are.
const CASES: usize = 500;
/// What `@actions/core` makes of the cases in the file that it is given.
const PARTNER: &str = r#"
import { readFileSync } from 'node:fs';
const [core, cases] = process.argv.slice(2);
const { issueCommand } = await import(core + '/lib/command.js');
const { prepareKeyValueMessage } = await import(core + '/lib/file-command.js');
const write = process.stdout.write.bind(process.stdout);
const commands = JSON.parse(readFileSync(cases, 'utf8')).map(({ properties, message, value }) => {
  let said = '';
  process.stdout.write = (text) => { said += text; return true; };
  issueCommand('error', Object.fromEntries(properties), message);
  process.stdout.write = write;
  return { command: said, output: prepareKeyValueMessage('name', value) + '\n' };
});
write(JSON.stringify(commands));
"#;

fn package() -> Option<PathBuf> {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent()?.to_owned();
    let folder = target.join("gateline/tools/node_modules/@actions/core");
    folder.is_dir().then_some(folder)
}

/// File, message and help of each case.
fn cases() -> Vec<(String, String, String)> {
    let picked = [
        "",
        " ",
        "%",
        "%25",
        "%0A",
        "%%0D",
        "\r\n",
        "a\nb",
        "a\rb",
        "::error::x",
        "##[error]x",
        "a,b:c",
        "file=x,line=1",
        "ä€😀",
        "a=b",
        "a<<b",
        "<<",
        "=<<",
        "x<<EOF\ny\nEOF",
        "ghadelimiter_0",
        "\u{1b}[1m",
        "\u{0}",
        "C:\\a b\\c.rs",
        "\n",
        "\n\n",
        "a\n",
        "::stop-commands::x",
        "\u{2028}",
    ];
    let mut all: Vec<(String, String, String)> = picked
        .iter()
        .flat_map(|one| {
            [
                ((*one).to_owned(), "m".to_owned(), "h".to_owned()),
                ("a.rs".to_owned(), (*one).to_owned(), (*one).to_owned()),
            ]
        })
        .collect();
    let letters = "(\\PC|[%:,=\\r\\n<#\\[\\]]|::|<<|%0A|%25){0,30}";
    let strategy = (letters, letters, letters);
    let mut runner = TestRunner::default();
    all.extend((0..CASES).map(|_| strategy.new_tree(&mut runner).expect("a case").current()));
    all
}

/// What the partner made of them; nothing where it is not here.
fn partner(cases: &Value) -> Option<Vec<Value>> {
    let core = package()?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (script, given) = (folder.path().join("partner.mjs"), folder.path().join("cases.json"));
    std::fs::write(&script, PARTNER).expect("it can be written");
    std::fs::write(&given, cases.to_string()).expect("it can be written");
    let ran = Command::new("node").arg(&script).arg(core).arg(&given).output().ok()?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).ok()
}

fn commands(finding: Finding) -> String {
    let policy = gateline::policy::PolicySource {
        source: "worktree".to_owned(),
        hash: gateline::digest::Digest::of(b""),
    };
    let about = About { commit: "c".to_owned(), dirty: false, base: None, policy };
    annotations::write(
        &Verdict::fold(about, vec![GateVerdict::of(Gate::Lint, 0, json!({}), vec![finding])]),
        "r",
    )
}

/// The value of one output as the runner reads it: by the first of `=` and `<<`.
fn value(lines: &str) -> String {
    let (first, rest) = lines.split_once('\n').expect("a line");
    match (first.find('='), first.find("<<")) {
        (equals, Some(at)) if equals.is_none_or(|equals| at < equals) => {
            let end = &first[at + 2..];
            rest.strip_suffix(&format!("\n{end}\n")).expect("it ends").to_owned()
        }
        (Some(at), _) => first[at + 1..].to_owned(),
        _ => panic!("no output: {lines}"),
    }
}

#[test]
fn commands_and_outputs_are_those_of_github_s_own_library() {
    let cases = cases();
    let asked: Vec<Value> = cases
        .iter()
        .map(|(file, message, help)| {
            // What a terminal would obey is taken out before; how the rest is escaped is the question.
            let said = text::plain(&format!("{}\nnext: {help}", message.trim_end()));
            let file = text::plain(file);
            // In this order; a property without a value is left out.
            let place = [("file", file.as_str()), ("line", "3"), ("endLine", "7")];
            let place = if file.is_empty() { &[][..] } else { &place };
            let properties = [place, &[("title", "lint/clippy")]].concat();
            json!({"properties": properties, "message": said, "value": message})
        })
        .collect();
    let Some(theirs) = partner(&json!(asked)) else {
        println!("gateline-skip: actions-core");
        return;
    };
    assert_eq!(theirs.len(), cases.len());
    for ((file, message, help), theirs) in cases.into_iter().zip(theirs) {
        let finding =
            Finding::new(Gate::Lint, "clippy", Severity::Error, message.clone(), help).at(file, 3).until(7);
        assert_eq!(commands(finding), theirs["command"].as_str().expect("a command"));
        let ours = annotations::output("name", &message, "ghadelimiter_1f3");
        assert_eq!(value(&ours), message, "{ours}");
        assert_eq!(value(theirs["output"].as_str().expect("an output")), message);
    }
}
