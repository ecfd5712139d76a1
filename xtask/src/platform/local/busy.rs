//! Starting an executable that was written a moment ago.
//!
//! A file that is open for writing cannot be executed (`ETXTBSY`, execve(2)). Whoever wrote it has closed it; but a
//! child that some thread forked meanwhile has a copy of the descriptor until its own `exec`. That takes milliseconds.

use crate::world::World;
use std::io::{Error, ErrorKind};
use std::time::Duration;

/// How often it is tried.
const ATTEMPTS_MAX: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Tries again while the executable is busy, up to a limit; any other error is final.
pub(super) async fn until_free<T>(
    world: &World,
    mut attempt: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    for _ in 1..ATTEMPTS_MAX {
        match attempt() {
            Err(error) if is_busy(&error) => world.sleep(PAUSE).await,
            result => return result,
        }
    }
    attempt()
}

fn is_busy(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<Error>());
    causes.any(|cause| cause.kind() == ErrorKind::ExecutableFileBusy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use anyhow::Context as _;

    fn check(busy: u32, last: ErrorKind, expected_attempts: u32) {
        let world = World::with([].into(), "/".into(), Clock::manual(jiff::Timestamp::UNIX_EPOCH));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut attempts = 0;
        let result: anyhow::Result<()> = runtime.block_on(until_free(&world, || {
            attempts += 1;
            let kind = if attempts <= busy { ErrorKind::ExecutableFileBusy } else { last };
            Err(Error::from(kind)).context("failed to start it")
        }));
        assert!(result.is_err());
        assert_eq!(attempts, expected_attempts);
    }

    #[test]
    fn only_busy_is_tried_again_and_not_for_ever() {
        check(0, ErrorKind::NotFound, 1);
        check(3, ErrorKind::NotFound, 4);
        check(u32::MAX, ErrorKind::NotFound, ATTEMPTS_MAX);
    }
}
