//! Refusals with their help, so that each place that refuses stays one line.

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
        "this is a fault of the caller: report it, with `cargo xtask local logs`",
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
    refuse(RefusalCode::Failed, format!("{error:#}"), "cargo xtask local logs")
}
