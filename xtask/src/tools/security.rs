//! What the security group looks at: Cargo.lock against an advisory snapshot, what cargo says of its packages, tracked files
//! against token formats, and reports of other scanners. Nothing here asks the network but cargo, for manifests that are missing.

pub mod advisories;
pub mod bans;
pub mod deny_toml;
pub mod licences;
pub mod packages;
pub mod scanners;
pub mod secrets;
pub mod snapshot;
pub mod sources;
pub mod workflows;
