//! What is said of an image so that others can check it: signed [`statement`]s, each a [`bundle`] of its own.
//!
//! A statement says one thing of one digest (in-toto v1). Its signature is a [`dsse`] envelope by a [`key`], and the envelope travels as a
//! Sigstore bundle of version 0.3, which other tools read. [`judge`] is the other direction: a set of bundles and what is demanded,
//! to evidence or refusals. Everything here is a function of its arguments; files are `tools/signing.rs`, referrers `oci/referrers.rs`.

pub mod bundle;
pub mod dsse;
pub mod judge;
pub mod key;
pub mod statement;
