//! The log: one JSON object per line on stdout, where the shim that owns the pipe stamps and rotates it.

use tracing_subscriber::filter::LevelFilter;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Text,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) level: LevelFilter,
    pub(crate) format: Format,
}

/// Starts the log of this process. A second call keeps the first log.
pub(crate) fn start(settings: LogSettings) {
    // A reader that went away must not take the service with it: the subscriber's own complaint about a
    // failed write goes to stderr and panics where stderr is closed as well.
    let log = tracing_subscriber::fmt().with_max_level(settings.level).log_internal_errors(false);
    let started = match settings.format {
        Format::Json => tracing::subscriber::set_global_default(
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).finish(),
        ),
        Format::Text => tracing::subscriber::set_global_default(log.with_ansi(false).finish()),
    };
    if started.is_err() {
        tracing::debug!("the log runs already");
    }
}
