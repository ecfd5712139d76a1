//! Which commit the work is compared with, and why that one.
//!
//! `--base`, else what the CI system says, else where the work left the default branch. A pull request's merge commit has
//! its base as first parent; the event's own `base.sha` is older as soon as the base branch moves on. What the history of
//! a shallow clone lacks is fetched once; offline, the command to type is told instead.

use super::command::{fetch, git, run, text};
use super::raw::is_object;
use crate::evidence::CouldNotRun;
use crate::failure::Failure;
use crate::tools::cargo::Network;
use crate::tools::ci_event::{self, CiEvent, Occasion, Pushed};
use crate::workspace::change::{Base, BaseKind};
use crate::world::World;
use std::path::Path;

/// Commits named in one fetch; a clone of depth N has one for each branch that was merged near its edge.
const CUT_OFF_MAX: usize = 64;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct BaseRequest<'a> {
    /// What `--base` names.
    pub named: Option<&'a str>,
    /// Whether commits that are missing may be fetched.
    pub network: Network,
}

/// A base, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Compare with this.
    Base(Base),
    /// There is nothing to compare with, and that is right.
    Nothing(String),
}

/// Finds the base.
///
/// # Errors
/// Where there should be one and it cannot be had: who needs it could not run.
pub async fn base(world: &World, root: &Path, request: BaseRequest<'_>) -> Result<Found, CouldNotRun> {
    let history = History::read(world, root, request.network).await.map_err(unreadable)?;
    let found = match request.named {
        Some(named) => history.named(named).await?,
        None => history.of_event(ci_event::read(world)?).await?,
    };
    Ok(found)
}

fn unreadable(error: anyhow::Error) -> CouldNotRun {
    let help = Failure::help_of(&error).unwrap_or("git fsck --connectivity-only").to_owned();
    CouldNotRun { message: format!("failed to read the history: {error:#}"), help }
}

/// What is known of the history around HEAD.
struct History<'a> {
    world: &'a World,
    root: &'a Path,
    network: Network,
    /// HEAD.
    head: String,
    /// HEAD's parents, as the commit names them: a shallow clone may lack them.
    parents: Vec<String>,
    /// The branch that is checked out.
    branch: Option<String>,
    depth: Depth,
    remote: Option<String>,
}

/// A branch, with its newest commit where that was asked for already.
struct Branch {
    name: String,
    tip: Option<String>,
}

/// Whether the history is all there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Full,
    Shallow,
}

