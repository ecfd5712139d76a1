//! `security`: the group, one part of it, or its data.

mod import;

use super::context::Context;
use super::gates;
use crate::cli::{Security, SecurityVerb};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::cargo::Network;
use crate::tools::security::snapshot as advisory_snapshot;
use crate::tools::security::snapshot::clone;
use crate::verdict::Gate;
use std::path::Path;

/// `security …`.
pub(super) async fn security(context: &Context, asked: Security) -> anyhow::Result<Exit> {
    match asked.what {
        None => gates::against(context, &Gate::SECURITY, asked.against).await,
        Some(SecurityVerb::Advisories { against }) => {
            gates::against(context, &[Gate::Advisories], against).await
        }
        Some(SecurityVerb::Licences { against }) => gates::against(context, &[Gate::Licences], against).await,
        Some(SecurityVerb::Bans { against }) => gates::against(context, &[Gate::Bans], against).await,
        Some(SecurityVerb::Sources { against }) => gates::against(context, &[Gate::Sources], against).await,
        Some(SecurityVerb::Scanners { against }) => gates::against(context, &[Gate::Scanners], against).await,
        Some(SecurityVerb::Import { file, yes, owner, expires }) => {
            import::import(context, import::Wanted { file, yes, owner, expires }).await
        }
        Some(SecurityVerb::Update) => update(context).await,
        Some(SecurityVerb::Workflows { against }) => {
            gates::against(context, &[Gate::Workflows], against).await
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

/// `security update`.
async fn update(context: &Context) -> anyhow::Result<Exit> {
    if context.network() == Network::Offline {
        let message = "a refresh of the advisory database needs the network, and --offline forbids it";
        return Err(Failure::usage(message, "cargo xtask security update, without --offline"));
    }
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let policy = &in_force.policy.security.advisories;
    let made = clone::update(&context.world, &workspace.target, &policy.url).await?;
    if policy.database != "clone" {
        context.console.note("the gate does not use it: write `database: clone` into policies/security.yaml");
    }
    let shown = serde_json::json!({"advisories": made.advisories, "date": made.date, "commit": made.commit, "url": policy.url});
    context.console.result(&shown, |_| {
        format!("{} advisories of {} ({}), from {}", made.advisories, made.date, made.commit, policy.url)
    });
    Ok(Exit::Done)
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
