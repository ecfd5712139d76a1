//! The grammar of `policy` and `waive`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `policy …`.
#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// Print what is in force, each key with where its value comes from.
    Show,
    /// Check the files, waivers and approvers too; expired waivers refuse.
    Check,
    /// Accept that a commit loosens the policies of its base (`--policy-ref REF`, else the branch it left). You must be in
    /// the base's policies/approvers.yaml; your SSH key signs.
    Approve {
        /// The last commit of the change.
        commit: String,
        /// The private key, or the public one of a key that the agent holds; default: git's `user.signingKey`.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// `waive`.
#[derive(Debug, Args)]
pub struct Waive {
    /// The finding's code, as the report shows it in brackets: `tests/failed`.
    pub code: String,
    /// What it is about: the test, the package, the file.
    pub subject: String,
    /// Why it may be borne; asked for on a terminal.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who will see to it; asked for on a terminal.
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
    /// For how many days from today, 90 at most.
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub days: u16,
}
