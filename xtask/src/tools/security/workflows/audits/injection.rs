//! Text that becomes a script before a shell reads it, and text that becomes a variable of later steps.
//!
//! What reaches a script through `env:` and `"$NAME"` is safe: the shell never reads it as code. So only what an expression
//! puts into the script itself is found, and of that only what somebody else may write.

use super::super::expression::{self, Origin, Piece};
use super::super::model::{Document, Job, Step};
use super::super::tree::Node;
use super::{At, Found};
use crate::evidence::workflows::Audit;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Inputs of actions that are run as code.
const SCRIPTS: [(&str, &str); 12] = [
    ("actions/github-script", "script"),
    ("azure/cli", "inlinescript"),
    ("azure/powershell", "inlinescript"),
    ("appleboy/ssh-action", "script"),
    ("nick-fields/retry", "command"),
    ("nick-invision/retry", "command"),
    ("addnab/docker-run-action", "run"),
    ("jannekem/run-python-script-action", "script"),
    ("cardinalby/js-eval-action", "expression"),
    ("amadevus/pwsh-script", "script"),
    ("mikefarah/yq", "cmd"),
    ("reactivecircus/android-emulator-runner", "script"),
];
/// Outputs of well-known steps that have no room for a script.
const PLAIN_OUTPUTS: [&str; 9] = [
    "cache-hit",
    "cache-matched-key",
    "digest",
    "imageid",
    "artifact-id",
    "artifact-url",
    "artifact-digest",
    "pull-request-number",
    "exit-code",
];
/// How often an expression is followed to what it names.
const HOPS_MAX: u32 = 4;

pub(super) fn look(document: &Document, found: &mut Found<'_>) {
    for (job, steps) in document.blocks() {
        for step in steps {
            let scope = Scope { document, job, step: Some(step) };
            for script in scripts(step) {
                injected(scope, script, found);
            }
            environment(scope, found);
        }
    }
    unreadable(document, found);
}

/// What a step runs.
fn scripts(step: &Step) -> Vec<&Rc<Node>> {
    let action = step.action().unwrap_or_default();
    let inputs = SCRIPTS.iter().filter(|(name, _)| *name == action);
    let inputs = inputs.filter_map(|(_, input)| step.input(input));
    step.node.get("run").into_iter().chain(inputs).collect()
}

fn injected(scope: Scope<'_>, script: &Rc<Node>, found: &mut Found<'_>) {
    let mut told = BTreeSet::new();
    for piece in expression::pieces(script.text().unwrap_or_default()) {
        for (context, origin) in scope.origins(&piece) {
            let audit = match origin {
                Origin::Safe => continue,
                Origin::Unknown => Audit::PossibleInjection,
                Origin::Stranger => Audit::TemplateInjection,
            };
            let why = match origin {
                Origin::Stranger => "whoever writes it runs commands here",
                _ => "who writes it may run commands here, and this file does not tell who that is",
            };
            let what = format!("`{context}` becomes part of a script before anything quotes it: {why}");
            if told.insert(context) {
                let at = At { line: script.line_of(piece.range.start), job: scope.job, step: scope.step };
                found.add(audit, at, what);
            }
        }
    }
}

/// Variables and search paths of later steps, from what a stranger writes.
fn environment(scope: Scope<'_>, found: &mut Found<'_>) {
    let Some(node) = scope.step.and_then(|step| step.node.get("run")) else { return };
    let text = node.text().unwrap_or_default();
    if !["GITHUB_ENV", "GITHUB_PATH"].iter().any(|file| text.contains(file)) {
        return;
    }
    let variables = scope.variables_of_strangers();
    let (mut group, mut offset) = (String::new(), 0);
    for line in text.split_inclusive('\n') {
        let opens = line.trim() == "{";
        group = if opens { String::new() } else { group };
        let writes = line.contains("GITHUB_ENV") || line.contains("GITHUB_PATH");
        let written = if line.trim().starts_with('}') { format!("{group}{line}") } else { line.to_owned() };
        let named = variables.iter().find(|name| writes && mentions(&written, name));
        if let Some(name) = named {
            let at = At { line: node.line_of(offset), job: scope.job, step: scope.step };
            let what = format!(
                "`${name}` holds what a stranger wrote and goes to every later step: a line end in it sets any variable"
            );
            found.add(Audit::UntrustedEnvironment, at, what);
        }
        group += line;
        offset += line.len();
    }
}

/// Whether a script reads a variable, in any of the usual shells.
fn mentions(text: &str, name: &str) -> bool {
    let forms = [format!("${{{name}"), format!("$env:{name}"), format!("%{name}%")];
    let whole = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    forms.iter().any(|form| text.contains(form.as_str()))
        || text.match_indices(&format!("${name}")).any(|(at, form)| whole(&text[at + form.len()..]))
}

/// Expressions that GitHub would not take.
fn unreadable(document: &Document, found: &mut Found<'_>) {
    let mut seen = BTreeSet::new();
    for scalar in document.root.scalars() {
        for piece in expression::pieces(scalar.text().unwrap_or_default()) {
            let Err(why) = expression::parse(piece.text) else { continue };
            let line = scalar.line_of(piece.range.start);
            if seen.insert((line, piece.text.to_owned())) {
                let shown: String = piece.text.chars().take(60).collect();
                found.add(Audit::BadExpression, At::line(line), format!("`{shown}` cannot be read: {why}"));
            }
        }
    }
}

/// From where a name is looked up.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) document: &'a Document,
    pub(super) job: Option<&'a Job>,
    pub(super) step: Option<&'a Step>,
}

