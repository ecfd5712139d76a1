//! The compiler wrapper that makes one compilation serve lint, tests, coverage and doctests.
//!
//! Cargo runs it for workspace members only. Build scripts and proc-macros are not instrumented: they run inside the
//! compilation, which does not happen on a warm build, so that their counts would depend on the cache. A proc-macro's
//! unit tests are instrumented as any test.
//! Cargo does not see the flags inside the script, so its path carries their hash: other flags, other path, other
//! fingerprint.
//! A target that the policy leaves out is not compiled: the wrapper writes a program that says so where cargo expects one,
//! which keeps cargo's record of what is fresh right. Nobody runs it, but a test of a program that is left out.
//! It is a bash script: dash would drop `CARGO_BIN_EXE_some-name` from the environment, because of the hyphen, and
//! integration tests of a package with such a name would not compile.

use crate::digest::Digest;
use crate::tools::cargo::{Cargo, Omitted};
use anyhow::Context as _;
use std::fmt::Write as _;
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
    /// Tests and coverage alone, with the compiler of `Shared`: what is compiled serves it too.
    TestsOfShared,
    /// Lint alone.
    Lint,
    /// Tests and coverage alone.
    Tests,
}

/// Writes the wrapper below `<target>/gateline/wrapper/<hash of its text>/` and gives its path.
///
/// # Errors
/// Where the target directory cannot be written.
pub(crate) fn install(cargo: &Cargo, purpose: Purpose) -> anyhow::Result<PathBuf> {
    let driver = cargo.toolchain.clippy_driver.as_deref().filter(|_| purpose != Purpose::Tests);
    let coverage = if purpose == Purpose::Lint { "" } else { COVERAGE_FLAGS };
    write_hashed(cargo, &script(driver, coverage, &cargo.omitted()))
}

/// The same for a compiler that is not ours to give flags; `None` where nothing is left out.
pub(super) fn leaving_out(cargo: &Cargo) -> anyhow::Result<Option<PathBuf>> {
    let omitted = cargo.omitted();
    if omitted.is_empty() {
        return Ok(None);
    }
    write_hashed(cargo, &script(None, "", &omitted)).map(Some)
}

fn write_hashed(cargo: &Cargo, text: &str) -> anyhow::Result<PathBuf> {
    let hash = Digest::of(text.as_bytes());
    let directory = cargo.target_directory.join("gateline/wrapper").join(hash.short());
    write_script(&directory, "rustc-wrapper", text)
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
fn script(clippy_driver: Option<&Path>, coverage: &str, omitted: &[Omitted]) -> String {
    let omit = omitting(omitted);
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
{omit}exec {driver}"$@" {FLAGS} "${{coverage[@]}}"
"#
    )
}

