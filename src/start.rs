//! From a command line to an exit code.
//!
//! Exit codes: 0 stopped in order · 1 could not start, or requests had to be cut at the drain deadline ·
//! 2 bad settings. The listener opens first and the database second, so that a supervisor sees `starting`
//! instead of a refused connection while a migration runs.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use tracing::{error, info};

use crate::database::Database;
use crate::desk::Desk;
use crate::server::{self, Drained};
use crate::settings::{Refused, Settings};
use crate::shutdown::Signals;
use crate::{logging, outside};

/// Bad settings: the command line or the environment must change first.
const EXIT_SETTINGS: u8 = 2;
/// Could not start, or could not finish what was in flight.
const EXIT_FAILED: u8 = 1;
/// The desk waits much more than it computes.
const WORKER_THREADS: usize = 2;

/// Runs the desk with this command line until a signal stops it.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let settings = match Settings::read(arguments) {
        Ok(settings) => settings,
        Err(Refused::Grammar(answer)) => {
            // Help and the version are answers and end with 0. A closed terminal is no reason to fail.
            let _ = answer.print();
            return if answer.use_stderr() { ExitCode::from(EXIT_SETTINGS) } else { ExitCode::SUCCESS };
        }
        Err(Refused::Setting(bad)) => {
            complain(&bad.to_string());
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    logging::start(settings.log);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKER_THREADS).enable_all().build();
    let ended = runtime
        .context("failed to start the async runtime")
        .and_then(|runtime| runtime.block_on(run(settings)));
    match ended {
        Ok(Drained { cut_requests: 0, cut_connections: 0 }) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(EXIT_FAILED),
        Err(failure) => {
            let failure = format!("{failure:#}");
            error!(failure, "the desk could not run");
            complain(&failure);
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// Serves until SIGTERM or SIGINT, then drains. Says how many requests and connections had to be cut.
pub async fn run(settings: Settings) -> anyhow::Result<Drained> {
    let mut signals = Signals::listen().context("failed to listen for signals")?;
    #[cfg(feature = "faults")]
    signals.apply(settings.fault);
    let listener = outside::listen(settings.listen).await.with_context(|| {
        format!(
            "failed to listen on {}; next: free the port (`ss -ltnp` names its owner) or pass another --listen",
            settings.listen
        )
    })?;
    let address = listener.local_addr().context("failed to read the address of the listener")?;
    let desk = Desk::new(&settings);
    let identity = desk.identity();
    info!(
        listen = %address,
        version = identity.version(),
        commit = identity.commit(),
        digest = identity.digest(),
        instance = identity.instance(),
        "listening"
    );
    let serving = tokio::spawn(server::serve(desk.clone(), listener, settings.drain));
    let opened = async {
        let database = Database::open(&settings.data_dir).await?;
        database.record_start(identity, desk.clock().started_unix_secs()).await?;
        anyhow::Ok(database)
    };
    let signal = tokio::select! {
        opened = opened => {
            desk.serve_with(opened?);
            info!("ready");
            signals.stop().await
        }
        signal = signals.stop() => signal,
    };
    desk.drain();
    info!(signal, "draining");
    let drained = serving.await.context("failed to serve")?;
    if let Some(database) = desk.database() {
        database.close().await;
    }
    match drained {
        Drained { cut_requests: 0, cut_connections: 0 } => info!("stopped in order"),
        Drained { cut_requests, cut_connections } => error!(
            cut_requests,
            cut_connections,
            drain_timeout_secs = settings.drain.deadline.as_secs(),
            "stopped at the drain deadline and cut what was still running"
        ),
    }
    Ok(drained)
}

/// People read this before there is a log, or when the log goes elsewhere.
fn complain(message: &str) {
    // Without a stderr there is nobody to tell; the exit code still says it.
    let _ = writeln!(std::io::stderr(), "error: {message}");
}
