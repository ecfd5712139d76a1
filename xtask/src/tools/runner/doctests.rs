//! Documentation tests: `cargo test --doc` with the compiler of the one compilation, read line by line.
//!
//! rustdoc compiles and runs them itself, so they cannot be run one by one. What is guarded here: cargo's `runner`
//! setting is overridden by a script of ours (with `runner = "true"` rustdoc runs nothing and says so to nobody); that
//! script also gives them the tests' declared environment; a crate whose results are not summed up by rustdoc, or whose
//! sum differs from its results, is broken. Where lines are counted, the script keeps each program: rustdoc removes it, and
//! instantiations of generic functions are in no other object. A doctest that exits with 0 has passed: that is its contract.
//!
//! `RUSTDOCFLAGS` of the environment are kept; `build.rustdocflags` of cargo's configuration are not, because cargo
//! takes one or the other.

use super::libtest::Tally;
use super::process::{Ended, attend};
use super::selection::Selected;
use super::{
    BrokenBinary, CommandLine, Compiled, Filter, Site, Tell, TestOutcome, TestResult, TestsPolicy, Told,
};
use crate::tools::build::wrapper::{COVERAGE_FLAGS, shell_word, write_script};
use crate::tools::stream::{HeadAndTail, for_each_piece};
use crate::world::World;
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

/// What compiling all documentation tests may add to the timeout of one.
const COMPILE_SECS_MAX: u64 = 1800;
/// Debug information would make each program that is kept ten times as large; where a doctest panicked is told without.
const SMALL_FLAG: &str = " -Cstrip=debuginfo";
/// The longest line that is read whole.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Runs the documentation tests of every selected library whose names contain one of the words.
pub(super) async fn run(
    site: &Site,
    compiled: &Compiled,
    policy: &TestsPolicy,
    (words, selected): (&[String], &Selected),
    tell: Tell<'_>,
) -> (Vec<TestResult>, Vec<BrokenBinary>) {
    let mut wanted = wanted(compiled, words);
    wanted.0.retain(|(_, package, _)| selected.documents(package));
    if wanted.is_empty() {
        return (Vec::new(), Vec::new());
    }
    tell(Told::Progress("documentation tests"));
    let mut reader = Reader::new(wanted.crates());
    let ended = match command(site, compiled, policy, &wanted, words) {
        Ok(command) => follow(site, &command, policy, |line, at| reader.take(line, at)).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(ended) => {
            reader.ended = Some(ended);
            reader.finish(words)
        }
        Err(error) => (Vec::new(), vec![BrokenBinary { name: "doc".to_owned(), why: format!("{error:#}") }]),
    }
}

/// The full names of the documentation tests whose names contain one of the words, each with whether it is ignored.
///
/// # Errors
/// Where rustdoc gives no list.
pub(super) async fn list(
    site: &Site,
    compiled: &Compiled,
    policy: &TestsPolicy,
    words: &[String],
) -> anyhow::Result<Vec<(String, bool)>> {
    let wanted = wanted(compiled, words);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let command = command(site, compiled, policy, &wanted, words)?.arg("--list");
    let ask = async |command: &CommandLine| {
        let mut reader = Reader::new(wanted.crates());
        let (mut names, mut said) = (Vec::new(), HeadAndTail::default());
        let each = |line: &str, at| match line.strip_suffix(": test").filter(|test| test.contains("(line ")) {
            Some(test) => names.push(reader.full_name(test)),
            None => {
                said.push(line.as_bytes());
                said.push(b"\n");
                reader.take(line, at);
            }
        };
        let ended = follow(site, command, policy, each).await?;
        anyhow::ensure!(ended == Ended::Exited(0), "rustdoc gave no list ({ended}): {}", said.text().trim());
        Ok(names)
    };
    let of_ignored = command.clone().arg("--ignored");
    let (names, ignored) = tokio::join!(ask(&command), ask(&of_ignored));
    let ignored: BTreeSet<String> = ignored?.into_iter().collect();
    Ok(names?.into_iter().map(|name| (name.clone(), ignored.contains(&name))).collect())
}

