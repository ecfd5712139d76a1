//! The grammar of the command line, and which environment variable stands for which flag. Plain text only:
//! what a value means is decided in `settings`.

use std::ffi::OsString;

use clap::Parser;

/// The release desk: where maintainers watch rollouts and approve promotions.
#[derive(Debug, Parser)]
#[command(name = "gateline-desk", version)]
pub(super) struct Flags {
    /// Address and port to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", env = "GATELINE_DESK_LISTEN")]
    pub(super) listen: Option<String>,
    /// Port on 127.0.0.1, when no address is given.
    #[arg(long, value_name = "PORT", env = "PORT")]
    pub(super) port: Option<String>,
    /// Directory of the database file `desk.sqlite`; created when missing [default: $DATA_DIR or ./data].
    #[arg(long, value_name = "DIR", env = "GATELINE_DESK_DATA_DIR")]
    pub(super) data_dir: Option<OsString>,
    /// The conventional name of the data directory, when the desk's own is not given.
    #[arg(long, value_name = "DIR", env = "DATA_DIR", hide = true)]
    pub(super) common_data_dir: Option<OsString>,
    /// Seconds after SIGTERM until what is still running is cut.
    #[arg(long, value_name = "SECONDS", env = "GATELINE_DESK_DRAIN_TIMEOUT_SECS", default_value = "20")]
    pub(super) drain_timeout_secs: String,
    /// Milliseconds after SIGTERM during which new connections are accepted at least.
    #[arg(long, value_name = "MILLIS", env = "GATELINE_DESK_LAME_DUCK_MILLIS", default_value = "200")]
    pub(super) lame_duck_millis: String,
    /// What is logged: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", env = "GATELINE_DESK_LOG_LEVEL", default_value = "info")]
    pub(super) log_level: String,
    /// How a log line looks: json or text.
    #[arg(long, value_name = "FORMAT", env = "GATELINE_DESK_LOG_FORMAT", default_value = "json")]
    pub(super) log_format: String,
    #[command(flatten)]
    pub(super) identity: IdentityFlags,
    /// Misbehave, in a build for stories.
    #[cfg(feature = "faults")]
    #[arg(long, value_name = "NAME", env = "GATELINE_DESK_FAULT")]
    pub(super) fault: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Identity (the supervisor tells it; every reply repeats it)")]
pub(super) struct IdentityFlags {
    /// Version, when it is not the one of the binary.
    #[arg(long, env = "GATELINE_VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    pub(super) identity_version: String,
    /// Commit that the image was made from.
    #[arg(long, env = "GATELINE_COMMIT", default_value = "", hide_default_value = true)]
    pub(super) identity_commit: String,
    /// Digest of the image.
    #[arg(long, env = "GATELINE_DIGEST", default_value = "", hide_default_value = true)]
    pub(super) identity_digest: String,
    /// Name of this instance.
    #[arg(long, env = "GATELINE_INSTANCE", default_value = "", hide_default_value = true)]
    pub(super) identity_instance: String,
    /// Random word that proves a health reply comes from this process.
    #[arg(
        long,
        env = "GATELINE_NONCE",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub(super) identity_nonce: String,
}
