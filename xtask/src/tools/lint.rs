//! What the linters said: rustfmt by its own call, clippy from the one compilation, and the others of this folder.
//!
//! `cargo fmt --check` has no machine-readable output on stable; its verbose text names every file that it looks at and
//! every difference with its line, and those two kinds of lines are all that is read.

pub mod fix;
pub mod msrv;
pub mod rustdoc;
pub mod unused;

use super::build::{Compilation, Compiled};
use super::cargo::Cargo;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, LintTool, Unchecked};
use crate::evidence::tests::LeftOut;
use crate::evidence::{CouldNotRun, LintEvidence, Measured};
use crate::policy::LintPolicy;
use crate::policy::lint::Level;
use crate::world::{CommandLine, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// How long rustfmt may take for the whole workspace.
const FORMAT_SECS_MAX: u64 = 600;

/// Packages that one note names.
const NAMED_MAX: usize = 10;

/// What rustfmt said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formatting {
    /// Its version, empty where the policy does not ask for it.
    pub version: String,
    /// Files that it looked at.
    pub files: u64,
    /// The first difference of each file.
    pub differences: Vec<Diagnostic>,
    /// What it could not read.
    pub trouble: Option<String>,
}

/// What another linter said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The linter with its version.
    pub tools: Vec<String>,
    /// What it found.
    pub diagnostics: Vec<Diagnostic>,
    /// What it could not look at here.
    pub unchecked: Vec<Unchecked>,
}

/// Asks rustfmt, without changing a file. Needs no compilation, so it may run beside one.
pub async fn format(world: &World, cargo: &Cargo, policy: &LintPolicy) -> Measured<Formatting> {
    let start = world.monotonic();
    let result = match policy.rustfmt {
        Level::Off => Ok(Formatting::default()),
        Level::Refuse | Level::Warn => ask(world, cargo).await,
    };
    let duration_millis = u64::try_from((world.monotonic() - start).as_millis()).unwrap_or(u64::MAX);
    Measured { result, duration_millis }
}

/// What is run; `plan` prints it.
pub fn command(cargo: &Cargo) -> CommandLine {
    let arguments = ["fmt", "--all", "--", "--check", "--verbose", "--color", "never"];
    cargo.plain_command(arguments).with_timeout(Duration::from_secs(FORMAT_SECS_MAX))
}

/// Joins both linters into the gate's evidence. The time is rustfmt's: clippy's is part of the compilation.
pub fn gather(
    policy: &LintPolicy,
    compiled: &Compiled,
    format: Measured<Formatting>,
) -> Measured<LintEvidence> {
    let duration_millis = format.duration_millis;
    Measured { result: format.result.and_then(|format| joined(policy, compiled, format)), duration_millis }
}

fn joined(policy: &LintPolicy, compiled: &Compiled, format: Formatting) -> Result<LintEvidence, CouldNotRun> {
    let toolchain = &compiled.cargo.toolchain;
    if let (Some(trouble), Compilation::Succeeded) = (format.trouble, compiled.outcome) {
        return Err(CouldNotRun {
            message: format!("rustfmt failed: {trouble}"),
            help: "cargo fmt --all --check".to_owned(),
        });
    }
    let tools = [format.version, toolchain.rustc.replacen("rustc", "clippy of rustc", 1)];
    let mut diagnostics = format.differences;
    match (&toolchain.clippy_driver, policy.clippy) {
        (None, Level::Refuse | Level::Warn) if compiled.outcome == Compilation::Succeeded => {
            return Err(CouldNotRun {
                message: "clippy is not installed for this toolchain".to_owned(),
                help: "rustup component add clippy".to_owned(),
            });
        }
        _ => diagnostics.extend(compiled.diagnostics.iter().cloned()),
    }
    diagnostics.sort();
    Ok(LintEvidence {
        tools: tools.into_iter().filter(|tool| !tool.is_empty()).collect(),
        files: format.files,
        packages: compiled.packages.len() as u64,
        diagnostics,
        compiled_apart: compiled.compiled_apart.clone(),
        unchecked: compiled.cargo.left_out().iter().map(left_out).collect(),
    })
}

/// clippy saw nothing of a target that the policy leaves out.
fn left_out(one: &LeftOut) -> Unchecked {
    let LeftOut { target, reason, file, nearest } = one;
    let near = nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near}?"));
    let why = match file {
        Some(_) => format!("{target} was not looked at, because policies/tests.yaml leaves it out: {reason}"),
        None => format!("policies/tests.yaml leaves out {target}, but there is no such target{near}"),
    };
    let help = "correct `leave_out` in policies/tests.yaml".to_owned();
    Unchecked { tool: LintTool::Clippy, why, help }
}

