//! Lockfiles of every format, and a real workspace that cargo resolves.

use super::*;
use crate::workspace::dependencies::{NeedKind, Reach};
use crate::world::Clock;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn packages(text: &str) -> Vec<(String, String)> {
    let lockfile = Lockfile::parse(text).unwrap();
    lockfile.packages.into_iter().map(|package| (package.name, package.version)).collect()
}

#[test]
fn every_format_gives_packages_and_edges() {
    let first = format!(
        "[root]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"time 0.1.42 ({CRATES_IO})\",\n]\n\n\
         [[package]]\nname = \"time\"\nversion = \"0.1.42\"\nsource = \"{CRATES_IO}\"\n\n\
         [metadata]\n\"checksum time 0.1.42 ({CRATES_IO})\" = \"{}\"\n",
        "0a".repeat(32)
    );
    assert_eq!(Lockfile::parse(&first).unwrap().edges(), [vec![1], vec![]]);
    assert_eq!(packages(&first).len(), 2);
    let git = "git+https://example.org/x?branch=b";
    let fourth = format!(
        "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\"b 1.0.0 ({git})\", \"c 2.0.0\"]\n\
         [[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"{CRATES_IO}\"\n\
         [[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"{git}#abc\"\n\
         [[package]]\nname = \"c\"\nversion = \"1.0.0\"\n[[package]]\nname = \"c\"\nversion = \"2.0.0\"\n"
    );
    assert_eq!(Lockfile::parse(&fourth).unwrap().edges()[0], [2, 4]);
}

#[test]
fn what_is_no_lockfile_says_where_and_why() {
    let check = |text: &str, expected: &str| {
        let error = Lockfile::parse(text).unwrap_err();
        assert!(error.message.contains(expected) && !error.message.contains('\n'), "{}", error.message);
        assert!(error.help.contains("cargo generate-lockfile"), "{}", error.help);
    };
    check("version = 4\n\n<<<<<<< HEAD\n[[package]]\n", "line 3 is a conflict of a merge");
    check("version = 5\n", "its format 5 is newer than 4");
    check("version = 4\n[[package]]\nname = \"x\"\n", "line 2: missing field `version`");
    check("\0", "line 1");
    check(&"#".repeat(usize::try_from(lockfile::BYTES_MAX).unwrap() + 1), "larger than 32 MiB");
}

fn world(root: &Path) -> World {
    #[expect(clippy::disallowed_methods, reason = "cargo needs the environment that the tests have")]
    let environment = std::env::vars().collect();
    World::with(environment, root.to_owned(), Clock::system())
}

fn write(root: &Path, path: &str, text: &str) {
    fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
    fs::write(root.join(path), text).unwrap();
}

/// `app` links `near`, has `tool` for its build, `lab` for tests, and `far` on another system only.
fn sample() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let package = |name: &str, more: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\nlicense = \"MIT\"\n{more}"
        )
    };
    let needs = "[dependencies]\nnear = { path = \"near\" }\n[build-dependencies]\ntool = { path = \"tool\" }\n\
                 [dev-dependencies]\nlab = { path = \"lab\" }\n[target.'cfg(windows)'.dependencies]\nfar = { path = \"far\" }\n\
                 [workspace]\nexclude = [\"near\", \"tool\", \"lab\", \"far\"]\n";
    write(root.path(), "Cargo.toml", &package("app", needs));
    write(root.path(), "src/lib.rs", "");
    for name in ["near", "tool", "lab", "far"] {
        write(root.path(), &format!("{name}/Cargo.toml"), &package(name, ""));
        write(root.path(), &format!("{name}/src/lib.rs"), "");
    }
    write(root.path(), "near/build.rs", "fn main() {}");
    let locked =
        |name: &str, more: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{more}\n");
    let lockfile = "version = 4\n\n".to_owned()
        + &locked("app", "dependencies = [\n \"far\",\n \"lab\",\n \"near\",\n \"tool\",\n]\n")
        + &["far", "lab", "near", "tool"].map(|name| locked(name, "")).join("");
    write(root.path(), "Cargo.lock", &lockfile);
    fs::create_dir(root.path().join("target")).unwrap();
    root
}

fn workspace(root: &Path) -> Workspace {
    let repository = crate::workspace::Repository {
        commit: "c".into(),
        commit_time: jiff::Timestamp::UNIX_EPOCH,
        branch: None,
        changed: vec![],
        tree: Digest::of(b""),
        tracked: vec![],
    };
    let (root, target) = (root.to_owned(), root.join("target"));
    Workspace { root, target, packages: vec![], root_package: None, repository }
}

async fn asked(root: &Path, platforms: &[String]) -> Dependencies {
    let wanted = Wanted { features: &FeatureSet::All, platforms, network: Network::Offline };
    read(&world(root), &workspace(root), wanted).await.unwrap()
}

