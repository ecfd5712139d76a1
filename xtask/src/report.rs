//! Reports: the only place that writes to stdout and stderr. Data on stdout, narration on stderr.
//!
//! Each report is a pure function from verdict and evidence to text; `commands/gates/reports.rs` writes them all.

pub mod annotations;
pub mod badge;
pub mod cobertura;
pub mod console;
pub mod github;
pub mod html;
pub mod human;
pub mod junit;
pub mod lcov;
mod own;
mod paper;
pub mod rank;
#[cfg(test)]
mod sample;
pub mod sarif;
pub mod security;
pub mod summary;
pub mod table;
pub mod text;
pub mod trend;

pub use console::{Console, Step, Style, Verbosity};
pub use own::Own;
pub use paper::Paper;
