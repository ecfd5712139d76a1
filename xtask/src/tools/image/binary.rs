//! The static binary: one cargo build whose result depends on sources, Cargo.lock, policy and toolchain alone.
//!
//! Cargo gets a declared environment, not ours: no instrumentation of a test run, no wrapper and no `CFLAGS` of a
//! person's shell can reach an image. The flags go through `CARGO_ENCODED_RUSTFLAGS`, which *replaces*
//! `build.rustflags` and `target.*.rustflags` of a `.cargo/config.toml`: an image is not built with
//! `target-cpu=native`. With `--target` they reach neither build scripts nor procedural macros. What still breaks
//! reproducibility is a program that embeds `env!("CARGO_MANIFEST_DIR")` or `env!("OUT_DIR")`: no flag rewrites
//! those.

use super::elf::{self, Linkage};
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::oci::config::Architecture;
use crate::oci::counted;
use crate::tools::sbom::linked::{self, Linked};
use crate::tools::toolchain::Toolchain;
use crate::world::{CleanEnvironment, CommandLine, Leash, Running, World};
use anyhow::Context as _;
use std::collections::VecDeque;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

/// What build scripts see as the time. Fixed: with the commit's time, a binary would change with every commit, or
/// (cargo does not watch the variable) depend on what was built before.
pub const SOURCE_DATE_EPOCH: u64 = crate::oci::layer::MTIME_SECS;
const BUILD_TIMEOUT: Duration = Duration::from_hours(1);
const SYSROOT_TIMEOUT: Duration = Duration::from_secs(30);
/// Lines of cargo's narration that an error repeats.
const TAIL_LINES_MAX: usize = 60;
/// Bytes of cargo's messages that are read.
const MESSAGES_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What cargo and rustup need to work at all, and how they reach registries.
const PASSED: [&str; 18] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
    "CARGO_BUILD_JOBS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
const PASSED_PREFIXES: [&str; 5] =
    ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_SOURCE_"];
/// What cargo says when it was asked for something that the workspace does not have.
const USAGE_MARKS: [&str; 6] = [
    "no bin target named",
    "did not match any packages",
    "is not defined",
    "does not contain this feature",
    "does not contain these features",
    "--locked",
];
const STATIC_HELP: &str = "a static binary needs libc.a and only libraries that link statically: \
                           apt-get install libc6-dev, and prefer pure Rust or vendored features";

/// What to build.
#[derive(Debug, Clone)]
pub struct BinaryRequest<'a> {
    /// The workspace's root.
    pub root: &'a Path,
    /// The workspace's target directory.
    pub target_dir: &'a Path,
    /// The package.
    pub package: &'a str,
    /// Its binary.
    pub binary: &'a str,
    /// The cargo profile.
    pub profile: &'a str,
    /// Features of the package.
    pub features: &'a [String],
    /// Variables that the sources may read while they compile.
    pub told: &'a [(&'a str, &'a str)],
}

/// A binary that starts in an empty root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// Its name.
    pub name: String,
    /// Where cargo put it.
    pub path: PathBuf,
    /// Its length.
    pub size_bytes: u64,
    /// Its digest.
    pub digest: Digest,
    /// What it runs on.
    pub architecture: Architecture,
    /// The target triple.
    pub target: String,
    /// What cargo linked into it.
    pub linked: Linked,
}

/// Builds it.
pub(super) async fn build(
    world: &World,
    request: &BinaryRequest<'_>,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Binary> {
    let toolchain = Toolchain::read(world, request.root, None).await?;
    let remaps = remaps(world, request, &toolchain).await?;
    let target = toolchain.host()?.to_owned();
    let command = command(world, request, &target, &remaps);
    progress(&command_for_people(&command));
    let (status, messages, tail) = run(world, &command, progress).await?;
    let name = request.binary.to_owned();
    if !status.success() {
        return Err(build_failure(&name, &tail));
    }
    let path = executable(&messages, &name)
        .with_context(|| format!("cargo did not say where it put the binary `{name}`"))?;
    let linked = linked::by_build(&messages, &target);
    let examined = {
        let (name, path) = (name.clone(), path.clone());
        tokio::task::spawn_blocking(move || examine(&name, &path))
            .await
            .context("failed to read the binary")??
    };
    let Examined { size_bytes, digest, architecture } = examined;
    Ok(Binary { name, path, size_bytes, digest, architecture, target, linked })
}

