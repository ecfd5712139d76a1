//! The Action's scripts without GitHub: inputs become flags and nothing else, exit codes become outcomes, and a program that is
//! not what was pinned is never run.

#![expect(clippy::disallowed_methods, reason = "runs the real scripts, as a runner would")]

#[path = "action/machines.rs"]
mod machines;

use clap::CommandFactory as _;
use gateline::cli::Cli;
use gateline::digest::Digest;
use gateline::release::pin::{PATH, PROGRAM, Pin, TARGETS};
use gateline::release::sums::Sums;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program under test.
const GATELINE: &str = env!("CARGO_BIN_EXE_gateline");
/// A commit that was tagged.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// Shows its arguments, one per line, and ends with the code it is told.
const STAND_IN: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit \"${ENDS:-0}\"\n";
/// Stands for gh: gives the file that it is told as the asset, and says of its provenance what it is told.
const GH: &str = "#!/bin/sh\necho \"gh $GH_HOST $*\" >>\"$LOG\"\ncase \"$1\" in\n  release) [ -n \"$ASSET\" ] || exit 1\n    \
                  while [ \"$1\" != --pattern ]; do shift; done; asset=$2; shift 2; cp \"$ASSET\" \"$2/$asset\";;\n  \
                  attestation) exit \"$PROVENANCE\";;\nesac\n";
/// Stands for cargo: leaves a program where the real one would.
const CARGO: &str = "#!/bin/sh\necho \"cargo $PWD $*\" >>\"$LOG\"\nmkdir -p \"$CARGO_TARGET_DIR/debug\"\n\
                     echo built >\"$CARGO_TARGET_DIR/debug/gateline\"\n\
                     chmod 755 \"$CARGO_TARGET_DIR/debug/gateline\"\n";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the suite lies in the repository")
}

fn executable(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(file, text).expect("it can be written");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("it can be executable");
}

fn words(text: &str) -> Vec<&str> {
    text.lines().collect()
}

struct Step {
    folder: tempfile::TempDir,
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
    outputs: String,
}

