//! `security …`.

use clap::Subcommand;
use std::path::PathBuf;

/// `security …`.
#[derive(Debug, Subcommand)]
pub enum SecurityVerb {
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
