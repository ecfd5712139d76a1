//! The one compilation: lint, tests, coverage and doctests all come from it.
//!
//! `cargo test --no-run --all-targets` under our compiler wrapper gives clippy's diagnostics, instrumented test binaries
//! and the libraries that doctests link, in one go. It leaves out what no test needs as users get it, and with that the warnings
//! that stand only without `cfg(test)`: for lint, cargo builds that afterwards (docs/decisions/0027-*.md). Dependencies are compiled as an ordinary `cargo build` does; only the
//! members' fingerprints differ from it.
//!
//! Where `clippy-driver` is missing, members are compiled by rustc alone: tests and coverage still run, and the lint gate
//! says that it could not. A workspace whose sources ask for `cfg(clippy)` would be tested as another program than the one
//! that ships: it is linted and compiled apart, unless the policy says `share_compile: off` for all of them anyway.

mod messages;
mod said;
mod sources;
mod targets;
pub(crate) mod wrapper;

pub use said::{diagnostic, relative};
pub use targets::{Built, nightly_only, not_built};
pub use wrapper::Purpose;

use super::cargo::{Cargo, Progress};
use super::redaction::Redactor;
use super::stream::{HeadAndTail, for_each_piece};
use crate::evidence::CouldNotRun;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity};
use crate::policy::lint::ShareCompile;
use crate::world::{CommandLine, Leash, World};
use anyhow::Context as _;
use messages::Gathered;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

/// How long a whole compilation may take.
const BUILD_SECS_MAX: u64 = 2 * 3600;
/// The longest message that is read: rendered diagnostics are long, but not this long.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Columns that cargo's progress line may have: room for its count and one name.
const PROGRESS_COLUMNS: &str = "100";

/// What the compilation gave.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The workspace and toolchain that were compiled.
    pub cargo: Cargo,
    /// Whether it compiles.
    pub outcome: Compilation,
    /// What rustc and clippy said about the members, each once, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Members that the compiler went through.
    pub packages: BTreeSet<String>,
    /// Every test binary, sorted by name. Where it does not compile: those that do.
    pub tests: Vec<TestBinary>,
    /// Every other instrumented object of the members: plain binaries, examples, dynamic libraries.
    pub binaries: Vec<PathBuf>,
    /// Targets that were built, as (package, section of the manifest, name).
    pub built: BTreeSet<(String, &'static str, String)>,
    /// Why lint had a compilation of its own, where it had.
    pub compiled_apart: Option<String>,
    /// The wrapper that members were compiled with; doctests use it again.
    pub wrapper: PathBuf,
    /// Wall time.
    pub duration_millis: u64,
}

/// Whether the workspace compiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compilation {
    /// Every target.
    Succeeded,
    /// The compiler refused; the errors are among the diagnostics.
    DoesNotCompile,
}

/// One test binary, with what its tests are run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestBinary {
    /// `package::target` as [`crate::evidence::tests::TestResult::name`] has it.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// Who runs the tests inside.
    pub harness: Harness,
    /// The package's directory, where its tests run.
    pub directory: PathBuf,
    /// What cargo sets for its tests: `CARGO_*`, `OUT_DIR`, build scripts' variables, the library path.
    pub environment: BTreeMap<String, String>,
}

/// Who runs the tests inside a binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harness {
    /// Rust's own: it lists its tests and runs one by name.
    Libtest,
    /// `harness = false`: the whole binary is one test.
    Own,
    /// The same for a benchmark, which is run once with `--test`, as criterion and divan understand it.
    OwnBenchmark,
}

impl Compiled {
    /// Every object that carries coverage mappings.
    pub fn objects(&self) -> impl Iterator<Item = &Path> {
        self.tests.iter().map(|test| test.path.as_path()).chain(self.binaries.iter().map(PathBuf::as_path))
    }

