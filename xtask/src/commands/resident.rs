//! The supervisor and the shims: one thread each, and nothing of what other verbs need. They handle signals themselves.

use super::failed_runtime;
use crate::cli::Resident;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::local::{shim, supervisor};
use crate::report::Console;
use crate::world::World;

/// Runs one of them until it ends.
pub(super) fn stay(world: &World, resident: Resident) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(failed_runtime).and_then(|runtime| runtime.block_on(run(world, resident)));
    done.unwrap_or_else(|error| {
        Console::for_errors().error(&error);
        Failure::exit_of(&error)
    })
}

/// The same, where a runtime is there.
pub(super) async fn run(world: &World, resident: Resident) -> anyhow::Result<Exit> {
    match resident {
        Resident::Supervise { state } => supervisor::run(world.clone(), &state).await,
        Resident::Shim { directory } => shim::run(world, &directory).await,
    }
}
