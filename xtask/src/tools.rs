//! Outside tools: make the call, read the reply, return nouns.

pub mod build;
pub mod cargo;
pub mod lint;
pub mod runner;
mod stream;