    /// The compiler's errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == DiagnosticSeverity::Error)
    }

    /// The same with what another compilation said: of the lint's own, or of another feature set.
    #[must_use]
    pub fn with_diagnostics_of(mut self, other: &Compiled) -> Compiled {
        let suffix = match self.cargo.features == other.cargo.features {
            true => String::new(),
            false => other.cargo.features.suffix(),
        };
        self.diagnostics = messages::united(self.diagnostics, &other.diagnostics, &suffix);
        self.packages.extend(other.packages.iter().cloned());
        if other.outcome == Compilation::DoesNotCompile {
            self.outcome = Compilation::DoesNotCompile;
        }
        self
    }

    /// Keeps the plain programs under other names: cargo writes those of the next feature set to the same paths.
    ///
    /// # Errors
    /// Where they can be neither linked nor copied.
    pub fn keep_binaries(&mut self) -> anyhow::Result<()> {
        let name = self.cargo.features.file_name();
        let directory = self.cargo.target_directory.join("gateline/objects").join(name);
        let _ = std::fs::remove_dir_all(&directory);
        let context = || format!("failed to keep programs in {}", directory.display());
        std::fs::create_dir_all(&directory).with_context(context)?;
        for (number, path) in self.binaries.iter_mut().enumerate() {
            let kept = directory.join(number.to_string());
            std::fs::hard_link(&*path, &kept)
                .or_else(|_| std::fs::copy(&*path, &kept).map(drop))
                .with_context(context)?;
            *path = kept;
        }
        Ok(())
    }

    /// Takes a cargo command to the same compiler, so that nothing is compiled again.
    pub(crate) fn same_compiler(&self, command: CommandLine) -> CommandLine {
        with_wrapper(command, &self.wrapper, &self.cargo)
    }
}

/// Why lint cannot share the tests' compilation here; `None` where it can.
pub fn why_apart(cargo: &Cargo, policy: ShareCompile) -> Option<String> {
    match policy {
        ShareCompile::Off => Some("policies/lint.yaml says `share_compile: off`".to_owned()),
        ShareCompile::Auto => {
            sources::asks_for_clippy(cargo).map(|file| format!("{file} asks for `cfg(clippy)`"))
        }
    }
}

/// Compiles every target of every selected member, for lint, tests and coverage at once.
///
/// # Errors
/// As [`compile_for`].
pub async fn compile(world: &World, cargo: &Cargo, progress: Progress<'_>) -> Result<Compiled, CouldNotRun> {
    compile_for(Purpose::Shared, world, cargo, progress).await
}

/// Compiles every target of every selected member. A workspace that does not compile is a value: the gates refuse it.
///
/// # Errors
/// Where cargo could not do its work: a stale lockfile, no network, no linker, a failing build script.
pub async fn compile_for(
    purpose: Purpose,
    world: &World,
    cargo: &Cargo,
    progress: Progress<'_>,
) -> Result<Compiled, CouldNotRun> {
    // What build scripts print is in it.
    compile_as_is(purpose, world, cargo, progress).await.map_err(|why| Redactor::new(world).why(why))
}

async fn compile_as_is(
    purpose: Purpose,
    world: &World,
    cargo: &Cargo,
    progress: Progress<'_>,
) -> Result<Compiled, CouldNotRun> {
    let failed = |message: String| CouldNotRun { message, help: "cargo xtask doctor".to_owned() };
    let wrapper = wrapper::install(cargo, purpose).map_err(|error| failed(format!("{error:#}")))?;
    let profiles = throw_away_profiles(cargo);
    let command = with_wrapper(command_for(purpose, cargo), &wrapper, cargo);
    let told = |command: CommandLine| {
        let command = command.env("CARGO_TERM_PROGRESS_WHEN", "always");
        command.env("CARGO_TERM_PROGRESS_WIDTH", PROGRESS_COLUMNS)
    };
    let start = world.monotonic();
    let mut gathered = Gathered::new(cargo);
    let run = async |command: &CommandLine, gathered: &mut Gathered| {
        let ended = follow(world, command, gathered, progress).await;
        // Members that a proc-macro links count while they run inside the compiler: that belongs to no test.
        let _ = std::fs::remove_dir_all(&profiles);
        let (status, narration) = ended.map_err(|error| failed(format!("{error:#}")))?;
        if gathered.unreadable > 0 {
            return Err(failed(format!("{} messages of cargo could not be read", gathered.unreadable)));
        }
        outcome(status, gathered, &narration)
    };
    let mut outcome = run(&told(command), &mut gathered).await?;
    let rest = match outcome {
        Compilation::Succeeded => rest(purpose, cargo, Built::AsTold(&gathered.built())),
        Compilation::DoesNotCompile => None,
    };
    if let Some(rest) = rest {
        gathered.only_listen();
        outcome = run(&told(with_wrapper(rest, &wrapper, cargo)), &mut gathered).await?;
    }
    let duration_millis = u64::try_from((world.monotonic() - start).as_millis()).unwrap_or(u64::MAX);
    Ok(gathered.into_compiled(cargo.clone(), wrapper, outcome, duration_millis))
}

