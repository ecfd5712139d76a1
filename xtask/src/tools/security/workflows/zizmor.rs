//! A second opinion: zizmor, where it is installed, about the same files. What it finds and we found too is counted, not said twice;
//! what it finds alone joins our findings under our codes.
//!
//! It is asked offline, without its configuration and without the ignores that stand in the files, since both come from the
//! change. Its exit code says nothing to us: what can be read of its answer does.

use crate::evidence::workflows::{Audit, SecondOpinion, WorkflowFound};
use crate::world::{CleanEnvironment, CommandLine, World};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program.
const PROGRAM: &str = "zizmor";
/// How long it may take.
const SECS_MAX: u64 = 120;
/// Bytes of its answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Findings of one run that are taken.
const FINDINGS_MAX: usize = 10_000;
/// Longest description of its own, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 300;

/// Which of its audits is which of ours. The others have a code of their own, `zizmor`.
const SAME: [(&str, Audit); 15] = [
    ("unpinned-uses", Audit::UnpinnedAction),
    ("unpinned-images", Audit::UnpinnedImage),
    ("dangerous-triggers", Audit::PrivilegedTrigger),
    ("template-injection", Audit::PossibleInjection),
    ("artipacked", Audit::PersistedCredentials),
    ("cache-poisoning", Audit::CachePoisoning),
    ("self-hosted-runner", Audit::SelfHosted),
    ("secrets-inherit", Audit::InheritedSecrets),
    ("overprovisioned-secrets", Audit::ExposedSecrets),
    ("hardcoded-container-credentials", Audit::HardcodedCredentials),
    ("github-env", Audit::UntrustedEnvironment),
    ("insecure-commands", Audit::InsecureCommands),
    ("bot-conditions", Audit::BotCondition),
    ("unsound-condition", Audit::AlwaysTrue),
    ("excessive-permissions", Audit::MissingPermissions),
];
/// Its audits that are not taken: `$/path` for actions of the same repository is a way to write that actionlint and act do not
/// take yet.
const NOT_TAKEN: [&str; 1] = ["self-repository"];
/// Audits of ours that say the same of a place, the worse of the two.
const WORSE: [(Audit, Audit); 4] = [
    (Audit::PossibleInjection, Audit::TemplateInjection),
    (Audit::PersistedCredentials, Audit::LeakedCredentials),
    (Audit::MissingPermissions, Audit::BroadPermissions),
    (Audit::MissingPermissions, Audit::WidePermissions),
];

/// One finding, as far as we read it (`json-v1`).
#[derive(Debug, Deserialize)]
struct Said {
    ident: String,
    desc: String,
    locations: Vec<Location>,
}

#[derive(Debug, Deserialize)]
struct Location {
    symbolic: Symbolic,
    concrete: Concrete,
}

#[derive(Debug, Deserialize)]
struct Symbolic {
    key: Key,
    #[serde(default)]
    annotation: String,
    route: Route,
    #[serde(default)]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Key {
    #[serde(rename = "Local")]
    local: LocalKey,
}

#[derive(Debug, Deserialize)]
struct LocalKey {
    verbatim_path: String,
}

#[derive(Debug, Deserialize)]
struct Route {
    route: Vec<Part>,
}

#[derive(Debug, Deserialize)]
enum Part {
    Key(String),
    Index(u32),
}

#[derive(Debug, Deserialize)]
struct Concrete {
    location: Span,
}

#[derive(Debug, Deserialize)]
struct Span {
    start_point: Point,
}

#[derive(Debug, Deserialize)]
struct Point {
    row: u32,
}

