//! Where rollouts land.

pub mod protocol;
pub mod store;
