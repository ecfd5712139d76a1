//! The engine `llvm-cov`: LLVM's own tools read the same raw profiles and objects.
//!
//! `llvm-profdata merge` sums the profiles and `llvm-cov export` gives every function with its counted regions; from there
//! on, lines, functions and test code are told as in the built-in engine, so that both give the same evidence. The
//! tools must be of rustc's LLVM version: others read other formats, or read them wrongly.

use super::doctests;
use super::files::Sources;
use super::lines::{Kind, Place, Region};
use super::mapping::{Function, LINES_MAX, Mapping};
use super::{Measurement, could_not_run, list_profiles};
use crate::evidence::CouldNotRun;
use crate::tools::cargo::Cargo;
use crate::tools::partners;
use crate::world::{CommandLine, World};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// A question for a version.
const QUESTION_SECS_MAX: u64 = 30;
/// Merging and exporting.
const WORK_SECS_MAX: u64 = 1800;
/// What `llvm-cov export` may write.
const EXPORT_BYTES_MAX: u64 = 4 << 30;
/// What to do without these tools.
const HELP: &str = "rustup component add llvm-tools, or `engine: builtin` in policies/coverage.yaml";
/// What to do with tools that cannot read compressed names.
const ZLIB_HELP: &str = "RUSTFLAGS=-Cllvm-args=-enable-name-compression=false, or LLVM tools that were built with zlib (rustup \
                         component add llvm-tools), or `engine: builtin` in policies/coverage.yaml";

/// `llvm-profdata` and `llvm-cov` of the version that rustc has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
    version: String,
}

/// What `llvm-cov` exported, in a directory that is removed with this.
#[derive(Debug)]
pub struct Exported {
    directory: tempfile::TempDir,
    version: String,
}

impl Tools {
    /// Finds them: those that `LLVM_COV` and `LLVM_PROFDATA` name, else rustup's component `llvm-tools`, else those that
    /// `setup` installed, else those in `PATH`, which in a system are often of an older LLVM.
    ///
    /// # Errors
    /// Where they are missing or of another LLVM version than rustc's.
    pub async fn find(world: &World, cargo: &Cargo) -> Result<Tools, CouldNotRun> {
        let rustc = cargo.toolchain.sysroot.join("bin/rustc");
        let said = ask(world, &rustc, "-vV").await.map_err(|why| could_not_run(why, "cargo xtask doctor"))?;
        let wanted = said.lines().find_map(|line| line.strip_prefix("LLVM version: ")).unwrap_or_default();
        let component = cargo.toolchain.sysroot.join("lib/rustlib").join(&cargo.toolchain.host).join("bin");
        let own = partners::folder(&cargo.target_directory).join("bin");
        let locate = |variable: &str, name: &str| match world.env(variable) {
            Some(named) => PathBuf::from(named),
            None => {
                let installed = [&component, &own].map(|folder| folder.join(name));
                installed.into_iter().find(|file| file.is_file()).unwrap_or_else(|| PathBuf::from(name))
            }
        };
        let (profdata, cov) = (locate("LLVM_PROFDATA", "llvm-profdata"), locate("LLVM_COV", "llvm-cov"));
        let mut version = String::new();
        for tool in [&profdata, &cov] {
            let said = ask(world, tool, "--version").await.map_err(|why| could_not_run(why, HELP))?;
            version = version_in(&said).unwrap_or("unknown").to_owned();
            if major(&version) != major(wanted) {
                let message = format!("{} is of LLVM {version}, and rustc of LLVM {wanted}", tool.display());
                return Err(could_not_run(message, HELP));
            }
        }
        Ok(Tools { profdata, cov, version })
    }