/// Asks it about these files, and gives what it found besides `own`.
pub(super) async fn ask(
    world: &World,
    root: &Path,
    files: &[String],
    own: &[WorkflowFound],
) -> (SecondOpinion, Vec<WorkflowFound>) {
    let Some(program) = place(world) else { return (SecondOpinion::Absent, Vec::new()) };
    let failed = |why: String| (SecondOpinion::Failed { why }, Vec::new());
    let finished = match world.run(&command(&program, root, files)).await {
        Ok(finished) => finished,
        Err(error) => return failed(format!("{error:#}")),
    };
    if finished.timed_out {
        return failed(format!("it took longer than {SECS_MAX} s"));
    }
    let narration = String::from_utf8_lossy(&finished.stderr);
    if finished.stdout.len() > ANSWER_BYTES_MAX {
        return failed(format!("its answer has {} bytes", finished.stdout.len()));
    }
    let said: Vec<Said> = match serde_json::from_slice(&finished.stdout) {
        Ok(said) => said,
        Err(_) => return failed(reason(&narration)),
    };
    let (mut agreed, mut more) = (0, Vec::new());
    let said: Vec<Said> = said.into_iter().filter(|one| !NOT_TAKEN.contains(&one.ident.as_str())).collect();
    let findings = said.len() as u64;
    for one in said.into_iter().take(FINDINGS_MAX) {
        let Some(found) = found(one) else { return failed("its answer names no place".to_owned()) };
        if own.iter().any(|known| is_same(known, &found)) {
            agreed += 1;
        } else {
            more.push(found);
        }
    }
    (SecondOpinion::Answered { version: version(&narration), findings, agreed }, more)
}

/// The program in `PATH`.
fn place(world: &World) -> Option<PathBuf> {
    let folders = world.env("PATH").into_iter().flat_map(|path| path.split(':'));
    // A folder that is no whole path is one of the change.
    let folders = folders.map(Path::new).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
}

fn command(program: &Path, root: &Path, files: &[String]) -> CommandLine {
    let options =
        ["--offline", "--no-config", "--no-ignores", "--strict-collection", "--no-progress", "--color=never"];
    let options =
        options.into_iter().chain(["--persona=regular", "--format=json-v1", "--"]).map(str::to_owned);
    let files = files.iter().map(|file| format!("./{file}"));
    let command = CommandLine::new(program.to_string_lossy(), options.chain(files));
    let command = CommandLine { clean_environment: CleanEnvironment::Empty, ..command };
    command.in_directory(root).with_timeout(Duration::from_secs(SECS_MAX))
}

/// Why there is no answer, from what it narrates.
fn reason(narration: &str) -> String {
    let before = narration.split("Stack backtrace:").next().unwrap_or_default();
    let lines = before.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("INFO"));
    let text: String = lines.collect::<Vec<_>>().join("; ").chars().take(MESSAGE_CHARACTERS_MAX).collect();
    if text.is_empty() { "it says nothing that we can read".to_owned() } else { text }
}

fn version(narration: &str) -> String {
    let named = narration.split_whitespace().find_map(|word| word.strip_prefix('v'));
    named.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("unknown").to_owned()
}

/// Its finding as ours, at the first place that it calls primary.
fn found(said: Said) -> Option<WorkflowFound> {
    let primary = said.locations.iter().find(|one| one.symbolic.kind == "Primary");
    let location = primary.or(said.locations.first())?;
    let (mut job, mut step) = (None, None);
    let route = &location.symbolic.route.route;
    if let [Part::Key(jobs), Part::Key(name), ..] = route.as_slice()
        && jobs == "jobs"
    {
        job = Some(name.clone());
    }
    for pair in route.windows(2) {
        if let [Part::Key(steps), Part::Index(index)] = pair
            && steps == "steps"
        {
            step = Some(*index);
        }
    }
    let audit =
        SAME.iter().find(|(ident, _)| *ident == said.ident).map_or(Audit::Zizmor, |(_, audit)| *audit);
    let text = format!("{}: {}", said.desc, location.symbolic.annotation);
    let message: String = text.trim_end_matches(": ").chars().take(MESSAGE_CHARACTERS_MAX).collect();
    let file = &location.symbolic.key.local.verbatim_path;
    Some(WorkflowFound {
        file: file.strip_prefix("./").unwrap_or(file).to_owned(),
        line: location.concrete.location.start_point.row.saturating_add(1),
        audit,
        job,
        step,
        message: format!("{message} (zizmor: {})", said.ident),
        name: Some(said.ident),
        fix: Vec::new(),
    })
}

/// Whether ours says the same of the same place. Permissions are the file's business to us, the job's to zizmor; a trigger and an
/// injection are where they are, whatever the line of the value.
fn is_same(own: &WorkflowFound, other: &WorkflowFound) -> bool {
    let audit = own.audit == other.audit || WORSE.contains(&(other.audit, own.audit));
    let whole =
        matches!(other.audit, Audit::MissingPermissions | Audit::PrivilegedTrigger | Audit::ExposedSecrets);
    audit && own.file == other.file && (whole || (own.job == other.job && own.step == other.step))
}

#[cfg(test)]
mod tests;
