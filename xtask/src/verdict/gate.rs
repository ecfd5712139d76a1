//! The gates by name, in the order of reports, and which of them are asked for when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The gates of the suite. `security` names the group from advisories to scanners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// rustfmt and clippy.
    Lint,
    /// Every test.
    Tests,
    /// Lines that tests ran.
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
    /// What outside scanners found.
    Scanners,
    /// The container image.
    Image,
    /// The policies themselves: waivers, and what a change loosens.
    Policy,
}

impl Gate {
    /// Every gate, in the order of reports.
    pub const ALL: [Gate; 12] = [
        Gate::Lint,
        Gate::Tests,
        Gate::Coverage,
        Gate::Advisories,
        Gate::Licences,
        Gate::Bans,
        Gate::Sources,
        Gate::Secrets,
        Gate::Workflows,
        Gate::Scanners,
        Gate::Image,
        Gate::Policy,
    ];
    /// What is asked of a workspace, before there is an image.
    pub const OF_WORKSPACE: [Gate; 11] = [
        Gate::Lint,
        Gate::Tests,
        Gate::Coverage,
        Gate::Advisories,
        Gate::Licences,
        Gate::Bans,
        Gate::Sources,
        Gate::Secrets,
        Gate::Workflows,
        Gate::Scanners,
        Gate::Policy,
    ];
    /// What a release needs: all of them.
    pub const FOR_RELEASE: [Gate; 12] = Gate::ALL;
    /// The security group.
    pub const SECURITY: [Gate; 7] = [
        Gate::Advisories,
        Gate::Licences,
        Gate::Bans,
        Gate::Sources,
        Gate::Secrets,
        Gate::Workflows,
        Gate::Scanners,
    ];

    /// Its name in policies, reports and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Gate::Lint => "lint",
            Gate::Tests => "tests",
            Gate::Coverage => "coverage",
            Gate::Advisories => "advisories",
            Gate::Licences => "licences",
            Gate::Bans => "bans",
            Gate::Sources => "sources",
            Gate::Secrets => "secrets",
            Gate::Workflows => "workflows",
            Gate::Scanners => "scanners",
            Gate::Image => "image",
            Gate::Policy => "policy",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
