//! `image …`.

use clap::Subcommand;
use std::path::PathBuf;

/// `image …`.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// Build it as an OCI layout, without a daemon.
    Build {
        /// Where the layout goes; default: `target/gateline/image`.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Cargo features besides those of the policy; may be repeated.
        #[arg(long = "features", value_name = "FEATURES")]
        features: Vec<String>,
        /// Arguments of the entry point besides those of the policy; may be repeated.
        #[arg(long = "arg", value_name = "ARG", allow_hyphen_values = true)]
        arguments: Vec<String>,
        /// Build it a second time elsewhere, and name what is not the same.
        #[arg(long)]
        check: bool,
    },
    /// Layers, sizes, biggest files, config.
    Inspect {
        /// The layout; default: `target/gateline/image`.
        layout: Option<PathBuf>,
    },
    /// Whether its signed evidence holds by the policy in force.
    Verify {
        /// The layout; default: the newest release that was made here.
        layout: Option<PathBuf>,
        /// The image that must be there.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        /// The commit that it must be of.
        #[arg(long, value_name = "COMMIT")]
        commit: Option<String>,
    },
}
