//! The grammar of `audit`.

use clap::Subcommand;

/// `audit …`.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Print the records.
    Log,
    /// Check chain and checksums of every record.
    Verify,
}
