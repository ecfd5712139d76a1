//! One environment of a service: its proxy, grant, weights and instances, and the file that a restart reads.
//!
//! Every change holds [`Environment::change`] from the check of the grant until the effect; `state` is locked only for
//! moments, never across a wait.

use super::deadman::Expiry;
use super::grants::Grants;
use super::health::standing;
use super::instances::Instance;
use super::table::{self, Facts};
use crate::platform::local::files;
use crate::platform::local::proxy::{Backend, Group, Proxy, Table};
use crate::platform::protocol::{EnvironmentStatus, Listening, Role, Share, Side, Sides, Target, Weights};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SCHEMA: &str = "gateline/environment/v1";

/// An environment.
pub(super) struct Environment {
    /// Which.
    pub(super) target: Target,
    /// Its directory.
    pub(super) directory: PathBuf,
    /// Held during each change.
    pub(super) change: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// What changes.
pub(super) struct State {
    /// The proxy's port; 0 before there was one.
    pub(super) port: u16,
    /// The proxy, unless its port could not be had.
    pub(super) proxy: Option<Arc<Proxy>>,
    /// Why there is no proxy.
    pub(super) unopened: String,
    /// Who may change the environment.
    pub(super) grants: Grants,
    /// The weights in force.
    pub(super) weights: Weights,
    /// When they lapse.
    pub(super) expiry: Option<Expiry>,
    /// Counts tables.
    pub(super) generation: u64,
    /// Whether the dead man's switch was the last to set the weights.
    pub(super) restored: bool,
    /// The instances by id.
    pub(super) instances: BTreeMap<String, Instance>,
}

/// What a restart needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    schema: String,
    pub(super) target: Target,
    pub(super) port: u16,
    pub(super) epoch: u64,
    pub(super) weights: Weights,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) generation: u64,
    pub(super) restored: bool,
    pub(super) roles: BTreeMap<String, Role>,
}

impl Saved {
    /// A new environment.
    pub(super) fn new(target: Target) -> Saved {
        Saved {
            schema: SCHEMA.to_owned(),
            target,
            port: 0,
            epoch: 0,
            weights: table::nobody(),
            expires_at: None,
            generation: 0,
            restored: false,
            roles: BTreeMap::new(),
        }
    }

    /// The next table, with the roles that it gives.
    pub(super) fn put(&mut self, weights: &Weights, expires_at: Option<Timestamp>) {
        for share in &weights.shares {
            self.roles.extend(share.instances.iter().map(|id| (id.clone(), share.role)));
        }
        self.weights = weights.clone();
        self.expires_at = expires_at;
        self.generation += 1;
        self.restored = false;
    }

    fn path(directory: &Path) -> PathBuf {
        directory.join("environment.json")
    }

    /// Reads the file of an environment; `None` where there is none.
    ///
    /// # Errors
    /// Where it is damaged or of another version: an environment never starts empty instead.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Option<Saved>> {
        let saved: Option<Saved> = files::read_json(&Saved::path(directory))?;
        if let Some(saved) = &saved {
            anyhow::ensure!(saved.schema == SCHEMA, "{} has schema {}", directory.display(), saved.schema);
        }
        Ok(saved)
    }

    /// Writes it.
    pub(super) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        files::write_json(&Saved::path(directory), self)
    }
}

impl Environment {
    /// An environment as it was saved, without proxy and instances yet.
    pub(super) fn resume(saved: Saved, directory: PathBuf, expiry: Option<Expiry>) -> Environment {
        let state = State {
            port: saved.port,
            proxy: None,
            unopened: "the proxy is not open yet".to_owned(),
            grants: Grants::resume(saved.epoch),
            weights: saved.weights,
            expiry,
            generation: saved.generation,
            restored: saved.restored,
            instances: BTreeMap::new(),
        };
        Environment {
            target: saved.target,
            directory,
            change: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        }
    }

    /// What changes; for a moment.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the instances' directories are.
    pub(super) fn instances(&self) -> PathBuf {
        self.directory.join("instances")
    }

    /// The instances' common data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Where the logs of the last dead instances are.
    pub(super) fn dead(&self) -> PathBuf {
        self.directory.join("dead")
    }

