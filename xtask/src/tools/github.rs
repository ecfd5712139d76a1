//! GitHub: what it says of the run, what it may be told, and how often.
//!
//! Everything but the client is in every build: reading an event and deciding what to write need no network.

#[cfg(feature = "github")]
pub mod api;
#[cfg(feature = "github")]
pub mod client;
pub mod context;
pub mod event;
pub mod limits;
#[cfg(feature = "github")]
pub mod pin;
#[cfg(feature = "github")]
pub mod release;
pub mod retry;
#[cfg(feature = "github")]
pub mod settings;
pub mod token;
