//! Reports: the only place that writes to stdout and stderr. Data on stdout, narration on stderr.

pub mod console;
pub mod human;
pub mod table;

pub use console::{Console, Step, Style, Verbosity};
//! Reports: what people and other tools read. Pure: nouns in, text out.

pub mod lcov;
