//! Outside tools: make the call, read the reply, return nouns.

pub mod build;
pub mod cargo;
pub mod ci_event;
pub mod coverage;
pub mod git;
pub mod image;
pub mod lint;
pub mod metadata;
pub mod runner;
pub mod security;
mod stream;
pub mod toolchain;
