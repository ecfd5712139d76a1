//! `--from-current`: what the gates measure today, or what an earlier run of this very tree measured.

use crate::commands::context::Context;
use crate::commands::gates::{self, Ask};
use crate::evidence::{Evidence, SCHEMA};
use crate::failure::Failure;
use crate::tools::cargo::Cargo;
use crate::tools::init::{Start, current, takeover};
use crate::tools::{bounded, build};
use crate::verdict::Gate;
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::path::Path;

/// Evidence of a large workspace has tens of megabytes.
const EVIDENCE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Why a target is left out.
const NIGHTLY_ONLY: &str = "it needs nightly Rust";

/// Targets that the toolchain here cannot compile, each with the reason for leaving it out. Where cargo cannot be asked, none is
/// proposed: whatever comes next says why.
pub(super) async fn nightly_only(context: &Context, workspace: &Workspace) -> BTreeMap<String, String> {
    let cargo = Cargo::discover(&context.world, &workspace.root, context.network()).await;
    let names = cargo.map(|cargo| build::nightly_only(&cargo)).unwrap_or_default();
    names.into_iter().map(|name| (name, NIGHTLY_ONLY.to_owned())).collect()
}

/// What the policies start from.
pub(super) async fn start(
    context: &Context,
    workspace: &Workspace,
    from: Option<&Path>,
    left_out: &BTreeMap<String, String>,
) -> anyhow::Result<Start> {
    // First, because it costs nothing and may be wrong.
    let taken = takeover::taken(&workspace.root)?;
    let evidence = match from {
        Some(folder) => earlier(workspace, &context.world.directory().join(folder))?,
        None => measured(context, workspace, left_out).await?,
    };
    let reached = current::reached(&evidence).map_err(|why| gates::failure(&why))?;
    Ok(Start::of(reached, (taken.entries, taken.without)))
}

async fn measured(
    context: &Context,
    workspace: &Workspace,
    left_out: &BTreeMap<String, String>,
) -> anyhow::Result<Evidence> {
    let mut in_force = context.policy(workspace).await?;
    in_force.policy.tests.leave_out.extend(left_out.clone());
    let subject = context.subject(workspace, &in_force).await?;
    gates::measure(context, workspace, &in_force, subject, &Ask::gates(&Gate::OF_WORKSPACE)).await
}

fn earlier(workspace: &Workspace, folder: &Path) -> anyhow::Result<Evidence> {
    let file = folder.join("evidence.json");
    let none = |why: String| {
        let help = "run cargo xtask ci first, or leave --from out";
        Failure::usage(format!("{}: {why}", file.display()), help)
    };
    let bytes = bounded::read(&file, EVIDENCE_BYTES_MAX).map_err(|error| none(error.to_string()))?;
    let evidence: Evidence = serde_json::from_slice(&bytes).map_err(|error| none(error.to_string()))?;
    if evidence.schema != SCHEMA {
        return Err(none(format!("its schema is {:?}", evidence.schema)));
    }
    if evidence.subject.commit != workspace.repository.commit {
        return Err(none("it speaks of another commit than the one that is checked out".to_owned()));
    }
    let tests = evidence.gates.tests.as_ref().and_then(|tests| tests.result.as_ref().ok());
    if tests.is_some_and(|tests| !tests.filters.is_empty() || !tests.part.is_whole()) {
        return Err(none("that run did not run every test".to_owned()));
    }
    Ok(evidence)
}
