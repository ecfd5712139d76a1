//! `publish …`: what a version is published with, made here. Publishing it on GitHub is `github release`.

mod assets;
mod crates;
mod notes;
mod packages;

pub(super) use assets::{FOLDER, files, sums};
pub(super) use notes::of_version;
pub(super) use packages::{Released, released};

use super::context::Context;
use crate::cli::PublishVerb;
use crate::exit::Exit;

/// `publish …`.
pub(super) async fn publish(context: &Context, what: PublishVerb) -> anyhow::Result<Exit> {
    match what {
        PublishVerb::Notes { version, changelog } => notes::notes(context, version, changelog).await,
        PublishVerb::Assets { package, features, output, dry_run } => {
            let asked = assets::Asked { package, features, output };
            match dry_run {
                true => assets::show(context, asked).await,
                false => assets::assets(context, asked).await,
            }
        }
        PublishVerb::Crates { dry_run } => crates::crates(context, dry_run.into()).await,
    }
}