/// Where no package is selected, there is nothing to compile.
pub fn nothing(cargo: &Cargo) -> Compiled {
    Compiled {
        cargo: cargo.clone(),
        outcome: Compilation::Succeeded,
        diagnostics: Vec::new(),
        packages: BTreeSet::new(),
        tests: Vec::new(),
        binaries: Vec::new(),
        built: BTreeSet::new(),
        compiled_apart: None,
        wrapper: PathBuf::new(),
        duration_millis: 0,
    }
}

/// A wrapper that does nothing but leave out what the policy leaves out; `None` where that is nothing.
///
/// # Errors
/// Where the target directory cannot be written.
pub fn leaving_out(cargo: &Cargo) -> anyhow::Result<Option<PathBuf>> {
    wrapper::leaving_out(cargo)
}

/// A cargo command with the compiler that this purpose has, which is put in its place; `plan` prints it.
///
/// # Errors
/// Where the target directory cannot be written.
pub fn with_compiler_for(
    purpose: Purpose,
    cargo: &Cargo,
    command: CommandLine,
) -> anyhow::Result<CommandLine> {
    let wrapper = wrapper::install(cargo, purpose)?;
    Ok(with_wrapper(command, &wrapper, cargo))
}

/// What is run for one purpose: lint needs no programs.
pub fn command_for(purpose: Purpose, cargo: &Cargo) -> CommandLine {
    let (verb, first) = match purpose {
        Purpose::Lint => ("check", "--keep-going"),
        Purpose::Shared | Purpose::TestsOfShared | Purpose::Tests => ("test", "--no-run"),
    };
    let mut command = cargo.command(verb, [first]);
    command.arguments.extend(cargo.target_arguments());
    command.arguments.push("--message-format=json".to_owned());
    command.arguments.extend(cargo.selection_arguments());
    if purpose != Purpose::Lint {
        command = command.arg("--no-fail-fast");
    }
    command
}

/// What lint looks at besides, and that command leaves out.
pub fn rest(purpose: Purpose, cargo: &Cargo, built: Built<'_>) -> Option<CommandLine> {
    match purpose {
        Purpose::Shared => targets::plain(cargo, built),
        Purpose::Lint => targets::tested_by_name(cargo),
        Purpose::TestsOfShared | Purpose::Tests => None,
    }
}

/// Every test program of what was compiled so, run whole, as cargo does by itself; `plan` prints it.
pub fn run_whole(cargo: &Cargo) -> CommandLine {
    let mut command = cargo.command("test", ["--all-targets", "--no-fail-fast"]);
    command.arguments.extend(cargo.selection_arguments());
    command
}

fn with_wrapper(command: CommandLine, wrapper: &Path, cargo: &Cargo) -> CommandLine {
    let profile = throw_away_profiles(cargo).join("%m.profraw");
    command
        .env("RUSTC_WORKSPACE_WRAPPER", wrapper.to_string_lossy())
        .env("LLVM_PROFILE_FILE", profile.to_string_lossy())
        .env_remove("CLIPPY_ARGS")
}

