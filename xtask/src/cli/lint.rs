//! `lint`: grammar only, as all of [`super`].

use super::Against;
use clap::Args;

/// `lint`.
#[derive(Debug, Args)]
pub struct Lint {
    /// Write what rustfmt and clippy are sure of, then show what remains.
    #[arg(long)]
    pub fix: bool,
    /// Also where the tree has changes that are not committed.
    #[arg(long, requires = "fix")]
    pub allow_dirty: bool,
    /// What it is compared with.
    #[command(flatten)]
    pub against: Against,
}
