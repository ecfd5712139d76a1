//! The exit codes, one enum. Scripts and the Action branch on them, so a number never changes its meaning.
//!
//! "Could not run" is never 0 and never looks like "passed". The table in `docs/reference/exit-codes.md` is
//! generated from this file and checked fresh by `tidy`.

use std::process::ExitCode;

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Passed, or done.
    Done,
    /// Could not finish: a tool, the disk, the network or the supervisor failed.
    Infrastructure,
    /// The command line or a policy file is wrong.
    Usage,
    /// Nothing was checked, so nothing was proved.
    NothingChecked,
    /// A gate refused the change.
    Refused,
    /// A rollout went back to the previous release.
    RolledBack,
    /// A rollout is stuck and needs an operator.
    NeedsOperator,
    /// Held: waiting for an approval or a window.
    Held,
}

impl Exit {
    /// Every code, in the order of the documentation.
    pub const ALL: [Exit; 8] = [
        Exit::Done,
        Exit::Infrastructure,
        Exit::Usage,
        Exit::NothingChecked,
        Exit::Refused,
        Exit::RolledBack,
        Exit::NeedsOperator,
        Exit::Held,
    ];

    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Infrastructure => 1,
            Exit::Usage => 2,
            Exit::NothingChecked => 3,
            Exit::Refused => 10,
            Exit::RolledBack => 11,
            Exit::NeedsOperator => 12,
            Exit::Held => 13,
        }
    }

    /// What it means, for the documentation.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "passed, or done",
            Exit::Infrastructure => "could not finish (infrastructure)",
            Exit::Usage => "usage or policy error",
            Exit::NothingChecked => "nothing was checked",
            Exit::Refused => "refused by a gate",
            Exit::RolledBack => "rolled back",
            Exit::NeedsOperator => "stuck, needs an operator",
            Exit::Held => "held, waiting for an approval or a window",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_a_contract() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 10, 11, 12, 13]);
    }
}
