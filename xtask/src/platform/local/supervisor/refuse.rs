//! Refusals with their help, so that each place that refuses stays one line.

use crate::journal::{MAKE_ROOM, is_full};
use crate::platform::protocol::{Refusal, RefusalCode, Target};

/// A refusal with the next command to type.
pub(super) fn refuse(code: RefusalCode, message: impl Into<String>, help: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into(), help: help.into() }
}

/// The call makes no sense.
pub(super) fn malformed(message: impl Into<String>) -> Refusal {
    refuse(
        RefusalCode::Malformed,
        message,
        "this is a fault of the caller: report it, with `cargo xtask local logs ENV`",
    )
}

/// No such environment.
pub(super) fn unknown_environment(target: &Target) -> Refusal {
    let message = format!("there is no environment {} of {}", target.environment, target.service);
    refuse(RefusalCode::Unknown, message, "cargo xtask status")
}

/// No such instance.
pub(super) fn unknown_instance(target: &Target, instance: &str) -> Refusal {
    let message = format!("there is no instance {instance} in {} of {}", target.environment, target.service);
    refuse(RefusalCode::Unknown, message, "cargo xtask status")
}

/// Something outside could not be done.
pub(super) fn failed(error: &anyhow::Error) -> Refusal {
    refuse(RefusalCode::Failed, format!("{error:#}"), help_for(error, "cargo xtask local logs ENV"))
}

/// A state file could not be written.
pub(super) fn unwritten(error: &anyhow::Error) -> Refusal {
    refuse(RefusalCode::Journal, format!("{error:#}"), help_for(error, "cargo xtask doctor"))
}

/// Where the disk is full, that is what must change; else `other`.
fn help_for(error: &anyhow::Error, other: &'static str) -> &'static str {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    if causes.any(is_full) { MAKE_ROOM } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_full_disk_is_told_apart() {
        let help = |kind: ErrorKind| {
            let error = Err::<(), _>(Error::from(kind)).context("failed to write x").unwrap_err();
            (unwritten(&error).help, failed(&error).help)
        };
        assert_eq!(help(ErrorKind::StorageFull), (MAKE_ROOM.to_owned(), MAKE_ROOM.to_owned()));
        let (written, other) = help(ErrorKind::PermissionDenied);
        assert_eq!((written.as_str(), other.as_str()), ("cargo xtask doctor", "cargo xtask local logs ENV"));
    }
}
