//! Reports: the only place that writes to stdout and stderr. Data on stdout, narration on stderr.

pub mod console;
pub mod human;
pub mod lcov;
pub mod table;

pub use console::{Console, Step, Style, Verbosity};