/// Libraries with documentation tests: each package's id and name, and the crate's name as rustdoc announces it.
struct Wanted(Vec<(String, String, String)>);

impl Wanted {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Crate name to package name.
    fn crates(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(_, package, name)| (name.clone(), package.clone())).collect()
    }
}

fn wanted(compiled: &Compiled, words: &[String]) -> Wanted {
    let all = compiled.cargo.with_doctests().map(|(package, target)| {
        (package.id.repr.clone(), package.name.to_string(), target.name.replace('-', "_"))
    });
    Wanted(all.filter(|(_, package, _)| Filter(words).may_want(&format!("{package}::doc"))).collect())
}

/// Runs a command and gives every line, with the time since its start.
async fn follow(
    site: &Site,
    command: &CommandLine,
    policy: &TestsPolicy,
    mut each: impl FnMut(&str, Duration),
) -> anyhow::Result<Ended> {
    // One pipe for both streams keeps cargo's `Doc-tests NAME` in order with rustdoc's results.
    let (receiver, sender) = std::io::pipe().context("failed to make a pipe")?;
    let second = sender.try_clone().context("failed to copy a pipe")?;
    let mut child = site.world.spawn(command, |prepared| {
        prepared.stdout(Stdio::from(sender)).stderr(Stdio::from(second)).kill_on_drop(true);
    })?;
    let receiver = tokio::net::unix::pipe::Receiver::from_owned_fd(receiver.into())
        .context("failed to read from a pipe")?;
    let start = site.world.monotonic();
    let reading = for_each_piece(receiver, b"\n", LINE_BYTES_MAX, |line| {
        each(&String::from_utf8_lossy(line), site.world.monotonic() - start);
    });
    let limit = Duration::from_secs(policy.timeout_secs.saturating_add(COMPILE_SECS_MAX));
    Ok(attend(&mut child, limit, reading, &[]).await?.ended)
}

/// The command. It holds on to no pipe: spawning drops our copies of the sender with the prepared command.
fn command(
    site: &Site,
    compiled: &Compiled,
    policy: &TestsPolicy,
    wanted: &Wanted,
    words: &[String],
) -> anyhow::Result<CommandLine> {
    let runner = runner(site, policy)?;
    let mut command = compiled.same_compiler(compiled.cargo.command("test", ["--doc", "--no-fail-fast"]));
    command.arguments.extend(compiled.cargo.features.arguments());
    for (id, _, _) in &wanted.0 {
        command = command.arg("--package").arg(id.clone());
    }
    // rustdoc splits its filters at white space; what is too much is left out afterwards.
    let first_word = |word: &String| {
        let test = word.rsplit('$').next().unwrap_or_default();
        test.split_whitespace().next().unwrap_or_default().to_owned()
    };
    let words: Vec<String> = words.iter().map(first_word).collect();
    command = command.arg("--");
    if !words.iter().any(String::is_empty) {
        command = words.into_iter().fold(command, CommandLine::arg);
    }
    let small = site.profiles.objects().map_or("", |_| SMALL_FLAG);
    let triple = compiled.cargo.toolchain.host.to_uppercase().replace(['-', '.'], "_");
    Ok(command
        .env("RUSTDOCFLAGS", flags(&site.world) + small)
        .env(format!("CARGO_TARGET_{triple}_RUNNER"), runner))
}

/// What rustdoc compiles documentation tests with.
fn flags(world: &World) -> String {
    let own = world.env("RUSTDOCFLAGS").map_or_else(String::new, |flags| format!("{flags} "));
    own + COVERAGE_FLAGS
}

/// A command of cargo that tests documentation, with the flags that link it to what was compiled; `plan` prints it.
pub fn with_documentation_flags(world: &World, command: CommandLine) -> CommandLine {
    command.env("RUSTDOCFLAGS", flags(world))
}

