//! Outside tools: make the call, read the reply, return nouns.

pub mod affected;
pub mod build;
pub mod cargo;
pub mod coverage;
pub mod git;
mod identity;
pub mod image;
pub mod lint;
pub mod metadata;
pub mod partners;
mod remember;
pub mod runner;
pub mod security;
mod stream;
pub mod toolchain;
