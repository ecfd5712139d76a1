//! Outside tools: make the call, read the reply, return nouns.

pub mod coverage;
pub mod git;
pub mod metadata;
pub mod security;