    /// Merges the raw profiles and exports what the objects make of them.
    ///
    /// # Errors
    /// What the tools say.
    pub async fn export(&self, world: &World, measurement: &Measurement) -> Result<Exported, CouldNotRun> {
        let failed = |error: std::io::Error| {
            could_not_run(format!("failed to make room for llvm-cov: {error}"), "df -h")
        };
        let directory = tempfile::tempdir().map_err(failed)?;
        let (list, merged) = (directory.path().join("profiles"), directory.path().join("merged.profdata"));
        let profiles = list_profiles(&measurement.profiles).map_err(failed)?;
        let lines: Vec<String> = profiles.iter().map(|path| format!("{}\n", path.display())).collect();
        std::fs::write(&list, lines.concat()).map_err(failed)?;
        let arguments =
            ["merge".into(), "-sparse".into(), "-f".into(), text(&list), "-o".into(), text(&merged)];
        let said = self.run(world, &self.profdata, &arguments, &directory.path().join("out")).await?;
        // It leaves out what it cannot read, and says so in passing.
        if let Some(line) = said.lines().find(|line| line.contains(".profraw")) {
            return Err(could_not_run(format!("llvm-profdata: {}", line.trim()), help_for(line)));
        }
        let mut arguments = vec!["export".to_owned(), format!("-instr-profile={}", text(&merged))];
        let mut objects: Vec<_> = measurement.objects.iter().chain(&measurement.doctests).collect();
        objects.sort();
        objects.dedup();
        // Without a mapping, llvm-cov would refuse all of them.
        objects.retain(|object| super::mapping::is_instrumented(object));
        arguments.extend(objects.into_iter().flat_map(|object| ["-object".to_owned(), text(object)]));
        self.run(world, &self.cov, &arguments, &directory.path().join("export.json")).await?;
        Ok(Exported { directory, version: self.version.clone() })
    }

    /// Runs a tool with its output into a file; gives what it said besides.
    async fn run(
        &self,
        world: &World,
        tool: &Path,
        arguments: &[String],
        output: &Path,
    ) -> Result<String, CouldNotRun> {
        let failed = |why: String| could_not_run(format!("{}: {why}", tool.display()), help_for(&why));
        let said = output.with_extension("said");
        let open = |path: &Path| std::fs::File::create(path).map_err(|error| failed(error.to_string()));
        let (stdout, stderr) = (open(output)?, open(&said)?);
        let command = CommandLine::new(text(tool), arguments.iter().cloned());
        let mut child = world
            .spawn(&command, |prepared| {
                prepared.stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr)).kill_on_drop(true);
            })
            .map_err(|error| failed(format!("{error:#}")))?;
        let status = tokio::time::timeout(Duration::from_secs(WORK_SECS_MAX), child.wait())
            .await
            .map_err(|_| failed(format!("it did not end within {WORK_SECS_MAX} s")))?
            .map_err(|error| failed(error.to_string()))?;
        let said = std::fs::read(&said).map_err(|error| failed(error.to_string()))?;
        let said = String::from_utf8_lossy(&said).into_owned();
        if status.success() { Ok(said) } else { Err(failed(format!("{status}: {}", said.trim()))) }
    }
}

impl Exported {
    /// The engine and its version, as evidence names it.
    pub(super) fn engine(&self) -> String {
        format!("llvm-cov {}", self.version)
    }

    /// What was exported, as objects give it: the libraries' and programs' functions, and those of documentation tests.
    pub(super) fn mappings(&self, sources: &Sources) -> Result<(Mapping, Mapping), CouldNotRun> {
        let path = self.directory.path().join("export.json");
        let read = || -> Result<(Mapping, Mapping), String> {
            let size = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
            if size > EXPORT_BYTES_MAX {
                return Err(format!("it has {size} bytes, more than {EXPORT_BYTES_MAX}"));
            }
            let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
            mappings(&bytes, sources)
        };
        read().map_err(|why| could_not_run(format!("the export of llvm-cov cannot be used: {why}"), HELP))
    }
}

/// The export, as far as it is used.
#[derive(Deserialize)]
struct Export {
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    functions: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    name: String,
    filenames: Vec<PathBuf>,
    regions: Vec<ExportedRegion>,
}

/// From line and column to line and column, count, file, expanded file, kind.
type ExportedRegion = (u32, u32, u32, u32, u64, usize, usize, u64);

fn mappings(bytes: &[u8], sources: &Sources) -> Result<(Mapping, Mapping), String> {
    let export: Export = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let empty = || Mapping { instrumented: true, ..Mapping::default() };
    let (mut product, mut documentation) = (empty(), empty());
    let records = export.data.into_iter().flat_map(|data| data.functions);
    for (number, record) in records.enumerate() {
        let mapping = if doctests::is_own(&record.name) { &mut documentation } else { &mut product };
        let files: Vec<_> = record
            .filenames
            .iter()
            .map(|path| {
                let source = sources.find(path)?;
                Some(mapping.sources.iter().position(|known| *known == source).unwrap_or_else(|| {
                    mapping.sources.push(source);
                    mapping.sources.len() - 1
                }))
            })
            .collect();
        let file_of = |file: usize| files.get(file).copied().flatten();
        let main = record.regions.first().and_then(|region| file_of(region.5));
        let mut regions = Vec::with_capacity(record.regions.len());
        for &(line, column, last, end, count, file, _, kind) in &record.regions {
            let (Some(file), Some(kind)) = (file_of(file), kind_of(kind)) else { continue };
            if last as usize > LINES_MAX {
                return Err(format!("a region ends in line {last}, more than {LINES_MAX}"));
            }
            regions.push((
                file,
                Region { start: Place::new(line, column), end: Place::new(last, end), count, kind },
            ));
        }
        if !regions.is_empty() {
            mapping.functions.push(Function {
                name: number as u64,
                symbol: Some(record.name),
                main,
                regions,
            });
        }
    }
    Ok((product, documentation))
}

