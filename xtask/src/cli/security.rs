//! `security …`.

use super::Against;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `security`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Security {
    /// One part of it, or something else than the scan.
    #[command(subcommand)]
    pub what: Option<SecurityVerb>,
    /// What it is compared with.
    #[command(flatten)]
    pub against: Against,
}

/// `security …`.
#[derive(Debug, Subcommand)]
pub enum SecurityVerb {
    /// Known-vulnerable dependencies alone.
    Advisories {
        /// What it is compared with.
        #[command(flatten)]
        against: Against,
    },
    /// Committed secrets alone: in what a change brings, else in every tracked file.
    Secrets {
        /// What it is compared with.
        #[command(flatten)]
        against: Against,
        /// In what the next commit would bring: for a pre-commit hook.
        #[arg(long, conflicts_with_all = ["history", "base"])]
        staged: bool,
        /// In every commit that a reference leads to.
        #[arg(long, conflicts_with = "base")]
        history: bool,
    },
    /// Make the embedded advisory snapshot anew from a copy of the RustSec database.
    Snapshot {
        /// The database: a folder or a `.tar.gz`.
        #[arg(long, value_name = "PATH")]
        from: PathBuf,
        /// The database's commit, where the copy does not tell it.
        #[arg(long, value_name = "COMMIT")]
        commit: Option<String>,
    },
}
