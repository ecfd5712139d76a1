//! `release assets`: the files of a release for the machine that it runs on, the same bytes for the same commit and toolchain.
//!
//! The binary is built as the image's is (`tools/image/binary.rs`), and told the commit that it is of. The bill of materials is of
//! what cargo said that it linked. Jobs for other machines add their files to the same folder; SHA256SUMS is written over all of them.

use super::packages::{Released, released};
use crate::commands::context::{Context, write_report};
use crate::commands::sbom::MAKER;
use crate::digest::short_commit;
use crate::evidence::sbom::SUFFIX;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::oci::counted;
use crate::oci::inspect::human as bytes;
use crate::oci::layer::{Content, Entry, Kind, Layer};
use crate::release::publication::File;
use crate::release::sums::{self, Sums};
use crate::tools::image::{self, Binary, BinaryRequest};
use crate::tools::sbom::{self, Subject};
use crate::tools::toolchain::Toolchain;
use crate::workspace::Workspace;
use anyhow::Context as _;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of the files, in the report folder.
pub(in crate::commands) const FOLDER: &str = "assets";
/// What a released program reads while it compiles: the commit that it is of, by which `init` pins the Action.
const TOLD: &str = "GATELINE_RELEASE_COMMIT";
/// Papers that go into the archive beside the program, where the workspace has them.
const PAPERS: [&str; 6] =
    ["README.md", "CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "COPYING"];
/// Bytes of one of them.
const PAPER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What was asked for.
pub(super) struct Asked {
    pub(super) package: Option<String>,
    pub(super) features: Vec<String>,
    pub(super) output: Option<PathBuf>,
}

/// A file of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Asset {
    name: String,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
}

/// What there will be, before there is any of it.
fn plan(released: &Released, target: &str) -> Vec<Asset> {
    let program = format!("{}-{target}", released.binary);
    let asset = |name: String, what| Asset { name, what, size_bytes: None };
    vec![
        asset(program.clone(), "the program, static"),
        asset(format!("{program}.tar.gz"), "the same with licences"),
        asset(format!("{program}{SUFFIX}"), "what it is made of"),
        asset(sums::FILE.to_owned(), "SHA-256 of every file"),
    ]
}

/// `release assets --dry-run`.
pub(super) async fn show(context: &Context, asked: Asked) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let released = released(context, &workspace, asked.package.as_deref()).await?;
    let toolchain = Toolchain::read(&context.world, &workspace.root, Some(&workspace.target)).await?;
    let planned = plan(&released, toolchain.host()?);
    context.console.result(&planned, |_| {
        let line = |asset: &Asset| format!("{}  {}", asset.name, asset.what);
        format!(
            "{} {}\n{}",
            released.name,
            released.version,
            planned.iter().map(line).collect::<Vec<_>>().join("\n")
        )
    });
    Ok(Exit::Done)
}

/// `release assets`.
pub(super) async fn assets(context: &Context, asked: Asked) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    refuse_dirty(&workspace)?;
    let released = released(context, &workspace, asked.package.as_deref()).await?;
    let profile = context.policy(&workspace).await?.policy.image.profile;
    let folder = match asked.output {
        Some(named) => context.world.directory().join(named),
        None => context.reports(&workspace).join(FOLDER),
    };
    let binary = build(context, &workspace, &released, &profile, &asked.features).await?;
    let bill = bill(context, &workspace, &released, &profile, &binary).await?;
    let mut made = plan(&released, &binary.target);
    let contents = [
        std::fs::read(&binary.path).with_context(|| format!("failed to read {}", binary.path.display()))?,
        archive(&workspace.root, &released, &binary)?,
        bill.into_bytes(),
    ];
    for (asset, content) in made.iter_mut().zip(contents) {
        write_report(&folder.join(&asset.name), &content)?;
        asset.size_bytes = Some(content.len() as u64);
    }
    write_report(&folder.join(sums::FILE), sums(&files(&folder)?)?.text().as_bytes())?;
    context.console.result(&made, |_| {
        let size =
            |asset: &Asset| asset.size_bytes.map(|size| format!("  {}", bytes(size))).unwrap_or_default();
        let line = |asset: &Asset| format!("{}{}  {}", asset.name, size(asset), asset.what);
        format!("{}\n{}", made.iter().map(line).collect::<Vec<_>>().join("\n"), folder.display())
    });
    Ok(Exit::Done)
}

