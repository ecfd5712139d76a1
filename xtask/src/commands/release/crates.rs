//! `release crates`: every package that crates.io may have, by cargo itself. What is there already is not published again, so that a
//! release that was interrupted can be run again.

use super::packages::public_in_order;
use crate::commands::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::metadata;
use crate::world::CommandLine;
use serde::Serialize;
use std::time::Duration;

/// Packaging, compiling what was packaged, and waiting until the registry has it.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3600);
/// What cargo says of a version that the registry has.
const THERE: [&str; 2] = ["already exists on", "is already uploaded"];

/// Whether the registry is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Everything but the last step.
    DryRun,
    /// It is published, and that cannot be taken back.
    Published,
}

impl From<bool> for Told {
    fn from(dry_run: bool) -> Told {
        if dry_run { Told::DryRun } else { Told::Published }
    }
}

/// What became of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Became {
    package: String,
    became: &'static str,
}

/// `release crates`.
pub(super) async fn crates(context: &Context, told: Told) -> anyhow::Result<Exit> {
    if context.global.offline && told == Told::Published {
        return Err(Failure::usage(
            "--offline was given, and a registry is asked",
            "leave it out, or try --dry-run",
        ));
    }
    let workspace = context.workspace().await?;
    if told == Told::Published {
        super::assets::refuse_dirty(&workspace)?;
    }
    let order = public_in_order(&metadata::read(&context.world, &workspace.root).await?);
    if order.is_empty() {
        return Err(Failure::usage("no package may be published", "remove `publish = false` from one"));
    }
    let mut done = Vec::new();
    for package in order {
        let mut words = vec!["publish", "--locked", "--color", "never", "--package", package.as_str()];
        if told == Told::DryRun {
            // Of what is not committed, too: nothing leaves this machine.
            words.extend(["--dry-run", "--allow-dirty"]);
        }
        let command = CommandLine::new(context.world.env("CARGO").unwrap_or("cargo"), words)
            .in_directory(&workspace.root)
            .with_timeout(PUBLISH_TIMEOUT);
        let step = context.console.step(&context.world, format!("crate {package}"));
        let finished = context.world.run(&command).await?;
        let said = String::from_utf8_lossy(&finished.stderr);
        let became = match (finished.status.success(), told) {
            (true, Told::DryRun) => "would be published",
            (true, Told::Published) => "published",
            (false, _) if THERE.iter().any(|words| said.contains(words)) => "is there already",
            (false, _) => {
                step.failed("not published");
                return Err(Failure::infrastructure(
                    format!("`{command}` failed:\n{}", said.trim()),
                    "mend what it says, and run it again: what is there is not published twice",
                ));
            }
        };
        step.done(became);
        done.push(Became { package, became });
    }
    context.console.result(&done, |_| {
        let line = |one: &Became| format!("{}: {}", one.package, one.became);
        done.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(Exit::Done)
}
