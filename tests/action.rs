//! The Action's script without GitHub: inputs become flags and nothing else, exit codes become outcomes.

#![expect(clippy::disallowed_methods, reason = "runs the real script, as a runner would")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program under test.
const GATELINE: &str = env!("CARGO_BIN_EXE_gateline");
/// Shows its arguments, one per line, writes a verdict where it is told to, and ends with the code it is told.
const STAND_IN: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\"\nif [ -n \"$WRITES\" ]; then echo '{}' > \"$WRITES\"; fi\n\
                        exit \"${ENDS:-0}\"\n";

struct Step {
    folder: tempfile::TempDir,
}

struct Ran {
    code: Option<i32>,
    out: String,
    outputs: String,
}

impl Step {
    fn new() -> Step {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = folder.path().join("stand-in");
        std::fs::write(&program, STAND_IN).expect("it can be written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
            .expect("it can be executable");
        std::fs::create_dir(folder.path().join("a workspace")).expect("it can be made");
        Step { folder }
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("a workspace")
    }

    fn run(&self, program: &Path, environment: &[(&str, &str)]) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../action/run.sh");
        let outputs = self.folder.path().join("outputs");
        std::fs::write(&outputs, "").expect("it can be written");
        let ran = Command::new("bash")
            .arg(script)
            .current_dir(self.workspace())
            .env_remove("CARGO_TARGET_DIR")
            .env("GATELINE", program)
            .env("GITHUB_OUTPUT", &outputs)
            .envs(environment.iter().copied())
            .output()
            .expect("bash starts");
        let outputs = std::fs::read_to_string(outputs).expect("it is text");
        Ran { code: ran.status.code(), out: String::from_utf8_lossy(&ran.stdout).into_owned(), outputs }
    }

    fn with_stand_in(&self, environment: &[(&str, &str)]) -> Ran {
        self.run(&self.folder.path().join("stand-in"), environment)
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
    let words: Vec<&str> = ran.out.lines().collect();
    let policy_ref = "--policy-ref=`touch pwned` x";
    let rest = ["--arg", "$(touch", "pwned)", ";", "*", "\"q\"", "--format=human", policy_ref, "--offline"];
    assert_eq!(words, [&["image", "build"][..], &rest].concat());
    assert!(!step.workspace().join("pwned").exists(), "a shell read an input");
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
fn an_earlier_verdict_is_not_this_steps() {
    let step = Step::new();
    let reports = step.workspace().join("target/gateline");
    std::fs::create_dir_all(&reports).expect("it can be made");
    let verdict = reports.join("verdict.json");
    std::fs::write(&verdict, "{}").expect("it can be written");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = std::fs::File::options().write(true).open(&verdict).expect("it is there");
    file.set_modified(old).expect("its time can be set");
    assert_eq!(step.with_stand_in(&[]).outputs, "outcome=passed\n");
    let ran = step.with_stand_in(&[("WRITES", &verdict.to_string_lossy()), ("ENDS", "10")]);
    assert_eq!(ran.outputs, format!("outcome=refused\nverdict={}\n", verdict.display()));
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
