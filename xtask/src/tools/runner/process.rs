//! One test process: in a group of its own, with a deadline, with bounded output, and nothing left behind.

use super::left;
use super::queue::{Message, Messages};
use crate::tools::stream::HeadAndTail;
use crate::world::{CleanEnvironment, CommandLine, Leash, Running, World};
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How long output is still read after a process has ended: a child that it left behind may hold the pipe open.
const DRAIN_MILLIS_MAX: u64 = 500;

/// What a process may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Wall time.
    pub(super) timeout: Duration,
    /// Bytes kept of each end of each output stream.
    pub(super) end_bytes: usize,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// By us, after the deadline.
    TimedOut,
}

/// A process that has ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ended: Ended,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) duration: Duration,
    /// The names of processes that outlived it and were killed.
    pub(super) left_behind: Vec<String>,
}

/// Runs a command to its end, or to its deadline. Whatever is left of its process group, or holds its output open, is killed.
/// Output also goes to `live` as it comes.
///
/// # Errors
/// Where it cannot be started.
pub(super) async fn run(
    world: &World,
    mut command: CommandLine,
    limits: Limits,
    live: Option<&Messages>,
) -> anyhow::Result<Ran> {
    command.clean_environment = CleanEnvironment::Empty;
    let start = world.monotonic();
    let mut child = world.spawn(&command, |prepared| {
        prepared.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let pipes: Vec<u64> =
        [stdout.as_ref().and_then(inode), stderr.as_ref().and_then(inode)].into_iter().flatten().collect();
    let kept = || HeadAndTail::keeping(limits.end_bytes);
    let (mut out, mut err) = (kept(), kept());
    let drained = async { tokio::join!(drain(stdout, &mut out, live), drain(stderr, &mut err, live)) };
    let attended = attend(&mut child, limits.timeout, drained, &pipes).await?;
    Ok(Ran {
        ended: attended.ended,
        stdout: out.text(),
        stderr: err.text(),
        duration: world.monotonic() - start,
        left_behind: attended.left_behind,
    })
}

/// What names a pipe.
fn inode(stream: &impl AsFd) -> Option<u64> {
    rustix::fs::fstat(stream).ok().map(|stat| stat.st_ino)
}

/// A process that was attended to its end.
#[derive(Debug)]
pub(super) struct Attended {
    pub(super) ended: Ended,
    pub(super) left_behind: Vec<String>,
}

/// Waits for a process while its output is read, kills what is left of its group, reads what is left to read, and kills who
/// still holds one of these pipes open then.
///
/// # Errors
/// Where the kernel cannot say how it ended.
pub(super) async fn attend(
    child: &mut Running,
    timeout: Duration,
    reading: impl Future,
    pipes: &[u64],
) -> std::io::Result<Attended> {
    let (leash, leader) = (Leash::of(child), child.id());
    tokio::pin!(reading);
    let mut open = true;
    let waited = tokio::time::timeout(timeout, async {
        loop {
            tokio::select! {
                status = child.wait() => break status,
                _ = &mut reading, if open => open = false,
            }
        }
    });
    let ended = match waited.await {
        Ok(status) => Ended::of(status?),
        Err(_) => Ended::TimedOut,
    };
    // Who is killed at the deadline has no chance to end its children.
    let mut left_behind = if ended == Ended::TimedOut { Vec::new() } else { left::in_group(leader).await };
    drop(leash);
    let drained = Duration::from_millis(DRAIN_MILLIS_MAX);
    if open && tokio::time::timeout(drained, reading).await.is_err() {
        // A process that left the group can still hold the pipe: its output is not waited for.
        left_behind.extend(left::end_writers(pipes));
    }
    if ended == Ended::TimedOut {
        child.wait().await?;
    }
    Ok(Attended { ended, left_behind })
}

impl Limits {
    /// The usual output, and this much time.
    pub(super) fn of_a_test(timeout: Duration) -> Limits {
        Limits { timeout, end_bytes: HeadAndTail::END_BYTES_MAX }
    }
}

impl Ended {
    /// From what the kernel says.
    fn of(status: ExitStatus) -> Ended {
        use std::os::unix::process::ExitStatusExt as _;
        match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Exited(code),
            (None, signal) => Ended::Signalled(signal.unwrap_or_default()),
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Exited(code) => write!(f, "exit status {code}"),
            Ended::Signalled(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "signal {signal} ({name})"),
                None => write!(f, "signal {signal}"),
            },
            Ended::TimedOut => write!(f, "timeout"),
        }
    }
}

