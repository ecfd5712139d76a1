//! What a binary is made of: cargo's own account of it, as a bill of materials.
//!
//! Which packages, with which features: of a build, what cargo says that it compiled for the target ([`linked::by_build`]); without
//! one, what cargo would compile ([`linked::by_manifests`]). Who uses whom, licences and sources come from `cargo metadata`, and
//! digests from Cargo.lock. `cargo metadata` alone would not do: it puts the features of every package, of tests and of build scripts
//! together.

pub mod linked;

use super::bounded;
use super::toolchain::Toolchain;
use crate::digest::Digest;
use crate::evidence::sbom::{Component, Origin, Sbom};
use crate::failure::Failure;
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use cargo_metadata::cargo_platform::Cfg;
use cargo_metadata::{Metadata, MetadataCommand, Package, PackageId};
use linked::Linked;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Reading manifests, and fetching them where they are not here.
const METADATA_TIMEOUT: Duration = Duration::from_secs(600);
const CFG_TIMEOUT: Duration = Duration::from_secs(60);
/// A lockfile of this size names a hundred times the packages of the largest known workspace.
const LOCKFILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The index of crates.io, as ids of packages name it.
const CRATES_IO: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

/// Whose bill it is.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The workspace's root.
    pub root: &'a Path,
    /// The package.
    pub package: &'a str,
    /// The target triple.
    pub target: &'a str,
    /// The profile.
    pub profile: &'a str,
}

/// What cargo and rustc say.
#[derive(Debug, Clone)]
pub struct Account {
    /// Every package that the workspace could need on the target, with all features of its members.
    pub metadata: Metadata,
    /// The target triple.
    pub target: String,
    /// What `cfg(…)` is true there.
    pub cfgs: Vec<Cfg>,
}

/// All packages of the workspace with what they depend on, for one target.
///
/// # Errors
/// What cargo or rustc says.
pub async fn account(world: &World, subject: &Subject<'_>) -> anyhow::Result<Account> {
    let metadata = metadata(world, subject).await?;
    let cfgs = cfgs(world, subject).await?;
    Ok(Account { metadata, target: subject.target.to_owned(), cfgs })
}

async fn cfgs(world: &World, subject: &Subject<'_>) -> anyhow::Result<Vec<Cfg>> {
    let rustc = world.env("RUSTC").unwrap_or("rustc");
    let command = CommandLine::new(rustc, ["--print", "cfg", "--target", subject.target])
        .in_directory(subject.root)
        .with_timeout(CFG_TIMEOUT);
    let finished = world.run(&command).await?;
    if !finished.status.success() {
        let said = String::from_utf8_lossy(&finished.stderr);
        return Err(Failure::usage(
            format!("rustc knows no target `{}`: {}", subject.target, said.trim()),
            "choose one of: rustc --print target-list",
        ));
    }
    let lines = String::from_utf8(finished.stdout).context("rustc's answer is not UTF-8")?;
    // What cargo's own reader does not understand, no manifest can ask for.
    Ok(lines.lines().filter_map(|line| line.parse().ok()).collect())
}

async fn metadata(world: &World, subject: &Subject<'_>) -> anyhow::Result<Metadata> {
    let words = ["metadata", "--format-version", "1", "--locked", "--all-features", "--color", "never"];
    let command = CommandLine::new(world.env("CARGO").unwrap_or("cargo"), words)
        .arg("--filter-platform")
        .arg(subject.target)
        .in_directory(subject.root)
        .with_timeout(METADATA_TIMEOUT);
    let finished = world.run(&command).await?;
    if !finished.status.success() {
        let said = String::from_utf8_lossy(&finished.stderr);
        return Err(Failure::usage(
            format!("cargo cannot say what `{}` depends on: {}", subject.package, said.trim()),
            format!("mend what it says, and try: {command}"),
        ));
    }
    let answer = String::from_utf8(finished.stdout).context("cargo metadata is not UTF-8")?;
    MetadataCommand::parse(answer).context("failed to read what `cargo metadata` said")
}

/// A package of the workspace.
///
/// # Errors
/// Where it has none of that name.
pub fn member<'a>(account: &'a Account, name: &str) -> anyhow::Result<&'a Package> {
    let members = account.metadata.workspace_packages();
    members.iter().find(|package| package.name.as_str() == name).copied().ok_or_else(|| {
        let names: Vec<&str> = members.iter().map(|package| package.name.as_str()).collect();
        Failure::usage(
            format!("the workspace has no package `{name}`"),
            format!("choose one of {}", names.join(", ")),
        )
    })
}

/// The bill.
///
/// # Errors
/// Where metadata and lockfile do not fit what was linked.
pub fn bill(
    account: &Account,
    subject: &Subject<'_>,
    linked: &Linked,
    toolchain: &Toolchain,
) -> anyhow::Result<Sbom> {
    let root = member(account, subject.package)?;
    let checksums = checksums(subject.root)?;
    let packages: BTreeMap<&PackageId, &Package> =
        account.metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let mut made: BTreeMap<&PackageId, Component> = BTreeMap::new();
    for (id, features) in &linked.0 {
        let package = packages.get(id).with_context(|| format!("cargo metadata does not know {id}"))?;
        made.insert(id, component(package, features, &checksums));
    }
    let own =
        made.get(&root.id).with_context(|| format!("{} is not among what was linked", root.name))?.clone();
    let edges = linked::edges(account, linked);
    let reference = |id: &PackageId| made.get(id).map(Component::reference);
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in &edges {
        let to = to.iter().copied().filter_map(reference).collect();
        uses.extend(reference(from).map(|from| (from, to)));
    }
    let system = system(subject, toolchain);
    for used in &system {
        uses.entry(own.reference()).or_default().insert(used.reference());
    }
    let others = made.into_iter().filter(|(id, _)| **id != root.id).map(|(_, component)| component);
    let build = [("gateline:target", subject.target), ("gateline:profile", subject.profile)];
    Ok(Sbom {
        root: own,
        build: build.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        components: others.chain(system).collect(),
        uses,
    })
}

