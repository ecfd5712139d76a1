//! Failures that carry their exit code and the next command to type. A refused gate is a value, not one of these.

use crate::exit::Exit;

/// What could not be done, where and why, and what to type next.
///
/// Travels inside `anyhow::Error`; `main` looks for it to choose the exit code. Any other error is
/// [`Exit::Infrastructure`].
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code that this failure deserves.
    pub exit: Exit,
    /// What, where and why: lower case, no full stop.
    pub message: String,
    /// The next command to type, or what to change.
    pub help: String,
}

impl Failure {
    /// A failure of usage or policy (exit 2).
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
        Self::error(Exit::Usage, message, help)
    }

    /// Something outside could not be had or done (exit 1).
    pub fn infrastructure(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
        Self::error(Exit::Infrastructure, message, help)
    }

    /// A failure with its exit code.
    pub fn error(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Failure { exit, message: message.into(), help: help.into() })
    }

    /// The exit code that an error deserves.
    pub fn exit_of(error: &anyhow::Error) -> Exit {
        error.downcast_ref::<Failure>().map_or(Exit::Infrastructure, |failure| failure.exit)
    }

    /// The help that an error carries, if any.
    pub fn help_of(error: &anyhow::Error) -> Option<&str> {
        error.downcast_ref::<Failure>().map(|failure| failure.help.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn code_and_help_survive_context() {
        let error = Err::<(), _>(Failure::usage("no such environment", "gateline status"))
            .context("deploying")
            .unwrap_err();
        assert_eq!(
            (Failure::exit_of(&error), Failure::help_of(&error)),
            (Exit::Usage, Some("gateline status"))
        );
    }

    #[test]
    fn an_unknown_error_is_infrastructure() {
        let error = anyhow::anyhow!("disk on fire");
        assert_eq!((Failure::exit_of(&error), Failure::help_of(&error)), (Exit::Infrastructure, None));
    }
}
