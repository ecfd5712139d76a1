//! The grammar of `ci merge`.

use super::{Against, GateName};
use clap::Args;
use std::path::PathBuf;

/// `ci merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// The report folder of each shard.
    #[arg(required = true, value_name = "DIR")]
    pub directories: Vec<PathBuf>,
    /// A gate that must have been measured; may be repeated. Default: those that were.
    #[arg(long = "gate", value_enum)]
    pub gates: Vec<GateName>,
    /// The `--base` that the shards were given.
    #[command(flatten)]
    pub against: Against,
    /// The folder of baselines that the whole is compared with; default as for `ci`.
    #[arg(long, value_name = "DIR")]
    pub baselines: Option<PathBuf>,
}
