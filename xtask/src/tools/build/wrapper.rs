//! The compiler wrapper that makes one compilation serve lint, tests, coverage and doctests.
//!
//! Cargo runs it for workspace members only. Build scripts and proc-macros are not instrumented: they run inside the
//! compilation, which does not happen on a warm build, so that their counts would depend on the cache. A proc-macro's
//! unit tests are instrumented as any test.
//! Cargo does not see the flags inside the script, so its path carries their hash: other flags, other path, other
//! fingerprint.
//! It is a bash script: dash would drop `CARGO_BIN_EXE_some-name` from the environment, because of the hyphen, and
//! integration tests of a package with such a name would not compile.

use crate::digest::Digest;
use crate::tools::cargo::Toolchain;
use anyhow::Context as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What members are compiled with besides what cargo asks for. Deny-level lints must not stop the build: their level is
/// judged from the policy.
pub(crate) const FLAGS: &str = "--cap-lints=warn";
/// What makes a binary count its lines, and lets it count into a mapped file while it runs (`%c` in `LLVM_PROFILE_FILE`):
/// a process that a signal ends keeps its counts (docs/decisions/0012-*.md).
pub(crate) const COVERAGE_FLAGS: &str = "-Cinstrument-coverage -Cllvm-args=-runtime-counter-relocation=true";

/// What members are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Lint, tests and coverage at once.
    Shared,
    /// Lint alone.
    Lint,
    /// Tests and coverage alone.
    Tests,
}

/// Writes the wrapper below `<target>/gateline/wrapper/<hash of its text>/` and gives its path.
///
/// # Errors
/// Where the target directory cannot be written.
pub(crate) fn install(
    target_directory: &Path,
    toolchain: &Toolchain,
    purpose: Purpose,
) -> anyhow::Result<PathBuf> {
    let driver = toolchain.clippy_driver.as_deref().filter(|_| purpose != Purpose::Tests);
    let coverage = if purpose == Purpose::Lint { "" } else { COVERAGE_FLAGS };
    let text = script(driver, coverage);
    let hash = Digest::of(text.as_bytes());
    let directory = target_directory.join("gateline/wrapper").join(hash.short());
    write_script(&directory, "rustc-wrapper", &text)
}

/// Writes an executable script, unless it is there already with this text.
pub(crate) fn write_script(directory: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = directory.join(name);
    if std::fs::read(&path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(path);
    }
    let context = || format!("failed to write {}", path.display());
    std::fs::create_dir_all(directory).with_context(context)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).with_context(context)?;
    file.write_all(text.as_bytes()).with_context(context)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o755)).with_context(context)?;
    file.persist(&path).with_context(context)?;
    Ok(path)
}

/// The script. Cargo calls it as `wrapper RUSTC ARGUMENTS…`, which is how clippy-driver wants to be called too.
fn script(clippy_driver: Option<&Path>, coverage: &str) -> String {
    let driver = clippy_driver.map_or_else(String::new, |path| shell_word(&path.to_string_lossy()) + " ");
    format!(
        r#"#!/usr/bin/env bash
# Written by gateline: compiles a workspace member once for lint, tests, coverage and doctests.
coverage=({coverage})
previous=
for argument do
  case "$previous $argument" in
    "--crate-name build_script_"* | "--crate-type proc-macro") coverage=() ;;
  esac
  previous=$argument
done
exec {driver}"$@" {FLAGS} "${{coverage[@]}}"
"#
    )
}

/// A word as a POSIX shell reads it back unchanged.
pub(crate) fn shell_word(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Clock, CommandLine, World};

    fn toolchain(driver: Option<&Path>) -> Toolchain {
        Toolchain {
            rustc: String::new(),
            host: String::new(),
            sysroot: PathBuf::new(),
            clippy_driver: driver.map(Path::to_path_buf),
        }
    }

    async fn called(arguments: &[&str]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let driver = "#!/usr/bin/env bash\necho \"$@\"; env | grep hyphen\n";
        let driver = write_script(&directory.path().join("it's here"), "driver", driver);
        let wrapper = install(directory.path(), &toolchain(Some(&driver.unwrap())), Purpose::Shared).unwrap();
        let environment = [("PATH", "/usr/bin:/bin"), ("CARGO_BIN_EXE_a-hyphen", "kept")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let world = World::with(environment.into(), directory.path().to_path_buf(), Clock::system());
        let command = CommandLine::new(wrapper.to_string_lossy(), arguments.iter().copied());
        let said = String::from_utf8(world.run(&command).await.unwrap().stdout).unwrap();
        said.strip_suffix("CARGO_BIN_EXE_a-hyphen=kept\n").expect("cargo's variables come through").to_owned()
    }

    #[tokio::test]
    async fn only_what_runs_inside_the_compilation_is_left_uninstrumented() {
        let both = format!("--cap-lints=warn {COVERAGE_FLAGS}\n");
        let lib = called(&["rustc", "--crate-name", "a", "--crate-type", "lib"]).await;
        assert_eq!(lib, format!("rustc --crate-name a --crate-type lib {both}"));
        assert!(called(&["rustc", "--crate-name", "a", "--test"]).await.ends_with(&both));
        for inside in [["--crate-name", "build_script_build"], ["--crate-type", "proc-macro"]] {
            let line = called(&["rustc", inside[0], inside[1]]).await;
            assert!(line.ends_with("--cap-lints=warn\n"), "{line}");
        }
    }

    #[test]
    fn other_flags_have_another_path() {
        let directory = tempfile::tempdir().unwrap();
        let at = |driver, purpose| install(directory.path(), &toolchain(driver), purpose).unwrap();
        let clippy = Some(Path::new("/c"));
        let paths: std::collections::BTreeSet<_> =
            [at(None, Purpose::Shared), at(clippy, Purpose::Shared), at(clippy, Purpose::Lint)].into();
        assert_eq!(paths.len(), 3);
        assert_eq!(at(None, Purpose::Shared), at(clippy, Purpose::Tests), "tests alone need no clippy");
        let unwritable = install(Path::new("/proc/nowhere"), &toolchain(None), Purpose::Shared).unwrap_err();
        assert!(unwritable.to_string().contains("/proc/nowhere"));
    }
}