/// `CounterMappingRegion::RegionKind`; expansions and branches mean nothing for lines.
fn kind_of(kind: u64) -> Option<Kind> {
    match kind {
        0 => Some(Kind::Code),
        2 => Some(Kind::Skipped),
        3 => Some(Kind::Gap),
        _ => None,
    }
}

/// What helps against what a tool says.
fn help_for(said: &str) -> &'static str {
    if said.contains("zlib") { ZLIB_HELP } else { HELP }
}

async fn ask(world: &World, tool: &Path, question: &str) -> Result<String, String> {
    let command =
        CommandLine::new(text(tool), [question]).with_timeout(Duration::from_secs(QUESTION_SECS_MAX));
    let finished = world.run(&command).await.map_err(|error| format!("{error:#}"))?;
    if finished.status.success() {
        Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
    } else {
        Err(format!("`{command}` failed: {}", String::from_utf8_lossy(&finished.stderr).trim()))
    }
}

/// `LLVM version 22.1.8`, with whatever a vendor writes around it.
fn version_in(said: &str) -> Option<&str> {
    said.split("LLVM version ").nth(1)?.split_whitespace().next()
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::files::{PackageTree, SourceTree};
    use super::*;
    use proptest::prelude::*;

    fn sources() -> Sources {
        Sources::of(&SourceTree {
            root: "/w".into(),
            target: "/w/target".into(),
            packages: vec![PackageTree { name: "p".into(), directory: "/w".into() }],
            remapped: vec![],
        })
    }

    #[test]
    fn versions_are_found_and_compared_by_their_first_number() {
        assert_eq!(
            version_in("LLVM (http://llvm.org/):\n  LLVM version 22.1.8\n  Optimized"),
            Some("22.1.8")
        );
        assert_eq!(version_in("Ubuntu LLVM version 18.1.3\n"), Some("18.1.3"));
        assert_eq!(version_in("gcov 12"), None);
        assert_eq!((major("22.1.8"), major("22.1.2-rust"), major("")), ("22", "22", ""));
    }

    #[test]
    fn an_export_is_read_as_objects_are() {
        let export = r#"{"data":[{"files":[],"functions":[
            {"name":"_RNvC1p1f","count":3,"filenames":["/w/src/lib.rs"],"branches":[],
             "regions":[[1,1,3,2,3,0,0,0],[2,5,2,9,0,0,0,3],[2,1,2,2,1,0,0,4]]},
            {"name":"_RNvC8rust_out4main","count":1,"filenames":["/w/src/lib.rs"],"regions":[[9,1,9,2,1,0,0,0]]},
            {"name":"x","count":1,"filenames":["/elsewhere/lib.rs"],"regions":[[1,1,1,2,1,0,0,0]]}],"totals":{}}],
            "type":"llvm.coverage.json.export","version":"3.1.0"}"#;
        let (product, documentation) = mappings(export.as_bytes(), &sources()).unwrap();
        let [function] = &product.functions[..] else { panic!("{:?}", product.functions) };
        let kinds: Vec<_> = function.regions.iter().map(|(_, region)| (region.kind, region.count)).collect();
        assert_eq!((function.main, kinds), (Some(0), vec![(Kind::Code, 3), (Kind::Gap, 0)]));
        assert_eq!((documentation.functions.len(), documentation.sources.len()), (1, 1));
        assert!(mappings(b"{}", &sources()).is_err());
        let far = r#"{"data":[{"functions":[{"name":"x","filenames":["/w/a.rs"],"regions":[[1,1,99999999,2,1,0,0,0]]}]}]}"#;
        assert!(mappings(far.as_bytes(), &sources()).err().unwrap().contains("more than"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in "[\\[\\]{}\":,0-9a-z]{0,60}") {
            let _ = mappings(text.as_bytes(), &sources());
        }
    }
}
