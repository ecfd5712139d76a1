//! The built-in coverage engine by hand, to compare it with another one (docs/reference/coverage-engine.md):
//! `coverage_lines ROOT PROFILES OTHER.lcov OURS.lcov OBJECT…` writes our tracefile and prints how many lines agree, and
//! the functions, regions and summary lines of both. Regions come from `OTHER.json` (`--json --summary-only`). Objects
//! behind `--doctests` are those of documentation tests; `TEST_CODE=exclude` leaves test code out.

use anyhow::Context as _;
use gateline::evidence::coverage::Share;
use gateline::policy::coverage::TestCode;
use gateline::report::lcov;
use gateline::tools::coverage::{Measurement, PackageTree, SourceTree, measure};
use gateline::world::World;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Counts by file and line.
type Lines = BTreeMap<(String, u32), u64>;

#[expect(clippy::print_stdout, reason = "an example for people, not part of the suite")]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [root, profiles, other, ours, objects @ ..] = &arguments[..] else {
        anyhow::bail!("usage: coverage_lines ROOT PROFILES OTHER.lcov OURS.lcov OBJECT…");
    };
    let package = PackageTree { name: "workspace".into(), directory: root.clone() };
    let tree = SourceTree {
        root: root.clone(),
        target: root.join("target"),
        packages: vec![package],
        remapped: vec![],
    };
    let mut halves = objects.split(|object| object.as_os_str() == "--doctests");
    let (objects, doctests) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let world = World::real()?;
    let exclude = world.env("TEST_CODE") == Some("exclude");
    let measurement = Measurement {
        profiles: profiles.clone(),
        objects: objects.to_vec(),
        doctests: doctests.to_vec(),
        tree,
        test_code: if exclude { TestCode::Exclude } else { TestCode::Include },
        writers: Default::default(),
        expected: vec![],
    };
    let counts =
        measure(&measurement).map_err(|error| anyhow::anyhow!("{} ({})", error.message, error.help))?;
    let text = lcov::write(&counts);
    std::fs::write(ours, &text).context("failed to write our tracefile")?;
    let theirs = std::fs::read_to_string(other).context("failed to read the other tracefile")?;
    println!("{}", agreement(&lines(&text, root), &lines(&theirs, root)));
    let (counted, test_lines) = (counts.evidence(), counts.test_lines);
    let pair = |one: u64, other: u64| format!("{one}/{other}");
    let sum = |field: &str| -> u64 {
        theirs.lines().filter_map(|line| line.strip_prefix(field)?.parse::<u64>().ok()).sum()
    };
    let share = |share: Share| pair(share.covered, share.total);
    println!("functions: ours {}, theirs {}", share(counted.functions()), pair(sum("FNH:"), sum("FNF:")));
    println!(
        "summary lines: ours {}, theirs {}",
        share(counted.summary_lines()),
        pair(sum("LH:"), sum("LF:"))
    );
    println!("regions: ours {}, theirs {}", share(counted.regions()), regions(&other.with_extension("json")));
    println!("lines of test code: {}; engine: {}", share(test_lines), counted.engine);
    for doubt in counted.doubts {
        println!("{}: {}", doubt.file, doubt.message);
    }
    Ok(())
}

fn regions(summary: &Path) -> String {
    let read = || -> Option<String> {
        let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(summary).ok()?).ok()?;
        let regions = &summary["data"][0]["totals"]["regions"];
        Some(format!("{}/{}", regions["covered"], regions["count"]))
    };
    read().unwrap_or_else(|| "unknown".to_owned())
}

fn lines(tracefile: &str, root: &Path) -> Lines {
    let (mut lines, mut file) = (Lines::new(), String::new());
    for record in tracefile.lines() {
        if let Some(path) = record.strip_prefix("SF:") {
            let path = Path::new(path);
            file = path.strip_prefix(root).unwrap_or(path).display().to_string();
        } else if let Some((line, count)) = record.strip_prefix("DA:").and_then(|data| data.split_once(',')) {
            lines.insert((file.clone(), line.parse().unwrap_or(0)), count.parse().unwrap_or(0));
        }
    }
    lines
}

fn agreement(ours: &Lines, theirs: &Lines) -> String {
    let mut text = String::new();
    let all: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let (mut states, mut counts) = (0, 0);
    for place in &all {
        let (our, their) = (ours.get(*place), theirs.get(*place));
        counts += usize::from(our == their);
        let same = our.map(|count| *count > 0) == their.map(|count| *count > 0);
        states += usize::from(same);
        if !same {
            text += &format!("{}:{}: ours {our:?}, theirs {their:?}\n", place.0, place.1);
        }
    }
    let covered = |lines: &Lines| lines.values().filter(|count| **count > 0).count();
    text + &format!(
        "ours {}/{}, theirs {}/{}; of {} lines {states} have the same state and {counts} the same count",
        covered(ours),
        ours.len(),
        covered(theirs),
        theirs.len(),
        all.len()
    )
}
