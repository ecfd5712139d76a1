//! The base: `--base`, what the CI system says, the default branch; full and shallow clones.

use super::repository::{Place, Repository};
use gateline::tools::cargo::Network;
use gateline::tools::git::Found;
use serde_json::{Value, json};

/// `main` with two commits, and `work` that left it at the first; each with a commit of its own since.
struct Story {
    place: Place,
    origin: Repository,
    /// Where `work` left.
    left: String,
    /// `main` when the pull request was opened.
    stale: String,
    /// `main` now.
    main: String,
    /// `work`.
    work: String,
    /// What GitHub checks out for the pull request.
    merge: String,
}

impl Story {
    async fn new() -> Story {
        let place = Place::new();
        let origin = place.repository("origin").await;
        origin.commit_file("start").await;
        let left = origin.commit_file("left").await;
        let stale = origin.commit_file("stale").await;
        let main = origin.commit_file("main").await;
        origin.git(&["checkout", "--quiet", "-b", "work", &left]).await;
        let work = origin.commit_file("work").await;
        origin.git(&["checkout", "--quiet", "--detach", &main]).await;
        origin.git(&["merge", "--quiet", "--no-ff", "--message", "merge", &work]).await;
        let merge = origin.git(&["rev-parse", "HEAD"]).await;
        origin.git(&["update-ref", "refs/pull/7/merge", &merge]).await;
        origin.git(&["checkout", "--quiet", "main"]).await;
        Story { place, origin, left, stale, main, work, merge }
    }

    /// The whole repository with this commit checked out, detached, as CI systems do.
    async fn full(&self, commit: &str) -> Repository {
        let clone = self.place.clone(&self.origin, &format!("full-{commit}"), &[]).await;
        clone.git(&["fetch", "--quiet", "origin", commit]).await;
        clone.git(&["checkout", "--quiet", "--detach", commit]).await;
        clone
    }

    /// What `actions/checkout` leaves: one commit, one reference.
    async fn shallow(&self, commit: &str) -> Repository {
        let clone = self.place.repository(&format!("shallow-{commit}")).await;
        let origin = format!("file://{}", self.origin.root.display());
        clone.git(&["remote", "add", "origin", &origin]).await;
        clone.git(&["fetch", "--quiet", "--no-tags", "--depth=1", "origin", commit]).await;
        clone.git(&["checkout", "--quiet", "--detach", commit]).await;
        clone
    }

    fn pull_request(&self) -> Value {
        json!({
            "repository": {"default_branch": "main"},
            "pull_request": {"head": {"sha": self.work}, "base": {"ref": "main", "sha": self.stale}},
        })
    }

    fn push(&self, before: &str, after: &str, forced: bool) -> Value {
        json!({"repository": {"default_branch": "main"}, "before": before, "after": after, "forced": forced})
    }
}

async fn check(repository: &Repository, named: Option<&str>, expected: &str, from: &str) {
    match repository.base(named, Network::Online).await {
        Ok(Found::Base(base)) => assert_eq!((base.commit.as_str(), base.from.as_str()), (expected, from)),
        other => panic!("{other:?} instead of {from}"),
    }
}

async fn check_nothing(repository: &Repository, reason: &str) {
    let found = repository.base(None, Network::Online).await;
    assert_eq!(found, Ok(Found::Nothing(reason.to_owned())));
}

#[tokio::test]
async fn a_pull_request_is_compared_with_what_it_is_merged_into() {
    let story = Story::new().await;
    let from = "first parent of the pull request's merge commit";
    for clone in [story.full(&story.merge).await, story.shallow(&story.merge).await] {
        check(&clone.on("pull_request", &story.pull_request()), None, &story.main, from).await;
    }
    let from = "where the pull request left `main`";
    for clone in [story.full(&story.work).await, story.shallow(&story.work).await] {
        check(&clone.on("pull_request", &story.pull_request()), None, &story.left, from).await;
    }
}

#[tokio::test]
async fn offline_the_command_that_brings_what_is_missing_is_told() {
    let story = Story::new().await;
    let clone = story.shallow(&story.work).await.on("pull_request", &story.pull_request());
    let why = clone.base(None, Network::Offline).await.unwrap_err();
    assert!(why.help.starts_with("git fetch --no-tags") && why.help.contains("--unshallow"), "{why:?}");
    let words: Vec<&str> = why.help.split(' ').skip(1).collect();
    clone.git(&words).await;
    let found = clone.base(None, Network::Offline).await.unwrap();
    assert!(matches!(found, Found::Base(base) if base.commit == story.left));
}

#[tokio::test]
async fn a_merge_queue_and_a_push_tell_their_base() {
    let story = Story::new().await;
    let queue = json!({"merge_group": {"base_sha": story.main, "head_sha": story.merge}});
    let push = story.push(&story.stale, &story.main, false);
    for (merge, main) in [
        (story.full(&story.merge).await, story.full(&story.main).await),
        (story.shallow(&story.merge).await, story.shallow(&story.main).await),
    ] {
        check(&merge.on("merge_group", &queue), None, &story.main, "base of the merge queue").await;
        check(&main.on("push", &push), None, &story.stale, "the commit before the push").await;
    }
}