impl<'a> History<'a> {
    async fn read(world: &'a World, root: &'a Path, network: Network) -> anyhow::Result<History<'a>> {
        // A detached HEAD is its own name.
        let place = ["rev-parse", "--is-shallow-repository", "HEAD^{commit}", "--symbolic-full-name", "HEAD"];
        let (place, commit, remotes) = tokio::join!(
            run(world, root, &place),
            run(world, root, &["cat-file", "commit", "HEAD"]),
            run(world, root, &["remote"]),
        );
        let place = text(place?)?;
        let [shallow, head, name] = place.lines().collect::<Vec<_>>()[..] else {
            anyhow::bail!("git rev-parse gave `{place}` where depth, commit and branch were expected");
        };
        let commit = commit?;
        let commit = String::from_utf8_lossy(&commit);
        let parents = commit.lines().take_while(|line| !line.is_empty());
        let parents = parents.filter_map(|line| line.strip_prefix("parent ")).map(str::to_owned).collect();
        let remotes = text(remotes?)?;
        let remote = remotes.lines().find(|name| *name == "origin").or_else(|| remotes.lines().next());
        Ok(History {
            world,
            root,
            network,
            head: head.to_owned(),
            parents,
            branch: name.strip_prefix("refs/heads/").map(str::to_owned),
            depth: if shallow == "true" { Depth::Shallow } else { Depth::Full },
            remote: remote.map(str::to_owned),
        })
    }

    /// Where the work left what `--base` names.
    async fn named(&self, named: &str) -> Result<Found, CouldNotRun> {
        let mut commit = self.commit(named).await;
        if commit.is_none() {
            self.fetch(&[&self.wanted(named)], Depth::Full).await?;
            commit = match self.commit(named).await {
                Some(commit) => Some(commit),
                None => self.commit("FETCH_HEAD").await,
            };
        }
        let commit = commit.ok_or_else(|| CouldNotRun {
            message: format!("git knows no commit `{named}`"),
            help: "name another: --base REF; git branch --all shows branches".to_owned(),
        })?;
        let base = self.merge_base(&commit, &self.wanted(named)).await?;
        let from = match base == commit {
            true => format!("--base {named}"),
            false => format!("where the work left --base {named}"),
        };
        Ok(Found::Base(Base { commit: base, from, kind: BaseKind::Target }))
    }

    /// What the remote calls something that a person names.
    fn wanted(&self, named: &str) -> String {
        let remote = self.remote.as_deref().unwrap_or("origin");
        match named.strip_prefix(remote).and_then(|rest| rest.strip_prefix('/')) {
            Some(branch) => format!("+refs/heads/{branch}:refs/remotes/{named}"),
            None => named.to_owned(),
        }
    }

    /// What the CI system's event means for the commit that is checked out here.
    async fn of_event(&self, event: CiEvent) -> Result<Found, CouldNotRun> {
        let default = event.default_branch.as_deref();
        match &event.what {
            Occasion::PullRequest { head, base, merge_base } if self.head == *head => match merge_base {
                Some(commit) => {
                    self.exactly(commit, "where the merge request left its target branch", BaseKind::Target)
                        .await
                }
                None => {
                    let commit = self.left(base).await?;
                    let from = format!("where the pull request left `{base}`");
                    Ok(Found::Base(Base { commit, from, kind: BaseKind::Target }))
                }
            },
            Occasion::PullRequest { head, .. } => match self.parents.as_slice() {
                [first, second] if second == head => {
                    self.exactly(first, "first parent of the pull request's merge commit", BaseKind::Target)
                        .await
                }
                _ => self.of_default_branch(default).await,
            },
            Occasion::MergeQueue { base, head } if self.head == *head => {
                self.exactly(base, "base of the merge queue", BaseKind::Target).await
            }
            Occasion::Push { before: Some(before), after, how: Pushed::Forward } if self.head == *after => {
                self.exactly(before, "the commit before the push", BaseKind::Earlier).await
            }
            Occasion::Push { before: Some(before), after, how: Pushed::Forced } if self.head == *after => {
                match self.before_forced_push(before).await {
                    Ok(base) => Ok(Found::Base(base)),
                    // That commit was pushed away for good, or it is of another history.
                    Err(_) => self.of_default_branch(default).await,
                }
            }
            // An event that speaks of another commit than the one here says nothing about it.
            Occasion::MergeQueue { .. } | Occasion::Push { .. } | Occasion::Other => {
                self.of_default_branch(default).await
            }
        }
    }

    async fn exactly(&self, commit: &str, from: &str, kind: BaseKind) -> Result<Found, CouldNotRun> {
        if self.commit(commit).await.is_none() {
            self.fetch(&[commit], self.depth).await?;
        }
        Ok(Found::Base(Base { commit: commit.to_owned(), from: from.to_owned(), kind }))
    }

    async fn before_forced_push(&self, before: &str) -> Result<Base, CouldNotRun> {
        if self.commit(before).await.is_none() {
            self.fetch(&[before], self.depth).await?;
        }
        let commit = self.merge_base(before, before).await?;
        let from = match commit == before {
            true => "the commit before the push",
            false => "where the forced push left the commit before it",
        };
        Ok(Base { commit, from: from.to_owned(), kind: BaseKind::Earlier })
    }

    /// Where the work left the default branch.
    async fn of_default_branch(&self, told: Option<&str>) -> Result<Found, CouldNotRun> {
        let Some(default) = self.default_branch(told).await else {
            let only =
                run(self.world, self.root, &["for-each-ref", "--format=%(refname)", "--count=2"]).await;
            let only = only.map_err(unreadable)?.split(|byte| *byte == b'\n').count() <= 2;
            if only && self.remote.is_none() {
                return Ok(Found::Nothing("this is the only branch".to_owned()));
            }
            return Err(CouldNotRun {
                message: "there is no base to compare with: git knows no default branch".to_owned(),
                help: "name it: --base REF, or once: git remote set-head origin --auto".to_owned(),
            });
        };
        if self.branch.as_ref() == Some(&default.name) {
            return Ok(self.of_head(&format!("on the default branch `{}`", default.name)).await);
        }
        let commit = self.left_at(&default.name, default.tip).await?;
        let default = default.name;
        if self.branch.is_none() && commit == self.head {
            let place = format!("this commit is already on the default branch `{default}`");
            return Ok(self.of_head(&place).await);
        }
        let from = format!("where the work left `{default}`");
        Ok(Found::Base(Base { commit, from, kind: BaseKind::Target }))
    }

    /// On the default branch the change is what is not committed yet, else what HEAD brought.
    async fn of_head(&self, place: &str) -> Found {
        let status = ["status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=all"];
        let clean = run(self.world, self.root, &status).await.is_ok_and(|changed| changed.is_empty());
        let (commit, what) = match (clean, self.parents.first()) {
            (false, _) => (&self.head, "its newest commit, which the folder differs from"),
            (true, Some(parent)) => (parent, "the first parent of its newest commit"),
            (true, None) => {
                return Found::Nothing(format!("{place}, and its first commit has nothing before it"));
            }
        };
        match self.exactly(commit, &format!("{place}: {what}"), BaseKind::Earlier).await {
            Ok(found) => found,
            // Without an event nobody asked for a comparison: that there is none is told, and refuses nothing.
            Err(why) => Found::Nothing(format!("{place}, {} (next: {})", why.message, why.help)),
        }
    }

    /// The default branch.
    async fn default_branch(&self, told: Option<&str>) -> Option<Branch> {
        if let Some(told) = told {
            return Some(Branch { name: told.to_owned(), tip: None });
        }
        if let Some(remote) = &self.remote {
            let pointer = format!("refs/remotes/{remote}/HEAD");
            let name = run(self.world, self.root, &["symbolic-ref", "--quiet", "--short", &pointer]).await;
            let name = name.ok().and_then(|name| text(name).ok());
            let name = name.and_then(|name| name.strip_prefix(remote)?.strip_prefix('/').map(str::to_owned));
            if let Some(name) = name {
                return Some(Branch { name, tip: None });
            }
        }
        for name in ["main", "master"] {
            if let Some(tip) = self.tip(name).await {
                return Some(Branch { name: name.to_owned(), tip: Some(tip) });
            }
        }
        None
    }

    /// The newest commit of a branch that is known here: of the remote, else our own.
    async fn tip(&self, branch: &str) -> Option<String> {
        if let Some(remote) = &self.remote {
            let tip = self.commit(&format!("refs/remotes/{remote}/{branch}")).await;
            if tip.is_some() {
                return tip;
            }
        }
        self.commit(&format!("refs/heads/{branch}")).await
    }

    /// Where HEAD left a branch.
    async fn left(&self, branch: &str) -> Result<String, CouldNotRun> {
        self.left_at(branch, None).await
    }

    /// The same, where its newest commit may be known.
    async fn left_at(&self, branch: &str, tip: Option<String>) -> Result<String, CouldNotRun> {
        let remote = self.remote.as_deref().unwrap_or("origin");
        let wanted = format!("+refs/heads/{branch}:refs/remotes/{remote}/{branch}");
        let known = match tip {
            Some(tip) => Some(tip),
            None => self.tip(branch).await,
        };
        let tip = match known {
            Some(tip) => tip,
            None => {
                self.fetch(&[&wanted], Depth::Full).await?;
                self.tip(branch).await.ok_or_else(|| CouldNotRun {
                    message: format!("git knows no branch `{branch}`"),
                    help: "name the base: --base REF".to_owned(),
                })?
            }
        };
        self.merge_base(&tip, &wanted).await
    }

    /// The newest common commit of HEAD and another; in a shallow clone what is missing is fetched once.
    async fn merge_base(&self, other: &str, wanted: &str) -> Result<String, CouldNotRun> {
        if let Some(base) = self.common(other).await? {
            return Ok(base);
        }
        // Asked anew: an earlier fetch may have brought the whole history already.
        let shallow = run(self.world, self.root, &["rev-parse", "--is-shallow-repository"]).await;
        if shallow.map_err(unreadable)?.starts_with(b"true") {
            self.fetch(&[wanted], Depth::Full).await?;
            if let Some(base) = self.common(other).await? {
                return Ok(base);
            }
        }
        Err(CouldNotRun {
            message: format!("HEAD and {other} have no commit in common"),
            help: "name another base: --base REF".to_owned(),
        })
    }

    async fn common(&self, other: &str) -> Result<Option<String>, CouldNotRun> {
        if other == self.head {
            return Ok(Some(self.head.clone()));
        }
        let answer = git(self.world, self.root, &["merge-base", "HEAD", other]).await.map_err(unreadable)?;
        match answer.status.code() {
            Some(0) => text(answer.stdout).map(Some).map_err(unreadable),
            Some(1) => Ok(None),
            _ => Err(unreadable(anyhow::anyhow!("{}", String::from_utf8_lossy(&answer.stderr).trim()))),
        }
    }

    /// The commit of that name, if it is here.
    async fn commit(&self, name: &str) -> Option<String> {
        let name = format!("{name}^{{commit}}");
        // That it is a commit cannot be told without it: of one that is not here, git knows no such name.
        let question = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
        text(run(self.world, self.root, &question).await.ok()?).ok()
    }

    /// Fetches what is missing. `depth` says how much history comes with it: a clone that has all of it never gets less.
    async fn fetch(&self, wanted: &[&str], depth: Depth) -> Result<(), CouldNotRun> {
        let Some(remote) = &self.remote else {
            return Err(CouldNotRun {
                message: format!("git lacks {} and has no remote to fetch it from", wanted.join(" and ")),
                help: "name another base: --base REF".to_owned(),
            });
        };
        let how = match (self.depth, depth) {
            (Depth::Full, _) => None,
            (Depth::Shallow, Depth::Full) => Some("--unshallow"),
            (Depth::Shallow, Depth::Shallow) => Some("--depth=1"),
        };
        // The whole history of HEAD is the history of the commits where it was cut off: those the remote has.
        let cut = match (self.depth, depth) {
            (Depth::Shallow, Depth::Full) => self.cut_off().await,
            _ => Vec::new(),
        };
        let head = ["fetch", "--no-tags", "--no-recurse-submodules", "--quiet"];
        let arguments: Vec<&str> = head
            .into_iter()
            .chain(how)
            .chain(["--", remote.as_str()])
            .chain(cut.iter().map(String::as_str))
            .chain(wanted.iter().copied())
            .collect();
        let missing = |why: String| CouldNotRun {
            message: format!("git lacks history that the base needs, {why}"),
            help: format!("git {}", arguments.join(" ")),
        };
        if self.network == Network::Offline {
            return Err(missing("and --offline forbids to fetch it".to_owned()));
        }
        fetch(self.world, self.root, &arguments).await.map_err(|error| missing(format!("{error:#}")))
    }

    /// The commits whose parents a shallow clone lacks.
    async fn cut_off(&self) -> Vec<String> {
        let file = run(self.world, self.root, &["rev-parse", "--git-path", "shallow"]).await;
        let file = file.ok().and_then(|file| text(file).ok()).map(|file| self.root.join(file));
        let list = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        list.lines().filter(|line| is_object(line)).take(CUT_OFF_MAX).map(str::to_owned).collect()
    }
}