/// The standard library, and the libc of this machine where it is linked statically (as `image build` and `release assets` do).
fn system(subject: &Subject<'_>, toolchain: &Toolchain) -> Vec<Component> {
    let part = |name: &str, version: &str, licence: &str, repository: &str| Component {
        name: name.to_owned(),
        version: version.to_owned(),
        origin: Origin::System,
        licence: Some(licence.to_owned()),
        checksum: None,
        features: BTreeSet::new(),
        repository: Some(repository.to_owned()),
    };
    let release = toolchain.rustc.lines().find_map(|line| line.strip_prefix("release: "));
    let mut parts = vec![part(
        "rust-std",
        release.unwrap_or("unknown"),
        "MIT OR Apache-2.0",
        "https://github.com/rust-lang/rust",
    )];
    if subject.target.ends_with("-linux-gnu") {
        // `ldd (Debian GLIBC 2.36-9) 2.36`: what is in parentheses says whose build it is.
        let version = toolchain.libc.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let version = version.and_then(|(inner, _)| inner.split_whitespace().last());
        let version = version.or_else(|| toolchain.libc.split_whitespace().last()).unwrap_or("unknown");
        parts.push(part("glibc", version, "LGPL-2.1-or-later", "https://sourceware.org/git/glibc.git"));
    }
    parts
}

fn component(
    package: &Package,
    features: &BTreeSet<String>,
    checksums: &BTreeMap<(String, String), Digest>,
) -> Component {
    let (name, version) = (package.name.to_string(), package.version.to_string());
    let origin = package.source.as_ref().map_or(Origin::Here, |source| origin(&source.repr));
    let from_registry = matches!(origin, Origin::CratesIo | Origin::Registry(_));
    let file = package.license_file.as_ref().and_then(|file| file.file_name());
    let licence =
        package.license.clone().or_else(|| file.map(|file| format!("the file {file} of the package")));
    Component {
        checksum: checksums.get(&(name.clone(), version.clone())).filter(|_| from_registry).cloned(),
        name,
        version,
        origin,
        licence,
        features: features.clone(),
        repository: package.repository.clone(),
    }
}

fn origin(source: &str) -> Origin {
    if CRATES_IO.contains(&source) {
        return Origin::CratesIo;
    }
    match source.split_once('+') {
        Some(("git", address)) => {
            // `https://host/path?branch=b#commit`: which branch it was found on is no part of what it is.
            let (address, commit) = address.split_once('#').unwrap_or((address, ""));
            let address = address.split('?').next().unwrap_or_default();
            Origin::Git(format!("{address}#{commit}"))
        }
        Some((_, address)) => Origin::Registry(address.to_owned()),
        None => Origin::Registry(source.to_owned()),
    }
}

/// The bytes of Cargo.lock.
///
/// # Errors
/// Where it is not there, or too long.
pub fn lockfile(root: &Path) -> anyhow::Result<Vec<u8>> {
    bounded::read(&root.join("Cargo.lock"), LOCKFILE_BYTES_MAX).map_err(|error| unreadable(root, error))
}

fn unreadable(root: &Path, why: impl std::fmt::Display) -> anyhow::Error {
    let file = root.join("Cargo.lock");
    Failure::usage(format!("failed to read {}: {why}", file.display()), "write it: cargo generate-lockfile")
}

/// What Cargo.lock says of each package.
fn checksums(root: &Path) -> anyhow::Result<BTreeMap<(String, String), Digest>> {
    let text = String::from_utf8(lockfile(root)?).map_err(|_| unreadable(root, "it is no text"))?;
    let lockfile: rustsec::Lockfile =
        text.parse().map_err(|error: rustsec::cargo_lock::Error| unreadable(root, error))?;
    let checksum = |package: rustsec::package::Package| {
        let digest: Digest = format!("sha256:{}", package.checksum?).parse().ok()?;
        Some(((package.name.to_string(), package.version.to_string()), digest))
    };
    Ok(lockfile.packages.into_iter().filter_map(checksum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_where_a_package_comes_from() {
        let check = |source: &str, expected: Origin| assert_eq!(origin(source), expected, "{source}");
        check(CRATES_IO[0], Origin::CratesIo);
        check(CRATES_IO[1], Origin::CratesIo);
        check("sparse+https://r.example/", Origin::Registry("https://r.example/".into()));
        check("git+https://g.example/a?branch=b#c0", Origin::Git("https://g.example/a#c0".into()));
        check("odd", Origin::Registry("odd".into()));
    }

    #[test]
    fn the_libc_is_named_as_the_system_names_it() {
        let toolchain = |libc: &str| Toolchain {
            rustc: "rustc 1.95.0\nrelease: 1.95.0\n".into(),
            cargo: String::new(),
            linker: String::new(),
            libc: libc.into(),
        };
        let check = |target: &str, libc: &str, expected: &[(&str, &str)]| {
            let subject = Subject { root: Path::new("/"), package: "p", target, profile: "release" };
            let parts = system(&subject, &toolchain(libc));
            let named: Vec<(&str, &str)> =
                parts.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
            assert_eq!(named, expected);
        };
        let std = ("rust-std", "1.95.0");
        check("x86_64-unknown-linux-gnu", "ldd (Debian GLIBC 2.36-9) 2.36", &[std, ("glibc", "2.36-9")]);
        check("x86_64-unknown-linux-gnu", "ldd 2.39", &[std, ("glibc", "2.39")]);
        check("aarch64-apple-darwin", "", &[std]);
    }
}
