//! The image of a real service: two directories and two environments give one digest, the binary starts from what
//! was unpacked, and other people's tools read what we wrote.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "support/oci.rs"]
mod oci;

use gateline::digest::Digest;
use gateline::exit::Exit;
use gateline::failure::Failure;
use gateline::oci::config::Architecture;
use gateline::oci::layer::Entry;
use gateline::oci::members::Limits;
use gateline::oci::unpack::{Unpacked, unpack};
use gateline::oci::{Assembled, layout, rootfs};
use gateline::policy::ImagePolicy;
use gateline::tools::image::{self, BuiltImage, ImageRequest, PackageFacts, Reused};
use gateline::world::{Clock, CommandLine, World};
use jiff::Timestamp;
use oci::{COMMIT, partner};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

const MANIFEST: &str = r#"
[workspace]
[package]
name = "svc"
version = "1.2.3"
edition = "2024"
[dependencies]
greeting = { path = "greeting" }
[profile.image]
inherits = "release"
"#;
const LOCK: &str = r#"version = 4
[[package]]
name = "greeting"
version = "0.1.0"
[[package]]
name = "svc"
version = "1.2.3"
dependencies = ["greeting"]
"#;
const GREETING: &str = r#"
pub fn reply(path: &str) -> String {
    let body = match path { "/health/ready" => "ready", other => panic!("no {other} in {}", file!()) };
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
"#;
/// Prints its port and user, serves one request and ends. `localhost` is looked up in `/etc/hosts`.
const MAIN: &str = r#"
use std::io::{BufRead, BufReader, Write};
fn main() {
    let listener = std::net::TcpListener::bind(("localhost", 0)).expect("bind");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find(|line| line.starts_with("Uid:")).map(str::to_owned).unwrap_or_default();
    println!("{} {uid}", listener.local_addr().expect("address"));
    let (mut stream, _) = listener.accept().expect("accept");
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).expect("request");
    let path = line.split(' ').nth(1).expect("path");
    stream.write_all(greeting::reply(path).as_bytes()).expect("reply");
}
"#;

fn real_environment() -> BTreeMap<String, String> {
    World::real().unwrap().environment().clone()
}

fn world(changes: &[(&str, &str)]) -> World {
    let mut environment = real_environment();
    environment.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    World::with(environment, "/".into(), Clock::manual(Timestamp::UNIX_EPOCH))
}

/// Writes the service's sources.
fn service(root: &Path) {
    for (path, text) in [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCK),
        ("src/main.rs", MAIN),
        ("greeting/src/lib.rs", GREETING),
        ("greeting/Cargo.toml", "[package]\nname = \"greeting\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn policy() -> ImagePolicy {
    ImagePolicy { profile: "image".to_owned(), ports: vec![8080], ..ImagePolicy::default() }
}

fn request<'a>(root: &Path, policy: &'a ImagePolicy) -> ImageRequest<'a> {
    let package = PackageFacts {
        name: "svc".to_owned(),
        version: "1.2.3".to_owned(),
        licence: Some("MIT".to_owned()),
        repository: None,
        description: None,
    };
    ImageRequest {
        root: root.to_owned(),
        target_dir: root.join("target"),
        package,
        commit: COMMIT.to_owned(),
        commit_time: "2026-11-23T05:40:23+02:00".parse().unwrap(),
        policy,
        output: root.join("target/gateline/image"),
    }
}

async fn build(world: &World, root: &Path) -> anyhow::Result<BuiltImage> {
    image::build(world, &request(root, &policy()), &|_| ()).await
}

fn unpacked(built: &BuiltImage, home: &Path) -> Unpacked {
    let stored = layout::read(&built.layout, image::architecture_here().unwrap()).unwrap();
    assert_eq!(stored.digest, built.digest);
    unpack(&stored, &home.join("images").join(built.digest.hex()), Limits::default()).unwrap()
}

