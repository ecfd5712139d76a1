//! Reads the published version, and proposes the pin: a branch, a commit, a pull request, each only where it is not there yet.

use super::super::perform::{Became, client};
use super::super::release::perform::failed;
use super::Context;
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::release::pin::{PATH, Pin};
use crate::release::publication::{self, Asset};
use crate::release::sums::{self, Sums};
use crate::report::github::release::pin_request;
use crate::tools::github::client::{Client, Trouble};
use crate::tools::github::context::Run;
use crate::tools::github::pin::Written;
use crate::tools::github::token::Identity;
use semver::Version;
use serde::Serialize;

/// What the token must be allowed.
const RIGHTS: &str = "contents: write, pull-requests: write";

/// Which version, and the branch that its pin is for.
pub(super) struct Proposal<'a> {
    pub(super) tag: &'a str,
    pub(super) base: &'a str,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Proposed {
    pin: String,
    request: Became,
    page: Option<String>,
}

/// `github pin --dry-run`.
pub(super) async fn show(
    context: &Context,
    run: &Run,
    proposal: &Proposal<'_>,
    who: Identity,
) -> anyhow::Result<Exit> {
    let (pin, _) = published(&client(context, run, who)?, proposal.tag).await?;
    context.console.result(&pin.text(), |_| pin.text());
    Ok(Exit::Done)
}

/// `github pin`.
pub(super) async fn propose(
    context: &Context,
    run: &Run,
    proposal: &Proposal<'_>,
    who: Identity,
) -> anyhow::Result<Exit> {
    let client = client(context, run, who)?;
    let (pin, commit) = published(&client, proposal.tag).await?;
    let proposed = write(&client, proposal, &pin, &commit).await.map_err(not_done)?;
    context.console.result(&proposed, |_| {
        let page = proposed.page.as_deref().unwrap_or_default();
        format!("{}\npull request: {} {page}", proposed.pin.trim_end(), proposed.request.shown())
    });
    Ok(Exit::Done)
}

fn not_done(trouble: Trouble) -> anyhow::Error {
    failed(trouble, RIGHTS)
}

/// The pin of a published version, and the commit that was tagged.
async fn published(client: &Client, tag: &str) -> anyhow::Result<(Pin, String)> {
    let refuse = |why: String| {
        Failure::error(
            Exit::Refused,
            format!("{tag} cannot be pinned: {why}"),
            "publish it first: github release",
        )
    };
    let version = tag.strip_prefix('v').and_then(|version| Version::parse(version).ok());
    let version = version
        .ok_or_else(|| Failure::usage(format!("`{tag}` is no tag of a version"), "name it as v1.2.3"))?;
    let all = client.releases().await.map_err(not_done)?;
    let there = publication::only(tag, all).map_err(|why| refuse(why.to_string()))?;
    let there = there.filter(|one| !one.draft).ok_or_else(|| refuse("it is not published".to_owned()))?;
    let assets = client.release_assets(there.id).await.map_err(not_done)?;
    let sums = agreed(&assets).map_err(refuse)?;
    let commit = client.commit_of_tag(tag).await.map_err(not_done)?;
    let pin = Pin::new(version, &commit, &sums).map_err(refuse)?;
    Ok((pin, commit))
}

/// GitHub's digests of the files, where `SHA256SUMS` says the same of each: it is a function of them, so its own digest tells.
fn agreed(assets: &[Asset]) -> Result<Sums, String> {
    let digest = |asset: &Asset| {
        let digest = asset.digest.as_deref().filter(|_| asset.is_whole());
        let digest = digest.and_then(|text| text.parse::<Digest>().ok());
        digest.ok_or_else(|| format!("GitHub does not tell the digest of `{}`", asset.name))
    };
    let (lists, files): (Vec<&Asset>, Vec<&Asset>) =
        assets.iter().partition(|asset| asset.name == sums::FILE);
    let [list] = lists.as_slice() else { return Err(format!("it has no {}", sums::FILE)) };
    let named: Result<Vec<(String, Digest)>, String> =
        files.into_iter().map(|asset| Ok((asset.name.clone(), digest(asset)?))).collect();
    let sums = Sums::of(named?)?;
    match digest(list)? == Digest::of(sums.text().as_bytes()) {
        true => Ok(sums),
        false => Err(format!("its {} does not say what GitHub has", sums::FILE)),
    }
}

async fn write(
    client: &Client,
    proposal: &Proposal<'_>,
    pin: &Pin,
    commit: &str,
) -> Result<Proposed, Trouble> {
    let text = pin.text();
    let done = |request: Became, page: Option<String>| Proposed { pin: text.clone(), request, page };
    let in_force = client.file(PATH, proposal.base).await?;
    if in_force.is_some_and(|file| file.text() == Some(text.clone())) {
        return Ok(done(Became::Unchanged, None));
    }
    let branch = format!("gateline/pin-{}", proposal.tag);
    let base = client.head_of(proposal.base).await?;
    let base = base.ok_or_else(|| Trouble::Answered {
        status: 404,
        call: format!("the branch {}", proposal.base),
        message: "there is no such branch".to_owned(),
    })?;
    if client.head_of(&branch).await?.is_none() {
        client.create_branch(&branch, &base).await?;
    }
    let programs: Vec<&str> = pin.programs().collect();
    let (title, body) = pin_request(proposal.tag, commit, &programs);
    let there = client.file(PATH, &branch).await?;
    let had_it = there.as_ref().is_some_and(|file| file.text() == Some(text.clone()));
    if !had_it {
        let written = Written { path: PATH, branch: &branch, message: &title, text: &text };
        client.write_file(&written, there.map(|file| file.sha)).await?;
    }
    let (request, page) = match client.request_of(&branch, proposal.base).await? {
        Some(open) => (if had_it { Became::Unchanged } else { Became::Changed }, open.html_url),
        None => (Became::Made, client.open_request(&branch, proposal.base, &title, &body).await?.html_url),
    };
    Ok(done(request, Some(page)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(name: &str, content: &str) -> Asset {
        let digest = Some(Digest::of(content.as_bytes()).to_string());
        Asset { id: 1, name: name.into(), size: 1, state: "uploaded".into(), digest }
    }

    #[test]
    fn the_list_must_say_what_github_has() {
        let list = format!("{}  a\n", Digest::of(b"x").hex());
        let check = |assets: &[Asset], expected: Result<&str, &str>| {
            let said = agreed(assets).map(|sums| sums.text());
            match expected {
                Ok(text) => assert_eq!(said.as_deref(), Ok(text)),
                Err(words) => assert!(said.clone().is_err_and(|why| why.contains(words)), "{said:?}"),
            }
        };
        check(&[asset("a", "x"), asset("SHA256SUMS", &list)], Ok(&list));
        check(&[asset("a", "y"), asset("SHA256SUMS", &list)], Err("does not say what GitHub has"));
        check(&[asset("a", "x")], Err("has no SHA256SUMS"));
        let untold = Asset { digest: None, ..asset("a", "x") };
        check(&[untold, asset("SHA256SUMS", &list)], Err("does not tell the digest of `a`"));
        let broken = Asset { state: "starter".into(), ..asset("a", "x") };
        check(&[broken, asset("SHA256SUMS", &list)], Err("does not tell the digest of `a`"));
    }
}
