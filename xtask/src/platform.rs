//! Where rollouts land.

pub mod protocol;