fn throw_away_profiles(cargo: &Cargo) -> PathBuf {
    cargo.target_directory.join("gateline/compile-profiles")
}

/// Runs cargo, reading its messages and its narration as they come.
async fn follow(
    world: &World,
    command: &CommandLine,
    gathered: &mut Gathered,
    progress: Progress<'_>,
) -> anyhow::Result<(ExitStatus, String)> {
    let mut child = world.spawn(command, |prepared| {
        prepared.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    })?;
    let leash = Leash::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut narration = HeadAndTail::default();
    let read_messages = async {
        match stdout {
            Some(stdout) => {
                for_each_piece(stdout, b"\n", MESSAGE_BYTES_MAX, |line| gathered.take(line)).await
            }
            None => Ok(()),
        }
    };
    let read_narration = async {
        match stderr {
            Some(stderr) => {
                for_each_piece(stderr, b"\r\n", MESSAGE_BYTES_MAX, |line| {
                    narrate(&String::from_utf8_lossy(line), &mut narration, progress);
                })
                .await
            }
            None => Ok(()),
        }
    };
    let work = async { tokio::join!(read_messages, read_narration, child.wait()) };
    let Ok((messages, narrated, status)) =
        tokio::time::timeout(Duration::from_secs(BUILD_SECS_MAX), work).await
    else {
        drop(leash);
        anyhow::bail!("`{command}` did not end within {BUILD_SECS_MAX} s");
    };
    messages?;
    narrated?;
    Ok((status?, narration.text()))
}

/// Tells cargo's progress line in short, and what it waits for; keeps everything else.
fn narrate(line: &str, narration: &mut HeadAndTail, progress: Progress<'_>) {
    let waits =
        ["Blocking", "Updating", "Downloading"].iter().any(|word| line.trim_start().starts_with(word));
    match compiling(line) {
        Some(told) => progress(&told),
        None if waits => progress(line.trim()),
        None if line.trim().is_empty() => {}
        None => {
            narration.push(line.trim_end().as_bytes());
            narration.push(b"\n");
        }
    }
}

/// `Building [=>  ] 3/8: it(test), one` as `compiling it(test) (3/8)`.
fn compiling(line: &str) -> Option<String> {
    let (_, rest) = line.trim_start().strip_prefix("Building [")?.split_once("] ")?;
    let (count, names) = rest.split_once(':').unwrap_or((rest, ""));
    let name = names.split(',').next().unwrap_or_default().trim();
    Some(format!("compiling {name} ({})", count.trim()).replace("  ", " "))
}

/// Tells "it does not compile" from "cargo could not do its work".
fn outcome(status: ExitStatus, gathered: &Gathered, narration: &str) -> Result<Compilation, CouldNotRun> {
    if let Some(message) = &gathered.no_linker {
        return Err(CouldNotRun {
            message: format!("failed to link: {message}"),
            help: "install a C compiler (Debian: apt-get install gcc libc6-dev)".to_owned(),
        });
    }
    if status.success() {
        return Ok(Compilation::Succeeded);
    }
    if gathered.has_errors() {
        return Ok(Compilation::DoesNotCompile);
    }
    Err(said::of_cargo(narration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_short_and_the_rest_is_kept() {
        let told = |line| compiling(line);
        assert_eq!(
            told("    Building [===>   ] 3/8: it(test), one(test)   ").as_deref(),
            Some("compiling it(test) (3/8)")
        );
        assert_eq!(told("    Building [      ] 0/8").as_deref(), Some("compiling (0/8)"));
        assert_eq!(told("   Compiling one v0.1.0"), None);
        let mut narration = HeadAndTail::default();
        let lines = std::sync::Mutex::new(Vec::new());
        for line in ["error: no", "   ", "    Blocking waiting for file lock on build directory"] {
            narrate(line, &mut narration, &|told| lines.lock().unwrap().push(told.to_owned()));
        }
        assert_eq!(narration.text(), "error: no\n");
        assert_eq!(*lines.lock().unwrap(), ["Blocking waiting for file lock on build directory"]);
    }
}
