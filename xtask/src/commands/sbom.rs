//! `sbom`: what a binary would be made of, by the manifests. `release assets` writes the same of what was really built.

use super::context::{Context, write_report};
use crate::cli::Sbom;
use crate::exit::Exit;
use crate::tools::sbom::{self, Subject, linked};
use crate::tools::toolchain::Toolchain;
use anyhow::Context as _;

/// Who writes bills of materials.
pub(super) const MAKER: (&str, &str) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// `sbom`.
pub(super) async fn sbom(context: &Context, asked: Sbom) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let image = &in_force.policy.image;
    let of_image = super::image::package(&workspace, image);
    let package = match asked.package {
        Some(named) => named,
        None => of_image.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?.name.clone(),
    };
    let features = match &of_image {
        Ok(facts) if facts.name == package && asked.features.is_empty() => image.features.clone(),
        _ => asked.features,
    };
    let toolchain = Toolchain::read(&context.world, &workspace.root, Some(&workspace.target)).await?;
    let target = match asked.target {
        Some(named) => named,
        None => toolchain.host()?.to_owned(),
    };
    let subject =
        Subject { root: &workspace.root, package: &package, target: &target, profile: &image.profile };
    let metadata = sbom::metadata(&context.world, &subject).await?;
    let linked = linked::by_manifests(&metadata, sbom::member(&metadata, &package)?, &features);
    let document = sbom::bill(&metadata, &subject, &linked, &toolchain)?.document(MAKER);
    match asked.output {
        None => context.console.raw(&document),
        Some(file) => {
            let file = context.world.directory().join(file);
            write_report(&file, document.as_bytes())?;
            let components = linked.0.len().checked_sub(1).context("nothing is linked")?;
            context.console.note(format!("{components} packages in {}", file.display()));
        }
    }
    Ok(Exit::Done)
}
