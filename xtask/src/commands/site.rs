//! A service on its platform: what the verbs of a rollout share. Opens it, finds releases, plans and follows.

mod find;
mod notify;
mod restart;
mod said;

pub(super) use find::{known_digest, serves, service_name};

use super::context::{Context, InForce};
use super::signed;
use crate::deployer::{self, Approver, Book, Deployer, Followed, Link, exit_of};
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::protocol::{GrantKind, InstanceSpec, Target};
use crate::platform::store::{self, Stored};
use crate::policy::PolicySet;
use crate::policy::approvers::Approvers;
use crate::policy::rollout::EnvironmentPolicy;
use crate::release::Release;
use crate::rollout::seen::{EnvironmentStatus, Role};
use crate::rollout::{Closed, Kind, Previous, Rollout, RolloutPlan, SCHEMA, State, Terminal};
use crate::workspace::Workspace;
use std::path::PathBuf;

/// Whether the approvals that this person may give are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// `--yes`.
    Given,
    /// At the terminal, if there is one.
    Asked,
}

impl From<bool> for Consent {
    fn from(yes: bool) -> Consent {
        if yes { Consent::Given } else { Consent::Asked }
    }
}

impl From<Consent> for Approver {
    fn from(consent: Consent) -> Approver {
        match consent {
            Consent::Given => Approver::Yes,
            Consent::Asked => Approver::Ask,
        }
    }
}

/// A service on its platform: everything that the verbs of a rollout share.
pub(super) struct Site<'a> {
    /// World, console, flags.
    pub context: &'a Context,
    /// The policies in force.
    pub in_force: InForce,
    /// The service's name.
    pub service: String,
    /// The platform's state directory.
    pub state: PathBuf,
    /// Where this workspace's releases are made.
    pub releases: PathBuf,
    /// The connection to the supervisor.
    pub link: Link,
    /// The workspace's folder.
    pub root: PathBuf,
    /// Who is who.
    pub people: Approvers,
    /// Why rollouts of this command may begin though the windows are closed.
    pub overriding: Option<String>,
}

impl<'a> Site<'a> {
    /// Opens the platform for the service of this workspace.
    pub(super) async fn open(context: &'a Context) -> anyhow::Result<Site<'a>> {
        let workspace = context.workspace().await?;
        let in_force = context.policy(&workspace).await?;
        Site::of(context, &workspace, in_force).await
    }

    /// The same with workspace and policies at hand.
    pub(super) async fn of(
        context: &'a Context,
        workspace: &Workspace,
        in_force: InForce,
    ) -> anyhow::Result<Site<'a>> {
        let service = service_name(workspace, &in_force)?;
        let state = context.state()?;
        let link = Link::up(&context.world, &state, &in_force.policy.rollout.service.probe_path).await?;
        let releases = context.reports(workspace).join("release");
        let people = PolicySet::parse(&in_force.texts, context.today())?.approvers;
        let root = workspace.root.clone();
        Ok(Site { context, in_force, service, state, releases, link, root, people, overriding: None })
    }

    /// The policy of an environment.
    pub(super) fn environment(&self, name: &str) -> anyhow::Result<EnvironmentPolicy> {
        self.in_force.environment(name).cloned()
    }

    /// The name that the supervisor knows an environment by.
    pub(super) fn target(&self, environment: &str) -> Target {
        Target { service: self.service.clone(), environment: environment.to_owned() }
    }

    /// The digest of the stable version in an environment, at this weight or more. Changes nothing: an environment that
    /// was never used stays so.
    pub(super) async fn stable(&mut self, environment: &str, weight: u8) -> anyhow::Result<Option<Digest>> {
        let all = self.link.environments(Some(&self.service)).await?;
        let here = all.into_iter().find(|one| one.target.environment == environment);
        let stable = here.as_ref().and_then(|here| here.weights.stable());
        Ok(stable.filter(|share| share.weight >= weight).map(|share| share.digest.clone()))
    }

    /// An environment as it is now, with its proxy.
    pub(super) async fn seen(
        &mut self,
        environment: &EnvironmentPolicy,
    ) -> anyhow::Result<EnvironmentStatus> {
        let target = self.target(&environment.name);
        self.link.ensure(&target, environment.port).await?;
        self.link.environment(&target).await
    }