/// The build as a value.
fn command(
    world: &World,
    request: &BinaryRequest<'_>,
    host: &str,
    remaps: &[(String, String)],
) -> CommandLine {
    let mut command = CommandLine::new(
        world.env("CARGO").unwrap_or("cargo"),
        ["build", "--locked", "--profile", request.profile, "--target", host, "-p", request.package, "--bin"],
    )
    .arg(request.binary);
    if !request.features.is_empty() {
        command = command.arg("--features").arg(request.features.join(","));
    }
    command = command
        .arg("--config")
        .arg(format!("profile.{}.strip=\"symbols\"", request.profile))
        .arg("--message-format=json-render-diagnostics");
    command.clean_environment = CleanEnvironment::Empty;
    for (name, value) in world.environment() {
        let passed =
            PASSED.contains(&name.as_str()) || PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if passed {
            command = command.env(name, value);
        }
    }
    for (name, value) in request.told {
        command = command.env(*name, *value);
    }
    let flags = remaps.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
    let flags: Vec<String> =
        ["-C".to_owned(), "target-feature=+crt-static".to_owned()].into_iter().chain(flags).collect();
    let c_flags: Vec<String> =
        remaps.iter().map(|(from, to)| shell(&format!("-ffile-prefix-map={from}={to}"))).collect();
    let target = host.replace('-', "_");
    command
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CC_SHELL_ESCAPED_FLAGS", "1")
        .env(format!("CFLAGS_{target}"), c_flags.join(" "))
        .env(format!("CXXFLAGS_{target}"), c_flags.join(" "))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", request.target_dir.display().to_string())
        .env("CARGO_TERM_COLOR", "never")
        .env("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH.to_string())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .in_directory(request.root)
}

/// The command without the environment, which nobody reads in a progress line.
fn command_for_people(command: &CommandLine) -> String {
    CommandLine { environment: Default::default(), ..command.clone() }.to_string()
}

/// Which local directories become which neutral names, shallow ones first: the last that fits wins.
async fn remaps(
    world: &World,
    request: &BinaryRequest<'_>,
    toolchain: &Toolchain,
) -> anyhow::Result<Vec<(String, String)>> {
    let ask = CommandLine::new("rustc", ["--print", "sysroot"])
        .in_directory(request.root)
        .with_timeout(SYSROOT_TIMEOUT);
    let sysroot = world.run(&ask).await?;
    anyhow::ensure!(sysroot.status.success(), "`{ask}` failed");
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    let cargo_home = world.env("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(Path::new(world.env("HOME")?).join(".cargo")));
    // rustc names its library's sources so where they are not installed.
    let library = format!("/rustc/{}", toolchain.rustc_commit().unwrap_or("unknown"));
    let named = [
        (Some(request.root.to_owned()), "/source".to_owned()),
        (Some(request.target_dir.to_owned()), "/target".to_owned()),
        (cargo_home, "/cargo".to_owned()),
        (Some(sysroot.join("lib/rustlib/src/rust")), library),
        (Some(sysroot), "/rust".to_owned()),
    ];
    let mut remaps = Vec::new();
    for (path, name) in named.into_iter().filter_map(|(path, name)| Some((path?, name))) {
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        remaps.extend([path, real].map(|path| (path.display().to_string(), name.clone())));
    }
    remaps.sort_by_key(|(from, _)| from.len());
    remaps.dedup();
    Ok(remaps)
}

/// A word for `CC_SHELL_ESCAPED_FLAGS`.
fn shell(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs cargo, hands its narration on line by line, and returns its messages and the end of its narration.
async fn run(
    world: &World,
    command: &CommandLine,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<(ExitStatus, Vec<u8>, String)> {
    let mut child = world.spawn(command, |prepared| {
        prepared.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    })?;
    let leash = Leash::of(&child);
    match tokio::time::timeout(BUILD_TIMEOUT, follow(&mut child, progress)).await {
        Ok(done) => done.with_context(|| format!("failed to run `{}`", command_for_people(command))),
        Err(_) => {
            drop(leash);
            child.wait().await?;
            Err(Failure::infrastructure(
                format!("cargo did not end within {} minutes", BUILD_TIMEOUT.as_secs() / 60),
                command_for_people(command),
            ))
        }
    }
}

async fn follow(
    child: &mut Running,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<(ExitStatus, Vec<u8>, String)> {
    let stdout = child.stdout.take().context("no standard output")?;
    let stderr = child.stderr.take().context("no standard error")?;
    let messages = async {
        let mut kept = Vec::new();
        stdout.take(MESSAGES_BYTES_MAX).read_to_end(&mut kept).await.map(|_| kept)
    };
    let (messages, tail, status) = tokio::join!(messages, narrate(stderr, progress), child.wait());
    Ok((status?, messages?, tail?))
}

async fn narrate(
    stream: impl AsyncRead + Unpin,
    progress: &(dyn Fn(&str) + Sync),
) -> std::io::Result<String> {
    let mut lines = BufReader::new(stream).split(b'\n');
    let mut tail = VecDeque::new();
    while let Some(line) = lines.next_segment().await? {
        let line = String::from_utf8_lossy(&line).into_owned();
        progress(line.trim());
        if tail.len() == TAIL_LINES_MAX {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    Ok(Vec::from(tail).join("\n"))
}

/// Sources that do not compile are refused; what the workspace does not have is the policy's error; a linker that cannot link statically is this machine's or a
/// dependency's matter.
fn build_failure(name: &str, tail: &str) -> anyhow::Error {
    if tail.contains("linking with `") || tail.contains("error: linker ") {
        let message = format!("failed to link `{name}` statically:\n{tail}");
        return Failure::infrastructure(message, STATIC_HELP);
    }
    if tail.contains("could not compile") {
        return Failure::error(
            Exit::Refused,
            format!("`{name}` does not compile:\n{tail}"),
            "cargo check, and mend what it says",
        );
    }
    let asked_wrongly = USAGE_MARKS.iter().any(|mark| tail.contains(mark));
    Failure::error(
        if asked_wrongly { Exit::Usage } else { Exit::Infrastructure },
        format!("cargo failed to build `{name}`:\n{tail}"),
        "package, binary, profile and features are in policies/image.yaml; Cargo.lock must be up to date: \
         cargo metadata --locked",
    )
}

/// Where cargo says that it put the binary.
fn executable(messages: &[u8], name: &str) -> Option<PathBuf> {
    cargo_metadata::Message::parse_stream(messages).find_map(|message| match message.ok()? {
        cargo_metadata::Message::CompilerArtifact(artifact) if artifact.target.name == name => {
            artifact.executable.map(PathBuf::from)
        }
        _ => None,
    })
}

/// What its bytes say.
#[derive(Debug)]
struct Examined {
    size_bytes: u64,
    digest: Digest,
    architecture: Architecture,
}

/// Digests the binary and makes sure that it needs no loader.
fn examine(name: &str, path: &Path) -> anyhow::Result<Examined> {
    let failed = || format!("failed to read {}", path.display());
    let mut file = std::fs::File::open(path).with_context(failed)?;
    let mut head = Vec::new();
    (&mut file).take(elf::HEAD_BYTES_MAX as u64).read_to_end(&mut head).with_context(failed)?;
    let elf = elf::read(&head).map_err(|why| {
        Failure::infrastructure(format!("`{name}` cannot go into an image: {why}"), STATIC_HELP)
    })?;
    if elf.linkage == Linkage::Dynamic {
        let message = format!("`{name}` was linked dynamically: it would not start in an empty root");
        return Err(Failure::infrastructure(message, STATIC_HELP));
    }
    let bytes = std::io::Read::chain(head.as_slice(), file);
    let (digest, size_bytes) = counted::digest(bytes).with_context(failed)?;
    Ok(Examined { size_bytes, digest, architecture: elf.architecture })
}

#[cfg(test)]
mod tests;
