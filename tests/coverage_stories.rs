//! Story: coverage as a team uses it over some days, on one small crate: every report of a run, lines from other languages and
//! the pages in a browser, lines that flap, a minimum that follows, and a change that lets the baseline down.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]

mod support;

use gateline::world::World;
use quick_xml::events::Event;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Ran, eventually, git, repository_of};

const LIBRARY: &str = "//! Tiny.\n\n/// Whether it is even.\npub fn even(number: u32) -> bool {\n    number.is_multiple_of(2)\n}\n\n\
                       /// Only some runs come here.\npub fn sometimes() -> u32 {\n    4\n}\n\n\
                       /// No test comes here.\npub fn never() -> u32 {\n    7\n}\n";
/// Where `target/flap` is there, every other run reaches `sometimes`; else each.
const TESTS: &str = r#"//! The tests of the tiny crate.

#[test]
fn two_is_even() {
    assert!(tiny::even(2));
}

#[test]
fn flaps() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/flap");
    let mark = folder.join("mark");
    if std::fs::remove_file(&mark).is_ok() {
        return;
    }
    if folder.is_dir() {
        std::fs::write(mark, "").unwrap();
    }
    assert_eq!(tiny::sometimes(), 4);
}
"#;
const POLICY: &str = "# The bar of the team.\nminimum: 10 # the ratchet raises it\n\n# A change may bring what it likes, in this story.\n\
                      patch_minimum: 0\n";
const TRACEFILE: &str = "TN:\nSF:tools/tool.py\nDA:1,1\nDA:2,0\nend_of_record\n";
const COBERTURA: &str = "<?xml version=\"1.0\"?>\n<coverage><sources><source>.</source></sources><packages><package><classes>\
                         <class filename=\"web/app.js\"><lines><line number=\"1\" hits=\"3\"/><line number=\"2\" hits=\"0\"/>\
                         <line number=\"3\" hits=\"1\"/></lines></class></classes></package></packages></coverage>\n";
/// What a run of the gates leaves in the folder of reports, besides what it keeps for itself.
const REPORTS: [&str; 13] = [
    "badge.json",
    "badge.svg",
    "baselines",
    "cobertura.xml",
    "coverage",
    "coverage.lcov",
    "evidence.json",
    "junit.xml",
    "report.sarif",
    "security",
    "summary.md",
    "trend.svg",
    "verdict.json",
];
/// What it keeps for itself.
const OWN: [&str; 6] = ["advisory-db", "kept", "failed.json", "profraw", "remembered", "wrapper"];

struct Story {
    folder: tempfile::TempDir,
    workspace: PathBuf,
}

impl Story {
    fn new() -> Story {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap().join("a wörkspace");
        let manifest =
            "[package]\nname = \"tiny\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[lib]\ndoctest = false\n";
        let files = [
            ("Cargo.toml", manifest),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"1.0.0\"\n"),
            (".gitignore", "/target\n"),
            ("policies/coverage.yaml", POLICY),
            ("src/lib.rs", LIBRARY),
            ("tests/all.rs", TESTS),
            ("tools/tool.py", "print(1)\nprint(2)\n"),
            ("web/app.js", "a();\nb();\nc();\n"),
        ];
        repository_of(&workspace, &files);
        Story { folder, workspace }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = support::gateline(&self.workspace, &self.beside("state"), arguments);
        command.arg("--offline");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    fn reports(&self) -> PathBuf {
        self.workspace.join("target/gateline")
    }

    fn policy(&self) -> String {
        std::fs::read_to_string(self.workspace.join("policies/coverage.yaml")).unwrap()
    }
}

fn json(file: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(file).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn coverage(reports: &Path) -> serde_json::Value {
    let verdict = json(&reports.join("verdict.json"));
    let gates = verdict["gates"].as_array().unwrap();
    gates.iter().find(|gate| gate["gate"] == "coverage").unwrap().clone()
}

/// Covered and executable lines of the workspace.
fn lines(reports: &Path) -> (u64, u64) {
    let lines = &coverage(reports)["facts"]["lines"];
    (lines["covered"].as_u64().unwrap(), lines["total"].as_u64().unwrap())
}

/// The elements of a document, which has to have one root that ends.
fn elements(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut names, mut depth, mut roots) = (Vec::new(), 0_usize, 0);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let (name, deeper) = match &event {
            Event::Start(start) => (start.name(), true),
            Event::Empty(start) => (start.name(), false),
            Event::End(_) => {
                depth -= 1;
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        names.push(name.as_ref().to_owned());
        roots += usize::from(depth == 0);
        depth += usize::from(deeper);
    }
    assert_eq!((depth, roots), (0, 1), "{}", file.display());
    names
}

fn of_tracefile(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.ends_with("end_of_record\n"), "{text}");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn coverage_from_the_first_report_to_a_refused_fall() {
    let story = Story::new();
    every_report_is_there_and_well_formed(&story);
    other_languages_count_and_a_browser_opens(&story);
    lines_that_flap_are_found(&story);
    the_minimum_follows_and_comments_stay(&story);
    a_fall_below_the_baseline_is_refused(&story);
}

fn every_report_is_there_and_well_formed(story: &Story) {
    let arguments = ["ci", "--gate", "lint", "--gate", "coverage", "--gate", "secrets", "--record-baseline"];
    story.run(&arguments).exits(0).says(&["2 passed, 0 failed", "baseline recorded: "]);
    let reports = story.reports();
    let mut found: Vec<String> = std::fs::read_dir(&reports)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !OWN.contains(&name.as_str()))
        .collect();
    found.sort();
    assert_eq!(found, REPORTS);
    assert_eq!(lines(&reports), (6, 9));
    assert_eq!(
        json(&reports.join("evidence.json"))["subject"]["commit"],
        git(&story.workspace, &["rev-parse", "HEAD"])
    );
    assert_eq!(json(&reports.join("report.sarif"))["version"], "2.1.0");
    let count = |file: &str, element: &str| {
        elements(&reports.join(file)).iter().filter(|name| *name == element).count()
    };
    assert_eq!(
        (count("junit.xml", "testcase"), count("badge.svg", "svg"), count("trend.svg", "svg")),
        (2, 1, 1)
    );
    assert!(count("cobertura.xml", "line") >= 9);
    let lines = of_tracefile(&reports.join("coverage.lcov"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("DA:")).count(), 9);
    let summary = std::fs::read_to_string(reports.join("summary.md")).unwrap();
    assert!(summary.contains("66.66"), "{summary}");
    let pages: Vec<_> =
        std::fs::read_dir(reports.join("coverage")).unwrap().map(|page| page.unwrap().path()).collect();
    assert_eq!(pages.len(), 2, "the index and one file: {pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(
            text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n") && text.contains("lib.rs"),
            "{}",
            page.display()
        );
    }
}

