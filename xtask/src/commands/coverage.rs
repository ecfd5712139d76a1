//! `coverage`: the gate; `coverage noise` and `coverage ratchet`.

mod noise;
mod ratchet;

use super::context::Context;
use super::gates;
use crate::cli::{Coverage, CoverageVerb};
use crate::exit::Exit;

/// `coverage …`.
pub(super) async fn coverage(context: &Context, asked: &Coverage) -> anyhow::Result<Exit> {
    match asked.what {
        None => gates::coverage(context, asked).await,
        Some(CoverageVerb::Noise { runs }) => noise::noise(context, runs).await,
        Some(CoverageVerb::Ratchet { check: true }) => ratchet::ratchet(context, ratchet::Act::Check).await,
        Some(CoverageVerb::Ratchet { check: false }) => ratchet::ratchet(context, ratchet::Act::Write).await,
    }
}
