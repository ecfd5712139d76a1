//! Outside tools: make the call, read the reply, return nouns.

pub mod git;
pub mod metadata;
pub mod coverage;
pub mod security;
