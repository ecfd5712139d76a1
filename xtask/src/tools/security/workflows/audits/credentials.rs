//! Secrets: which steps can reach them, and where they stay behind.

use super::super::expression;
use super::super::model::{Document, Job, Step};
use super::super::tree::{Node, Value};
use super::{At, Found, pins};
use crate::evidence::lint::Edit;
use crate::evidence::workflows::Audit;
use std::rc::Rc;

/// From this version on, uploads leave out hidden files, so `.git`, unless told otherwise.
const UPLOAD_HIDES_SINCE: (u32, u32) = (4, 4);
/// Words of scripts that need the checkout's credentials.
const NEEDS_CREDENTIALS: [&str; 7] =
    ["git push", "git fetch", "git pull", "git clone", "git submodule", "git lfs", "git remote"];

pub(super) fn look(document: &Document, found: &mut Found<'_>) {
    commands(&document.root, At::line(0), found);
    for (job, steps) in document.blocks() {
        if let Some(job) = job {
            commands(&job.node, At::job(job), found);
            passwords(job, found);
            if job.node.get("secrets").is_some_and(|secrets| secrets.is("inherit")) {
                let line = job.node.get("secrets").map_or(job.at.line, |secrets| secrets.at.line);
                let what = "every secret of this repository goes to the workflow that is called, whether it needs it or not";
                found.add(Audit::InheritedSecrets, At::job(job).on(line), what);
            }
            condition(&job.node, At::job(job), found);
        }
        for step in steps {
            commands(&step.node, At::step(job, step), found);
            condition(&step.node, At::step(job, step), found);
        }
        checkouts(document, job, steps, found);
    }
    secrets(document, found);
}

/// `::set-env::` and its like, which any program that prints can use.
fn commands(node: &Node, at: At<'_>, found: &mut Found<'_>) {
    let Some(env) = node.get("env") else { return };
    let allowed = env.get("ACTIONS_ALLOW_UNSECURE_COMMANDS");
    if let Some(value) = allowed.filter(|value| value.is("true")) {
        let what = "whatever a step prints can set variables and search paths of later steps";
        found.add(Audit::InsecureCommands, at.on(value.at.line), what);
    }
}

fn passwords(job: &Job, found: &mut Found<'_>) {
    let services = job.node.get("services").map(|services| services.entries()).unwrap_or_default();
    let containers = job.node.get("container").into_iter().chain(services.iter().map(|(_, service)| service));
    for container in containers {
        let password = container.get("credentials").and_then(|credentials| credentials.get("password"));
        let Some(password) = password else { continue };
        if password.text().is_some_and(|text| !text.is_empty() && !text.contains("${{")) {
            let what = "the password of a registry stands in the workflow, for everybody to read";
            found.add(Audit::HardcodedCredentials, At::job(job).on(password.at.line), what);
        }
    }
}

/// GitHub takes no secrets in a condition: the comparison is with nothing.
fn condition(node: &Node, at: At<'_>, found: &mut Found<'_>) {
    let Some(condition) = node.get("if") else { return };
    let text = condition.text().unwrap_or_default();
    let pieces = expression::pieces(text);
    let inner = pieces.first().map_or(text, |piece| piece.text);
    let named = expression::parse(inner).is_ok_and(|parsed| {
        expression::names(&parsed).iter().any(|name| name == "secrets" || name.starts_with("secrets."))
    });
    if named {
        let what = "GitHub does not know `secrets` in a condition, so this workflow does not start";
        found.add(Audit::ExposedSecrets, at.on(condition.at.line), what);
    }
}

