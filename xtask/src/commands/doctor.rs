//! `doctor` and `setup`: what this machine has and lacks, and how to get it.

use super::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::table::table;
use crate::world::CommandLine;
use anyhow::Context as _;
use serde::Serialize;
use std::time::Duration;

/// A tool that does not answer its version within this is as good as missing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Package installation: a slow mirror is not a failure, a hung one is.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(900);

/// A program that we call, or that a test needs as its partner.
struct Tool {
    name: &'static str,
    version: &'static [&'static str],
    need: Need,
    for_what: &'static str,
    /// How to get it: the Debian package, or words.
    debian: Option<&'static str>,
    otherwise: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Need {
    /// Nothing works without it.
    Required,
    /// Some tests of this repository need it as a partner; without it they are skipped by name.
    Partner,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "cargo",
        version: &["--version"],
        need: Need::Required,
        for_what: "everything",
        debian: None,
        otherwise: "install Rust: https://rustup.rs",
    },
    Tool {
        name: "rustfmt",
        version: &["--version"],
        need: Need::Required,
        for_what: "the gate lint",
        debian: None,
        otherwise: "rustup component add rustfmt",
    },
    Tool {
        name: "clippy-driver",
        version: &["--version"],
        need: Need::Required,
        for_what: "the gate lint",
        debian: None,
        otherwise: "rustup component add clippy",
    },
    Tool {
        name: "bash",
        version: &["--version"],
        need: Need::Required,
        for_what: "the compiler wrapper of the gates",
        debian: Some("bash"),
        otherwise: "your system's package `bash`",
    },
    Tool {
        name: "git",
        version: &["--version"],
        need: Need::Required,
        for_what: "commit, tree and tracked files",
        debian: Some("git"),
        otherwise: "your system's package `git`",
    },
    Tool {
        name: "cc",
        version: &["--version"],
        need: Need::Required,
        for_what: "linking, and the static libc of the image",
        debian: Some("gcc"),
        otherwise: "your system's C compiler, with its static libc",
    },
    Tool {
        name: "ld",
        version: &["--version"],
        need: Need::Required,
        for_what: "linking",
        debian: Some("binutils"),
        otherwise: "your system's linker",
    },
    Tool {
        name: "ldd",
        version: &["--version"],
        need: Need::Required,
        for_what: "the libc's version in the toolchain's digest",
        debian: Some("libc-bin"),
        otherwise: "your system's libc tools",
    },
    Tool {
        name: "openssl",
        version: &["version"],
        need: Need::Partner,
        for_what: "tests: another reader of our certificates",
        debian: Some("openssl"),
        otherwise: "your system's package `openssl`",
    },
    Tool {
        name: "skopeo",
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: another reader of our images",
        debian: Some("skopeo"),
        otherwise: "your system's package `skopeo`",
    },
    Tool {
        name: "umoci",
        version: &["--version"],
        need: Need::Partner,
        for_what: "tests: another unpacker of our images",
        debian: Some("umoci"),
        otherwise: "your system's package `umoci`",
    },
];

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
    let found = look(context).await;
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
    let missing: Vec<&Tool> = {
        let found = look(context).await;
        TOOLS.iter().zip(&found).filter(|(_, found)| found.version.is_none()).map(|(tool, _)| tool).collect()
    };
    let packages: Vec<&str> = missing.iter().filter_map(|tool| tool.debian).collect();
    for tool in missing.iter().filter(|tool| tool.debian.is_none()) {
        if tool.need == Need::Required {
            return Err(Failure::infrastructure(format!("`{}` is missing", tool.name), tool.otherwise));
        }
    }
    if packages.is_empty() {
        context.console.note("  = every tool and test partner is here");
        return Ok(Exit::Done);
    }
    let Some(privilege) = privilege(context).await else {
        let help = format!("install them by hand: {}", packages.join(" "));
        let required = missing.iter().any(|tool| tool.need == Need::Required);
        context.console.note(format!("  ! missing, and not ours to install here: {}", packages.join(", ")));
        return match required {
            true => Err(Failure::infrastructure("required tools are missing", help)),
            false => Ok(Exit::Done),
        };
    };
    let step = context.console.step(&context.world, format!("installing {}", packages.join(" ")));
    apt(context, privilege, &["update", "-q"]).await?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt(context, privilege, &[&install, packages.as_slice()].concat()).await?;
    step.done("installed");
    Ok(Exit::Done)
}

/// How this user may install system packages: as root, or in CI by a sudo that asks nothing. `None`: not at all.
async fn privilege(context: &Context) -> Option<&'static [&'static str]> {
    answer(context, "apt-get", &["--version"]).await?;
    if rustix::process::getuid().is_root() {
        return Some(&[]);
    }
    context.world.env("CI")?;
    answer(context, "sudo", &["-n", "true"]).await.map(|_| &["sudo", "-n"][..])
}

async fn apt(context: &Context, privilege: &[&str], arguments: &[&str]) -> anyhow::Result<()> {
    let words = [privilege, &["apt-get"], arguments].concat();
    let (program, arguments) = words.split_first().context("no command")?;
    let command = CommandLine::new(*program, arguments.iter().copied());
    let command = command.env("DEBIAN_FRONTEND", "noninteractive").with_timeout(INSTALL_TIMEOUT);
    let finished = context.world.run(&command).await?;
    if finished.timed_out || !finished.status.success() {
        let said = String::from_utf8_lossy(&finished.stderr);
        let last = said.lines().last().unwrap_or("it timed out").to_owned();
        return Err(Failure::infrastructure(
            format!("`{command}` failed: {last}"),
            "run it by hand to see all it says",
        ));
    }
    Ok(())
}

async fn look(context: &Context) -> Vec<Found> {
    let mut all = Vec::new();
    for tool in TOOLS {
        all.push(Found {
            tool: tool.name,
            need: tool.need,
            version: answer(context, tool.name, tool.version).await,
            for_what: tool.for_what,
            get: tool
                .debian
                .map_or(tool.otherwise.to_owned(), |package| format!("apt-get install {package}")),
        });
    }
    all
}

/// The first line of what a tool says of itself.
async fn answer(context: &Context, tool: &str, arguments: &[&str]) -> Option<String> {
    let command = CommandLine::new(tool, arguments.iter().copied()).with_timeout(ANSWER_TIMEOUT);
    let finished = context.world.run(&command).await.ok().filter(|finished| finished.status.success())?;
    let said = if finished.stdout.is_empty() { finished.stderr } else { finished.stdout };
    Some(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned())
}
