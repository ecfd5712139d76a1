//! The built-in coverage engine by hand, to compare it with another one (docs/reference/coverage-engine.md):
//! `coverage_lines ROOT PROFILES OTHER.lcov OURS.lcov OBJECT…` writes our tracefile and prints how many lines agree.

use anyhow::Context as _;
use gateline::policy::coverage::TestCode;
use gateline::report::lcov;
use gateline::tools::coverage::{Measurement, PackageTree, SourceTree, measure};
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
    let measurement = Measurement {
        profiles: profiles.clone(),
        objects: objects.to_vec(),
        doctests: vec![],
        tree,
        test_code: TestCode::Include,
    };
    let counts =
        measure(&measurement).map_err(|error| anyhow::anyhow!("{} ({})", error.message, error.help))?;
    let text = lcov::write(&counts);
    std::fs::write(ours, &text).context("failed to write our tracefile")?;
    let theirs = std::fs::read_to_string(other).context("failed to read the other tracefile")?;
    println!("{}", agreement(&lines(&text, root), &lines(&theirs, root)));
    Ok(())
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
