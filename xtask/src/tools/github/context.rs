//! Where this run stands: its repository, its commit, its pull request, and how far its report can be trusted.
//!
//! Read once, from the environment and the event of GitHub Actions. Nothing is known beforehand: repository and address come
//! from the run, so GitHub Enterprise and forks of this one work alike. Other CI systems, and none, get the plain way.

use super::event::{self, Event, Kind, PullRequest, Slug, WorkflowRun, shown};
use crate::evidence::CouldNotRun;
use crate::world::World;
use std::fmt;
use std::path::Path;

/// GitHub's own API, where the run names no other.
const API: &str = "https://api.github.com";
/// Its pages, likewise.
const PAGES: &str = "https://github.com";
/// The longest address that is taken.
const ADDRESS_BYTES_MAX: usize = 1024;

/// Where this run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name for the event.
    pub event_name: Option<String>,
    /// What happened.
    pub event: Event,
    /// Whose repository: from the run, else from the event.
    pub repository: Option<Slug>,
    /// Where its API is.
    pub api: Address,
    /// Where its pages are.
    pub pages: Address,
    /// The commit that was checked out: of a pull request, its merge.
    pub commit: Option<String>,
    /// The reference of that commit: `refs/heads/main`, `refs/pull/7/merge`.
    pub reference: Option<String>,
    /// The run's own id and attempt, where GitHub Actions runs us.
    pub id: Option<(u64, u64)>,
}

/// What is told, and about what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The commit that gets the check.
    pub commit: String,
    /// The pull request that gets the comment.
    pub request: Request,
    /// What code scanning is told, where it can be.
    pub reference: Option<String>,
    /// The run whose report it is: its id and attempt.
    pub run: Option<(u64, u64)>,
}

/// The pull request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// There is none.
    None,
    /// This one.
    Number(u64),
    /// The open one of this branch whose newest commit is the target's: GitHub names none for forks.
    Of {
        /// Where the branch is.
        repository: Slug,
        /// The branch.
        branch: String,
    },
}

/// Whose report it is, and so what may be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Of this run: GitHub is told as far as the token may.
    Own,
    /// Of a change from elsewhere: the token can only read, so nothing is tried.
    Fork,
    /// Of another run that had no rights: its report is hostile until it was read and checked.
    Foreign,
}

/// An `https` address without anything behind the path; `http` only to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let bad = |why: &str| Err(format!("`{}` is no address of GitHub: {why}", shown(text)));
        let text = text.trim_end_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]".contains(c);
        let Some((scheme, rest)) = text.split_once("://") else { return bad("no `https://`") };
        if text.len() > ADDRESS_BYTES_MAX
            || !rest.chars().all(plain)
            || rest.split('/').any(|part| part == "..")
        {
            return bad("only a host, a port and a path are taken");
        }
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        match (scheme, host) {
            (_, "") => bad("no host"),
            ("https", _) => Ok(Address(text.to_owned())),
            ("http", "localhost" | "127.0.0.1" | "::1") => Ok(Address(text.to_owned())),
            _ => bad("a token goes over `https` only"),
        }
    }
}

impl Run {
    /// Reads it.
    ///
    /// # Errors
    /// Where the environment or the event says something that cannot be read: to tell the wrong place would be worse than
    /// to tell none.
    pub fn read(world: &World) -> Result<Run, CouldNotRun> {
        let failed = |message: String| CouldNotRun {
            message,
            help: "run it in GitHub Actions, or set GITHUB_REPOSITORY, GITHUB_SHA and GITHUB_API_URL"
                .to_owned(),
        };
        let name = world.env("GITHUB_EVENT_NAME");
        let event = match (name, world.env("GITHUB_EVENT_PATH")) {
            (Some(name), Some(file)) => event::read(name, Path::new(file)).map_err(|why| {
                failed(format!(
                    "failed to read the event `{}` of GitHub Actions in {file}: {why}",
                    shown(name)
                ))
            })?,
            _ => Event::default(),
        };
        let repository = match world.env("GITHUB_REPOSITORY") {
            Some(name) => Some(name.parse().map_err(failed)?),
            None => event.repository.clone(),
        };
        let commit = world.env("GITHUB_SHA").map(event::commit).transpose().map_err(failed)?;
        let number = |name: &str| world.env(name).and_then(|value| value.parse().ok());
        Ok(Run {
            event_name: name.map(str::to_owned),
            repository,
            api: world.env("GITHUB_API_URL").unwrap_or(API).parse().map_err(failed)?,
            pages: world.env("GITHUB_SERVER_URL").unwrap_or(PAGES).parse().map_err(failed)?,
            commit,
            reference: world.env("GITHUB_REF").filter(|name| event::branch(name).is_ok()).map(str::to_owned),
            id: number("GITHUB_RUN_ID").map(|id| (id, number("GITHUB_RUN_ATTEMPT").unwrap_or(1))),
            event,
        })
    }

