//! `image …`.

use clap::{Args, Subcommand};
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
        /// A layout, or `HOST[:PORT]/NAME[:TAG][@DIGEST]`; default: the newest release that was made here.
        #[arg(value_name = "LAYOUT|REFERENCE")]
        image: Option<String>,
        /// The image that must be there.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        /// The commit that it must be of.
        #[arg(long, value_name = "COMMIT")]
        commit: Option<String>,
        /// Speak to a registry elsewhere without TLS.
        #[arg(long)]
        plain_http: bool,
    },
    /// Into a registry: `oci:DIR` to HOST/NAME:TAG, with its evidence.
    Push(Copying),
    /// Out of a registry: HOST/NAME:TAG to `oci:DIR`, with its evidence.
    Pull(Copying),
    /// From one place to another, by digest, with its evidence.
    Copy(Copying),
}

/// Two places. Each is `oci:DIR[:TAG]` or `HOST[:PORT]/NAME[:TAG][@DIGEST]`.
#[derive(Debug, Args)]
pub struct Copying {
    /// Where the image is.
    pub source: String,
    /// Where it goes.
    pub destination: String,
    /// A repository of the destination's registry whose blobs may be taken over without sending them.
    #[arg(long, value_name = "NAME")]
    pub mount_from: Option<String>,
    /// Speak to a registry elsewhere without TLS; one on this machine is always spoken to so.
    #[arg(long)]
    pub plain_http: bool,
}
