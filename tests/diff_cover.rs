//! Story: the lines of a change that count, and which of them no test ran, are those that `diff-cover` lists for the same
//! repository and the same tracefile. Where we differ on purpose, the difference is asserted.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]

mod support;

use gateline::evidence::coverage::LineCounts;
use gateline::evidence::patch::patch;
use gateline::policy::coverage::CoverageInput;
use gateline::tools::coverage_import::{self, Sources};
use gateline::tools::git;
use gateline::workspace::change::Base;
use gateline::world::{CommandLine, World};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Covered and missed lines of the change, by file.
type Lines = BTreeMap<String, (Vec<u32>, Vec<u32>)>;

/// In the tracefile every fourth line is not executable, and of the others every third did not run.
fn count(line: u32) -> Option<u32> {
    (!line.is_multiple_of(4)).then_some(u32::from(!line.is_multiple_of(3)))
}

fn numbered(last: u32) -> Vec<String> {
    (1..=last).map(|line| format!("let line_{line} = {line};")).collect()
}

/// A repository with one commit, on which a story works on.
struct Story {
    _directory: tempfile::TempDir,
    root: PathBuf,
    world: World,
}

impl Story {
    fn new() -> Story {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap().join("wörk");
        Story { _directory: directory, root, world: World::real().unwrap() }
    }

    fn write(&self, path: &str, lines: &[String], end: &str) {
        let file = self.root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text: String = lines.iter().flat_map(|line| [line.as_str(), end]).collect();
        std::fs::write(file, text).unwrap();
    }

    fn commit(&self) -> String {
        support::git(&self.root, &["add", "--all"]);
        support::git(&self.root, &["commit", "--quiet", "--message", "a commit"]);
        support::git(&self.root, &["rev-parse", "HEAD"])
    }

    /// Writes a tracefile that speaks of these files, as many lines as they have; the first one by its whole path.
    fn tracefile(&self, files: &[&str]) {
        let mut text = String::new();
        for (number, file) in files.iter().enumerate() {
            let path =
                if number == 0 { self.root.join(file).display().to_string() } else { (*file).to_owned() };
            text += &format!("TN:\nSF:{path}\n");
            let length = std::fs::read_to_string(self.root.join(file)).unwrap().lines().count();
            for line in 1..=u32::try_from(length).unwrap() {
                text += &count(line).map(|count| format!("DA:{line},{count}\n")).unwrap_or_default();
            }
            text += "end_of_record\n";
        }
        self.trace(&text);
    }

    fn trace(&self, text: &str) {
        std::fs::write(self.root.parent().unwrap().join("all.lcov"), text).unwrap();
    }

    async fn ours(&self, base: &str) -> Lines {
        let base = Base { commit: base.to_owned(), from: "the story".to_owned(), kind: Default::default() };
        let change = git::change(&self.world, &self.root, base).await.unwrap();
        let sources = Sources { root: self.root.clone(), packages: Vec::new() };
        let file = self.root.parent().unwrap().join("all.lcov").display().to_string();
        let imported =
            coverage_import::read(&sources, &[CoverageInput { file, ..Default::default() }]).unwrap();
        let counts = coverage_import::merge(LineCounts::default(), imported);
        let patch = patch(&counts, &change);
        let mut lines = Lines::new();
        for file in &patch.files {
            let within = |ranges: &[(u32, u32)], line: u32| {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&line))
            };
            let counted = counts.files.iter().find(|counted| counted.file == file.file).unwrap();
            let changed = &change.file(&file.file).unwrap().lines;
            let executable = counted.lines.iter().map(|(line, _)| line);
            let (missed, covered): (Vec<u32>, Vec<u32>) = executable
                .filter(|line| within(changed, *line))
                .partition(|line| within(&file.uncovered, *line));
            assert_eq!(
                (file.covered, file.total),
                (covered.len() as u64, (covered.len() + missed.len()) as u64),
                "{file:?}"
            );
            lines.insert(file.file.clone(), (covered, missed));
        }
        lines
    }

    async fn theirs(&self, partner: &Path, base: &str, options: &[&str]) -> Lines {
        let report = self.root.parent().unwrap().join("theirs.json");
        let arguments = [
            "../all.lcov".to_owned(),
            "--compare-branch".to_owned(),
            base.to_owned(),
            "--format".to_owned(),
            format!("json:{}", report.display()),
        ];
        let arguments = arguments.into_iter().chain(options.iter().map(|option| (*option).to_owned()));
        let command = CommandLine::new(partner.display().to_string(), arguments)
            .in_directory(&self.root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("PYTHONUTF8", "1");
        let finished = self.world.run(&command).await.unwrap();
        assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        let numbers = |lines: &serde_json::Value| -> Vec<u32> {
            lines.as_array().unwrap().iter().map(|line| line.as_u64().unwrap().try_into().unwrap()).collect()
        };
        let files = report["src_stats"].as_object().unwrap().iter();
        let lines = files
            .map(|(file, facts)| {
                (file.clone(), (numbers(&facts["covered_lines"]), numbers(&facts["violation_lines"])))
            })
            // It also lists files of the tracefile of which the change has no executable line.
            .filter(|(_, (covered, missed))| !covered.is_empty() || !missed.is_empty());
        lines.collect()
    }
}

