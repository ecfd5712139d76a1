//! The suite's program: reads the outside once, then hands over.

use clap::Parser as _;
use gateline::cli::{Cli, Resident};
use gateline::{commands, exit::Exit, world::World};
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = match Resident::of(std::env::args_os()) {
        Some(resident) => in_world(|world| commands::stay(world, resident)),
        None => {
            let cli = Cli::parse();
            in_world(|world| commands::main(world, cli))
        }
    };
    exit.into()
}

fn in_world(run: impl FnOnce(&World) -> Exit) -> Exit {
    match World::real() {
        Ok(world) => run(&world),
        Err(error) => commands::no_world(&error),
    }
}
