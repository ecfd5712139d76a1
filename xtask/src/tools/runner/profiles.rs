//! The names of raw profiles, and from a name back to the tests that wrote it.
//!
//! All processes of one test binary, and the children that they start, merge their counts into a pool of a few files as they
//! end: two thousand tests leave a few files, not two thousand. So a damaged file cannot be laid at one test's door: what is
//! named is the binary, and those of its tests that a signal ended, because only they can have been cut off while writing.

use super::RunOptions;
use crate::evidence::TestsEvidence;
use crate::tools::build::TestBinary;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Tests that are named for one file.
const NAMED_MAX: usize = 10;
/// Where counts go that nobody wants.
const NOWHERE: &str = "/dev/null";

/// What the raw profiles of documentation tests begin with.
pub(super) const DOCUMENTATION_PREFIX: &str = "doc-";

/// The folder of documentation tests' programs, below that of the raw profiles.
pub(super) const OBJECTS: &str = "objects";

/// What the raw profiles of the binary with this number begin with.
pub fn prefix_of(number: usize) -> String {
    format!("{number}-")
}

/// The programs of documentation tests that ran in this run, for their coverage mappings.
pub fn doctest_objects(profiles: &Path) -> Vec<PathBuf> {
    // Where none ran, there is no folder.
    let entries = std::fs::read_dir(profiles.join(OBJECTS)).into_iter().flatten().flatten();
    let mut objects: Vec<_> = entries.map(|entry| entry.path()).collect();
    objects.sort();
    objects
}

/// When counts reach the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Counting {
    /// When the process ends by itself: a signal loses them.
    #[default]
    AtExit,
    /// While it runs, in a mapped file. The objects must be compiled for it (`-runtime-counter-relocation`).
    Continuous,
}

/// Where the raw profiles of one run go.
#[derive(Debug, Clone)]
pub(super) struct Profiles {
    directory: Option<PathBuf>,
    counting: Counting,
}

impl Profiles {
    pub(super) fn of(options: &RunOptions) -> Profiles {
        Profiles { directory: options.profiles.clone(), counting: options.counting }
    }

    /// `LLVM_PROFILE_FILE` of the binary with this number. The number keeps others out of its pool of four, because `%m` alone
    /// is not unique.
    pub(super) fn of_binary(&self, number: usize) -> String {
        let continuous = if self.counting == Counting::Continuous { "%c" } else { "" };
        self.file(&format!("{}%4m{continuous}.profraw", prefix_of(number)))
    }

    /// The same for documentation tests, whose programs are many and small.
    pub(super) fn of_documentation(&self) -> String {
        let continuous = if self.counting == Counting::Continuous { "%c" } else { "" };
        self.file(&format!("{DOCUMENTATION_PREFIX}%4m{continuous}.profraw"))
    }

    /// Where their programs are kept: rustdoc removes them, and their mappings are needed.
    pub(super) fn objects(&self) -> Option<PathBuf> {
        self.directory.as_deref().map(|directory| directory.join(OBJECTS))
    }

    /// Whether a process that a signal ends takes its counts with it.
    pub(super) fn are_lost_by_signals(&self) -> bool {
        self.directory.is_some() && self.counting == Counting::AtExit
    }

    fn file(&self, name: &str) -> String {
        match &self.directory {
            Some(directory) => directory.join(name).to_string_lossy().into_owned(),
            None => NOWHERE.to_owned(),
        }
    }
}

/// Who wrote a raw profile of this run, for a message about a damaged one; `None` for a file that no test of ours writes.
pub fn written_by(file: &Path, binaries: &[TestBinary], evidence: &TestsEvidence) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix(".profraw")?;
    let (number, _) = name.split_once('-')?;
    if number == "doc" {
        return Some("a documentation test".to_owned());
    }
    let binary = &binaries.get(number.parse::<usize>().ok()?)?.name;
    let mut told = format!("tests of {binary}");
    let of_it = |test: &&String| {
        test.strip_prefix(binary.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('$'))
    };
    let lost: Vec<_> = evidence.counts_lost.iter().filter(of_it).collect();
    for (index, test) in lost.iter().take(NAMED_MAX).enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(told, "{}{test}", if index == 0 { ", of which a signal ended " } else { ", " });
    }
    if lost.len() > NAMED_MAX {
        let _ = write!(told, " and {} more", lost.len() - NAMED_MAX);
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::build::Harness;

    #[test]
    fn a_file_leads_back_to_its_binary_and_the_tests_that_were_cut_off() {
        let binary = |name: &str| TestBinary {
            name: name.to_owned(),
            path: "/b".into(),
            harness: Harness::Libtest,
            directory: "/".into(),
            environment: [].into(),
        };
        let binaries = [binary("p::it"), binary("p::it2")];
        let counts_lost = vec!["p::it$a".to_owned(), "p::it2$b".to_owned()];
        let evidence = TestsEvidence { counts_lost, ..TestsEvidence::default() };
        let by = |name: &str| written_by(Path::new(name), &binaries, &evidence);
        assert_eq!(
            by("/x/0-123_0.profraw").as_deref(),
            Some("tests of p::it, of which a signal ended p::it$a")
        );
        assert_eq!(by("1-4.profraw").as_deref(), Some("tests of p::it2, of which a signal ended p::it2$b"));
        assert_eq!(by("doc-7-8.profraw").as_deref(), Some("a documentation test"));
        for other in ["2-1.profraw", "0-1.txt", "default.profraw", "x-1.profraw"] {
            assert_eq!(by(other), None, "{other}");
        }
        let many = (0..12).map(|index| format!("p::it${index}")).collect();
        let evidence = TestsEvidence { counts_lost: many, ..TestsEvidence::default() };
        assert!(
            written_by(Path::new("0-1.profraw"), &binaries, &evidence)
                .unwrap()
                .ends_with("p::it$9 and 2 more")
        );
    }

    #[test]
    fn counts_go_to_a_pool_or_nowhere() {
        let profiles = |directory: Option<&str>, counting| {
            Profiles::of(&RunOptions {
                profiles: directory.map(PathBuf::from),
                counting,
                ..RunOptions::default()
            })
        };
        let at_exit = profiles(Some("/p"), Counting::AtExit);
        assert_eq!(at_exit.of_binary(3), "/p/3-%4m.profraw");
        assert_eq!(profiles(Some("/p"), Counting::Continuous).of_binary(3), "/p/3-%4m%c.profraw");
        let nowhere = profiles(None, Counting::AtExit);
        assert_eq!((nowhere.of_binary(3), nowhere.of_documentation()), (NOWHERE.into(), NOWHERE.into()));
        assert!(at_exit.are_lost_by_signals() && !nowhere.are_lost_by_signals());
        assert!(!profiles(Some("/p"), Counting::Continuous).are_lost_by_signals());
    }
}
