//! The shim: one per instance. It owns the instance's log, limits and exit status, and outlives supervisor and deployer.
//!
//! `gateline shim <instance-dir>` reads `spec.json`, holds an exclusive lock on `lock` for its whole life (the proof
//! of life that survives the reuse of process ids), and writes `status.json` and `log`. It ends when the instance ends;
//! SIGTERM to it is "stop the instance": SIGTERM to the instance's process group, then, after the grace, SIGKILL.
//! The instance gets the environment of its spec and nothing else.

mod rootfs;

use super::busy::until_free;
use super::files;
use super::log::RotatingLog;
use crate::exit::Exit;
use crate::platform::protocol::InstanceSpec;
use crate::world::{CleanEnvironment, CommandLine, Running, World, kill_group};
use anyhow::Context as _;
use jiff::Timestamp;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

/// Attempts to take the lock: the supervisor looks at it now and then for an instant.
const LOCK_ATTEMPTS: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(25);
/// How long output of an ended instance is still read (a grandchild may keep the pipe open).
const LAST_OUTPUT: Duration = Duration::from_secs(1);
const PIECE_BYTES: usize = 16 * 1024;
/// Open files of an instance, where the hard limit allows as many.
const OPEN_FILES_MAX: u64 = 65_536;
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What the supervisor tells a shim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShimSpec {
    /// As the deployer asked.
    pub(super) instance: InstanceSpec,
    /// The port that the instance is told to listen on.
    pub(super) port: u16,
    /// What the instance must repeat to prove who it is.
    pub(super) nonce: String,
    /// Its whole environment.
    pub(super) environment: BTreeMap<String, String>,
}

/// What a shim tells the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShimStatus {
    /// The shim's own process.
    pub(super) shim: u32,
    /// The instance's process, and the leader of its group; `None` where it could not be started.
    pub(super) pid: Option<u32>,
    /// When the kernel started that process (`/proc/<pid>/stat`): tells it from a later one with its number.
    pub(super) start_ticks: Option<u64>,
    /// When it was started.
    pub(super) started: Timestamp,
    /// How it ended; `None` while it runs.
    pub(super) ended: Option<String>,
}

/// How long a stop may take; overrides the spec's.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct StopOrder {
    /// From SIGTERM to SIGKILL.
    pub(super) grace_millis: u64,
}

/// The files of an instance's directory.
#[derive(Debug, Clone)]
pub(super) struct InstanceFiles(pub(super) PathBuf);

impl InstanceFiles {
    /// The [`ShimSpec`]; mode 0600, for it has the nonce.
    pub(super) fn spec(&self) -> PathBuf {
        self.0.join("spec.json")
    }

    /// The [`ShimStatus`].
    pub(super) fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }

    /// The [`StopOrder`], if any.
    pub(super) fn stop(&self) -> PathBuf {
        self.0.join("stop.json")
    }

    /// Held by the living shim.
    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// What the instance writes.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

/// Runs one instance to its end.
///
/// # Errors
/// Where the directory cannot be used or another shim holds it. An instance that cannot be started is no error here:
/// its status says so.
pub async fn run(world: &World, directory: &Path) -> anyhow::Result<Exit> {
    // Not possible for the leader of a group: whoever started us by hand stops us by hand.
    let _ = rustix::process::setsid();
    limit().context("failed to set the limits of the instance")?;
    tend(world, directory).await
}

/// [`run`], in the session and with the limits that we have.
async fn tend(world: &World, directory: &Path) -> anyhow::Result<Exit> {
    let files = InstanceFiles(directory.to_owned());
    let _lock = lock(world, &files).await?;
    let spec: ShimSpec = files::read_json(&files.spec())?.context("there is no spec.json")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    let mut status = ShimStatus {
        shim: std::process::id(),
        pid: None,
        start_ticks: None,
        started: world.now(),
        ended: None,
    };
    let (mut child, output) = match until_free(world, || start(world, &spec)).await {
        Ok(started) => started,
        Err(error) => {
            status.ended = Some(format!("{error:#}"));
            files::write_json(&files.status(), &status)?;
            return Ok(Exit::Infrastructure);
        }
    };
    status.pid = child.id();
    status.start_ticks = status.pid.and_then(start_ticks);
    let mut log = match record(&files, &status) {
        Ok(log) => log,
        Err(error) => {
            // Nobody would know of it.
            kill_group(status.pid);
            return Err(error);
        }
    };
    let pump = tokio::spawn(async move { pump(output, &mut log).await });
    let ended = tokio::select! {
        ended = child.wait() => ended,
        _ = terminate.recv() => stop(&mut child, status.pid, grace(&files, &spec)).await,
    };
    // What the instance left behind of its group goes with it.
    kill_group(status.pid);
    let _ = tokio::time::timeout(LAST_OUTPUT, pump).await;
    status.ended = Some(describe(ended.context("failed to wait for the instance")?));
    files::write_json(&files.status(), &status)?;
    Ok(Exit::Done)
}

