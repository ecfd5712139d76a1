//! Finding the entry point inside an unpacked root file system, as the kernel would after a `chroot`.
//!
//! Links are followed by us: an absolute one begins at the root file system, and `..` never leaves it. The result has
//! no link in it any more, so that what is started is inside.

use anyhow::Context as _;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

/// As Linux: more links than this on one way are a loop (path_resolution(7)).
const LINKS_MAX: u32 = 40;

/// The working directory and the program, both as real paths inside `rootfs`.
///
/// # Errors
/// Where one of them is not there, or the program cannot be executed.
pub(super) fn locate(rootfs: &Path, directory: &str, program: &str) -> anyhow::Result<(PathBuf, String)> {
    let rootfs = rootfs
        .canonicalize()
        .with_context(|| format!("failed to find the root file system {}", rootfs.display()))?;
    let inside = resolve(&rootfs, Path::new(directory))
        .with_context(|| format!("failed to find the working directory `{directory}` in the image"))?;
    anyhow::ensure!(inside.is_dir(), "the working directory `{directory}` of the image is no directory");
    let path = resolve(&rootfs, &Path::new(directory).join(program))
        .with_context(|| format!("failed to find the entry point `{program}` in the image"))?;
    let metadata = path.metadata()?;
    anyhow::ensure!(
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0,
        "the entry point `{program}` of the image is not an executable file"
    );
    let path = path.to_str().with_context(|| format!("{} is not valid UTF-8", path.display()))?;
    Ok((inside, path.to_owned()))
}

fn resolve(rootfs: &Path, path: &Path) -> anyhow::Result<PathBuf> {
    let mut rest: VecDeque<OsString> = parts(path);
    let mut found = PathBuf::new();
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            found.pop();
            continue;
        }
        let here = rootfs.join(&found).join(&part);
        let metadata = std::fs::symlink_metadata(&here).with_context(|| format!("no {}", here.display()))?;
        if !metadata.is_symlink() {
            found.push(part);
            continue;
        }
        links += 1;
        anyhow::ensure!(links <= LINKS_MAX, "too many links at {}", here.display());
        let target = std::fs::read_link(&here)?;
        if target.is_absolute() {
            found.clear();
        }
        for part in parts(&target).into_iter().rev() {
            rest.push_front(part);
        }
    }
    Ok(rootfs.join(found))
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(part) => Some(part.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn image() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("app/bin")).unwrap();
        let program = root.path().join("app/bin/service");
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(root.path().join("app/data"), "").unwrap();
        root
    }

    fn check(root: &Path, program: &str, expected: Result<&str, &str>) {
        let found = locate(root, "/app", program);
        match (found, expected) {
            (Ok((_, found)), Ok(expected)) => {
                assert_eq!(Path::new(&found), root.canonicalize().unwrap().join(expected));
            }
            (Err(error), Err(expected)) => {
                let error = format!("{error:#}");
                assert!(error.contains(expected), "{error}");
            }
            (found, expected) => panic!("{program}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn nothing_leads_out() {
        let root = image();
        let link = |target: &str, name: &str| symlink(target, root.path().join("app").join(name)).unwrap();
        link("/app/bin/service", "absolute");
        link("../../../../app/bin/service", "upwards");
        link("/bin/sh", "host");
        link("loop", "loop");
        check(root.path(), "/app/bin/service", Ok("app/bin/service"));
        check(root.path(), "bin/service", Ok("app/bin/service"));
        check(root.path(), "absolute", Ok("app/bin/service"));
        check(root.path(), "upwards", Ok("app/bin/service"));
        check(root.path(), "../../../bin/sh", Err("failed to find the entry point"));
        check(root.path(), "host", Err("failed to find the entry point"));
        check(root.path(), "loop", Err("too many links"));
        check(root.path(), "data", Err("not an executable file"));
        check(root.path(), "bin", Err("not an executable file"));
        check(Path::new("/no/such/root"), "x", Err("failed to find the root file system"));
    }

    #[test]
    fn the_working_directory_must_be_one() {
        let root = image();
        for (directory, expected) in
            [("/app/data", "is no directory"), ("/none", "working directory `/none`")]
        {
            let error = format!("{:#}", locate(root.path(), directory, "/app/bin/service").unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
