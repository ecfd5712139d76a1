//! Making sure that a supervisor runs, and taking it down.
//!
//! It is started from a copy of our executable (the gates rebuild ours under its feet), in a session of its own and with
//! no stream of ours, so that `ship` in a pipe ends when it ends.

use super::{CallError, Client};
use crate::digest::Digest;
use crate::failure::Failure;
use crate::platform::local::busy::until_free;
use crate::platform::local::files;
use crate::platform::local::log::tail;
use crate::platform::local::paths::{self, Layout};
use crate::platform::local::supervisor::digest_of;
use crate::platform::protocol::Request;
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// How long a supervisor may take until it answers (adopting asks every instance once).
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long one that is there may take until it answers.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
/// How long it may take to end once it has said that it does.
const END_DEADLINE: Duration = Duration::from_secs(30);
/// How often a supervisor may end under our hands before we start our own.
const ATTEMPTS_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);
/// Lines of its log in an error.
const LOG_LINES: usize = 10;

/// Connects to the supervisor of a state directory; starts it where none runs.
///
/// # Errors
/// Where the state directory cannot be written, or the supervisor ends at its start: the error has its last lines.
pub async fn ensure_up(world: &World, state: &Path) -> anyhow::Result<Client> {
    if !files::is_locked(&Layout(state.to_owned()).lock()) {
        paths::prepare_state(state)?;
    }
    let state = state.canonicalize().context("failed to name the state directory")?;
    let layout = Layout(state.clone());
    for _ in 0..ATTEMPTS_MAX {
        if !files::is_locked(&layout.lock()) {
            break;
        }
        match wait(world, &layout, None, START_DEADLINE).await {
            // It ended while we spoke to it.
            Err(_) if !files::is_locked(&layout.lock()) => {}
            result => return result,
        }
    }
    let executable = copy_executable(world, &layout)?;
    let child = until_free(world, || spawn(world, &layout, &executable)).await?;
    wait(world, &layout, Some(child), START_DEADLINE).await
}

/// Connects to the supervisor of a state directory; `None` where none runs.
///
/// # Errors
/// Where one runs and does not answer: it hangs, is stopped, or speaks another protocol.
pub async fn find(world: &World, state: &Path) -> anyhow::Result<Option<Client>> {
    let layout = Layout(state.to_owned());
    if !files::is_locked(&layout.lock()) {
        return Ok(None);
    }
    match wait(world, &layout, None, ANSWER_DEADLINE).await {
        // It ended while we spoke to it.
        Err(_) if !files::is_locked(&layout.lock()) => Ok(None),
        found => found.map(Some),
    }
}

/// Stops the supervisor of a state directory, with its instances where `request` says so. Nothing to do where none runs.
///
/// # Errors
/// Where it does not end in time.
pub async fn down(world: &World, state: &Path, request: Request) -> anyhow::Result<()> {
    let layout = Layout(state.to_owned());
    let Some(client) = find(world, state).await? else { return Ok(()) };
    match client.call(request).await {
        Ok(_) | Err(CallError::Lost) => {}
        Err(CallError::Refused(refusal)) => {
            return Err(Failure::infrastructure(refusal.message, refusal.help));
        }
        Err(error) => return Err(Failure::infrastructure(error.to_string(), "cargo xtask local status")),
    }
    drop(client);
    let deadline = world.monotonic() + END_DEADLINE;
    while files::is_locked(&layout.lock()) {
        if world.monotonic() >= deadline {
            return Err(Failure::infrastructure(
                "the supervisor does not end",
                format!("see {}; {}", layout.log().display(), replace(&layout)),
            ));
        }
        world.sleep(PAUSE).await;
    }
    Ok(())
}

/// Tries until the supervisor answers. Should the one that we started end because another one was faster, that one counts.
async fn wait(
    world: &World,
    layout: &Layout,
    mut child: Option<crate::world::Running>,
    patience: Duration,
) -> anyhow::Result<Client> {
    let deadline = world.monotonic() + patience;
    loop {
        let error = match Client::connect(world, &layout.0).await {
            Ok(client) => {
                if let Some(mut child) = child {
                    // Reaped when it ends, should we live so long.
                    tokio::spawn(async move { child.wait().await });
                }
                return Ok(client);
            }
            Err(error) => error,
        };
        let has_ended = match &mut child {
            Some(child) => child.try_wait().context("failed to watch the supervisor")?.is_some(),
            None => true,
        };
        let is_alone = has_ended && !files::is_locked(&layout.lock());
        if is_alone {
            return Err(start_failure(layout, &error));
        }
        if world.monotonic() >= deadline {
            return Err(unanswered(layout, &error));
        }
        world.sleep(PAUSE).await;
    }
}

fn start_failure(layout: &Layout, error: &anyhow::Error) -> anyhow::Error {
    let (stderr, log) = (tail(&layout.stderr(), LOG_LINES), tail(&layout.log(), LOG_LINES));
    let words = if stderr.is_empty() { log } else { stderr };
    Failure::infrastructure(
        format!("the supervisor does not answer: {error:#}\n{words}"),
        format!("see {}, then cargo xtask local up", layout.log().display()),
    )
}

/// One holds the lock, and says nothing.
fn unanswered(layout: &Layout, error: &anyhow::Error) -> anyhow::Error {
    let words = tail(&layout.log(), LOG_LINES);
    Failure::infrastructure(
        format!("the supervisor (process {}) runs and does not answer: {error:#}\n{words}", holder(layout)),
        format!("`kill -CONT {}` should it be stopped; else {}", holder(layout), replace(layout)),
    )
}

/// How another supervisor takes the place of one that hangs.
fn replace(layout: &Layout) -> String {
    format!("`kill -9 {}` (its instances go on), then cargo xtask local up", holder(layout))
}

/// The process that holds the lock.
fn holder(layout: &Layout) -> String {
    std::fs::read_to_string(layout.lock()).unwrap_or_default().trim().to_owned()
}

/// A copy of our executable, named by its digest; one that is there already is used again.
fn copy_executable(world: &World, layout: &Layout) -> anyhow::Result<PathBuf> {
    let digest: Digest = digest_of(world.executable())?.parse().map_err(anyhow::Error::msg)?;
    let directory = layout.executables();
    let path = directory.join(format!("gateline-{}", digest.short()));
    if path.exists() {
        return Ok(path);
    }
    let copy = || -> anyhow::Result<()> {
        files::create_private_directory(&directory)?;
        let beside = tempfile::NamedTempFile::new_in(&directory)?;
        std::fs::copy(world.executable(), beside.path())?;
        std::fs::set_permissions(beside.path(), std::fs::Permissions::from_mode(0o700))?;
        // Closed before it is renamed: a file that is open for writing cannot be executed.
        beside.into_temp_path().persist(&path)?;
        Ok(())
    };
    copy().with_context(|| format!("failed to copy our executable to {}", path.display()))?;
    Ok(path)
}

fn spawn(world: &World, layout: &Layout, executable: &Path) -> anyhow::Result<crate::world::Running> {
    let stderr = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(layout.stderr())
        .with_context(|| format!("failed to open {}", layout.stderr().display()))?;
    let line = CommandLine::new(executable.display().to_string(), ["supervise"])
        .arg(layout.0.display().to_string())
        .in_directory(&layout.0);
    world.spawn(&line, |command| {
        // It leaves our group for a session of its own at once.
        command.process_group(rustix::process::getpgrp().as_raw_nonzero().get());
        command.stdout(Stdio::null()).stderr(Stdio::from(stderr));
    })
}
