//! The release desk: where maintainers will watch rollouts and approve promotions, and the first service
//! that the suite itself tests, builds and ships.
//!
//! This version is what any service needs to be shipped by observation: it says who it is in every reply,
//! says honestly whether it is ready, counts what it does, and stops without losing a request.
//! Read `settings`, `desk`, `router`, `health`, `server` in this order.
//! Left out so far: rollouts and approvals themselves. They come with the suite's nouns.

mod body;
mod checks;
mod database;
mod desk;
#[cfg(feature = "faults")]
mod faults;
mod health;
mod identity;
mod logging;
mod metrics;
mod observe;
mod outside;
mod page;
mod router;
mod server;
mod settings;
mod shutdown;
mod start;

#[cfg(test)]
mod expand_only;

pub use desk::Desk;
pub use router::router;
pub use server::Drained;
pub use settings::Settings;
pub use start::{main, run};
