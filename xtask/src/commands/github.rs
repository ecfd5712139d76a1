//! `github …`: what GitHub is told. In a build without the feature `github`, started by cargo, it starts itself again with it.
//!
//! The exit code of `report` is the verdict's, so a refused change stays refused whoever asks last; only where the verdict is of
//! another run (`workflow_run`) it says whether GitHub could be told.

mod issue;
#[cfg(feature = "github")]
mod perform;
mod pin;
mod planned;
mod read;
mod release;
pub(super) mod reviews;
mod rulesets;

use super::context::Context;
use super::outputs;
#[cfg(not(feature = "github"))]
use super::rerun;
use crate::cli::{GithubReport, GithubVerb};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::annotations;
use crate::report::github::comment;
use crate::tools::github::context::{Run, Trust};
use crate::tools::github::token;
use planned::{Asked, Planned};
use std::path::PathBuf;

/// `github …`.
pub(super) async fn github(context: &Context, what: &GithubVerb) -> anyhow::Result<Exit> {
    match what {
        GithubVerb::Report(asked) => report(context, asked).await,
        GithubVerb::Issue(asked) => issue::issue(context, asked).await,
        GithubVerb::Rulesets { what } => rulesets::rulesets(context, what).await,
        GithubVerb::Release(asked) => release::release(context, asked).await,
        GithubVerb::Pin(asked) => pin::pin(context, asked).await,
    }
}

async fn report(context: &Context, asked: &GithubReport) -> anyhow::Result<Exit> {
    let run = run(context, asked.repository.as_deref())?;
    let folder = folder(context).await?;
    let verdict = read::verdict(&folder, &run)?;
    let exit = match run.trust() {
        Trust::Own | Trust::Fork => verdict.outcome.exit(),
        Trust::Foreign => Exit::Done,
    };
    let parts = Asked {
        name: &asked.name,
        pull_request: asked.pull_request,
        comment: if asked.no_comment { planned::Part::LeftOut } else { planned::Part::Wanted },
        sarif: if asked.no_sarif { planned::Part::LeftOut } else { planned::Part::Wanted },
        in_actions: context.console.is_read_by_github(),
    };
    let planned = Planned::new(&run, verdict, &parts)?;
    if asked.dry_run {
        context.console.result(&planned, |_| planned.shown());
        return Ok(exit);
    }
    let who = token::identity(&context.world)?;
    let silent = planned.silent.clone().or_else(|| match (&who, context.global.offline) {
        (_, true) => Some("--offline was given".to_owned()),
        (None, _) => Some("there is no token: set GITHUB_TOKEN".to_owned()),
        _ => None,
    });
    let told = match (silent, who) {
        (None, Some(who)) => tell(context, &run, &planned, who).await,
        (why, _) => {
            context.console.note(format!("GitHub is told nothing more: {}", why.unwrap_or_default()));
            Ok(None)
        }
    };
    if let Ok(Some(ended)) = told {
        return Ok(ended);
    }
    here(context, &run, asked, &planned);
    match told {
        Ok(_) => Ok(exit),
        // Of several, a refusal comes before what could not be done.
        Err(error) if exit == Exit::Refused => {
            context.console.error(&error);
            Ok(exit)
        }
        Err(error) => Err(error),
    }
}

/// Where this run stands, with the repository that was named.
fn run(context: &Context, repository: Option<&str>) -> anyhow::Result<Run> {
    let mut run = Run::read(&context.world).map_err(|why| Failure::usage(why.message, why.help))?;
    if let Some(named) = repository {
        run.repository = Some(named.parse().map_err(|why| Failure::usage(why, "name it as OWNER/NAME"))?);
    }
    Ok(run)
}

/// Tells it; or, in the light build, how the build that could ended.
#[cfg(feature = "github")]
async fn tell(
    context: &Context,
    run: &Run,
    planned: &Planned,
    who: token::Identity,
) -> anyhow::Result<Option<Exit>> {
    perform::perform(context, run, planned, who).await.map(|()| None)
}

/// Tells it; or, in the light build, how the build that could ended.
#[cfg(not(feature = "github"))]
async fn tell(context: &Context, _: &Run, _: &Planned, _: token::Identity) -> anyhow::Result<Option<Exit>> {
    rerun::with_feature(context, "github").await.map(Some)
}

/// The tag that was named, else the one that the run is of.
fn tag(run: &Run, named: Option<&str>) -> anyhow::Result<String> {
    let of_run = || run.reference.as_deref().and_then(|reference| reference.strip_prefix("refs/tags/"));
    named.or_else(of_run).map(str::to_owned).ok_or_else(|| {
        Failure::usage("no tag is known: this run is of none", "name it, as v1.2.3, or run it for a tag")
    })
}

/// The report folder. A second stage has no workspace: it must name it.
async fn folder(context: &Context) -> anyhow::Result<PathBuf> {
    match &context.global.report_dir {
        Some(named) => Ok(context.world.directory().join(named)),
        None => Ok(context.reports(&context.workspace().await?)),
    }
}

/// Workflow commands and the job summary. The job of `ci` has both already, so they are written where another one made the verdict.
fn here(context: &Context, run: &Run, asked: &GithubReport, planned: &Planned) {
    if !context.console.is_read_by_github() {
        if planned.repository.is_none() {
            context.console.result(planned, |_| planned.body());
        }
        return;
    }
    if asked.here_too {
        context.console.command_github(&annotations::write(&planned.verdict, "the report of the run"));
    }
    if asked.here_too || run.trust() == Trust::Foreign {
        outputs::summary(context, |room| comment::body(&planned.verdict, &planned.links, 0, room));
    }
}
