//! `local`: the embedded platform on this machine.

use super::context::Context;
use super::site::Site;
use crate::exit::Exit;
use crate::platform::local::client::{self, Client};
use crate::platform::protocol::Request;

/// Longest log file that `logs` reads, from its end.
const LOG_BYTES_MAX: u64 = 1024 * 1024;

/// `local up`.
pub(super) async fn up(context: &Context) -> anyhow::Result<Exit> {
    let state = context.state()?;
    let was_up = Client::connect(&context.world, &state).await.is_ok();
    client::ensure_up(&context.world, &state).await?;
    let what = if was_up { "was up already" } else { "is up" };
    context.console.note(format!("  ✓ the embedded platform {what}: {}", state.display()));
    super::status::status(context).await
}

/// `local down`.
pub(super) async fn down(context: &Context) -> anyhow::Result<Exit> {
    let state = context.state()?;
    if Client::connect(&context.world, &state).await.is_err() {
        context.console.note("  = the embedded platform is down already");
        return Ok(Exit::Done);
    }
    let step = context.console.step(&context.world, "stopping instances");
    client::down(&context.world, &state, Request::Down { instances: true }).await?;
    step.done("the embedded platform is down");
    Ok(Exit::Done)
}

/// `local logs ENV`: the end of each instance's log.
pub(super) async fn logs(context: &Context, environment: &str, lines: usize) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    let policy = site.environment(environment)?;
    let seen = site.seen(&policy).await?;
    for instance in &seen.instances {
        context.console.note(format!("── {} ({})", instance.id, instance.log.display()));
        context.console.raw(&tail(&instance.log, lines)?);
    }
    Ok(Exit::Done)
}

fn tail(file: &std::path::Path, lines: usize) -> anyhow::Result<String> {
    use std::io::{Read as _, Seek as _};
    let mut log = std::fs::File::open(file)?;
    let length = log.metadata()?.len();
    log.seek(std::io::SeekFrom::Start(length.saturating_sub(LOG_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    log.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    let last = all.get(all.len().saturating_sub(lines)..).unwrap_or_default();
    Ok(last.iter().map(|line| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\nb\nc\n").unwrap();
        assert_eq!(tail(file.path(), 2).unwrap(), "b\nc\n");
        assert_eq!(tail(file.path(), 9).unwrap(), "a\nb\nc\n");
    }
}