#[tokio::test]
async fn changed_lines_and_those_that_no_test_ran_are_the_same() {
    let Some(partner) = support::partner("diff-cover") else { return };
    let story = Story::new();
    let thirty = numbered(30);
    for path in ["edited", "moved", "only moved", "fewer", "gone", "unmeasured", "größe", "a b", "untouched"]
    {
        story.write(&format!("src/{path}.rs"), &thirty, "\n");
    }
    // Other contents, so that each is what became of its own old file.
    story.write("src/moved.rs", &thirty.iter().map(|line| format!("// {line}")).collect::<Vec<_>>(), "\n");
    story.write(
        "src/only moved.rs",
        &thirty.iter().map(|line| format!("/// {line}")).collect::<Vec<_>>(),
        "\n",
    );
    story.write("src/crlf.rs", &thirty, "\r\n");
    support::git(&story.root, &["init", "--quiet"]);
    let base = story.commit();

    let edit = |lines: &[String]| {
        let mut lines = lines.to_vec();
        lines.splice(19..22, []);
        lines.splice(10..10, ["let new = 1;".to_owned(), String::new(), "let newer = 2;".to_owned()]);
        lines[4] = "let other = 5;".to_owned();
        lines.extend(["fn last() {".to_owned(), "}".to_owned()]);
        lines
    };
    for path in ["edited", "unmeasured", "größe", "a b"] {
        story.write(&format!("src/{path}.rs"), &edit(&thirty), "\n");
    }
    story.write("src/crlf.rs", &edit(&thirty), "\r\n");
    story.write("src/added.rs", &numbered(7), "\n");
    story.write("src/fewer.rs", &[&thirty[..3], &thirty[9..]].concat(), "\n");
    std::fs::remove_file(story.root.join("src/gone.rs")).unwrap();
    let moved = story.root.join("src/deep");
    std::fs::create_dir(&moved).unwrap();
    std::fs::rename(story.root.join("src/only moved.rs"), moved.join("only moved.rs")).unwrap();
    std::fs::remove_file(story.root.join("src/moved.rs")).unwrap();
    let mut lines: Vec<_> = thirty.iter().map(|line| format!("// {line}")).collect();
    (lines[1], lines[14]) = ("let two = 2;".to_owned(), "let fifteen = 15;".to_owned());
    story.write("src/deep/moved.rs", &lines, "\n");
    story.commit();
    // A part of the work is not committed yet.
    let mut lines = numbered(30);
    lines[8] = "let nine = 9;".to_owned();
    story.write("src/untouched.rs", &lines, "\n");
    support::git(&story.root, &["add", "--all"]);

    let measured = [
        "src/edited.rs",
        "src/deep/moved.rs",
        "src/deep/only moved.rs",
        "src/fewer.rs",
        "src/größe.rs",
        "src/a b.rs",
        "src/untouched.rs",
        "src/crlf.rs",
        "src/added.rs",
    ];
    story.tracefile(&measured);
    let ours = story.ours(&base).await;
    assert_eq!(ours, story.theirs(&partner, &base, &[]).await);
    // Both could be wrong in the same way: what must come out.
    let edited = (vec![5, 11, 13, 31], vec![]);
    let expected: Lines = [
        ("src/a b.rs", edited.clone()),
        ("src/added.rs", (vec![1, 2, 5, 7], vec![3, 6])),
        ("src/crlf.rs", edited.clone()),
        ("src/deep/moved.rs", (vec![2], vec![15])),
        ("src/edited.rs", edited.clone()),
        ("src/größe.rs", edited),
        ("src/untouched.rs", (vec![], vec![9])),
    ]
    .map(|(file, lines)| (file.to_owned(), lines))
    .into();
    assert_eq!(ours, expected);
}

