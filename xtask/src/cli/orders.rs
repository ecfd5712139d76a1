//! Orders about a rollout, an environment or a release.

use clap::{Args, Subcommand};
use std::path::PathBuf;

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

/// What somebody says about a rollout that waits.
#[derive(Debug, Args)]
pub struct Approve {
    /// The rollout.
    pub id: String,
    /// Go on with it at once.
    #[arg(long)]
    pub resume: bool,
    /// Take back what you said before.
    #[arg(long, conflicts_with_all = ["resume", "override_window"])]
    pub withdraw: bool,
    /// Say that it may begin though the windows are closed.
    #[command(flatten)]
    pub windows: OverrideWindow,
    /// Sign it with this private key, or with the public one of a key that the agent holds.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// Beginning outside of an environment's windows.
#[derive(Debug, Clone, Default, Args)]
pub struct OverrideWindow {
    /// Begin though the windows are closed, where the policy lets you; for the record with a reason.
    #[arg(long, requires = "reason")]
    pub override_window: bool,
    /// Why it cannot wait.
    #[arg(long, value_name = "TEXT", requires = "override_window")]
    pub reason: Option<String>,
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
