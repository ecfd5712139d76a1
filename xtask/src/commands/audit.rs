//! `audit`: the hash-chained record, read from the journal's file itself, so that it works when nothing else does.

use super::context::Context;
use super::site::service_name;
use crate::cli::AuditVerb;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journal;
use crate::platform::protocol::Record;
use std::path::{Path, PathBuf};

/// `audit log` and `audit verify`.
pub(super) async fn audit(context: &Context, what: &AuditVerb) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let service = service_name(&workspace, &in_force)?;
    match what {
        AuditVerb::Log => {
            let records = records(context, &service)?;
            context.console.result(&records, |_| records.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
        AuditVerb::Verify => {
            let file = file(&context.state()?, &service);
            let records = records(context, &service)?;
            let head = records.last().map_or(0, |record| record.seq);
            let shown = serde_json::json!({"schema": "gateline/audit/v1", "file": file, "records": records.len(), "head": head});
            context.console.result(&shown, |_| {
                format!("{} records, chain and checksums are whole: {}", records.len(), file.display())
            });
        }
    }
    Ok(Exit::Done)
}

/// Every record of a service's journal, checked. None where nothing was ever deployed.
pub(super) fn records(context: &Context, service: &str) -> anyhow::Result<Vec<Record>> {
    let file = file(&context.state()?, service);
    journal::load(&file).map_err(|error| Failure::infrastructure(error.to_string(), error.help()))
}

fn file(state: &Path, service: &str) -> PathBuf {
    state.join("services").join(service).join("journal.jsonl")
}

fn line(record: &Record) -> String {
    let phase = serde_json::to_value(record.entry.phase).ok();
    let phase = phase.as_ref().and_then(|phase| phase.as_str()).unwrap_or_default().to_owned();
    format!(
        "{:>5} {} {:<12} {:<9} {:<7} {:<16} {}",
        record.seq,
        record.at.strftime("%Y-%m-%d %H:%M:%S"),
        record.environment,
        record.actor,
        phase,
        record.entry.what,
        record.entry.rollout
    )
}