/// Counts of several records are summed by both.
#[tokio::test]
async fn a_line_that_one_of_several_records_ran_did_run() {
    let Some(partner) = support::partner("diff-cover") else { return };
    let story = Story::new();
    story.write("a.rs", &numbered(2), "\n");
    support::git(&story.root, &["init", "--quiet"]);
    let base = story.commit();
    story.write("a.rs", &numbered(6), "\n");
    story.commit();
    let record = |lines: &str| format!("SF:a.rs\n{lines}end_of_record\n");
    story.trace(&(record("DA:2,0\nDA:3,0\nDA:4,0\nDA:5,7\n") + &record("DA:3,1\nDA:4,0\nDA:6,0\n")));
    let ours = story.ours(&base).await;
    assert_eq!(ours, story.theirs(&partner, &base, &[]).await);
    assert_eq!(ours["a.rs"], (vec![3, 5], vec![4, 6]));
}

#[tokio::test]
async fn the_differences_are_these_and_on_purpose() {
    let Some(partner) = support::partner("diff-cover") else { return };
    let story = Story::new();
    for path in ["hidden.rs", "shifted.rs", "function.rs", "ends.rs"] {
        story.write(path, &numbered(12), "\n");
    }
    story.write(".gitattributes", &["hidden.rs -diff".to_owned()], "\n");
    support::git(&story.root, &["init", "--quiet"]);
    let base = story.commit();
    let edit = |path: &str| {
        let mut lines = numbered(12);
        lines[9] = "let other = 10;".to_owned();
        story.write(path, &lines, "\n");
        lines
    };
    edit("hidden.rs");
    edit("function.rs");
    story.write("ends.rs", &numbered(12), "\r\n");
    let mut shifted = edit("shifted.rs");
    story.commit();
    shifted.insert(0, "//! Not committed yet.".to_owned());
    story.write("shifted.rs", &shifted, "\n");
    story.write("untracked.rs", &numbered(3), "\n");
    let record = |file: &str, lines: &str| format!("SF:{file}\n{lines}end_of_record\n");
    story.trace(
        &[
            record("ends.rs", "DA:1,1\nDA:2,0\n"),
            record("function.rs", "FN:10,f\nFNDA:0,f\nDA:11,1\n"),
            record("hidden.rs", "DA:10,0\n"),
            record("shifted.rs", "DA:10,1\nDA:11,0\n"),
            record("untracked.rs", "DA:1,1\nDA:2,0\n"),
        ]
        .concat(),
    );
    let (ours, theirs) = (story.ours(&base).await, story.theirs(&partner, &base, &[]).await);
    let both = |file: &str| (ours.get(file).cloned(), theirs.get(file).cloned());
    let lines = |covered: &[u32], missed: &[u32]| Some((covered.to_vec(), missed.to_vec()));
    // An attribute in the change's own files would take lines out of the gate.
    assert_eq!(both("hidden.rs"), (lines(&[], &[10]), None));
    // What is compiled is the folder: line 10 of the commit is line 11 there. It adds the numbers of two different texts.
    assert_eq!(both("shifted.rs"), (lines(&[], &[11]), lines(&[10], &[])));
    // A file that git does not know yet was compiled, too.
    assert_eq!(both("untracked.rs"), (lines(&[1], &[2]), None));
    let theirs_with_untracked = story.theirs(&partner, &base, &["--include-untracked"]).await;
    assert_eq!(theirs_with_untracked.get("untracked.rs"), ours.get("untracked.rs"));
    // Executable is what `DA` says; it takes the first line of a function as one, too.
    assert_eq!(both("function.rs"), (None, lines(&[], &[10])));
    // No code differs where only line ends do.
    assert_eq!(both("ends.rs"), (None, lines(&[1], &[2])));
    assert_eq!((ours.len(), theirs.len()), (3, 3));
}
