//! Remember: answers of tools, kept below `target/gateline/` with the digest of everything that they depend on.
//!
//! An answer counts only while that digest is the same. A file that is missing, damaged or of another version is no
//! answer, and one that cannot be written is no error: then the tool is asked again. Where fresh evidence is wanted, nothing that
//! a gate judges is taken from here: see [`crate::tools::runner::Kept`].

use crate::digest::Digest;
use crate::world::CommandLine;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The shape of these files; another shape is no answer.
const SHAPE: &str = concat!("gateline/remembered/v1 ", env!("CARGO_PKG_VERSION"));
/// A longer file is not ours. `cargo metadata` of a thousand members has some megabytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One file of answers.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    file: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    shape: String,
    value: T,
}

/// Answers of programs, by the command that gave them.
type Answers = BTreeMap<String, (Digest, String)>;

impl Memory {
    /// A file in the folder `gateline` of a target directory.
    pub(super) fn in_target(target: &Path, name: &str) -> Memory {
        Memory { file: target.join("gateline/remembered").join(name) }
    }

    /// What is kept, if it is of this version.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let size = std::fs::metadata(&self.file).ok()?.len();
        if size > FILE_BYTES_MAX {
            return None;
        }
        let kept: Kept<T> = serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()?;
        (kept.shape == SHAPE).then_some(kept.value)
    }

    /// Keeps a value, unless nothing was ever compiled here: a verb that only looks leaves no target directory behind.
    /// What lies in the folder is no concern of git.
    pub(super) fn write<T: Serialize>(&self, value: &T) {
        let Some(folder) = self.file.parent() else { return };
        let target = folder.parent().and_then(Path::parent);
        if target.is_some_and(Path::is_dir) {
            let kept = Kept { shape: SHAPE.to_owned(), value };
            // An answer that could not be kept is asked for again.
            let _ =
                serde_json::to_vec(&kept).map_err(Into::into).and_then(|bytes| self.replace(folder, &bytes));
        }
    }

    fn replace(&self, folder: &Path, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(ignore, "*\n")?;
        }
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fresh.write_all(bytes)?;
        fresh.persist(&self.file).map(|_| ()).map_err(|error| error.error)
    }

    /// The answer to a command, from `ask` where there is none for this identity. Without an identity nothing is kept.
    ///
    /// # Errors
    /// What `ask` says.
    pub(super) async fn answer<E>(
        &self,
        question: &CommandLine,
        identity: Option<Digest>,
        ask: impl Future<Output = Result<String, E>>,
    ) -> Result<String, E> {
        let Some(identity) = identity else { return ask.await };
        let question = question.to_string();
        let mut answers: Answers = self.read().unwrap_or_default();
        if let Some((known, answer)) = answers.get(&question)
            && *known == identity
        {
            return Ok(answer.clone());
        }
        let answer = ask.await?;
        answers.insert(question, (identity, answer.clone()));
        self.write(&answers);
        Ok(answer)
    }
}

/// What a step said last, if it was of these inputs.
pub fn said<T: DeserializeOwned>(target: &Path, step: &str, of: &Digest) -> Option<T> {
    let (kept, said): (Digest, T) = Memory::in_target(target, &format!("{step}.json")).read()?;
    (kept == *of).then_some(said)
}

/// Keeps what a step said of these inputs.
pub fn keep_said<T: Serialize>(target: &Path, step: &str, of: &Digest, said: &T) {
    Memory::in_target(target, &format!("{step}.json")).write(&(of, said));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn a_question_is_asked_again_when_the_identity_changed() {
        let target = tempfile::tempdir().unwrap();
        let memory = Memory::in_target(target.path(), "a.json");
        let asked = Cell::new(0);
        let answer = async |identity: Option<&[u8]>| {
            let ask = async {
                asked.set(asked.get() + 1);
                Ok::<_, ()>(format!("answer {}", asked.get()))
            };
            let question = CommandLine::new("rustc", ["-vV"]);
            memory.answer(&question, identity.map(Digest::of), ask).await.unwrap()
        };
        assert_eq!(answer(Some(b"1")).await, "answer 1");
        assert_eq!(answer(Some(b"1")).await, "answer 1");
        assert_eq!(answer(Some(b"2")).await, "answer 2");
        assert_eq!(answer(Some(b"1")).await, "answer 3");
        assert_eq!(answer(None).await, "answer 4");
        assert_eq!(answer(Some(b"1")).await, "answer 3");
    }

    #[test]
    fn what_a_step_said_stands_for_the_same_inputs_only() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        std::fs::create_dir(&target).unwrap();
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        assert_eq!(said::<String>(&target, "format", &one), None);
        keep_said(&target, "format", &one, &"clean");
        assert_eq!(said::<String>(&target, "format", &one).as_deref(), Some("clean"));
        assert_eq!(
            (said::<String>(&target, "format", &other), said::<u8>(&target, "format", &one)),
            (None, None)
        );
    }

    #[test]
    fn what_is_damaged_or_of_another_version_is_no_answer() {
        let target = tempfile::tempdir().unwrap();
        let memory = Memory::in_target(target.path(), "a.json");
        assert_eq!(memory.read::<u32>(), None);
        memory.write(&7_u32);
        assert_eq!(memory.read::<u32>(), Some(7));
        assert_eq!(memory.read::<String>(), None);
        for text in ["", "{", "{\"shape\":\"gateline/remembered/v0\",\"value\":7}"] {
            std::fs::write(&memory.file, text).unwrap();
            assert_eq!(memory.read::<u32>(), None, "{text}");
        }
    }

    #[test]
    fn nothing_is_left_where_nothing_was_compiled() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        Memory::in_target(&target, "a.json").write(&7_u32);
        assert!(!target.exists());
        std::fs::create_dir(&target).unwrap();
        Memory::in_target(&target, "a.json").write(&7_u32);
        assert_eq!(std::fs::read(target.join("gateline/remembered/.gitignore")).unwrap(), b"*\n");
    }
}
