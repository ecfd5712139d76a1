//! Orders about a rollout, an environment or a release.

use clap::{Args, Subcommand};

/// What people order.
#[derive(Debug, Subcommand)]
pub enum OrderVerb {
    /// Stop a rollout and go back, whoever follows it; a release stopped so is not held.
    Abort(OfEnvironment),
    /// Keep a rollout at the weight that it has; the guards go on watching.
    Pause(OfEnvironment),
    /// Let a paused rollout go on.
    Continue(OfEnvironment),
    /// Let no new release begin in an environment; what is under way goes on, and the way back stays open.
    Freeze(OfEnvironment),
    /// Let releases begin there again.
    Thaw(OfEnvironment),
    /// Let a release go nowhere. One that broke a guard or was rolled back from is held by itself.
    Hold(OfRelease),
}

/// An order about an environment.
#[derive(Debug, Args)]
pub struct OfEnvironment {
    /// The environment.
    pub environment: String,
    /// Why, for those who meet it later.
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    pub reason: String,
}

/// An order about a release.
#[derive(Debug, Args)]
pub struct OfRelease {
    /// The release: its digest, or the first characters of it.
    pub digest: String,
    /// Why, for those who meet it later.
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    pub reason: String,
}
