//! All of the files or none: each is written beside its place first, then they are put there one after the other; where one
//! cannot be, those before it are taken back.

use crate::failure::Failure;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Where.
    pub file: PathBuf,
    /// What it holds now; `None` where it must not be there.
    pub before: Option<String>,
    /// What it shall hold.
    pub after: String,
}

/// Writes them.
///
/// # Errors
/// What could not be written; then nothing was.
pub fn write(files: &[Staged]) -> anyhow::Result<()> {
    let mut made = Made::default();
    let done = stage(files, &mut made).and_then(|fresh| {
        fresh.into_iter().zip(files).try_for_each(|(fresh, file)| persist(fresh, file, &mut made))
    });
    done.map_err(|(file, error)| {
        made.undo();
        Failure::infrastructure(
            format!("failed to write {}: {error}; nothing was changed", file.display()),
            "make room and let this user write there, then run it again",
        )
    })
}

type Failed = (PathBuf, std::io::Error);

/// What has to be undone.
#[derive(Default)]
struct Made {
    folders: Vec<PathBuf>,
    files: Vec<(PathBuf, Option<String>)>,
}

impl Made {
    fn undo(self) {
        for (file, before) in self.files.into_iter().rev() {
            // Whoever hears that nothing was changed and finds something has a disk that fails.
            let _ = match before {
                Some(text) => std::fs::write(&file, text),
                None => std::fs::remove_file(&file),
            };
        }
        for folder in self.folders.into_iter().rev() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

fn stage(files: &[Staged], made: &mut Made) -> Result<Vec<NamedTempFile>, Failed> {
    let beside = |file: &Staged, made: &mut Made| {
        let folder = file.file.parent().unwrap_or(Path::new("."));
        make(folder, made)?;
        let mut fresh = NamedTempFile::new_in(folder)?;
        fresh.write_all(file.after.as_bytes())?;
        let mode = std::fs::metadata(&file.file).map_or(0o644, |about| about.permissions().mode());
        std::fs::set_permissions(fresh.path(), std::fs::Permissions::from_mode(mode & 0o777))?;
        fresh.as_file().sync_all()?;
        Ok(fresh)
    };
    files.iter().map(|file| beside(file, made).map_err(|error| (file.file.clone(), error))).collect()
}

fn make(folder: &Path, made: &mut Made) -> std::io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.is_dir()).collect();
    for folder in missing.into_iter().rev() {
        std::fs::create_dir(folder)?;
        made.folders.push(folder.to_owned());
    }
    Ok(())
}

fn persist(fresh: NamedTempFile, staged: &Staged, made: &mut Made) -> Result<(), Failed> {
    let failed = |error| (staged.file.clone(), error);
    match &staged.before {
        // Somebody may have made it since we looked: it is never overwritten.
        None => fresh.persist_noclobber(&staged.file).map_err(|error| failed(error.error))?,
        Some(before) => {
            let now = std::fs::read_to_string(&staged.file).map_err(failed)?;
            if now != *before {
                let changed = std::io::Error::other("somebody changed it meanwhile");
                return Err(failed(changed));
            }
            fresh.persist(&staged.file).map_err(|error| failed(error.error))?
        }
    };
    made.files.push((staged.file.clone(), staged.before.clone()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(root: &Path, name: &str, before: Option<&str>) -> Staged {
        Staged { file: root.join(name), before: before.map(str::to_owned), after: format!("new {name}\n") }
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn all_of_them_are_written() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("there"), "old").unwrap();
        write(&[staged(root.path(), "a/b/c", None), staged(root.path(), "there", Some("old"))]).unwrap();
        let read = |name: &str| std::fs::read_to_string(root.path().join(name)).unwrap();
        assert_eq!((read("a/b/c"), read("there")), ("new a/b/c\n".to_owned(), "new there\n".to_owned()));
        assert_eq!(
            (names(root.path()), names(&root.path().join("a/b"))),
            (vec!["a".into(), "there".into()], vec!["c".into()])
        );
    }

    #[test]
    fn where_one_cannot_be_written_none_is() {
        for last in ["taken", "changed", "there/below"] {
            let root = tempfile::tempdir().unwrap();
            for name in ["taken", "changed", "there"] {
                std::fs::write(root.path().join(name), "theirs").unwrap();
            }
            let before = (last == "changed").then_some("as it was");
            let files = [
                staged(root.path(), "a/b", None),
                staged(root.path(), "there", Some("theirs")),
                staged(root.path(), last, before),
            ];
            let error = write(&files).unwrap_err().to_string();
            assert!(error.contains(last) && error.contains("nothing was changed"), "{error}");
            assert_eq!(names(root.path()), ["changed", "taken", "there"]);
            for name in ["taken", "changed", "there"] {
                assert_eq!(std::fs::read_to_string(root.path().join(name)).unwrap(), "theirs");
            }
        }
    }
}