/// Writes the script that runs each documentation test in the tests' environment, and gives its path.
fn runner(site: &Site, policy: &TestsPolicy) -> anyhow::Result<String> {
    if let Some(objects) = site.profiles.objects() {
        std::fs::create_dir_all(&objects).with_context(|| format!("failed to make {}", objects.display()))?;
    }
    let path = write_script(site.directory.path(), "doctest-runner", &script(site, policy))?;
    let path = path.to_string_lossy().into_owned();
    // Cargo splits this variable at white space, and there is no way to quote.
    anyhow::ensure!(
        !path.contains(char::is_whitespace),
        "TMPDIR has white space in its path ({path}): set another one"
    );
    Ok(path)
}

/// The script. Variables are removed one by one, because rustdoc hands some of its own to what it runs; with a runner it
/// leaves out `RUSTDOC_DOCTEST_BIN_PATH`, which gives each merged test a process of its own.
fn script(site: &Site, policy: &TestsPolicy) -> String {
    let mut text =
        "#!/bin/sh\n# Written by gateline: runs a documentation test in the declared environment.\n"
            .to_owned();
    if let Some(objects) = site.profiles.objects() {
        let objects = shell_word(&objects.to_string_lossy());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "cp \"$1\" \"$(mktemp -p {objects} XXXXXXXXXX)\" || exit 125");
    }
    text.push_str("RUSTDOC_DOCTEST_BIN_PATH=\"$1\" exec env");
    let ours = ["RUSTDOCFLAGS", "RUSTC_WORKSPACE_WRAPPER", "LLVM_PROFILE_FILE", "CARGO_TERM_COLOR"];
    let world = site.world.environment().keys().map(String::as_str);
    for name in world.filter(|name| is_removed(name, policy)).chain(ours) {
        let _ = write!(text, " -u {}", shell_word(name));
    }
    let profile = ("LLVM_PROFILE_FILE".to_owned(), site.profiles.of_documentation());
    for (name, value) in site.environment.iter().chain([(&profile.0, &profile.1)]) {
        let _ = write!(text, " {}", shell_word(&format!("{name}={value}")));
    }
    text + " \"$@\"\n"
}

/// Cargo and rustdoc set their own variables anew; everything else that is not declared goes.
fn is_removed(name: &str, policy: &TestsPolicy) -> bool {
    let by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "LD_LIBRARY_PATH"];
    !super::environment::is_passed(name, &policy.environment)
        && !by_cargo.iter().any(|prefix| name.starts_with(prefix))
}

/// What the lines have said so far.
struct Reader {
    crates: BTreeMap<String, String>,
    results: Vec<TestResult>,
    broken: Vec<BrokenBinary>,
    /// The package whose documentation tests run, with what was counted since it began.
    package: Option<Section>,
    /// The failure whose output is being read.
    output_of: Option<usize>,
    last: Duration,
    said: HeadAndTail,
    ended: Option<Ended>,
}

/// The results of one package and rustdoc's sums over them; both directions are compared.
struct Section {
    name: String,
    counted: Tally,
    summed: Tally,
    sums: u64,
}

const NOTHING: Tally = Tally { passed: 0, failed: 0, ignored: 0 };

impl Reader {
    fn new(crates: BTreeMap<String, String>) -> Reader {
        Reader {
            crates,
            results: Vec::new(),
            broken: Vec::new(),
            package: None,
            output_of: None,
            last: Duration::ZERO,
            said: HeadAndTail::default(),
            ended: None,
        }
    }

