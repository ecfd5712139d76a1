//! What the CI system says about the run: a pull request, a merge queue, a push. Only what tells the base.
//!
//! GitHub Actions writes the event to a file, GitLab sets variables. Both are input from outside: sizes are limited, names
//! of commits and branches are checked before they come near git, and an event of an unknown kind says nothing.

use crate::evidence::CouldNotRun;
use crate::world::World;
use serde::Deserialize;
use std::path::Path;

/// GitHub's payloads have 25 MB at most.
const EVENT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The longest branch name: what GitHub takes, with room.
const BRANCH_BYTES_MAX: usize = 1024;

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

/// How a branch moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// Onto a descendant.
    Forward,
    /// Onto a commit that does not have the one before.
    Forced,
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
        let bytes = limited(Path::new(file)).map_err(failed)?;
        return github(name, &bytes).map_err(failed);
    }
    if world.env("GITLAB_CI").is_some() {
        return gitlab(|name| world.env(name)).map_err(|why| CouldNotRun {
            message: format!("failed to read the variables of GitLab CI: {why}"),
            help: "name the base: --base REF".to_owned(),
        });
    }
    Ok(CiEvent::default())
}

fn limited(file: &Path) -> Result<Vec<u8>, String> {
    let open = std::fs::File::open(file).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(open, EVENT_BYTES_MAX + 1), &mut bytes)
        .map_err(|error| error.to_string())?;
    match bytes.len() as u64 > EVENT_BYTES_MAX {
        true => Err(format!("it has more than {EVENT_BYTES_MAX} bytes")),
        false => Ok(bytes),
    }
}

#[derive(Deserialize)]
struct Payload {
    pull_request: Option<PullRequest>,
    merge_group: Option<MergeGroup>,
    before: Option<String>,
    after: Option<String>,
    forced: Option<bool>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct PullRequest {
    head: Head,
    base: BaseBranch,
}

#[derive(Deserialize)]
struct Head {
    sha: String,
}

/// The base's `sha` is not read: it is what the branch had when the request was last pushed.
#[derive(Deserialize)]
struct BaseBranch {
    #[serde(rename = "ref")]
    name: String,
}

#[derive(Deserialize)]
struct MergeGroup {
    base_sha: String,
    head_sha: String,
}

#[derive(Deserialize)]
struct Repository {
    default_branch: Option<String>,
}

/// The event of GitHub Actions.
fn github(name: &str, bytes: &[u8]) -> Result<CiEvent, String> {
    // Only these events are read: what others mean by the same words is unknown.
    let known = name.starts_with("pull_request") || matches!(name, "merge_group" | "push");
    if !known {
        #[derive(Deserialize)]
        struct Any {
            repository: Option<Repository>,
        }
        let any: Option<Any> = serde_json::from_slice(bytes).ok();
        let branch = any.and_then(|any| any.repository?.default_branch).and_then(|name| branch(&name).ok());
        return Ok(CiEvent { what: Occasion::Other, default_branch: branch });
    }
    let payload: Payload = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let what = match name {
        "push" => {
            let after = commit(&payload.after.ok_or("it names no commit `after`")?)?;
            let how = if payload.forced == Some(true) { Pushed::Forced } else { Pushed::Forward };
            Occasion::Push { before: before(payload.before.as_deref())?, after, how }
        }
        "merge_group" => {
            let group = payload.merge_group.ok_or("it has no `merge_group`")?;
            Occasion::MergeQueue { base: commit(&group.base_sha)?, head: commit(&group.head_sha)? }
        }
        _ => {
            let request = payload.pull_request.ok_or("it has no `pull_request`")?;
            let (base, head) = (branch(&request.base.name)?, commit(&request.head.sha)?);
            Occasion::PullRequest { base, head, merge_base: None }
        }
    };
    let default_branch = payload.repository.and_then(|repository| repository.default_branch);
    Ok(CiEvent { what, default_branch: default_branch.map(|name| branch(&name)).transpose()? })
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

/// A commit before a push; all zeros mean that there was none.
fn before(name: Option<&str>) -> Result<Option<String>, String> {
    match name {
        Some(name) if name.bytes().any(|digit| digit != b'0') => commit(name).map(Some),
        _ => Ok(None),
    }
}

fn commit(name: &str) -> Result<String, String> {
    match super::git::is_object(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{}` is no commit", name.escape_default().take(80).collect::<String>())),
    }
}

/// As `git check-ref-format` has it, as far as anything could be misread.
fn branch(name: &str) -> Result<String, String> {
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
        false => Err(format!("`{}` is no branch", name.escape_default().take(80).collect::<String>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const ZEROS: &str = "0000000000000000000000000000000000000000";

    fn check(name: &str, payload: &serde_json::Value, expected: Occasion) {
        let event = github(name, payload.to_string().as_bytes()).unwrap();
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
            assert!(github(name, text.as_bytes()).is_err(), "{name} {text}");
        }
        assert_eq!(github("workflow_dispatch", b"nothing"), Ok(CiEvent::default()));
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
    fn a_branch_is_a_name_and_nothing_else() {
        for good in ["main", "release/1.2", "ä", "a-b_c"] {
            assert_eq!(branch(good).as_deref(), Ok(good));
        }
        for bad in ["", "-x", "a b", "a..b", "a:b", "/a", "a/", "a\n", "a^", "x.lock", "@{u}x@{", ".a"] {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_told_with_its_name() {
        let environment = [("GITHUB_EVENT_NAME", "push"), ("GITHUB_EVENT_PATH", "/no/such/file")]
            .map(|(a, b)| (a.into(), b.into()));
        let world = World::with(environment.into(), "/".into(), crate::world::Clock::system());
        assert!(read(&world).unwrap_err().message.contains("/no/such/file"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_an_error(bytes: Vec<u8>, name in "push|pull_request|merge_group|other") {
            let _ = github(&name, &bytes);
        }

        #[test]
        fn any_words_are_an_event_or_an_error(before in ".{0,50}", base in ".{0,20}", name in "push|pull_request") {
            let payload = serde_json::json!({
                "before": before, "after": A, "pull_request": {"head": {"sha": A}, "base": {"ref": base}},
            });
            if let Ok(CiEvent { what: Occasion::PullRequest { base, .. }, .. }) =
                github(&name, payload.to_string().as_bytes())
            {
                prop_assert!(!base.starts_with('-') && !base.contains(char::is_whitespace));
            }
        }
    }
}
