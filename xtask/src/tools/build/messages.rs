//! Cargo's JSON messages, one per line, gathered into what a compilation gave.

use super::said::{diagnostic, relative};
use super::{Cargo, Compilation, Compiled, Harness, TestBinary};
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, LintTool};
use crate::tools::cargo::{is_library, section, target_name, without_harness};
use cargo_metadata::diagnostic::Diagnostic as Message;
use cargo_metadata::{Artifact, BuildScript, Package, PackageId, Target, TargetKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// What the messages have said so far.
pub(super) struct Gathered {
    root: PathBuf,
    members: HashMap<PackageId, Package>,
    diagnostics: BTreeSet<Diagnostic>,
    packages: BTreeSet<String>,
    artifacts: Vec<Artifact>,
    scripts: HashMap<PackageId, BuildScript>,
    library_paths: BTreeSet<String>,
    listens: Listens,
    /// Messages that are no messages, or too long.
    pub(super) unreadable: u64,
    /// The error of a linker that is not installed.
    pub(super) no_linker: Option<String>,
}

/// What is taken from messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listens {
    ToAll,
    /// What was built is not ours: only what was said of it.
    ToDiagnostics,
}

impl Gathered {
    pub(super) fn new(cargo: &Cargo) -> Gathered {
        Gathered {
            root: cargo.root.clone(),
            members: cargo.packages.iter().map(|package| (package.id.clone(), package.clone())).collect(),
            diagnostics: BTreeSet::new(),
            packages: BTreeSet::new(),
            artifacts: Vec::new(),
            scripts: HashMap::new(),
            library_paths: BTreeSet::new(),
            listens: Listens::ToAll,
            unreadable: 0,
            no_linker: None,
        }
    }

    /// Takes one line. Lines that are no objects are a tool's small talk.
    pub(super) fn take(&mut self, line: &[u8]) {
        if line.first() != Some(&b'{') {
            return;
        }
        match serde_json::from_slice(line) {
            Ok(cargo_metadata::Message::CompilerMessage(message)) => {
                self.diagnose(&message.package_id, &message.message);
            }
            Ok(cargo_metadata::Message::CompilerArtifact(artifact)) => {
                if let Some(package) = self.members.get(&artifact.package_id) {
                    self.packages.insert(package.name.to_string());
                    if self.listens == Listens::ToAll {
                        self.artifacts.push(artifact);
                    }
                }
            }
            Ok(cargo_metadata::Message::BuildScriptExecuted(script)) => {
                self.library_paths.extend(script.linked_paths.iter().map(|path| library_path(path.as_str())));
                self.scripts.insert(script.package_id.clone(), script);
            }
            Ok(_) => {}
            Err(_) => self.unreadable += 1,
        }
    }

    /// From here on, only what is said of what is built counts: neither tests nor coverage know of it.
    pub(super) fn only_listen(&mut self) {
        self.listens = Listens::ToDiagnostics;
    }

