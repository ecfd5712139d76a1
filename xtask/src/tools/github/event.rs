//! The event of GitHub Actions, parsed once. `tools/ci_event.rs` takes the base from it, [`super::context`] the rest.
//!
//! It is input from outside: names of commits, branches and repositories are checked before anybody uses them, and an event
//! of a kind that is not known here is a value, [`Kind::Other`].

use crate::tools::{bounded, git};
use serde::Deserialize;
use std::fmt;
use std::path::Path;

/// GitHub's payloads have 25 MB at most.
const EVENT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The longest branch name: what GitHub takes, with room.
const BRANCH_BYTES_MAX: usize = 1024;
/// The longest name of an owner or a repository (GitHub: 39 and 100).
const NAME_BYTES_MAX: usize = 100;

/// What happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Of which kind, with what that kind tells.
    pub kind: Kind,
    /// Where.
    pub repository: Option<Slug>,
    /// The default branch there.
    pub default_branch: Option<String>,
}

/// The kinds that mean something here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kind {
    /// `pull_request` and what else speaks of one in the same words.
    PullRequest(PullRequest),
    /// `pull_request_target`: of a pull request, with the rights of the base.
    PullRequestTarget(PullRequest),
    /// `pull_request_review`: somebody has looked at it.
    Review(PullRequest),
    /// `merge_group`.
    MergeGroup {
        /// The commit that it is put on.
        base: String,
        /// The commit that would be merged.
        head: String,
    },
    /// `push`.
    Push {
        /// The branch's commit before; `None` where it is new.
        before: Option<String>,
        /// The commit that was pushed.
        after: String,
        /// Whether commits were taken back.
        how: Pushed,
    },
    /// `workflow_run`: another run has ended, and this one has the rights of the default branch.
    WorkflowRun(WorkflowRun),
    /// `workflow_dispatch`, `schedule`, `release`, and every kind that is not known here.
    #[default]
    Other,
}

/// How a branch moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// Onto a descendant.
    Forward,
    /// Onto a commit that does not have the one before.
    Forced,
}

/// A pull request, as an event tells it: it may have moved on since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: Option<u64>,
    /// The branch that it shall go into.
    pub base: String,
    /// Its newest commit, without any merge.
    pub head: String,
    /// Where that commit lies; `None` where the fork is gone.
    pub head_repository: Option<Slug>,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// Its id.
    pub id: u64,
    /// Which attempt.
    pub attempt: u64,
    /// The event that began it.
    pub event: String,
    /// The newest commit of what it ran for; of a pull request without any merge.
    pub head: String,
    /// The branch of that commit.
    pub head_branch: Option<String>,
    /// The repository of that commit: the fork, where there is one.
    pub head_repository: Option<Slug>,
    /// Pull requests that GitHub names: none for forks.
    pub pull_requests: Vec<u64>,
    /// How it ended.
    pub conclusion: Option<String>,
}

/// A repository's name: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slug {
    owner: String,
    name: String,
}

impl Slug {
    /// The owner: a person or an organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }
}

impl std::str::FromStr for Slug {
    type Err = String;

