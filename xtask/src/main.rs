//! gateline.

use gateline::exit::Exit;
use gateline::failure::Failure;
use gateline::platform::local::{shim, supervisor};
use gateline::world::World;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            let help = Failure::help_of(&error).unwrap_or_default();
            // Where even that cannot be written, the exit code must do.
            let _ = writeln!(std::io::stderr(), "error: {error:#}\nhelp: {help}");
            Failure::exit_of(&error).into()
        }
    }
}

fn run() -> anyhow::Result<Exit> {
    let world = World::real()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["supervise", state] => runtime.block_on(supervisor::run(world, Path::new(state))),
        ["shim", directory] => runtime.block_on(shim::run(&world, Path::new(directory))),
        _ => Err(Failure::usage("no such verb", "gateline supervise STATE, or gateline shim DIRECTORY")),
    }
}
