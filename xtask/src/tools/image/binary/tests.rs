//! The build of the binary: a declared environment, and each way in which cargo fails it.

use super::*;
use crate::policy::ImagePolicy;
use crate::tools::image::{ImageRequest, PackageFacts};
use crate::world::Clock;
use std::collections::BTreeMap;

fn request(policy: &ImagePolicy) -> ImageRequest<'_> {
    ImageRequest {
        root: "/home/a b/w".into(),
        target_dir: "/home/a b/w/target".into(),
        package: PackageFacts {
            name: "svc".to_owned(),
            version: "1.0.0".to_owned(),
            licence: None,
            repository: None,
            description: None,
        },
        commit: "c".repeat(40),
        commit_time: jiff::Timestamp::UNIX_EPOCH,
        policy,
        output: "/out".into(),
    }
}

fn world(environment: &[(&str, &str)]) -> World {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    World::with(environment.collect::<BTreeMap<_, _>>(), "/".into(), Clock::system())
}

#[test]
fn nothing_of_a_test_run_or_a_shell_reaches_the_build() {
    let foreign =
        ["RUSTC_WORKSPACE_WRAPPER", "LLVM_PROFILE_FILE", "RUSTFLAGS", "RUSTDOCFLAGS", "CFLAGS", "LANG"];
    let mut environment: Vec<(&str, &str)> = foreign.iter().map(|name| (*name, "x")).collect();
    environment.extend([("PATH", "/bin"), ("CARGO_NET_OFFLINE", "true")]);
    let policy = ImagePolicy { features: vec!["f".to_owned(), "g".to_owned()], ..ImagePolicy::default() };
    let remaps = [("/home/a b/w".to_owned(), "/source".to_owned())];
    let command =
        command(&world(&environment), &request(&policy).binary(), "x86_64-unknown-linux-gnu", &remaps);
    assert_eq!(command.clean_environment, CleanEnvironment::Empty);
    assert!(foreign.iter().all(|name| !command.environment.contains_key(*name)), "{command}");
    let value = |name: &str| command.environment[name].clone().unwrap_or_default();
    assert_eq!((value("PATH").as_str(), value("CARGO_NET_OFFLINE").as_str()), ("/bin", "true"));
    assert_eq!(
        value("CARGO_ENCODED_RUSTFLAGS"),
        "-C\u{1f}target-feature=+crt-static\u{1f}--remap-path-prefix=/home/a b/w=/source"
    );
    assert_eq!(value("CFLAGS_x86_64_unknown_linux_gnu"), "'-ffile-prefix-map=/home/a b/w=/source'");
    assert_eq!(
        command_for_people(&command),
        "cargo build --locked --profile release --target x86_64-unknown-linux-gnu -p svc --bin svc \
         --features f,g --config 'profile.release.strip=\"symbols\"' --message-format=json-render-diagnostics"
    );
}

#[tokio::test]
async fn deeper_directories_win_over_shallower_ones() {
    let policy = ImagePolicy::default();
    let real = World::real().unwrap();
    let toolchain = Toolchain::read(&real, Path::new("/"), None).await.unwrap();
    let request = ImageRequest { root: "/".into(), ..request(&policy) };
    let remaps = remaps(&real, &request.binary(), &toolchain).await.unwrap();
    assert!(remaps.is_sorted_by_key(|(from, _)| from.len()), "{remaps:?}");
    let names: Vec<&str> = remaps.iter().map(|(_, to)| to.as_str()).collect();
    assert!(["/source", "/target", "/cargo", "/rust"].iter().all(|name| names.contains(name)), "{names:?}");
}

#[test]
fn failures_of_cargo_are_told_apart() {
    let check = |tail: &str, exit: Exit| assert_eq!(Failure::exit_of(&build_failure("svc", tail)), exit);
    check("error[E0308]: mismatched\nerror: could not compile `svc`", Exit::Refused);
    check("error: linking with `cc` failed\nerror: could not compile `svc`", Exit::Infrastructure);
    check("error: profile `x` is not defined", Exit::Usage);
    check("error: cannot update the lock file because --locked was passed", Exit::Usage);
    check("error: failed to download", Exit::Infrastructure);
}

#[test]
fn a_dynamic_binary_and_a_script_are_refused() {
    let error = examine("sh", Path::new("/bin/sh")).unwrap_err();
    assert!(error.to_string().contains("linked dynamically"), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    let error = examine("script", &script).unwrap_err();
    assert!(error.to_string().contains("not a 64-bit"), "{error}");
    assert!(examine("gone", Path::new("/nowhere")).is_err());
}

#[tokio::test]
async fn narration_is_handed_on_and_only_its_end_is_kept() {
    let text: String = (0..TAIL_LINES_MAX + 5).map(|line| format!("  line {line}\n")).collect();
    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |line: &str| seen.lock().unwrap().push(line.to_owned());
    let tail = narrate(text.as_bytes(), &progress).await.unwrap();
    assert!(tail.starts_with("  line 5\n"), "{tail}");
    assert_eq!(seen.into_inner().unwrap().len(), TAIL_LINES_MAX + 5);
}

#[test]
fn the_executable_is_the_one_that_cargo_names() {
    assert_eq!(executable(b"", "svc"), None);
    assert_eq!(executable(b"{\"reason\":\"build-finished\",\"success\":true}\nnoise\n", "svc"), None);
}
