//! What the job's token may do: said in the file, and no more than the job needs.

use super::super::model::{Document, Workflow};
use super::super::tree::Node;
use super::{At, Found};
use crate::evidence::workflows::Audit;

pub(super) fn look(document: &Document, workflow: &Workflow, found: &mut Found<'_>) {
    let whole = document.root.entry("permissions");
    if let Some((key, node)) = whole {
        blanket(node, At::line(key.at.line), "every job of this workflow", found);
        let writes = written(node);
        if !writes.is_empty() && workflow.jobs.len() > 1 {
            let what = format!(
                "all {} jobs may write {}, whether they need it or not",
                workflow.jobs.len(),
                writes.join(", ")
            );
            found.add(Audit::BroadPermissions, At::line(key.at.line), what);
        }
    }
    let mut missing = Vec::new();
    for job in &workflow.jobs {
        match job.node.entry("permissions") {
            Some((key, node)) => {
                blanket(node, At::job(job).on(key.at.line), &format!("the job `{}`", job.name), found);
            }
            None if whole.is_none() => missing.push(job),
            None => {}
        }
    }
    // A workflow that is only called has at most what its callers give.
    let only_called = workflow.triggers.iter().all(|trigger| trigger.event == "workflow_call");
    if let (Some(first), false) = (missing.first(), only_called) {
        let names: Vec<String> = missing.iter().map(|job| format!("`{}`", job.name)).collect();
        let what = format!(
            "the settings of the repository decide what {} may do, in many that is to write everything",
            names.join(", ")
        );
        found.add(Audit::MissingPermissions, At::line(first.at.line), what);
    }
}

fn blanket(node: &Node, at: At<'_>, who: &str, found: &mut Found<'_>) {
    match node.text() {
        Some("write-all") => {
            found.add(Audit::WidePermissions, at, format!("{who} may write everything (`write-all`)"));
        }
        Some("read-all") => {
            found.add(Audit::BroadPermissions, at, format!("{who} may read everything (`read-all`)"));
        }
        _ => {}
    }
}

fn written(node: &Node) -> Vec<&str> {
    let writes = node.entries().iter().filter(|(_, value)| value.is("write"));
    writes.map(|(key, _)| key.name.as_str()).collect()
}