    /// What would be saved now.
    pub(super) fn saved(&self) -> Saved {
        let state = self.state();
        Saved {
            schema: SCHEMA.to_owned(),
            target: self.target.clone(),
            port: state.port,
            epoch: state.grants.epoch(),
            weights: state.weights.clone(),
            expires_at: state.expiry.map(|expiry| expiry.at),
            generation: state.generation,
            restored: state.restored,
            roles: state.instances.iter().map(|(id, instance)| (id.clone(), instance.role)).collect(),
        }
    }

    /// Writes what is now, durably, without holding up the proxies.
    pub(super) async fn persist(&self) -> anyhow::Result<()> {
        self.write(self.saved()).await
    }

    /// Writes what is to be. The caller holds [`Environment::change`].
    pub(super) async fn write(&self, saved: Saved) -> anyhow::Result<()> {
        let directory = self.directory.clone();
        tokio::task::spawn_blocking(move || saved.write(&directory)).await?
    }

    /// For `Status`; the rollout is the journal's to tell.
    pub(super) fn status(&self) -> EnvironmentStatus {
        let state = self.state();
        EnvironmentStatus {
            target: self.target.clone(),
            port: state.port,
            listening: match state.proxy {
                Some(_) => Listening::Yes,
                None => Listening::No(state.unopened.clone()),
            },
            weights: state.weights.clone(),
            expires_at: state.expiry.map(|expiry| expiry.at),
            generation: state.generation,
            restored: state.restored,
            grant: state.grants.held(),
            instances: state.instances.values().map(Instance::status).collect(),
            rollout: None,
        }
    }
}

impl State {
    /// What the rules of weights need to know.
    pub(super) fn facts(&self) -> BTreeMap<String, Facts> {
        self.instances.iter().map(|(id, instance)| (id.clone(), instance.facts())).collect()
    }

    /// Puts weights in force: roles, then the data plane.
    pub(super) fn put_in_force(&mut self, weights: Weights) {
        for share in &weights.shares {
            for id in &share.instances {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.role = share.role;
                    instance.backend.mark(standing(&instance.health, instance.role));
                    instance.backend.begin_step();
                }
            }
        }
        self.weights = weights;
        self.switch();
    }

    /// Gives the weights in force to the proxy, with the instances' present backends.
    pub(super) fn switch(&self) {
        let Some(proxy) = &self.proxy else { return };
        let group = |share: &Share| Group {
            role: share.role,
            weight: share.weight,
            backends: share
                .instances
                .iter()
                .filter_map(|id| self.instances.get(id))
                .map(|instance| Arc::clone(&instance.backend))
                .collect(),
        };
        // Only a share whose instances are all gone from here makes no table: then nobody serves it.
        let table = Table::new(self.weights.shares.iter().map(group).collect()).unwrap_or_else(|error| {
            tracing::error!(error = error.to_string(), "the weights in force make no table");
            Table::empty()
        });
        proxy.switch(table);
    }

    /// What clients got of the two roles that the judge compares.
    pub(super) fn sides(&self) -> Sides {
        let side = |role| Side::of(self.of_role(role).iter().map(|backend| backend.side()).collect());
        Sides { generation: self.generation, canary: side(Role::Canary), baseline: side(Role::Stable) }
    }

    /// The instances of a role that have not ended.
    pub(super) fn of_role(&self, role: Role) -> Vec<Arc<Backend>> {
        let of_role =
            self.instances.values().filter(|instance| instance.role == role && instance.is_staying());
        of_role.map(|instance| Arc::clone(&instance.backend)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target { service: "desk".to_owned(), environment: "staging".to_owned() }
    }

    #[test]
    fn what_is_saved_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Saved::read(directory.path()).unwrap(), None);
        let saved = Saved { port: 7402, epoch: 9, generation: 3, restored: true, ..Saved::new(target()) };
        saved.write(directory.path()).unwrap();
        assert_eq!(Saved::read(directory.path()).unwrap(), Some(saved.clone()));
        let environment = Environment::resume(saved.clone(), directory.path().to_owned(), None);
        assert_eq!(environment.saved(), saved);
        assert_eq!((environment.status().generation, environment.status().grant), (3, None));
    }

    #[test]
    fn another_schema_and_damage_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let other = Saved { schema: "gateline/environment/v9".to_owned(), ..Saved::new(target()) };
        other.write(directory.path()).unwrap();
        assert!(Saved::read(directory.path()).unwrap_err().to_string().contains("v9"));
        std::fs::write(Saved::path(directory.path()), "{").unwrap();
        assert!(Saved::read(directory.path()).is_err());
    }
}
