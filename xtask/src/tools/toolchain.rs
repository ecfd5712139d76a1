//! The toolchain: what turns sources into bytes. Another one may give another image, so evidence and caches name it.

use super::identity;
use super::remember::Memory;
use crate::digest::{Digest, Hasher};
use crate::failure::Failure;
use crate::world::{CommandLine, World};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// The next command where Rust is missing.
pub(super) const RUST_HELP: &str = "install Rust: https://rustup.rs";

const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// The versions of everything that has a hand in a binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// `rustc -vV`, all lines.
    pub rustc: String,
    /// `cargo -V`.
    pub cargo: String,
    /// The first lines of `cc --version` and `ld --version`: the driver and the linker.
    pub linker: String,
    /// The first line of `ldd --version`: the libc that a static binary carries.
    pub libc: String,
}

impl Toolchain {
    /// Asks the tools, in a directory whose `rust-toolchain.toml` counts. With a target directory, their answers are kept
    /// there for as long as their files stay the same.
    ///
    /// # Errors
    /// Where a tool is missing or fails; the help says which package has it.
    pub async fn read(world: &World, directory: &Path, target: Option<&Path>) -> anyhow::Result<Toolchain> {
        let asker = Asker::new(world, directory, target);
        let ask = async |program: &str, argument: &str, help: &str| -> anyhow::Result<String> {
            let failed = |why: String| Failure::infrastructure(why, help);
            asker.ask(program, &[argument]).await.map_err(failed)
        };
        let c = "install a C compiler and its linker: apt-get install gcc libc6-dev";
        let (driver, linker) = (ask("cc", "--version", c).await?, ask("ld", "--version", c).await?);
        Ok(Toolchain {
            rustc: ask(world.env("RUSTC").unwrap_or("rustc"), "-vV", RUST_HELP).await?,
            cargo: ask(world.env("CARGO").unwrap_or("cargo"), "-V", RUST_HELP).await?,
            linker: format!("{}; {}", first_line(&driver), first_line(&linker)),
            libc: first_line(&ask("ldd", "--version", "apt-get install libc-bin").await?).to_owned(),
        })
    }

    /// All of it in one digest.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        for part in [&self.rustc, &self.cargo, &self.linker, &self.libc] {
            hasher.field(part.as_bytes());
        }
        hasher.finish()
    }

    /// The target triple of this machine.
    ///
    /// # Errors
    /// Where `rustc -vV` has no `host:` line.
    pub fn host(&self) -> anyhow::Result<&str> {
        self.fact("host").ok_or_else(|| {
            Failure::infrastructure("`rustc -vV` does not name its host", "rustc -vV; reinstall Rust")
        })
    }

    /// The commit of rustc, by which it names its own sources in binaries.
    pub fn rustc_commit(&self) -> Option<&str> {
        self.fact("commit-hash")
    }

    fn fact(&self, name: &str) -> Option<&str> {
        self.rustc.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Asks tools for their versions, and keeps the answers where there is a place for them.
pub(super) struct Asker<'a> {
    world: &'a World,
    directory: &'a Path,
    memory: Option<Memory>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(world: &'a World, directory: &'a Path, target: Option<&Path>) -> Asker<'a> {
        Asker { world, directory, memory: target.map(|target| Memory::in_target(target, "toolchain.json")) }
    }

    /// What a program answers to this question, without the white space around it; else why it did not.
    pub(super) async fn ask(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let command = CommandLine::new(program, arguments.iter().copied())
            .env("LC_ALL", "C")
            .in_directory(self.directory)
            .with_timeout(VERSION_TIMEOUT);
        let ask = async {
            let failed = |why: String| format!("failed to ask `{program} {}`: {why}", arguments.join(" "));
            let finished = self.world.run(&command).await.map_err(|error| failed(format!("{error:#}")))?;
            if finished.timed_out {
                return Err(failed(format!("no answer after {} s", VERSION_TIMEOUT.as_secs())));
            }
            if !finished.status.success() {
                return Err(failed(String::from_utf8_lossy(&finished.stderr).trim().to_owned()));
            }
            Ok(String::from_utf8_lossy(&finished.stdout).trim().to_owned())
        };
        match &self.memory {
            Some(memory) => {
                memory.answer(&command, identity::of(self.world, self.directory, &[program]), ask).await
            }
            None => ask.await,
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::world::Clock;

    fn sample() -> Toolchain {
        Toolchain {
            rustc: "rustc 1.2.3\nbinary: rustc\ncommit-hash: abc\nhost: x86_64-unknown-linux-gnu".to_owned(),
            cargo: "cargo 1.2.3".to_owned(),
            linker: "cc 1; ld 2".to_owned(),
            libc: "ldd 2.36".to_owned(),
        }
    }

    #[test]
    fn every_part_counts() {
        let base = sample();
        let others = [
            Toolchain { rustc: "x".to_owned(), ..sample() },
            Toolchain { cargo: "x".to_owned(), ..sample() },
            Toolchain { linker: "x".to_owned(), ..sample() },
            Toolchain { libc: "x".to_owned(), ..sample() },
        ];
        assert!(others.iter().all(|other| other.digest() != base.digest()));
        assert_eq!(base.digest(), sample().digest());
    }

    #[test]
    fn facts_are_read_from_the_lines() {
        assert_eq!(sample().host().unwrap(), "x86_64-unknown-linux-gnu");
        assert_eq!(sample().rustc_commit(), Some("abc"));
        let empty = Toolchain { rustc: String::new(), ..sample() };
        assert!(empty.host().is_err());
    }

    #[tokio::test]
    async fn this_machines_tools_answer() {
        let toolchain = Toolchain::read(&World::real().unwrap(), Path::new("/"), None).await.unwrap();
        assert!(toolchain.host().unwrap().contains("linux"), "{toolchain:?}");
        assert!(toolchain.linker.contains("; "), "{}", toolchain.linker);
    }

    #[tokio::test]
    async fn a_missing_tool_is_named_with_help() {
        let environment = [("PATH".to_owned(), "/nowhere".to_owned())].into();
        let world = World::with(environment, "/".into(), Clock::system());
        let error = Toolchain::read(&world, Path::new("/"), None).await.unwrap_err();
        assert!(error.to_string().contains("cc --version"), "{error}");
        assert_eq!(Failure::exit_of(&error), Exit::Infrastructure);
        assert!(Failure::help_of(&error).is_some_and(|help| help.contains("apt-get")));
    }
}
