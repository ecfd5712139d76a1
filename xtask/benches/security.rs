//! How long the security group takes where nothing has changed, beside cargo-deny and cargo-audit over the same lockfile and the
//! same advisories, in one run, as ratios; and what the search for secrets costs on a pull request of 2,000 lines, with git's own
//! time told apart.
//!
//! `cargo bench -p gateline --bench security [-- --workspace DIR]`: this repository, where no other is named; its packages must be
//! on this machine (`cargo fetch`). Each command runs once to be warm, then in turn with the others; the median counts. The peers
//! read the advisories of our own snapshot, written out as a database. Peers are those that `setup` installed, else those in `PATH`;
//! one that is missing is named as skipped. `-- change` measures the pull request alone. With `--test` (how the gates run benchmarks) only the
//! pull request is searched, once.

#![expect(clippy::disallowed_methods, reason = "a benchmark starts programs and looks at the clock")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "../../tests/support/advisory.rs"]
mod advisory;
#[path = "security/change.rs"]
mod change;
#[path = "security/peers.rs"]
mod peers;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each command.
const TURNS: usize = 11;
/// The longest that may be waited for the advisories, and for the whole group (issue 6).
const ADVISORIES: Duration = Duration::from_millis(150);
const GROUP: Duration = Duration::from_secs(1);

/// What is measured: a name, the command, and its bar where it has one.
struct Subject {
    name: &'static str,
    command: Command,
    bar: Option<Duration>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    if arguments.iter().any(|one| one == "--test") {
        return change::measure(1);
    }
    change::measure(change::TURNS);
    if arguments.iter().any(|one| one == "change") {
        return;
    }
    let named =
        arguments.iter().position(|one| one == "--workspace").map(|at| PathBuf::from(&arguments[at + 1]));
    let workspace =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned());
    group(&workspace.canonicalize().unwrap());
}

fn group(workspace: &Path) {
    let folder = tempfile::Builder::new().prefix("gateline-bench-").tempdir().unwrap();
    let lockfile = std::fs::read_to_string(workspace.join("Cargo.lock")).unwrap();
    println!("\n{} packages in Cargo.lock, {TURNS} turns, warm", lockfile.matches("[[package]]").count());
    let advisories = ours(
        workspace,
        folder.path(),
        &["security", "advisories"],
        ADVISORIES,
        "gateline security advisories",
    );
    let whole = ours(workspace, folder.path(), &["security"], GROUP, "gateline security (seven gates)");
    let (alone, all) = peers::of(workspace, folder.path());
    table([advisories].into_iter().chain(alone).collect());
    table([whole].into_iter().chain(all).collect());
}

fn ours(workspace: &Path, folder: &Path, verb: &[&str], bar: Duration, name: &'static str) -> Subject {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateline"));
    command.args(["--quiet", "--offline", "--report-dir"]).arg(folder.join("reports")).args(verb);
    command.current_dir(workspace);
    for inherited in ["CI", "RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR"] {
        command.env_remove(inherited);
    }
    Subject { name, command, bar: Some(bar) }
}

fn table(mut subjects: Vec<Subject>) {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); subjects.len()];
    for turn in 0..=TURNS {
        for (subject, times) in subjects.iter_mut().zip(&mut times) {
            let took = run(&mut subject.command);
            // The first one warms up.
            times.extend((turn > 0).then_some(took));
        }
    }
    println!("\n| | median ms | least and most ms | ours = 1 | bar |\n|---|---|---|---|---|");
    let ours = median(&mut times[0]).as_secs_f64();
    for (subject, times) in subjects.iter().zip(&mut times) {
        let median = median(times);
        let bar = subject.bar.map_or(String::new(), |bar| {
            format!("{} ms: {}", bar.as_millis(), if median <= bar { "held" } else { "missed" })
        });
        println!(
            "| {} | {} | {} – {} | {:.1} | {bar} |",
            subject.name,
            median.as_millis(),
            times[0].as_millis(),
            times[times.len() - 1].as_millis(),
            median.as_secs_f64() / ours
        );
    }
}

/// Its findings are no failure here: a tool that refuses has done its work.
fn run(command: &mut Command) -> Duration {
    let start = Instant::now();
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let took = start.elapsed();
    assert!(ended.code().is_some_and(|code| code != 1 || !is_ours(command)), "{command:?} could not run");
    took
}

/// 1 is what gateline says where a gate could not run: then nothing was measured.
fn is_ours(command: &Command) -> bool {
    command.get_program() == env!("CARGO_BIN_EXE_gateline")
}

/// Sorts, too.
fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
