//! Outside tools: make the call, read the reply, return nouns.

pub mod affected;
pub mod approvals;
pub mod at_base;
pub mod baseline;
pub mod bounded;
pub mod build;
pub mod cargo;
pub mod ci_event;
pub mod coverage;
pub mod coverage_import;
pub mod git;
pub mod github;
mod identity;
pub mod image;
pub mod init;
pub mod lint;
pub mod metadata;
pub mod partners;
mod paths;
pub mod policies;
pub mod redaction;
pub mod remember;
pub mod runner;
pub mod sbom;
pub mod security;
mod stream;
pub mod toolchain;
