//! A test bed: a state directory, a supervisor of its own, and the certainty that no process of it survives the test.

use gateline::digest::Digest;
use gateline::platform::local::client::{CallError, Client, ensure_up};
use gateline::platform::local::proxy::{Fetched, fetch};
use gateline::platform::protocol::*;
use gateline::world::{Clock, World};
use rustix::process::{Pid, Signal};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A wait that lasts longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an orderly end may take before force.
const END_PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);

/// See the module.
pub(crate) struct Bed {
    directory: tempfile::TempDir,
    /// What the supervisor is started from.
    pub(crate) world: World,
}

impl Bed {
    /// A bed with a root file system, and no supervisor yet.
    pub(crate) fn new() -> Bed {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gateline"), path.join("gateline")).unwrap();
        let real = World::real().unwrap();
        let app = path.join("rootfs/app");
        std::fs::create_dir_all(&app).unwrap();
        std::fs::copy(real.executable(), app.join("service")).unwrap();
        let mut environment = real.environment().clone();
        let runtime = path.join("run");
        std::fs::create_dir(&runtime).unwrap();
        environment.insert("XDG_RUNTIME_DIR".to_owned(), runtime.display().to_string());
        Bed { world: World::with(environment, path, Clock::system()), directory }
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The environment's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.state().join("services/desk/staging/data")
    }

    /// A deployer's connection; starts the supervisor where none runs.
    pub(crate) async fn client(&self) -> Client {
        ensure_up(&self.world, &self.state()).await.unwrap()
    }

    /// What an instance is started from.
    pub(crate) fn spec(&self, id: &str, image: &str, mode: &str) -> InstanceSpec {
        InstanceSpec {
            id: id.to_owned(),
            digest: Digest::of(image.as_bytes()),
            role: Role::Canary,
            rootfs: self.directory.path().join("rootfs"),
            command: ["/app/service", "--ignored", "--exact", "service", "--nocapture"]
                .map(str::to_owned)
                .to_vec(),
            directory: "/app".to_owned(),
            environment: BTreeMap::from([("MODE".to_owned(), mode.to_owned())]),
            ready_path: "/ready".to_owned(),
            echoes_identity: mode != "plain",
            stop_grace_millis: 10_000,
            version: "1.0.0".to_owned(),
            commit: "c0ffee".to_owned(),
        }
    }

    /// Waits until a look finds what is looked for.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = self.world.monotonic() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(self.world.monotonic() < deadline, "waited in vain until {what}");
            self.world.sleep(LOOK).await;
        }
    }

    /// A GET of the proxy (or an instance) on a port.
    pub(crate) async fn get(&self, port: u16, path: &str) -> anyhow::Result<Fetched> {
        fetch(&self.world, ([127, 0, 0, 1], port).into(), path, PATIENCE).await
    }

    /// Processes that were started for this bed and still run: the bed's path is in their arguments or environment.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let needle = self.directory.path().display().to_string();
        let is_ours = |pid: u32| {
            ["cmdline", "environ"].iter().any(|file| {
                let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                String::from_utf8_lossy(&text).contains(&needle)
            })
        };
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != std::process::id() && is_ours(*pid))
            .collect()
    }
}

impl Drop for Bed {
    /// First as an operator would, so that everything ends in order (and writes its coverage), then by force.
    fn drop(&mut self) {
        let supervisors: Vec<u32> =
            self.processes().into_iter().filter(|pid| arguments(*pid).contains("\0supervise\0")).collect();
        self.end(&supervisors, Signal::TERM);
        self.end(&self.processes(), Signal::TERM);
        self.end(&self.processes(), Signal::KILL);
    }
}

impl Bed {
    /// Signals processes and waits until they are gone, but not for ever.
    fn end(&self, processes: &[u32], signal: Signal) {
        processes.iter().for_each(|pid| send(*pid, signal));
        let deadline = self.world.monotonic() + END_PATIENCE;
        while self.world.monotonic() < deadline && self.processes().iter().any(|pid| processes.contains(pid))
        {
            std::thread::sleep(LOOK);
        }
    }
}

