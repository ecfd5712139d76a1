//! The oldest Rust that packages say they compile with: `cargo check` by that toolchain, where it is installed.
//!
//! Libraries and programs are checked, not tests: what a package needs for its own tests is nobody else's trouble. A
//! package whose `rust-version` is the toolchain in use is proved by the compilation itself. Its own target directory
//! keeps it from waiting for the other compilation, and the other way around.

use super::Looked;
use crate::evidence::CouldNotRun;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, LintTool, Unchecked};
use crate::tools::build::{diagnostic, leaving_out};
use crate::tools::cargo::Cargo;
use crate::world::{CommandLine, World};
use cargo_metadata::{Message, Package, semver::Version};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long one toolchain may take.
const CHECK_SECS_MAX: u64 = 3600;

/// Checks every package that says a version, each version once.
///
/// # Errors
/// Where an installed toolchain cannot be started.
pub async fn look(world: &World, cargo: &Cargo) -> Result<Looked, CouldNotRun> {
    let mut looked = Looked::default();
    for one in checks(world, cargo).await {
        match one {
            Ok(one) => check(world, cargo, one, &mut looked).await?,
            Err(unchecked) => looked.unchecked.push(unchecked),
        }
    }
    Ok(looked)
}

/// The check by one toolchain.
#[derive(Debug)]
pub struct Check<'a> {
    toolchain: String,
    packages: Vec<&'a Package>,
    /// What is run; `plan` prints it.
    pub command: CommandLine,
}

/// What is run for each version, or why it cannot be.
pub async fn checks<'a>(world: &World, cargo: &'a Cargo) -> Vec<Result<Check<'a>, Unchecked>> {
    let wanted = wanted(cargo);
    let installed = if wanted.is_empty() { Vec::new() } else { installed(world).await };
    let one = |(version, packages): (Version, Vec<&'a Package>)| {
        let found = installed.iter().find(|name| is_version(name, &version));
        let toolchain = found.ok_or_else(|| missing(&version, &packages))?.clone();
        let command = with_wrapper(cargo, command(cargo, &toolchain, &packages))?;
        Ok(Check { toolchain, packages, command })
    };
    wanted.into_iter().map(one).collect()
}

/// The command without the targets that the policy leaves out.
fn with_wrapper(cargo: &Cargo, command: CommandLine) -> Result<CommandLine, Unchecked> {
    match leaving_out(cargo) {
        Ok(Some(wrapper)) => Ok(command.env("RUSTC_WORKSPACE_WRAPPER", wrapper.to_string_lossy())),
        Ok(None) => Ok(command),
        Err(error) => Err(Unchecked {
            tool: LintTool::Msrv,
            why: format!("the oldest Rust version was not checked: {error:#}"),
            help: "cargo xtask doctor".to_owned(),
        }),
    }
}

/// Versions that are not the one in use, each with its packages.
fn wanted(cargo: &Cargo) -> BTreeMap<Version, Vec<&Package>> {
    let current = current(&cargo.toolchain.rustc);
    let mut wanted: BTreeMap<Version, Vec<&Package>> = BTreeMap::new();
    for package in cargo.selected() {
        if let Some(version) = &package.rust_version
            && current.as_ref() != Some(&(version.major, version.minor))
        {
            wanted.entry(version.clone()).or_default().push(package);
        }
    }
    wanted
}

/// Major and minor number of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn current(rustc: &str) -> Option<(u64, u64)> {
    let mut numbers = rustc.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Names of toolchains as rustup lists them; none where there is no rustup.
