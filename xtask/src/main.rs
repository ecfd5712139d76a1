//! The suite's program: reads the outside once, then hands over.

use clap::Parser as _;
use gateline::cli::Cli;
use gateline::world::World;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match World::real() {
        Ok(world) => gateline::commands::main(&world, cli).into(),
        Err(error) => gateline::commands::no_world(&error).into(),
    }
}
