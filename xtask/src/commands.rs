//! One verb per file: gather, decide, act, report.

mod audit;
mod context;
mod coverage;
mod deploy;
mod doctor;
mod explain;
mod gates;
mod github;
mod image;
mod init;
mod lint;
mod local;
mod orders;
mod outputs;
mod own;
mod people;
mod plan;
mod policy;
mod release;
mod resident;
mod sbom;
mod security;
mod ship;
mod site;
mod status;
mod test;
mod waive;

use crate::cli::{Cli, Global, ImageVerb, LocalVerb, Plan, PolicyVerb, Resident, Verb, Waive};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{Console, Verbosity};
use crate::tools::partners;
use crate::world::World;
use clap::CommandFactory as _;
use context::Context;
use std::path::Path;

/// Runs a verb to its exit code. Every error is printed here, once, with its help.
pub fn main(world: &World, cli: Cli) -> Exit {
    let verb = match cli.verb {
        Verb::Resident(resident) => return stay(world, resident),
        verb => verb,
    };
    let folder = world.directory().join(cli.global.workspace.as_deref().unwrap_or(Path::new("")));
    let console = Console::new(world, cli.global.format, verbosity(&cli.global));
    let console = console.called(own::words(world, &folder));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let world = if cli.global.offline {
        world.clone().with_variable("CARGO_NET_OFFLINE", "true")
    } else {
        world.clone()
    };
    let world = partners::within_reach(world, cli.global.workspace.as_deref());
    let context = Context { world, console, global: cli.global, lines: std::sync::OnceLock::new() };
    let done = runtime.map_err(failed_runtime).and_then(|runtime| {
        let done = runtime.block_on(run_or_stop(&context, verb));
        // A thread that waits for an answer at the terminal must not hold the end up.
        runtime.shutdown_background();
        done
    });
    done.unwrap_or_else(|error| {
        context.console.error(&error);
        Failure::exit_of(&error)
    })
}

/// Runs the supervisor or a shim to its exit code.
pub fn stay(world: &World, resident: Resident) -> Exit {
    resident::stay(world, resident)
}

fn failed_runtime(error: std::io::Error) -> anyhow::Error {
    Failure::infrastructure(format!("failed to start the runtime: {error}"), "check `ulimit -a`")
}

/// The end where not even the outside could be read.
pub fn no_world(error: &anyhow::Error) -> Exit {
    Console::for_errors().error(error);
    Exit::Infrastructure
}

fn verbosity(global: &Global) -> Verbosity {
    match global {
        Global { quiet: true, .. } => Verbosity::Quiet,
        Global { verbose: true, .. } => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

/// Runs a verb until it ends or somebody stops it. What it started is killed with it; a rollout stays as the journal has
/// it, and its weights lapse.
async fn run_or_stop(context: &Context, verb: Verb) -> anyhow::Result<Exit> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        done = run(context, verb) => done,
        _ = interrupt.recv() => Err(stopped()),
        _ = terminate.recv() => Err(stopped()),
    }
}

fn stopped() -> anyhow::Error {
    Failure::infrastructure(
        "stopped before the end; a rollout's weights lapse to the stable version by themselves",
        "run it again; for a rollout: cargo xtask resume, or cargo xtask status",
    )
}

async fn run(context: &Context, verb: Verb) -> anyhow::Result<Exit> {
    match verb {
        Verb::Ci(ci) => gates::ci(context, &ci).await,
        Verb::Test(asked) => test::test(context, &asked).await,
        Verb::Coverage(asked) => coverage::coverage(context, &asked).await,
        Verb::Lint(asked) => lint::lint(context, asked).await,
        Verb::Security(asked) => security::security(context, asked).await,
        Verb::Plan(Plan { goal, affected: false, .. }) => plan::show(context, goal).await,
        Verb::Plan(Plan { goal, affected: true, base }) => plan::show_affected(context, goal, base).await,
        Verb::Image { what: ImageVerb::Build { output, features, arguments } } => {
            image::build(context, output, features, arguments).await
        }
        Verb::Image { what: ImageVerb::Inspect { layout } } => image::inspect(context, layout).await,
        Verb::Ship { yes, fresh } => ship::ship(context, yes.into(), fresh.into()).await,
        Verb::Deploy { environment, digest, yes } => {
            deploy::deploy(context, &environment, digest, yes.into()).await
        }
        Verb::Promote { from, to, yes } => deploy::promote(context, &from, &to, yes.into()).await,
        Verb::Rollback { environment, to } => deploy::rollback(context, &environment, to).await,
        Verb::Approve { id, resume } => people::approve(context, &id, resume.into()).await,
        Verb::Reject { id } => people::reject(context, &id).await,
        Verb::Resume => people::resume(context).await,
        Verb::Order(order) => orders::order(context, order).await,
        Verb::Status => status::status(context).await,
        Verb::History { environment } => status::history(context, environment).await,
        Verb::Local { what: LocalVerb::Up } => local::up(context).await,
        Verb::Local { what: LocalVerb::Down } => local::down(context).await,
        Verb::Local { what: LocalVerb::Status } => status::status(context).await,
        Verb::Local { what: LocalVerb::Logs { environment, lines } } => {
            local::logs(context, &environment, lines).await
        }
        Verb::Explain { step } => explain::explain(context, &step).await,
        Verb::Waive(Waive { code, subject, reason, owner, days }) => {
            waive::waive(context, waive::Wanted { code, subject, reason, owner, days }).await
        }
        Verb::Policy { what: PolicyVerb::Approve { commit, key, yes } } => {
            policy::approve(context, &commit, key, yes.into()).await
        }
        Verb::Policy { what: PolicyVerb::Show } => policy::show(context).await,
        Verb::Policy { what: PolicyVerb::Check } => policy::check(context).await,
        Verb::Github(what) => github::github(context, &what).await,
        Verb::Release(asked) => release::release(context, asked).await,
        Verb::Sbom(asked) => sbom::sbom(context, asked).await,
        Verb::Audit { what } => audit::audit(context, &what).await,
        Verb::Init(asked) => init::init(context, asked).await,
        Verb::Doctor => doctor::doctor(context).await,
        Verb::Setup => doctor::setup(context).await,
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "gateline", &mut script);
            context.console.raw(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }
        // They were told apart before: nothing of this context is theirs.
        Verb::Resident(resident) => resident::run(&context.world, resident).await,
    }
}