async fn installed(world: &World) -> Vec<String> {
    let question = CommandLine::new("rustup", ["toolchain", "list"]);
    let answer = crate::tools::cargo::ask(world, &question, "install rustup").await.unwrap_or_default();
    let names = String::from_utf8_lossy(&answer);
    names.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Whether `1.85-x86_64-unknown-linux-gnu` or `1.85.0` is that version; or `debian-1.85`, a name that rustup lets people
/// give to a toolchain that they linked.
fn is_version(name: &str, version: &Version) -> bool {
    let short = (version.patch == 0).then(|| format!("{}.{}", version.major, version.minor));
    name.split('-').any(|part| part == version.to_string() || Some(part) == short.as_deref())
}

fn missing(version: &Version, packages: &[&Package]) -> Unchecked {
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    Unchecked {
        tool: LintTool::Msrv,
        why: format!(
            "{} was not checked with Rust {version}: that toolchain is not installed",
            names.join(", ")
        ),
        help: format!("rustup toolchain install {version} --profile minimal"),
    }
}

async fn check(
    world: &World,
    cargo: &Cargo,
    Check { toolchain, packages, command }: Check<'_>,
    looked: &mut Looked,
) -> Result<(), CouldNotRun> {
    let failed = |why: String| CouldNotRun {
        message: format!("failed to run `{command}`: {why}"),
        help: format!("rustup run {toolchain} cargo check"),
    };
    let finished = world.run(&command).await.map_err(|error| failed(format!("{error:#}")))?;
    if finished.timed_out {
        return Err(failed(format!("no end after {CHECK_SECS_MAX} s")));
    }
    looked.tools.push(format!("cargo check of Rust {toolchain}"));
    if finished.status.success() {
        return Ok(());
    }
    let mut errors: Vec<_> = Message::parse_stream(finished.stdout.as_slice())
        .filter_map(|message| match message {
            Ok(Message::CompilerMessage(message)) => {
                diagnostic(&message.message, LintTool::Msrv, &cargo.root)
            }
            _ => None,
        })
        .filter(|one| one.severity == DiagnosticSeverity::Error)
        .collect();
    if errors.is_empty() {
        errors.push(refused(cargo, &packages, &String::from_utf8_lossy(&finished.stderr)));
    }
    for error in &mut errors {
        error.message = format!("does not compile with Rust {toolchain}: {}", error.message);
        // A newer compiler's suggestions are not in question, and an older one's are not ours.
        error.edits.clear();
    }
    looked.diagnostics.extend(errors);
    Ok(())
}

/// That cargo could not read a manifest or the lockfile is what somebody with that version would see, too.
fn refused(cargo: &Cargo, packages: &[&Package], said: &str) -> Diagnostic {
    let why = said.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or(said.trim());
    let manifest = packages.first().map(|package| package.manifest_path.as_std_path());
    Diagnostic {
        file: manifest.map(|path| crate::tools::build::relative(path, &cargo.root)).unwrap_or_default(),
        line: 0,
        tool: LintTool::Msrv,
        severity: DiagnosticSeverity::Error,
        lint: String::new(),
        message: why.to_owned(),
        rendered: said.to_owned(),
        edits: Vec::new(),
    }
}

/// `cargo check` by another toolchain. What points cargo to the one in use is taken away.
fn command(cargo: &Cargo, toolchain: &str, packages: &[&Package]) -> CommandLine {
    let check = cargo.command("check", ["--message-format=json"]);
    let mut command = CommandLine::new("rustup", ["run", toolchain, "cargo"]).in_directory(&cargo.root);
    command.arguments.extend(check.arguments);
    command.environment = check.environment;
    for package in packages {
        // Understood by every cargo; a dependency may have the same name.
        command = command.arg("--package").arg(format!("{}:{}", package.name, package.version));
    }
    let target = cargo.target_directory.join("gateline/msrv");
    ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "RUSTC_WORKSPACE_WRAPPER"]
        .iter()
        .fold(command, |command, name| command.env_remove(*name))
        .env("CARGO_TARGET_DIR", target.to_string_lossy())
        .with_timeout(Duration::from_secs(CHECK_SECS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_version_has_its_toolchain_s_command_or_says_that_there_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let list = "#!/bin/sh\necho '1.70.0-x86_64-unknown-linux-gnu (active)'\n";
        crate::tools::build::wrapper::write_script(directory.path(), "rustup", list).unwrap();
        let path = format!("{}:/usr/bin:/bin", directory.path().display());
        let world =
            World::with([("PATH".to_owned(), path)].into(), "/".into(), crate::world::Clock::system());
        let package = |name: &str, version: &str| -> Package {
            serde_json::from_value(serde_json::json!({
                "name": name, "version": "0.1.0", "id": name, "dependencies": [], "targets": [], "features": {},
                "manifest_path": "/w/Cargo.toml", "rust_version": version,
            }))
            .unwrap()
        };
        let packages = vec![package("a", "1.70"), package("b", "1.71"), package("c", "1.95")];
        let toolchain = crate::tools::cargo::Toolchain {
            rustc: "rustc 1.95.0 (x)".to_owned(),
            host: String::new(),
            sysroot: "/s".into(),
            clippy_driver: None,
        };
        let cargo = Cargo::known("/w".into(), packages, toolchain, crate::tools::cargo::Network::Offline);
        let checks = checks(&world, &cargo).await;
        assert_eq!(checks.len(), 2, "the toolchain in use proves its own version: {checks:?}");
        let line = checks[0].as_ref().unwrap().command.to_string();
        assert!(line.contains("rustup run 1.70.0-x86_64-unknown-linux-gnu cargo check"), "{line}");
        let unchecked = checks[1].as_ref().unwrap_err();
        assert!(unchecked.why.contains("1.71.0") && unchecked.why.contains("not installed"), "{unchecked:?}");
    }

    #[test]
    fn toolchains_are_told_by_their_version() {
        let check = |name: &str, version: &str, expected: bool| {
            assert_eq!(is_version(name, &version.parse().unwrap()), expected, "{name} {version}");
        };
        check("1.85.0-x86_64-unknown-linux-gnu", "1.85.0", true);
        check("1.85-x86_64-unknown-linux-gnu", "1.85.0", true);
        check("1.85.1-x86_64-unknown-linux-gnu", "1.85.0", false);
        check("1.85-x86_64-unknown-linux-gnu", "1.85.1", false);
        check("stable-x86_64-unknown-linux-gnu", "1.85.0", false);
        check("debian-1.63", "1.63.0", true);
        check("debian-1.63", "1.63.1", false);
        assert_eq!(current("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(current(""), None);
    }
}
