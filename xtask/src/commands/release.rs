//! `release …`: what a version is released with, made here. Publishing it on GitHub is `github release`.

mod assets;
mod crates;
mod notes;
mod packages;

pub(super) use assets::{FOLDER, files, sums};
pub(super) use notes::of_version;
pub(super) use packages::{Released, released};

use super::context::Context;
use super::orders;
use crate::cli::{Release, ReleaseVerb};
use crate::exit::Exit;
use crate::failure::Failure;

/// `release …`, and `release DIGEST`.
pub(super) async fn release(context: &Context, asked: Release) -> anyhow::Result<Exit> {
    match asked {
        Release { what: Some(what), .. } => made(context, what).await,
        Release { held: Some(held), .. } => orders::release(context, &held).await,
        Release { what: None, held: None } => {
            Err(Failure::usage("there is nothing to release", "cargo xtask release --help"))
        }
    }
}

async fn made(context: &Context, what: ReleaseVerb) -> anyhow::Result<Exit> {
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
