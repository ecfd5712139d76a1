//! `image push`, `image pull`, `image copy`, and `image verify` of an image in a registry.
//!
//! In a build without the feature `registry`, started by cargo, it starts itself again with it.

use super::context::Context;
#[cfg(not(feature = "registry"))]
use super::rerun;
use super::signed::{self, Looked};
use crate::cli::Copying;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::registry::reference::Place;

#[cfg(feature = "registry")]
mod with_client;

/// `image push`, `image pull`, `image copy`.
pub(super) async fn copy(context: &Context, asked: &Copying) -> anyhow::Result<Exit> {
    let (from, to) = (place(&asked.source)?, place(&asked.destination)?);
    if from == to {
        return Err(Failure::usage("source and destination are the same place", "name another destination"));
    }
    if let Place::Registry(reference) = &to
        && reference.digest.is_some()
    {
        let help = "name a tag, or the repository alone: the image keeps its digest by itself";
        return Err(Failure::usage("a destination has no digest", help));
    }
    perform(context, asked, &from, &to).await
}

/// `image verify`.
pub(super) async fn verify(
    context: &Context,
    image: Option<String>,
    digest: Option<String>,
    commit: Option<String>,
    plain_http: bool,
) -> anyhow::Result<Exit> {
    let Some(image) = image else {
        return signed::verify(context, Looked::Layout(None), digest, commit).await;
    };
    let here = context.world.directory().join(&image);
    match image.parse::<Place>() {
        // What is there is meant, whatever else its name could be.
        Ok(Place::Registry(reference)) if !here.exists() => {
            fetched(context, reference, digest, commit, plain_http).await
        }
        Ok(Place::Layout { directory, .. }) => {
            signed::verify(context, Looked::Layout(Some(directory)), digest, commit).await
        }
        _ => signed::verify(context, Looked::Layout(Some(image.into())), digest, commit).await,
    }
}

fn place(text: &str) -> anyhow::Result<Place> {
    let help = "write oci:DIR[:TAG] or HOST[:PORT]/NAME[:TAG][@DIGEST]";
    text.parse().map_err(|why: String| Failure::usage(why, help))
}

#[cfg(feature = "registry")]
use with_client::{fetched, perform};

#[cfg(not(feature = "registry"))]
async fn perform(context: &Context, _: &Copying, _: &Place, _: &Place) -> anyhow::Result<Exit> {
    rerun::with_feature(context, "registry").await
}

#[cfg(not(feature = "registry"))]
async fn fetched(
    context: &Context,
    _: crate::tools::registry::reference::Reference,
    _: Option<String>,
    _: Option<String>,
    _: bool,
) -> anyhow::Result<Exit> {
    rerun::with_feature(context, "registry").await
}
