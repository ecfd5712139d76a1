//! A service on its platform: what the verbs of a rollout share. Opens it, finds releases, plans and follows.

use super::context::{Context, InForce};
use crate::deployer::{self, Approver, Deployer, Followed, Link, exit_of};
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::oci::layout;
use crate::oci::members::Limits;
use crate::oci::unpack::{self, Unpacked};
use crate::platform::protocol::{GrantKind, InstanceSpec, Target};
use crate::platform::store::{self, Stored};
use crate::policy::rollout::EnvironmentPolicy;
use crate::release::Release;
use crate::rollout::seen::{EnvironmentStatus, Role};
use crate::rollout::{Kind, Previous, Rollout, RolloutPlan, SCHEMA, State};
use crate::tools::image::architecture_here;
use crate::workspace::Workspace;
use std::collections::BTreeMap;
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
        Ok(Site { context, in_force, service, state, releases, link })
    }

    /// The policy of an environment.
    pub(super) fn environment(&self, name: &str) -> anyhow::Result<EnvironmentPolicy> {
        let all = &self.in_force.policy.rollout.environments;
        all.iter().find(|environment| environment.name == name).cloned().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|environment| environment.name.as_str()).collect();
            let message = format!("there is no environment `{name}`");
            Failure::usage(message, format!("choose one of {}; see policies/rollout.yaml", names.join(", ")))
        })
    }

    /// The name that the supervisor knows an environment by.
    pub(super) fn target(&self, environment: &str) -> Target {
        Target { service: self.service.clone(), environment: environment.to_owned() }
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
        let unpacked = unpacked(stored, release)?;
        let mut variables = unpacked.config.environment();
        variables.extend(service.environment.clone());
        point_into(&mut variables, &unpacked.rootfs);
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

    /// A new rollout of this release, as its first state.
    pub(super) async fn plan(
        &mut self,
        release: &Release,
        environment: &EnvironmentPolicy,
        kind: Kind,
    ) -> anyhow::Result<Rollout> {
        let seen = self.seen(environment).await?;
        let now = self.context.world.now();
        let stable = seen.weights.shares.iter().find(|share| share.role == Role::Stable);
        let previous =
            stable.map(|share| Previous { digest: share.digest.clone(), instances: share.instances.clone() });
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
            previous,
            plan: match kind {
                Kind::Deploy => RolloutPlan::forward(environment),
                Kind::Rollback => RolloutPlan::back(environment),
            },
            state: State::AwaitingApproval,
            entered_at: now,
            started_at: now,
            reason: None,
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
        self.refuse_unfinished(name).await?;
        let (stored, release) = self.release(digest)?;
        let seen = self.seen(&environment).await?;
        if serves(&seen, &release.digest) {
            self.context
                .console
                .note(format!("  = {name}: {} serves already, nothing to do", release.digest.short()));
            return Ok(Exit::Done);
        }
        let rollout = self.plan(&release, &environment, Kind::Deploy).await?;
        let spec = self.spec(&stored, &release, &environment)?;
        deployer::begin(&mut self.link, &rollout).await?;
        self.follow(rollout, spec, consent).await
    }

    /// Goes on with a rollout that the journal knows.
    pub(super) async fn go_on(&mut self, rollout: Rollout, consent: Consent) -> anyhow::Result<Exit> {
        let environment = self.environment(&rollout.environment)?;
        self.seen(&environment).await?;
        // Before anything started, evidence must still pass by the policy in force; later the way back must stay open.
        let (stored, release) = match rollout.state {
            State::AwaitingApproval => self.release(Some(&rollout.digest))?,
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
        let rollout = self.plan(&release, environment, Kind::Rollback).await?;
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
        };
        match deployer.follow(rollout).await? {
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
        }
    }

    /// A rollout that did not end must be resumed or rolled back first: two at once is what nobody wants.
    async fn refuse_unfinished(&mut self, environment: &str) -> anyhow::Result<()> {
        let all = deployer::rollouts(&mut self.link, &self.service).await?;
        let open =
            all.iter().find(|rollout| rollout.environment == environment && rollout.terminal().is_none());
        let Some(open) = open else { return Ok(()) };
        let message =
            format!("{environment} has a rollout that did not end: {} ({})", open.id, open.state.name());
        let help = match open.state {
            State::AwaitingApproval => {
                format!("cargo xtask approve {} --resume, or cargo xtask reject {}", open.id, open.id)
            }
            _ => format!("cargo xtask resume, or cargo xtask rollback {environment}"),
        };
        Err(Failure::error(Exit::Held, message, help))
    }
}