    /// A verified release from the store, from this workspace, or both.
    fn release(&self, digest: Option<&Digest>) -> anyhow::Result<(Stored, Release)> {
        let here = store::open(&self.releases)?
            .filter(|(_, release)| digest.is_none_or(|digest| release.claimed().digest == *digest));
        let kept = match digest {
            Some(digest) => store::open(store::folder(&self.state, &self.service, digest))?,
            None => None,
        };
        let Some((stored, claimed)) = here.or(kept) else {
            let what = digest.map_or("no release was made here".to_owned(), |digest| {
                format!("there is no release {}", digest.short())
            });
            return Err(Failure::usage(what, "make one: cargo xtask ship; or see cargo xtask history"));
        };
        let release = stored.verify(claimed, &self.in_force.policy)?;
        signed::demand(self.context, &self.in_force, &stored.image(), &release)?;
        Ok((stored.import(&self.state, &release)?, release))
    }

    /// A release that once served, for going back: its image is checked, its policy may be an older one.
    pub(super) fn former(&self, digest: &Digest) -> anyhow::Result<(Stored, Release)> {
        let folder = store::folder(&self.state, &self.service, digest);
        let Some((stored, claimed)) = store::open(folder)? else {
            let message = format!("release {} is not in the store any more", digest.short());
            return Err(Failure::usage(message, "choose another with --to DIGEST: cargo xtask history"));
        };
        let release = claimed.claimed().clone();
        Ok((stored, release))
    }

    /// The unpacked image as an instance of this environment.
    fn spec(
        &self,
        stored: &Stored,
        release: &Release,
        environment: &EnvironmentPolicy,
    ) -> anyhow::Result<InstanceSpec> {
        let service = &self.in_force.policy.rollout.service;
        let unpacked = find::unpacked(stored, release)?;
        let mut variables = unpacked.config.environment();
        variables.extend(service.environment.clone());
        find::point_into(&mut variables, &unpacked.rootfs);
        Ok(InstanceSpec {
            id: String::new(),
            digest: release.digest.clone(),
            role: Role::Canary,
            rootfs: unpacked.rootfs.clone(),
            command: unpacked.config.command(),
            directory: unpacked.config.working_dir.clone(),
            environment: variables,
            ready_path: service.ready_path.clone(),
            echoes_identity: service.echoes_identity,
            stop_grace_millis: environment.deadlines.stop_secs * 1000,
            version: release.version.clone(),
            commit: release.commit.clone(),
        })
    }

    /// A new rollout of this release into an environment as it was seen, as its first state.
    pub(super) fn plan(
        &self,
        release: &Release,
        environment: &EnvironmentPolicy,
        seen: &EnvironmentStatus,
        kind: Kind,
    ) -> anyhow::Result<Rollout> {
        let now = self.context.world.now();
        let stamp = now.strftime("%Y%m%d-%H%M%S");
        Ok(Rollout {
            schema: SCHEMA.to_owned(),
            id: format!("{}-{stamp}-{}", environment.name, self.context.world.random_hex::<2>()?),
            service: self.service.clone(),
            environment: environment.name.clone(),
            kind,
            actor: format!("uid:{}", rustix::process::getuid().as_raw()),
            digest: release.digest.clone(),
            commit: release.commit.clone(),
            version: release.version.clone(),
            previous: seen.weights.stable().map(Previous::from),
            plan: match kind {
                Kind::Deploy => RolloutPlan {
                    approvers: environment.approvals.people(&self.people),
                    ..RolloutPlan::forward(environment)
                },
                Kind::Rollback => RolloutPlan::back(environment),
                Kind::Restart => RolloutPlan::restart(environment),
            },
            state: State::AwaitingApproval,
            entered_at: now,
            started_at: now,
            reason: None,
            cause: None,
            judged: Vec::new(),
        })
    }

    /// Rolls a release out and follows it.
    pub(super) async fn roll_out(
        &mut self,
        digest: Option<&Digest>,
        name: &str,
        consent: Consent,
    ) -> anyhow::Result<Exit> {
        let environment = self.environment(name)?;
        let (stored, release) = self.release(digest)?;
        let records = self.link.journal(&self.service).await?;
        let mut here: Vec<Rollout> = deployer::past(&records).into_iter().map(|past| past.rollout).collect();
        here.retain(|rollout| rollout.environment == name);
        match here.iter().find(|rollout| rollout.terminal().is_none()) {
            // The same release waits already: an answer given now is an answer to that.
            Some(open) if open.state == State::AwaitingApproval && open.digest == release.digest => {
                let open = open.clone();
                self.override_windows(&open).await?;
                return self.go_on(open, consent).await;
            }
            Some(open) => return Err(unfinished(open)),
            None => {}
        }
        let seen = self.seen(&environment).await?;
        if serves(&seen, &release.digest) {
            self.context
                .console
                .note(format!("  = {name}: {} serves already, nothing to do", release.digest.short()));
            return Ok(Exit::Done);
        }
        if was_left(&here, &release.digest) {
            let warning = format!("  ! {name}: {} was rolled back here before", release.digest.short());
            self.context.console.note(warning);
        }
        let rollout = self.plan(&release, &environment, &seen, Kind::Deploy)?;
        let closed = rollout.closed(self.context.world.now()).filter(|_| self.overriding.is_none());
        if let Some(Closed { why, opens: None }) = closed {
            self.context.console.note(format!("  ! {why}"));
            return Ok(Exit::Held);
        }
        if let Some(why) = Book::of(&records).orders(&rollout).must_not_begin(&rollout) {
            self.context.console.note(format!("  ! {name}: {why}"));
            return Ok(Exit::Held);
        }
        let spec = self.spec(&stored, &release, &environment)?;
        deployer::begin(&mut self.link, &rollout).await?;
        self.override_windows(&rollout).await?;
        self.follow(rollout, spec, consent).await
    }

