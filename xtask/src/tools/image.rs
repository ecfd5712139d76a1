//! Builds the image of a workspace's service: binary, layers, layout. No daemon, no root, no network of its own.
//!
//! Nothing of clock, host, user or run goes in: the commit and its time come from the caller, everything else from
//! sources, policy, Cargo.lock and toolchain (invariant 6 in docs/ARCHITECTURE.md). Layers are ordered by how often they change, and
//! kept by content under `<target>/gateline/image-cache`: what did not change is not compressed again.

mod again;
mod binary;
mod cache;
mod elf;

pub use again::{Again, again};
pub use binary::{Binary, BinaryRequest, SOURCE_DATE_EPOCH};

use crate::digest::Digest;
use crate::evidence::image::{ImageEvidence, LargeFile};
use crate::failure::Failure;
use crate::oci::config::{Architecture, Facts};
use crate::oci::inspect::{Summary, inspect};
use crate::oci::layer::{Content, Entry, Kind, Layer};
use crate::oci::members::Limits;
use crate::oci::{LayerFacts, assemble, layout, rootfs};
use crate::policy::ImagePolicy;
use crate::tools::sbom::linked::Linked;
use crate::world::World;
use anyhow::Context as _;
use cache::Cached;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What to build, and where to put it.
#[derive(Debug, Clone)]
pub struct ImageRequest<'a> {
    /// The workspace's root.
    pub root: PathBuf,
    /// The workspace's target directory.
    pub target_dir: PathBuf,
    /// The package whose binary goes into the image.
    pub package: PackageFacts,
    /// The commit, 40 digits.
    pub commit: String,
    /// When it was made.
    pub commit_time: Timestamp,
    /// `policies/image.yaml`.
    pub policy: &'a ImagePolicy,
    /// Where the layout goes; one that is there is replaced.
    pub output: PathBuf,
}

/// What cargo metadata says of a package.
#[derive(Debug, Clone)]
pub struct PackageFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its SPDX expression.
    pub licence: Option<String>,
    /// Its repository.
    pub repository: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// An image that lies in its layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltImage {
    /// The digest of the index: the image's name from here on.
    pub digest: Digest,
    /// Bytes that a registry would store.
    pub size_bytes: u64,
    /// Lowest first.
    pub layers: Vec<BuiltLayer>,
    /// The layout.
    pub layout: PathBuf,
    /// The digest of the binary.
    pub binary: Digest,
    /// What did not have to be made again.
    pub reused: Reused,
    /// What cargo linked into the binary.
    #[serde(skip)]
    pub linked: Linked,
}

/// One layer of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltLayer {
    /// The digest of the compressed bytes.
    pub digest: Digest,
    /// Their number.
    pub size_bytes: u64,
    /// The digest of the archive.
    pub diff_id: Digest,
    /// What is in it.
    pub what: String,
}

/// What did not have to be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reused {
    /// Every layer was compressed.
    Nothing,
    /// Some layers came from the cache.
    SomeLayers,
    /// All layers came from the cache; the documents are new.
    AllLayers,
    /// The layout held this very image.
    Layout,
}

/// Builds the image. `progress` gets one line for each thing that happens.
///
/// # Errors
/// A [`Failure`] with its help: exit 10 where the sources do not compile, 2 where the policy cannot be followed, 1
/// where the machine cannot build a static binary or the disk refuses.
pub async fn build(
    world: &World,
    request: &ImageRequest<'_>,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<BuiltImage> {
    if request.policy.user == 0 {
        return Err(Failure::usage(
            "the image would run as root: `user` in policies/image.yaml is 0",
            "set `user` to a number above 0, or remove the line for 65532",
        ));
    }
    let binary = binary(world, &request.binary(), progress).await?;
    progress(&format!("linked {} (static, {})", binary.name, crate::oci::inspect::human(binary.size_bytes)));
    let facts = facts(request, &binary.name);
    let recipe = Recipe {
        layers: layers(request.policy.user, &binary)?,
        cache: request.target_dir.join("gateline/image-cache"),
        output: request.output.clone(),
        created: request.commit_time,
        binary,
        facts,
    };
    let built = tokio::task::spawn_blocking(move || recipe.assemble())
        .await
        .context("failed to assemble the image")??;
    progress(&format!("image {} ({})", built.digest, crate::oci::inspect::human(built.size_bytes)));
    Ok(built)
}

impl ImageRequest<'_> {
    /// The binary of the image.
    pub fn binary(&self) -> BinaryRequest<'_> {
        BinaryRequest {
            root: &self.root,
            target_dir: &self.target_dir,
            package: &self.package.name,
            binary: self.policy.binary.as_deref().unwrap_or(&self.package.name),
            profile: &self.policy.profile,
            features: &self.policy.features,
            told: &[],
        }
    }
}

