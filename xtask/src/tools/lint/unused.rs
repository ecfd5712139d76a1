//! Dependencies that no source names, by `cargo-machete` where it is installed.
//!
//! It looks for names in sources, so it needs no compilation and can be wrong both ways; manifests name its exceptions
//! (`[package.metadata.cargo-machete]`).

use super::Looked;
use crate::evidence::CouldNotRun;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, LintTool, Unchecked};
use crate::tools::build::relative;
use crate::tools::cargo::Cargo;
use crate::world::{CommandLine, World};
use std::path::Path;
use std::time::Duration;

/// The tool.
const PROGRAM: &str = "cargo-machete";
/// How long it may take.
const LOOK_SECS_MAX: u64 = 300;

/// Asks the tool.
///
/// # Errors
/// Where it is installed and says neither that there are some nor that there are none.
pub async fn look(world: &World, cargo: &Cargo) -> Result<Looked, CouldNotRun> {
    let command = match command(world, cargo) {
        Ok(command) => command,
        Err(unchecked) => return Ok(Looked { unchecked: vec![unchecked], ..Looked::default() }),
    };
    let failed = |why: String| CouldNotRun {
        message: format!("{PROGRAM} failed: {why}"),
        help: "cargo machete".to_owned(),
    };
    let finished = world.run(&command).await.map_err(|error| failed(format!("{error:#}")))?;
    let diagnostics = read(&String::from_utf8_lossy(&finished.stdout), &cargo.root);
    // 0: none, 1: some, 2: it could not look.
    match (finished.status.code(), diagnostics.is_empty()) {
        (Some(0), true) | (Some(1), false) => {
            Ok(Looked { tools: vec![PROGRAM.to_owned()], diagnostics, ..Looked::default() })
        }
        _ => Err(failed(String::from_utf8_lossy(&finished.stderr).trim().to_owned())),
    }
}

/// What is run; `plan` prints it.
///
/// # Errors
/// Where the tool is not installed: what is not looked at.
pub fn command(world: &World, cargo: &Cargo) -> Result<CommandLine, Unchecked> {
    let inside = |folder: &str| Path::new(folder).join(PROGRAM).is_file();
    if !world.env("PATH").is_some_and(|path| path.split(':').any(inside)) {
        return Err(Unchecked {
            tool: LintTool::UnusedDependencies,
            why: format!("unused dependencies were not looked for: {PROGRAM} is not installed"),
            help: format!("cargo install {PROGRAM}"),
        });
    }
    let root = cargo.root.to_string_lossy().into_owned();
    let command = CommandLine::new(PROGRAM, [root]).in_directory(&cargo.root);
    Ok(command.with_timeout(Duration::from_secs(LOOK_SECS_MAX)))
}

/// `package -- ./path/Cargo.toml:`, then each dependency on a line of its own behind a tab.
fn read(text: &str, root: &Path) -> Vec<Diagnostic> {
    let mut manifest: Option<String> = None;
    let mut diagnostics = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix('\t'), &manifest) {
            (Some(name), Some(file)) => diagnostics.push(unused(name.trim(), file, root)),
            _ => {
                let path = line.split_once(" -- ").and_then(|(_, path)| path.strip_suffix(':'));
                manifest =
                    path.map(|path| relative(Path::new(path), root).trim_start_matches("./").to_owned());
            }
        }
    }
    diagnostics
}

fn unused(name: &str, file: &str, root: &Path) -> Diagnostic {
    let manifest = std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let is_it = |line: &str| {
        line.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
    };
    let line = manifest.lines().position(is_it).and_then(|index| u32::try_from(index + 1).ok());
    Diagnostic {
        file: file.to_owned(),
        line: line.unwrap_or_default(),
        tool: LintTool::UnusedDependencies,
        severity: DiagnosticSeverity::Warning,
        lint: String::new(),
        message: format!("no source names the dependency {name}"),
        rendered: String::new(),
        edits: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::build::wrapper::write_script;
    use crate::tools::cargo::{Network, Toolchain};
    use crate::world::Clock;

    async fn asked(script: Option<&str>) -> Result<Looked, CouldNotRun> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("Cargo.toml"), "[dependencies]\nlog = \"1\"\n").unwrap();
        if let Some(script) = script {
            write_script(directory.path(), PROGRAM, &format!("#!/bin/sh\n{script}\n")).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", directory.path().display());
        let world = World::with([("PATH".to_owned(), path)].into(), "/".into(), Clock::system());
        let toolchain = Toolchain {
            rustc: String::new(),
            host: String::new(),
            sysroot: "/s".into(),
            clippy_driver: None,
        };
        let cargo = Cargo::known(directory.path().into(), vec![], toolchain, Network::Offline);
        look(&world, &cargo).await
    }

    #[tokio::test]
    async fn what_the_tool_names_is_told_with_its_line() {
        let some = "printf 'found the following unused dependencies in this directory:\\np -- %s/Cargo.toml:\\n\\tlog\\n\\n' \"$1\"; exit 1";
        let found = asked(Some(some)).await.unwrap().diagnostics;
        assert_eq!((found[0].file.as_str(), found[0].line), ("Cargo.toml", 2));
        assert!(found[0].message.ends_with(" log"));
        assert!(asked(Some("exit 0")).await.unwrap().diagnostics.is_empty());
    }

    #[tokio::test]
    async fn a_tool_that_is_missing_or_broken_is_told() {
        assert_eq!(asked(None).await.unwrap().unchecked[0].help, "cargo install cargo-machete");
        assert!(asked(Some("echo no >&2; exit 2")).await.unwrap_err().message.ends_with(": no"));
        assert!(asked(Some("exit 1")).await.is_err(), "some, and none named");
    }
}
