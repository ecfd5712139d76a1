//! One message of the compiler: where it stands, and what the compiler would write instead.

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