    fn from_str(text: &str) -> Result<Slug, String> {
        let plain = |part: &str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            (1..=NAME_BYTES_MAX).contains(&part.len())
                && part.chars().all(letter)
                && part != "."
                && part != ".."
        };
        match text.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => {
                Ok(Slug { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(format!("`{}` is no repository: write OWNER/NAME", shown(text))),
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Reads the file that GitHub Actions wrote.
///
/// # Errors
/// Where it cannot be read or is too large: why, for people.
pub fn read(name: &str, file: &Path) -> Result<Event, String> {
    let bytes = bounded::read(file, EVENT_BYTES_MAX).map_err(|error| error.to_string())?;
    parse(name, &bytes)
}

#[derive(Deserialize)]
struct Payload {
    number: Option<u64>,
    pull_request: Option<RawRequest>,
    merge_group: Option<RawGroup>,
    before: Option<String>,
    after: Option<String>,
    forced: Option<bool>,
    workflow_run: Option<RawRun>,
    repository: Option<RawRepository>,
}

#[derive(Deserialize)]
struct RawRequest {
    number: Option<u64>,
    head: RawHead,
    base: RawBase,
}

#[derive(Deserialize)]
struct RawHead {
    sha: String,
    repo: Option<RawRepository>,
}

/// The base's `sha` is not read: it is what the branch had when the request was last pushed.
#[derive(Deserialize)]
struct RawBase {
    #[serde(rename = "ref")]
    name: String,
}

#[derive(Deserialize)]
struct RawGroup {
    base_sha: String,
    head_sha: String,
}

#[derive(Deserialize)]
struct RawRun {
    id: u64,
    run_attempt: Option<u64>,
    event: String,
    head_sha: String,
    head_branch: Option<String>,
    head_repository: Option<RawRepository>,
    #[serde(default)]
    pull_requests: Vec<RawNumber>,
    conclusion: Option<String>,
}

#[derive(Deserialize)]
struct RawNumber {
    number: u64,
}

#[derive(Deserialize)]
struct RawRepository {
    full_name: Option<String>,
    default_branch: Option<String>,
}

/// What the payload of an event says.
///
/// # Errors
/// Where an event of a known kind says something that cannot be read: why, for people.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Event, String> {
    // Only these are read: what others mean by the same words is unknown.
    let known = name.starts_with("pull_request") || matches!(name, "merge_group" | "push" | "workflow_run");
    if !known {
        #[derive(Deserialize)]
        struct Any {
            repository: Option<RawRepository>,
        }
        let any: Option<Any> = serde_json::from_slice(bytes).ok();
        let (repository, default_branch) = any.and_then(|any| any.repository).map_or((None, None), |there| {
            (there.full_name.and_then(|name| name.parse().ok()), there.default_branch)
        });
        let default_branch = default_branch.and_then(|name| branch(&name).ok());
        return Ok(Event { kind: Kind::Other, repository, default_branch });
    }
    let payload: Payload = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let kind = match name {
        "push" => {
            let after = commit(&payload.after.ok_or("it names no commit `after`")?)?;
            let how = if payload.forced == Some(true) { Pushed::Forced } else { Pushed::Forward };
            Kind::Push { before: before(payload.before.as_deref())?, after, how }
        }
        "merge_group" => {
            let group = payload.merge_group.ok_or("it has no `merge_group`")?;
            Kind::MergeGroup { base: commit(&group.base_sha)?, head: commit(&group.head_sha)? }
        }
        "workflow_run" => Kind::WorkflowRun(run(payload.workflow_run.ok_or("it has no `workflow_run`")?)?),
        _ => {
            let request = payload.pull_request.ok_or("it has no `pull_request`")?;
            let request = PullRequest {
                number: request.number.or(payload.number),
                base: branch(&request.base.name)?,
                head: commit(&request.head.sha)?,
                head_repository: slug(request.head.repo)?,
            };
            match name {
                "pull_request_target" => Kind::PullRequestTarget(request),
                "pull_request_review" => Kind::Review(request),
                _ => Kind::PullRequest(request),
            }
        }
    };
    let default_branch = payload.repository.as_ref().and_then(|there| there.default_branch.as_deref());
    let default_branch = default_branch.map(branch).transpose()?;
    Ok(Event { kind, default_branch, repository: slug(payload.repository)? })
}

fn run(run: RawRun) -> Result<WorkflowRun, String> {
    Ok(WorkflowRun {
        id: run.id,
        attempt: run.run_attempt.unwrap_or(1),
        event: run.event,
        head: commit(&run.head_sha)?,
        head_branch: run.head_branch.as_deref().map(branch).transpose()?,
        head_repository: slug(run.head_repository)?,
        pull_requests: run.pull_requests.iter().map(|one| one.number).collect(),
        conclusion: run.conclusion,
    })
}

fn slug(repository: Option<RawRepository>) -> Result<Option<Slug>, String> {
    repository.and_then(|there| there.full_name).map(|name| name.parse()).transpose()
}

/// A commit before a push; all zeros mean that there was none.
pub(in crate::tools) fn before(name: Option<&str>) -> Result<Option<String>, String> {
    match name {
        Some(name) if name.bytes().any(|digit| digit != b'0') => commit(name).map(Some),
        _ => Ok(None),
    }
}

pub(in crate::tools) fn commit(name: &str) -> Result<String, String> {
    match git::is_object(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{}` is no commit", shown(name))),
    }
}

/// As `git check-ref-format` has it, as far as anything could be misread.
pub(in crate::tools) fn branch(name: &str) -> Result<String, String> {
    let bad = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let well_formed = name.len() <= BRANCH_BYTES_MAX
        && !name.starts_with('-')
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(part);
    match well_formed {
        true => Ok(name.to_owned()),
        false => Err(format!("`{}` is no branch", shown(name))),
    }
}

/// A text from outside in a message: printable, and not much of it.
pub(in crate::tools) fn shown(text: &str) -> String {
    text.escape_default().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn a_run_that_has_ended_tells_its_fork_and_no_pull_request() {
        let payload = serde_json::json!({"repository": {"full_name": "o/r"}, "workflow_run": {
            "id": 7, "run_attempt": 2, "event": "pull_request", "head_sha": A, "head_branch": "main",
            "head_repository": {"full_name": "someone/r"}, "pull_requests": [],
        }});
        let event = parse("workflow_run", payload.to_string().as_bytes()).unwrap();
        let Kind::WorkflowRun(run) = event.kind else { panic!("{event:?}") };
        assert_eq!((run.id, run.attempt, run.head.as_str()), (7, 2, A));
        assert_eq!(run.head_repository.unwrap().to_string(), "someone/r");
        assert_eq!(event.repository.unwrap().owner(), "o");
    }

    #[test]
    fn a_branch_is_a_name_and_nothing_else() {
        for good in ["main", "release/1.2", "ä", "a-b_c"] {
            assert_eq!(branch(good).as_deref(), Ok(good));
        }
        for bad in ["", "-x", "a b", "a..b", "a:b", "/a", "a/", "a\n", "a^", "x.lock", "@{u}x@{", ".a"] {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        for good in ["o/r", "octo-org/octo.repo_1"] {
            assert_eq!(good.parse::<Slug>().unwrap().to_string(), good);
        }
        for bad in ["", "o", "/r", "o/", "o/r/x", "o/..", "o/r?x", "ö/r", "o /r", "o/%2e"] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_an_error(bytes: Vec<u8>, name in "push|pull_request|merge_group|workflow_run|other") {
            let _ = parse(&name, &bytes);
        }

        #[test]
        fn any_words_are_an_event_or_an_error(before in ".{0,50}", base in ".{0,20}", slug in ".{0,20}", name in "push|pull_request") {
            let payload = serde_json::json!({
                "before": before, "after": A, "pull_request": {"head": {"sha": A, "repo": {"full_name": slug}}, "base": {"ref": base}},
            });
            if let Ok(Event { kind: Kind::PullRequest(request), .. }) = parse(&name, payload.to_string().as_bytes()) {
                prop_assert!(!request.base.starts_with('-') && !request.base.contains(char::is_whitespace));
            }
        }
    }
}
