//! What the CI system says about the run: a pull request, a merge queue, a push. Only what tells the base.
//!
//! GitHub Actions writes the event to a file, which `github/event.rs` reads; GitLab sets variables. Both are input from
//! outside: names of commits and branches are checked before they come near git, and an event of an unknown kind says nothing.

pub use super::github::event::Pushed;

use super::github::event::{self, Event, Kind, before, branch, commit};
use crate::evidence::CouldNotRun;
use crate::world::World;
use std::path::Path;

/// What the CI system says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CiEvent {
    /// Why the run began.
    pub what: Occasion,
    /// The repository's default branch.
    pub default_branch: Option<String>,
}

/// Why a run began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Occasion {
    /// A pull request or merge request.
    PullRequest {
        /// The branch that it shall go into.
        base: String,
        /// The newest commit of the request itself, without any merge.
        head: String,
        /// Where it left that branch, if the CI system tells.
        merge_base: Option<String>,
    },
    /// A group of a merge queue.
    MergeQueue {
        /// The commit that it is put on.
        base: String,
        /// The commit that would be merged.
        head: String,
    },
    /// A push of a branch or tag.
    Push {
        /// The branch's commit before; `None` where it is new.
        before: Option<String>,
        /// The commit that was pushed.
        after: String,
        /// Whether it followed or took commits back.
        how: Pushed,
    },
    /// No CI system, or an event that tells no base: a schedule, a call by hand.
    #[default]
    Other,
}

/// Reads what the CI system says.
///
/// # Errors
/// Where it says something that cannot be read: a wrong base would be worse than none.
pub fn read(world: &World) -> Result<CiEvent, CouldNotRun> {
    if let (Some(name), Some(file)) = (world.env("GITHUB_EVENT_NAME"), world.env("GITHUB_EVENT_PATH")) {
        let failed = |why: String| CouldNotRun {
            message: format!("failed to read the event `{name}` of GitHub Actions in {file}: {why}"),
            help: "name the base: --base REF".to_owned(),
        };
        return event::read(name, Path::new(file)).map(github).map_err(failed);
    }
    if world.env("GITLAB_CI").is_some() {
        return gitlab(|name| world.env(name)).map_err(|why| CouldNotRun {
            message: format!("failed to read the variables of GitLab CI: {why}"),
            help: "name the base: --base REF".to_owned(),
        });
    }
    Ok(CiEvent::default())
}

/// The base that an event of GitHub Actions tells.
fn github(event: Event) -> CiEvent {
    let what = match event.kind {
        Kind::Push { before, after, how } => Occasion::Push { before, after, how },
        Kind::MergeGroup { base, head } => Occasion::MergeQueue { base, head },
        Kind::PullRequest(request) | Kind::PullRequestTarget(request) | Kind::Review(request) => {
            Occasion::PullRequest { base: request.base, head: request.head, merge_base: None }
        }
        // The other run's commit is not the one that is checked out here.
        Kind::WorkflowRun(_) | Kind::Other => Occasion::Other,
    };
    CiEvent { what, default_branch: event.default_branch }
}

/// The variables of GitLab CI. A merged result has the request's own head apart.
fn gitlab<'a>(env: impl Fn(&str) -> Option<&'a str>) -> Result<CiEvent, String> {
    let after = commit(env("CI_COMMIT_SHA").ok_or("CI_COMMIT_SHA is not set")?)?;
    let what = match env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME") {
        Some(target) => {
            let own = env("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").map(commit).transpose()?;
            let merge_base = env("CI_MERGE_REQUEST_DIFF_BASE_SHA").map(commit).transpose()?;
            Occasion::PullRequest { base: branch(target)?, head: own.unwrap_or(after), merge_base }
        }
        None => {
            let before = before(env("CI_COMMIT_BEFORE_SHA"))?;
            // GitLab does not tell whether a push was forced; the history does.
            Occasion::Push { before, after, how: Pushed::Forced }
        }
    };
    Ok(CiEvent { what, default_branch: env("CI_DEFAULT_BRANCH").map(branch).transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const ZEROS: &str = "0000000000000000000000000000000000000000";

    fn check(name: &str, payload: &serde_json::Value, expected: Occasion) {
        let event = github(event::parse(name, payload.to_string().as_bytes()).unwrap());
        assert_eq!(event.what, expected, "{name}");
        assert_eq!(event.default_branch.as_deref(), Some("main"));
    }

    #[test]
    fn events_of_github_tell_what_matters() {
        let repository = serde_json::json!({"default_branch": "main", "id": 1});
        let request = serde_json::json!({
            "number": 7, "repository": repository,
            "pull_request": {"head": {"sha": A, "ref": "x"}, "base": {"sha": B, "ref": "release/1"}},
        });
        let expected = Occasion::PullRequest { base: "release/1".into(), head: A.into(), merge_base: None };
        check("pull_request", &request, expected.clone());
        check("pull_request_target", &request, expected);
        let group =
            serde_json::json!({"repository": repository, "merge_group": {"base_sha": B, "head_sha": A}});
        check("merge_group", &group, Occasion::MergeQueue { base: B.into(), head: A.into() });
        let push = |before: &str, forced: bool| serde_json::json!({"repository": repository, "before": before, "after": A, "forced": forced});
        let pushed = |before: Option<&str>, how| Occasion::Push {
            before: before.map(str::to_owned),
            after: A.into(),
            how,
        };
        check("push", &push(B, false), pushed(Some(B), Pushed::Forward));
        check("push", &push(B, true), pushed(Some(B), Pushed::Forced));
        check("push", &push(ZEROS, false), pushed(None, Pushed::Forward));
        check("schedule", &serde_json::json!({"repository": repository, "before": 3}), Occasion::Other);
    }

    #[test]
    fn an_event_that_cannot_be_read_is_an_error_and_an_unknown_one_says_nothing() {
        for (name, text) in [
            ("push", "{}"),
            ("push", "["),
            ("push", r#"{"after": "--upload-pack=x"}"#),
            ("pull_request", "{}"),
            ("merge_group", r#"{"merge_group": {"base_sha": "main", "head_sha": "main"}}"#),
        ] {
            assert!(event::parse(name, text.as_bytes()).is_err(), "{name} {text}");
        }
        assert_eq!(event::parse("workflow_dispatch", b"nothing").map(github), Ok(CiEvent::default()));
    }

    #[test]
    fn variables_of_gitlab_are_a_plain_way() {
        let read = |variables: &[(&str, &'static str)]| {
            let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            gitlab(find).map(|event| event.what)
        };
        let request = [
            ("CI_COMMIT_SHA", A),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", B),
        ];
        let expected =
            Occasion::PullRequest { base: "main".into(), head: A.into(), merge_base: Some(B.into()) };
        assert_eq!(read(&request), Ok(expected));
        let push = Occasion::Push { before: None, after: A.into(), how: Pushed::Forced };
        assert_eq!(read(&[("CI_COMMIT_SHA", A), ("CI_COMMIT_BEFORE_SHA", ZEROS)]), Ok(push));
        assert!(read(&[]).is_err());
    }

    #[test]
    fn a_file_that_is_missing_is_told_with_its_name() {
        let environment = [("GITHUB_EVENT_NAME", "push"), ("GITHUB_EVENT_PATH", "/no/such/file")]
            .map(|(a, b)| (a.into(), b.into()));
        let world = World::with(environment.into(), "/".into(), crate::world::Clock::system());
        assert!(read(&world).unwrap_err().message.contains("/no/such/file"));
    }
}
