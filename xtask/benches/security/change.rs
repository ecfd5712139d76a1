//! A pull request of 2,000 added lines, searched for secrets as the gate does it: every commit behind the base, by git's own list of
//! blobs. Beside it, the same questions to git with nobody who reads the answers.

use gateline::tools::security::secrets::{Wanted, gather_commits};
use gateline::world::{Clock, World};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs over it.
pub(crate) const TURNS: usize = 25;
/// Files, each of so many lines at the base, and commits, each of which adds so many lines.
const FILES: usize = 20;
const LINES_BEFORE: usize = 300;
const COMMITS: usize = 10;
const LINES_EACH: usize = 200;
/// What it may cost besides git (issue 6).
const BAR: Duration = Duration::from_millis(50);
/// Ticks of a second in `/proc`.
const TICKS: f64 = 100.0;

pub(crate) fn measure(turns: usize) {
    let folder = tempfile::Builder::new().prefix("gateline-bench-").tempdir().unwrap();
    let root = folder.path();
    let base = lay(root);
    let environment = std::env::vars().collect();
    let world = World::with(environment, root.to_owned(), Clock::system());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let wanted = Wanted::Since(base.clone());
    let search = || {
        let found = runtime.block_on(gather_commits(&world, root, &wanted, &[], &[]));
        let found = found.map_err(|why| why.message).unwrap();
        // Each commit changes two files, and the change holds none.
        assert_eq!((found.files, found.found.len()), (2 * COMMITS as u64, 0));
    };
    let objects = git(root, &["rev-list", "--objects", &format!("{base}..HEAD")]);
    let objects: Vec<&str> =
        objects.lines().filter_map(|line| line.split_once(" file-").map(|(name, _)| name)).collect();
    assert_eq!(objects.len(), 2 * COMMITS);
    search();
    let (mut ours, mut bare, mut processor) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..turns {
        let (start, before) = (Instant::now(), own_ticks());
        search();
        ours.push(start.elapsed());
        processor += own_ticks() - before;
        let start = Instant::now();
        git_alone(root, &base, &objects);
        bare.push(start.elapsed());
    }
    let (ours, bare) = (super::median(&mut ours), super::median(&mut bare));
    let besides = ours.saturating_sub(bare);
    println!(
        "a pull request of {} lines in {COMMITS} commits: {:.1} ms, git alone {:.1} ms, besides git {:.1} ms (bar {} ms: {}); processor time of our own {:.1} ms",
        COMMITS * LINES_EACH,
        millis(ours),
        millis(bare),
        millis(besides),
        BAR.as_millis(),
        if besides <= BAR { "held" } else { "missed" },
        processor / TICKS * 1e3 / f64::from(u32::try_from(turns).unwrap())
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A repository on a branch of its own; the base's commit.
fn lay(root: &Path) -> String {
    let line = |file: usize, at: usize| {
        format!("    let value_{at} = parse(&input[{at}], \"key: {file}\").token()?; // as in #{at}\n")
    };
    let mut texts: Vec<String> =
        (0..FILES).map(|file| (0..LINES_BEFORE).map(|at| line(file, at)).collect()).collect();
    let write = |file: usize, text: &str| std::fs::write(root.join(format!("file-{file}.rs")), text).unwrap();
    texts.iter().enumerate().for_each(|(file, text)| write(file, text));
    git(root, &["init", "--quiet"]);
    let commit = || {
        git(root, &["add", "--all"]);
        git(
            root,
            &[
                "-c",
                "user.name=b",
                "-c",
                "user.email=b@example.invalid",
                "commit",
                "--quiet",
                "--message",
                "more",
            ],
        );
        git(root, &["rev-parse", "HEAD"])
    };
    let base = commit();
    for number in 0..COMMITS {
        for file in [2 * number, 2 * number + 1] {
            let more: String = (0..LINES_EACH / 2).map(|at| line(file, LINES_BEFORE + at)).collect();
            texts[file] += &more;
            write(file, &texts[file]);
        }
        commit();
    }
    base
}

/// What the gate asks git, with the answers thrown away.
fn git_alone(root: &Path, base: &str, objects: &[&str]) {
    git(root, &["rev-parse", "--is-shallow-repository"]);
    let range = format!("^{base}");
    let mut list = spawn(
        root,
        &["rev-list", "--topo-order", "--reverse", &range, "HEAD"],
        Stdio::null(),
        Stdio::piped(),
    );
    let commits = Stdio::from(list.stdout.take().unwrap());
    let raw = ["--raw", "-z", "--no-renames", "--no-abbrev", "--relative"];
    let compare = [&["diff-tree", "--stdin", "-r", "-c", "--root"][..], &raw].concat();
    let compare = spawn(root, &compare, commits, Stdio::null());
    // As many as threads read.
    let readers = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let batch = ["cat-file", "--batch=%(objecttype) %(objectsize)"];
    let mut blobs: Vec<_> =
        (0..readers).map(|_| spawn(root, &batch, Stdio::piped(), Stdio::null())).collect();
    blobs[0].stdin.take().unwrap().write_all((objects.join("\n") + "\n").as_bytes()).unwrap();
    for mut one in [list, compare].into_iter().chain(blobs) {
        assert!(one.wait().unwrap().success());
    }
    git(root, &[&["diff-index"][..], &raw, &["HEAD"]].concat());
    git(root, &["ls-files", "-z", "--others", "--exclude-standard"]);
}

fn spawn(root: &Path, arguments: &[&str], input: Stdio, output: Stdio) -> std::process::Child {
    Command::new("git").args(arguments).current_dir(root).stdin(input).stdout(output).spawn().unwrap()
}

fn git(root: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(root).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Processor time of this process and its threads so far, not of those that it started.
fn own_ticks() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
}
