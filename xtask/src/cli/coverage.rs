//! The grammar of `coverage`.

use super::{Against, Fresh};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `coverage`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Coverage {
    /// Something else than the gate.
    #[command(subcommand)]
    pub what: Option<CoverageVerb>,
    /// What it is compared with.
    #[command(flatten)]
    pub against: Against,
    /// Whether results are used again.
    #[command(flatten)]
    pub fresh: Fresh,
    /// Open the pages with the lines in a browser.
    #[arg(long)]
    pub open: bool,
    /// Also count the lines of this file: LCOV, Cobertura XML or llvm-cov's JSON; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
    /// The folder of baselines; default: `baselines` of policies/coverage.yaml, else `baselines` in the report folder.
    #[arg(long, value_name = "DIR")]
    pub baselines: Option<PathBuf>,
}

/// `coverage …`.
#[derive(Debug, Subcommand)]
pub enum CoverageVerb {
    /// Run the tests of this commit several times, and remember which lines flap.
    Noise {
        /// How often.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=100))]
        runs: u32,
    },
    /// Raise the minimum in policies/coverage.yaml to what the last run reached.
    Ratchet {
        /// Change nothing; refuse where the minimum could be raised.
        #[arg(long)]
        check: bool,
    },
}