/// Whether a digest serves 100 % and is ready.
pub(super) fn serves(seen: &EnvironmentStatus, digest: &Digest) -> bool {
    let share = seen.weights.shares.iter().find(|share| share.role == Role::Stable && share.weight == 100);
    let ready = |id: &String| {
        let mut instances = seen.instances.iter();
        instances.any(|instance| instance.id == *id && instance.health == crate::rollout::seen::Health::Ready)
    };
    share.is_some_and(|share| share.digest == *digest && share.instances.iter().any(ready))
}

/// The service's name: the policy's, else the image's package.
pub(super) fn service_name(workspace: &Workspace, in_force: &InForce) -> anyhow::Result<String> {
    if let Some(name) = &in_force.policy.rollout.service.name {
        return Ok(name.clone());
    }
    let package = workspace.service_package(in_force.policy.image.package.as_deref());
    package.map(|package| package.name.clone()).map_err(|names| {
        let message = if names.is_empty() {
            "no package of this workspace has a binary, so there is nothing to ship".to_owned()
        } else {
            "it is not clear which package is the service".to_owned()
        };
        Failure::usage(
            message,
            format!("name it in policies/image.yaml (`package:`), one of: {}", names.join(", ")),
        )
    })
}

/// The image, checked blob by blob and unpacked once.
fn unpacked(stored: &Stored, release: &Release) -> anyhow::Result<Unpacked> {
    let damaged = |why: String| {
        Failure::infrastructure(
            format!("the image of release {} is damaged: {why}", release.digest.short()),
            "cargo xtask ship --fresh",
        )
    };
    let layout =
        layout::read(&stored.image(), architecture_here()?).map_err(|error| damaged(error.to_string()))?;
    if layout.digest != release.digest {
        return Err(damaged(format!("its layout holds {}", layout.digest)));
    }
    unpack::unpack(&layout, &stored.unpacked(), Limits::default()).map_err(|error| damaged(error.to_string()))
}

/// A whole digest, or the start of one that the store knows.
pub(super) fn known_digest(site: &Site<'_>, text: &str) -> anyhow::Result<Digest> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let start = text.trim_start_matches("sha256:");
    let kept = store::digests(&site.state, &site.service);
    let found: Vec<Digest> = kept.into_iter().filter(|digest| digest.hex().starts_with(start)).collect();
    match found.as_slice() {
        [one] if !start.is_empty() => Ok(one.clone()),
        [] => {
            Err(Failure::usage(format!("there is no release `{text}` in the store"), "cargo xtask history"))
        }
        _ => Err(Failure::usage(
            format!("`{text}` is the start of {} releases", found.len()),
            "give more digits",
        )),
    }
}

/// Paths in the image's environment that its processes open (CA bundle, time zones) point into the unpacked image.
fn point_into(variables: &mut BTreeMap<String, String>, rootfs: &std::path::Path) {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "TZDIR"] {
        if let Some(value) = variables.get_mut(name) {
            let inside = rootfs.join(value.trim_start_matches('/'));
            if inside.exists() {
                *value = inside.display().to_string();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_paths_point_into_the_unpacked_image() {
        let rootfs = tempfile::tempdir().unwrap();
        std::fs::write(rootfs.path().join("ca.pem"), "").unwrap();
        let mut variables = BTreeMap::from([
            ("SSL_CERT_FILE".to_owned(), "/ca.pem".to_owned()),
            ("TZDIR".to_owned(), "/none".to_owned()),
        ]);
        point_into(&mut variables, rootfs.path());
        assert_eq!(variables["SSL_CERT_FILE"], rootfs.path().join("ca.pem").display().to_string());
        assert_eq!(variables["TZDIR"], "/none");
    }
}
