//! The supervisor: one per state directory. It owns the proxies, their counters, the grants, the journals and the dead
//! man's switch; deployers decide, and it does.
//!
//! It runs on one thread. A lock of the kernel proves that it is the only one; its socket stands in a private
//! directory, and every peer is asked for its credentials. Killed at any moment, the next one reads the state files,
//! takes the ports again and adopts what lives.

mod adopt;
mod calls;
mod deadman;
mod down;
mod effects;
mod environment;
mod grants;
mod health;
mod instances;
mod journals;
mod names;
mod owner;
mod refuse;
mod server;
mod table;

use super::files;
use super::log::{DroppingLog, RotatingLog};
use super::paths::{self, Layout};
use crate::digest::{Digest, Hasher};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::protocol::{Refusal, Target};
use crate::world::World;
use anyhow::Context as _;
use environment::Environment;
use grants::ConnectionId;
use journals::Journals;
use serde::{Deserialize, Serialize};
pub(super) use server::read_line;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

/// Attempts to take the lock: clients look at it now and then for an instant.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(25);
const PIECE_BYTES: usize = 64 * 1024;

/// What the parts of the supervisor share.
pub(super) struct Supervisor {
    world: World,
    layout: Layout,
    executable: String,
    environments: Mutex<BTreeMap<Target, Arc<Environment>>>,
    journals: Journals,
    /// The connections that are open: none else may hold a grant.
    connections: Mutex<BTreeSet<ConnectionId>>,
    /// Held while an environment is made.
    ensuring: tokio::sync::Mutex<()>,
    /// Told when an expiry was set or moved.
    expiries: Notify,
    /// Whether everything goes down: no grant is given any more.
    is_leaving: AtomicBool,
    /// Becomes true once.
    ending: watch::Sender<bool>,
}

/// Where a running supervisor is to be found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Beacon {
    /// Its process.
    pub(super) pid: u32,
    /// Its socket.
    pub(super) socket: PathBuf,
}

/// Runs the supervisor of a state directory until it is told to stop.
///
/// # Errors
/// Where the state directory cannot be written, another supervisor has it, or a state file is damaged.
pub async fn run(world: World, state: &Path) -> anyhow::Result<Exit> {
    // The leader of a group has no need to leave it: whoever started us by hand stops us by hand.
    let _ = rustix::process::setsid();
    paths::prepare_state(state)?;
    let state = state.canonicalize().context("failed to name the state directory")?;
    let layout = Layout(state.clone());
    let _lock = lock(&world, &layout).await?;
    log_to(&layout)?;
    let ran = serve(world, layout).await;
    match &ran {
        Ok(_) => tracing::info!("the supervisor ends"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "the supervisor ends"),
    }
    ran
}

async fn serve(world: World, layout: Layout) -> anyhow::Result<Exit> {
    let socket = paths::socket(&world, &layout.0)?;
    let executable = digest_of(world.executable())?;
    let journals = Journals::new(world.clone(), layout.clone());
    let (ending, ended) = watch::channel(false);
    let supervisor = Arc::new(Supervisor {
        world,
        layout,
        executable,
        environments: Mutex::default(),
        journals,
        connections: Mutex::default(),
        ensuring: tokio::sync::Mutex::default(),
        expiries: Notify::new(),
        is_leaving: AtomicBool::new(false),
        ending,
    });
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    adopt::adopt(&supervisor).await?;
    tokio::spawn(deadman::watch(Arc::clone(&supervisor)));
    let listener = open_socket(&supervisor, &socket)?;
    tracing::info!(socket = socket.display().to_string(), "the supervisor listens");
    let asked = Arc::clone(&supervisor);
    tokio::spawn(async move {
        terminate.recv().await;
        asked.ending.send_replace(true);
    });
    server::serve(&supervisor, listener, ended).await;
    down::close(&supervisor).await;
    for path in [socket, supervisor.layout.beacon()] {
        // What stays is replaced by the next supervisor.
        let _ = std::fs::remove_file(path);
    }
    Ok(Exit::Done)
}

impl Supervisor {
    /// All environments; for a moment.
    fn table(&self) -> MutexGuard<'_, BTreeMap<Target, Arc<Environment>>> {
        self.environments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All environments.
    fn environments(&self) -> Vec<Arc<Environment>> {
        self.table().values().map(Arc::clone).collect()
    }

    /// The environment that a call names.
    fn find(&self, target: &Target) -> Result<Arc<Environment>, Refusal> {
        let found = self.table().get(target).map(Arc::clone);
        found.ok_or_else(|| refuse::unknown_environment(target))
    }

    /// The open connections; for a moment.
    fn connections(&self) -> MutexGuard<'_, BTreeSet<ConnectionId>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left of an expiry.
    fn left(&self, expiry: &deadman::Expiry) -> Duration {
        expiry.left(self.world.now(), self.world.monotonic())
    }
}

async fn lock(world: &World, layout: &Layout) -> anyhow::Result<File> {
    let path = layout.lock();
    let mut taken = None;
    for _ in 0..LOCK_ATTEMPTS {
        taken = files::try_lock(&path).with_context(|| format!("failed to lock {}", path.display()))?;
        if taken.is_some() {
            break;
        }
        world.sleep(LOCK_PAUSE).await;
    }
    let Some(mut lock) = taken else {
        let holder = std::fs::read_to_string(&path).unwrap_or_default();
        return Err(Failure::infrastructure(
            format!(
                "another supervisor (process {}) has the state directory {}",
                holder.trim(),
                layout.0.display()
            ),
            "cargo xtask local status, or cargo xtask local down",
        ));
    };
    // The number is for messages only: a full disk keeps nobody from holding the lock.
    let own = format!("{}\n", std::process::id());
    let _ = lock.write_all(own.as_bytes()).and_then(|()| lock.set_len(own.len() as u64));
    Ok(lock)
}

/// JSON lines into a log of limited size. Only the first supervisor of a process (there are more in tests) logs.
fn log_to(layout: &Layout) -> anyhow::Result<()> {
    let path = layout.log();
    let log = RotatingLog::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
    let _ = tracing_subscriber::fmt().json().with_writer(Mutex::new(DroppingLog(log))).try_init();
    Ok(())
}

/// A socket left by a killed supervisor is removed: we have the lock, so it is nobody's.
fn open_socket(supervisor: &Supervisor, socket: &Path) -> anyhow::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("failed to remove {}", socket.display()));
        }
        _ => {}
    }
    let listener = supervisor.world.listen_unix(socket)?;
    let beacon = Beacon { pid: std::process::id(), socket: socket.to_owned() };
    if let Err(error) = files::write_json(&supervisor.layout.beacon(), &beacon) {
        // On a full disk: clients of the same environment find the socket without it, but an old one would mislead them.
        tracing::error!(error = format!("{error:#}"), "the beacon could not be written");
        let _ = std::fs::remove_file(supervisor.layout.beacon());
    }
    Ok(listener)
}

/// The digest of a file, read piece by piece.
pub(super) fn digest_of(path: &Path) -> anyhow::Result<String> {
    let digest = || -> std::io::Result<Digest> {
        let (mut file, mut hasher, mut piece) = (File::open(path)?, Hasher::default(), vec![0; PIECE_BYTES]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hasher.finish()),
                count => hasher.update(&piece[..count]),
            }
        }
    };
    Ok(digest().with_context(|| format!("failed to read {}", path.display()))?.to_string())
}