/// The part of the script that answers for what is left out. The list of what a program was made from is empty, so that cargo
/// never asks again. A program fails where a test starts it; in place of tests stands one that says so and has nothing to fail.
fn omitting(omitted: &[Omitted]) -> String {
    if omitted.is_empty() {
        return String::new();
    }
    let mut cases = String::new();
    for one in omitted {
        let pattern = |source| shell_word(&format!("{} {} {source}", one.package, one.crate_name));
        let patterns = one.sources.iter().map(pattern).collect::<Vec<_>>().join(" | ");
        let said = format!("{} is left out by policies/tests.yaml: it was not compiled", one.name);
        let code = if one.is_program { 126 } else { 0 };
        // Writing to a String cannot fail.
        let _ = writeln!(cases, "    {patterns}) said={} code={code} ;;", shell_word(&shell_word(&said)));
    }
    format!(
        r#"name= directory= extra= emit= previous= said= code= test=
for argument do
  case "$previous $argument" in
    "--crate-name "*) name=$argument ;;
    "--out-dir "*) directory=$argument ;;
    "-C extra-filename="*) extra=${{argument#extra-filename=}} ;;
    *" --emit="*) emit=,${{argument#--emit=}}, ;;
    *" --test") test=1 ;;
  esac
  previous=$argument
done
for argument do
  case "$CARGO_PKG_NAME $name $argument" in
{cases}  esac
done
if [[ $said ]]; then
  made=$directory/$name$extra
  if [[ $test ]]; then code=0; fi
  if [[ $emit == *,metadata,* ]]; then : > "$directory/lib$name$extra.rmeta"; fi
  if [[ $emit == *,link,* ]]; then
    rm -f "$made"
    printf '#!/bin/sh\necho %s >&2\nexit %s\n' "$said" "$code" > "$made"
    chmod +x "$made"
  fi
  printf '%s:\n' "${{made// /\\ }}" > "$made.d"
  exit 0
fi
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
    use crate::tools::cargo::{Network, Toolchain};
    use crate::world::{Clock, CommandLine, World};

    /// A workspace in this folder, whose clippy this is.
    fn cargo(root: &Path, driver: Option<&Path>) -> Cargo {
        let toolchain = Toolchain {
            rustc: String::new(),
            host: String::new(),
            sysroot: PathBuf::new(),
            clippy_driver: driver.map(Path::to_path_buf),
        };
        Cargo::known(root.to_path_buf(), vec![], toolchain, Network::Offline)
    }

    async fn called(arguments: &[&str]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let driver = "#!/usr/bin/env bash\necho \"$@\"; env | grep hyphen\n";
        let driver = write_script(&directory.path().join("it's here"), "driver", driver);
        let wrapper = install(&cargo(directory.path(), Some(&driver.unwrap())), Purpose::Shared).unwrap();
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

    #[tokio::test]
    async fn what_is_left_out_is_a_program_that_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let omitted = Omitted {
            name: "p's::bench/b-c".to_owned(),
            package: "p's".to_owned(),
            crate_name: "b_c".to_owned(),
            sources: ["benches/b.rs".to_owned(), "/w/benches/b.rs".to_owned()],
            is_program: true,
        };
        let path = write_script(directory.path(), "wrapper", &script(None, "", &[omitted])).unwrap();
        let ask = async |package: &str, name: &str, source: &str, emit: &str| {
            let environment = [("PATH", "/usr/bin:/bin"), ("CARGO_PKG_NAME", package)];
            let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let world = World::with(environment.into(), directory.path().to_path_buf(), Clock::system());
            let out = directory.path().to_string_lossy().into_owned();
            let emit = format!("--emit={emit}");
            let arguments =
                ["echo", "--crate-name", name, source, &emit, "-C", "extra-filename=-7", "--out-dir", &out];
            let ran = world.run(&CommandLine::new(path.to_string_lossy(), arguments)).await.unwrap();
            !String::from_utf8(ran.stdout).unwrap().contains("--crate-name")
        };
        assert!(!ask("q", "b_c", "benches/b.rs", "link").await, "another package's");
        assert!(!ask("p's", "d", "benches/b.rs", "link").await, "another target of the same file");
        assert!(ask("p's", "b_c", "/w/benches/b.rs", "dep-info,metadata").await);
        assert!(
            directory.path().join("libb_c-7.rmeta").is_file() && !directory.path().join("b_c-7").exists()
        );
        assert!(ask("p's", "b_c", "benches/b.rs", "dep-info,link").await);
        let world = World::with([].into(), "/".into(), Clock::system());
        let program = directory.path().join("b_c-7");
        let ran = world.run(&CommandLine::new(program.to_string_lossy(), [""; 0])).await.unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(126));
        assert_eq!(said, "p's::bench/b-c is left out by policies/tests.yaml: it was not compiled\n");
        let list = std::fs::read_to_string(directory.path().join("b_c-7.d")).unwrap();
        assert!(list.ends_with("b_c-7:\n"), "{list}");
    }

    #[test]
    fn other_flags_have_another_path() {
        let directory = tempfile::tempdir().unwrap();
        let at = |driver, purpose| install(&cargo(directory.path(), driver), purpose).unwrap();
        let clippy = Some(Path::new("/c"));
        let paths: std::collections::BTreeSet<_> =
            [at(None, Purpose::Shared), at(clippy, Purpose::Shared), at(clippy, Purpose::Lint)].into();
        assert_eq!(paths.len(), 3);
        assert_eq!(at(None, Purpose::Shared), at(clippy, Purpose::Tests), "tests alone need no clippy");
        let unwritable = install(&cargo(Path::new("/proc/nowhere"), None), Purpose::Shared).unwrap_err();
        assert!(unwritable.to_string().contains("/proc/nowhere"));
    }
}