    /// The repository's page.
    pub fn page(&self) -> Option<String> {
        self.repository.as_ref().map(|repository| format!("{}/{repository}", self.pages))
    }

    /// The page of a run of this repository, by its id and attempt.
    pub fn page_of(&self, run: Option<(u64, u64)>) -> Option<String> {
        self.page().zip(run).map(|(page, (id, _))| format!("{page}/actions/runs/{id}"))
    }

    /// Whose report it is.
    pub fn trust(&self) -> Trust {
        let own = |request: &PullRequest| match (&request.head_repository, &self.repository) {
            (Some(there), Some(here)) => there == here,
            // The fork is gone, or we do not know where we are.
            _ => false,
        };
        match &self.event.kind {
            Kind::WorkflowRun(_) => Trust::Foreign,
            Kind::PullRequest(request) | Kind::Review(request) if !own(request) => Trust::Fork,
            _ => Trust::Own,
        }
    }

    /// Whether it is of a change that is not on a branch of ours yet, so that what lies here may be anybody's.
    pub fn is_of_a_change(&self) -> bool {
        let of_a_request = self.target().is_some_and(|target| target.request != Request::None);
        self.trust() != Trust::Own || of_a_request || matches!(self.event.kind, Kind::MergeGroup { .. })
    }

    /// What is told, and about what. `None` where no commit is known.
    pub fn target(&self) -> Option<Target> {
        let of_request = |request: &PullRequest| Target {
            commit: request.head.clone(),
            request: request.number.map_or(Request::None, Request::Number),
            reference: request.number.map(|number| format!("refs/pull/{number}/head")),
            run: self.id,
        };
        let of_commit = |commit: &String| Target {
            commit: commit.clone(),
            request: Request::None,
            reference: self.reference.clone(),
            run: self.id,
        };
        match &self.event.kind {
            Kind::PullRequest(request) | Kind::PullRequestTarget(request) | Kind::Review(request) => {
                Some(of_request(request))
            }
            Kind::MergeGroup { head, .. } => Some(Target { reference: None, ..of_commit(head) }),
            Kind::WorkflowRun(run) => Some(self.of_run(run)),
            Kind::Push { after, .. } => Some(of_commit(after)),
            Kind::Other => self.commit.as_ref().map(of_commit),
        }
    }

