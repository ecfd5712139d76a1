//! Snapshots from real folders and archives, and each way in which they may be wrong.

use super::*;
use crate::world::{Clock, CommandLine};
use std::fs;
use std::path::PathBuf;

fn world() -> World {
    let environment = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_DATE", "2026-09-01T12:00:00Z"),
        ("GIT_COMMITTER_DATE", "2026-09-01T12:00:00Z"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    World::with(environment.into(), "/".into(), Clock::system())
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn advisory(id: &str, package: &str, more: &str) -> String {
    format!(
        "```toml\n[advisory]\nid = \"{id}\"\npackage = \"{package}\"\ndate = \"2026-03-04\"\n{more}\n\
         [versions]\npatched = [\">= 1.2.3\"]\n```\n\n# A title\n\nWords that the snapshot leaves out.\n"
    )
}

/// A database of three packages, one withdrawn advisory and one of the toolchain.
fn database() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "crates/b/RUSTSEC-2026-0002.md", &advisory("RUSTSEC-2026-0002", "b", ""));
    let unsound = "informational = \"unsound\"\naliases = [\"CVE-2026-1\"]";
    write(root.path(), "crates/a/RUSTSEC-2026-0001.md", &advisory("RUSTSEC-2026-0001", "a", unsound));
    let by = "url = \"https://example.org/1\"\nlicense = \"CC-BY-4.0\"\nwithdrawn = \"2026-05-01\"";
    write(root.path(), "crates/c/RUSTSEC-2026-0003.md", &advisory("RUSTSEC-2026-0003", "c", by));
    write(root.path(), "crates/c/RUSTSEC-0000-0000.md", "a draft");
    write(root.path(), "crates/README.md", "not an advisory");
    write(root.path(), "rust/std/CVE-2026-9.md", "of the toolchain");
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn refreshed(from: &Path, commit: Option<&str>) -> anyhow::Result<(Refreshed, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("advisories.json.gz");
    let told = wait(refresh(&world(), from, commit, &into))?;
    Ok((told, fs::read(into).unwrap()))
}

fn run<const N: usize>(root: &Path, program: &str, arguments: [&str; N]) {
    let finished = wait(world().run(&CommandLine::new(program, arguments).in_directory(root))).unwrap();
    assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
}

fn git<const N: usize>(root: &Path, arguments: [&str; N]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
    let arguments: Vec<&str> = who.into_iter().chain(arguments).collect();
    let finished = wait(world().run(&CommandLine::new("git", arguments).in_directory(root))).unwrap();
    assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
}

/// The database as `.tar.gz`, one folder deep, as downloads are.
fn packed(root: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.tar.gz");
    let arguments = ["czf", path.to_str().unwrap(), "--transform", "s,^\\.,advisory-db,", "."];
    run(root, "tar", arguments);
    (folder, path)
}

#[test]
fn the_same_database_gives_the_same_bytes() {
    let root = database();
    let (told, bytes) = refreshed(root.path(), Some("bf5c0d245")).unwrap();
    let (_folder, archive) = packed(root.path());
    assert_eq!((refreshed(&archive, Some("bf5c0d245")).unwrap().1, told.bytes), (bytes.clone(), bytes.len()));
    assert_eq!(refreshed(database().path(), Some("bf5c0d245")).unwrap().1, bytes);
    assert_eq!((told.advisories, told.date.as_str(), told.commit.as_str()), (3, "2026-03-04", "bf5c0d245"));
}

#[test]
fn the_facts_are_what_matching_needs() {
    let snapshot = Snapshot::from_bytes(&refreshed(database().path(), None).unwrap().1).unwrap();
    assert_eq!(snapshot.commit, "unknown");
    let [a, b, c] = &snapshot.advisories[..] else { panic!("{:?}", snapshot.advisories) };
    assert_eq!(
        (a.kind, a.aliases.as_slice(), a.title.as_str()),
        (AdvisoryKind::Unsound, &["CVE-2026-1".to_owned()][..], "A title")
    );
    assert_eq!((b.kind, b.patched.as_slice()), (AdvisoryKind::Vulnerability, &[">=1.2.3".to_owned()][..]));
    assert_eq!(b.link(), "https://rustsec.org/advisories/RUSTSEC-2026-0002.html");
    assert_eq!((c.withdrawn.as_deref(), c.licence.as_deref()), (Some("2026-05-01"), Some("CC-BY-4.0")));
    assert_eq!(c.link(), "https://example.org/1");
}

#[test]
fn a_checkout_names_its_commit_and_day() {
    let root = database();
    git(root.path(), ["init", "-q"]);
    git(root.path(), ["add", "-A"]);
    git(root.path(), ["commit", "-q", "-m", "advisories"]);
    let (told, _) = refreshed(root.path(), None).unwrap();
    assert_eq!((told.date.as_str(), told.commit.len()), ("2026-09-01", 40));
    assert_eq!(refreshed(root.path(), Some(&told.commit[..8])).unwrap().0, told);
    assert!(refreshed(root.path(), Some("0000000")).unwrap_err().to_string().contains("not 0000000"));

    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("db.tar.gz");
    git(root.path(), ["archive", "--format=tar.gz", "--prefix=db/", "-o", archive.to_str().unwrap(), "HEAD"]);
    assert_eq!(refreshed(&archive, None).unwrap().0.commit, told.commit);

    write(root.path(), "crates/b/RUSTSEC-2026-0002.md", &advisory("RUSTSEC-2026-0002", "b", "keywords = []"));
    assert!(refreshed(root.path(), None).unwrap_err().to_string().contains("differ from their commit"));
}

#[test]
fn a_git_that_fails_is_told() {
    let root = database();
    write(root.path(), ".git", "gitdir: /nowhere\n");
    assert!(refreshed(root.path(), None).unwrap_err().to_string().contains("failed"));
}

#[test]
fn an_advisory_that_cannot_be_read_stops_the_refresh() {
    let path = "crates/b/RUSTSEC-2026-0002.md";
    let check = |text: &str, reason: &str| {
        let root = database();
        write(root.path(), path, text);
        let error = format!("{:#}", refreshed(root.path(), None).unwrap_err());
        assert!(error.contains("b/RUSTSEC-2026-0002.md") && error.contains(reason), "{error}");
    };
    check("ééééééééééééééééé", "no front matter");
    check("```toml\n[advisory]\n```\n", "");
    check(&advisory("RUSTSEC-2026-0009", "b", ""), "names itself RUSTSEC-2026-0009 of b");
    check(&advisory("RUSTSEC-2026-0002", "z", ""), "names itself RUSTSEC-2026-0002 of z");
    check(&advisory("RUSTSEC-2026-0002", "b", "license = \"CC-BY-4.0\""), "without the url");
    check(&advisory("RUSTSEC-2026-0002", "b", "license = \"GPL-3.0\""), "licence is `GPL-3.0`");
    check(&"x".repeat(2 * 1024 * 1024), "1 MiB");
}

#[test]
fn what_is_no_database_is_refused_and_the_old_file_stays() {
    let root = tempfile::tempdir().unwrap();
    let into = root.path().join("kept");
    fs::write(&into, "old").unwrap();
    let failed = |from: &Path| format!("{:#}", wait(refresh(&world(), from, None, &into)).unwrap_err());
    assert!(failed(root.path()).contains("crates"));
    fs::create_dir(root.path().join("crates")).unwrap();
    assert!(failed(root.path()).contains("there is no advisory below"));
    assert!(failed(&root.path().join("gone")).contains("failed to open"));
    assert!(failed(&into).contains("as .tar.gz"));
    assert_eq!(fs::read_to_string(&into).unwrap(), "old");
    let error = wait(refresh(&world(), database().path(), None, Path::new("/proc/none/x"))).unwrap_err();
    assert!(error.to_string().contains("failed to write"));
}

#[test]
fn one_id_stands_for_one_advisory() {
    let root = database();
    write(root.path(), "deep/crates/b/RUSTSEC-2026-0002.md", &advisory("RUSTSEC-2026-0002", "b", ""));
    let (_folder, archive) = packed(root.path());
    assert!(refreshed(&archive, None).unwrap_err().to_string().contains("there twice"));
}

#[test]
fn a_damaged_snapshot_is_no_snapshot() {
    let whole = embedded().unwrap();
    let bytes = whole.to_bytes().unwrap();
    assert_eq!(Snapshot::from_bytes(&bytes).unwrap(), whole);
    assert!(Snapshot::from_bytes(&bytes[..bytes.len() / 2]).is_err());
    let other = Snapshot { schema: "gateline/advisory-snapshot/v2".into(), ..whole };
    assert!(Snapshot::from_bytes(&other.to_bytes().unwrap()).unwrap_err().to_string().contains("v2"));
    let mut bomb = GzBuilder::new().write(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::repeat(b' ').take(SNAPSHOT_BYTES_MAX + 1), &mut bomb).unwrap();
    assert!(Snapshot::from_bytes(&bomb.finish().unwrap()).unwrap_err().to_string().contains("64 MiB"));
}

/// The counts of the database at bf5c0d245, as `docs/reference/security-gate.md` states them.
#[test]
fn the_embedded_snapshot_is_whole() {
    let snapshot = embedded().unwrap();
    let count = |kind| snapshot.advisories.iter().filter(|facts| facts.kind == kind).count();
    let withdrawn = snapshot.advisories.iter().filter(|facts| facts.withdrawn.is_some()).count();
    assert!(snapshot.advisories.len() >= 1205 && withdrawn >= 13);
    assert!(count(AdvisoryKind::Unmaintained) >= 267 && count(AdvisoryKind::Unsound) >= 203);
    assert!(snapshot.advisories.is_sorted_by(|a, b| a.id < b.id));
    for facts in &snapshot.advisories {
        let versions = facts.patched.iter().chain(&facts.unaffected);
        versions.for_each(|version| assert!(version.parse::<semver::VersionReq>().is_ok(), "{}", facts.id));
    }
}
