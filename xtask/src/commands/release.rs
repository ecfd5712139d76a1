//! `release …`: what a version is released with, made here. Publishing it on GitHub is `github release`.

mod assets;
mod crates;
mod notes;
mod packages;

pub(super) use assets::{FOLDER, files, sums};
pub(super) use notes::of_version;
pub(super) use packages::{Released, released};

use super::context::Context;
use crate::cli::ReleaseVerb;
use crate::exit::Exit;

/// `release …`.
pub(super) async fn release(context: &Context, what: ReleaseVerb) -> anyhow::Result<Exit> {
    match what {
        ReleaseVerb::Notes { version, changelog } => notes::notes(context, version, changelog).await,
        ReleaseVerb::Assets { package, features, output, dry_run } => {
            let asked = assets::Asked { package, features, output };
            match dry_run {
                true => assets::show(context, asked).await,
                false => assets::assets(context, asked).await,
            }
        }
        ReleaseVerb::Crates { dry_run } => crates::crates(context, dry_run.into()).await,
    }
}
