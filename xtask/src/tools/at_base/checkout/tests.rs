//! A base in a folder of its own, from real repositories.

use super::*;
use crate::world::CommandLine;

async fn git(world: &World, folder: &Path, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=Story", "-c", "user.email=s@example.invalid", "-c", "commit.gpgsign=false"];
    let arguments = who.iter().chain(arguments).copied();
    let ran = world.run(&CommandLine::new("git", arguments).in_directory(folder)).await.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

/// A repository whose workspace lies below its top, with two commits, in a temporary directory of its own.
async fn repository(folder: &Path, files: &[(&str, &str)]) -> (World, PathBuf, String) {
    let world = git::without_git(&World::real().unwrap());
    std::fs::create_dir_all(folder.join("tmp")).unwrap();
    let world = world.with_variable("TMPDIR", &folder.join("tmp").to_string_lossy());
    let top = folder.join("a wörkspace");
    let root = top.join("rust");
    std::fs::create_dir_all(&root).unwrap();
    git(&world, &top, &["init", "--quiet"]).await;
    for (name, text) in files {
        std::fs::write(root.join(name), text).unwrap();
    }
    git(&world, &top, &["add", "--all"]).await;
    git(&world, &top, &["commit", "--quiet", "--message", "base"]).await;
    let base = git(&world, &top, &["rev-parse", "HEAD"]).await;
    std::fs::write(root.join("a.txt"), "new").unwrap();
    git(&world, &top, &["commit", "--quiet", "--all", "--message", "head"]).await;
    std::fs::write(root.join("a.txt"), "uncommitted").unwrap();
    (world, root, base)
}

#[tokio::test]
async fn the_users_repository_is_not_touched_and_the_folder_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let attributes = "*.bin filter=lfs\nleft.txt export-ignore\n";
    let files =
        [("a.txt", "old"), ("left.txt", "there"), (".gitattributes", attributes), ("b.bin", "pointer")];
    let (world, root, base) = repository(folder.path(), &files).await;
    let index = root.parent().unwrap().join(".git/index");
    let before = std::fs::read(&index).unwrap();
    // As in a hook: git would write to the user's index.
    let hook = world.clone().with_variable("GIT_INDEX_FILE", &index.to_string_lossy());
    let checkout = Checkout::of(&hook, &root, &base).await.unwrap();
    let text = |name: &str| std::fs::read_to_string(checkout.workspace.join(name)).unwrap();
    assert_eq!((text("a.txt").as_str(), text("left.txt").as_str()), ("old", "there"));
    assert_eq!(checkout.lacks, ["the contents of 1 file that a filter of git makes (LFS)"]);
    assert_eq!(git(&world, &checkout.workspace, &["rev-parse", "HEAD"]).await, base);
    let busy = Checkout::of(&world, &root, &base).await.unwrap_err();
    assert!(busy.to_string().contains("another run"), "{busy}");
    let tree = checkout.tree.clone();
    drop(checkout);
    assert!(!tree.exists());
    assert_eq!(std::fs::read(&index).unwrap(), before);
    assert_eq!(std::fs::read_to_string(root.join("a.txt")).unwrap(), "uncommitted");
    assert_eq!(git(&world, &root, &["worktree", "list"]).await.lines().count(), 1);
    assert!(Checkout::of(&world, &root, &"0".repeat(40)).await.is_err());
}

#[tokio::test]
async fn submodules_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (world, root, _) = repository(folder.path(), &[("a.txt", "old")]).await;
    let link = format!("160000,{},rust/sub", "1".repeat(40));
    git(&world, &root, &["update-index", "--add", "--cacheinfo", &link]).await;
    git(&world, &root, &["commit", "--quiet", "--message", "linked"]).await;
    let head = git(&world, &root, &["rev-parse", "HEAD"]).await;
    let checkout = Checkout::of(&world, &root, &head).await.unwrap();
    assert_eq!(checkout.lacks, ["the submodule rust/sub"]);
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (world, root, base) = repository(folder.path(), &[("a.txt", "old")]).await;
    let own = private_folder(&world, &root).unwrap();
    std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let error = Checkout::of(&world, &root, &base).await.unwrap_err();
    assert!(error.to_string().contains("open to others"), "{error}");
}
