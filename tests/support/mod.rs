//! What stories share: workspaces made for one story, releases that were prepared once, clients that count losses.
#![expect(clippy::disallowed_methods, reason = "stories start real processes and use real sockets")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod act;
pub(crate) mod advisory;
pub(crate) mod client;
pub(crate) mod fixture;
pub(crate) mod releases;
pub(crate) mod site;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Longest wait for something that must happen; the policies of the stories promise it far earlier.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The program under test.
pub(crate) const GATELINE: &str = env!("CARGO_BIN_EXE_gateline");

/// The repository that these stories are part of.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the suite lies in the repository").to_owned()
}

/// A partner, in the folder of `setup` or in `PATH`; where it is missing, the test says so and passes, and the suite counts it as skipped.
#[expect(clippy::print_stdout, reason = "this line is how a test says what is missing")]
pub(crate) fn partner(name: &str) -> Option<PathBuf> {
    let own = repository().join("target/gateline/tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = [own].into_iter().chain(std::env::split_paths(&path));
    let found = places.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()));
    if found.is_none() {
        println!("gateline-skip: {name}");
    }
    found
}

/// A key pair in a folder: its private file, and its public line. `None`, told by name, where there is no ssh-keygen.
#[expect(clippy::print_stdout, reason = "this line is how a test says what is missing")]
pub(crate) fn ssh_key(folder: &Path, name: &str) -> Option<(PathBuf, String)> {
    let file = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&file)
        .output();
    let Ok(made) = made else {
        println!("gateline-skip: ssh-keygen is not installed");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let public = std::fs::read_to_string(file.with_extension("pub")).expect("there is a public key");
    Some((file, public.trim().to_owned()))
}

/// The suite, run in a folder with its own state directory, with a declared environment.
pub(crate) fn gateline(folder: &Path, state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(GATELINE);
    command.args(arguments).current_dir(folder).env("GATELINE_STATE", state);
    for inherited in [
        "CI",
        "GATELINE_INSIDE_GATE",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "CARGO_TARGET_DIR",
        "GITHUB_REF",
    ] {
        command.env_remove(inherited);
    }
    command
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ran {
    /// The whole of it, for messages.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON: {error}\n{}", self.all()))
    }

    /// Insists on an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// Insists on words in what was said.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Ran {
        for word in words {
            assert!(
                self.out.contains(word) || self.err.contains(word),
                "{word:?} was not said: {}",
                self.all()
            );
        }
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Whether any file below a folder has the bytes in it.
pub(crate) fn files_with(folder: &Path, bytes: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if memchr_in(&std::fs::read(&path).unwrap_or_default(), bytes.as_bytes()) {
            found.push(path);
        }
    }
    found
}

fn memchr_in(text: &[u8], bytes: &[u8]) -> bool {
    text.windows(bytes.len()).any(|window| window == bytes)
}

/// Runs git in a folder, as nobody in particular.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Story",
            "-c",
            "user.email=story@example.invalid",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(["-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Writes files and commits them as a repository.
pub(crate) fn repository_of(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().expect("a file has a folder")).expect("the folder can be made");
        std::fs::write(file, text).expect("the file can be written");
    }
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "fixture"]);
}

/// Looks until a condition holds; fails with what was seen last.
#[track_caller]
pub(crate) fn eventually<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if start.elapsed() > PATIENCE => panic!("{what} did not come true: {seen}"),
            Err(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Processes whose command line names this folder: supervisors, shims and instances of one story.
pub(crate) fn processes_of(folder: &Path) -> Vec<(u32, String)> {
    let folder = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    entries
        .filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let state = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let zombie = state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
            (line.contains(&folder) && !zombie && id != std::process::id()).then_some((id, line))
        })
        .collect()
}

/// `kill -9`.
pub(crate) fn kill(id: u32) {
    signal(id, rustix::process::Signal::KILL);
}

/// Ctrl-C.
pub(crate) fn interrupt(id: u32) {
    signal(id, rustix::process::Signal::INT);
}

/// Signals a process.
pub(crate) fn signal(id: u32, signal: rustix::process::Signal) {
    let id = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(id, signal).expect("the process is ours");
}