impl Step {
    fn new() -> Step {
        let folder = tempfile::Builder::new().prefix("a runner ").tempdir().expect("a temporary folder");
        executable(&folder.path().join("stand-in"), STAND_IN);
        for name in [
            "a workspace",
            "a temp",
            "bin",
            "an action/action",
            "an action/xtask",
            "an action/src",
            "an action/.cargo",
        ] {
            std::fs::create_dir_all(folder.path().join(name)).expect("it can be made");
        }
        for script in ["get.sh", "run.sh"] {
            let copy = folder.path().join("an action/action").join(script);
            std::fs::copy(repository().join("action").join(script), copy).expect("it can be copied");
        }
        for file in ["Cargo.toml", "Cargo.lock", "xtask/Cargo.toml"] {
            std::fs::write(folder.path().join("an action").join(file), file).expect("it can be written");
        }
        executable(&folder.path().join("bin/gh"), GH);
        executable(&folder.path().join("bin/cargo"), CARGO);
        Step { folder }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn script(&self, script: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let outputs = self.at("outputs");
        std::fs::write(&outputs, "").expect("it can be written");
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap_or_default());
        let ran = Command::new("bash")
            .arg(self.at("an action/action").join(script))
            .args(arguments)
            .current_dir(self.at("a workspace"))
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CI")
            .envs([("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")])
            .env("GITHUB_ACTION_PATH", self.at("an action/action"))
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_SERVER_URL", "https://github.example")
            .env("RUNNER_TEMP", self.at("a temp"))
            .env("LOG", self.at("log"))
            .env("PATH", path)
            .envs(environment.iter().copied())
            .output()
            .expect("bash starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let outputs = std::fs::read_to_string(outputs).expect("it is text");
        Ran { code: ran.status.code(), out: text(&ran.stdout), err: text(&ran.stderr), outputs }
    }

    fn run(&self, program: &Path, environment: &[(&str, &str)]) -> Ran {
        let program = program.to_string_lossy();
        self.script("run.sh", &[], &[&[("GATELINE", program.as_ref())], environment].concat())
    }

    fn with_stand_in(&self, environment: &[(&str, &str)]) -> Ran {
        self.run(&self.at("stand-in"), environment)
    }

    /// Pins a program as a release does, and looks for it where the release has this asset with this provenance.
    fn find(&self, pinned: &str, asset: &str, provenance: &str) -> Ran {
        let named = TARGETS.map(|target| (format!("{PROGRAM}-{target}"), Digest::of(pinned.as_bytes())));
        let sums = Sums::of(named).expect("plain names");
        let pin = Pin::new(semver::Version::new(1, 2, 3), COMMIT, &sums).expect("it has programs");
        std::fs::write(self.at("an action/action/pin"), pin.text()).expect("it can be written");
        std::fs::write(self.at("asset"), asset).expect("it can be written");
        let asset = if asset.is_empty() { String::new() } else { self.at("asset").display().to_string() };
        let environment = [("ACTION_REPOSITORY", "gate/line"), ("ASSET", &asset), ("PROVENANCE", provenance)];
        self.script("get.sh", &["find"], &environment)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap_or_default()
    }

    fn program(&self) -> Option<String> {
        std::fs::read_to_string(self.at("a temp/gateline-action/gateline")).ok()
    }
}

#[test]
fn inputs_are_words_and_no_shell_reads_them() {
    let step = Step::new();
    let ran = step.with_stand_in(&[
        ("INPUT_COMMAND", "image build"),
        ("INPUT_ARGS", "--arg $(touch pwned)\n; * \"q\""),
        ("INPUT_POLICY_REF", "`touch pwned` x"),
        ("INPUT_OFFLINE", "true"),
        ("INPUT_QUIET", "false"),
    ]);
    let policy_ref = "--policy-ref=`touch pwned` x";
    let rest = ["--arg", "$(touch", "pwned)", ";", "*", "\"q\"", "--format=human", policy_ref, "--offline"];
    assert_eq!(words(&ran.out), [&["image", "build"][..], &rest].concat());
    assert!(!step.at("a workspace/pwned").exists(), "a shell read an input");
    assert_eq!((ran.code, ran.outputs.as_str()), (Some(0), "outcome=passed\n"));
}

#[test]
fn every_exit_code_has_its_outcome() {
    let step = Step::new();
    let outcomes = gateline::exit::Exit::ALL.map(|exit| {
        let code = exit.code().to_string();
        let ran = step.with_stand_in(&[("ENDS", &code)]);
        assert_eq!(ran.code, Some(exit.code().into()));
        ran.outputs.trim().trim_start_matches("outcome=").to_owned()
    });
    let expected =
        ["passed", "error", "usage", "nothing-checked", "refused", "rolled-back", "needs-operator", "held"];
    assert_eq!(outcomes, expected);
    assert_eq!(step.with_stand_in(&[("ENDS", "137")]).outputs, "outcome=error\n");
}

#[test]
fn a_switch_is_true_or_false() {
    let ran = Step::new().with_stand_in(&[("INPUT_OFFLINE", "yes please")]);
    assert_eq!((ran.code, ran.outputs.as_str(), ran.out.as_str()), (Some(2), "outcome=usage\n", ""));
}

#[test]
fn the_real_program_takes_every_flag() {
    let step = Step::new();
    let ran = step.run(
        Path::new(GATELINE),
        &[
            ("INPUT_COMMAND", "policy check"),
            ("INPUT_WORKSPACE", "."),
            ("INPUT_POLICIES", "policies"),
            ("INPUT_POLICY_REF", "main"),
            ("INPUT_REPORT_DIR", "reports"),
            ("INPUT_OFFLINE", "true"),
            ("INPUT_VERBOSE", "true"),
        ],
    );
    // Not a repository: the command line was understood, and the workspace was refused with its own words.
    assert_eq!((ran.code, ran.outputs.as_str()), (Some(2), "outcome=usage\n"), "{}", ran.out);
    assert_eq!(step.run(Path::new(GATELINE), &[("INPUT_COMMAND", "completions bash")]).code, Some(0));
}

fn action() -> serde_yaml::Value {
    let text = std::fs::read_to_string(repository().join("action/action.yml")).expect("it is there");
    serde_yaml::from_str(&text).expect("it is YAML")
}

fn keys(value: &serde_yaml::Value) -> BTreeSet<String> {
    let keys = value.as_mapping().expect("a mapping").keys();
    keys.map(|key| key.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn inputs_are_the_flags_that_every_verb_takes() {
    let mut grammar = Cli::command();
    grammar.build();
    let global = grammar.get_arguments().filter(|argument| argument.is_global_set());
    let flags: BTreeSet<String> = global.filter_map(|one| one.get_long().map(str::to_owned)).collect();
    let not_an_input = ["format", "help", "version"];
    let flags = flags.into_iter().filter(|flag| !not_an_input.contains(&flag.as_str()));
    let expected: BTreeSet<String> = flags.chain(["command".to_owned(), "args".to_owned()]).collect();
    let action = action();
    assert_eq!(keys(&action["inputs"]), expected);
    let run =
        action["runs"]["steps"].as_sequence().expect("steps").last().expect("the last step runs it").clone();
    let passed: BTreeSet<String> =
        expected.iter().map(|name| format!("INPUT_{}", name.to_uppercase().replace('-', "_"))).collect();
    assert_eq!(keys(&run["env"]), passed.into_iter().chain(["GATELINE".to_owned()]).collect());
}

/// A library with one tested and one untested line.
const LIBRARY: &str = "//! A fixture.\n/// Reached.\npub fn reached() -> u8 {\n    1\n}\n/// Not.\npub fn not() -> u8 {\n    2\n}\n\
                       #[test]\nfn one() {\n    assert_eq!(reached(), 1);\n}\n";

#[test]
fn a_verdict_becomes_outputs_and_an_earlier_one_does_not() {
    let step = Step::new();
    let workspace = step.at("a workspace");
    let manifest = "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
    let lockfile = "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n";
    std::fs::create_dir(workspace.join("src")).expect("it can be made");
    for (name, text) in [
        ("Cargo.toml", manifest),
        ("Cargo.lock", lockfile),
        ("src/lib.rs", LIBRARY),
        (".gitignore", "/target\n"),
    ] {
        std::fs::write(workspace.join(name), text).expect("it can be written");
    }
    let git = |arguments: &[&str]| {
        let identity =
            ["-c", "user.name=Step", "-c", "user.email=step@example.invalid", "-c", "commit.gpgsign=false"];
        let ran = Command::new("git").args(identity).args(arguments).current_dir(&workspace).status();
        assert!(ran.expect("git starts").success());
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=first"]);
    let ran = step.run(Path::new(GATELINE), &[("INPUT_COMMAND", "coverage"), ("INPUT_OFFLINE", "true")]);
    let reports = workspace.join("target/gateline").display().to_string();
    let expected =
        format!("report-dir={reports}\nverdict={reports}/verdict.json\ncoverage=50\noutcome=refused\n");
    assert_eq!((ran.code, ran.outputs.as_str()), (Some(10), expected.as_str()), "{}{}", ran.out, ran.err);
    // Every output of the Action has its writer; the digest is the image's (tests/image.rs builds one).
    let outputs = ["outcome", "verdict", "report-dir", "coverage", "patch-coverage", "digest"];
    assert_eq!(keys(&action()["outputs"]), outputs.into_iter().map(str::to_owned).collect());
    let ran = step.run(Path::new(GATELINE), &[("INPUT_COMMAND", "policy show")]);
    assert_eq!((ran.code, ran.outputs.as_str()), (Some(0), "outcome=passed\n"), "{}", ran.err);
}

#[test]
fn a_pinned_program_with_its_provenance_is_used() {
    let step = Step::new();
    let ran = step.find("the program", "the program", "0");
    assert_eq!((ran.code, ran.outputs.as_str()), (Some(0), "found=true\n"), "{}", ran.err);
    assert_eq!(step.program().as_deref(), Some("the program"));
    let log = step.log();
    let source = format!("--source-digest {COMMIT}");
    let asked = ["gh github.example release download v1.2.3 --repo gate/line", source.as_str()];
    assert!(asked.iter().all(|words| log.contains(words)), "{log}");
    assert!(log.contains("--signer-workflow gate/line/.github/workflows/release.yml"), "{log}");
}

#[test]
fn the_pin_names_what_the_script_asks_for() {
    let script = std::fs::read_to_string(repository().join("action/get.sh")).expect("it is there");
    let asked: BTreeSet<&str> =
        script.lines().filter_map(|line| line.split_once(" asset=")?.1.strip_suffix(" ;;")).collect();
    assert_eq!(
        asked,
        TARGETS.map(|target| format!("{PROGRAM}-{target}")).iter().map(String::as_str).collect()
    );
    assert!(script.contains("pin=\"$GITHUB_ACTION_PATH/pin\"") && PATH == "action/pin");
}

#[test]
fn what_is_not_what_was_pinned_ends_the_step() {
    for (asset, provenance, why) in
        [("another", "0", "its checksum differs"), ("the program", "1", "has no provenance")]
    {
        let step = Step::new();
        let ran = step.find("the program", asset, provenance);
        assert_eq!((ran.code, ran.outputs.as_str()), (Some(1), ""), "{}", ran.err);
        assert!(ran.err.contains(why), "{}", ran.err);
        assert_eq!(step.program(), None);
        assert!(!step.at("a temp/gateline-action/gateline-x86_64-unknown-linux-gnu").exists());
    }
}

#[test]
fn without_a_release_the_program_is_built_from_the_actions_own_source() {
    let step = Step::new();
    // Neither a pin without a release, nor a release without a pin.
    let ran = step.find("the program", "", "0");
    let key =
        ran.outputs.strip_prefix("found=false\nkey=gateline-action-Linux-X64-").expect("a key").to_owned();
    let unpinned = |step: &Step| {
        std::fs::remove_file(step.at("an action/action/pin")).expect("it can be removed");
        step.script("get.sh", &["find"], &[("ACTION_REPOSITORY", "gate/line")])
    };
    assert_eq!(unpinned(&step).outputs, ran.outputs);
    std::fs::write(step.at("an action/src/a.rs"), "other").expect("it can be written");
    let other = step.script("get.sh", &["find"], &[]);
    assert!(other.outputs.starts_with("found=false") && !other.outputs.contains(&key), "{}", other.outputs);
    let built = step.script("get.sh", &["build"], &[]);
    assert_eq!((built.code, built.outputs.as_str()), (Some(0), "built=true\n"), "{}", built.err);
    assert!(step.log().ends_with("an action build --locked --package gateline\n"), "{}", step.log());
    assert_eq!(step.program().as_deref(), Some("built\n"));
    // Where the source has it, the program is built with what talks with GitHub.
    std::fs::write(step.at("an action/xtask/Cargo.toml"), "[features]\ngithub = []\n")
        .expect("it can be written");
    step.script("get.sh", &["build"], &[]);
    assert_eq!(step.log().lines().filter(|line| line.ends_with("--features github")).count(), 0);
    std::fs::remove_file(step.at("a temp/gateline-action/gateline")).expect("it can be removed");
    step.script("get.sh", &["build"], &[]);
    assert!(step.log().ends_with("--features github\n"), "{}", step.log());
}

#[test]
fn what_the_default_branch_built_is_not_built_again() {
    let step = Step::new();
    std::fs::create_dir_all(step.at("a temp/gateline-action")).expect("it can be made");
    executable(&step.at("a temp/gateline-action/gateline"), "restored");
    let built = step.script("get.sh", &["build"], &[]);
    assert_eq!((built.code, built.outputs.as_str()), (Some(0), "built=false\n"), "{}", built.err);
    assert_eq!((step.program().as_deref(), step.log().as_str()), (Some("restored"), ""));
    // What lies there before anything was looked for is nobody's.
    step.script("get.sh", &["find"], &[]);
    assert_eq!(step.program(), None);
}