/// The gate's evidence with what other linters said. One that could not run is the gate's failure.
#[must_use]
pub fn with(
    evidence: Measured<LintEvidence>,
    others: impl IntoIterator<Item = Result<Looked, CouldNotRun>>,
) -> Measured<LintEvidence> {
    let add = |mut evidence: LintEvidence, looked: Result<Looked, CouldNotRun>| {
        let looked = looked?;
        evidence.tools.extend(looked.tools);
        evidence.diagnostics.extend(looked.diagnostics);
        evidence.unchecked.extend(looked.unchecked);
        Ok(evidence)
    };
    let result = evidence.result.and_then(|evidence| others.into_iter().try_fold(evidence, add));
    Measured { result, ..evidence }
}

/// Packages that were not compiled, so that only rustfmt looked at them: that they are clean is not said.
pub fn not_selected(cargo: &Cargo) -> Looked {
    let selected: BTreeSet<_> = cargo.selected().map(|package| package.name.as_str()).collect();
    let left_out = cargo.packages.iter().map(|package| package.name.as_str());
    let left_out: Vec<_> = left_out.filter(|name| !selected.contains(name)).collect();
    if left_out.is_empty() {
        return Looked::default();
    }
    let named = left_out.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let more = match left_out.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let unchecked = |(tool, what): (LintTool, &str)| Unchecked {
        tool,
        why: format!("{what} did not look at packages that the change does not affect: {named}{more}"),
        help: "all of them: leave --affected out".to_owned(),
    };
    let mut tools = vec![(LintTool::Clippy, "clippy"), (LintTool::Rustdoc, "rustdoc")];
    if cargo.packages.iter().any(|package| package.rust_version.is_some()) {
        tools.push((LintTool::Msrv, "the oldest Rust"));
    }
    Looked { unchecked: tools.into_iter().map(unchecked).collect(), ..Looked::default() }
}

async fn ask(world: &World, cargo: &Cargo) -> Result<Formatting, CouldNotRun> {
    let failed = |message: String, help: &str| CouldNotRun { message, help: help.to_owned() };
    let install = "rustup component add rustfmt";
    let version = super::cargo::ask(world, &cargo.plain_command(["fmt", "--version"]), install).await?;
    let command = command(cargo);
    let finished = world.run(&command).await.map_err(|error| failed(format!("{error:#}"), install))?;
    if finished.timed_out {
        return Err(failed(format!("`{command}` did not end within {FORMAT_SECS_MAX} s"), "cargo fmt --all"));
    }
    let mut read = read(&String::from_utf8_lossy(&finished.stdout), &cargo.root);
    let narration = String::from_utf8_lossy(&finished.stderr);
    let failing = narration.lines().any(|line| line.starts_with("error"));
    if failing || (!finished.status.success() && read.differences.is_empty()) {
        read.trouble = Some(narration.trim().to_owned());
    }
    read.version = String::from_utf8_lossy(&version).trim().to_owned();
    Ok(read)
}

/// Reads rustfmt's verbose check. Files outside the workspace (path dependencies) are not ours to judge.
fn read(text: &str, root: &Path) -> Formatting {
    let mut formatting = Formatting::default();
    let ours =
        |path: &str| Path::new(path).strip_prefix(root).ok().map(|path| path.to_string_lossy().into_owned());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.strip_prefix("Formatting ").and_then(ours).is_some() {
            formatting.files += 1;
        }
        let difference = line.strip_prefix("Diff in ").and_then(|rest| rest.strip_suffix(':'));
        let Some((path, number)) = difference.and_then(|rest| rest.rsplit_once(':')) else { continue };
        let (Some(file), Ok(mut number)) = (ours(path), number.parse::<u32>()) else { continue };
        if formatting.differences.last().is_some_and(|last| last.file == file) {
            continue;
        }
        // The line is that of the context, which stands before the difference.
        while lines.next_if(|line| line.starts_with(' ')).is_some() {
            number = number.saturating_add(1);
        }
        formatting.differences.push(unformatted(file, number));
    }
    formatting
}

fn unformatted(file: String, line: u32) -> Diagnostic {
    Diagnostic {
        file,
        line,
        tool: LintTool::Rustfmt,
        severity: DiagnosticSeverity::Warning,
        lint: String::new(),
        message: "not formatted as rustfmt would".to_owned(),
        rendered: String::new(),
        edits: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_of_each_file_is_read() {
        let text = "Formatting /w s/a:b.rs\nDiff in /w s/a:b.rs:5:\n same\n same\n-Diff in /w s/x.rs:1:\n Diff in /w s/y.rs:1:\n\
                    Diff in /w s/a:b.rs:9:\nSpent 0.001 secs\nFormatting /w s/c.rs\nFormatting /elsewhere/d.rs\n\
                    Diff in /elsewhere/d.rs:3:\n";
        let read = read(text, Path::new("/w s"));
        let places: Vec<_> = read.differences.iter().map(|one| (one.file.as_str(), one.line)).collect();
        assert_eq!((read.files, places), (2, vec![("a:b.rs", 7)]));
    }
}