    /// Takes one line, which came so long after the start.
    fn take(&mut self, line: &str, at: Duration) {
        if let Some(name) = line.trim_start().strip_prefix("Doc-tests ") {
            self.end_section();
            let name = self.crates.get(name.trim()).cloned().unwrap_or_else(|| name.trim().to_owned());
            self.package = Some(Section { name, counted: NOTHING, summed: NOTHING, sums: 0 });
            self.last = at;
        } else if let Some((test, word)) = result_line(line) {
            self.add(test, word, at);
        } else if let Some(tally) = Tally::read(line) {
            self.output_of = None;
            if let Some(section) = &mut self.package {
                section.sums += 1;
                section.summed.passed += tally.passed;
                section.summed.failed += tally.failed;
                section.summed.ignored += tally.ignored;
            }
        } else if let Some(test) =
            line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            let full = self.full_name(test);
            self.output_of = self.results.iter().position(|result| result.name == full);
        } else if let Some(result) = self.output_of.and_then(|index| self.results.get_mut(index)) {
            if result.output.len() < HeadAndTail::END_BYTES_MAX {
                result.output.push_str(line);
                result.output.push('\n');
            }
        } else {
            self.said.push(line.as_bytes());
            self.said.push(b"\n");
        }
    }

    fn full_name(&self, test: &str) -> String {
        format!("{}::doc${test}", self.package.as_ref().map_or("", |section| &section.name))
    }

    fn add(&mut self, test: &str, word: &str, at: Duration) {
        let name = self.full_name(test);
        let Some(section) = &mut self.package else { return };
        let outcome = match word {
            "ok" => TestOutcome::Passed,
            "FAILED" => TestOutcome::Failed,
            _ => TestOutcome::Ignored,
        };
        match outcome {
            TestOutcome::Passed => section.counted.passed += 1,
            TestOutcome::Failed => section.counted.failed += 1,
            _ => section.counted.ignored += 1,
        }
        let duration_millis = super::millis(at.saturating_sub(self.last));
        self.last = at;
        self.results.push(TestResult { duration_millis, ..TestResult::new(name, outcome) });
    }

    /// A package is done where rustdoc's sums are those of its results.
    fn end_section(&mut self) {
        self.output_of = None;
        let Some(section) = self.package.take() else { return };
        if section.sums == 0 || section.counted != section.summed {
            let why = if section.sums == 0 { "rustdoc gave no sum" } else { "rustdoc's sum is another" };
            let said = self.said.text();
            let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let why =
                format!("{why} than its results show; it last said: {}", super::libtest::shortened(last));
            let why = if section.sums == 0 { why.replacen(" than its results show", "", 1) } else { why };
            self.broken.push(BrokenBinary { name: format!("{}::doc", section.name), why });
        }
    }

    /// The results, and what is wrong besides.
    fn finish(mut self, words: &[String]) -> (Vec<TestResult>, Vec<BrokenBinary>) {
        let began = self.package.as_ref().map(|section| format!("{}::doc", section.name));
        if self.ended == Some(Ended::TimedOut) {
            self.package = None;
            let name = began.unwrap_or_else(|| "doc".to_owned());
            self.results.push(TestResult {
                duration_millis: super::millis(self.last),
                output: self.said.text(),
                ..TestResult::new(name, TestOutcome::TimedOut)
            });
        } else {
            self.end_section();
            let failed = self.results.iter().any(|result| result.outcome == TestOutcome::Failed);
            if self.ended != Some(Ended::Exited(0)) && !failed && self.broken.is_empty() {
                let said = self.said.text();
                let error = said.find("error").map_or(said.as_str(), |at| &said[at..]);
                let name = began.unwrap_or_else(|| "doc".to_owned());
                self.broken.push(BrokenBinary { name, why: super::libtest::shortened(error.trim()) });
            }
        }
        let chosen = Filter(words).among(self.results.iter().map(|result| result.name.as_str()));
        self.results.retain(|result| chosen.has(&result.name));
        (self.results, self.broken)
    }
}

/// `test src/lib.rs - item (line 3) ... ok`, also with ` - compile fail` and the like before the dots.
fn result_line(line: &str) -> Option<(&str, &str)> {
    let (test, word) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let word = word.split(',').next().unwrap_or(word).trim();
    let end = test.rfind("(line ").and_then(|at| test[at..].find(')').map(|length| at + length + 1))?;
    matches!(word, "ok" | "FAILED" | "ignored").then_some((&test[..end], word))
}

#[cfg(test)]
mod tests;
