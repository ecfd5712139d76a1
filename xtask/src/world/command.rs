//! Commands as values, and how they are run: in a process group of their own, with a deadline, with bounded output.

use super::World;
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// Output kept of one stream of one command; what is beyond is read and dropped, and `truncated` says so.
pub const OUTPUT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A command before it is run. `Display` prints what a person would paste into a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program: a path, or a name to be found in `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables set (`Some`) or removed (`None`) on top of the world's environment.
    pub environment: BTreeMap<String, Option<String>>,
    /// Start with an empty environment instead of the world's.
    pub clean_environment: CleanEnvironment,
    /// Where it runs; the world's directory where `None`.
    pub directory: Option<PathBuf>,
    /// Bytes for its standard input; nothing where empty.
    pub input: Vec<u8>,
    /// After this long, the whole process group is killed.
    pub timeout: Option<Duration>,
}

/// Variables that begin so are for this program alone: a token for GitHub, an App's key.
const OWN_SECRETS: &str = "GATELINE_GITHUB_";

/// Whether a command inherits the world's environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CleanEnvironment {
    /// The world's environment without our own secrets (`GATELINE_GITHUB_…`), with the command's changes: a build script of a
    /// change is foreign code.
    #[default]
    Inherit,
    /// The same with our own secrets: for this program itself.
    InheritAll,
    /// Only what the command sets.
    Empty,
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit status; `None` of the code where a signal ended it.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Wall time.
    pub duration: Duration,
    /// Whether the deadline ended it.
    pub timed_out: bool,
}

/// A process that runs, leader of its own process group.
pub type Running = tokio::process::Child;

impl CommandLine {
    /// A command with these arguments.
    pub fn new<S: Into<String>>(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = S>,
    ) -> CommandLine {
        CommandLine {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: BTreeMap::new(),
            clean_environment: CleanEnvironment::Inherit,
            directory: None,
            input: Vec::new(),
            timeout: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> CommandLine {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> CommandLine {
        self.environment.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<String>) -> CommandLine {
        self.environment.insert(name.into(), None);
        self
    }

    /// Runs it there.
    #[must_use]
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> CommandLine {
        self.directory = Some(directory.into());
        self
    }

    /// Kills it after this long.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> CommandLine {
        self.timeout = Some(timeout);
        self
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door itself")]
    fn prepare(&self, world: &World) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        let ours = |name: &str| name.starts_with(OWN_SECRETS);
        match self.clean_environment {
            CleanEnvironment::Inherit => {
                command.envs(world.environment().iter().filter(|(name, _)| !ours(name)));
            }
            CleanEnvironment::InheritAll => {
                command.envs(world.environment());
            }
            CleanEnvironment::Empty => {}
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(self.directory.as_deref().unwrap_or(world.directory()));
        command.process_group(0);
        command
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            if let Some(value) = value {
                write!(f, "{name}={} ", quoted(value))?;
            }
        }
        write!(f, "{}", quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

impl CommandLine {
    /// The line that does the same where it is pasted into a shell that stands in `here`, with this world's environment.
    /// Standard input and the deadline are left out: a person ends what takes too long.
    pub fn for_a_shell(&self, world: &World, here: &Path) -> String {
        let is_name = |name: &str| {
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        let mut env: Vec<String> = Vec::new();
        let mut through_env = self.clean_environment == CleanEnvironment::Empty;
        if through_env {
            env.push("-i".to_owned());
        }
        for (name, value) in &self.environment {
            match value {
                // A shell has no other way to hand over a name with a hyphen.
                Some(value) => {
                    through_env |= !is_name(name);
                    env.push(format!("{}={}", quoted(name), quoted(value)));
                }
                None if world.environment().contains_key(name)
                    && self.clean_environment == CleanEnvironment::Inherit =>
                {
                    through_env = true;
                    env.push(format!("-u {}", quoted(name)));
                }
                None => {}
            }
        }
        // `env` wants its options first.
        env.sort_by_key(|word| !word.starts_with('-'));
        let mut words = if through_env { vec!["env".to_owned()] } else { Vec::new() };
        words.extend(env);
        words.push(quoted(&self.program));
        words.extend(self.arguments.iter().map(|argument| quoted(argument)));
        let line = words.join(" ");
        match self.directory.as_deref().filter(|directory| *directory != here) {
            Some(elsewhere) => format!("(cd {} && {line})", quoted(&elsewhere.to_string_lossy())),
            None => line,
        }
    }
}

/// A word as a POSIX shell wants it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

impl World {
    /// Runs a command to its end and keeps what it wrote.
    ///
    /// # Errors
    /// Where the program cannot be started. A non-zero exit status is a value, not an error.
    pub async fn run(&self, command: &CommandLine) -> anyhow::Result<Finished> {
        let start = self.monotonic();
        let mut prepared = command.prepare(self);
        let stdin = if command.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        prepared.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = prepared.spawn().with_context(|| format!("failed to start `{}`", command.program))?;
        let leash = Leash::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let work = async {
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // A program that does not read its input to the end is no error of ours.
                    let _ = stdin.write_all(&command.input).await;
                }
            };
            let ((), stdout, stderr, status) =
                tokio::join!(feed, bounded(stdout), bounded(stderr), child.wait());
            anyhow::Ok((stdout?, stderr?, status?))
        };
        let limit = command.timeout.unwrap_or(Duration::MAX);
        match tokio::time::timeout(limit, work).await {
            Ok(done) => {
                let (stdout, stderr, status) = done.with_context(|| format!("failed to run `{command}`"))?;
                Ok(Finished { status, stdout, stderr, duration: self.monotonic() - start, timed_out: false })
            }
            Err(_) => {
                drop(leash);
                let status = child.wait().await?;
                let duration = self.monotonic() - start;
                Ok(Finished { status, stdout: Vec::new(), stderr: Vec::new(), duration, timed_out: true })
            }
        }
    }

    /// Starts a process whose streams the caller has chosen through `configure`.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn spawn(
        &self,
        command: &CommandLine,
        configure: impl FnOnce(&mut tokio::process::Command),
    ) -> anyhow::Result<Running> {
        let mut prepared = command.prepare(self);
        prepared.stdin(Stdio::null());
        configure(&mut prepared);
        prepared.spawn().with_context(|| format!("failed to start `{}`", command.program))
    }
}

/// Kills a process group when dropped: a command that is given up, by a deadline or by Ctrl-C, leaves nothing behind.
#[derive(Debug)]
pub struct Leash(Option<u32>);

impl Leash {
    /// The group that this process leads.
    pub fn of(child: &Running) -> Leash {
        Leash(child.id())
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        kill_group(self.0);
    }
}

/// Kills a whole process group that we started; one that has already ended is no error.
pub fn kill_group(leader: Option<u32>) {
    let group = leader.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Whether any process of a group is there, one that has ended and was not waited for included.
pub fn group_lives(leader: u32) -> bool {
    let group = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw);
    group.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
}

/// Kills one process that something which we started has left behind; one that has already ended is no error.
pub fn kill_process(id: u32) {
    if let Some(process) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    }
}

async fn bounded(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(OUTPUT_BYTES_MAX as u64).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    fn world() -> World {
        let path = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        World::with(path, "/".into(), Clock::system())
    }

    fn run(command: &CommandLine) -> anyhow::Result<Finished> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(world().run(command))
    }

    #[test]
    fn output_status_and_input_come_back() {
        let mut command = CommandLine::new("sh", ["-c", "cat; echo err >&2; exit 3"]);
        command.input = b"in".to_vec();
        let finished = run(&command).unwrap();
        assert_eq!((finished.stdout.as_slice(), finished.stderr.as_slice()), (&b"in"[..], &b"err\n"[..]));
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn the_deadline_ends_the_whole_group() {
        let command =
            CommandLine::new("sh", ["-c", "sleep 1000 & wait"]).with_timeout(Duration::from_millis(50));
        assert!(run(&command).unwrap().timed_out);
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&CommandLine::new("no-such-program", [""; 0])).unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }

    /// What a shell makes of the line is what the command does when it is run.
    #[test]
    fn a_line_for_a_shell_does_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = directory.path().join("it's a wörkspace");
        std::fs::create_dir(&elsewhere).unwrap();
        let path = ("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        let world =
            World::with([path, ("GONE".to_owned(), "x".to_owned())].into(), "/".into(), Clock::system());
        let script = "pwd; env | grep -E '^(A|GONE|a-b)=' | sort; printf '<%s>' \"$@\"";
        let plain = CommandLine::new("sh", ["-c", script, "sh", "", "it's", "$HOME\n*"]);
        let changed = plain.clone().env("A", "x 'y'").env_remove("GONE").env_remove("NEVER");
        let hyphen = changed.clone().env("a-b", "1").in_directory(&elsewhere);
        let clean =
            CommandLine { clean_environment: CleanEnvironment::Empty, ..changed.clone().env("PATH", "/bin") };
        for command in [plain, changed, hyphen, clean] {
            let line = command.for_a_shell(&world, Path::new("/"));
            assert!(!line.contains("NEVER"), "{line}");
            let pasted = CommandLine::new("sh", ["-c", line.as_str()]);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let said =
                |command| String::from_utf8(runtime.block_on(world.run(command)).unwrap().stdout).unwrap();
            let (expected, pasted) = (said(&command), said(&pasted));
            assert_eq!(pasted, expected, "{line}");
            assert!(expected.contains("<it's>"), "{expected}");
        }
    }

    #[test]
    fn our_own_secrets_are_for_ourselves_alone() {
        let variables = [("GATELINE_GITHUB_TOKEN".to_owned(), "ghs_secret".to_owned())];
        let world = World::with(variables.into(), "/".into(), Clock::system());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut command = CommandLine::new("/bin/sh", ["-c", "echo \"<$GATELINE_GITHUB_TOKEN>\""]);
        assert_eq!(runtime.block_on(world.run(&command)).unwrap().stdout, b"<>\n");
        command.clean_environment = CleanEnvironment::InheritAll;
        assert_eq!(runtime.block_on(world.run(&command)).unwrap().stdout, b"<ghs_secret>\n");
    }

    #[test]
    fn the_environment_is_what_was_asked_for() {
        let command = CommandLine::new("sh", ["-c", "echo $A-$PATH"]).env("A", "x y").env_remove("PATH");
        let printed = run(&CommandLine::new("/bin/sh", ["-c", "echo $A"]).env("A", "x y")).unwrap().stdout;
        assert_eq!(printed, b"x y\n");
        assert_eq!(command.to_string(), "A='x y' sh -c 'echo $A-$PATH'");
    }
}
