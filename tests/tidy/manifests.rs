//! Each dependency says in one line why it is there.

use crate::file::File;

/// Dependencies without a reason.
pub(crate) fn dependency_reasons(file: File<'_>) -> Vec<String> {
    if !file.is("Cargo.toml") {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    let mut section = "";
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        }
        // The workspace's own table gives versions; the reason stands where a package uses them.
        let dependencies = section.ends_with("dependencies") && section != "workspace.dependencies";
        let entry = line.contains('=') && !line.starts_with(['#', '[', ' ']);
        let reason = line.rsplit_once(" # ").is_some_and(|(_, reason)| !reason.trim().is_empty());
        if dependencies && entry && !reason {
            wrong.push(file.wrong(index + 1, "a dependency without a reason: add `# why` behind it"));
        }
    }
    wrong
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    #[track_caller]
    fn check(text: &str, expected: usize) {
        assert_eq!(dependency_reasons(File { path: "a/Cargo.toml", text }).len(), expected, "{text}");
    }
    check("[dependencies]\na = \"1\"\n", 1);
    check("[dev-dependencies]\na = { version = \"1\" } # \n", 1);
    check("[target.'cfg(unix)'.dependencies]\na = \"1\"\n", 1);
    check("[dependencies]\na = \"1\" # counts\n\n[features]\nb = []\n", 0);
    check("[workspace.dependencies]\na = \"1\"\n", 0);
}