    /// Goes on with a rollout that the journal knows.
    pub(super) async fn go_on(&mut self, rollout: Rollout, consent: Consent) -> anyhow::Result<Exit> {
        let environment = self.environment(&rollout.environment)?;
        self.seen(&environment).await?;
        // Before anything started, evidence must still pass by the policy in force; later the way back must stay open.
        let (stored, release) = match rollout.state {
            State::AwaitingApproval if rollout.kind == Kind::Deploy => self.release(Some(&rollout.digest))?,
            _ => self.former(&rollout.digest)?,
        };
        let spec = self.spec(&stored, &release, &environment)?;
        self.follow(rollout, spec, consent).await
    }

    /// Rolls an earlier release out again, at once, and follows it.
    pub(super) async fn roll_back(
        &mut self,
        digest: &Digest,
        environment: &EnvironmentPolicy,
    ) -> anyhow::Result<Exit> {
        let (stored, release) = self.former(digest)?;
        let seen = self.seen(environment).await?;
        let rollout = self.plan(&release, environment, &seen, Kind::Rollback)?;
        let spec = self.spec(&stored, &release, environment)?;
        self.link.grant(&self.target(&environment.name), GrantKind::Rollback).await?;
        deployer::begin(&mut self.link, &rollout).await?;
        self.follow(rollout, spec, Consent::Given).await
    }

    async fn follow(
        &mut self,
        rollout: Rollout,
        spec: InstanceSpec,
        consent: Consent,
    ) -> anyhow::Result<Exit> {
        let context = self.context;
        let mut deployer = Deployer {
            world: &context.world,
            console: &context.console,
            link: &mut self.link,
            spec,
            approver: consent.into(),
            people: self.people.clone(),
        };
        let followed = deployer.follow(rollout).await?;
        self.notify(&followed).await;
        match followed {
            Followed::Ended(rollout) => {
                if exit_of(&rollout) != Exit::Done {
                    context.console.note(format!("  next: cargo xtask history {}", rollout.environment));
                }
                Ok(exit_of(&rollout))
            }
            Followed::Held(rollout) => {
                context.console.note(format!("  next: cargo xtask approve {} --resume", rollout.id));
                Ok(Exit::Held)
            }
            Followed::Ordered(..) => Ok(Exit::Held),
        }
    }
}

/// Whether the last thing that happened to this release, by the rollouts of one environment, was that it was rolled back.
fn was_left(rollouts: &[Rollout], digest: &Digest) -> bool {
    let left = |rollout: &Rollout| match rollout.kind {
        Kind::Deploy if rollout.digest == *digest => Some(rollout.terminal() == Some(Terminal::RolledBack)),
        Kind::Rollback if rollout.previous.as_ref().is_some_and(|previous| previous.digest == *digest) => {
            Some(true)
        }
        _ => None,
    };
    rollouts.iter().rev().find_map(left).unwrap_or(false)
}

/// A rollout that did not end must be resumed or rolled back first: two at once is what nobody wants.
fn unfinished(open: &Rollout) -> anyhow::Error {
    let environment = &open.environment;
    let message =
        format!("{environment} has a rollout that did not end: {} ({})", open.id, open.state.name());
    let help = match open.state {
        State::AwaitingApproval if open.plan.approvals == 0 => "cargo xtask resume".to_owned(),
        State::AwaitingApproval => {
            format!("cargo xtask approve {} --resume, or cargo xtask reject {}", open.id, open.id)
        }
        _ => format!("cargo xtask resume, or cargo xtask rollback {environment}"),
    };
    Failure::error(Exit::Held, message, help)
}