fn checkouts(document: &Document, job: Option<&Job>, steps: &[Step], found: &mut Found<'_>) {
    let mut left = None;
    let pushes = steps
        .iter()
        .any(|step| step.run().is_some_and(|run| NEEDS_CREDENTIALS.iter().any(|word| run.contains(word))));
    for step in steps {
        match step.action().as_deref() {
            Some("actions/checkout") => {
                let persist = step.input("persist-credentials");
                if persist.is_some_and(|value| value.is("false")) {
                    continue;
                }
                left = Some(step);
                // Who writes `true` means it.
                if persist.is_none() {
                    let at = At::step(job, step);
                    let line = step.node.get("uses").map_or(at.line, |uses| uses.at.line);
                    let what = "the token of this checkout stays behind, where every later step of the job can take it";
                    found.add(Audit::PersistedCredentials, at.on(line), what);
                    if !pushes {
                        found.fixed_by(without_credentials(document, step).into_iter().collect());
                    }
                }
            }
            Some("actions/upload-artifact") if left.is_some() && uploads_git(document, step) => {
                let what = "the whole checkout is uploaded, with the token in `.git`: whoever may download it has the token";
                found.add(Audit::LeakedCredentials, At::step(job, step), what);
            }
            _ => {}
        }
    }
}

fn uploads_git(document: &Document, step: &Step) -> bool {
    let hidden = step.input("include-hidden-files").is_some_and(|value| value.is("true"));
    let old = pins::version(document, step).is_some_and(|version| version < UPLOAD_HIDES_SINCE);
    let path = step.input("path").and_then(|path| path.text()).unwrap_or_default();
    let whole = |line: &str| {
        matches!(line.trim().trim_end_matches('/'), "." | "*" | "**" | "**/*" | "./*" | "./**" | ".git")
            || line.trim().trim_end_matches('/') == "${{ github.workspace }}"
    };
    (hidden || old) && path.lines().any(whole)
}

/// `persist-credentials: false`, where the step is written in the usual way: one key a line.
fn without_credentials(document: &Document, step: &Step) -> Option<Edit> {
    let insert = |line: u32, column: u32, text: String| Edit {
        file: document.path.clone(),
        line,
        column,
        end_line: line,
        end_column: column,
        replacement: text,
    };
    let alone = |line: u32| {
        let text = document.lines.get(usize::try_from(line).ok()?.checked_sub(1)?)?;
        (!text.contains(['{', '}'])).then_some(text)
    };
    match step.node.entry("with") {
        Some((_, with)) => {
            let (first, _) = with.entries().first()?;
            alone(first.at.line)?
                .get(..usize::try_from(first.at.column).ok()?.checked_sub(1)?)?
                .trim()
                .is_empty()
                .then_some(())?;
            let indent = " ".repeat(usize::try_from(first.at.column).ok()?.checked_sub(1)?);
            Some(insert(first.at.line, 1, format!("{indent}persist-credentials: false\n")))
        }
        None => {
            let (key, uses) = step.node.entry("uses")?;
            alone(uses.at.line)?;
            let indent = " ".repeat(usize::try_from(key.at.column).ok()?.checked_sub(1)?);
            Some(insert(
                uses.at.line + 1,
                1,
                format!("{indent}with:\n{indent}  persist-credentials: false\n"),
            ))
        }
    }
}

/// Secrets where more can read them than need them.
fn secrets(document: &Document, found: &mut Found<'_>) {
    for scalar in document.root.scalars() {
        for piece in expression::pieces(scalar.text().unwrap_or_default()) {
            let Ok(parsed) = expression::parse(piece.text) else { continue };
            let all = expression::names(&parsed).iter().any(|name| name == "secrets" || name == "secrets.*");
            if all {
                let line = scalar.line_of(piece.range.start);
                let what = "the runner gets every secret of the repository here, whether it needs it or not";
                found.add(Audit::ExposedSecrets, At::line(line), what);
            }
        }
    }
    if document.workflow().is_none() {
        return;
    }
    for (key, value) in document.root.get("env").map(|env| env.entries()).unwrap_or_default() {
        if is_secret(value) {
            let what = format!("`{}` gives a secret to every step of every job", key.name);
            found.add(Audit::ExposedSecrets, At::line(key.at.line), what);
        }
    }
}

fn is_secret(value: &Rc<Node>) -> bool {
    let Value::Scalar { text, .. } = &value.value else { return false };
    expression::pieces(text).iter().any(|piece| {
        let parsed = expression::parse(piece.text);
        parsed.is_ok_and(|parsed| {
            let flows = expression::flows(&parsed);
            flows.iter().any(|name| name.starts_with("secrets.") && name != "secrets.github_token")
        })
    })
}
