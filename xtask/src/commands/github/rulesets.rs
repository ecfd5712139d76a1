//! `github rulesets check` and `apply`: what `policies/github.yaml` asks of GitHub, and what is in force there.
//!
//! `check` writes nothing: 0 where both are the same, 10 where they drift, 1 where the token may not see enough to know. `apply` shows
//! the same diff, asks, writes what differs, and reads it back.

#[cfg(feature = "github")]
mod apply;
#[cfg(feature = "github")]
mod drift;
#[cfg(feature = "github")]
mod lines;
#[cfg(feature = "github")]
mod perform;
#[cfg(feature = "github")]
mod read;
#[cfg(feature = "github")]
mod wanted;

use super::Context;
use crate::cli::{Rulesets, RulesetsVerb};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::tools::github::token;
#[cfg(feature = "github")]
use perform::perform;

/// `github rulesets …`.
pub(super) async fn rulesets(context: &Context, what: &RulesetsVerb) -> anyhow::Result<Exit> {
    let (RulesetsVerb::Check(asked) | RulesetsVerb::Apply { asked, .. }) = what;
    let Rulesets { repository } = asked;
    let run = super::run(context, repository.as_deref())?;
    let writes = matches!(what, RulesetsVerb::Apply { dry_run: false, .. });
    if writes && run.is_of_a_change() {
        let message = "this run is of a change, and its policies are not in force yet";
        return Err(Failure::usage(message, "apply after the merge; `check` and --dry-run write nothing"));
    }
    let workspace = context.workspace().await?;
    let policy = context.policy(&workspace).await?.policy.github;
    match token::identity(&context.world)?.filter(|_| !context.global.offline) {
        Some(who) => perform(context, &run, &policy, what, who).await,
        None => Err(Failure::usage("GitHub cannot be asked: no token, or --offline", "set GITHUB_TOKEN")),
    }
}

#[cfg(not(feature = "github"))]
async fn perform(
    context: &Context,
    _: &crate::tools::github::context::Run,
    _: &crate::policy::GithubPolicy,
    _: &RulesetsVerb,
    _: token::Identity,
) -> anyhow::Result<Exit> {
    super::rerun::with_feature(context, "github").await
}
