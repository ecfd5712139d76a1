//! What the security group looks at: Cargo.lock against an advisory snapshot, and tracked files against token
//! formats. Nothing here asks the network: the snapshot is data that lies in the repository.

pub mod advisories;
pub mod secrets;
pub mod snapshot;
pub mod workflows;