fn reaches(all: &Dependencies) -> Vec<(&str, Reach)> {
    let reached = all.reached();
    all.packages.iter().enumerate().map(|(index, one)| (one.name.as_str(), reached.of(index))).collect()
}

#[tokio::test]
async fn cargo_says_what_is_built_and_the_lockfile_what_else_there_is() {
    let root = sample();
    let root = root.path().canonicalize().unwrap();
    let all = asked(&root, &[]).await;
    assert_eq!(all.unresolved, None);
    use Reach::{Build, Development, Linked, Lockfile};
    assert_eq!(
        reaches(&all),
        [("app", Linked), ("far", Lockfile), ("lab", Development), ("near", Linked), ("tool", Build)]
    );
    let facts = all.packages[3].manifest.as_ref().unwrap();
    assert_eq!((facts.licence.as_deref(), facts.build_script, facts.proc_macro), (Some("MIT"), true, false));
    assert!(all.packages[1].manifest.is_none() && all.packages[0].member && !all.packages[3].member);

    let windows = asked(&root, &["x86_64-pc-windows-msvc".to_owned()]).await;
    assert_eq!(reaches(&windows)[1], ("far", Linked));
    let edge = windows.packages[0].needs.iter().find(|need| need.package == 1).unwrap();
    assert_eq!((edge.kind, edge.target.as_deref()), (NeedKind::Normal, Some("cfg(windows)")));
}

#[tokio::test]
async fn an_answer_is_kept_until_a_manifest_changes() {
    let root = sample();
    let root = root.path().canonicalize().unwrap();
    // Clocks of file systems lag: what has just been written is not kept.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let first = asked(&root, &[]).await;
    let kept =
        || fs::read_dir(root.join("target/gateline/remembered")).unwrap().flatten().map(|entry| entry.path());
    let file = kept().find(|path| path.to_string_lossy().contains("dependencies-")).unwrap();
    let forged = fs::read_to_string(&file).unwrap().replace("\"MIT\"", "\"ISC\"");
    fs::write(&file, forged).unwrap();
    assert_eq!(
        asked(&root, &[]).await.packages[3].manifest.as_ref().unwrap().licence.as_deref(),
        Some("ISC")
    );
    let manifest = fs::read_to_string(root.join("near/Cargo.toml")).unwrap();
    write(&root, "near/Cargo.toml", &format!("{manifest}\n# other\n"));
    assert_eq!(asked(&root, &[]).await, first);
}

#[tokio::test]
async fn where_cargo_has_no_answer_everything_counts_as_linked() {
    let root = sample();
    let manifest = fs::read_to_string(root.path().join("Cargo.toml")).unwrap();
    let stale = manifest.replace("[workspace]", "gone = { path = \"gone\" }\n[workspace]");
    write(root.path(), "Cargo.toml", &stale);
    let all = asked(root.path(), &[]).await;
    assert!(all.unresolved.as_ref().unwrap().contains("gone"), "{:?}", all.unresolved);
    assert!(reaches(&all).iter().all(|(_, reach)| *reach == Reach::Linked));
    assert_eq!(asked(root.path(), &["no-such-platform".to_owned()]).await.packages.len(), 5);
}

proptest! {
    #[test]
    fn any_text_is_a_lockfile_or_an_error(text in "(\\PC|\\n){0,200}", like in "(\\[\\[package\\]\\]\n|name = \"[ab]\"\n|version = \"1\"\n|version = [0-9]\n|dependencies = \\[\"[ab]( 1)?\"\\]\n){0,12}") {
        for text in [&text, &like] {
            if let Ok(lockfile) = Lockfile::parse(text) {
                let edges = lockfile.edges();
                prop_assert_eq!(edges.len(), lockfile.packages.len());
                let all = resolved::locked(&lockfile);
                prop_assert!(all.packages.is_sorted_by(|a, b| a.key() <= b.key()));
                let reached = all.reached();
                (0..all.packages.len()).for_each(|index| drop(all.path(&reached, index)));
            }
        }
    }

    #[test]
    fn any_text_gives_lines_within_it(text in "(\\[|name = \"[a-c\"]{0,2}\"|version = \"[1\"]{0,2}\"|\\n|\\r|é){0,40}") {
        let count = u32::try_from(text.lines().count()).unwrap();
        for line in lockfile::entry_lines(&text).into_values() {
            prop_assert!(line <= count);
        }
    }

    #[test]
    fn every_package_as_cargo_writes_it_has_its_line(names in prop::collection::btree_set("[a-z][a-z0-9_-]{0,8}", 1..6)) {
        let mut text = "version = 4\n".to_owned();
        for name in &names {
            text += &format!("\n[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n");
        }
        let lines = lockfile::entry_lines(&text);
        for (name, line) in names.iter().zip((0..).map(|index| 3 + index * 4)) {
            prop_assert_eq!(lines.get(&(name.clone(), "1.0.0".to_owned())), Some(&line));
        }
    }
}
