//! Real repositories: what a change brings, whatever commits do with it, and what must be an error.

use super::*;
use crate::evidence::secrets::{SecretFound, Stands};
use crate::tools::git::ASKED_MAX;
use crate::world::{Clock, CommandLine};

/// Made here, so that this file is no leak itself. The number makes it another one.
fn token(number: usize) -> String {
    format!("ghp_{}{number:02}{}", "a1B2c3D4e5F6g7H8", "J0k1L2m3N4o5P6q7R8")
}

struct Repository {
    folder: tempfile::TempDir,
    world: World,
    runtime: tokio::runtime::Runtime,
}

impl Repository {
    fn new() -> Repository {
        let environment = [
            ("PATH", "/usr/bin:/bin"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "ana"),
            ("GIT_AUTHOR_EMAIL", "ana@localhost"),
            ("GIT_COMMITTER_NAME", "ana"),
            ("GIT_COMMITTER_EMAIL", "ana@localhost"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let world = World::with(environment.into(), folder.path().to_owned(), Clock::system());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let repository = Repository { folder, world, runtime };
        repository.git(&["init", "-q", "-b", "main"]);
        repository.write("README", "a repository\n");
        repository.commit();
        repository
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let line = CommandLine::new("git", arguments.iter().copied()).in_directory(self.root());
        let ran = self.runtime.block_on(self.world.run(&line)).unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.root().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits everything; the commit's name.
    fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "c"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn gather(&self, wanted: &Wanted) -> Result<SecretsEvidence, CouldNotRun> {
        self.runtime.block_on(gather(&self.world, self.root(), wanted, &["skipped".to_owned()], &[]))
    }

    fn since(&self, base: &str) -> SecretsEvidence {
        self.gather(&Wanted::Since(base.to_owned())).unwrap()
    }
}

fn told(evidence: &SecretsEvidence) -> Vec<(&str, u32, Option<&str>, Stands)> {
    let one = |found: &SecretFound| found.commit.clone();
    assert!(evidence.found.iter().all(|found| one(found).is_none_or(|commit| commit.len() == 40)));
    evidence
        .found
        .iter()
        .map(|found| (found.file.as_str(), found.line, found.commit.as_deref(), found.stands))
        .collect()
}

#[test]
fn what_is_added_then_removed_is_told_with_its_commit() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
    repository.write("a.env", &format!("one\nT={}\n", token(1)));
    let first = repository.commit();
    repository.write("a.env", "one\n");
    repository.commit();
    let evidence = repository.since(&base);
    assert_eq!(told(&evidence), [("a.env", 2, Some(first.as_str()), Stands::Removed)]);
    assert_eq!(evidence.scope, SecretsScope::Change { base, commits: 2 });
    std::fs::remove_file(repository.root().join("a.env")).unwrap();
    repository.commit();
    assert_eq!(told(&repository.since(&first)), []);
}

/// The line is that of the file as it is now, and the same finding is told once.
#[test]
fn a_secret_that_moves_is_told_once_at_its_line() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
    repository.write("a.env", &format!("T={}\n", token(1)));
    let first = repository.commit();
    repository.write("a.env", &format!("#\n#\n  T={}\n", token(1)));
    repository.commit();
    assert_eq!(told(&repository.since(&base)), [("a.env", 3, Some(first.as_str()), Stands::Still)]);
    repository.write("a.env", &format!("#\nT={}\n", token(1)));
    assert_eq!(told(&repository.since(&base)), [("a.env", 2, Some(first.as_str()), Stands::Still)]);
}

#[test]
fn what_the_base_had_is_not_told_again_wherever_it_moves() {
    let repository = Repository::new();
    repository.write("a.env", &format!("T={}\n", token(1)));
    let base = repository.commit();
    repository.write("a.env", &format!("#\n    T={}\n", token(1)));
    repository.commit();
    repository.git(&["mv", "a.env", "b.env"]);
    repository.commit();
    assert_eq!(told(&repository.since(&base)), []);
    // A copy where the old file stays is new: there are two to take out now. So is another secret beside the old one.
    repository.write("c.env", &format!("T={}\n", token(1)));
    repository.write("b.env", &format!("#\n    T={}\nU={}\n", token(1), token(2)));
    let last = repository.commit();
    let commit = Some(last.as_str());
    assert_eq!(
        told(&repository.since(&base)),
        [("b.env", 3, commit, Stands::Still), ("c.env", 1, commit, Stands::Still)]
    );
}

#[test]
fn a_merge_brings_what_no_parent_had() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["checkout", "-q", "-b", "side"]);
    repository.write("side.env", &format!("T={}\n", token(1)));
    let side = repository.commit();
    repository.git(&["checkout", "-q", "main"]);
    repository.write("README", "more\n");
    repository.commit();
    repository.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    repository.write("README", &format!("evil {}\n", token(2)));
    let merge = repository.commit();
    let evidence = repository.since(&base);
    let expected = [
        ("README", 1, Some(merge.as_str()), Stands::Still),
        ("side.env", 1, Some(side.as_str()), Stands::Still),
    ];
    assert_eq!(told(&evidence), expected);
    // What the base's branch brought is not the change's.
    assert_eq!(told(&repository.since(&merge)), []);
    assert_eq!(told(&repository.since(&side)), expected[..1]);
}

