//! A repository for one story, apart from the git configuration of whoever runs it.

use gateline::evidence::CouldNotRun;
use gateline::tools::cargo::Network;
use gateline::tools::git::{self, BaseRequest, Found};
use gateline::workspace::Change;
use gateline::workspace::change::Base;
use gateline::world::{Clock, CommandLine, World};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder with repositories.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    /// The outside as these stories have it: no CI system, no configuration of a user.
    pub(crate) world: World,
}

/// One repository in it.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) world: World,
    pub(crate) root: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let real = World::real().unwrap();
        let mut environment = BTreeMap::from([
            ("PATH".to_owned(), real.env("PATH").unwrap().to_owned()),
            ("HOME".to_owned(), folder.path().display().to_string()),
        ]);
        for who in ["AUTHOR", "COMMITTER"] {
            environment.insert(format!("GIT_{who}_NAME"), "A".to_owned());
            environment.insert(format!("GIT_{who}_EMAIL"), "a@example.invalid".to_owned());
        }
        environment.insert("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned());
        let world = World::with(environment, folder.path().to_owned(), Clock::system());
        Place { folder, world }
    }

    /// A new repository whose branch is `main`.
    pub(crate) async fn repository(&self, name: &str) -> Repository {
        let root = self.folder.path().join(name);
        std::fs::create_dir_all(&root).unwrap();
        let repository = Repository { world: self.world.clone(), root };
        repository.git(&["init", "--quiet", "--initial-branch=main"]).await;
        repository
    }

    /// A clone with these options, by a protocol that honours `--depth`.
    pub(crate) async fn clone(&self, of: &Repository, name: &str, options: &[&str]) -> Repository {
        let root = self.folder.path().join(name);
        let (from, to) = (format!("file://{}", of.root.display()), root.display().to_string());
        let mut arguments = vec!["clone", "--quiet"];
        arguments.extend(options);
        arguments.extend([from.as_str(), to.as_str()]);
        of.git(&arguments).await;
        Repository { world: self.world.clone(), root }
    }
}

impl Repository {
    pub(crate) async fn git(&self, arguments: &[&str]) -> String {
        let command = CommandLine::new("git", arguments.iter().copied()).in_directory(&self.root);
        let finished = self.world.run(&command).await.unwrap();
        let said = String::from_utf8_lossy(&finished.stderr);
        assert!(finished.status.success(), "git {arguments:?}: {said}");
        String::from_utf8_lossy(&finished.stdout).trim().to_owned()
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let file = self.root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    /// Commits everything; gives the commit.
    pub(crate) async fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]).await;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]).await;
        self.git(&["rev-parse", "HEAD"]).await
    }

    /// Writes one file and commits it.
    pub(crate) async fn commit_file(&self, path: &str) -> String {
        self.write(path, format!("{path}\n"));
        self.commit(path).await
    }

    /// The same repository, in CI.
    pub(crate) fn with(&self, variables: &[(&str, &str)]) -> Repository {
        let add = |world: World, (name, value): &(&str, &str)| world.with_variable(name, value);
        Repository { world: variables.iter().fold(self.world.clone(), add), root: self.root.clone() }
    }

    /// The same repository, in a run of GitHub Actions for this event.
    pub(crate) fn on(&self, name: &str, payload: &serde_json::Value) -> Repository {
        let file = self.root.with_extension("event.json");
        std::fs::write(&file, payload.to_string()).unwrap();
        self.with(&[("GITHUB_EVENT_NAME", name), ("GITHUB_EVENT_PATH", &file.display().to_string())])
    }

    pub(crate) async fn base(&self, named: Option<&str>, network: Network) -> Result<Found, CouldNotRun> {
        git::base(&self.world, &self.root, BaseRequest { named, network }).await
    }

    /// What differs from a commit, for the workspace in this folder.
    pub(crate) async fn change(&self, folder: &str, commit: &str) -> Change {
        let base = Base { commit: commit.to_owned(), from: "a story".to_owned(), kind: Default::default() };
        git::change(&self.world, &self.root.join(folder), base).await.unwrap()
    }
}
