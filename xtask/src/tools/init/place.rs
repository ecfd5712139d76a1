//! Where a wanted file meets what is there: a file that exists is never overwritten.

use super::{Kind, Wanted};
use crate::failure::Failure;
use crate::tools::bounded;
use std::path::Path;

/// A file that is there is read up to here; what is larger is not ours.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placing {
    /// It is new.
    New(String),
    /// It gets a few lines more.
    More {
        /// What it holds now.
        before: String,
        /// What it will hold.
        after: String,
    },
    /// It is there, exactly so.
    Same,
    /// It is there and differs: it stays as it is.
    Kept {
        /// Which file that is.
        at: String,
        /// What it holds, where that is text of ours to show.
        holds: Option<String>,
    },
}

/// Looks what is at the place of a file.
///
/// # Errors
/// Where it cannot be read, or a link leads out of the workspace.
pub fn place(root: &Path, wanted: &Wanted) -> anyhow::Result<Placing> {
    for path in std::iter::once(wanted.path.as_str()).chain(wanted.or_at.iter().copied()) {
        let file = root.join(path);
        stays_inside(root, &file)?;
        // A link that leads nowhere is there too.
        let Ok(about) = std::fs::symlink_metadata(&file) else { continue };
        let holds = if about.is_file() { read(&file)? } else { None };
        let same = holds.as_deref() == Some(&wanted.text) && path == wanted.path;
        if same {
            return Ok(Placing::Same);
        }
        let holds = holds.filter(|_| wanted.kind == Kind::Own && path == wanted.path);
        return Ok(Placing::Kept { at: path.to_owned(), holds });
    }
    Ok(Placing::New(wanted.text.clone()))
}

/// The text of a file; `None` where it is none, or too much of it.
pub(super) fn read(file: &Path) -> anyhow::Result<Option<String>> {
    match bounded::read(file, FILE_BYTES_MAX) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Ok(None),
        Err(error) => {
            let message = format!("failed to read {}: {error}", file.display());
            Err(Failure::infrastructure(message, "make it readable, or move it away"))
        }
    }
}

/// A folder on the way may be a link to anywhere: what is written must stay in the workspace.
fn stays_inside(root: &Path, file: &Path) -> anyhow::Result<()> {
    let there = file.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
    let inside = root.canonicalize().is_ok_and(|root| there.is_some_and(|folder| folder.starts_with(root)));
    if inside {
        return Ok(());
    }
    let message = format!("{} would be written outside the workspace", file.display());
    Err(Failure::usage(message, "replace the link on its way by a folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(path: &str) -> Wanted {
        Wanted { path: path.to_owned(), text: "ours\n".to_owned(), kind: Kind::Own, or_at: &["elsewhere"] }
    }

    #[test]
    fn what_is_there_is_kept_or_the_same() {
        let root = tempfile::tempdir().unwrap();
        let placed = |path: &str| place(root.path(), &wanted(path)).unwrap();
        assert_eq!(placed("a/b"), Placing::New("ours\n".to_owned()));
        std::fs::write(root.path().join("same"), "ours\n").unwrap();
        std::fs::write(root.path().join("other"), "theirs\n").unwrap();
        std::fs::write(root.path().join("bytes"), b"\xff").unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("link")).unwrap();
        std::fs::create_dir(root.path().join("folder")).unwrap();
        assert_eq!(placed("same"), Placing::Same);
        let kept = |at: &str, holds: Option<&str>| Placing::Kept {
            at: at.to_owned(),
            holds: holds.map(str::to_owned),
        };
        assert_eq!(placed("other"), kept("other", Some("theirs\n")));
        for nothing_to_show in ["bytes", "link", "folder"] {
            assert_eq!(placed(nothing_to_show), kept(nothing_to_show, None));
        }
        std::fs::write(root.path().join("elsewhere"), "ours\n").unwrap();
        assert_eq!(placed("a/b"), kept("elsewhere", None));
    }

    #[test]
    fn a_link_out_of_the_workspace_is_refused() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).unwrap();
        assert!(place(root.path(), &wanted("out/a/b")).is_err());
        assert!(place(root.path(), &wanted("../a")).is_err());
    }
}