#[test]
fn what_is_not_committed_counts_and_the_index_is_asked_alone() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
    repository.write("new.env", &token(1));
    repository.write("README", &format!("a repository\n{}\n", token(2)));
    assert_eq!(
        told(&repository.since(&base)),
        [("README", 2, None, Stands::Still), ("new.env", 1, None, Stands::Still)]
    );
    repository.git(&["add", "new.env"]);
    repository.write("new.env", "not what is staged\n");
    let staged = repository.gather(&Wanted::Staged).unwrap();
    assert_eq!(told(&staged), [("new.env", 1, None, Stands::Still)]);
    assert_eq!((staged.scope, staged.files), (SecretsScope::Staged, 1));
}

#[test]
fn odd_names_contents_and_modes_are_read() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
    let odd = OsStr::from_bytes(b"odd\xff\n name");
    std::fs::write(
        repository.root().join(odd),
        [&[0, 159, 146, 150][..], token(1).as_bytes(), &[0, 0xff]].concat(),
    )
    .unwrap();
    std::os::unix::fs::symlink(format!("/nowhere/{}", token(2)), repository.root().join("link")).unwrap();
    let utf16: Vec<u8> =
        format!("\u{feff}a\n{}", token(3)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(repository.root().join("utf16"), utf16).unwrap();
    repository.write("skipped/a", &token(4));
    let first = repository.commit();
    let commit = Some(first.as_str());
    let evidence = repository.since(&base);
    let expected = [
        ("link", 1, commit, Stands::Still),
        ("odd\\xff\n name", 1, commit, Stands::Still),
        ("utf16", 2, commit, Stands::Still),
    ];
    assert_eq!(told(&evidence), expected);
    assert_eq!(evidence.skipped, [("skipped".to_owned(), "by policy".to_owned())]);
}

#[test]
fn the_history_is_all_of_it_and_every_blob_once() {
    let repository = Repository::new();
    repository.write("a.env", &token(1));
    let first = repository.commit();
    repository.write("a.env", "gone\n");
    repository.write("b.env", &token(2));
    let second = repository.commit();
    repository.git(&["checkout", "-q", "-b", "other", &first]);
    repository.write("c/d.env", &token(3));
    let other = repository.commit();
    repository.git(&["checkout", "-q", "main"]);
    let evidence = repository.gather(&Wanted::History).unwrap();
    let expected = [
        ("a.env", 1, Some(first.as_str()), Stands::Unknown),
        ("b.env", 1, Some(second.as_str()), Stands::Still),
        ("c/d.env", 1, Some(other.as_str()), Stands::Unknown),
    ];
    assert_eq!(told(&evidence), expected);
    assert_eq!((evidence.files, evidence.scope), (5, SecretsScope::History { commits: 4 }));
}

#[test]
fn more_blobs_than_one_batch_are_read() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
    for index in 0..3 * ASKED_MAX {
        repository
            .write(&format!("d{}/f{index}", index % 7), &format!("{index}\n{}\n", "x".repeat(index % 90)));
    }
    repository.write("z.env", &token(1));
    repository.commit();
    let evidence = repository.since(&base);
    assert_eq!((evidence.files, evidence.found.len()), (3 * ASKED_MAX as u64 + 1, 1));
}

#[test]
fn a_missing_object_is_no_clean_one() {
    let repository = Repository::new();
    let base = repository.git(&["rev-parse", "HEAD"]);
    repository.write("a.env", &token(1));
    repository.commit();
    let blob = repository.git(&["rev-parse", "HEAD:a.env"]);
    std::fs::remove_file(repository.root().join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    for wanted in [Wanted::Since(base), Wanted::History] {
        let why = repository.gather(&wanted).unwrap_err();
        assert!(why.message.contains(&blob) || why.message.contains("a.env"), "{}", why.message);
    }
}

#[test]
fn a_shallow_clone_could_not_run() {
    let origin = Repository::new();
    origin.write("a.env", &token(1));
    origin.commit();
    origin.write("a.env", "gone\n");
    let last = origin.commit();
    let clone = Repository::new();
    let url = format!("file://{}", origin.root().display());
    clone.git(&["fetch", "-q", "--depth=1", &url, "main"]);
    clone.git(&["checkout", "-q", "FETCH_HEAD"]);
    let base = clone.git(&["rev-parse", "main"]);
    for wanted in [Wanted::Since(base), Wanted::History] {
        let why = clone.gather(&wanted).unwrap_err();
        assert!(why.message.contains("shallow") && why.message.contains(&last), "{}", why.message);
        assert_eq!(why.help, "git fetch --unshallow");
    }
    assert!(clone.gather(&Wanted::Staged).is_ok());
}
