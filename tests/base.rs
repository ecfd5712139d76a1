//! Stories of real repositories: what the work is compared with, and which lines it changed.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]

mod base {
    pub(crate) mod changes;
    pub(crate) mod events;
    pub(crate) mod repository;
}
