//! Every report of a run, written beside `verdict.json`; and what GitHub is told of it.
//!
//! A report of a gate that was not asked for stays as the last run left it. One that was asked for and could not run loses
//! its report: an old one must not look like a new one.

use crate::commands::context::{Context, InForce, write_report};
use crate::commands::outputs;
use crate::evidence::Evidence;
use crate::evidence::baseline::{Baseline, BaselineFile};
use crate::evidence::coverage::LineCounts;
use crate::report::{annotations, badge, cobertura, html, junit, sarif, security, summary, trend};
use crate::tools::baseline::Store;
use crate::verdict::{Gate, Verdict};
use crate::workspace::Workspace;
use crate::world::CommandLine;
use anyhow::Context as _;
use std::path::Path;
use std::time::Duration;

/// The folder of the pages with the lines.
const PAGES: &str = "coverage";
/// The folder of the pages of the security group.
const SECURITY: &str = "security";
/// Bytes of a source file that is shown.
const SOURCE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A browser's starter answers at once.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes them all.
pub(super) fn write(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    evidence: &Evidence,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    let folder = super::folder(context, workspace, evidence);
    write_report(&folder.join("evidence.json"), &serde_json::to_vec_pretty(evidence)?)?;
    write_report(&folder.join("verdict.json"), &serde_json::to_vec_pretty(verdict)?)?;
    let report = shown(context, workspace, evidence);
    write_report(&folder.join("report.sarif"), sarif::write(verdict)?.as_bytes())?;
    let page = summary::write(verdict, evidence, &report, summary::BYTES_MAX);
    write_report(&folder.join("summary.md"), page.as_bytes())?;
    for gate in verdict.gates.iter().filter(|one| Gate::SECURITY.contains(&one.gate)) {
        let file = folder.join(SECURITY).join(format!("{}.md", gate.gate));
        write_report(&file, security::page(gate).as_bytes())?;
    }
    let was_asked = |gate| verdict.gates.iter().any(|one| one.gate == gate);
    if was_asked(Gate::Tests) {
        let file = folder.join("junit.xml");
        match evidence.gates.tests.as_ref().map(|tests| (&tests.result, tests.duration_millis)) {
            Some((Ok(tests), took)) => write_report(&file, junit::write(tests, took)?.as_bytes())?,
            _ => forget(&file)?,
        }
    }
    if was_asked(Gate::Coverage) {
        match context.lines.get() {
            Some(counts) => coverage(workspace, in_force, (evidence, verdict), counts, &folder)?,
            None => {
                forget(&folder.join("cobertura.xml"))?;
                forget(&folder.join("badge.svg"))?;
                forget(&folder.join("badge.json"))?;
                let _ = std::fs::remove_dir_all(folder.join(PAGES));
            }
        }
    }
    Ok(())
}

/// Cobertura, the badge, and the pages with the lines.
fn coverage(
    workspace: &Workspace,
    in_force: &InForce,
    (evidence, verdict): (&Evidence, &Verdict),
    counts: &LineCounts,
    folder: &Path,
) -> anyhow::Result<()> {
    let millis = workspace.repository.commit_time.as_millisecond();
    write_report(&folder.join("cobertura.xml"), cobertura::write(counts, millis).as_bytes())?;
    let minimum = in_force.policy.coverage.minimum;
    let (covered, total) = counts.evidence().totals();
    write_report(&folder.join("badge.svg"), badge::coverage(covered, total, minimum).as_bytes())?;
    write_report(&folder.join("badge.json"), badge::endpoint(covered, total, minimum).as_bytes())?;
    let judged = verdict.gates.iter().find(|gate| gate.gate == Gate::Coverage);
    let about = html::About {
        commit: &verdict.commit,
        change: evidence.change.as_ref(),
        patch: judged.and_then(|gate| gate.share("patch")),
        minimum,
    };
    pages(workspace, counts, &about, folder)
}

/// The pages: all of them or the old ones, never a mixture.
fn pages(
    workspace: &Workspace,
    counts: &LineCounts,
    about: &html::About<'_>,
    folder: &Path,
) -> anyhow::Result<()> {
    let failed = || format!("failed to write the pages in {}", folder.display());
    let fresh = tempfile::Builder::new().prefix(".coverage-").tempdir_in(folder).with_context(failed)?;
    std::fs::set_permissions(fresh.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .with_context(failed)?;
    for file in &counts.files {
        let source = source(&workspace.root.join(&file.file));
        let page = html::page(file, source.as_deref(), about);
        std::fs::write(fresh.path().join(html::page_name(&file.file)), page).with_context(failed)?;
    }
    std::fs::write(fresh.path().join("index.html"), html::index(counts, about)).with_context(failed)?;
    let place = folder.join(PAGES);
    match std::fs::remove_dir_all(&place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).with_context(failed),
        _ => {}
    }
    std::fs::rename(fresh.keep(), &place).with_context(failed)
}

/// A source file, where it is a file of a bearable size.
fn source(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    let readable = about.is_file() && about.len() <= SOURCE_BYTES_MAX;
    readable
        .then(|| std::fs::read(path).ok())
        .flatten()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The trend over the baselines that are here, where coverage was asked for.
pub(super) fn trend(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    store: &Store,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    if !verdict.gates.iter().any(|gate| gate.gate == Gate::Coverage) {
        return Ok(());
    }
    let point = |baseline: Baseline| {
        let files = baseline.coverage?.files;
        let sum = |of: fn(&BaselineFile) -> u64| files.values().map(of).sum();
        let (covered, total) = (sum(|file| file.covered), sum(|file| file.total));
        Some(trend::Point { commit: baseline.commit, time: baseline.recorded, covered, total })
    };
    let points: Vec<trend::Point> = store.series(trend::POINTS_MAX).into_iter().filter_map(point).collect();
    if points.is_empty() {
        return Ok(());
    }
    let file = context.reports(workspace).join("trend.svg");
    write_report(&file, trend::write(&points, in_force.policy.coverage.minimum).as_bytes())
}

/// Shows the pages in a browser, and says where they are.
pub(super) async fn open(context: &Context) -> anyhow::Result<()> {
    let workspace = context.workspace().await?;
    let index = context.reports(&workspace).join(PAGES).join("index.html");
    if !index.is_file() {
        context.console.note("there are no pages to open: the lines were not counted");
        return Ok(());
    }
    context.console.note(format!("lines: {}", workspace.shown(&index).display()));
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| context.world.env(name).is_some());
    if has_screen {
        // In a session of its own: the browser outlives us.
        let arguments = ["--fork".to_owned(), "xdg-open".to_owned(), index.display().to_string()];
        let command = CommandLine::new("setsid", arguments).with_timeout(OPEN_TIMEOUT);
        if let Err(error) = context.world.run(&command).await {
            context.console.note(format!("no browser could be started: {error:#}"));
        }
    }
    Ok(())
}

/// Annotations and the job summary, where GitHub runs us.
pub(super) fn tell(context: &Context, workspace: &Workspace, evidence: &Evidence, verdict: &Verdict) {
    let report = shown(context, workspace, evidence);
    if context.console.is_read_by_github() {
        context.console.command_github(&annotations::write(verdict, &report));
    }
    outputs::summary(context, |room| summary::write(verdict, evidence, &report, room));
}

/// The verdict's path, as people see it.
fn shown(context: &Context, workspace: &Workspace, evidence: &Evidence) -> String {
    workspace.shown(&super::folder(context, workspace, evidence).join("verdict.json")).display().to_string()
}

fn forget(file: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove the old {}", file.display()))
        }
        _ => Ok(()),
    }
}
