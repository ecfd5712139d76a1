//! Outside tools: make the call, read the reply, return nouns.

pub mod image;
pub mod toolchain;
