//! What others said: one message of the compiler with its place and what it would write instead; why cargo could not begin.

use crate::evidence::CouldNotRun;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, Edit, LintTool};
use cargo_metadata::diagnostic::{Applicability, Diagnostic as Message, DiagnosticLevel, DiagnosticSpan};
use std::path::Path;

/// What a compiler said, where it is an error or a warning and no sum over others. Without a place, the file is empty.
pub fn diagnostic(message: &Message, tool: LintTool, root: &Path) -> Option<Diagnostic> {
    let severity = match message.level {
        DiagnosticLevel::Error | DiagnosticLevel::Ice => DiagnosticSeverity::Error,
        DiagnosticLevel::Warning => DiagnosticSeverity::Warning,
        _ => return None,
    };
    let place = message.spans.iter().find(|span| span.is_primary).map(|span| place(span, root));
    if place.is_none() && is_summary(&message.message) {
        return None;
    }
    let (file, line) = place.unwrap_or_default();
    Some(Diagnostic {
        file,
        line,
        tool,
        severity,
        lint: message.code.as_ref().map(|code| code.code.clone()).unwrap_or_default(),
        message: message.message.lines().next().unwrap_or_default().to_owned(),
        rendered: message.rendered.clone().unwrap_or_default(),
        edits: edits(message, root),
    })
}

/// What rustc would write instead: the first suggestion of which it is sure in every part, inside the workspace.
fn edits(message: &Message, root: &Path) -> Vec<Edit> {
    let sure = |span: &DiagnosticSpan| {
        span.suggestion_applicability == Some(Applicability::MachineApplicable) && span.expansion.is_none()
    };
    let edit = |span: &DiagnosticSpan| {
        let file = relative(Path::new(&span.file_name), root);
        let number = |number: usize| u32::try_from(number).ok();
        Some(Edit {
            line: number(span.line_start)?,
            column: number(span.column_start)?,
            end_line: number(span.line_end)?,
            end_column: number(span.column_end)?,
            replacement: span.suggested_replacement.clone()?,
            file: Path::new(&file).is_relative().then_some(file)?,
        })
    };
    let suggested = |child: &&Message| !child.spans.is_empty() && child.spans.iter().all(sure);
    let first = message.children.iter().find(suggested);
    first.and_then(|child| child.spans.iter().map(edit).collect()).unwrap_or_default()
}

/// `aborting due to 2 previous errors`, `1 warning emitted`: counts, not findings.
fn is_summary(message: &str) -> bool {
    message.starts_with("aborting due to") || message.ends_with(" emitted")
}

/// The innermost place inside the workspace: for code from a foreign macro, where that macro is called.
fn place(span: &DiagnosticSpan, root: &Path) -> (String, u32) {
    let mut at = span;
    let inside = |span: &DiagnosticSpan| {
        let path = Path::new(&span.file_name);
        (path.is_relative() || path.starts_with(root)) && !span.file_name.starts_with('<')
    };
    while let (false, Some(expansion)) = (inside(at), &at.expansion) {
        at = &expansion.span;
    }
    let line = u32::try_from(at.line_start).unwrap_or(u32::MAX);
    (relative(Path::new(&at.file_name), root), line)
}

/// A path as it is named from the workspace's root.
pub fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

/// Packages that are named one by one where the toolchain is too old for them.
const TOO_NEW_MAX: usize = 8;

/// Why cargo could not do its work, from what it told on its way.
pub(super) fn of_cargo(narration: &str) -> CouldNotRun {
    let why = narration.find("error:").map_or(narration, |at| &narration[at..]);
    if let Some(too_old) = too_old(why) {
        return too_old;
    }
    let help = if why.contains("without `--offline`") {
        "cargo fetch, or without --offline"
    } else if why.contains("--locked") {
        "cargo update --workspace, and commit Cargo.lock"
    } else {
        "cargo build --workspace --all-targets"
    };
    CouldNotRun {
        message: format!("cargo could not compile the workspace: {}", why.trim()),
        help: help.to_owned(),
    }
}

/// `error: rustc 1.95.0 is not supported by the following packages:`, with a line for each *target* of each package.
fn too_old(why: &str) -> Option<CouldNotRun> {
    let (head, rest) = why.split_once('\n')?;
    let here = head.strip_prefix("error: ")?.split_once(" is not supported by the following package")?.0;
    let mut needed: Vec<(&str, &str)> =
        rest.lines().map_while(|line| line.trim().split_once(" requires rustc ")).collect();
    needed.sort_unstable();
    needed.dedup();
    let newest = needed.iter().map(|(_, version)| *version).max_by_key(|version| numbers(version))?;
    let named: Vec<String> = needed
        .iter()
        .take(TOO_NEW_MAX)
        .map(|(package, version)| format!("{} needs {version}", package.replacen('@', " ", 1)))
        .collect();
    let more = match needed.len().saturating_sub(TOO_NEW_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(CouldNotRun {
        message: format!("{here} is too old for this workspace: {}{more}", named.join(", ")),
        help: format!("rustup toolchain install {newest}, or lower `rust-version` in the manifest"),
    })
}

/// `1.85.1` as numbers, so that 1.100 is newer than 1.99.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_package_that_needs_a_newer_rustc_is_told_once() {
        let said = of_cargo(
            "   Compiling\nerror: rustc 1.95.0 is not supported by the following packages:\n  old@0.1.0 requires rustc 1.199\n  \
             old@0.1.0 requires rustc 1.199\n  b@2.0.0 requires rustc 1.99.1\n  old@0.1.0 requires rustc 1.199\n",
        );
        assert_eq!(
            said.message,
            "rustc 1.95.0 is too old for this workspace: b 2.0.0 needs 1.99.1, old 0.1.0 needs 1.199"
        );
        assert_eq!(said.help, "rustup toolchain install 1.199, or lower `rust-version` in the manifest");
    }

    #[test]
    fn everything_else_is_told_as_cargo_told_it() {
        let said = of_cargo("noise\nerror: no matching package\nhelp: without `--offline`\n");
        assert_eq!(
            said.message,
            "cargo could not compile the workspace: error: no matching package\nhelp: without `--offline`"
        );
        assert_eq!(said.help, "cargo fetch, or without --offline");
        assert!(
            of_cargo("error: the lock file needs to be updated but --locked").help.contains("cargo update")
        );
    }

    proptest! {
        #[test]
        fn any_narration_is_told(text in any::<String>(), packages in "( [a@.0-9]{0,6} requires rustc [.0-9]{0,6}\n){0,12}") {
            for why in [text, format!("error: rustc 1 is not supported by the following packages:\n{packages}")] {
                let said = of_cargo(&why);
                prop_assert!(!said.message.is_empty() && !said.help.is_empty());
            }
        }
    }
}
