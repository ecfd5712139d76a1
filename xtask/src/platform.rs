//! Where rollouts land.

pub mod local;
pub mod protocol;
pub mod store;
