//! Launching: a free port, a fresh nonce, the shim, and the wait until it tells the instance's process.

use super::Instance;
use crate::platform::local::files;
use crate::platform::local::shim::{InstanceFiles, ShimSpec, ShimStatus};
use crate::platform::local::supervisor::Supervisor;
use crate::platform::local::supervisor::environment::Environment;
use crate::platform::local::supervisor::health::address;
use crate::platform::protocol::{Health, InstanceSpec};
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a shim may take to start its instance.
const SHIM_DEADLINE: Duration = Duration::from_secs(10);
const SHIM_PAUSE: Duration = Duration::from_millis(10);

/// Starts an instance's process (again): new port, new nonce, new backend.
pub(in super::super) async fn launch(
    supervisor: &Arc<Supervisor>,
    environment: &Arc<Environment>,
    id: &str,
) -> anyhow::Result<()> {
    let (spec, files) = {
        let state = environment.state();
        let instance = state.instances.get(id).context("it is gone")?;
        (instance.spec.clone(), instance.files.clone())
    };
    let world = &supervisor.world;
    let port = free_port(world).await?;
    let nonce = world.random_hex::<16>()?;
    let environment_of_instance = variables(&spec, port, &nonce, &environment.data());
    prepare(environment, &files)?;
    let shim = ShimSpec { instance: spec, port, nonce: nonce.clone(), environment: environment_of_instance };
    files::write_json(&files.spec(), &shim)?;
    let ended = Arc::new(Notify::new());
    spawn_shim(world, &files, Arc::clone(&ended))?;
    let status = started(world, &files, &ended).await?;
    let mut state = environment.state();
    let instance = state.instances.get_mut(id).context("it is gone")?;
    place(instance, port, nonce, &status, ended);
    state.switch();
    tracing::info!(instance = id, port, pid = status.pid, "instance started");
    Ok(())
}

fn place(instance: &mut Instance, port: u16, nonce: String, status: &ShimStatus, ended: Arc<Notify>) {
    instance.take_place(port, nonce, status.pid);
    instance.ended = ended;
    instance.set_health(Health::Starting("not asked yet".to_owned()));
}

fn prepare(environment: &Environment, files: &InstanceFiles) -> anyhow::Result<()> {
    for directory in [&files.0, &environment.data()] {
        files::create_private_directory(directory)
            .with_context(|| format!("failed to make {}", directory.display()))?;
    }
    for stale in [files.status(), files.stop()] {
        match std::fs::remove_file(&stale) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("failed to remove {}", stale.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A port that is free now. Should somebody take it before the instance does, the instance ends or is found foreign.
async fn free_port(world: &World) -> anyhow::Result<u16> {
    Ok(world.listen(address(0)).await?.local_addr()?.port())
}

/// The whole environment of an instance: what the image and the policy say, then what only we know.
fn variables(spec: &InstanceSpec, port: u16, nonce: &str, data: &Path) -> BTreeMap<String, String> {
    let (port, data) = (port.to_string(), data.display().to_string());
    let fill = |value: &String| value.replace("{port}", &port).replace("{data}", &data);
    let mut variables: BTreeMap<_, _> =
        spec.environment.iter().map(|(name, value)| (name.clone(), fill(value))).collect();
    let digest = spec.digest.to_string();
    let ours = [
        ("PORT", port.as_str()),
        ("DATA_DIR", &data),
        ("GATELINE_DIGEST", &digest),
        ("GATELINE_INSTANCE", &spec.id),
        ("GATELINE_NONCE", nonce),
        ("GATELINE_VERSION", &spec.version),
        ("GATELINE_COMMIT", &spec.commit),
    ];
    variables.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables
}

/// Starts the shim so that it can leave our session, and keeps no stream of it open.
fn spawn_shim(world: &World, files: &InstanceFiles, ended: Arc<Notify>) -> anyhow::Result<()> {
    let errors = OpenOptions::new().create(true).append(true).mode(0o600).open(files.0.join("shim.log"))?;
    let line = CommandLine::new(world.executable().display().to_string(), ["shim".to_owned()])
        .arg(files.0.display().to_string());
    let mut child = world.spawn(&line, |command| {
        // The leader of a group cannot begin a session: it starts in our group and leaves it at once.
        command.process_group(rustix::process::getpgrp().as_raw_nonzero().get());
        command.stdout(Stdio::null()).stderr(Stdio::from(errors));
    })?;
    tokio::spawn(async move {
        let _ = child.wait().await;
        ended.notify_one();
    });
    Ok(())
}

async fn started(world: &World, files: &InstanceFiles, ended: &Notify) -> anyhow::Result<ShimStatus> {
    let deadline = world.monotonic() + SHIM_DEADLINE;
    let mut is_over = false;
    loop {
        if let Some(status) = files::read_json::<ShimStatus>(&files.status())? {
            if let (None, Some(why)) = (status.pid, &status.ended) {
                anyhow::bail!("{why}");
            }
            if is_over {
                // The watch must hear of it too.
                ended.notify_one();
            }
            return Ok(status);
        }
        let last_words = || crate::platform::local::log::tail(&files.0.join("shim.log"), 5);
        anyhow::ensure!(!is_over, "its shim ended: {}", last_words());
        anyhow::ensure!(world.monotonic() < deadline, "its shim did not start it in time: {}", last_words());
        tokio::select! {
            () = ended.notified() => is_over = true,
            () = world.sleep(SHIM_PAUSE) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::platform::protocol::Role;

    #[test]
    fn placeholders_are_filled_and_identity_cannot_be_overridden() {
        let given = [("ADDRESS", "127.0.0.1:{port}"), ("DB", "{data}/desk.db"), ("GATELINE_NONCE", "mine")];
        let spec = InstanceSpec {
            id: "r-0".to_owned(),
            digest: Digest::of(b"image"),
            role: Role::Canary,
            rootfs: "/r".into(),
            command: Vec::new(),
            directory: "/".to_owned(),
            environment: given.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ready_path: "/".to_owned(),
            echoes_identity: true,
            stop_grace_millis: 1,
            version: "1.2.3".to_owned(),
            commit: "abc".to_owned(),
        };
        let variables = variables(&spec, 7401, "fresh", Path::new("/state/data"));
        let expected = [
            ("ADDRESS", "127.0.0.1:7401"),
            ("DATA_DIR", "/state/data"),
            ("DB", "/state/data/desk.db"),
            ("GATELINE_COMMIT", "abc"),
            ("GATELINE_DIGEST", &spec.digest.to_string()),
            ("GATELINE_INSTANCE", "r-0"),
            ("GATELINE_NONCE", "fresh"),
            ("GATELINE_VERSION", "1.2.3"),
            ("PORT", "7401"),
        ];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
