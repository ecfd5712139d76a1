//! What a rollout's end means for people and for the exit code.

use crate::exit::Exit;
use crate::rollout::{Kind, Rollout, State, Terminal};

/// The exit code of a rollout that has ended; one that has not is held.
pub fn exit_of(rollout: &Rollout) -> Exit {
    match rollout.terminal() {
        Some(Terminal::Done) => Exit::Done,
        // Going back was what was asked for.
        Some(Terminal::RolledBack) if rollout.kind == Kind::Rollback => Exit::Done,
        Some(Terminal::RolledBack | Terminal::Aborted) => Exit::RolledBack,
        Some(Terminal::NeedsOperator) => Exit::NeedsOperator,
        Some(Terminal::Rejected | Terminal::Expired | Terminal::Superseded) => Exit::Refused,
        None => Exit::Held,
    }
}

/// One line on how it ended.
pub fn summary_line(rollout: &Rollout) -> String {
    let end = match (rollout.terminal(), rollout.kind) {
        (Some(Terminal::Done), Kind::Restart) => "restarted, serves 100 %".to_owned(),
        (Some(Terminal::Done), _) => "serves 100 %".to_owned(),
        (Some(Terminal::RolledBack), Kind::Rollback) => "serves 100 % again".to_owned(),
        (Some(terminal), _) => terminal.name().to_owned(),
        (None, _) => rollout.state.name().to_owned(),
    };
    match &rollout.reason {
        Some(reason) => format!("{end}: {reason}"),
        None => end,
    }
}

/// What it is doing now, and what comes next.
pub(super) fn now(rollout: &Rollout) -> String {
    let weight = |step: usize| rollout.plan.steps.get(step).map_or(100, |step| step.weight);
    match &rollout.state {
        State::Shifting { step } => format!("to {} %", weight(*step)),
        State::Watching { step, .. } => format!("at {} %, next {} %", weight(*step), weight(step + 1)),
        State::Paused { next } => match **next {
            State::Shifting { step: 0 } => "paused at 0 %".to_owned(),
            State::Shifting { step } => format!("paused at {} %", weight(step - 1)),
            State::Full => rollout
                .plan
                .steps
                .last()
                .map_or("paused".to_owned(), |step| format!("paused at {} %", step.weight)),
            _ => "paused at 100 %".to_owned(),
        },
        State::Full => "to 100 %".to_owned(),
        State::Soaking => "at 100 %, next: the old version stops".to_owned(),
        state => state.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployer::records::tests::rollout;

    #[test]
    fn every_end_has_its_code() {
        let code = |kind, terminal| {
            exit_of(&Rollout { kind, state: State::Ended { terminal }, ..rollout("r") }).code()
        };
        assert_eq!(Terminal::ALL.map(|terminal| code(Kind::Deploy, terminal)), [0, 11, 12, 10, 10, 10, 11]);
        assert_eq!((code(Kind::Rollback, Terminal::RolledBack), exit_of(&rollout("r")).code()), (0, 13));
    }

    #[test]
    fn a_line_says_where_it_is_and_why() {
        let at = |state| now(&Rollout { state, ..rollout("r") });
        assert_eq!(at(State::Watching { step: 0, samples_before: 0, looked: 0 }), "at 10 %, next 50 %");
        assert_eq!((at(State::Shifting { step: 1 }), at(State::Full)), ("to 50 %".into(), "to 100 %".into()));
        let back = Rollout {
            state: State::Ended { terminal: Terminal::RolledBack },
            reason: Some("5xx".into()),
            ..rollout("r")
        };
        assert_eq!(summary_line(&back), "rolled back: 5xx");
    }
}
