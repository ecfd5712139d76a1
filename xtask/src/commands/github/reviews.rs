//! Reviews as approvals: who of `policies/approvers.yaml` has approved of the change's last commit on GitHub.
//!
//! GitHub has authenticated the reviewer, and the review names the commit. Whether he may approve is said by the base's policies, not here.
//! What cannot be asked is told as an approval that does not count, so that nobody waits for a green that cannot come.

use crate::commands::context::Context;
use crate::policy::approvers::{Approval, Approved};
use crate::tools::github::context::{Request, Run};
use crate::tools::github::event::Kind;
use crate::tools::github::token;

/// Approvals by review, where a pull request of GitHub is judged; each with why it could not be had otherwise.
pub(in crate::commands) async fn approvals(
    context: &Context,
    of: &Approved,
) -> Vec<Result<Approval, String>> {
    let Some((run, number)) = request(context) else { return Vec::new() };
    let not_asked = |why: &str| vec![Err(format!("reviews on GitHub were not asked: {why}"))];
    if context.global.offline {
        return not_asked("--offline was given");
    }
    match token::identity(&context.world) {
        Ok(Some(who)) => ask(context, &run, number, who, of).await,
        Ok(None) => not_asked("there is no token, set GATELINE_GITHUB_TOKEN"),
        Err(error) => not_asked(&format!("{error:#}")),
    }
}

/// The pull request that this run is of.
fn request(context: &Context) -> Option<(Run, u64)> {
    let run = Run::read(&context.world).ok()?;
    let is_request =
        matches!(run.event.kind, Kind::PullRequest(_) | Kind::PullRequestTarget(_) | Kind::Review(_));
    match run.target()?.request {
        Request::Number(number) if is_request && run.repository.is_some() => Some((run, number)),
        _ => None,
    }
}

#[cfg(feature = "github")]
async fn ask(
    context: &Context,
    run: &Run,
    number: u64,
    who: token::Identity,
    of: &Approved,
) -> Vec<Result<Approval, String>> {
    use crate::policy::approvers::Identity;
    use crate::tools::github::api;
    let asked = async {
        let client = super::perform::client(context, run, who).map_err(|error| error.to_string())?;
        client.reviews(number).await.map_err(|trouble| trouble.to_string())
    };
    match asked.await {
        Err(why) => vec![Err(format!("reviews on GitHub could not be read: {why}"))],
        Ok(reviews) => {
            let approval = |login: &str| {
                Ok(Approval { identity: Identity::Github { login: login.to_owned() }, of: of.clone() })
            };
            api::approvers(&reviews, &of.commit).into_iter().map(approval).collect()
        }
    }
}

#[cfg(not(feature = "github"))]
async fn ask(
    _: &Context,
    _: &Run,
    _: u64,
    _: token::Identity,
    _: &Approved,
) -> Vec<Result<Approval, String>> {
    let command = "cargo run --package gateline --features github -- ci";
    vec![Err(format!(
        "reviews on GitHub were not asked: this build has not the feature `github`, use {command}"
    ))]
}
