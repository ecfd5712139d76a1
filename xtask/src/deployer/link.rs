//! The connection to the supervisor: keeps the grants' epochs, and comes back after the supervisor was replaced.

use super::{Book, unexpected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::local::client::{CallError, Client, ensure_up};
use crate::platform::protocol::{Entry, GrantKind, Record, Refusal, RefusalCode, Reply, Request, Target};
use crate::rollout::seen::{EnvironmentStatus, Sides};
use crate::world::World;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How often a lost connection is made anew for one call.
const RECONNECTS_MAX: u32 = 3;
/// Records asked for at once.
const JOURNAL_PAGE: u32 = 500;

/// A connection that outlives its supervisor.
pub struct Link {
    world: World,
    state: PathBuf,
    client: Client,
    grants: BTreeMap<Target, (u64, GrantKind)>,
    probe_path: String,
}

impl Link {
    /// Connects to the supervisor, which is started where none runs.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn up(world: &World, state: &Path, probe_path: &str) -> anyhow::Result<Link> {
        let client = ensure_up(world, state).await?;
        Ok(Link {
            world: world.clone(),
            state: state.to_owned(),
            client,
            grants: BTreeMap::new(),
            probe_path: probe_path.to_owned(),
        })
    }

    /// The path of marked probe requests.
    pub(super) fn probe_path(&self) -> &str {
        &self.probe_path
    }

    /// The epoch of the grant held here.
    pub(super) fn epoch(&self, target: &Target) -> Option<u64> {
        self.grants.get(target).map(|(epoch, _)| *epoch)
    }

    /// What the grant held here is for.
    pub(super) fn kind(&self, target: &Target) -> Option<GrantKind> {
        self.grants.get(target).map(|(_, kind)| *kind)
    }

    /// One call. A refusal is a value; a lost connection is made anew a few times, with the grants asked for again.
    ///
    /// # Errors
    /// Where the supervisor is gone and does not come up again.
    pub async fn call(&mut self, request: Request) -> anyhow::Result<Result<Reply, Refusal>> {
        let mut last = None;
        for _ in 0..RECONNECTS_MAX {
            match self.client.call(self.renumbered(&request)).await {
                Ok(reply) => return Ok(Ok(reply)),
                Err(CallError::Refused(refusal)) => return Ok(Err(refusal)),
                Err(error @ (CallError::Lost | CallError::Late(_))) => {
                    last = Some(error);
                    self.client = ensure_up(&self.world, &self.state).await?;
                    self.regain().await?;
                }
            }
        }
        let error = last.map_or(String::new(), |error| format!(": {error}"));
        Err(Failure::infrastructure(
            format!("the supervisor went away{error}"),
            "cargo xtask local up, then cargo xtask resume",
        ))
    }

    /// The same request under the epoch held now.
    fn renumbered(&self, request: &Request) -> Request {
        let mut request = request.clone();
        let now = |target: &Target, epoch: &mut u64| *epoch = self.epoch(target).unwrap_or(*epoch);
        match &mut request {
            Request::Start { target, epoch, .. }
            | Request::Stop { target, epoch, .. }
            | Request::SetWeights { target, epoch, .. }
            | Request::Renew { target, epoch, .. }
            | Request::Probe { target, epoch, .. } => now(target, epoch),
            Request::Append { target, epoch: Some(epoch), .. } => now(target, epoch),
            _ => {}
        }
        request
    }

    async fn regain(&mut self) -> anyhow::Result<()> {
        for (target, (epoch, kind)) in &mut self.grants {
            let request = Request::Grant { target: target.clone(), kind: *kind };
            match self.client.call(request).await {
                Ok(Reply::Granted { epoch: new, .. }) => *epoch = new,
                Ok(reply) => return Err(unexpected(&reply)),
                Err(CallError::Refused(refusal)) => return Err(taken(target, &refusal)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Asks for the right to change an environment. Answers the emergency chain, should the journal be damaged.
    ///
    /// # Errors
    /// Where somebody else holds it; the message says who and what to type.
    pub async fn grant(&mut self, target: &Target, kind: GrantKind) -> anyhow::Result<Option<PathBuf>> {
        match self.call(Request::Grant { target: target.clone(), kind }).await? {
            Ok(Reply::Granted { epoch, emergency }) => {
                self.grants.insert(target.clone(), (epoch, kind));
                Ok(emergency)
            }
            Ok(reply) => Err(unexpected(&reply)),
            // Only a rollback takes a grant away from its holder.
            Err(refusal) if self.grants.contains_key(target) => {
                let message = format!("a rollback took {} over: {}", target.environment, refusal.message);
                Err(Failure::error(Exit::RolledBack, message, refusal.help))
            }
            Err(refusal) => Err(taken(target, &refusal)),
        }
    }

    /// Gives a grant back. One that is lost already is no failure.
    pub(super) async fn release(&mut self, target: &Target) {
        if self.grants.remove(target).is_some() {
            let _ = self.call(Request::Release { target: target.clone() }).await;
        }
    }

    /// Appends to the journal, under the grant held here, if any.
    ///
    /// # Errors
    /// Where it could not be written durably.
    pub async fn append(&mut self, target: &Target, entry: Entry) -> anyhow::Result<u64> {
        let epoch = self.epoch(target);
        match self.call(Request::Append { target: target.clone(), epoch, entry }).await? {
            Ok(Reply::Appended { seq }) => Ok(seq),
            Ok(reply) => Err(unexpected(&reply)),
            Err(refusal) => Err(refused(&refusal)),
        }
    }

    /// Makes sure that an environment has its proxy.
    ///
    /// # Errors
    /// Where its port is taken.
    pub async fn ensure(&mut self, target: &Target, port: u16) -> anyhow::Result<u16> {
        match self.call(Request::Ensure { target: target.clone(), port }).await? {
            Ok(Reply::Ensured { port }) => Ok(port),
            Ok(reply) => Err(unexpected(&reply)),
            Err(refusal) => Err(refused(&refusal)),
        }
    }

    /// What clients got of both sides. Where the supervisor cannot tell, nothing is known: that is for the engine to weigh.
    pub(super) async fn samples(&mut self, target: &Target) -> anyhow::Result<Option<Sides>> {
        match self.call(Request::Samples { target: target.clone() }).await? {
            Ok(Reply::Samples { sides }) => Ok(Some(sides)),
            Ok(reply) => Err(unexpected(&reply)),
            Err(_) => Ok(None),
        }
    }

    /// Every environment, of one service or of all.
    ///
    /// # Errors
    /// Where the supervisor refuses.
    pub async fn environments(&mut self, service: Option<&str>) -> anyhow::Result<Vec<EnvironmentStatus>> {
        match self.call(Request::Status { service: service.map(str::to_owned) }).await? {
            Ok(Reply::Status { environments, .. }) => Ok(environments),
            Ok(reply) => Err(unexpected(&reply)),
            Err(refusal) => Err(refused(&refusal)),
        }
    }

    /// One environment.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub async fn environment(&mut self, target: &Target) -> anyhow::Result<EnvironmentStatus> {
        let all = self.environments(Some(&target.service)).await?;
        all.into_iter().find(|environment| environment.target == *target).ok_or_else(|| {
            let message =
                format!("{} has no environment `{}` on this platform", target.service, target.environment);
            Failure::usage(message, "cargo xtask status")
        })
    }

    /// Every record of a service's journal.
    ///
    /// # Errors
    /// Where it is damaged.
    pub async fn journal(&mut self, service: &str) -> anyhow::Result<Vec<Record>> {
        self.readable(service).await?.map_err(|refusal| refused(&refusal))
    }

    /// Reads what the journal has since. One that cannot be read tells nothing: the way back must not wait for it.
    pub(super) async fn news(&mut self, service: &str, book: &mut Book) -> anyhow::Result<()> {
        loop {
            let request =
                Request::Journal { service: service.to_owned(), after: book.seq(), limit: JOURNAL_PAGE };
            match self.call(request).await? {
                Ok(Reply::Journal { records }) if records.is_empty() => return Ok(()),
                Ok(Reply::Journal { records }) => records.iter().for_each(|record| book.read(record)),
                Ok(reply) => return Err(unexpected(&reply)),
                Err(_) => return Ok(()),
            }
        }
    }

    /// The same for those who go on without a journal: why it cannot be read is a value.
    pub async fn readable(&mut self, service: &str) -> anyhow::Result<Result<Vec<Record>, Refusal>> {
        let mut records: Vec<Record> = Vec::new();
        loop {
            let after = records.last().map_or(0, |record| record.seq);
            let request = Request::Journal { service: service.to_owned(), after, limit: JOURNAL_PAGE };
            match self.call(request).await? {
                Ok(Reply::Journal { records: page }) if page.is_empty() => return Ok(Ok(records)),
                Ok(Reply::Journal { records: page }) => records.extend(page),
                Ok(reply) => return Err(unexpected(&reply)),
                Err(refusal) if refusal.code == RefusalCode::Unknown => return Ok(Ok(records)),
                Err(refusal) if refusal.code == RefusalCode::Journal => return Ok(Err(refusal)),
                Err(refusal) => return Err(refused(&refusal)),
            }
        }
    }
}

/// A refusal as a failure, with its help. A grant that was revoked means that a rollback took over.
pub(super) fn refused(refusal: &Refusal) -> anyhow::Error {
    let exit = if refusal.code == RefusalCode::Stale { Exit::RolledBack } else { Exit::Infrastructure };
    Failure::error(exit, refusal.message.clone(), refusal.help.clone())
}

fn taken(target: &Target, refusal: &Refusal) -> anyhow::Error {
    Failure::infrastructure(
        format!("{} is in other hands: {}", target.environment, refusal.message),
        refusal.help.clone(),
    )
}
