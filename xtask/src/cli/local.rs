//! The grammar of `local`.

use clap::Subcommand;

/// `local …`.
#[derive(Debug, Subcommand)]
pub enum LocalVerb {
    /// Start the supervisor, or replace one that died; live instances are adopted.
    Up,
    /// Stop every instance and the supervisor.
    Down,
    /// The supervisor and what it runs.
    Status,
    /// The last lines of an environment's instances.
    Logs {
        /// The environment.
        environment: String,
        /// How many lines of each.
        #[arg(short = 'n', long, default_value_t = 40)]
        lines: usize,
    },
}