/// Starts the service and asks it once; returns what it printed.
async fn serves(world: &World, command: &CommandLine) -> String {
    let mut child = world
        .spawn(command, |prepared| {
            prepared.stdout(Stdio::piped()).kill_on_drop(true);
        })
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = said.next_line().await.unwrap().expect("the service prints its address");
    let address: std::net::SocketAddr = line.split(' ').next().unwrap().parse().unwrap();
    let mut stream = world.connect(address).await.unwrap();
    stream.write_all(b"GET /health/ready HTTP/1.1\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.ends_with("\r\n\r\nready"), "{reply}");
    assert!(child.wait().await.unwrap().success());
    line
}

#[tokio::test]
async fn two_directories_and_environments_give_one_digest() {
    let home = tempfile::tempdir().unwrap();
    let (first, second) = (home.path().join("a"), home.path().join("ünder a blank/deeper"));
    service(&first);
    let one = build(&world(&[]), &first).await.unwrap();
    assert_eq!(one.reused, Reused::Nothing);

    let before = rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    service(&second);
    let cargo_home = home.path().join("cargo home");
    let changes = [
        ("TZ", "Asia/Tokyo"),
        ("LANG", "de_DE.UTF-8"),
        ("USER", "somebody"),
        ("CARGO_HOME", cargo_home.to_str().unwrap()),
        ("CARGO_BUILD_JOBS", "1"),
        ("RUSTFLAGS", "-C instrument-coverage"),
        ("RUSTC_WORKSPACE_WRAPPER", "/no/such/wrapper"),
        ("LLVM_PROFILE_FILE", "/no/such/file"),
        ("SOURCE_DATE_EPOCH", "12345"),
    ];
    let two = build(&world(&changes), &second).await.unwrap();
    rustix::process::umask(before);
    assert_eq!(one.binary, two.binary, "the binaries differ");
    assert_eq!((&one.digest, &one.layers), (&two.digest, &two.layers));

    let unpacked = unpacked(&two, home.path());
    let mode = |path: &str| unpacked.rootfs.join(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(["app/svc", "tmp", "etc/passwd"].map(mode), [0o755, 0o1777, 0o644]);
    let binary = std::fs::read(unpacked.rootfs.join("app/svc")).unwrap();
    assert_eq!(Digest::of(&binary), one.binary);
    for secret in [home.path().to_str().unwrap(), COMMIT] {
        assert!(
            !binary.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{secret} is inside"
        );
    }
    let summary = image::summarise(&two.layout, image::architecture_here().unwrap()).unwrap();
    assert_eq!((&summary.digest, summary.size_bytes), (&two.digest, two.size_bytes));
    let small = ImagePolicy { size_bytes_max: two.size_bytes - 1, ..policy() };
    let refused = gateline::gates::image::judge(&small, &image::evidence(&summary), 0);
    assert!(refused.findings[0].message.contains("its largest files: /app/svc ("), "{refused:?}");

    let program = unpacked.rootfs.join(unpacked.config.entrypoint[0].trim_start_matches('/'));
    serves(&world(&[]), &CommandLine::new(program.to_str().unwrap(), [""; 0])).await;
}

#[tokio::test]
async fn what_did_not_change_is_not_made_again() {
    let home = tempfile::tempdir().unwrap();
    service(home.path());
    let world = world(&[]);
    let first = build(&world, home.path()).await.unwrap();
    let again = build(&world, home.path()).await.unwrap();
    assert_eq!((again.reused, &again.digest), (Reused::Layout, &first.digest));

    let policy = policy();
    let other = ImageRequest { commit: "f".repeat(40), ..request(home.path(), &policy) };
    let commit = image::build(&world, &other, &|_| ()).await.unwrap();
    assert_eq!((commit.reused, &commit.layers), (Reused::AllLayers, &first.layers));
    assert_ne!(commit.digest, first.digest, "the config names the commit");

    std::fs::write(home.path().join("greeting/src/lib.rs"), GREETING.replace("ready\",", "set\",")).unwrap();
    let changed = build(&world, home.path()).await.unwrap();
    assert_eq!((changed.reused, &changed.layers[0]), (Reused::SomeLayers, &first.layers[0]));
    assert_ne!(changed.layers[1], first.layers[1]);

    let policy = ImagePolicy { binary: Some("other".to_owned()), ..policy };
    let error = image::build(&world, &request(home.path(), &policy), &|_| ()).await.unwrap_err();
    assert_eq!(Failure::exit_of(&error), Exit::Usage, "{error:#}");

    std::fs::write(home.path().join("greeting/src/lib.rs"), "pub fn reply(").unwrap();
    let error = build(&world, home.path()).await.unwrap_err();
    assert_eq!(Failure::exit_of(&error), Exit::Refused, "{error:#}");
    assert!(error.to_string().contains("greeting/src/lib.rs"), "cargo's own words: {error:#}");
}

#[tokio::test]
async fn it_starts_in_an_empty_root_as_nobody_in_particular() {
    if !is_root() && !sudo_asks_nothing().await {
        println!("gateline-skip: chroot needs root, or sudo without a password");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    service(home.path());
    let world = world(&[]);
    let built = build(&world, home.path()).await.unwrap();
    let unpacked = unpacked(&built, home.path());
    let user = format!("--userspec={}", unpacked.config.user);
    let root = unpacked.rootfs.to_str().unwrap();
    let chroot = ["chroot", &user, root, "/app/svc"];
    let (program, arguments) = if is_root() { ("chroot", &chroot[1..]) } else { ("sudo", &["-n"][..]) };
    let rest = if is_root() { &[][..] } else { &chroot[..] };
    let line = serves(&world, &CommandLine::new(program, arguments.iter().chain(rest).copied())).await;
    assert!(line.starts_with("127.0.0.1:") || line.starts_with("[::1]:"), "{line}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

async fn sudo_asks_nothing() -> bool {
    let finished = World::real().unwrap().run(&CommandLine::new("sudo", ["-n", "true"])).await;
    finished.is_ok_and(|finished| finished.status.success())
}

/// An image as we make them, with a little file in the place of a binary.
fn without_cargo(home: &TempDir) -> (Assembled, PathBuf) {
    let directory = home.path().join("layout");
    let binary = vec![Entry::file("app/svc", b"x".to_vec())];
    (oci::image(&directory, vec![rootfs::entries(65532), binary]), directory)
}

#[tokio::test]
async fn skopeo_reads_our_bytes_and_copies_them_unchanged() {
    let home = tempfile::tempdir().unwrap();
    let (image, directory) = without_cargo(&home);
    let from = format!("oci:{}:1.2.3", directory.display());
    let Some(raw) = partner("skopeo", &["inspect", "--raw", &from]).await else { return };
    assert_eq!(Digest::of(&raw), *image.digest());
    let platform = ["--override-arch", "amd64", "--override-os", "linux"];
    let config = partner("skopeo", &[&platform[..], &["inspect", "--config", &from]].concat()).await.unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    let copy = home.path().join("copy");
    let to = format!("oci:{}:1.2.3", copy.display());
    let arguments = ["--insecure-policy", "copy", "--all", "--preserve-digests", &from, &to];
    partner("skopeo", &arguments).await.unwrap();
    let stored = layout::read(&copy, Architecture::Amd64).unwrap();
    assert_eq!(stored.digest, *image.digest());
}

#[tokio::test]
async fn umoci_unpacks_what_we_meant() {
    let home = tempfile::tempdir().unwrap();
    let (_, directory) = without_cargo(&home);
    let bundle = home.path().join("bundle");
    let (name, bundle_text) = (format!("{}:1.2.3", directory.display()), bundle.to_str().unwrap());
    let root = rustix::process::geteuid().is_root();
    let rootless: &[&str] = if root { &[] } else { &["--rootless"] };
    let arguments = [&["unpack"], rootless, &["--image", &name, bundle_text]].concat();
    if partner("umoci", &arguments).await.is_none() {
        return;
    }
    let stored = layout::read(&directory, Architecture::Amd64).unwrap();
    let ours = unpack(&stored, &home.path().join("ours"), Limits::default()).unwrap().rootfs;
    let mut seen = 0;
    for entry in rootfs::entries(65532) {
        let theirs = bundle.join("rootfs").join(&entry.path);
        let (a, b) = (theirs.metadata().unwrap(), ours.join(&entry.path).metadata().unwrap());
        assert_eq!(a.mode(), b.mode(), "{}", entry.path);
        if a.is_file() {
            assert_eq!(std::fs::read(&theirs).unwrap(), std::fs::read(ours.join(&entry.path)).unwrap());
            assert_eq!(a.mtime(), 1, "{}", entry.path);
        }
        if root {
            assert_eq!((a.uid(), a.gid()), (entry.owner, entry.owner), "{}", entry.path);
        }
        seen += 1;
    }
    assert!(seen > 300, "{seen} entries are too few for all time zones");
}

#[tokio::test]
async fn openssl_reads_every_root_certificate() {
    let home = tempfile::tempdir().unwrap();
    let (_, directory) = without_cargo(&home);
    let stored = layout::read(&directory, Architecture::Amd64).unwrap();
    let root = unpack(&stored, &home.path().join("ours"), Limits::default()).unwrap().rootfs;
    let bundle = root.join("etc/ssl/certs/ca-certificates.crt");
    let text = std::fs::read_to_string(&bundle).unwrap();
    let expected = text.matches("BEGIN CERTIFICATE").count();
    let Some(listed) = partner("openssl", &["storeutl", "-noout", "-certs", bundle.to_str().unwrap()]).await
    else {
        return;
    };
    assert!(String::from_utf8_lossy(&listed).ends_with(&format!("Total found: {expected}\n")));
}
