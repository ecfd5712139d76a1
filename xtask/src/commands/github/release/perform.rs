//! Publishes what was planned, an act at a time, and looks again after each: what GitHub has decides, not what was sent.

use super::super::perform::{client, failure};
use super::{Context, Planned, shown};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::release::publication::{self, Act, Refused, There};
use crate::release::sums;
use crate::tools::github::client::{Client, Trouble};
use crate::tools::github::context::Run;
use crate::tools::github::token::Identity;
use serde::Serialize;

/// Acts besides one for each file: the draft, its text, the publication, and what is left of uploads that broke off.
const OTHER_ACTS_MAX: usize = 20;

/// What the token must be allowed.
const RIGHT: &str = "contents: write";

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    /// The page.
    page: String,
    /// Files that were sent.
    sent: Vec<String>,
    /// Whether it was published now, or before.
    became: &'static str,
}

/// Why it stopped.
enum Stopped {
    Refused(Refused),
    Trouble(Trouble),
    Here(anyhow::Error),
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Stopped {
        Stopped::Trouble(trouble)
    }
}

/// A failure whose help names the right that is missing, where one is.
pub(in crate::commands::github) fn failed(trouble: Trouble, right: &str) -> anyhow::Error {
    match &trouble {
        Trouble::Answered { status: 403 | 404, .. } => {
            Failure::infrastructure(trouble.to_string(), format!("give the token the right `{right}`"))
        }
        _ => failure(trouble),
    }
}

/// Publishes it.
pub(super) async fn perform(
    context: &Context,
    run: &Run,
    planned: &Planned,
    who: Identity,
) -> anyhow::Result<Exit> {
    let client = client(context, run, who)?;
    is_there(&client, planned).await?;
    let done = publish(context, &client, planned).await.map_err(|stopped| match stopped {
        Stopped::Refused(why) => Failure::error(
            Exit::Refused,
            why.to_string(),
            "look at it on GitHub; a draft may be deleted there, a published version stays: release the next one",
        ),
        Stopped::Trouble(trouble) => failed(trouble, RIGHT),
        Stopped::Here(error) => error,
    })?;
    context.console.result(&done, |_| shown::done(&done.page, &done.sent, done.became));
    Ok(Exit::Done)
}

/// GitHub has the tag, at the same commit: without it, a release would make a tag at whatever the default branch is at.
async fn is_there(client: &Client, planned: &Planned) -> anyhow::Result<()> {
    let wanted = &planned.wanted;
    let refuse =
        |message: String| Failure::error(Exit::Refused, message, format!("git push origin {}", wanted.tag));
    match client.commit_of_tag(&wanted.tag).await {
        Ok(commit) if commit == wanted.commit => Ok(()),
        Ok(commit) => {
            Err(refuse(format!("{} is at {commit} on GitHub, and at {} here", wanted.tag, wanted.commit)))
        }
        Err(Trouble::Answered { status: 404 | 422, .. }) => {
            Err(refuse(format!("GitHub has no tag {}", wanted.tag)))
        }
        Err(trouble) => Err(failed(trouble, RIGHT)),
    }
}

async fn publish(context: &Context, client: &Client, planned: &Planned) -> Result<Done, Stopped> {
    let wanted = &planned.wanted;
    let mut there = publication::only(&wanted.tag, client.releases().await?).map_err(Stopped::Refused)?;
    let (mut sent, mut became) = (Vec::new(), "published before, and the same");
    for _ in 0..wanted.assets.len() + OTHER_ACTS_MAX {
        let assets = match &there {
            Some(release) => client.release_assets(release.id).await?,
            None => Vec::new(),
        };
        let act = publication::next(wanted, there.as_ref(), &assets).map_err(Stopped::Refused)?;
        context.console.detail(format!("{act:?}"));
        match (act, &there) {
            (Act::Create, _) => there = Some(client.create_draft(wanted).await?),
            (Act::Describe, Some(release)) => {
                client.describe_release(release.id, wanted).await?;
                there = Some(client.release(release.id).await?);
            }
            (Act::Remove(id), _) => client.remove_asset(id).await?,
            (Act::Upload(name), Some(release)) => {
                send(client, planned, release, &name).await?;
                sent.push(name);
            }
            (Act::Publish, Some(release)) => {
                client.publish_release(release.id).await?;
                there = Some(client.release(release.id).await?);
                became = "published";
            }
            (Act::Nothing, Some(release)) => {
                return Ok(Done { page: release.html_url.clone(), sent, became });
            }
            (Act::Describe | Act::Upload(_) | Act::Publish | Act::Nothing, None) => break,
        }
    }
    Err(Stopped::Here(Failure::infrastructure(
        format!("the release of {} does not become what it should be", wanted.tag),
        "look at the draft on GitHub, and run it again",
    )))
}

async fn send(client: &Client, planned: &Planned, release: &There, name: &str) -> Result<(), Stopped> {
    let bytes = match name == sums::FILE {
        true => planned.sums.clone().into_bytes(),
        false => {
            let file = planned.folder.join(name);
            tokio::fs::read(&file).await.map_err(|error| {
                let message = format!("failed to read {}: {error}", file.display());
                Stopped::Here(Failure::infrastructure(message, "cargo xtask release assets"))
            })?
        }
    };
    client.upload_asset(release, name, bytes.into()).await?;
    Ok(())
}
