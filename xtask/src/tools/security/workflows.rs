//! Workflows and actions of the repository: `tree` reads YAML with places, `model` knows what GitHub makes of it, `expression` reads
//! what stands in `${{ }}`, `condition` tells whom one keeps out, `audits` say what is wrong, and `zizmor`, where it is installed, gives a second opinion.
//!
//! Nothing is asked over the network, and nothing that the change brings can silence a finding: no comment, no configuration.

mod audits;
mod condition;
mod expression;
mod model;
mod tree;
mod zizmor;

use crate::evidence::CouldNotRun;
use crate::evidence::workflows::{Audit, SecondOpinion, WorkflowFound, WorkflowsEvidence};
use crate::policy::places::{Flaw, Place};
use crate::policy::security::{AskZizmor, WorkflowsPolicy};
use crate::tools::bounded;
use crate::world::World;
use model::Kind;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// A larger file is no workflow: GitHub takes half of it.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Most files; the largest repositories have a few hundred.
pub const FILES_MAX: usize = 2_000;

/// Reads the workflows and actions among these files, relative to `root`, and asks zizmor about them where it is installed.
///
/// # Errors
/// Where a file cannot be read, or there are more than anybody has.
pub async fn gather(
    world: &World,
    root: &Path,
    files: &[PathBuf],
    policy: &WorkflowsPolicy,
) -> Result<WorkflowsEvidence, CouldNotRun> {
    let (root_of_files, files, own) = (root.to_owned(), files.to_vec(), policy.clone());
    let reading = tokio::task::spawn_blocking(move || look(&root_of_files, &files, &own));
    let broke_off = |error| {
        let help = "this is a fault of gateline: please report it; cargo xtask security workflows".to_owned();
        Err(CouldNotRun { message: format!("reading the workflows broke off: {error}"), help })
    };
    let (mut evidence, read) = reading.await.unwrap_or_else(broke_off)?;
    evidence.zizmor = SecondOpinion::NotAsked;
    if policy.ask_zizmor == AskZizmor::Auto && !read.is_empty() {
        let (opinion, more) = zizmor::ask(world, root, &read, &evidence.found).await;
        evidence.zizmor = opinion;
        evidence.found.extend(more);
    }
    evidence.found.sort();
    evidence.found.dedup();
    Ok(evidence)
}

/// What is found without asking anybody, and the files that could be read.
///
/// # Errors
/// As [`gather`].
pub fn look(
    root: &Path,
    files: &[PathBuf],
    policy: &WorkflowsPolicy,
) -> Result<(WorkflowsEvidence, Vec<String>), CouldNotRun> {
    let mut wanted: Vec<(String, Kind)> = files
        .iter()
        .filter_map(|file| {
            // A name that is no UTF-8 is no name of a workflow to GitHub.
            let path = file.to_str()?;
            Some((path.to_owned(), model::kind(path)?))
        })
        .collect();
    wanted.sort();
    wanted.dedup();
    if wanted.len() > FILES_MAX {
        let message = format!("{} workflows and actions are more than {FILES_MAX}", wanted.len());
        let help =
            "leave out what is no workflow of yours: `workflows.skip` in policies/security.yaml".to_owned();
        return Err(CouldNotRun { message, help });
    }
    let mut evidence = WorkflowsEvidence::default();
    let mut read = Vec::new();
    for (path, kind) in wanted {
        if policy.skip.iter().any(|skip| !skip.is_empty() && Path::new(&path).starts_with(skip)) {
            evidence.skipped.push(path);
            continue;
        }
        match text_of(root, &path)? {
            None => {}
            Some(Err(flaw)) => evidence.found.push(unreadable(&path, &flaw)),
            Some(Ok(text)) if text_looked_at(&mut evidence, &path, kind, &text, policy) => read.push(path),
            Some(Ok(_)) => {}
        }
    }
    Ok((evidence, read))
}

/// Looks at one text; whether it could be read and is what its name says.
fn text_looked_at(
    evidence: &mut WorkflowsEvidence,
    path: &str,
    kind: Kind,
    text: &str,
    policy: &WorkflowsPolicy,
) -> bool {
    let read = bare_return(text).map_or_else(|| model::read(path, text, kind), Err);
    let document = match read {
        Ok(Some(document)) => document,
        Ok(None) => return false,
        Err(flaw) => {
            evidence.found.push(unreadable(path, &flaw));
            return false;
        }
    };
    match kind {
        Kind::Workflow => evidence.workflows += 1,
        Kind::Action => evidence.actions += 1,
    }
    let (found, used) = audits::look(&document, &policy.required_checks);
    evidence.found.extend(found);
    evidence.used += used.all;
    evidence.pinned += used.pinned;
    true
}

/// A carriage return without a line feed. YAML ends a line there and nobody else does: what stands behind it is hidden from people,
/// and every line after it would have two numbers.
fn bare_return(text: &str) -> Option<Flaw> {
    let at = text.match_indices('\r').find(|(at, _)| !text[at + 1..].starts_with('\n'))?.0;
    let line = u32::try_from(text[..at].matches('\n').count() + 1).unwrap_or(u32::MAX);
    let what = "a carriage return without a line feed: what stands behind it is hidden in most editors";
    Some(Flaw { place: Place { line, column: 1 }, what: what.to_owned() })
}

/// One text as a workflow or an action, for whoever has no file: fuzzing, and tests of other rooms.
pub fn look_at_text(path: &str, text: &str) -> WorkflowsEvidence {
    let mut evidence = WorkflowsEvidence::default();
    if let Some(kind) = model::kind(path) {
        text_looked_at(&mut evidence, path, kind, text, &WorkflowsPolicy::default());
    }
    evidence
}

/// The text of a file; `None` where git tracks it and it is not there, or it is a submodule.
fn text_of(root: &Path, name: &str) -> Result<Option<Result<String, Flaw>>, CouldNotRun> {
    let flaw =
        |what: &str| Ok(Some(Err(Flaw { place: Place { line: 1, column: 1 }, what: what.to_owned() })));
    let file = Path::new(name);
    if !file.components().all(|part| matches!(part, Component::Normal(_))) {
        return flaw("it lies outside the workspace");
    }
    let path = root.join(file);
    let failed = |error: std::io::Error| CouldNotRun {
        message: format!("failed to read {name}: {error}"),
        help: format!("make it readable: ls -l '{name}'"),
    };
    let kind = match path.symlink_metadata() {
        Ok(kind) => kind,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    if kind.is_dir() {
        return Ok(None);
    }
    if kind.is_symlink() {
        return flaw("a symbolic link, which is not followed: put the file itself there");
    }
    if !kind.is_file() {
        return flaw("neither a file nor a link");
    }
    match bounded::read(&path, FILE_BYTES_MAX) {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => flaw("it is larger than 1 MiB"),
        Err(error) => Err(failed(error)),
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Ok(text))),
            Err(_) => flaw("it is no UTF-8"),
        },
    }
}

fn unreadable(path: &str, flaw: &Flaw) -> WorkflowFound {
    WorkflowFound {
        file: path.to_owned(),
        line: flaw.place.line,
        audit: Audit::Unreadable,
        job: None,
        step: None,
        message: format!("it cannot be read, so nothing in it was checked: {}", flaw.what),
        name: None,
        fix: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
