//! Gateline takes a change from commit to production only by evidence.
//!
//! Read the nouns in this order: [`workspace`], [`policy`], [`plan`], [`evidence`], [`verdict`], [`release`],
//! [`rollout`]. Each is plain data with pure functions; what touches the outside goes through [`world`].
//! `docs/ARCHITECTURE.md` has the map.

pub mod cli;
pub mod commands;
pub mod deployer;
pub mod digest;
pub mod evidence;
pub mod exit;
pub mod failure;
pub mod gates;
pub mod journal;
pub mod oci;
pub mod plan;
pub mod platform;
pub mod policy;
pub mod release;
pub mod report;
pub mod rollout;
pub mod tools;
pub mod verdict;
pub mod workspace;
pub mod world;