    /// What was built so far: each target with whether for its tests.
    pub(super) fn built(&self) -> BTreeSet<(PackageId, &'static str, String, bool)> {
        let key = |one: &Artifact| {
            (one.package_id.clone(), section(&one.target), one.target.name.clone(), one.profile.test)
        };
        self.artifacts.iter().map(key).collect()
    }

    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == DiagnosticSeverity::Error)
    }

    /// Keeps errors of every package, and warnings of members. The same one comes for the library and its test build.
    fn diagnose(&mut self, package: &PackageId, message: &Message) {
        let member = self.members.get(package);
        if let Some(package) = member {
            self.packages.insert(package.name.to_string());
        }
        let Some(mut said) = diagnostic(message, LintTool::Clippy, &self.root) else { return };
        if said.severity == DiagnosticSeverity::Error
            && said.message.starts_with("linker `")
            && said.message.ends_with("not found")
        {
            self.no_linker = Some(said.message.clone());
        }
        match member {
            None if said.severity != DiagnosticSeverity::Error => return,
            Some(package) if said.file.is_empty() => {
                said.file = relative(package.manifest_path.as_std_path(), &self.root);
            }
            _ => {}
        }
        self.diagnostics.insert(said);
    }

    pub(super) fn into_compiled(
        mut self,
        cargo: Cargo,
        wrapper: PathBuf,
        outcome: Compilation,
        duration_millis: u64,
    ) -> Compiled {
        let mut artifacts = std::mem::take(&mut self.artifacts);
        // What the wrapper wrote in place of a target that is left out is no program.
        artifacts.retain(|artifact| {
            let package = self.members.get(&artifact.package_id);
            package.is_none_or(|package| !cargo.leaves_out(package, &artifact.target))
        });
        let executables: Vec<_> = artifacts.iter().filter(|one| one.executable.is_some()).collect();
        let mut tests: Vec<_> = executables
            .iter()
            .filter(|artifact| artifact.profile.test)
            .filter_map(|artifact| self.test_binary(artifact, &artifacts, &cargo))
            .collect();
        tests.sort_by(|a, b| a.name.cmp(&b.name));
        let plain = executables.iter().filter(|artifact| !artifact.profile.test);
        let mut binaries: Vec<_> =
            plain.filter_map(|artifact| artifact.executable.clone()).map(Into::into).collect();
        binaries.extend(artifacts.iter().flat_map(dynamic_libraries));
        binaries.sort();
        binaries.dedup();
        let built = artifacts.iter().filter_map(|artifact| {
            let package = self.members.get(&artifact.package_id)?;
            Some((package.name.to_string(), section(&artifact.target), artifact.target.name.clone()))
        });
        Compiled {
            built: built.collect(),
            compiled_apart: None,
            outcome,
            diagnostics: once_each(self.diagnostics),
            packages: self.packages,
            tests,
            binaries,
            wrapper,
            duration_millis,
            cargo,
        }
    }

    fn test_binary(&self, artifact: &Artifact, all: &[Artifact], cargo: &Cargo) -> Option<TestBinary> {
        let package = self.members.get(&artifact.package_id)?;
        let directory = package.manifest_path.parent()?.as_std_path().to_path_buf();
        let mut environment = package_environment(package);
        let own = |one: &&Artifact| {
            one.package_id == artifact.package_id && !one.profile.test && is(&one.target, &TargetKind::Bin)
        };
        for binary in all.iter().filter(own) {
            if let Some(path) = &binary.executable {
                environment.insert(format!("CARGO_BIN_EXE_{}", binary.target.name), path.to_string());
            }
        }
        if let Some(script) = self.scripts.get(&artifact.package_id) {
            environment.extend(script.env.iter().cloned());
            environment.insert("OUT_DIR".to_owned(), script.out_dir.to_string());
        }
        let path = artifact.executable.as_ref()?.as_std_path().to_path_buf();
        let program = cargo.toolchain.sysroot.join("bin/cargo");
        if program.is_file() {
            environment.insert("CARGO".to_owned(), program.to_string_lossy().into_owned());
        }
        environment.insert("LD_LIBRARY_PATH".to_owned(), self.loader_path(&path, cargo));
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
        Some(TestBinary {
            name: format!("{}::{}", package.name, target_name(&artifact.target)),
            harness: harness(&artifact.target, &manifest),
            path,
            directory,
            environment,
        })
    }

    /// Where dynamic libraries are: build scripts' directories inside the target directory, cargo's own, rustc's.
    fn loader_path(&self, executable: &Path, cargo: &Cargo) -> String {
        let target = cargo.target_directory.to_string_lossy().into_owned();
        let mut paths: Vec<String> =
            self.library_paths.iter().filter(|path| path.starts_with(&target)).cloned().collect();
        if let Some(deps) = executable.parent() {
            paths.push(deps.to_string_lossy().into_owned());
            paths.extend(deps.parent().map(|profile| profile.to_string_lossy().into_owned()));
        }
        let sysroot = &cargo.toolchain.sysroot;
        let libraries = sysroot.join("lib/rustlib").join(&cargo.toolchain.host).join("lib");
        paths.push(libraries.to_string_lossy().into_owned());
        paths.push(sysroot.join("lib").to_string_lossy().into_owned());
        paths.join(":")
    }
}

