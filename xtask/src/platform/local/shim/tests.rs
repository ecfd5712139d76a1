//! A shim in this process, with `/bin/sh` (copied into a root file system) as its instance.

use super::*;
use crate::digest::Digest;
use crate::platform::protocol::Role;
use crate::world::Clock;

fn prepare(script: &str) -> (tempfile::TempDir, InstanceFiles) {
    let directory = tempfile::tempdir().unwrap();
    let rootfs = directory.path().join("rootfs");
    std::fs::create_dir_all(rootfs.join("bin")).unwrap();
    std::fs::copy("/bin/sh", rootfs.join("bin/sh")).unwrap();
    let instance = InstanceSpec {
        id: "r-0".to_owned(),
        digest: Digest::of(b"image"),
        role: Role::Canary,
        rootfs,
        command: ["bin/sh", "-c", script].map(str::to_owned).to_vec(),
        directory: "/".to_owned(),
        environment: BTreeMap::new(),
        ready_path: "/".to_owned(),
        echoes_identity: true,
        stop_grace_millis: 60_000,
        version: String::new(),
        commit: String::new(),
    };
    let environment = BTreeMap::from([("GIVEN".to_owned(), "yes".to_owned())]);
    let spec = ShimSpec { instance, port: 1, nonce: "n".to_owned(), environment };
    let files = InstanceFiles(directory.path().to_owned());
    files::write_json(&files.spec(), &spec).unwrap();
    (directory, files)
}

fn world() -> World {
    let inherited = [("LLVM_PROFILE_FILE", "/nowhere"), ("SECRET", "s"), ("PATH", "/sbin")];
    let environment = inherited.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    World::with(environment, "/".into(), Clock::system())
}

fn ended(files: &InstanceFiles) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tend(&world(), &files.0)).unwrap();
    let status: ShimStatus = files::read_json(&files.status()).unwrap().unwrap();
    status.ended.unwrap()
}

#[test]
fn output_and_exit_code_are_kept_and_the_environment_is_only_what_was_given() {
    let (_directory, files) = prepare("export -p; echo err >&2; exit 7");
    assert_eq!(ended(&files), "exit code 7");
    let log = std::fs::read_to_string(files.log()).unwrap();
    assert!(log.contains("GIVEN='yes'") && log.contains(SEARCH_PATH) && log.ends_with("err\n"), "{log}");
    assert!(!log.contains("LLVM_PROFILE_FILE") && !log.contains("SECRET"), "{log}");
}

#[test]
fn a_signal_is_told_from_an_exit_code() {
    let (_directory, files) = prepare("kill -9 $$");
    assert_eq!(ended(&files), "signal 9");
}

#[test]
fn an_instance_that_cannot_start_says_why() {
    let (_directory, files) = prepare("");
    std::fs::remove_file(files.0.join("rootfs/bin/sh")).unwrap();
    assert!(ended(&files).contains("failed to find the entry point"));
}

#[test]
fn what_the_instance_left_behind_goes_with_it() {
    let (directory, files) = prepare("sleep 1000 & echo $! > \"$OLDPWD/child\"; exit 0");
    let child = directory.path().join("child");
    let mut spec: ShimSpec = files::read_json(&files.spec()).unwrap().unwrap();
    spec.environment.insert("OLDPWD".to_owned(), directory.path().to_str().unwrap().to_owned());
    files::write_json(&files.spec(), &spec).unwrap();
    assert_eq!(ended(&files), "exit code 0");
    let child: u32 = std::fs::read_to_string(child).unwrap().trim().parse().unwrap();
    let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "it lives on: {state}");
}

#[test]
fn a_second_shim_is_refused() {
    let (_directory, files) = prepare("exit 0");
    let _held = files::try_lock(&files.lock()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(tend(&world(), &files.0)).unwrap_err();
    assert!(error.to_string().contains("another shim"), "{error}");
}

#[test]
fn a_name_with_parentheses_does_not_confuse_stat() {
    let own = std::process::id();
    assert!(start_ticks(own).is_some() && process_group(own).is_some());
    assert_eq!(start_ticks(u32::MAX), None);
}
