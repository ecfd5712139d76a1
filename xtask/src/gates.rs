//! The gates: each judges its evidence by its policy. Pure, and alike in shape:
//! `judge(&Policy, &Evidence, duration) -> GateVerdict`.

pub mod image;