fn record(files: &InstanceFiles, status: &ShimStatus) -> anyhow::Result<RotatingLog> {
    let log = RotatingLog::open(&files.log()).context("failed to open the log")?;
    files::write_json(&files.status(), status)?;
    Ok(log)
}

async fn lock(world: &World, files: &InstanceFiles) -> anyhow::Result<std::fs::File> {
    for _ in 0..LOCK_ATTEMPTS {
        if let Some(lock) = files::try_lock(&files.lock()).context("failed to lock the instance")? {
            return Ok(lock);
        }
        world.sleep(LOCK_PAUSE).await;
    }
    anyhow::bail!("another shim runs {}", files.0.display())
}

/// Limits that the instance inherits from us.
fn limit() -> rustix::io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none)?;
    let open = rustix::process::getrlimit(Resource::Nofile);
    let most = open.maximum.map_or(OPEN_FILES_MAX, |hard| hard.min(OPEN_FILES_MAX));
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: open.maximum })
}

fn start(world: &World, spec: &ShimSpec) -> anyhow::Result<(Running, pipe::Receiver)> {
    let InstanceSpec { rootfs, command, directory, .. } = &spec.instance;
    let (program, arguments) = command.split_first().context("the image names no entry point")?;
    let (directory, program) = rootfs::locate(rootfs, directory, program)?;
    let mut line = CommandLine::new(program, arguments.iter().cloned()).in_directory(directory);
    line.clean_environment = CleanEnvironment::Empty;
    line = line.env("PATH", SEARCH_PATH);
    for (name, value) in &spec.environment {
        line = line.env(name, value);
    }
    let (reader, writer) = std::io::pipe().context("failed to make a pipe")?;
    let second = writer.try_clone().context("failed to make a pipe")?;
    let child = world.spawn(&line, |command| {
        command.stdout(Stdio::from(writer)).stderr(Stdio::from(second));
    })?;
    let output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).context("failed to read the pipe")?;
    Ok((child, output))
}

/// Copies output into the log to its end. What cannot be written (a full disk) is dropped: it must not block the instance.
async fn pump(mut output: pipe::Receiver, log: &mut RotatingLog) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = output.read(&mut piece).await {
        let _ = log.write_all(&piece[..count]);
    }
}

async fn stop(child: &mut Running, pid: Option<u32>, grace: Duration) -> std::io::Result<ExitStatus> {
    terminate_group(pid);
    if let Ok(ended) = tokio::time::timeout(grace, child.wait()).await {
        return ended;
    }
    kill_group(pid);
    child.wait().await
}

fn grace(files: &InstanceFiles, spec: &ShimSpec) -> Duration {
    let order = files::read_json::<StopOrder>(&files.stop()).ok().flatten();
    Duration::from_millis(order.map_or(spec.instance.stop_grace_millis, |order| order.grace_millis))
}

fn terminate_group(leader: Option<u32>) {
    let group = leader.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        // A group that has ended meanwhile is what we want.
        let _ = rustix::process::kill_process_group(group, Signal::TERM);
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(number)) => format!("signal {number}"),
        (None, None) => "unknown end".to_owned(),
    }
}

/// Field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)); `None` where there is no such process.
pub(super) fn start_ticks(pid: u32) -> Option<u64> {
    stat_field(pid, 22)
}

/// Field 5, the process group.
pub(super) fn process_group(pid: u32) -> Option<u64> {
    stat_field(pid, 5)
}

fn stat_field(pid: u32, number: usize) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, and may have spaces and parentheses itself.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number - 3)?.parse().ok()
}

#[cfg(test)]
mod tests;
