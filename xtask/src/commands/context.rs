//! What every verb starts from: the world, the console, the workspace and the policies in force.

use crate::cli::Global;
use crate::evidence::coverage::LineCounts;
use crate::evidence::policy::Comparison;
use crate::evidence::{CouldNotRun, Subject};
use crate::failure::Failure;
use crate::platform::local::paths;
use crate::policy::rollout::EnvironmentPolicy;
use crate::policy::waivers::Placed;
use crate::policy::{Policy, PolicySource, Texts, parse};
use crate::report::Console;
use crate::tools::cargo::Network;
use crate::tools::git::Found;
use crate::tools::toolchain::Toolchain;
use crate::tools::{metadata, policies};
use crate::workspace::Workspace;
use crate::world::World;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What every verb starts from.
pub(super) struct Context {
    /// The door to the outside.
    pub world: World,
    /// Where reports go.
    pub console: Console,
    /// The global flags.
    pub global: Global,
    /// How often each line ran in this run, for the reports; evidence has only whether.
    pub lines: OnceLock<LineCounts>,
}

/// How policies came to be in force for judging a change.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    /// The base's policies against the change's.
    pub comparison: Comparison,
    /// The waivers that count.
    pub waivers: Vec<Placed>,
}

/// The policies in force and where they were read.
pub(super) struct InForce {
    /// The values.
    pub policy: Policy,
    /// Where they come from.
    pub source: PolicySource,
    /// The files that they stand in.
    pub texts: Texts,
    /// Where a base judges: how the change differs.
    pub judged: Option<Judged>,
    /// Where a base should judge and cannot be had: why.
    pub unknown: Option<CouldNotRun>,
    /// What the work is compared with, where that was looked for to find the policies.
    pub found: Option<Found>,
}

impl InForce {
    /// A policy file as people name it: with the reference before it, where it was read from one.
    pub(super) fn file_name(&self, file: &str) -> String {
        match self.source.source.as_str() {
            "worktree" => format!("policies/{file}"),
            reference => format!("{reference}:policies/{file}"),
        }
    }

    /// The policy of an environment.
    ///
    /// # Errors
    /// Where there is none of that name: the help lists them.
    pub(super) fn environment(&self, name: &str) -> anyhow::Result<&EnvironmentPolicy> {
        let all = &self.policy.rollout.environments;
        all.iter().find(|environment| environment.name == name).ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|environment| environment.name.as_str()).collect();
            let message = format!("there is no environment `{name}`");
            Failure::usage(message, format!("choose one of {}; see policies/rollout.yaml", names.join(", ")))
        })
    }
}

impl Context {
    /// The workspace around the working directory, or the one that `--workspace` names.
    pub(super) async fn workspace(&self) -> anyhow::Result<Workspace> {
        let directory = match &self.global.workspace {
            Some(named) => self.world.directory().join(named),
            None => self.world.directory().to_owned(),
        };
        metadata::workspace(&self.world, &directory).await
    }

    /// The policies in force: of the working tree, or of the commit that `--policy-ref` names.
    pub(super) async fn policy(&self, workspace: &Workspace) -> anyhow::Result<InForce> {
        let (texts, source) = match &self.global.policy_ref {
            None => (self.policies_here(workspace)?, "worktree".to_owned()),
            Some(reference) => (self.policies_at(workspace, reference).await?, reference.clone()),
        };
        let texts = texts.unwrap_or_default();
        let policy = parse::parse(|name| Ok(texts.get(name).cloned()))?;
        let source = PolicySource { source, hash: policy.hash() };
        Ok(InForce { policy, source, texts, judged: None, unknown: None, found: None })
    }

    /// The policy files of the working tree; `None` where there is no folder.
    pub(super) fn policies_here(&self, workspace: &Workspace) -> anyhow::Result<Option<Texts>> {
        let folder = self.policy_folder(workspace);
        if !folder.is_dir() && self.global.policies.is_some() {
            let message = format!("{} is not a folder", folder.display());
            return Err(Failure::usage(
                message,
                "name the folder with the policies, or leave --policies out",
            ));
        }
        policies::here(&folder)
    }

    /// The policy files at a commit; `None` where it has none.
    pub(super) async fn policies_at(
        &self,
        workspace: &Workspace,
        reference: &str,
    ) -> anyhow::Result<Option<Texts>> {
        let folder = self.policy_folder(workspace);
        let Some(folder) = folder.strip_prefix(&workspace.root).ok().and_then(Path::to_str) else {
            let message =
                format!("{} is not in the repository, so {reference} has none of it", folder.display());
            return Err(Failure::usage(message, "leave out --policies or --policy-ref"));
        };
        policies::at(&self.world, &workspace.root, reference, folder).await
    }

    /// The folder that holds the policies.
    pub(super) fn policy_folder(&self, workspace: &Workspace) -> PathBuf {
        match &self.global.policies {
            Some(named) => self.world.directory().join(named),
            None => workspace.root.join("policies"),
        }
    }

    /// The day of this run, UTC.
    pub(super) fn today(&self) -> Date {
        self.world.now().to_zoned(TimeZone::UTC).date()
    }

    /// What evidence of this run speaks of.
    pub(super) async fn subject(&self, workspace: &Workspace, in_force: &InForce) -> anyhow::Result<Subject> {
        Ok(Subject {
            commit: workspace.repository.commit.clone(),
            dirty: workspace.dirty(),
            tree: workspace.repository.tree.clone(),
            policy: in_force.source.hash.clone(),
            toolchain: Toolchain::read(&self.world, &workspace.root, Some(&workspace.target)).await?.digest(),
        })
    }

    /// Whether cargo may use the network.
    pub(super) fn network(&self) -> Network {
        if self.global.offline { Network::Offline } else { Network::Online }
    }

    /// Where reports are written.
    pub(super) fn reports(&self, workspace: &Workspace) -> PathBuf {
        match &self.global.report_dir {
            Some(named) => self.world.directory().join(named),
            None => workspace.target.join("gateline"),
        }
    }

    /// The platform's state directory.
    pub(super) fn state(&self) -> anyhow::Result<PathBuf> {
        paths::state_directory(&self.world)
    }
}

/// Writes a report whole or not at all.
pub(super) fn write_report(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let unwritable = |error: std::io::Error| {
        let message = format!("failed to write {}: {error}", file.display());
        Failure::infrastructure(message, "make room or name another folder with --report-dir DIR")
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let mut fresh = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    std::io::Write::write_all(&mut fresh, bytes).map_err(unwritable)?;
    fresh.as_file().sync_all().map_err(unwritable)?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(fresh.path(), permissions).map_err(unwritable)?;
    fresh.persist(file).map(|_| ()).map_err(|error| unwritable(error.error))
}
