//! Every report of a run, written beside `verdict.json`; and what GitHub is told of it.
//!
//! A report of a gate that was not asked for stays as the last run left it. One that was asked for and could not run loses
//! its report: an old one must not look like a new one.

use crate::commands::context::{Context, write_report};
use crate::evidence::Evidence;
use crate::report::{annotations, junit, sarif, summary};
use crate::verdict::{Gate, Verdict};
use crate::workspace::Workspace;
use anyhow::Context as _;
use std::io::Write as _;
use std::path::Path;

/// GitHub throws the summary of a step away that is longer than this.
const STEP_SUMMARY_BYTES_MAX: usize = 1024 * 1024;

/// Writes them all.
pub(super) fn write(
    context: &Context,
    workspace: &Workspace,
    evidence: &Evidence,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    let folder = context.reports(workspace);
    let report = shown(context, workspace);
    write_report(&folder.join("report.sarif"), sarif::write(verdict)?.as_bytes())?;
    let page = summary::write(verdict, evidence, &report, summary::BYTES_MAX);
    write_report(&folder.join("summary.md"), page.as_bytes())?;
    if verdict.gates.iter().any(|gate| gate.gate == Gate::Tests) {
        let file = folder.join("junit.xml");
        match evidence.gates.tests.as_ref().map(|tests| (&tests.result, tests.duration_millis)) {
            Some((Ok(tests), took)) => write_report(&file, junit::write(tests, took)?.as_bytes())?,
            _ => forget(&file)?,
        }
    }
    Ok(())
}

/// Annotations and the job summary, where GitHub runs us.
pub(super) fn tell(
    context: &Context,
    workspace: &Workspace,
    evidence: &Evidence,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    let report = shown(context, workspace);
    if context.console.is_read_by_github() {
        context.console.command_github(&annotations::write(verdict, &report));
    }
    let Some(file) = context.world.env("GITHUB_STEP_SUMMARY").map(Path::new) else { return Ok(()) };
    // The verdict stands whether or not it can be told here.
    if let Err(error) = append(file, |room| summary::write(verdict, evidence, &report, room)) {
        context.console.note(format!("the job summary was not written: {error:#}"));
    }
    Ok(())
}

/// Appends what fits beside what other writers of this step wrote.
fn append(file: &Path, page: impl FnOnce(usize) -> String) -> anyhow::Result<()> {
    let failed = || format!("failed to write {}", file.display());
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).with_context(failed)?;
    let there = usize::try_from(file.metadata().with_context(failed)?.len()).unwrap_or(usize::MAX);
    file.write_all(page(STEP_SUMMARY_BYTES_MAX.saturating_sub(there)).as_bytes()).with_context(failed)
}

/// The verdict's path, as people see it.
fn shown(context: &Context, workspace: &Workspace) -> String {
    workspace.shown(&context.reports(workspace).join("verdict.json")).display().to_string()
}

fn forget(file: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove the old {}", file.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_and_takes_its_room() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("summary");
        std::fs::write(&file, "before\n").unwrap();
        append(&file, |room| format!("{room}")).unwrap();
        let expected = format!("before\n{}", STEP_SUMMARY_BYTES_MAX - 7);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    }
}
