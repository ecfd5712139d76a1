//! `test`: the tests alone. What people type twenty times a day, so nothing is measured that a verdict over some tests does not
//! need.

use super::context::Context;
use super::gates::{self, Ask, Reuse};
use crate::cli::Test;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::build::{self, Compilation};
use crate::tools::cargo::Cargo;
use crate::tools::runner::{self, Capture, Listing, RunOptions};
use crate::verdict::Gate;
use crate::workspace::Workspace;
use std::fmt::Write as _;

/// The schema of `test --list --format json`.
const LIST_SCHEMA: &str = "gateline/tests/v1";

/// `test [FILTER]...`.
pub(super) async fn test(context: &Context, asked: &Test) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    if asked.list {
        return list(context, &workspace, &asked.filters).await;
    }
    let filters = match asked.rerun_failed {
        true => outstanding(context, &workspace)?,
        false => asked.filters.clone(),
    };
    if asked.rerun_failed && filters.is_empty() {
        context.console.note("every test passed when it ran last: there is none to run again");
        return Ok(Exit::NothingChecked);
    }
    let capture = if asked.no_capture { Capture::Live } else { Capture::Kept };
    let ask = Ask {
        filters,
        capture,
        base: asked.against.base.clone(),
        select: asked.select.clone(),
        reuse: Reuse::of(context, asked.fresh),
        ..Ask::gates(&[Gate::Tests])
    };
    gates::judge_and_show_this(context, &workspace, &ask).await
}

fn outstanding(context: &Context, workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let reports = context.reports(workspace);
    gates::outstanding(&reports).ok_or_else(|| {
        let message = format!("no run of the tests is recorded in {}", workspace.shown(&reports).display());
        Failure::usage(message, "cargo xtask test")
    })
}

/// `test --list`: the names on stdout, whatever else is to be said on stderr.
async fn list(context: &Context, workspace: &Workspace, filters: &[String]) -> anyhow::Result<Exit> {
    let (world, console) = (&context.world, &context.console);
    let in_force = context.policy(workspace).await?;
    let cargo = Cargo::discover(world, &workspace.root, context.network()).await;
    let cargo = cargo.map_err(|why| gates::failure(&why))?.leaving_out(&in_force.policy.tests.leave_out);
    let step = console.step(world, "compile");
    let compiled = build::compile(world, &cargo, &|line| step.tell(line)).await;
    drop(step);
    let compiled = compiled.map_err(|why| gates::failure(&why))?;
    if compiled.outcome == Compilation::DoesNotCompile {
        compiled.errors().for_each(|error| console.note(&error.rendered));
        console.note("the workspace does not compile; next: cargo check --all-targets");
        return Ok(Exit::Refused);
    }
    let options = RunOptions { filters: filters.to_vec(), ..RunOptions::default() };
    let listing = runner::list(world, &compiled, &in_force.policy.tests, &options).await;
    let listing = listing.map_err(|why| gates::failure(&why))?;
    let document =
        serde_json::json!({"schema": LIST_SCHEMA, "tests": listing.tests, "broken": listing.broken});
    console.result(&document, |_| names(&listing));
    for broken in &listing.broken {
        console.note(format!("{} gave no list of its tests: {}", broken.name, broken.why));
    }
    Ok(match (listing.broken.is_empty(), listing.tests.is_empty()) {
        (false, _) => Exit::Refused,
        (true, true) => Exit::NothingChecked,
        (true, false) => Exit::Done,
    })
}

fn names(listing: &Listing) -> String {
    let mut text = String::new();
    for test in &listing.tests {
        let mark = if test.ignored { "  (ignored)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}{mark}", test.name);
    }
    text
}