/// The arguments of a process, each ended by a zero.
pub(crate) fn arguments(pid: u32) -> String {
    let text = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

/// SIGKILL.
pub(crate) fn kill(pid: u32) {
    send(pid, Signal::KILL);
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // One that has ended is what we want.
    let _ = rustix::process::kill_process(pid, signal);
}

/// The environment of these stories.
pub(crate) fn target() -> Target {
    Target { service: "desk".to_owned(), environment: "staging".to_owned() }
}

/// One share.
pub(crate) fn share(role: Role, id: &str, image: &str, weight: u8) -> Share {
    Share { role, digest: Digest::of(image.as_bytes()), instances: vec![id.to_owned()], weight }
}

/// A table.
pub(crate) fn weights(shares: Vec<Share>, expires_in_millis: Option<u64>) -> Weights {
    Weights { shares, expires_in_millis, on_expiry: OnExpiry::Stable }
}

/// A deployer with a grant.
pub(crate) struct Deployer<'a> {
    bed: &'a Bed,
    /// Its connection.
    pub(crate) client: Client,
    /// Its epoch.
    pub(crate) epoch: u64,
    /// The proxy's port.
    pub(crate) port: u16,
}

impl<'a> Deployer<'a> {
    /// Ensures the environment and asks for the grant.
    pub(crate) async fn new(bed: &'a Bed) -> Deployer<'a> {
        let client = bed.client().await;
        let Reply::Ensured { port } =
            client.call(Request::Ensure { target: target(), port: 0 }).await.unwrap()
        else {
            panic!("not ensured")
        };
        let epoch = grant(&client, GrantKind::Forward).await.unwrap();
        Deployer { bed, client, epoch, port }
    }

    /// Starts an instance.
    pub(crate) async fn start(&self, spec: &InstanceSpec) -> Result<InstanceStatus, CallError> {
        let request = Request::Start { target: target(), epoch: self.epoch, spec: spec.clone() };
        match self.client.call(request).await? {
            Reply::Started { instance } => Ok(instance),
            other => panic!("{other:?}"),
        }
    }

    /// Starts an instance and waits until it is ready.
    pub(crate) async fn ready(&self, id: &str, image: &str) -> InstanceStatus {
        self.start(&self.bed.spec(id, image, "good")).await.unwrap();
        self.until_health(id, |health| *health == Health::Ready).await
    }

    /// Waits until an instance's health is such.
    pub(crate) async fn until_health(&self, id: &str, is_wanted: impl Fn(&Health) -> bool) -> InstanceStatus {
        let look = async || instance(&self.client, id).await.filter(|found| is_wanted(&found.health));
        self.bed.until(&format!("{id} has the wanted health"), look).await
    }

    /// Sets weights.
    pub(crate) async fn set(&self, weights: Weights) -> Result<Reply, CallError> {
        self.client.call(Request::SetWeights { target: target(), epoch: self.epoch, weights }).await
    }

    /// One stable instance with all traffic.
    pub(crate) async fn settle(&self, id: &str, image: &str) -> InstanceStatus {
        let ready = self.ready(id, image).await;
        self.set(weights(vec![share(Role::Stable, id, image, 100)], None)).await.unwrap();
        ready
    }

    /// A request that stops an instance.
    pub(crate) fn stop(&self, id: &str, drain_millis: u64) -> Request {
        let (target, epoch, instance) = (target(), self.epoch, id.to_owned());
        Request::Stop { target, epoch, instance, drain_millis, grace_millis: 10_000 }
    }
}

/// Asks for a grant.
pub(crate) async fn grant(client: &Client, kind: GrantKind) -> Result<u64, CallError> {
    match client.call(Request::Grant { target: target(), kind }).await? {
        Reply::Granted { epoch, .. } => Ok(epoch),
        other => panic!("{other:?}"),
    }
}

/// The environment as it stands.
pub(crate) async fn status(client: &Client) -> EnvironmentStatus {
    match client.call(Request::Status { service: Some("desk".to_owned()) }).await.unwrap() {
        Reply::Status { environments, .. } => environments.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// An instance as it stands.
pub(crate) async fn instance(client: &Client, id: &str) -> Option<InstanceStatus> {
    status(client).await.instances.into_iter().find(|instance| instance.id == id)
}

/// The code of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, CallError>) -> RefusalCode {
    match result {
        Err(CallError::Refused(refusal)) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}
