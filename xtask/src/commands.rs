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
mod judge;
mod lint;
mod local;
mod orders;
mod outputs;
mod own;
mod people;
mod plan;
mod policy;
mod registry;
mod release;
#[cfg_attr(
    all(feature = "github", feature = "registry"),
    expect(dead_code, reason = "this build has every feature")
)]
mod rerun;
mod resident;
mod sbom;
mod security;
mod ship;
mod signed;
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
use std::pin::Pin;

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
    // A verb that ends by these signals itself comes first.
    tokio::select! {
        biased;
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

/// A verb that runs. Each on the heap by itself: on the stack they would lie side by side, all of them, in every poll.
type Running<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Exit>> + 'a>>;

fn run(context: &Context, verb: Verb) -> Running<'_> {
    match verb {
        Verb::Ci(ci) => Box::pin(async move { gates::ci(context, &ci).await }),
        Verb::Test(asked) => Box::pin(async move { test::test(context, &asked).await }),
        Verb::Coverage(asked) => Box::pin(async move { coverage::coverage(context, &asked).await }),
        Verb::Lint(asked) => Box::pin(async move { lint::lint(context, asked).await }),
        Verb::Security(asked) => Box::pin(async move { security::security(context, asked).await }),
        Verb::Plan(Plan { goal, affected: false, .. }) => {
            Box::pin(async move { plan::show(context, goal).await })
        }
        Verb::Plan(Plan { goal, affected: true, base }) => {
            Box::pin(async move { plan::show_affected(context, goal, base).await })
        }
        Verb::Image { what: ImageVerb::Build { output, features, arguments, check } } => {
            let aim = if check { image::Aim::Check } else { image::Aim::Build };
            Box::pin(async move { image::build(context, output, features, arguments, aim).await })
        }
        Verb::Image { what: ImageVerb::Inspect { layout } } => {
            Box::pin(async move { image::inspect(context, layout).await })
        }
        Verb::Image { what: ImageVerb::Verify { image, digest, commit, plain_http } } => {
            Box::pin(async move { registry::verify(context, image, digest, commit, plain_http).await })
        }
        Verb::Image { what: ImageVerb::Push(asked) | ImageVerb::Pull(asked) | ImageVerb::Copy(asked) } => {
            Box::pin(async move { registry::copy(context, &asked).await })
        }
        Verb::Judge { what } => Box::pin(async move { judge::judge(context, what).await }),
        Verb::Key { what } => Box::pin(async move { signed::key(context, &what) }),
        Verb::Ship { yes, fresh, windows } => {
            Box::pin(async move { ship::ship(context, yes.into(), fresh.into(), windows.reason).await })
        }
        Verb::Deploy { environment, digest, yes, windows } => Box::pin(async move {
            deploy::deploy(context, &environment, digest, yes.into(), windows.reason).await
        }),
        Verb::Promote { from, to, yes, windows } => {
            Box::pin(async move { deploy::promote(context, &from, &to, yes.into(), windows.reason).await })
        }
        Verb::Restart { environment } => {
            Box::pin(async move { site::Site::open(context).await?.restart(&environment).await })
        }
        Verb::Rollback { environment, to } => {
            Box::pin(async move { deploy::rollback(context, &environment, to).await })
        }
        Verb::Approve(asked) => Box::pin(async move { people::approve(context, asked).await }),
        Verb::Reject { id, key } => {
            Box::pin(async move { people::reject(context, &id, key.as_deref()).await })
        }
        Verb::Resume => Box::pin(async move { people::resume(context).await }),
        Verb::Order(order) => Box::pin(async move { orders::order(context, order).await }),
        Verb::Status { watch: false } => Box::pin(async move { status::status(context).await }),
        Verb::Status { watch: true } => Box::pin(async move { status::watch(context).await }),
        Verb::History { environment, judge: true } => {
            Box::pin(async move { judge::records(context, environment.as_deref()).await })
        }
        Verb::History { environment, judge: false } => {
            Box::pin(async move { status::history(context, environment).await })
        }
        Verb::Local { what: LocalVerb::Up } => Box::pin(async move { local::up(context).await }),
        Verb::Local { what: LocalVerb::Down } => Box::pin(async move { local::down(context).await }),
        Verb::Local { what: LocalVerb::Status } => Box::pin(async move { status::status(context).await }),
        Verb::Local { what: LocalVerb::Logs { environment, lines } } => {
            Box::pin(async move { local::logs(context, &environment, lines).await })
        }
        Verb::Explain { step } => Box::pin(async move { explain::explain(context, &step).await }),
        Verb::Waive(Waive { code, subject, reason, owner, days }) => Box::pin(async move {
            waive::waive(context, waive::Wanted { code, subject, reason, owner, days }).await
        }),
        Verb::Policy { what: PolicyVerb::Approve { commit, key, yes } } => {
            Box::pin(async move { policy::approve(context, &commit, key, yes.into()).await })
        }
        Verb::Policy { what: PolicyVerb::Show } => Box::pin(async move { policy::show(context).await }),
        Verb::Policy { what: PolicyVerb::Check } => Box::pin(async move { policy::check(context).await }),
        Verb::Github(what) => Box::pin(async move { github::github(context, &what).await }),
        Verb::Release(asked) => Box::pin(async move { release::release(context, asked).await }),
        Verb::Sbom(asked) => Box::pin(async move { sbom::sbom(context, asked).await }),
        Verb::Audit { what } => Box::pin(async move { audit::audit(context, &what).await }),
        Verb::Init(asked) => Box::pin(async move { init::init(context, asked).await }),
        Verb::Doctor => Box::pin(async move { doctor::doctor(context).await }),
        Verb::Setup => Box::pin(async move { doctor::setup(context).await }),
        Verb::Completions { shell } => Box::pin(async move {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "gateline", &mut script);
            context.console.raw(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }),
        // They were told apart before: nothing of this context is theirs.
        Verb::Resident(resident) => Box::pin(async move { resident::run(&context.world, resident).await }),
    }
}