impl<'a> Scope<'a> {
    /// What flows out of an expression, each with who decides on it.
    fn origins(self, piece: &Piece<'_>) -> Vec<(String, Origin)> {
        let Ok(expression) = expression::parse(piece.text) else { return Vec::new() };
        let flows = expression::flows(&expression).into_iter();
        flows.map(|context| (context.clone(), self.origin(&context, HOPS_MAX))).collect()
    }

    /// The contexts that flow into a text, `env` and outputs of jobs followed to what they are made of.
    pub(super) fn sources(self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for piece in expression::pieces(text) {
            let Ok(expression) = expression::parse(piece.text) else { continue };
            for context in expression::flows(&expression) {
                match context.strip_prefix("env.").and_then(|name| self.environment(name)) {
                    Some(value) if !value.contains(&format!("env.{}", &context[4..])) => {
                        found.extend(self.sources(value));
                    }
                    _ => found.push(context),
                }
            }
        }
        found
    }

    fn origin(self, context: &str, hops: u32) -> Origin {
        let (head, rest) = context.split_once('.').unwrap_or((context, ""));
        if hops == 0 {
            return Origin::Unknown;
        }
        match head {
            "env" => self.environment(rest).map_or(Origin::Unknown, |value| self.of_text(value, hops)),
            "matrix" => self.matrix(rest, hops),
            "inputs" => self.input(rest),
            "github" if context.starts_with("github.event.inputs.") => {
                self.input(context.trim_start_matches("github.event.inputs."))
            }
            "steps" if PLAIN_OUTPUTS.iter().any(|plain| rest.ends_with(&format!(".outputs.{plain}"))) => {
                Origin::Safe
            }
            "needs" => self.output(rest, hops).unwrap_or_else(|| expression::origin(context)),
            _ => expression::origin(context),
        }
    }

    /// Who decides on a text: nobody where it has no expression.
    fn of_text(self, text: &str, hops: u32) -> Origin {
        let mut worst = Origin::Safe;
        for piece in expression::pieces(text) {
            let Ok(expression) = expression::parse(piece.text) else { return Origin::Unknown };
            let flows = expression::flows(&expression);
            worst = flows.iter().map(|context| self.origin(context, hops - 1)).fold(worst, Ord::max);
        }
        worst
    }

    /// The value of a variable, from the step outwards. Names in expressions are not told apart by capitals.
    fn environment(self, name: &str) -> Option<&'a str> {
        let nodes =
            [self.step.map(|step| &step.node), self.job.map(|job| &job.node), Some(&self.document.root)];
        nodes.into_iter().flatten().find_map(|node| {
            let entries = node.get("env")?.entries();
            entries.iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name))?.1.text()
        })
    }

    /// Variables of the step whose text a stranger writes.
    fn variables_of_strangers(self) -> Vec<&'a str> {
        let nodes =
            [self.step.map(|step| &step.node), self.job.map(|job| &job.node), Some(&self.document.root)];
        let entries =
            nodes.into_iter().flatten().filter_map(|node| node.get("env")).flat_map(|env| env.entries());
        let strangers = entries.filter(|(_, value)| {
            value.text().is_some_and(|text| self.of_text(text, HOPS_MAX) == Origin::Stranger)
        });
        strangers.map(|(key, _)| key.name.as_str()).collect()
    }

    fn matrix(self, name: &str, hops: u32) -> Origin {
        let Some(matrix) = self.job.and_then(|job| job.node.get("strategy")?.get("matrix")) else {
            return Origin::Unknown;
        };
        if let Some(text) = matrix.text() {
            return self.of_text(text, hops).max(Origin::Unknown);
        }
        let key = name.split('.').next().unwrap_or_default();
        let of = |node: &Rc<Node>| {
            let entries = node.entries().iter();
            entries
                .filter(|(own, _)| own.name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value.clone())
                .collect::<Vec<_>>()
        };
        let include = matrix.get("include");
        if include.is_some_and(|include| include.text().is_some_and(|text| text.contains("${{"))) {
            return Origin::Unknown;
        }
        let included = include.map(|include| include.items()).unwrap_or_default();
        let values = of(matrix).into_iter().chain(included.iter().flat_map(of));
        let scalars = values.flat_map(|value| value.scalars());
        let origins = scalars.map(|scalar| self.of_text(scalar.text().unwrap_or_default(), hops));
        origins.fold(Origin::Safe, Ord::max)
    }

    /// An input of a workflow: whoever may start it by hand or call it decides, unless its type has no room.
    fn input(self, name: &str) -> Origin {
        let Some(workflow) = self.document.workflow() else { return Origin::Unknown };
        let declared = ["workflow_call", "workflow_dispatch"].into_iter().filter_map(|event| {
            let inputs = workflow.trigger(event)?.filter("inputs")?.entries();
            Some(&inputs.iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name))?.1)
        });
        let kinds: Vec<_> = declared.map(|input| input.get("type").and_then(|kind| kind.text())).collect();
        let plain =
            |kind: &Option<&str>| matches!(kind, Some("boolean" | "number" | "choice" | "environment"));
        if !kinds.is_empty() && kinds.iter().all(plain) { Origin::Safe } else { Origin::Unknown }
    }

    /// An output of a job that this one needs: what it is made of there.
    fn output(self, rest: &str, hops: u32) -> Option<Origin> {
        let (job, output) = rest.split_once(".outputs.")?;
        let jobs = &self.document.workflow()?.jobs;
        let job = jobs.iter().find(|one| one.name.eq_ignore_ascii_case(job))?;
        let text =
            job.node.get("outputs")?.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(output));
        let scope = Scope { job: Some(job), step: None, ..self };
        Some(scope.of_text(text?.1.text()?, hops))
    }
}
