//! The embedded platform: shims, supervisor and proxy on one machine.
//!
//! A shim per instance outlives everything else; the supervisor owns proxies, grants, journal and the dead man's
//! switch; deployers speak to it through [`client`].

mod busy;
pub mod client;
mod files;
mod log;
pub mod paths;
pub mod proxy;
pub mod shim;
pub mod supervisor;
