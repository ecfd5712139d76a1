//! Which gates: `--gate`.

use clap::ValueEnum;

/// The gates, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GateName {
    /// rustfmt and clippy.
    Lint,
    /// Every test.
    Tests,
    /// Line coverage.
    Coverage,
    /// Known-vulnerable dependencies.
    Advisories,
    /// Licences of dependencies.
    Licences,
    /// Packages, versions and requirements that are not wanted.
    Bans,
    /// Where dependencies come from.
    Sources,
    /// Committed secrets.
    Secrets,
    /// Workflows and actions of the repository.
    Workflows,
    /// Results of other scanners.
    Scanners,
    /// All parts of the security group.
    Security,
    /// The policies themselves.
    Policy,
}
