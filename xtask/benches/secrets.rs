//! How fast a tree and a change are searched for secrets, beside gitleaks and ripsecrets over the same files in the same run.
//!
//! `cargo bench -p gateline --bench secrets -- FOLDER`: each tool three times in turn, in a process of its own, with its wall
//! clock, processor time and memory; the median of each, and its ratio to ours. Peers are those that `setup` installed, else those in
//! `PATH`; one that is missing is skipped and named. A peer that takes longer than `--patience SECONDS` (300) is stopped, not asked
//! again, and told as "longer". Without a folder, a change of 2,000 lines is measured, which is
//! what a pull request costs besides git. With `--test` (how the gates run benchmarks) that once.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads its arguments, starts peers and looks at the clock"
)]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use gateline::tools::security::secrets::{Finder, scan_files};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each tool.
const TURNS: usize = 3;
/// Lines of the change, and runs over it.
const LINES: usize = 2000;
const CHANGE_TURNS: usize = 200;
/// Longest wait for a peer.
const PATIENCE_SECS: u64 = 300;

/// What one run took.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    processor: f64,
    mebibytes: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    if let Some(at) = arguments.iter().position(|one| one == "--scan") {
        return scan(Path::new(&arguments[at + 1]));
    }
    let little = arguments.iter().any(|one| one == "--test");
    change(if little { 1 } else { CHANGE_TURNS });
    let patience = arguments.iter().position(|one| one == "--patience");
    let patience = patience.map_or(PATIENCE_SECS, |at| arguments[at + 1].parse().unwrap());
    if let Some(folder) = arguments.first().filter(|one| !one.starts_with('-')) {
        tree(Path::new(folder), Duration::from_secs(patience));
    }
}

/// The lines that a change adds, as one text in memory: what is left of a pull request's cost without git.
fn change(turns: usize) {
    let line = |at: usize| {
        format!("    let value_{at} = parse(&input[{at}], \"key: {at}\").token()?; // as in #{at}\n")
    };
    let text: String = (0..LINES).map(line).collect();
    let start = Instant::now();
    let finder = Finder::new().unwrap();
    let prepared = start.elapsed();
    let start = Instant::now();
    let found: usize = (0..turns).map(|_| finder.find(text.as_bytes()).len()).sum();
    let each = start.elapsed() / u32::try_from(turns).unwrap();
    println!(
        "a change of {LINES} lines, {} KiB: rules {:.1} ms, scan {:.2} ms, {found} found",
        text.len() >> 10,
        prepared.as_secs_f64() * 1e3,
        each.as_secs_f64() * 1e3
    );
}

/// In a process of its own, so that its memory is its own.
fn scan(root: &Path) {
    let (files, _) = files_below(root);
    let evidence = scan_files(root, &files, &[], &[]).map_err(|why| why.message).unwrap();
    println!("{} found", evidence.found.len());
}

fn tree(root: &Path, patience: Duration) {
    let (files, bytes) = files_below(root);
    println!("{} files, {:.0} MB, {TURNS} turns, the median", files.len(), bytes as f64 / 1e6);
    let own = std::env::current_exe().unwrap();
    let own = own.to_string_lossy();
    let peers: [(&str, &[&str]); 2] = [
        ("gitleaks", &["dir", ".", "--no-banner", "--exit-code=0", "--log-level=error"]),
        ("ripsecrets", &["."]),
    ];
    let mut tools = vec![("gateline", vec![own.into_owned(), "--scan".to_owned(), ".".to_owned()])];
    for (name, arguments) in peers {
        match find(name) {
            Some(program) => {
                let arguments = arguments.iter().map(|one| (*one).to_owned());
                tools.push((name, [program].into_iter().chain(arguments).collect()));
            }
            None => println!("skipped: {name} is not installed"),
        }
    }
    let mut runs: Vec<Vec<Option<Took>>> = vec![Vec::new(); tools.len()];
    for _ in 0..TURNS {
        for ((_, command), runs) in tools.iter().zip(&mut runs) {
            if runs.last().is_none_or(Option::is_some) {
                runs.push(run(command, root, patience));
            }
        }
    }
    let median = |runs: &[Option<Took>], of: fn(&Took) -> f64| {
        let mut all: Vec<f64> = runs.iter().flatten().map(of).collect();
        all.sort_by(f64::total_cmp);
        (all.len() == TURNS).then(|| all[TURNS / 2])
    };
    println!(
        "| tool | wall s | processor s | MB/s | memory MiB | wall, ours = 1 |\n|---|---|---|---|---|---|"
    );
    let ours = median(&runs[0], |took| took.wall).unwrap();
    for ((name, _), runs) in tools.iter().zip(&runs) {
        match median(runs, |took| took.wall) {
            None => println!("| {name} | longer than {} s | | | | more |", patience.as_secs()),
            Some(wall) => println!(
                "| {name} | {wall:.2} | {:.2} | {:.0} | {:.0} | {:.1} |",
                median(runs, |took| took.processor).unwrap(),
                bytes as f64 / 1e6 / wall,
                median(runs, |took| took.mebibytes).unwrap(),
                wall / ours
            ),
        }
    }
}

/// A peer that `setup` installed, else one in `PATH`.
fn find(name: &str) -> Option<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/gateline/tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = [own].into_iter().chain(std::env::split_paths(&path));
    let found = places.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()));
    found.map(|file| file.to_string_lossy().into_owned())
}

/// One run; `None` where it cannot start or takes too long. What a process used is read while it is a zombie.
fn run(command: &[String], root: &Path, patience: Duration) -> Option<Took> {
    let start = Instant::now();
    let started = Command::new(&command[0])
        .args(&command[1..])
        .current_dir(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = started.ok()?;
    let (mut peak, mut processor) = (0.0_f64, 0.0);
    loop {
        peak = peak.max(field(child.id(), "status", "VmHWM:").unwrap_or_default() / 1024.0);
        let ended = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
        let fields: Vec<&str> = ended.rsplit(") ").next()?.split(' ').collect();
        // In hundredths of a second, of itself and its threads.
        processor =
            f64::max(processor, (fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?) / 100.0);
        if fields[0] == "Z" {
            let wall = start.elapsed().as_secs_f64();
            child.wait().ok()?;
            return Some(Took { wall, processor, mebibytes: peak });
        }
        if start.elapsed() > patience {
            child.kill().ok()?;
            child.wait().ok()?;
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn field(process: u32, file: &str, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn files_below(root: &Path) -> (Vec<PathBuf>, u64) {
    let (mut folders, mut files, mut bytes) = (vec![root.to_owned()], Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                bytes += entry.metadata().unwrap().len();
                files.push(entry.path().strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    (files, bytes)
}
