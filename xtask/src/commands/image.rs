//! `image build` and `image inspect`; `image verify` is in `signed.rs`.

mod check;

use super::context::{Context, InForce};
use super::outputs;
use super::site::service_name;
use crate::evidence::{ImageEvidence, Measured};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::gates;
use crate::oci::inspect::human as bytes;
use crate::policy::ImagePolicy;
use crate::release::Candidate;
use crate::report::table::table;
use crate::tools::image::{self, BuiltImage, ImageRequest, PackageFacts};
use crate::verdict::{GateVerdict, Outcome};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// What `image build` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// The image.
    Build,
    /// The image, and whether a second build elsewhere gives the same.
    Check,
}

/// `image build`.
pub(super) async fn build(
    context: &Context,
    output: Option<PathBuf>,
    features: Vec<String>,
    arguments: Vec<String>,
    aim: Aim,
) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    if aim == Aim::Check {
        check::needs_a_commit(&workspace)?;
    }
    let in_force = context.policy(&workspace).await?;
    let layout = output.map_or_else(
        || context.reports(&workspace).join("image"),
        |output| context.world.directory().join(output),
    );
    let mut policy = in_force.policy.image.clone();
    policy.features.extend(features);
    policy.arguments.extend(arguments);
    let request = request(&workspace, &policy, &layout)?;
    let built = make(context, &request).await?;
    let judged = judge(&policy, &layout)?;
    if aim == Aim::Check && judged.outcome == Outcome::Passed {
        return check::check(context, &request, &built).await;
    }
    outputs::of_image(context, &built.digest);
    context.console.result(&built, |style| {
        let rows = built
            .layers
            .iter()
            .map(|layer| vec![layer.what.clone(), bytes(layer.size_bytes), layer.digest.short().to_owned()]);
        let layers = table(style, &["layer", "size", "digest"], &rows.collect::<Vec<_>>());
        format!("{layers}\n\n{}  {}\n{}", built.digest, bytes(built.size_bytes), built.layout.display())
    });
    match judged.outcome {
        Outcome::Passed => Ok(Exit::Done),
        _ => Err(refused(&judged)),
    }
}

/// `image inspect`.
pub(super) async fn inspect(context: &Context, layout: Option<PathBuf>) -> anyhow::Result<Exit> {
    let layout = match layout {
        Some(layout) => context.world.directory().join(layout),
        None => context.reports(&context.workspace().await?).join("image"),
    };
    let summary = image::summarise(&layout, image::architecture_here()?)?;
    context.console.result(&summary, |style| {
        let layers = summary
            .layers
            .iter()
            .map(|layer| vec![layer.what.clone(), bytes(layer.size_bytes), layer.digest.short().to_owned()]);
        let files = summary.largest.iter().map(|file| vec![file.path.clone(), bytes(file.size_bytes)]);
        format!(
            "{}  {}\n\n{}\n\n{}",
            summary.digest,
            bytes(summary.size_bytes),
            table(style, &["layer", "size", "digest"], &layers.collect::<Vec<_>>()),
            table(style, &["largest files", "size"], &files.collect::<Vec<_>>())
        )
    });
    Ok(Exit::Done)
}

/// An image that was made for a release.
pub(super) struct Made {
    /// What is known of it.
    pub(super) candidate: Candidate,
    /// What its own gate judges.
    pub(super) evidence: Measured<ImageEvidence>,
    /// How it lies there.
    pub(super) built: BuiltImage,
    /// When the build began and ended.
    pub(super) times: (jiff::Timestamp, jiff::Timestamp),
}

/// The image of a release to be.
pub(super) async fn candidate(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    layout: &Path,
) -> anyhow::Result<Made> {
    let policy = &in_force.policy.image;
    let (start, began_at) = (context.world.monotonic(), context.world.now());
    let built = make(context, &request(workspace, policy, layout)?).await?;
    let evidence = image::evidence(&image::summarise(layout, image::architecture_here()?)?);
    let took = context.world.monotonic().saturating_sub(start);
    let duration_millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let candidate = Candidate {
        digest: built.digest.clone(),
        service: service_name(workspace, in_force)?,
        version: package(workspace, policy)?.version,
        commit_time: workspace.repository.commit_time,
        size_bytes: built.size_bytes,
    };
    let evidence = Measured { result: Ok(evidence), duration_millis };
    Ok(Made { candidate, evidence, built, times: (began_at, context.world.now()) })
}

fn request<'a>(
    workspace: &Workspace,
    policy: &'a ImagePolicy,
    layout: &Path,
) -> anyhow::Result<ImageRequest<'a>> {
    Ok(ImageRequest {
        root: workspace.root.clone(),
        target_dir: workspace.target.clone(),
        package: package(workspace, policy)?,
        commit: workspace.repository.commit.clone(),
        commit_time: workspace.repository.commit_time,
        policy,
        output: layout.to_owned(),
    })
}

async fn make(context: &Context, request: &ImageRequest<'_>) -> anyhow::Result<BuiltImage> {
    let step = context.console.step(&context.world, "image");
    match image::build(&context.world, request, &|line| step.tell(line)).await {
        Ok(built) => {
            step.done(format!("{} ({})", built.digest.short(), bytes(built.size_bytes)));
            Ok(built)
        }
        Err(error) => {
            step.failed("could not be built");
            Err(error)
        }
    }
}

pub(super) fn package(workspace: &Workspace, policy: &ImagePolicy) -> anyhow::Result<PackageFacts> {
    let package = workspace.service_package(policy.package.as_deref()).map_err(|names| {
        let message = "it is not clear which package becomes the image";
        Failure::usage(
            message,
            format!("name it in policies/image.yaml (`package:`), one of: {}", names.join(", ")),
        )
    })?;
    Ok(PackageFacts {
        name: package.name.clone(),
        version: package.version.clone(),
        licence: package.license.clone(),
        repository: package.repository.clone(),
        description: package.description.clone(),
    })
}

fn judge(policy: &ImagePolicy, layout: &Path) -> anyhow::Result<GateVerdict> {
    let summary = image::summarise(layout, image::architecture_here()?)?;
    Ok(gates::image::judge(policy, &image::evidence(&summary), 0))
}

fn refused(judged: &GateVerdict) -> anyhow::Error {
    let finding = judged.findings.first();
    let message = finding.map_or("the image is refused".to_owned(), |finding| finding.message.clone());
    let help = finding.map_or(String::new(), |finding| finding.help.clone());
    Failure::error(Exit::Refused, message, help)
}