/// Builds a static binary, without an image around it.
///
/// # Errors
/// As [`build`].
pub async fn binary(
    world: &World,
    request: &BinaryRequest<'_>,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Binary> {
    binary::build(world, request, progress).await
}

/// Reads what an image in a layout holds.
///
/// # Errors
/// Where the layout is not one, or a part of it is damaged.
pub fn summarise(directory: &Path, architecture: Architecture) -> anyhow::Result<Summary> {
    let read = || Ok(inspect(&layout::read(directory, architecture)?, Limits::default())?);
    read().map_err(|error: anyhow::Error| {
        Failure::infrastructure(
            format!("failed to read the image in {}: {error:#}", directory.display()),
            "cargo xtask image build",
        )
    })
}

/// What the gate `image` judges.
pub fn evidence(summary: &Summary) -> ImageEvidence {
    let largest = summary.largest.iter();
    ImageEvidence {
        digest: summary.digest.clone(),
        size_bytes: summary.size_bytes,
        largest: largest
            .map(|file| LargeFile { path: file.path.clone(), size_bytes: file.size_bytes })
            .collect(),
    }
}

/// The processor of this machine, as images name it.
///
/// # Errors
/// Where images are not made for it.
pub fn architecture_here() -> anyhow::Result<Architecture> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(Architecture::Amd64),
        "aarch64" => Ok(Architecture::Arm64),
        other => Err(Failure::infrastructure(
            format!("images are not made for the processor {other}"),
            "build on x86_64 or aarch64",
        )),
    }
}

/// Everything that the blocking half needs.
struct Recipe {
    layers: Vec<(Layer, String)>,
    cache: PathBuf,
    output: PathBuf,
    created: Timestamp,
    binary: Binary,
    facts: Facts,
}

impl Recipe {
    fn assemble(self) -> anyhow::Result<BuiltImage> {
        let (mut layers, mut files, mut hits) = (Vec::new(), Vec::new(), 0);
        for (layer, what) in self.layers {
            let (blob, file, cached) = cache::compress(&self.cache, &layer)?;
            hits += usize::from(cached == Cached::Found);
            files.push(file);
            layers.push(LayerFacts { blob, what });
        }
        let image = assemble(&self.facts, self.binary.architecture, self.created, &layers);
        let present = layout::read(&self.output, self.binary.architecture)
            .is_ok_and(|stored| stored.digest == *image.digest());
        if !present {
            layout::write(&self.output, &image, &self.facts.version, &files)?;
        }
        cache::prune(&self.cache)?;
        let reused = match (present, hits) {
            (true, _) => Reused::Layout,
            (false, 0) => Reused::Nothing,
            (false, hits) if hits == layers.len() => Reused::AllLayers,
            (false, _) => Reused::SomeLayers,
        };
        Ok(BuiltImage {
            digest: image.digest().clone(),
            size_bytes: image.size_bytes(),
            layers: layers.into_iter().map(BuiltLayer::from).collect(),
            layout: self.output,
            binary: self.binary.digest,
            reused,
            linked: self.binary.linked,
        })
    }
}

impl From<LayerFacts> for BuiltLayer {
    fn from(layer: LayerFacts) -> BuiltLayer {
        let blob = layer.blob;
        BuiltLayer {
            digest: blob.digest,
            size_bytes: blob.size_bytes,
            diff_id: blob.diff_id,
            what: layer.what,
        }
    }
}

/// The layers by rate of change: what changes most comes last, so that little is uploaded.
fn layers(user: u32, binary: &Binary) -> anyhow::Result<Vec<(Layer, String)>> {
    let content = Content::File {
        path: binary.path.clone(),
        size_bytes: binary.size_bytes,
        digest: binary.digest.clone(),
    };
    let entry = Entry { path: format!("app/{}", binary.name), kind: Kind::Executable(content), owner: 0 };
    Ok(vec![
        (Layer::new(rootfs::entries(user))?, rootfs::what()),
        (Layer::new(vec![entry])?, format!("the binary {}", binary.name)),
    ])
}

fn facts(request: &ImageRequest<'_>, binary: &str) -> Facts {
    let (package, policy) = (&request.package, request.policy);
    Facts {
        name: package.name.clone(),
        version: package.version.clone(),
        revision: request.commit.clone(),
        source: package.repository.clone(),
        licences: package.licence.clone(),
        description: package.description.clone(),
        entrypoint: format!("/app/{binary}"),
        arguments: policy.arguments.clone(),
        ports: policy.ports.clone(),
        user: policy.user,
        environment: policy.environment.clone(),
        labels: policy.labels.clone(),
    }
}

#[cfg(test)]
mod tests;
