//! Stories of the embedded platform, with real processes: supervisor, shims, instances and clients.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a story fails by panicking, and its service has a log"
)]

#[path = "platform/bed.rs"]
mod bed;
#[path = "platform/calls.rs"]
mod calls;
#[path = "platform/life.rs"]
mod life;
#[path = "platform/recovery.rs"]
mod recovery;
#[path = "platform/service.rs"]
mod service;

#[tokio::test]
#[ignore = "it is the service that the other stories start"]
async fn service() {
    service::run(gateline::world::World::real().unwrap()).await;
}
