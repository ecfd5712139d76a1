//! The one door to processes, network, clock, environment and chance (invariant 1 in docs/ARCHITECTURE.md).
//!
//! A `World` is made in `main` and passed first. Commands are values: what `plan` prints is what is run.
//! Reading and writing files is not behind this door: a file in a temporary directory is as testable as any fake.

mod clock;
mod command;
mod network;
mod umask;

pub use clock::Clock;
pub use command::{
    CleanEnvironment, CommandLine, Finished, Leash, OUTPUT_BYTES_MAX, Running, group_lives, kill_group,
    kill_process,
};
pub use umask::Umask;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is outside: the environment as it was at start, the clock, and ways to start processes and use sockets.
#[derive(Clone)]
pub struct World {
    environment: BTreeMap<String, String>,
    directory: PathBuf,
    executable: PathBuf,
    arguments: Vec<String>,
    clock: Clock,
}

impl World {
    /// The real world. Called once, in `main`.
    ///
    /// # Errors
    /// Where the working directory or the own executable cannot be named.
    #[expect(clippy::disallowed_methods, reason = "this is the door itself")]
    pub fn real() -> anyhow::Result<World> {
        use anyhow::Context as _;
        Ok(World {
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            directory: std::env::current_dir().context("failed to name the working directory")?,
            executable: std::env::current_exe().context("failed to name our own executable")?,
            arguments: std::env::args_os().skip(1).filter_map(|word| word.into_string().ok()).collect(),
            clock: Clock::system(),
        })
    }

    /// A world for tests: this environment, this directory, this clock. Processes and sockets stay real.
    pub fn with(environment: BTreeMap<String, String>, directory: PathBuf, clock: Clock) -> World {
        let executable = directory.join("gateline");
        World { environment, directory, executable, arguments: Vec::new(), clock }
    }

    /// The same world with one more variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> World {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same world without a variable.
    #[must_use]
    pub fn without_variable(mut self, name: &str) -> World {
        self.environment.remove(name);
        self
    }

    /// The value of an environment variable; an empty one counts as absent.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether this is a CI system: `CI` is set, and neither to `false` nor to `0`.
    pub fn in_ci(&self) -> bool {
        self.env("CI").is_some_and(|value| !value.eq_ignore_ascii_case("false") && value != "0")
    }

    /// The whole environment, as children inherit it.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The working directory at start.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Our own executable.
    pub fn executable(&self) -> &Path {
        &self.executable
    }

    /// The words that we were started with, the program left out.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The wall clock.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Time since this world began; never goes backwards.
    pub fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Lets time pass.
    pub async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    /// `N` bytes that nobody can guess.
    ///
    /// # Errors
    /// Where the kernel gives no randomness.
    pub fn random<const N: usize>(&self) -> anyhow::Result<[u8; N]> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes)
            .map_err(|error| anyhow::anyhow!("failed to get random bytes: {error}"))?;
        Ok(bytes)
    }

    /// `N` random bytes as lower-case hexadecimal digits.
    ///
    /// # Errors
    /// As [`World::random`].
    pub fn random_hex<const N: usize>(&self) -> anyhow::Result<String> {
        Ok(self.random::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_is_where_the_variable_says_so() {
        let check = |value: &str, expected: bool| {
            let environment = [("CI".to_owned(), value.to_owned())].into();
            assert_eq!(World::with(environment, "/".into(), Clock::system()).in_ci(), expected, "{value:?}");
        };
        ["true", "1", "woodpecker"].iter().for_each(|value| check(value, true));
        ["", "false", "False", "0"].iter().for_each(|value| check(value, false));
        assert!(!World::with([].into(), "/".into(), Clock::system()).in_ci());
    }
}
