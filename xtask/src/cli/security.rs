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
    /// Licences of dependencies alone.
    Licences {
        /// What it is compared with.
        #[command(flatten)]
        against: Against,
    },
    /// Packages, versions and requirements that are not wanted, alone.
    Bans {
        /// What it is compared with.
        #[command(flatten)]
        against: Against,
    },
    /// Where dependencies come from, alone.
    Sources {
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
    /// Results of other scanners alone.
    Scanners {
        /// What it is compared with.
        #[command(flatten)]
        against: Against,
    },
    /// Take the rules of a `deny.toml` over into policies/security.yaml.
    Import {
        /// The file.
        #[arg(value_name = "DENY_TOML")]
        file: PathBuf,
        /// Write without asking.
        #[arg(long)]
        yes: bool,
        /// Who will see to the advisories that it ignores: each becomes a waiver for 90 days at most.
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        /// The last day of those waivers.
        #[arg(long, value_name = "DAY", requires = "owner")]
        expires: Option<String>,
    },
    /// Fetch the advisory database anew, for `database: clone` in policies/security.yaml.
    Update,
    /// Workflows and actions alone.
    Workflows {
        /// What it is compared with.
        #[command(flatten)]
        against: Against,
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
