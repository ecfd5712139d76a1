//! rustdoc's warnings about the libraries, from the libraries of the one compilation.
//!
//! `cargo doc` would compile every dependency once more, in another mode. `cargo test --doc` links what is there: it is
//! given a rustdoc of ours that leaves the tests out and documents instead. Left out: documentation of programs, which
//! nobody reads as a page, and private items, as `cargo doc --no-deps` does. Dependencies of tests are in scope, so that a
//! link to one of them is not found broken here.

use super::Looked;
use crate::evidence::CouldNotRun;
use crate::evidence::lint::{DiagnosticSeverity, LintTool, Unchecked};
use crate::tools::build::wrapper::{shell_word, write_script};
use crate::tools::build::{Compiled, diagnostic};
use crate::tools::cargo::{Cargo, is_library};
use crate::world::{CommandLine, World};
use std::path::Path;
use std::time::Duration;

/// How long documenting all libraries may take.
const DOCUMENT_SECS_MAX: u64 = 1800;

/// What is run, without the compiler and our rustdoc: cargo's tests of documentation. `None` where no library has any.
pub fn command(cargo: &Cargo) -> Option<CommandLine> {
    let mut command = cargo.command("test", ["--doc", "--no-fail-fast"]);
    command.arguments.extend(cargo.features.arguments());
    let mut found = false;
    for (package, _) in cargo.with_doctests() {
        found = true;
        command = command.arg("--package").arg(package.id.repr.clone());
    }
    found.then(|| command.with_timeout(Duration::from_secs(DOCUMENT_SECS_MAX)))
}

/// The same with our rustdoc, which is put in its place.
///
/// # Errors
/// Where the target directory cannot be written.
pub fn documenting(cargo: &Cargo, command: CommandLine) -> anyhow::Result<CommandLine> {
    Ok(command.env("RUSTDOC", script(cargo)?))
}

/// Documents every library and keeps what rustdoc says.
///
/// # Errors
/// Where rustdoc ends early and names no place.
pub async fn look(world: &World, compiled: &Compiled) -> Result<Looked, CouldNotRun> {
    let cargo = &compiled.cargo;
    let mut looked = Looked { unchecked: switched_off(cargo), ..Looked::default() };
    let Some(command) = command(cargo) else { return Ok(looked) };
    let failed = |why: String| CouldNotRun {
        message: format!("rustdoc could not look at the documentation: {why}"),
        help: "cargo doc --no-deps --workspace".to_owned(),
    };
    let command = documenting(cargo, compiled.same_compiler(command));
    let command = command.map_err(|error| failed(format!("{error:#}")))?;
    let finished = world.run(&command).await.map_err(|error| failed(format!("{error:#}")))?;
    if finished.timed_out {
        return Err(failed(format!("no end after {DOCUMENT_SECS_MAX} s")));
    }
    let said = String::from_utf8_lossy(&finished.stderr);
    for line in said.lines().filter(|line| line.starts_with('{')) {
        if let Ok(message) = serde_json::from_str(line) {
            looked.diagnostics.extend(diagnostic(&message, LintTool::Rustdoc, &cargo.root));
        }
    }
    // What rustc says of the code besides is the compilation's to tell.
    looked
        .diagnostics
        .retain(|one| one.severity == DiagnosticSeverity::Error || one.lint.starts_with("rustdoc::"));
    looked.diagnostics.sort();
    looked.diagnostics.dedup();
    let errors = looked.diagnostics.iter().any(|one| one.severity == DiagnosticSeverity::Error);
    if !finished.status.success() && !errors {
        let why: Vec<_> = said.lines().filter(|line| !line.starts_with('{')).collect();
        return Err(failed(why.join("\n").trim().to_owned()));
    }
    looked.tools.push(cargo.toolchain.rustc.replacen("rustc", "rustdoc of rustc", 1));
    Ok(looked)
}

/// Libraries that rustdoc is not asked about, because their manifest switches documentation tests off.
pub fn switched_off(cargo: &Cargo) -> Vec<Unchecked> {
    let off = |target: &&cargo_metadata::Target| is_library(&target.kind) && target.doc && !target.doctest;
    let told = |package: &cargo_metadata::Package| Unchecked {
        tool: LintTool::Rustdoc,
        why: format!(
            "the documentation of {} was not looked at: its manifest says `doctest = false`",
            package.name
        ),
        help: format!("cargo doc --no-deps --package {}", package.name),
    };
    let packages = cargo.selected().filter(|package| package.targets.iter().any(|target| off(&target)));
    packages.map(told).collect()
}

/// Writes the rustdoc that documents where it is asked to test.
fn script(cargo: &Cargo) -> anyhow::Result<String> {
    let directory = cargo.target_directory.join("gateline/rustdoc");
    let text = text(&cargo.toolchain.sysroot.join("bin/rustdoc"), &directory.join("pages"));
    Ok(write_script(&directory, "rustdoc", &text)?.to_string_lossy().into_owned())
}

/// A bash script, because dash would drop cargo's variables with a hyphen in their name.
fn text(rustdoc: &Path, pages: &Path) -> String {
    let (rustdoc, pages) = (shell_word(&rustdoc.to_string_lossy()), shell_word(&pages.to_string_lossy()));
    format!(
        r#"#!/usr/bin/env bash
# Written by gateline: documents a library where cargo asks for its tests.
arguments=() test= value=
for argument do
  if [[ $value ]]; then value=; continue; fi
  case "$argument" in
    --test) test=1 ;;
    --test-run-directory | --test-args | --test-runtool | --test-runtool-arg | --error-format | --color) value=1 ;;
    --test-run-directory=* | --test-args=* | --test-runtool=* | --test-runtool-arg=* | --error-format=* | --color=*) ;;
    --no-run | --no-capture | --nocapture) ;;
    *) arguments+=("$argument") ;;
  esac
done
if [[ ! $test ]]; then exec {rustdoc} "$@"; fi
exec {rustdoc} "${{arguments[@]}}" --error-format=json --cap-lints=warn --out-dir {pages}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    #[tokio::test]
    async fn tests_become_pages_and_everything_else_passes_through() {
        let directory = tempfile::tempdir().unwrap();
        let real = write_script(directory.path(), "real", "#!/bin/sh\necho \"$@\"\n").unwrap();
        let path = write_script(directory.path(), "ours", &text(&real, Path::new("/p q"))).unwrap();
        let world = World::with(
            [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            "/".into(),
            Clock::system(),
        );
        let check = async |arguments: &[&str], expected: &str| {
            let command = CommandLine::new(path.to_string_lossy(), arguments.iter().copied());
            let said = world.run(&command).await.unwrap().stdout;
            assert_eq!(String::from_utf8_lossy(&said), expected);
        };
        check(&["-vV"], "-vV\n").await;
        let tested =
            ["--crate-name", "a", "--test", "a.rs", "--test-run-directory", "/w", "--error-format", "human"];
        let pages = "--crate-name a a.rs --error-format=json --cap-lints=warn --out-dir /p q\n";
        check(&tested, pages).await;
    }
}
