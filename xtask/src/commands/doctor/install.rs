//! Installing what is missing: system packages where this user may, the rest into the workspace's own folder of tools.

use super::tools::{Need, Source, Tool};
use super::{Context, answer};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::partners;
use crate::world::CommandLine;
use anyhow::Context as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// Package installation: a slow mirror is not a failure, a hung one is.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(900);
/// Where a Python package of LLVM tools keeps them, below its `site-packages`.
const LLVM_FOLDER: &str = "llvm/bin";

/// Installs what is missing. What a user may not install is told; only what is required makes that a failure.
pub(super) async fn all(context: &Context, missing: &[&Tool]) -> anyhow::Result<Exit> {
    let (mut debian, mut python, mut npm) = (Vec::new(), Vec::new(), Vec::new());
    for tool in missing {
        match tool.from {
            Source::Debian(package) => debian.push(package),
            Source::Python(package) => python.push(package),
            Source::Npm(package) => npm.push(package),
            Source::Hand => {}
        }
    }
    if !npm.is_empty() && answer(context, "npm", &["--version"]).await.is_none() {
        debian.push("npm");
    }
    if !python.is_empty() && answer(context, "python3", &["-c", "import venv, ensurepip"]).await.is_none() {
        debian.push("python3-venv");
    }
    let required = missing.iter().any(|tool| tool.need == Need::Required);
    if !debian.is_empty() && !system(context, &debian, required).await? {
        return Ok(Exit::Done);
    }
    if !python.is_empty() {
        own_folder(context, python).await?;
    }
    if !npm.is_empty() {
        data(context, &npm).await?;
    }
    Ok(Exit::Done)
}

/// System packages. `false` where they are not ours to install and nothing needs them.
async fn system(context: &Context, packages: &[&str], required: bool) -> anyhow::Result<bool> {
    let Some(privilege) = privilege(context).await else {
        let help = format!("install them by hand: {}", packages.join(" "));
        context.console.note(format!("  ! missing, and not ours to install here: {}", packages.join(", ")));
        return match required {
            true => Err(Failure::infrastructure("required tools are missing", help)),
            false => Ok(false),
        };
    };
    let step = context.console.step(&context.world, format!("installing {}", packages.join(" ")));
    apt(context, privilege, &["update", "-q"]).await?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt(context, privilege, &[&install, packages].concat()).await?;
    step.done("installed");
    Ok(true)
}

/// How this user may install system packages: as root, or in CI by a sudo that asks nothing. `None`: not at all.
async fn privilege(context: &Context) -> Option<&'static [&'static str]> {
    answer(context, "apt-get", &["--version"]).await?;
    if rustix::process::getuid().is_root() {
        return Some(&[]);
    }
    if !context.world.in_ci() {
        return None;
    }
    answer(context, "sudo", &["-n", "true"]).await.map(|_| &["sudo", "-n"][..])
}

async fn apt(context: &Context, privilege: &[&str], arguments: &[&str]) -> anyhow::Result<()> {
    let words = [privilege, &["apt-get"], arguments].concat();
    let (program, arguments) = words.split_first().context("no command")?;
    let command = CommandLine::new(*program, arguments.iter().copied());
    perform(context, command.env("DEBIAN_FRONTEND", "noninteractive")).await
}

/// Python packages that carry prebuilt tools, in a virtual environment of the workspace: nothing of the user's changes.
async fn own_folder(context: &Context, mut packages: Vec<&str>) -> anyhow::Result<()> {
    packages.sort_unstable();
    packages.dedup();
    let workspace = context.workspace().await?;
    let folder = partners::folder(&workspace.target);
    let step = context.console.step(&context.world, format!("installing {}", packages.join(" ")));
    let folder_name = folder.to_string_lossy().into_owned();
    perform(context, CommandLine::new("python3", ["-m", "venv", &folder_name])).await?;
    let pip = folder.join("bin/python").to_string_lossy().into_owned();
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    perform(context, CommandLine::new(pip, [&install[..], &packages].concat())).await?;
    link_llvm(&folder).with_context(|| format!("failed to link the LLVM tools in {}", folder.display()))?;
    step.done("installed");
    Ok(())
}

/// Packages of the npm registry, data or a library that a test asks: nothing of them is run while they are installed.
async fn data(context: &Context, packages: &[&str]) -> anyhow::Result<()> {
    let folder = partners::folder(&context.workspace().await?.target);
    let step = context.console.step(&context.world, format!("installing {}", packages.join(" ")));
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let there = folder.to_string_lossy().into_owned();
    let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", &there];
    perform(context, CommandLine::new("npm", [&install[..], packages].concat())).await?;
    forget_other_descriptions(&folder).with_context(|| format!("failed to tidy {}", folder.display()))?;
    step.done("installed");
    Ok(())
}

/// GitHub's description comes in ten forms, 385 MB in all; one is used.
fn forget_other_descriptions(folder: &Path) -> std::io::Result<()> {
    let descriptions = folder.join("node_modules/@octokit/openapi/generated");
    if !descriptions.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(descriptions)? {
        let path = entry?.path();
        let is_other =
            path.extension().is_some_and(|end| end == "json") && !path.ends_with("api.github.com.json");
        if is_other {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The LLVM tools lie deep in their package and without the right to be run: they get both, a link and that right.
fn link_llvm(folder: &Path) -> std::io::Result<()> {
    for python in std::fs::read_dir(folder.join("lib"))? {
        let tools = python?.path().join("site-packages").join(LLVM_FOLDER);
        if !tools.is_dir() {
            continue;
        }
        for tool in ["llvm-cov", "llvm-profdata"] {
            let (file, link) = (tools.join(tool), folder.join("bin").join(tool));
            if file.is_file() && !link.exists() {
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
                std::os::unix::fs::symlink(&file, &link)?;
            }
        }
    }
    Ok(())
}

async fn perform(context: &Context, command: CommandLine) -> anyhow::Result<()> {
    let command = command.with_timeout(INSTALL_TIMEOUT);
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