/// The signals that end processes in practice; numbers of Linux (signal(7)).
fn signal_name(signal: i32) -> Option<&'static str> {
    let names = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (13, "SIGPIPE"),
        (15, "SIGTERM"),
    ];
    names.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name)
}

async fn drain(stream: Option<impl AsyncRead + Unpin>, into: &mut HeadAndTail, live: Option<&Messages>) {
    let Some(mut stream) = stream else { return };
    let mut chunk = vec![0; 16 * 1024];
    // A pipe that breaks has ended.
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        into.push(&chunk[..read]);
        if let Some(live) = live {
            // Nobody is there to be shown only where the whole run is given up.
            let _ = live.send(Message::Output(chunk[..read].to_vec())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    async fn shell(script: &str, timeout: Duration) -> Ran {
        let world = World::with([].into(), "/".into(), Clock::system());
        let command = CommandLine::new("/bin/sh", ["-c", script]).env("PATH", "/usr/bin:/bin");
        run(&world, command, Limits::of_a_test(timeout), None).await.unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn each_way_to_end_is_told_apart() {
        let ran = shell("echo out; echo err >&2; exit 3", LONG).await;
        let said = (ran.ended, ran.stdout.as_str(), ran.stderr.as_str());
        assert_eq!(said, (Ended::Exited(3), "out\n", "err\n"));
        let aborted = shell("kill -ABRT $$", LONG).await.ended;
        assert_eq!(aborted.to_string(), "signal 6 (SIGABRT)");
        assert_eq!(Ended::Signalled(40).to_string(), "signal 40");
        let hung = shell("echo before; sleep 1000 & wait", Duration::from_millis(200)).await;
        assert_eq!((hung.ended, hung.stdout.as_str()), (Ended::TimedOut, "before\n"));
    }

    #[tokio::test]
    async fn a_child_that_is_left_behind_is_killed_and_not_waited_for() {
        let ran = shell("sleep 1000 & echo $!", LONG).await;
        assert_eq!((ran.ended, ran.left_behind), (Ended::Exited(0), vec!["sleep".to_owned()]));
        let left: i32 = ran.stdout.trim().parse().unwrap();
        // The kernel carries a SIGKILL out in its own time; a child that survives it makes this test hang and fail.
        let alive = || {
            let state = std::fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
            !(state.is_empty() || state.contains(") Z ") || state.contains(") X "))
        };
        while alive() {
            tokio::task::yield_now().await;
        }
        // One that left the group holds the pipe: the run ends all the same, and so does that one.
        let ran = shell("setsid sleep 1000 & exit 0", LONG).await;
        assert_eq!((ran.ended, ran.left_behind), (Ended::Exited(0), vec!["sleep".to_owned()]));
    }

    #[tokio::test]
    async fn a_child_that_ends_with_its_parent_is_not_left_behind() {
        for script in ["true & wait", "sleep 1000 & kill -9 $!", "sleep 0.02 &", "echo a"] {
            let ran = shell(script, LONG).await;
            assert_eq!(
                (ran.ended, ran.left_behind.len()),
                (Ended::Exited(0), 0),
                "{script}: {:?}",
                ran.left_behind
            );
        }
        let hung = shell("sleep 1000 & wait", Duration::from_millis(200)).await;
        assert_eq!((hung.ended, hung.left_behind.len()), (Ended::TimedOut, 0));
    }
}
