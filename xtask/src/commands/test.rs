//! `test`: the tests alone. What people type twenty times a day, so nothing is measured that a verdict over some tests does not
//! need.

use super::context::{Context, InForce};
use super::gates::{self, Ask, Reuse};
use crate::cli::Test;
use crate::evidence::tests::LeftOut;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::build::{self, Compilation, Purpose};
use crate::tools::cargo::{Cargo, Take};
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
    let cargo = cargo.and_then(|cargo| cargo.of_policy(&in_force.policy.tests));
    let cargo = cargo.map_err(|why| gates::failure(&why))?;
    let Some(listing) = every_set(context, &in_force, &cargo, filters).await? else {
        console.note("the workspace does not compile; next: cargo check --all-targets");
        return Ok(Exit::Refused);
    };
    let document = serde_json::json!({
        "schema": LIST_SCHEMA, "tests": listing.tests, "broken": listing.broken, "left_out": cargo.left_out(),
    });
    console.result(&document, |_| names(&listing));
    for broken in &listing.broken {
        console.note(format!("{} gave no list of its tests: {}", broken.name, broken.why));
    }
    for LeftOut { target, reason, .. } in cargo.left_out() {
        console.note(format!("{target} is not listed, because policies/tests.yaml leaves it out: {reason}"));
    }
    Ok(match (listing.broken.is_empty(), listing.tests.is_empty()) {
        (false, _) => Exit::Refused,
        (true, true) => Exit::NothingChecked,
        (true, false) => Exit::Done,
    })
}

/// The tests of every feature set that can have one that is asked for; `None` where one does not compile. Each set is listed
/// before the next is compiled: cargo writes the programs of all to the same paths.
async fn every_set(
    context: &Context,
    in_force: &InForce,
    first: &Cargo,
    filters: &[String],
) -> anyhow::Result<Option<Listing>> {
    let policy = &in_force.policy.tests;
    let failed = |why| gates::failure(&why);
    let Some(mut listing) = one_set(context, in_force, first, filters.to_vec()).await? else {
        return Ok(None);
    };
    for set in policy.features.iter().skip(1) {
        let Some(cargo) = first.with_features(set, Take::WhatItChanges).map_err(failed)? else { continue };
        let is_whole = |word: &str| listing.tests.iter().any(|test| test.name == word);
        let Some(words) = runner::words_of_set(filters, set, is_whole) else { continue };
        match one_set(context, in_force, &cargo, words).await? {
            Some(more) => listing.add_set(more, set),
            None => return Ok(None),
        }
    }
    Ok(Some(listing))
}

/// Compiles as the gate does, and asks. `None` where it does not compile.
async fn one_set(
    context: &Context,
    in_force: &InForce,
    cargo: &Cargo,
    filters: Vec<String>,
) -> anyhow::Result<Option<Listing>> {
    let (world, console) = (&context.world, &context.console);
    let purpose = match build::why_apart(cargo, in_force.policy.lint.share_compile) {
        None => Purpose::TestsOfShared,
        Some(_) => Purpose::Tests,
    };
    let step = console.step(world, "compile");
    let compiled = build::compile_for(purpose, world, cargo, &|line| step.tell(line)).await;
    drop(step);
    let compiled = compiled.map_err(|why| gates::failure(&why))?;
    if compiled.outcome == Compilation::DoesNotCompile {
        compiled.errors().for_each(|error| console.note(&error.rendered));
        return Ok(None);
    }
    let options = RunOptions { filters, ..RunOptions::default() };
    let policy = in_force.policy.tests.of_set(&cargo.features);
    let listing = runner::list(world, &compiled, &policy, &options).await;
    Ok(Some(listing.map_err(|why| gates::failure(&why))?))
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
