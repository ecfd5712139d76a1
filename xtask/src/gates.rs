//! The gates: each judges its evidence by its policy. Pure, and alike in shape:
//! `judge(&Policy, &Evidence, duration) -> GateVerdict`.

use crate::evidence::Evidence;
use crate::policy::Policy;
use crate::verdict::{Gate, Verdict};

/// placeholder
pub fn verdict(_: &Policy, _: &Evidence, _: &[Gate]) -> Verdict {
    unreachable!()
}
pub mod coverage;
pub mod advisories;
pub mod secrets;
