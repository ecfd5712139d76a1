//! Running git so that it answers alike everywhere: no pager, no prompt, no locks, no replaced objects, none of the
//! user's configuration that changes what is listed, and one language.

use crate::failure::Failure;
use crate::world::{CommandLine, Finished, OUTPUT_BYTES_MAX, World};
use anyhow::Context as _;
use std::path::Path;
use std::time::Duration;

/// git answers from local files; longer than this it hangs.
const GIT_TIMEOUT: Duration = Duration::from_secs(60);
/// A fetch of a whole history over a slow line.
const FETCH_TIMEOUT: Duration = Duration::from_secs(600);
/// Configuration that is ours whatever the user's says.
const CONFIGURATION: [&str; 8] = [
    "-c",
    "core.quotePath=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.ignoreStat=false",
    "-c",
    "submodule.recurse=false",
];

/// The command line of a question to git.
pub(super) fn command(root: &Path, arguments: &[&str]) -> CommandLine {
    let mut command = CommandLine::new("git", CONFIGURATION).in_directory(root);
    command.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .with_timeout(GIT_TIMEOUT)
}

/// Asks git; a non-zero exit status is a value.
pub(super) async fn git(world: &World, root: &Path, arguments: &[&str]) -> anyhow::Result<Finished> {
    perform(world, &command(root, arguments)).await
}

/// Asks git, and takes a non-zero exit status as a failure.
pub(in crate::tools) async fn run(world: &World, root: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    run_with(world, root, arguments, Vec::new()).await
}

/// The same with bytes for its standard input.
pub(super) async fn run_with(
    world: &World,
    root: &Path,
    arguments: &[&str],
    input: Vec<u8>,
) -> anyhow::Result<Vec<u8>> {
    let mut command = command(root, arguments);
    command.input = input;
    succeeded(perform(world, &command).await?, arguments)
}

/// Asks the remote. Optional locks are allowed: a fetch writes.
pub(in crate::tools) async fn fetch(world: &World, root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let command = command(root, arguments).env_remove("GIT_OPTIONAL_LOCKS").with_timeout(FETCH_TIMEOUT);
    succeeded(perform(world, &command).await?, arguments).map(drop)
}

/// What git printed as one line.
pub(super) fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    let text = String::from_utf8(bytes).context("git gave text that is not UTF-8")?;
    Ok(text.trim_end_matches('\n').to_owned())
}

pub(super) async fn perform(world: &World, command: &CommandLine) -> anyhow::Result<Finished> {
    world.run(command).await.map_err(|error| {
        Failure::infrastructure(
            format!("{error:#}"),
            "install git: `apt-get install git`, or your system's way",
        )
    })
}

pub(super) fn succeeded(finished: Finished, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let what = arguments.join(" ");
    anyhow::ensure!(!finished.timed_out, "git {what} did not end in time");
    anyhow::ensure!(
        finished.status.success(),
        "git {what} failed: {}",
        String::from_utf8_lossy(&finished.stderr).trim()
    );
    anyhow::ensure!(finished.stdout.len() < OUTPUT_BYTES_MAX, "git {what} says more than can be read");
    Ok(finished.stdout)
}
