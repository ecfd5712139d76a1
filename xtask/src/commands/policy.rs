//! `policy`: what is in force.

use super::context::Context;
use crate::exit::Exit;
use crate::policy::parse;

/// `policy show`: every key with its value, as the files would say it.
pub(super) async fn show(context: &Context) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let shown = serde_json::json!({"policy": in_force.policy, "from": in_force.source});
    let text = parse::to_yaml(&in_force.policy)?;
    let hash = in_force.source.hash.clone();
    context.console.result(&shown, |_| format!("# in force from {}, {hash}\n{text}", in_force.source.source));
    Ok(Exit::Done)
}

/// `policy check`.
pub(super) async fn check(context: &Context) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    context
        .console
        .result(&in_force.source, |_| format!("the policies are well formed: {}", in_force.source.hash));
    Ok(Exit::Done)
}
