//! The grammar of `plan`.

use clap::{Args, ValueEnum};

/// `plan …`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Which verb.
    #[arg(value_enum, default_value_t = PlanGoal::Ship)]
    pub goal: PlanGoal,
    /// With `ci`: which packages `ci --affected` would compile and test, and the file behind each.
    #[arg(long)]
    pub affected: bool,
    /// With `--affected`: compare with where the work left this branch or commit.
    #[arg(long, value_name = "REF", requires = "affected")]
    pub base: Option<String>,
}

/// Which verb's steps `plan` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanGoal {
    /// The gates.
    Ci,
    /// The whole way.
    Ship,
}
