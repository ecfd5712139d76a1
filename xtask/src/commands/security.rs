//! `security`: the group, one part of it, or its data.

use super::context::Context;
use super::gates;
use crate::cli::{Security, SecurityVerb};
use crate::exit::Exit;
use crate::tools::security::snapshot as advisory_snapshot;
use crate::verdict::Gate;
use std::path::Path;

/// `security …`.
pub(super) async fn security(context: &Context, asked: Security) -> anyhow::Result<Exit> {
    match asked.what {
        None => gates::against(context, &Gate::SECURITY, asked.against).await,
        Some(SecurityVerb::Advisories { against }) => {
            gates::against(context, &[Gate::Advisories], against).await
        }
        Some(SecurityVerb::Secrets { against, staged, history }) => {
            let place = match (staged, history) {
                (true, _) => gates::Secrets::Staged,
                (_, true) => gates::Secrets::History,
                (false, false) => gates::Secrets::Change,
            };
            gates::secrets(context, place, against).await
        }
        Some(SecurityVerb::Snapshot { from, commit }) => snapshot(context, &from, commit.as_deref()).await,
    }
}

/// `security snapshot --from PATH`.
async fn snapshot(context: &Context, from: &Path, commit: Option<&str>) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let into = workspace.root.join(advisory_snapshot::SNAPSHOT_PATH);
    let from = context.world.directory().join(from);
    let made = advisory_snapshot::refresh(&context.world, &from, commit, &into).await?;
    let shown = serde_json::json!({"advisories": made.advisories, "date": made.date, "commit": made.commit, "bytes": made.bytes});
    context.console.result(&shown, |_| {
        format!(
            "{} advisories of {} ({}), {} bytes: {}",
            made.advisories,
            made.date,
            made.commit,
            made.bytes,
            into.display()
        )
    });
    Ok(Exit::Done)
}
