//! The toolchain: what turns sources into bytes. Another one may give another image, so evidence and caches name it.

use crate::digest::{Digest, Hasher};
use crate::failure::Failure;
use crate::world::{CommandLine, World};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

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
    /// Asks the tools, in a directory whose `rust-toolchain.toml` counts.
    ///
    /// # Errors
    /// Where a tool is missing or fails; the help says which package has it.
    pub async fn read(world: &World, directory: &Path) -> anyhow::Result<Toolchain> {
        let ask = async |program: &str, argument: &str, help: &str| -> anyhow::Result<String> {
            let command = CommandLine::new(program, [argument])
                .env("LC_ALL", "C")
                .in_directory(directory)
                .with_timeout(VERSION_TIMEOUT);
            let failed = |why: String| {
                Failure::infrastructure(format!("failed to ask `{program} {argument}`: {why}"), help)
            };
            let finished = world.run(&command).await.map_err(|error| failed(format!("{error:#}")))?;
            if !finished.status.success() {
                return Err(failed(String::from_utf8_lossy(&finished.stderr).trim().to_owned()));
            }
            Ok(String::from_utf8_lossy(&finished.stdout).trim().to_owned())
        };
        let rust = "install Rust: https://rustup.rs";
        let c = "install a C compiler and its linker: apt-get install gcc libc6-dev";
        let (driver, linker) = (ask("cc", "--version", c).await?, ask("ld", "--version", c).await?);
        Ok(Toolchain {
            rustc: ask("rustc", "-vV", rust).await?,
            cargo: ask(world.env("CARGO").unwrap_or("cargo"), "-V", rust).await?,
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
        let toolchain = Toolchain::read(&World::real().unwrap(), Path::new("/")).await.unwrap();
        assert!(toolchain.host().unwrap().contains("linux"), "{toolchain:?}");
        assert!(toolchain.linker.contains("; "), "{}", toolchain.linker);
    }

    #[tokio::test]
    async fn a_missing_tool_is_named_with_help() {
        let environment = [("PATH".to_owned(), "/nowhere".to_owned())].into();
        let world = World::with(environment, "/".into(), Clock::system());
        let error = Toolchain::read(&world, Path::new("/")).await.unwrap_err();
        assert!(error.to_string().contains("cc --version"), "{error}");
        assert_eq!(Failure::exit_of(&error), Exit::Infrastructure);
        assert!(Failure::help_of(&error).is_some_and(|help| help.contains("apt-get")));
    }
}
