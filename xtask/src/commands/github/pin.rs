//! `github pin`: proposes the pin of the Action, once a version is public.
//!
//! The digests are GitHub's own of the published files, so the pin is of what people will fetch; `SHA256SUMS` beside them must say the
//! same. The pin is proposed as a pull request and never pushed to a protected branch: somebody looks at it, and the commit that it
//! becomes is the one that users pin.

#[cfg(feature = "github")]
mod perform;

use super::Context;
use crate::cli::GithubPin;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::github::context::Run;
use crate::tools::github::token;

/// `github pin`.
pub(super) async fn pin(context: &Context, asked: &GithubPin) -> anyhow::Result<Exit> {
    let run = super::run(context, asked.repository.as_deref())?;
    let tag = super::tag(&run, asked.tag.as_deref())?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    if !asked.base.chars().all(plain) || asked.base.is_empty() {
        return Err(Failure::usage(format!("`{}` is no branch", asked.base), "name it: --base main"));
    }
    match token::identity(&context.world)?.filter(|_| !context.global.offline) {
        Some(who) => perform(context, &run, &tag, asked, who).await,
        None => Err(Failure::usage("GitHub cannot be asked: no token, or --offline", "set GITHUB_TOKEN")),
    }
}

#[cfg(feature = "github")]
async fn perform(
    context: &Context,
    run: &Run,
    tag: &str,
    asked: &GithubPin,
    who: token::Identity,
) -> anyhow::Result<Exit> {
    let proposal = perform::Proposal { tag, base: &asked.base };
    match asked.dry_run {
        true => perform::show(context, run, &proposal, who).await,
        false => perform::propose(context, run, &proposal, who).await,
    }
}

#[cfg(not(feature = "github"))]
async fn perform(
    context: &Context,
    _: &Run,
    _: &str,
    _: &GithubPin,
    _: token::Identity,
) -> anyhow::Result<Exit> {
    super::rerun::with_feature(context, "github").await
}
