//! The headline speed: every gate by gateline, against the pipeline that a team writes by hand (rustfmt, clippy,
//! cargo-llvm-cov with nextest, documentation tests), on public crates, both in one run, as ratios.
//!
//! Each crate is measured cold (nothing compiled, dependencies included), warm (nothing changed) and after one function was added. Both sides start
//! from their own copy with their own target directory, and take turns, so that a busy machine is busy for both.
//!
//! `cargo bench --profile dev -p gateline --bench pipeline -- hexyl@0.16.0` or `-- --workspace DIR`; without names, the
//! crates below. Needs cargo-nextest, cargo-llvm-cov and LLVM tools: `cargo xtask setup`. With `--test` (how the
//! gates run benchmarks) only the reading of arguments is checked.

#![expect(clippy::disallowed_methods, reason = "a benchmark runs programs and looks at the clock")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is measured where no crate is named: three programs with a library, and a library with many documentation tests.
const CRATES: [&str; 4] = ["hexyl@0.16.0", "pastel@0.12.0", "diskus@0.9.0", "http@1.5.0"];
/// Warm runs and runs after a change are repeated; the median counts.
const RUNS: usize = 3;

/// What is measured.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// A published crate.
    Crate { name: String, version: String },
    /// A workspace that is here.
    Folder(PathBuf),
}

/// One side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Gateline,
    ByHand,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument == "--test") {
        check_arguments();
        return;
    }
    let folder = tempfile::Builder::new().prefix("gateline-bench-").tempdir().unwrap();
    println!("| workspace | state | by hand | gateline | ratio |\n|---|---|---|---|---|");
    for (number, subject) in subjects(&arguments).iter().enumerate() {
        measure(subject, &folder.path().join(number.to_string()));
    }
}

fn subjects(arguments: &[String]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        subjects.push(match word.as_str() {
            "--workspace" => Subject::Folder(words.next().expect("--workspace DIR").into()),
            word => published(word),
        });
    }
    if subjects.is_empty() { CRATES.iter().map(|name| published(name)).collect() } else { subjects }
}

fn published(word: &str) -> Subject {
    let (name, version) = word.split_once('@').expect("NAME@VERSION");
    Subject::Crate { name: name.to_owned(), version: version.to_owned() }
}

fn check_arguments() {
    let words = ["a@1.0.0", "--workspace", "/w"].map(str::to_owned);
    let expected = [published("a@1.0.0"), Subject::Folder("/w".into())];
    assert_eq!(subjects(&words), expected);
    assert_eq!(subjects(&[]).len(), CRATES.len());
}

fn measure(subject: &Subject, folder: &Path) {
    let name = match subject {
        Subject::Crate { name, version } => format!("{name} {version}"),
        Subject::Folder(path) => path.file_name().unwrap().to_string_lossy().into_owned(),
    };
    let sides = [Side::ByHand, Side::Gateline].map(|side| {
        let place = folder.join(format!("{side:?}"));
        lay(subject, &place);
        (side, place)
    });
    let row = |state: &str, times: &[Vec<Duration>; 2]| {
        let [hand, ours] = times.each_ref().map(|times| median(times).as_secs_f64());
        println!("| {name} | {state} | {hand:.2} s | {ours:.2} s | {:.2} |", ours / hand);
    };
    row("cold", &sides.each_ref().map(|(side, place)| vec![run(*side, place)]));
    let mut warm = [Vec::new(), Vec::new()];
    let mut changed = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (index, (side, place)) in sides.iter().enumerate() {
            warm[index].push(run(*side, place));
        }
    }
    row("nothing changed", &warm);
    for number in 0..RUNS {
        for (index, (side, place)) in sides.iter().enumerate() {
            add_a_function(place, number);
            changed[index].push(run(*side, place));
        }
    }
    row("one function added", &changed);
}

