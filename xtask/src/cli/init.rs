//! The grammar of `init`.

use clap::Args;
use std::path::PathBuf;

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Start from what the repository reaches today, and from what codecov, octocov and nextest were told here.
    #[arg(long)]
    pub from_current: bool,
    /// With --from-current: take this report folder of an earlier run instead of running every gate.
    #[arg(long, value_name = "DIR", requires = "from_current")]
    pub from: Option<PathBuf>,
    /// The Action that workflows use, by its commit; default: this program's own. A workspace that has Gateline as a
    /// package runs `cargo xtask` instead.
    #[arg(long, value_name = "OWNER/REPO[/PATH]@COMMIT")]
    pub action: Option<String>,
    /// Who answers for policies and workflows, for CODEOWNERS: `@somebody`, `@organisation/team`.
    #[arg(long, value_name = "OWNER")]
    pub owner: Option<String>,
    /// Show what would be written, and write nothing.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}
