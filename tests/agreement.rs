//! Story: the built-in engine, the engine `llvm-cov` and `cargo llvm-cov` say the same of one workspace, line for line; and
//! documentation tests count for the library, without their comments becoming code.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]

use gateline::evidence::coverage::{LineCounts, Share};
use gateline::policy::coverage::TestCode;
use gateline::tools::cargo::{Cargo, Network};
use gateline::tools::coverage::llvm::Tools;
use gateline::tools::coverage::{Measurement, PackageTree, SourceTree, measure, measure_exported};
use gateline::world::{CommandLine, World};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a measured workspace would hand on to the one inside of it.
const INHERITED: [&str; 9] = [
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_LLVM_COV",
    "CARGO_LLVM_COV_TARGET_DIR",
    "LLVM_PROFILE_FILE",
];

/// The LLVM tools of the Python index have no zlib.
const PLAIN_NAMES: &str = "-Cllvm-args=-enable-name-compression=false";

const LIBRARY: &str = r#"pub fn generic<T: PartialOrd>(one: T, other: T) -> T {
    if one < other { other } else { one }
}

pub fn either(flag: bool, text: &str) -> Result<u8, std::num::ParseIntError> {
    let number: u8 = text.parse()?;
    let add = |more: u8| {
        if flag { number + more } else { number }
    };
    Ok(match add(1) {
        0 => 0,
        1..=9 if flag => 1,
        _ => 2,
    })
}

pub fn never<T>(values: &[T]) -> usize {
    values.iter().map(|_| 1).sum()
}

#[macro_export]
macro_rules! make {
    ($name:ident) => {
        pub fn $name(x: u8) -> u8 {
            if x > 3 { x } else { 0 }
        }
    };
}

make!(made);
make!(unused);

#[cfg(test)]
mod tests {
    use super::*;

    fn helper() -> u8 {
        generic(1, 2)
    }

    #[test]
    fn both() {
        assert_eq!(helper(), 2);
        assert_eq!(generic("b", "a"), "b");
        assert!(either(true, "x").is_err());
        assert_eq!(either(false, "200"), Ok(2));
        assert_eq!(made(4), 4);
    }
}
"#;

const PROGRAM: &str = r#"fn main() {
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        Some("fail") => std::process::exit(3),
        Some(text) => println!("{:?}", shared::either(true, text)),
        None => println!("nothing"),
    }
}
"#;

const PROGRAM_TEST: &str = r#"#[test]
fn spawned() {
    let status = |argument: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_program")).arg(argument).status().unwrap().code()
    };
    assert_eq!((status("7"), status("fail")), (Some(0), Some(3)));
}
"#;

