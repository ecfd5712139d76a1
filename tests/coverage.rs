//! Story: two instrumented programs that share a library are run, and the built-in engine counts exactly the lines
//! that the sources themselves expect; what is damaged is refused by name.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]

use gateline::evidence::coverage::LineCounts;
use gateline::policy::coverage::TestCode;
use gateline::tools::coverage::{Measurement, PackageTree, SourceTree, measure};
use gateline::world::{CommandLine, World};
use std::path::{Path, PathBuf};

/// A fixture crate, compiled with instrumentation.
struct Fixture {
    directory: tempfile::TempDir,
    world: World,
}

const SOURCES: [&str; 3] = ["src/bin/one.rs", "src/bin/two.rs", "src/shared.rs"];

impl Fixture {
    async fn compiled() -> Fixture {
        let fixture = Fixture { directory: tempfile::tempdir().unwrap(), world: World::real().unwrap() };
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/coverage");
        for source in SOURCES {
            let copy = fixture.root().join(source);
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::copy(original.join(source), copy).unwrap();
        }
        fixture.rustc(&["--crate-type=lib", "--crate-name=shared", "src/shared.rs"]).await;
        fixture.compile_program("one").await;
        fixture.compile_program("two").await;
        fixture
    }

    async fn compile_program(&self, program: &str) {
        let source = format!("src/bin/../bin/{program}.rs");
        self.rustc(&["--extern=shared=libshared.rlib", "--crate-name", program, &source]).await;
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    async fn rustc(&self, arguments: &[&str]) {
        let line = ["--edition=2024", "-Cinstrument-coverage", "-Copt-level=0"];
        let command = CommandLine::new("rustc", line.iter().chain(arguments).copied());
        self.run(command).await;
    }

    async fn run(&self, command: CommandLine) {
        let finished = self.world.run(&command.in_directory(self.root())).await.unwrap();
        assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
    }

    /// Runs a program with profiles of its own: these tests may be measured themselves.
    async fn run_program(&self, program: &str) {
        let pool = self.profiles().join("%2m.profraw").display().to_string();
        let program = self.root().join(program).display().to_string();
        self.run(CommandLine::new(program, [""; 0]).env("LLVM_PROFILE_FILE", pool)).await;
    }

    fn profiles(&self) -> PathBuf {
        self.root().join("profiles")
    }

    fn measurement(&self, objects: &[&str]) -> Measurement {
        let package = PackageTree { name: "fixture".into(), directory: self.root().into() };
        let tree = SourceTree {
            root: self.root().into(),
            target: self.root().join("target"),
            packages: vec![package],
            remapped: vec![],
        };
        let objects = objects.iter().map(|object| self.root().join(object)).collect();
        Measurement {
            profiles: self.profiles(),
            objects,
            doctests: vec![],
            tree,
            test_code: TestCode::Include,
            writers: Default::default(),
            expected: vec![],
        }
    }

    fn measured(&self, objects: &[&str]) -> LineCounts {
        measure(&self.measurement(objects)).unwrap()
    }
}

/// What a source says of its lines.
fn expected(source: &str) -> Vec<(u32, u64)> {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/coverage").join(source),
    )
    .unwrap();
    let lines = text.lines().zip(1..).filter_map(|(line, number)| {
        let (_, says) = line.rsplit_once("// ")?;
        let count = if says == "never" { 0 } else { says.strip_prefix("ran ")?.parse().unwrap() };
        Some((number, count))
    });
    lines.collect()
}

#[tokio::test]
async fn every_line_counts_as_its_source_says_in_any_order_of_objects() {
    let fixture = Fixture::compiled().await;
    fixture.run_program("one").await;
    fixture.run_program("two").await;
    let counts = fixture.measured(&["one", "two"]);
    let files: Vec<_> = counts.files.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(files, SOURCES);
    for file in &counts.files {
        assert_eq!(file.lines, expected(&file.file), "{}", file.file);
    }
    assert_eq!(counts, fixture.measured(&["two", "one", "two"]));
}

#[tokio::test]
async fn a_program_that_never_ran_is_mapped_and_uncovered() {
    let fixture = Fixture::compiled().await;
    fixture.run_program("two").await;
    let counts = fixture.measured(&["one", "two"]);
    let one = &counts.files[0];
    let lines = one.lines.iter().map(|(line, _)| line).collect::<Vec<_>>();
    let executable = expected("src/bin/one.rs").into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!((one.covered(), lines), (0, executable));
    assert_eq!(counts.files[1].lines, expected("src/bin/two.rs"));
}

#[tokio::test]
async fn a_function_that_was_changed_after_it_ran_does_not_count() {
    let fixture = Fixture::compiled().await;
    fixture.run_program("two").await;
    let source = fixture.root().join("src/bin/two.rs");
    let changed = std::fs::read_to_string(&source).unwrap() + "fn added() {\n}\n";
    std::fs::write(&source, changed.replace("exit(0)", "exit(0 + 0)")).unwrap();
    fixture.compile_program("two").await;
    let counts = fixture.measured(&["two"]);
    assert_eq!(
        counts.files[0].lines,
        [(5, 0), (6, 0)],
        "`main` has another structure now, `added` never ran"
    );
    assert_eq!(counts.files[1].lines.iter().next(), Some((3, 1)), "the library is the same");
}

#[tokio::test]
async fn a_damaged_profile_or_object_is_refused_by_name() {
    let fixture = Fixture::compiled().await;
    fixture.run_program("one").await;
    let profile = std::fs::read_dir(fixture.profiles()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&profile).unwrap();
    let refused = |expected: &str| {
        let error = measure(&fixture.measurement(&["one"])).unwrap_err();
        assert!(error.message.contains(expected), "{}", error.message);
    };
    for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&profile, &whole[..length]).unwrap();
        refused(&format!("{} cannot be used", profile.display()));
    }
    std::fs::write(&profile, &whole).unwrap();
    let object = std::fs::read(fixture.root().join("one")).unwrap();
    std::fs::write(fixture.root().join("one"), &object[..object.len() / 2]).unwrap();
    refused("one cannot be used");
    std::fs::remove_file(&profile).unwrap();
    refused("no raw profile");
}
