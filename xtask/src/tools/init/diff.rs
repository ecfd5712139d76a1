//! A unified diff of what a file holds and what it would hold, as `git diff` shows it.

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};

/// The diff; empty where nothing differs.
pub fn unified(path: &str, before: Option<&str>, after: &str) -> String {
    let Some(before) = before else { return new(path, after) };
    if before == after {
        return String::new();
    }
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    let hunks = diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input);
    format!("--- a/{path}\n+++ b/{path}\n{hunks}")
}

/// The diff of a new file.
fn new(path: &str, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
    format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n{lines}", text.lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_what_git_shows() {
        let new = unified("a/b.yml", None, "one\ntwo\n");
        assert_eq!(new, "--- /dev/null\n+++ b/a/b.yml\n@@ -0,0 +1,2 @@\n+one\n+two\n");
        let changed = unified("f", Some("one\n"), "one\ntwo\n");
        assert!(changed.contains("--- a/f\n+++ b/f\n@@ ") && changed.ends_with(" one\n+two\n"), "{changed}");
        assert_eq!(unified("f", Some("x"), "x"), "");
    }
}