#[tokio::test]
async fn a_push_without_a_commit_before_it_left_the_default_branch() {
    let story = Story::new().await;
    let (work, zeros) = (story.full(&story.work).await, "0".repeat(40));
    let from = "where the work left `main`";
    check(&work.on("push", &story.push(&zeros, &story.work, false)), None, &story.left, from).await;
    // Forced onto another history: what was pushed away is not compared with, its common part is.
    let forced = story.push(&story.main, &story.work, true);
    let from = "where the forced push left the commit before it";
    check(&work.on("push", &forced), None, &story.left, from).await;
    // Pushed away for good.
    let gone = story.push(&"d".repeat(40), &story.work, true);
    check(&work.on("push", &gone), None, &story.left, "where the work left `main`").await;
    // Not forced and yet unknown: a base that should be there.
    let unknown = story.push(&"d".repeat(40), &story.work, false);
    assert!(work.on("push", &unknown).base(None, Network::Online).await.is_err());
}

#[tokio::test]
async fn an_event_of_another_repository_says_nothing() {
    let story = Story::new().await;
    let work = story.full(&story.work).await;
    let from = "where the work left `main`";
    for (name, payload) in [
        ("push", story.push(&"d".repeat(40), &"e".repeat(40), false)),
        ("merge_group", json!({"merge_group": {"base_sha": "d".repeat(40), "head_sha": "e".repeat(40)}})),
        ("schedule", json!({})),
    ] {
        check(&work.on(name, &payload), None, &story.left, from).await;
    }
}

#[tokio::test]
async fn gitlab_tells_it_in_variables() {
    let story = Story::new().await;
    let of = |sha: &str| -> Vec<(String, String)> {
        let pairs = [
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", sha),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &story.left),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    let with = |repository: &Repository, variables: &[(String, String)]| {
        let variables: Vec<_> = variables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        repository.with(&variables)
    };
    let work = with(&story.shallow(&story.work).await, &of(&story.work));
    check(&work, None, &story.left, "where the merge request left its target branch").await;
    let mut merged = of(&story.merge);
    merged.push(("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA".to_owned(), story.work.clone()));
    let merged = with(&story.shallow(&story.merge).await, &merged);
    check(&merged, None, &story.main, "first parent of the pull request's merge commit").await;
}

#[tokio::test]
async fn on_a_laptop_the_default_branch_decides() {
    let story = Story::new().await;
    let clone = story.place.clone(&story.origin, "laptop", &[]).await;
    let parent = clone.git(&["rev-parse", "HEAD~1"]).await;
    let first = "on the default branch `main`: the first parent of its newest commit";
    check(&clone, None, &parent, first).await;
    // What is not committed yet is the change.
    clone.write("untracked", "x");
    let dirty = "on the default branch `main`: its newest commit, which the folder differs from";
    check(&clone, None, &story.main, dirty).await;
    clone.git(&["clean", "--quiet", "--force"]).await;
    clone.git(&["checkout", "--quiet", "--detach"]).await;
    let already =
        "this commit is already on the default branch `main`: the first parent of its newest commit";
    check(&clone, None, &parent, already).await;
    let shallow = story.shallow(&story.main).await;
    shallow.git(&["checkout", "--quiet", "-B", "main"]).await;
    let offline = shallow.base(None, Network::Offline).await;
    assert!(matches!(offline, Ok(Found::Nothing(why)) if why.contains("next: git fetch")), "a shallow clone");
    clone.git(&["checkout", "--quiet", "work"]).await;
    check(&clone, None, &story.left, "where the work left `main`").await;
    // A branch without commits: what is in the folder is the change.
    clone.git(&["checkout", "--quiet", "-b", "fresh", "origin/main"]).await;
    check(&clone, None, &story.main, "where the work left `main`").await;
    let alone = story.place.repository("alone").await;
    alone.git(&["checkout", "--quiet", "-b", "trunk"]).await;
    alone.commit_file("a").await;
    check_nothing(&alone, "this is the only branch").await;
    alone.git(&["branch", "other"]).await;
    assert!(alone.base(None, Network::Online).await.unwrap_err().help.contains("--base REF"));
}

#[tokio::test]
async fn what_is_named_comes_first() {
    let story = Story::new().await;
    let work = story.full(&story.work).await.on("push", &story.push(&story.main, &story.work, true));
    check(&work, Some("HEAD~2"), &work.git(&["rev-parse", "HEAD~2"]).await, "--base HEAD~2").await;
    check(&work, Some("origin/main"), &story.left, "where the work left --base origin/main").await;
    let shallow = story.shallow(&story.work).await;
    check(&shallow, Some("origin/main"), &story.left, "where the work left --base origin/main").await;
    check(
        &story.shallow(&story.main).await,
        Some(&story.left),
        &story.left,
        &format!("--base {}", story.left),
    )
    .await;
    for wrong in ["no-such-branch", "--upload-pack=x"] {
        assert!(work.base(Some(wrong), Network::Online).await.is_err(), "{wrong}");
    }
    let other = story.place.repository("orphan").await;
    other.commit_file("a").await;
    other.git(&["checkout", "--quiet", "--orphan", "x"]).await;
    other.commit_file("b").await;
    let why = other.base(Some("main"), Network::Online).await.unwrap_err();
    assert!(why.message.contains("no commit in common"), "{why:?}");
}
