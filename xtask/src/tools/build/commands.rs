//! The commands of a compilation, without the compiler that it is done with; `plan` prints them.

use super::{Built, Purpose, targets};
use crate::tools::cargo::Cargo;
use crate::world::CommandLine;

/// What is run for one purpose: lint needs no programs.
pub fn command_for(purpose: Purpose, cargo: &Cargo) -> CommandLine {
    let (verb, first) = match purpose {
        Purpose::Lint => ("check", "--keep-going"),
        Purpose::Shared | Purpose::TestsOfShared | Purpose::Tests => ("test", "--no-run"),
    };
    let mut command = cargo.command(verb, [first]);
    command.arguments.extend(cargo.target_arguments());
    command.arguments.push("--message-format=json".to_owned());
    command.arguments.extend(cargo.selection_arguments());
    if purpose != Purpose::Lint {
        command = command.arg("--no-fail-fast");
    }
    command
}

/// What lint looks at besides, and that command leaves out.
pub fn rest(purpose: Purpose, cargo: &Cargo, built: Built<'_>) -> Option<CommandLine> {
    match purpose {
        Purpose::Shared => targets::plain(cargo, built),
        Purpose::Lint => targets::tested_by_name(cargo),
        Purpose::TestsOfShared | Purpose::Tests => None,
    }
}

/// Every test program of what was compiled so, run whole, as cargo does by itself; `plan` prints it.
pub fn run_whole(cargo: &Cargo) -> CommandLine {
    let mut command = cargo.command("test", ["--all-targets", "--no-fail-fast"]);
    command.arguments.extend(cargo.selection_arguments());
    command
}
