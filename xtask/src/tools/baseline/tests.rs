//! The store: what is written is read, what is damaged is told, and the nearest ancestor is found in a real repository.

use super::*;
use crate::digest::Digest;
use crate::evidence::baseline::{BaselineFile, BaselineOutcome};
use crate::world::Clock;
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn baseline(commit: &str) -> Baseline {
    let test = BaselineTest { name: "p::lib$a".into(), outcome: BaselineOutcome::Passed, duration_millis: 3 };
    let file = BaselineFile { digest: Digest::of(b""), covered: 3, total: 4, uncovered: vec![(2, 2)] };
    Baseline {
        schema: SCHEMA.into(),
        commit: commit.into(),
        recorded: Timestamp::UNIX_EPOCH,
        toolchain: Digest::of(b"t"),
        tests: Some(vec![test]),
        coverage: Some(BaselineCoverage {
            engine: "e".into(),
            files: [("a.rs".into(), file)].into(),
            ..BaselineCoverage::default()
        }),
    }
}

fn world() -> World {
    let environment = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/nonexistent")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let three_days = Timestamp::from_second(3 * DAY_SECS + 5).unwrap();
    World::with(BTreeMap::from(environment), "/".into(), Clock::manual(three_days))
}

/// A repository with this many commits on `main`; the newest first.
async fn repository(root: &Path, commits: usize) -> Vec<String> {
    let run = async |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let done = git(&world(), root, &[&identity[..], arguments].concat()).await.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["init", "-q", "-b", "main"]).await;
    for _ in 0..commits {
        run(&["commit", "-q", "--allow-empty", "-m", "c"]).await;
    }
    ancestors(&world(), root, "HEAD").await.unwrap()
}

#[test]
fn what_is_written_is_read_and_names_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("deep/er"));
    let commit = "a".repeat(40);
    assert_eq!(store.read(&commit), Ok(None));
    let file = store.write(&baseline(&commit)).unwrap();
    assert!(file.ends_with(format!("deep/er/{commit}.json")));
    assert_eq!(store.read(&commit), Ok(Some(baseline(&commit))));
    assert_eq!(store.read("../../etc/passwd"), Ok(None));
    assert!(store.write(&baseline("../x")).is_err());
}

#[test]
fn what_is_damaged_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let commit = "b".repeat(40);
    let whole = serde_json::to_string(&baseline(&commit)).unwrap();
    let check = |text: &str, why: &str| {
        std::fs::write(folder.path().join(format!("{commit}.json")), text).unwrap();
        let said = store.read(&commit).unwrap_err();
        assert!(said.contains(why) && said.contains(&commit), "{said}");
    };
    check(&whole[..whole.len() / 2], "EOF");
    check(&whole.replace("baseline/v1", "baseline/v2"), "schema is `gateline/baseline/v2`");
    check(&whole.replace(&commit, &"c".repeat(40)), "speaks of the commit `cccc");
    check(&whole.replace("\"covered\":3", "\"covered\":5"), "more covered lines");
    check(&whole.replace("\"recorded\"", "\"recoded\""), "unknown field");
}

#[test]
fn the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    std::fs::write(folder.path().join("README"), "not a baseline").unwrap();
    for index in 0..=BASELINES_MAX {
        let file = folder.path().join(format!("{index:040x}.json"));
        std::fs::write(&file, "{}").unwrap();
        let time = std::time::UNIX_EPOCH + Duration::from_secs(index as u64);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    }
    store.write(&baseline(&"f".repeat(40))).unwrap();
    let left = store.commits();
    assert_eq!(left.len(), BASELINES_MAX);
    assert!(!left.contains(&format!("{:040x}", 1)) && left.contains(&format!("{:040x}", 2)));
    assert!(folder.path().join("README").exists());
}

#[tokio::test]
async fn the_nearest_ancestor_with_each_part_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let commits = repository(folder.path(), 5).await;
    let store = Store::at(folder.path().join("baselines"));
    let nearest =
        async |commit: &str, start| store.nearest(&world(), folder.path(), commit, start).await.unwrap();
    let nothing = nearest(&commits[0], Start::Itself).await;
    assert!(nothing.tests.is_none() && nothing.searched.contains("there is no baseline"));
    store.write(&baseline(&commits[4])).unwrap();
    store.write(&Baseline { coverage: None, ..baseline(&commits[2]) }).unwrap();
    std::fs::write(folder.path().join(format!("baselines/{}.json", commits[1])), "{").unwrap();
    let found = nearest(&commits[0], Start::Itself).await;
    let (tests, coverage) = (found.tests.unwrap().0, found.coverage.unwrap().0);
    assert_eq!((tests.behind, tests.days, coverage.behind, coverage.commit), (2, 3, 4, commits[4].clone()));
    assert_eq!(found.damaged.len(), 1, "{:?}", found.damaged);
    assert_eq!(nearest(&commits[2], Start::Itself).await.tests.unwrap().0.behind, 0);
    assert_eq!(nearest(&commits[2], Start::Parent).await.tests.unwrap().0.behind, 2);
    assert!(nearest(&commits[4], Start::Parent).await.searched.contains("(3 there)"));
    assert!(store.nearest(&world(), folder.path(), "no-such", Start::Itself).await.is_err());
}

#[tokio::test]
async fn the_default_branch_is_what_origin_or_the_event_says() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path(), 1).await;
    let on = async |world: &World, branch| on_default_branch(world, folder.path(), branch).await;
    assert!(on(&world(), Some("main")).await && !on(&world(), Some("feature")).await);
    assert!(!on(&world(), None).await);
    let pushed = world().with_variable("GITHUB_EVENT_NAME", "push").with_variable("GITHUB_REF_NAME", "main");
    assert!(on(&pushed, None).await);
    assert!(!on(&pushed.with_variable("GITHUB_EVENT_NAME", "pull_request"), None).await);
    let head = ["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"];
    git(&world(), folder.path(), &head).await.unwrap();
    assert!(on(&world(), Some("trunk")).await && !on(&world(), Some("main")).await);
}

proptest! {
    #[test]
    fn any_bytes_are_a_baseline_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, "c");
    }
}
