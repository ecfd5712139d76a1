//! One message of the compiler: where it stands, and what the compiler would write instead.

use crate::evidence::lint::Edit;
use cargo_metadata::diagnostic::{Applicability, Diagnostic as Message, DiagnosticSpan};
use std::path::Path;

/// What rustc would write instead: the first suggestion of which it is sure in every part, inside the workspace.
pub(super) fn edits(message: &Message, root: &Path) -> Vec<Edit> {
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
pub(super) fn is_summary(message: &str) -> bool {
    message.starts_with("aborting due to") || message.ends_with(" emitted")
}

/// The innermost place inside the workspace: for code from a foreign macro, where that macro is called.
pub(super) fn place(span: &DiagnosticSpan, root: &Path) -> (String, u32) {
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

pub(super) fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
