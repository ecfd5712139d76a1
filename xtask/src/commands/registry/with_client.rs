//! What needs the client: copying, and fetching evidence.

use crate::cli::Copying;
use crate::commands::context::Context;
use crate::commands::signed::{self, Looked};
use crate::exit::Exit;
use crate::oci::inspect::human as bytes;
use crate::report::table::table;
use crate::tools::registry::client::{Client, Plain, Trouble};
use crate::tools::registry::copying::{self, Copied, Depth, From, Layout, Registry, To};
use crate::tools::registry::credentials;
use crate::tools::registry::reference::{Place, Reference};
use anyhow::Context as _;
use std::path::PathBuf;

/// Copies between two places.
pub(in crate::commands) async fn perform(
    context: &Context,
    asked: &Copying,
    from: &Place,
    to: &Place,
) -> anyhow::Result<Exit> {
    let plain = plain(asked.plain_http);
    let (source, target) = (Side::of(context, from, plain).await?, Side::of(context, to, plain).await?);
    // A copy inside one registry sends nothing: its blobs are mounted.
    let same = match (from, to) {
        (Place::Registry(from), Place::Registry(to)) if from.host == to.host => Some(from.name.clone()),
        _ => None,
    };
    let mut end = match &target {
        Side::Registry(client, reference) => {
            To::Registry(Registry::new(client, reference.clone(), asked.mount_from.clone().or(same)))
        }
        Side::Layout(place, tag) => To::Layout(Layout::new(place, tag.as_deref()).map_err(Trouble::failure)?),
    };
    let step = context.console.step(&context.world, "image copy");
    match copying::copy(&source.source(), &mut end, Depth::Whole, &|line| step.tell(line)).await {
        Ok(copied) => {
            let copied = Copied { from: asked.source.clone(), to: asked.destination.clone(), ..copied };
            step.done(format!("{} sent", bytes(copied.uploaded.bytes)));
            context.console.result(&copied, |style| {
                let row = |what: &str, count: copying::Count| {
                    vec![what.to_owned(), count.blobs.to_string(), bytes(count.bytes)]
                };
                let rows = [
                    row("sent", copied.uploaded),
                    row("there already", copied.skipped),
                    row("mounted", copied.mounted),
                ];
                let rows = table(style, &["blobs", "count", "size"], &rows);
                let listed = if copied.fallback_tag { ", listed under the fallback tag" } else { "" };
                format!("{rows}\n\n{}\n{} referrers{listed}\n{}", copied.digest, copied.referrers, copied.to)
            });
            Ok(Exit::Done)
        }
        Err(trouble) => {
            step.failed("not copied");
            Err(trouble.failure())
        }
    }
}

/// Fetches what is said of an image, and judges it.
pub(in crate::commands) async fn fetched(
    context: &Context,
    reference: Reference,
    digest: Option<String>,
    commit: Option<String>,
    plain_http: bool,
) -> anyhow::Result<Exit> {
    let source = Side::of(context, &Place::Registry(reference), plain(plain_http)).await?;
    let folder = tempfile::tempdir().context("failed to make a temporary directory")?;
    let layout = folder.path().join("layout");
    let mut end = To::Layout(Layout::new(&layout, None).map_err(Trouble::failure)?);
    let copied = copying::copy(&source.source(), &mut end, Depth::Evidence, &|_| {})
        .await
        .map_err(Trouble::failure)?;
    signed::verify(context, Looked::Fetched(layout, copied.digest), digest, commit).await
}

fn plain(asked: bool) -> Plain {
    if asked { Plain::Anywhere } else { Plain::Loopback }
}

/// A place that can be used.
enum Side {
    Layout(PathBuf, Option<String>),
    Registry(Box<Client>, Reference),
}

impl Side {
    async fn of(context: &Context, place: &Place, plain: Plain) -> anyhow::Result<Side> {
        match place {
            Place::Layout { directory, tag } => {
                Ok(Side::Layout(context.world.directory().join(directory), tag.clone()))
            }
            Place::Registry(reference) => {
                let login = credentials::find(&context.world, &reference.host, &reference.name).await?;
                let client =
                    Client::new(&context.world, reference, plain, login).map_err(Trouble::failure)?;
                Ok(Side::Registry(Box::new(client), reference.clone()))
            }
        }
    }

    fn source(&self) -> From<'_> {
        match self {
            Side::Layout(directory, tag) => From::Layout(directory.clone(), tag.clone()),
            Side::Registry(client, reference) => From::Registry(client, reference.clone()),
        }
    }
}