/// The diagnostics of two compilations; what only the other one says has this suffix.
pub(super) fn united(mut one: Vec<Diagnostic>, other: &[Diagnostic], suffix: &str) -> Vec<Diagnostic> {
    let known: BTreeSet<_> = one.iter().map(key).map(|key| format!("{key:?}")).collect();
    for diagnostic in other.iter().filter(|diagnostic| !known.contains(&format!("{:?}", key(diagnostic)))) {
        let message = format!("{}{suffix}", diagnostic.message);
        one.push(Diagnostic { message, ..diagnostic.clone() });
    }
    once_each(one.into_iter().collect())
}

/// What makes two diagnostics the same.
fn key(one: &Diagnostic) -> (&str, u32, DiagnosticSeverity, &str, &str) {
    (&one.file, one.line, one.severity, &one.lint, &one.message)
}

/// One finding per place, lint and message: the renderings of two builds may differ in a note.
fn once_each(diagnostics: BTreeSet<Diagnostic>) -> Vec<Diagnostic> {
    let mut all: Vec<_> = diagnostics.into_iter().collect();
    all.dedup_by(|a, b| key(a) == key(b));
    all
}

/// `native=/path` as cargo writes it, without the kind.
fn library_path(path: &str) -> String {
    path.split_once('=').map_or(path, |(_, path)| path).to_owned()
}

fn is(target: &Target, kind: &TargetKind) -> bool {
    target.kind.contains(kind)
}

fn harness(target: &Target, manifest: &str) -> Harness {
    let section = section(target);
    let name = if section == "lib" { String::new() } else { target.name.clone() };
    match (without_harness(manifest).contains(&(section, name)), section) {
        (false, _) => Harness::Libtest,
        (true, "bench") => Harness::OwnBenchmark,
        (true, _) => Harness::Own,
    }
}

/// Dynamic libraries of members carry mappings too; proc-macros are not instrumented.
fn dynamic_libraries(artifact: &Artifact) -> impl Iterator<Item = PathBuf> {
    let wanted = is_library(&artifact.target.kind) && !is(&artifact.target, &TargetKind::ProcMacro);
    let files = artifact.filenames.iter().filter(move |path| wanted && path.extension() == Some("so"));
    files.map(|path| path.as_std_path().to_path_buf()).collect::<Vec<_>>().into_iter()
}

