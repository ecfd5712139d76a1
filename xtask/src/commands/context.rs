//! What every verb starts from: the world, the console, the workspace and the policies in force.

use crate::cli::Global;
use crate::evidence::Subject;
use crate::failure::Failure;
use crate::platform::local::paths;
use crate::policy::rollout::EnvironmentPolicy;
use crate::policy::{Policy, PolicySource, parse};
use crate::report::Console;
use crate::tools::cargo::Network;
use crate::tools::toolchain::Toolchain;
use crate::tools::{git, metadata};
use crate::workspace::Workspace;
use crate::world::World;
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// What every verb starts from.
pub(super) struct Context {
    /// The door to the outside.
    pub world: World,
    /// Where reports go.
    pub console: Console,
    /// The global flags.
    pub global: Global,
}

/// The policies in force and where they were read.
pub(super) struct InForce {
    /// The values.
    pub policy: Policy,
    /// Where they come from.
    pub source: PolicySource,
}

impl InForce {
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
        let policy = match &self.global.policy_ref {
            None => self.policy_of_files(workspace)?,
            Some(reference) => {
                let mut texts = Vec::new();
                for name in parse::FILES {
                    let path = format!("policies/{name}");
                    texts.push((name, git::show(&self.world, &workspace.root, reference, &path).await?));
                }
                let find = |file: &str| texts.iter().find(|(name, _)| *name == file);
                parse::parse(|file| Ok(find(file).and_then(|(_, text)| text.clone())))?
            }
        };
        let source = self.global.policy_ref.clone().unwrap_or_else(|| "worktree".to_owned());
        let source = PolicySource { source, hash: policy.hash() };
        Ok(InForce { policy, source })
    }

    fn policy_of_files(&self, workspace: &Workspace) -> anyhow::Result<Policy> {
        let folder = match &self.global.policies {
            Some(named) => self.world.directory().join(named),
            None => workspace.root.join("policies"),
        };
        if !folder.is_dir() {
            if let Some(named) = &self.global.policies {
                let message = format!("{} is not a folder", named.display());
                return Err(Failure::usage(
                    message,
                    "name the folder with the policies, or leave --policies out",
                ));
            }
            return parse::parse(|_| Ok(None));
        }
        let names: Vec<String> = std::fs::read_dir(&folder)
            .and_then(|entries| {
                entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
            })
            .with_context(|| format!("failed to read {}", folder.display()))?;
        parse::check_names(names.iter().map(String::as_str))?;
        parse::parse(|name| read_policy(&folder.join(name)))
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

fn read_policy(file: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::usage(
            format!("failed to read {}: {error}", file.display()),
            "mend or remove the file",
        )),
    }
}
