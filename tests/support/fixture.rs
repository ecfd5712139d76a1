//! A workspace in a repository of its own, made for one story, and what `gateline` wrote about it.

use super::{Ran, gateline, repository_of};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A workspace; the state directory and everything else lies beside it and goes with it.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) workspace: PathBuf,
}

impl Fixture {
    /// A repository with these files, committed, in a folder of this name.
    pub(crate) fn of(name: &str, files: &[(&str, &str)]) -> Fixture {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = folder.path().join(name);
        repository_of(&workspace, files);
        Fixture { folder, workspace }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        gateline(&self.workspace, &self.folder.path().join("state"), arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("gateline starts").into()
    }

    /// Runs, and insists on the exit code and on a finding.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], code: i32, finding: &str) {
        let ran = self.run(arguments).exits(code);
        let codes = self.codes();
        assert!(codes.iter().any(|code| code == finding), "{finding} is not in {codes:?}: {}", ran.all());
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let file = self.workspace.join(file);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("its folder can be made");
        std::fs::write(file, text).expect("the file can be written");
    }

    /// A file of the report folder.
    pub(crate) fn report(&self, name: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.workspace.join("target/gateline").join(name)).expect("a report")
    }

    pub(crate) fn json(&self, name: impl AsRef<Path>) -> serde_json::Value {
        serde_json::from_str(&self.report(name)).expect("JSON")
    }

    /// The findings in the verdict that was written, of all gates.
    pub(crate) fn findings(&self) -> Vec<serde_json::Value> {
        let verdict = self.json("verdict.json");
        let gates = verdict["gates"].as_array().cloned().unwrap_or_default();
        gates.iter().flat_map(|gate| gate["findings"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Their codes.
    pub(crate) fn codes(&self) -> Vec<String> {
        let code = |finding: &serde_json::Value| finding["code"].as_str().unwrap_or_default().to_owned();
        self.findings().iter().map(code).collect()
    }
}