/// A workspace in a directory of its own.
struct Site {
    directory: tempfile::TempDir,
    world: World,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Site {
        let site = Site { directory: tempfile::tempdir().unwrap(), world: World::real().unwrap() };
        for (path, text) in files {
            let path = site.root().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        site
    }

    fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    fn cargo(&self, arguments: &[&str]) -> CommandLine {
        let line = CommandLine::new("cargo", arguments.iter().copied()).in_directory(self.root());
        INHERITED.iter().fold(line, |line, name| line.env_remove(*name))
    }

    /// Runs a command and gives everything that it said.
    async fn run(&self, command: CommandLine) -> String {
        let finished = self.world.run(&command).await.unwrap();
        let said = [finished.stdout, finished.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(finished.status.success(), "{command}: {said}");
        said
    }

    fn measurement(&self, profiles: PathBuf, objects: Vec<PathBuf>, packages: &[&str]) -> Measurement {
        let root = self.root();
        let package = |name: &&str| PackageTree { name: (*name).into(), directory: root.join(name) };
        let tree = SourceTree {
            root: root.clone(),
            target: root.join("target"),
            packages: packages.iter().map(package).collect(),
            remapped: vec![],
        };
        Measurement {
            profiles,
            objects,
            doctests: vec![],
            tree,
            test_code: TestCode::Include,
            writers: BTreeMap::new(),
            expected: vec![],
        }
    }
}

/// The program, in the folder of `setup` or in `PATH`: LLVM tools of a system are often of an older LLVM.
fn find(world: &World, name: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/gateline/tools/bin");
    let path = std::env::split_paths(world.env("PATH").unwrap_or_default()).collect::<Vec<_>>();
    [own].into_iter().chain(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// `DA` records by file and line, and the sums of other records.
fn of_tracefile(text: &str, root: &Path) -> (BTreeMap<(String, u32), u64>, impl Fn(&str) -> u64) {
    let (mut lines, mut file) = (BTreeMap::new(), String::new());
    for record in text.lines() {
        if let Some(path) = record.strip_prefix("SF:") {
            file = Path::new(path).strip_prefix(root).unwrap().display().to_string();
        } else if let Some((line, count)) = record.strip_prefix("DA:").and_then(|data| data.split_once(',')) {
            lines.insert((file.clone(), line.parse().unwrap()), count.parse().unwrap());
        }
    }
    let text = text.to_owned();
    let sum = move |record: &str| {
        text.lines().filter_map(|line| line.strip_prefix(record)?.parse::<u64>().ok()).sum()
    };
    (lines, sum)
}

fn of_counts(counts: &LineCounts) -> BTreeMap<(String, u32), u64> {
    let lines = |file: &gateline::evidence::coverage::FileLines| {
        file.lines.iter().map(|(line, count)| ((file.file.clone(), line), count)).collect::<Vec<_>>()
    };
    counts.files.iter().flat_map(lines).collect()
}

#[tokio::test]
async fn all_engines_say_the_same_of_every_line_function_and_region() {
    let world = World::real().unwrap();
    let found = ["cargo-llvm-cov", "llvm-cov", "llvm-profdata"].map(|name| match name {
        "llvm-cov" => world.env("LLVM_COV").map(PathBuf::from).or_else(|| find(&world, name)),
        "llvm-profdata" => world.env("LLVM_PROFDATA").map(PathBuf::from).or_else(|| find(&world, name)),
        name => find(&world, name),
    });
    let [Some(driver), Some(cov), Some(profdata)] = found else {
        println!("gateline-skip: cargo-llvm-cov");
        return;
    };
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}")
    };
    let site = Site::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"shared\", \"program\"]\n"),
        ("shared/Cargo.toml", &package("shared", "")),
        ("shared/src/lib.rs", LIBRARY),
        ("program/Cargo.toml", &package("program", "[dependencies]\nshared = { path = \"../shared\" }\n")),
        ("program/src/main.rs", PROGRAM),
        ("program/tests/spawned.rs", PROGRAM_TEST),
    ]);
    let theirs = |arguments: &[&str]| {
        let line = CommandLine::new(driver.display().to_string(), arguments.iter().copied())
            .in_directory(site.root())
            .env("LLVM_COV", cov.display().to_string())
            .env("LLVM_PROFDATA", profdata.display().to_string());
        let line = INHERITED.iter().fold(line, |line, name| line.env_remove(*name));
        line.env("RUSTFLAGS", PLAIN_NAMES)
    };
    site.run(theirs(&["llvm-cov", "--no-report", "--workspace", "--offline"])).await;
    let report = ["llvm-cov", "report", "--workspace", "-v", "--lcov", "--output-path", "theirs.lcov"];
    let said = site.run(theirs(&report)).await;
    site.run(theirs(&[
        "llvm-cov",
        "report",
        "--workspace",
        "--json",
        "--summary-only",
        "--output-path",
        "theirs.json",
    ]))
    .await;
    let mut words = said.split_whitespace();
    let mut objects = Vec::new();
    while words.by_ref().any(|word| word == "-object") {
        objects.extend(words.next().map(|object| site.root().join(object)));
    }
    assert!(objects.len() >= 3, "{said}");

    let measurement =
        site.measurement(site.root().join("target/llvm-cov-target"), objects, &["shared", "program"]);
    let builtin = measure(&measurement).unwrap();
    let tracefile = std::fs::read_to_string(site.root().join("theirs.lcov")).unwrap();
    let root = site.root();
    let (lines, sum) = of_tracefile(&tracefile, &root);
    assert!(lines.len() > 30 && lines.values().any(|count| *count == 0), "{tracefile}");
    assert_eq!(of_counts(&builtin), lines);
    let evidence = builtin.evidence();
    let share = |covered: &str, total: &str| Share { covered: sum(covered), total: sum(total) };
    assert_eq!(evidence.functions(), share("FNH:", "FNF:"));
    assert_eq!(evidence.summary_lines(), share("LH:", "LF:"));
    let json = std::fs::read(site.root().join("theirs.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let regions = &json["data"][0]["totals"]["regions"];
    let number = |name: &str| regions[name].as_u64().unwrap();
    assert_eq!(evidence.regions(), Share { covered: number("covered"), total: number("count") });

    let world = world.with_variable("LLVM_COV", &cov.display().to_string());
    let world = world.with_variable("LLVM_PROFDATA", &profdata.display().to_string());
    let cargo = Cargo::discover(&world, &site.root(), Network::Offline).await.unwrap();
    let tools = match Tools::find(&world, &cargo).await {
        Ok(tools) => tools,
        Err(why) => {
            println!("gateline-skip: llvm-tools ({})", why.message);
            return;
        }
    };
    let exported = tools.export(&world, &measurement).await.unwrap();
    let llvm = measure_exported(&measurement, &exported).unwrap();
    assert!(llvm.engine.starts_with("llvm-cov "), "{}", llvm.engine);
    assert_eq!(LineCounts { engine: builtin.engine.clone(), ..llvm }, builtin);

    // What is test code is the same for both, and it is no product code.
    let without = Measurement { test_code: TestCode::Exclude, ..measurement };
    let builtin = measure(&without).unwrap();
    let llvm = measure_exported(&without, &exported).unwrap();
    assert_eq!(LineCounts { engine: builtin.engine.clone(), ..llvm }, builtin);
    assert_eq!(builtin.test_lines, Share { covered: 10, total: 10 });
    assert_eq!(of_counts(&builtin).len() + 10, lines.len());
}

#[tokio::test]
async fn documentation_tests_count_for_the_library_and_their_comments_are_no_code() {
    let library = r#"#![doc = include_str!("../README.md")]
/// ```
/// fn helper() -> u8 { 1 }
/// assert_eq!(library::plain(helper()), 2);
/// assert_eq!(library::generic("a"), "a");
/// assert_eq!(library::twice!(2), 4);
/// ```
pub fn plain(x: u8) -> u8 {
    x + 1
}
pub fn generic<T>(x: T) -> T {
    x
}
pub fn never<T>(x: T) -> T {
    x
}
#[macro_export]
macro_rules! twice {
    ($x:expr) => {{
        fn inner(x: u8) -> u8 {
            x * 2
        }
        inner($x)
    }};
}
#[test]
fn unit() {
    assert_eq!(1, 1);
}
"#;
    // Its lines are counted on as if they stood in the library: lines 9 and 10, which are code.
    let readme = format!("# Readme\n{}```\nassert_eq!(library::generic(3), 3);\n```\n", "\n".repeat(6));
    let site = Site::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"library\"]\n"),
        ("library/Cargo.toml", "[package]\nname = \"library\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("library/README.md", &readme),
        ("library/src/lib.rs", library),
        ("keep", "#!/bin/sh\ncp \"$1\" \"$KEPT/$$\"\nexec \"$@\"\n"),
        ("kept/.keep", ""),
    ]);
    let (keep, kept, profiles) =
        (site.root().join("keep"), site.root().join("kept"), site.root().join("profiles"));
    std::fs::set_permissions(&keep, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let said = site.run(CommandLine::new("rustc", ["-vV"])).await;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let runner = format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace(['-', '.'], "_"));
    let instrumented = |arguments: &[&str]| {
        site.cargo(arguments)
            .env("RUSTFLAGS", "-Cinstrument-coverage")
            .env("RUSTDOCFLAGS", "-Cinstrument-coverage")
            .env("LLVM_PROFILE_FILE", profiles.join("%p-%m.profraw").display().to_string())
            .env("KEPT", kept.display().to_string())
            .env(runner.as_str(), keep.display().to_string())
    };
    let programs = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| !path.ends_with(".keep")).collect()
    };
    site.run(instrumented(&["test", "--lib", "--offline"])).await;
    let objects = programs(&kept);
    site.run(instrumented(&["test", "--doc", "--offline"])).await;
    let doctests: Vec<_> = programs(&kept).into_iter().filter(|path| !objects.contains(path)).collect();
    assert_eq!((objects.len(), doctests.len()), (1, 2));
    // Compiling has left a profile too.
    let measurement = site.measurement(profiles, objects, &["library"]);
    let measurement = Measurement { doctests, test_code: TestCode::Exclude, ..measurement };
    let counts = measure(&measurement).unwrap();
    let [file] = &counts.files[..] else { panic!("{:?}", counts.files) };
    let expected = [
        (8, 1),
        (9, 1),
        (10, 1),
        (11, 2),
        (12, 2),
        (13, 2),
        (14, 0),
        (15, 0),
        (16, 0),
        (20, 1),
        (21, 1),
        (22, 1),
    ];
    assert_eq!(file.lines, expected);
    assert_eq!(counts.test_lines, Share { covered: 3, total: 3 });
}
