//! `doctor` and `setup`: what this machine has and lacks, and how to get it.
//!
//! What nothing works without is looked for always; partners of tests only where `policies/tests.yaml` names them, so that
//! nobody installs what only another repository's tests need.

mod install;
mod tools;

use super::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::table::table;
use crate::tools::partners;
use crate::world::CommandLine;
use serde::Serialize;
use std::time::Duration;
use tools::{Need, Program, Source, TOOLS, Tool};

/// A tool that does not answer its version within this is as good as missing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Serialize)]
struct Found {
    tool: &'static str,
    need: Need,
    version: Option<String>,
    for_what: &'static str,
    get: String,
}

/// `doctor`.
pub(super) async fn doctor(context: &Context) -> anyhow::Result<Exit> {
    let found = look(context, &wanted(context).await?).await;
    context.console.result(&found, |style| {
        let rows = found.iter().map(|found| {
            let version = found.version.clone().unwrap_or_else(|| match found.need {
                Need::Required => "MISSING".to_owned(),
                Need::Partner => "missing (its tests are skipped)".to_owned(),
            });
            let get = if found.version.is_some() { String::new() } else { found.get.clone() };
            vec![found.tool.to_owned(), version, found.for_what.to_owned(), get]
        });
        table(style, &["tool", "version", "for", "get it by"], &rows.collect::<Vec<_>>())
    });
    let lacking = found.iter().any(|found| found.need == Need::Required && found.version.is_none());
    Ok(if lacking { Exit::Infrastructure } else { Exit::Done })
}

/// `setup`: installs what is missing, as far as this user may.
pub(super) async fn setup(context: &Context) -> anyhow::Result<Exit> {
    let wanted = wanted(context).await?;
    let found = look(context, &wanted).await;
    let missing: Vec<&Tool> = wanted
        .into_iter()
        .zip(&found)
        .filter(|(_, found)| found.version.is_none())
        .map(|(tool, _)| tool)
        .collect();
    let by_hand = |tool: &&&Tool| tool.from == Source::Hand && tool.need == Need::Required;
    if let Some(tool) = missing.iter().find(by_hand) {
        return Err(Failure::infrastructure(format!("`{}` is missing", tool.name), tool.otherwise));
    }
    if missing.is_empty() {
        context.console.note("  = every tool and test partner is here");
        return Ok(Exit::Done);
    }
    install::all(context, &missing).await
}

/// What this workspace needs: every required tool, and the partners that its policy names.
async fn wanted(context: &Context) -> anyhow::Result<Vec<&'static Tool>> {
    // Without cargo or git there is no workspace to ask: then what is required is all that counts.
    let partners = match context.workspace().await {
        Ok(workspace) => context.policy(&workspace).await?.policy.tests.partners,
        Err(_) => Vec::new(),
    };
    let known = |name: &&String| !TOOLS.iter().any(|tool| tool.name == **name);
    if let Some(unknown) = partners.iter().find(known) {
        let names: Vec<_> =
            TOOLS.iter().filter(|tool| tool.need == Need::Partner).map(|tool| tool.name).collect();
        return Err(Failure::usage(
            format!("policies/tests.yaml: `partners` names `{unknown}`, which `setup` does not know"),
            format!("use {}; install others in the workflow", names.join(", ")),
        ));
    }
    let needed = |tool: &&Tool| tool.need == Need::Required || partners.iter().any(|name| name == tool.name);
    Ok(TOOLS.iter().filter(needed).collect())
}

async fn look(context: &Context, tools: &[&'static Tool]) -> Vec<Found> {
    let mut all = Vec::new();
    for tool in tools {
        all.push(Found {
            tool: tool.name,
            need: tool.need,
            version: match tool.program {
                Program::Package(name) => package(context, name),
                _ => answer(context, &program(context, tool), tool.version).await,
            },
            for_what: tool.for_what,
            get: match tool.from {
                Source::Debian(package) => format!("apt-get install {package}"),
                Source::Python(_) | Source::Npm(_) | Source::Hand => tool.otherwise.to_owned(),
            },
        });
    }
    all
}

fn program(context: &Context, tool: &Tool) -> String {
    match tool.program {
        Program::InPath(name) | Program::Package(name) => name.to_owned(),
        Program::OwnFolder(name) => {
            let bin = partners::programs(&context.world, context.global.workspace.as_deref());
            bin.map_or(name.to_owned(), |bin| bin.join(name).to_string_lossy().into_owned())
        }
    }
}

/// The version of a package of data in the workspace's own folder of tools.
fn package(context: &Context, name: &str) -> Option<String> {
    let bin = partners::programs(&context.world, context.global.workspace.as_deref())?;
    let about = bin.parent()?.join("node_modules").join(name).join("package.json");
    let about: serde_json::Value = serde_json::from_slice(&std::fs::read(about).ok()?).ok()?;
    about["version"].as_str().map(str::to_owned)
}

/// The first line of what a tool says of itself.
async fn answer(context: &Context, tool: &str, arguments: &[&str]) -> Option<String> {
    let command = CommandLine::new(tool, arguments.iter().copied()).with_timeout(ANSWER_TIMEOUT);
    let finished = context.world.run(&command).await.ok().filter(|finished| finished.status.success())?;
    let said = if finished.stdout.is_empty() { finished.stderr } else { finished.stdout };
    Some(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned())
}
