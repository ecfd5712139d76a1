//! Each kind of runner gets its own program, and what was not released for it is built. The names of runners are GitHub's
//! (`RUNNER_OS`, `RUNNER_ARCH`); the tools of macOS are stood in for.

use super::{Step, executable};
use gateline::digest::Digest;

/// What get.sh uses besides what stands in for gh and cargo.
const TOOLS: [&str; 14] =
    ["bash", "cat", "chmod", "cp", "cut", "env", "find", "grep", "mkdir", "mv", "rm", "sh", "sort", "xargs"];
/// Stands for the shasum of macOS, which is SHA-1 unless it is told otherwise.
const SHASUM: &str = "#!/bin/sh\n[ \"$1 $2\" = '-a 256' ] || exit 9\nshift 2\nexec \"$REAL\" \"$@\"\n";

/// Pins these assets with one sum, and looks for the program on such a runner.
fn found(step: &Step, pinned: &[&str], runner: (&str, &str), more: &[(&str, &str)]) -> super::Ran {
    let sum = Digest::of(b"the program");
    let lines: String = pinned.iter().map(|asset| format!("sha256 {} {asset}\n", sum.hex())).collect();
    std::fs::write(step.at("an action/action/pin"), format!("version 1.2.3\ncommit abc\n{lines}"))
        .expect("it can be written");
    std::fs::write(step.at("asset"), "the program").expect("it can be written");
    let asset = step.at("asset").display().to_string();
    let environment = [
        ("ACTION_REPOSITORY", "gate/line"),
        ("ASSET", &asset),
        ("PROVENANCE", "0"),
        ("RUNNER_OS", runner.0),
        ("RUNNER_ARCH", runner.1),
    ];
    step.script("get.sh", &["find"], &[&environment, more].concat())
}

const ASSETS: [(&str, &str, &str); 3] = [
    ("Linux", "X64", "gateline-x86_64-unknown-linux-gnu"),
    ("Linux", "ARM64", "gateline-aarch64-unknown-linux-gnu"),
    ("macOS", "ARM64", "gateline-aarch64-apple-darwin"),
];

#[test]
fn each_kind_of_runner_gets_its_own_program() {
    let all = ASSETS.map(|(_, _, asset)| asset);
    for (system, machine, asset) in ASSETS {
        let step = Step::new();
        let ran = found(&step, &all, (system, machine), &[]);
        assert_eq!(
            (ran.code, ran.outputs.as_str()),
            (Some(0), "found=true\n"),
            "{system} {machine}: {}",
            ran.err
        );
        assert_eq!(step.program().as_deref(), Some("the program"));
        assert!(step.log().contains(&format!("--pattern {asset} ")), "{}", step.log());
        // A release without it: the others' are not taken instead.
        let others: Vec<&str> = all.into_iter().filter(|other| *other != asset).collect();
        let ran = found(&Step::new(), &others, (system, machine), &[]);
        let expected = format!("found=false\nkey=gateline-action-{system}-{machine}-");
        assert!(ran.outputs.starts_with(&expected), "{}", ran.outputs);
    }
}

#[test]
fn where_nothing_is_released_it_is_built() {
    let all = ASSETS.map(|(_, _, asset)| asset);
    for runner in [("macOS", "X64"), ("Windows", "X64"), ("Linux", "ARM"), ("", "")] {
        let step = Step::new();
        let ran = found(&step, &all, runner, &[]);
        assert_eq!(ran.code, Some(0), "{runner:?}: {}", ran.err);
        assert!(
            ran.outputs.starts_with("found=false\n") && step.log().is_empty(),
            "{runner:?}: {}",
            ran.outputs
        );
    }
}

#[test]
fn without_sha256sum_the_sum_is_made_by_shasum() {
    let step = Step::new();
    let real = |name: &str| {
        let path = std::env::var("PATH").expect("a path");
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()).expect(name)
    };
    for tool in TOOLS {
        std::os::unix::fs::symlink(real(tool), step.at("bin").join(tool)).expect("a link");
    }
    executable(&step.at("bin/shasum"), SHASUM);
    let (bin, sum) = (step.at("bin").display().to_string(), real("sha256sum").display().to_string());
    let runner = ("macOS", "ARM64");
    let only = [("PATH", bin.as_str()), ("REAL", sum.as_str())];
    let ran = found(&step, &["gateline-aarch64-apple-darwin"], runner, &only);
    assert_eq!((ran.code, ran.outputs.as_str()), (Some(0), "found=true\n"), "{}", ran.err);
    // The key of the cache too; there is no rustc here, which is no reason to fail.
    let ran = found(&step, &[], runner, &only);
    let key =
        ran.outputs.strip_prefix("found=false\nkey=gateline-action-macOS-ARM64-").expect("a key").trim();
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
}