/// The files of a folder with their digests: all but the list of these.
pub(in crate::commands) fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, File>> {
    let failed = || format!("failed to read {}", folder.display());
    let help = "leave only files of the release in it; `release assets` writes them";
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == sums::FILE || !entry.file_type().with_context(failed)?.is_file() {
            continue;
        }
        let open = std::fs::File::open(entry.path()).with_context(failed)?;
        let (digest, size) = counted::digest(open).with_context(failed)?;
        files.insert(name, File { size, digest });
    }
    match files.len() {
        0 => Err(Failure::usage(format!("{} has no files", folder.display()), help)),
        count if count >= sums::FILES_MAX => {
            Err(Failure::usage(format!("{} has too many files", folder.display()), help))
        }
        _ => Ok(files),
    }
}

/// The list of their digests.
pub(in crate::commands) fn sums(files: &BTreeMap<String, File>) -> anyhow::Result<Sums> {
    let named = files.iter().map(|(name, file)| (name.clone(), file.digest.clone()));
    Sums::of(named).map_err(|why| Failure::usage(why, "rename it, or take it out of the folder"))
}

async fn build(
    context: &Context,
    workspace: &Workspace,
    released: &Released,
    profile: &str,
    features: &[String],
) -> anyhow::Result<Binary> {
    let request = BinaryRequest {
        root: &workspace.root,
        target_dir: &workspace.target,
        package: &released.name,
        binary: &released.binary,
        profile,
        features,
        told: &[(TOLD, &workspace.repository.commit)],
    };
    let step = context.console.step(&context.world, format!("{} {}", released.name, released.version));
    match image::binary(&context.world, &request, &|line| step.tell(line)).await {
        Ok(binary) => {
            step.done(format!("{} ({})", binary.digest.short(), bytes(binary.size_bytes)));
            Ok(binary)
        }
        Err(error) => {
            step.failed("could not be built");
            Err(error)
        }
    }
}

async fn bill(
    context: &Context,
    workspace: &Workspace,
    released: &Released,
    profile: &str,
    binary: &Binary,
) -> anyhow::Result<String> {
    let subject = Subject { root: &workspace.root, package: &released.name, target: &binary.target, profile };
    let metadata = sbom::metadata(&context.world, &subject).await?;
    let toolchain = Toolchain::read(&context.world, &workspace.root, Some(&workspace.target)).await?;
    Ok(sbom::bill(&metadata, &subject, &binary.linked, &toolchain)?.document(MAKER))
}

/// The program and its papers in a folder of their own; times, owners and order are fixed.
fn archive(root: &Path, released: &Released, binary: &Binary) -> anyhow::Result<Vec<u8>> {
    let folder = format!("{}-{}-{}", released.binary, released.version, binary.target);
    let program = Content::File {
        path: binary.path.clone(),
        size_bytes: binary.size_bytes,
        digest: binary.digest.clone(),
    };
    let path = format!("{folder}/{}", released.binary);
    let mut entries = vec![Entry { path, kind: Kind::Executable(program), owner: 0 }];
    for name in PAPERS {
        let file = root.join(name);
        if file.is_file() {
            let content = crate::tools::bounded::read(&file, PAPER_BYTES_MAX)
                .with_context(|| format!("failed to read {}", file.display()))?;
            entries.push(Entry::file(format!("{folder}/{name}"), content));
        }
    }
    let mut archive = Vec::new();
    Layer::new(entries)?.compress(&mut archive).context("failed to write the archive")?;
    Ok(archive)
}

/// A release is of a commit.
pub(super) fn refuse_dirty(workspace: &Workspace) -> anyhow::Result<()> {
    let Some(first) = workspace.repository.changed.first() else { return Ok(()) };
    let commit = short_commit(&workspace.repository.commit);
    let message = format!("{first} differs from commit {commit}: what is released is of a commit");
    Err(Failure::error(Exit::Refused, message, "commit it, or put it aside: git stash --include-untracked"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn the_files_are_those_that_the_action_asks_for() {
        let version = semver::Version::new(1, 2, 3);
        let released = Released { name: "gateline".into(), binary: "gateline".into(), version };
        let names: Vec<String> =
            plan(&released, crate::release::pin::TARGETS[0]).into_iter().map(|one| one.name).collect();
        let program = "gateline-x86_64-unknown-linux-gnu";
        let expected = [program, &format!("{program}.tar.gz"), &format!("{program}.cdx.json"), "SHA256SUMS"];
        assert_eq!(names, expected);
    }

    #[test]
    fn sums_are_of_every_file_but_their_own() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a", sums::FILE] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        let expected = format!("{}  a\n{}  b\n", Digest::of(b"a").hex(), Digest::of(b"b").hex());
        let listed = || sums(&files(folder.path())?);
        assert_eq!(listed().unwrap().text(), expected);
        std::fs::write(folder.path().join("a b"), "").unwrap();
        assert!(listed().unwrap_err().to_string().contains("`a b`"));
        assert!(files(&folder.path().join("folder")).unwrap_err().to_string().contains("no files"));
    }
}
