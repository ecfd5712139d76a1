//! `local`: the embedded platform on this machine.

use super::context::Context;
use super::site::Site;
use crate::deployer::Link;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::local::client;
use crate::platform::protocol::Request;
use crate::rollout::seen::{EnvironmentStatus, Listening};
use std::path::{Path, PathBuf};

/// Longest log file that `logs` reads, from its end.
const LOG_BYTES_MAX: u64 = 1024 * 1024;

/// `local up`.
pub(super) async fn up(context: &Context) -> anyhow::Result<Exit> {
    let state = context.state()?;
    let was_up = client::find(&context.world, &state).await?.is_some();
    let mut link = Link::up(&context.world, &state, "/").await?;
    let what = if was_up { "was up already" } else { "is up" };
    context.console.note(format!("  ✓ the embedded platform {what}: {}", state.display()));
    let unserved = take_ports(&mut link).await?;
    let exit = super::status::status(context).await?;
    unserved.map_or(Ok(exit), Err)
}

/// Tries again to take the ports that could not be had when the supervisor started. Answers what is still in the way.
async fn take_ports(link: &mut Link) -> anyhow::Result<Option<anyhow::Error>> {
    let mut failure = None;
    for seen in link.environments(None).await? {
        if seen.listening != Listening::Yes
            && let Err(error) = link.ensure(&seen.target, seen.port).await
        {
            failure = Some(named(&seen, &error));
        }
    }
    Ok(failure)
}

/// The failure with its environment, and with its help.
fn named(seen: &EnvironmentStatus, error: &anyhow::Error) -> anyhow::Error {
    let help = Failure::help_of(error).unwrap_or("cargo xtask doctor");
    let message = format!("{} serves nobody: {error:#}", seen.target.environment);
    Failure::infrastructure(message, format!("{help}; then cargo xtask local up"))
}

/// `local down`.
pub(super) async fn down(context: &Context) -> anyhow::Result<Exit> {
    let state = context.state()?;
    if client::find(&context.world, &state).await?.is_none() {
        context.console.note("  = the embedded platform is down already");
        return Ok(Exit::Done);
    }
    let step = context.console.step(&context.world, "stopping instances");
    client::down(&context.world, &state, Request::Down { instances: true }).await?;
    step.done("the embedded platform is down");
    Ok(Exit::Done)
}

/// `local logs ENV`: the end of each instance's log, and of those that were kept of instances that are gone.
pub(super) async fn logs(context: &Context, environment: &str, lines: usize) -> anyhow::Result<Exit> {
    let mut site = Site::open(context).await?;
    let policy = site.environment(environment)?;
    let seen = site.seen(&policy).await?;
    let folder = site.state.join("services").join(&site.service).join(environment).join("dead");
    let dead = dead(&folder);
    let living = seen.instances.iter().map(|instance| (instance.id.clone(), instance.log.clone()));
    let all: Vec<(String, PathBuf)> = dead.into_iter().chain(living).collect();
    if all.is_empty() {
        context.console.note(format!("  = {environment} has no logs: no instance was started there"));
    }
    for (name, log) in &all {
        context.console.note(format!("── {name} ({})", log.display()));
        let said = tail(log, lines)?;
        if said.is_empty() {
            context.console.note("  (it wrote nothing)");
        }
        context.console.raw(&said);
    }
    Ok(Exit::Done)
}

/// The logs of instances that are gone, oldest first.
fn dead(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut logs: Vec<_> =
        entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    logs.sort();
    let named = |path: PathBuf| {
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (format!("{id}, which is gone"), path)
    };
    logs.into_iter().map(|(_, path)| named(path)).collect()
}

fn tail(file: &Path, lines: usize) -> anyhow::Result<String> {
    use std::io::{Read as _, Seek as _};
    let mut log = match std::fs::File::open(file) {
        // An instance that is being started has written nothing yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        opened => opened?,
    };
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
        assert_eq!(tail(Path::new("/none"), 9).unwrap(), "");
    }
}