    /// Of another run. The number of its pull request is GitHub's word or is looked up, never the report's.
    fn of_run(&self, run: &WorkflowRun) -> Target {
        let of_a_request = run.event.starts_with("pull_request");
        let request = match (&run.pull_requests[..], &run.head_repository, &run.head_branch) {
            ([number], ..) if of_a_request => Request::Number(*number),
            (_, Some(repository), Some(branch)) if of_a_request => {
                Request::Of { repository: repository.clone(), branch: branch.clone() }
            }
            _ => Request::None,
        };
        let reference = match (&request, &run.head_branch) {
            (Request::Number(number), _) => Some(format!("refs/pull/{number}/head")),
            (Request::None, Some(branch)) if run.head_repository == self.repository => {
                Some(format!("refs/heads/{branch}"))
            }
            _ => None,
        };
        Target { commit: run.head.clone(), request, reference, run: Some((run.id, run.attempt)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const MERGE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn read(name: &str, payload: &Value, more: &[(&str, &str)]) -> Result<Run, CouldNotRun> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("event.json");
        std::fs::write(&file, payload.to_string()).unwrap();
        let file = file.display().to_string();
        let given = [
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_EVENT_PATH", &file),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_SHA", MERGE),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_RUN_ID", "11"),
        ];
        let all = given.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Run::read(&World::with(all.collect(), "/".into(), Clock::system()))
    }

    fn request(repository: Value) -> Value {
        json!({"number": 7, "pull_request": {"number": 7, "head": {"sha": HEAD, "repo": repository}, "base": {"ref": "main"}}})
    }

    #[test]
    fn a_pull_request_is_told_at_its_own_head() {
        let own = json!({"full_name": "o/r"});
        for (name, trust) in [
            ("pull_request", Trust::Own),
            ("pull_request_review", Trust::Own),
            ("pull_request_target", Trust::Own),
        ] {
            let run = read(name, &request(own.clone()), &[]).unwrap();
            assert_eq!(run.trust(), trust, "{name}");
            let target = run.target().unwrap();
            assert_eq!((target.commit.as_str(), &target.request), (HEAD, &Request::Number(7)));
            assert_eq!(target.reference.as_deref(), Some("refs/pull/7/head"));
            assert_eq!(target.run, Some((11, 1)));
        }
    }

    #[test]
    fn a_fork_is_seen_even_when_it_is_gone() {
        for repository in [json!({"full_name": "someone/r"}), Value::Null] {
            assert_eq!(read("pull_request", &request(repository), &[]).unwrap().trust(), Trust::Fork);
        }
    }

    #[test]
    fn another_run_is_foreign_and_its_pull_request_is_looked_up() {
        let payload = |event: &str, requests: Value| {
            json!({"workflow_run": {"id": 5, "run_attempt": 3, "event": event, "head_sha": HEAD, "head_branch": "x",
                "head_repository": {"full_name": "someone/r"}, "pull_requests": requests}})
        };
        let target = |payload: &Value| {
            let run = read("workflow_run", payload, &[]).unwrap();
            assert_eq!(run.trust(), Trust::Foreign);
            run.target().unwrap()
        };
        let fork = target(&payload("pull_request", json!([])));
        assert_eq!((fork.commit.as_str(), fork.run), (HEAD, Some((5, 3))));
        let looked_up = Request::Of { repository: "someone/r".parse().unwrap(), branch: "x".to_owned() };
        assert_eq!((fork.request, fork.reference), (looked_up, None));
        let own = target(&payload("pull_request", json!([{"number": 9}])));
        assert_eq!(own.request, Request::Number(9));
        assert_eq!(target(&payload("push", json!([]))).request, Request::None);
    }

    #[test]
    fn other_events_are_told_at_their_commit() {
        let target = |name: &str, payload: Value| read(name, &payload, &[]).unwrap().target().unwrap();
        assert_eq!(target("push", json!({"after": HEAD})).commit, HEAD);
        let group = target("merge_group", json!({"merge_group": {"base_sha": MERGE, "head_sha": HEAD}}));
        assert_eq!((group.commit.as_str(), group.reference), (HEAD, None));
        for name in ["schedule", "workflow_dispatch", "release", "something_new"] {
            let target = target(name, json!({"number": 3}));
            assert_eq!((target.commit.as_str(), target.request), (MERGE, Request::None), "{name}");
        }
        let nowhere =
            Run::read(&World::with(std::collections::BTreeMap::new(), "/".into(), Clock::system())).unwrap();
        assert_eq!((nowhere.target(), nowhere.repository.clone()), (None, None));
        assert_eq!(nowhere.api.to_string(), API);
    }

    #[test]
    fn an_address_keeps_the_token() {
        for good in [
            "https://api.github.com",
            "https://ghe.example.com:8443/api/v3",
            "http://127.0.0.1:80/api/v3",
            "http://[::1]:1",
        ] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        assert_eq!("https://x/".parse::<Address>().unwrap().to_string(), "https://x");
        for bad in [
            "",
            "api.github.com",
            "http://ghe.example.com",
            "https://a@b",
            "https://x?y",
            "ftp://x",
            "https://",
            "https://x/../y",
            "http://127.0.0.1@evil",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        let wrong = read("push", &json!({"after": HEAD}), &[("GITHUB_API_URL", "http://evil")]).unwrap_err();
        assert!(wrong.message.contains("https"), "{wrong:?}");
        assert!(read("push", &json!({"after": HEAD}), &[("GITHUB_REPOSITORY", "x")]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error(text in "(https?://)?[a-z0-9.:/@?#%\\[\\]]{0,30}") {
            if let Ok(address) = text.parse::<Address>() {
                let address = address.to_string();
                prop_assert!(!address.contains(['@', '?', '#', '%', ' ']));
                prop_assert!(address.starts_with("https://") || address.contains("127.0.0.1") || address.contains("localhost") || address.contains("::1"));
            }
        }
    }
}
