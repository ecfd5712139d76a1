//! `key …`.

use clap::Subcommand;

/// `key …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum KeyVerb {
    /// Make it; one that is there is never overwritten.
    Create,
    /// Its name, its file and its public part.
    Show,
}