fn other_languages_count_and_a_browser_opens(story: &Story) {
    let (tracefile, cobertura) = (story.beside("tool.lcov"), story.beside("app.xml"));
    std::fs::write(&tracefile, TRACEFILE).unwrap();
    std::fs::write(&cobertura, COBERTURA).unwrap();
    let (browser, opened) = (story.beside("bin/xdg-open"), story.beside("bin/opened"));
    std::fs::create_dir(browser.parent().unwrap()).unwrap();
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > '{0}.part'\nmv '{0}.part' '{0}'\n", opened.display());
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, PermissionsExt::from_mode(0o755)).unwrap();
    let path = World::real().unwrap().env("PATH").unwrap_or_default().to_owned();
    let reports = story.beside("reports");
    let arguments = ["--from", tracefile.to_str().unwrap(), "--from", cobertura.to_str().unwrap()];
    let mut command = story.command(&["coverage", "--open", "--report-dir", reports.to_str().unwrap()]);
    command.args(arguments).env("DISPLAY", ":0");
    command.env("PATH", format!("{}:{path}", browser.parent().unwrap().display()));
    Ran::from(command.output().unwrap()).exits(0).says(&["coverage/index.html"]);
    assert_eq!(lines(&reports), (6 + 1 + 2, 9 + 2 + 3));
    let counted = of_tracefile(&reports.join("coverage.lcov"));
    for line in ["SF:src/lib.rs", "SF:tools/tool.py", "SF:web/app.js", "DA:1,3", "DA:2,0"] {
        assert!(counted.iter().any(|counted| counted == line), "{line} in {counted:#?}");
    }
    let page =
        eventually("the browser", || std::fs::read_to_string(&opened).map_err(|error| error.to_string()));
    assert_eq!(Path::new(&page), reports.join("coverage/index.html"));
}

fn lines_that_flap_are_found(story: &Story) {
    std::fs::create_dir(story.workspace.join("target/flap")).unwrap();
    story.run(&["coverage", "noise", "--runs", "2"]).exits(0).says(&[
        "src/lib.rs:9-11",
        "3 of 9 lines flap over 2 runs: 3 to 6 covered",
        "33.34 points",
    ]);
    std::fs::remove_dir_all(story.workspace.join("target/flap")).unwrap();
    let noise = json(&story.reports().join("baselines/noise.json"));
    assert_eq!(noise["files"]["src/lib.rs"]["lines"], serde_json::json!([[9, 11]]));
}

/// 6 of 9 lines ran, and 3 of them flap: the next run is sure of 3.
fn the_minimum_follows_and_comments_stay(story: &Story) {
    story.run(&["coverage", "ratchet", "--check"]).exits(10).says(&["could be 33.33 %, it is 10 %"]);
    assert_eq!(story.policy(), POLICY);
    story.run(&["coverage", "ratchet"]).exits(0).says(&["minimum 10 % → 33.33 %"]);
    assert_eq!(story.policy(), POLICY.replace("minimum: 10 #", "minimum: 33.33 #"));
    // The last run was under another policy, so it says nothing of this tree.
    story.run(&["coverage", "ratchet", "--check"]).exits(2).says(&["of another tree"]);
    git(&story.workspace, &["commit", "--quiet", "--all", "--message", "raise the minimum"]);
}

fn a_fall_below_the_baseline_is_refused(story: &Story) {
    let baseline = git(&story.workspace, &["rev-parse", "HEAD~1"]);
    let more: String = (0..9).map(|line| format!("    println!(\"{line}\");\n")).collect();
    let changed = format!("{LIBRARY}\n/// Nor here.\npub fn nor_here() {{\n{more}}}\n");
    std::fs::write(story.workspace.join("src/lib.rs"), changed).unwrap();
    git(&story.workspace, &["commit", "--quiet", "--all", "--message", "more"]);
    let words = format!("baseline {}, 1 commit back, 0 days old", &baseline[..12]);
    story.run(&["coverage", "--base", "HEAD~1"]).exits(10).says(&[
        "coverage fell from 66.66 % to 30 %",
        "that flap left out",
        &words,
    ]);
    let gate = coverage(&story.reports());
    let codes: Vec<_> = gate["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"coverage/drop") && codes.contains(&"coverage/below-minimum"), "{codes:?}");
    let drop = &gate["facts"]["drop"];
    assert_eq!((&drop["baseline"]["commit"], &drop["baseline"]["behind"]), (&baseline.into(), &1.into()));
    // What was reached stays the measure: there is nothing to raise.
    let before = story.policy();
    story.run(&["coverage", "ratchet", "--check"]).exits(0).says(&["the minimum stays at 33.33 %"]);
    assert_eq!(story.policy(), before);
}
