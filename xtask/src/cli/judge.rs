//! `judge …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `judge …`.
#[derive(Debug, Subcommand)]
pub enum JudgeVerb {
    /// How often rules stop a good canary, and how often they find a bad one: tried on made-up rollouts.
    Simulate(Simulate),
    /// Judge the input of a record again: the same bytes, or what differs.
    Replay {
        /// The record.
        #[arg(required_unless_present = "environment")]
        record: Option<PathBuf>,
        /// Every record that the rollouts into this environment left in the journal.
        #[arg(long, value_name = "ENV", conflicts_with = "record")]
        environment: Option<String>,
    },
}

/// The rules that are tried, and the world that they are tried in.
#[derive(Debug, Clone, Copy, Args)]
pub struct Simulate {
    /// Rollouts for each effect.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runs: u32,
    /// The seed; the same seed gives the same numbers on each machine.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Fewest samples of each side at each look; default: that of the rules.
    #[arg(long, value_name = "N")]
    pub samples: Option<u32>,
    /// How often the samples are looked at; default: that of the rules.
    #[arg(long, value_name = "N")]
    pub looks: Option<u32>,
    /// Most false alarms of a step, in per cent; default: that of the rules.
    #[arg(long, value_name = "PERCENT")]
    pub alpha: Option<f64>,
    /// How much worse a latency may be, in per cent of the baseline's median; default: that of the rules.
    #[arg(long, value_name = "PERCENT")]
    pub latency_tolerance: Option<f64>,
    /// A difference of so many milliseconds is tolerated in any case; default: that of the rules.
    #[arg(long, value_name = "MILLIS")]
    pub latency_floor_millis: Option<u64>,
    /// How many more errors there may be, in percentage points; default: that of the rules.
    #[arg(long, value_name = "PERCENT")]
    pub error_tolerance: Option<f64>,
    /// How much latencies scatter: the standard deviation of their logarithm, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0)]
    pub spread: f64,
    /// Errors of the baseline, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.5)]
    pub errors: f64,
}