/// Puts the sources into a repository of their own.
fn lay(subject: &Subject, place: &Path) {
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    match subject {
        Subject::Folder(from) => copy(from, place),
        Subject::Crate { name, version } => {
            let vendor = place.with_extension("vendor");
            std::fs::create_dir_all(vendor.join("src")).unwrap();
            std::fs::write(vendor.join("src/lib.rs"), "").unwrap();
            let manifest = format!(
                "[package]\nname = \"bench-fetch\"\nversion = \"0.0.0\"\n[dependencies]\n{name} = \"={version}\"\n[workspace]\n"
            );
            std::fs::write(vendor.join("Cargo.toml"), manifest).unwrap();
            quiet(Command::new("cargo").args(["vendor", "--quiet", "all"]).current_dir(&vendor));
            copy(&vendor.join("all").join(name), place);
            std::fs::remove_dir_all(vendor).unwrap();
        }
    }
    if !place.join("Cargo.lock").is_file() {
        quiet(Command::new("cargo").args(["generate-lockfile", "--quiet"]).current_dir(place));
    }
    std::fs::write(place.join(".gitignore"), "/target\n").unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=b",
            "-c",
            "user.email=b@example.invalid",
            "commit",
            "--quiet",
            "--message",
            "start",
        ],
    ] {
        quiet(Command::new("git").args(arguments).current_dir(place));
    }
    quiet(Command::new("cargo").args(["fetch", "--quiet"]).current_dir(place));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if [".git", "target", ".cargo-checksum.json"].iter().any(|left_out| name == *left_out) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn quiet(command: &mut Command) {
    assert!(command.stdin(Stdio::null()).status().unwrap().success(), "{command:?}");
}

/// One whole run. Gateline may refuse: then it did the whole work. A step of the other side that fails may have left work out,
/// which is said, for then the row compares nothing.
fn run(side: Side, place: &Path) -> Duration {
    let commands: &[&[&str]] = match side {
        Side::Gateline => &[&["--quiet", "ci", "--gate", "lint", "--gate", "tests", "--gate", "coverage"]],
        Side::ByHand => &[
            &["fmt", "--all", "--check"],
            // A finding must not end the work early: newer compilers deny what older crates do.
            &["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "--cap-lints=warn"],
            &[
                "llvm-cov",
                "nextest",
                "--workspace",
                "--locked",
                "--lcov",
                "--output-path",
                "target/lcov.info",
            ],
            &["test", "--workspace", "--doc", "--locked", "--quiet"],
        ],
    };
    let program = if side == Side::Gateline { env!("CARGO_BIN_EXE_gateline") } else { "cargo" };
    let start = Instant::now();
    for arguments in commands {
        let mut command = Command::new(program);
        command.args(*arguments).current_dir(place).env_remove("CARGO_TARGET_DIR").env_remove("CI");
        if side == Side::ByHand {
            // The LLVM tools of the Python index have no zlib.
            command.env("RUSTFLAGS", "-Cllvm-args=-enable-name-compression=false");
        }
        for left_over in ["RUSTC_WORKSPACE_WRAPPER", "RUST_BACKTRACE"] {
            command.env_remove(left_over);
        }
        let status =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        if side == Side::ByHand && !status.success() {
            println!(
                "by hand, `cargo {}` failed ({status}): what follows for this crate is not a comparison",
                arguments.join(" ")
            );
        }
    }
    start.elapsed()
}

fn add_a_function(place: &Path, number: usize) {
    let file =
        ["src/lib.rs", "src/main.rs"].map(|file| place.join(file)).into_iter().find(|file| file.is_file());
    let file = file.expect("a crate has src/lib.rs or src/main.rs");
    let text = std::fs::read_to_string(&file).unwrap();
    let function = format!(
        "\n/// Added by a benchmark.\n#[allow(dead_code)]\npub fn added_{number}() -> usize {{\n    {number}\n}}\n"
    );
    std::fs::write(file, text + &function).unwrap();
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}