/// The variables that cargo sets for a package's tests
/// (The Cargo Book, "Environment variables Cargo sets for crates").
fn package_environment(package: &Package) -> BTreeMap<String, String> {
    let version = &package.version;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let path = |value: &Option<cargo_metadata::camino::Utf8PathBuf>| {
        value.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let directory = package.manifest_path.parent().map(ToString::to_string).unwrap_or_default();
    [
        ("CARGO_MANIFEST_DIR", directory),
        ("CARGO_MANIFEST_PATH", package.manifest_path.to_string()),
        ("CARGO_PKG_NAME", package.name.to_string()),
        ("CARGO_PKG_VERSION", version.to_string()),
        ("CARGO_PKG_VERSION_MAJOR", version.major.to_string()),
        ("CARGO_PKG_VERSION_MINOR", version.minor.to_string()),
        ("CARGO_PKG_VERSION_PATCH", version.patch.to_string()),
        ("CARGO_PKG_VERSION_PRE", version.pre.to_string()),
        ("CARGO_PKG_AUTHORS", package.authors.join(":")),
        ("CARGO_PKG_DESCRIPTION", text(&package.description)),
        ("CARGO_PKG_HOMEPAGE", text(&package.homepage)),
        ("CARGO_PKG_REPOSITORY", text(&package.repository)),
        ("CARGO_PKG_LICENSE", text(&package.license)),
        ("CARGO_PKG_LICENSE_FILE", path(&package.license_file)),
        ("CARGO_PKG_README", path(&package.readme)),
        (
            "CARGO_PKG_RUST_VERSION",
            package.rust_version.as_ref().map(ToString::to_string).unwrap_or_default(),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::cargo::{Network, Toolchain};

    fn gathered(messages: &[serde_json::Value]) -> Gathered {
        let toolchain = Toolchain {
            rustc: String::new(),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            sysroot: "/s".into(),
            clippy_driver: None,
        };
        let package = serde_json::json!({
            "name": "p", "version": "0.1.0", "id": "p 0.1.0", "dependencies": [], "targets": [], "features": {},
            "manifest_path": "/w/Cargo.toml",
        });
        let packages = vec![serde_json::from_value(package).unwrap()];
        let mut gathered = Gathered::new(&Cargo::known("/w".into(), packages, toolchain, Network::Offline));
        messages.iter().for_each(|message| gathered.take(message.to_string().as_bytes()));
        gathered
    }

    fn said(package: &str, level: &str, text: &str, spans: serde_json::Value) -> serde_json::Value {
        serde_json::json!({
            "reason": "compiler-message", "package_id": package,
            "target": {"name": "p", "kind": ["lib"], "crate_types": ["lib"], "src_path": "/w/src/lib.rs",
                       "edition": "2024", "doctest": true, "test": true},
            "message": {"message": text, "level": level, "code": null, "spans": spans, "children": [],
                        "rendered": text},
        })
    }

    fn span(file: &str, line: u32, expansion: Option<serde_json::Value>) -> serde_json::Value {
        let expansion = expansion
            .map(|span| serde_json::json!({"span": span, "macro_decl_name": "m!", "def_site_span": null}));
        serde_json::json!({
            "file_name": file, "byte_start": 0, "byte_end": 1, "line_start": line, "line_end": line,
            "column_start": 1, "column_end": 2, "is_primary": true, "text": [], "label": null,
            "suggested_replacement": null, "suggestion_applicability": null, "expansion": expansion,
        })
    }

    fn places(gathered: &Gathered) -> Vec<(&str, u32)> {
        gathered.diagnostics.iter().map(|one| (one.file.as_str(), one.line)).collect()
    }

    #[test]
    fn a_finding_stands_where_the_workspace_calls_a_foreign_macro() {
        let inner = span("/registry/m/src/lib.rs", 9, Some(span("src/a.rs", 4, None)));
        let gathered = gathered(&[
            said("p 0.1.0", "warning", "unused", serde_json::json!([inner])),
            said("p 0.1.0", "warning", "unused too", serde_json::json!([span("/w/src/b.rs", 5, None)])),
        ]);
        assert_eq!(places(&gathered), [("src/a.rs", 4), ("src/b.rs", 5)]);
    }

    #[test]
    fn counts_notes_and_foreign_warnings_are_no_findings() {
        let none = serde_json::json!([]);
        let gathered = gathered(&[
            said("p 0.1.0", "warning", "1 warning emitted", none.clone()),
            said("p 0.1.0", "error", "aborting due to 1 previous error", none.clone()),
            said("p 0.1.0", "failure-note", "For more information", none.clone()),
            said("q 0.1.0", "warning", "foreign", none),
        ]);
        assert!(places(&gathered).is_empty() && !gathered.has_errors());
    }

    #[test]
    fn a_missing_linker_is_told_from_a_failing_one() {
        let none = serde_json::json!([]);
        let missing = gathered(&[said("p 0.1.0", "error", "linker `cc` not found", none.clone())]);
        assert_eq!(missing.no_linker.as_deref(), Some("linker `cc` not found"));
        let failing = gathered(&[said("p 0.1.0", "error", "linking with `cc` failed: exit status: 1", none)]);
        assert!(failing.no_linker.is_none() && failing.has_errors());
        assert_eq!(places(&failing), [("Cargo.toml", 0)]);
    }

    #[test]
    fn what_is_no_message_is_counted() {
        let mut gathered = gathered(&[]);
        gathered.take(b"small talk");
        gathered.take(b"{\"reason\": \"compiler-artifact\", \"cut");
        assert_eq!(gathered.unreadable, 1);
        assert_eq!(library_path("native=/w/target/out"), "/w/target/out");
    }
}
