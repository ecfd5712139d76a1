//! The grammar of `release` and `sbom`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::OfRelease;

/// `release`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Release {
    /// What a version is released with.
    #[command(subcommand)]
    pub what: Option<ReleaseVerb>,
    /// The held release that may go on.
    #[command(flatten)]
    pub held: Option<OfRelease>,
}

/// `release …`.
#[derive(Debug, Subcommand)]
pub enum ReleaseVerb {
    /// What the changelog says of a version.
    Notes {
        /// The version or its tag; default: the version of the package that is released.
        version: Option<String>,
        /// The changelog; default: CHANGELOG.md in the workspace.
        #[arg(long, value_name = "FILE")]
        changelog: Option<PathBuf>,
    },
    /// Build what a version is released with: the static binary, its archive, its bill of materials, SHA256SUMS.
    Assets {
        /// The package; default: the only one with a binary that may be published.
        #[arg(long)]
        package: Option<String>,
        /// Its features; may be repeated.
        #[arg(long = "features", value_name = "FEATURES")]
        features: Vec<String>,
        /// Where they go; default: `assets` in the report folder.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Print what would be built, and build nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Publish every package of the workspace that may be published, each after those that it needs.
    Crates {
        /// Package and compile each as a registry would get it, and publish nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// `sbom`.
#[derive(Debug, Args)]
pub struct Sbom {
    /// The package; default: the one of the image.
    #[arg(long)]
    pub package: Option<String>,
    /// Its features; may be repeated; default for the package of the image: those of the policy.
    #[arg(long = "features", value_name = "FEATURES")]
    pub features: Vec<String>,
    /// The target triple; default: this machine's.
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// The file; default: stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
