//! Unpacking: hostile and damaged layers write nothing outside, and nothing halfway.

use super::*;
use crate::oci::config::Architecture;
use crate::oci::layer::{Compressed, Content, Entry, Kind, Layer};
use crate::oci::{Blob, LayerFacts, assemble, layout};
use std::io::Write as _;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// A member that a foreign and hostile tool wrote.
fn hostile(path: &str, kind: EntryType, target: &str, mode: u32) -> (Header, Vec<u8>) {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    let content = if kind == EntryType::Regular { b"x".to_vec() } else { Vec::new() };
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    (header, content)
}

fn file(path: &str) -> (Header, Vec<u8>) {
    hostile(path, EntryType::Regular, "", 0o644)
}

fn link(path: &str, target: &str) -> (Header, Vec<u8>) {
    hostile(path, EntryType::Symlink, target, 0o777)
}

fn archive(members: &[(Header, Vec<u8>)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, content) in members {
        builder.append(header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Stores an image of these archives, as any tool could have made it.
fn stored(home: &TempDir, archives: &[Vec<u8>]) -> Stored {
    let (mut layers, mut files) = (Vec::new(), Vec::new());
    for (position, archive) in archives.iter().enumerate() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(archive).unwrap();
        let bytes = gzip.finish().unwrap();
        let path = home.path().join(format!("layer-{position}"));
        fs::write(&path, &bytes).unwrap();
        let blob = Compressed {
            digest: Digest::of(&bytes),
            size_bytes: bytes.len() as u64,
            diff_id: Digest::of(archive),
            unpacked_bytes: archive.len() as u64,
        };
        layers.push(LayerFacts { blob, what: "test".to_owned() });
        files.push(path);
    }
    let facts = crate::oci::tests::facts();
    let image = assemble(&facts, Architecture::Amd64, jiff::Timestamp::UNIX_EPOCH, &layers);
    let directory = home.path().join("layout");
    layout::write(&directory, &image, "1", &files).unwrap();
    layout::read(&directory, Architecture::Amd64).unwrap()
}

fn unpacked(layers: &[Vec<u8>]) -> (TempDir, Result<Unpacked, UnpackError>) {
    let home = tempfile::tempdir().unwrap();
    let image = stored(&home, layers);
    let result = unpack(&image, &home.path().join("images/one"), Limits::default());
    (home, result)
}

fn refused(layers: &[&[(Header, Vec<u8>)]], expected: Why) {
    let archives: Vec<Vec<u8>> = layers.iter().map(|members| archive(members)).collect();
    let (home, result) = unpacked(&archives);
    match result.unwrap_err() {
        UnpackError::Member(MemberError::Refused(_, why)) => assert_eq!(why, expected),
        other => panic!("{other}"),
    }
    let left: Vec<_> = fs::read_dir(home.path().join("images")).unwrap().collect();
    assert!(left.is_empty(), "nothing stays: {left:?}");
}

fn ours() -> Vec<u8> {
    let entries = vec![
        Entry { path: "app/svc".to_owned(), kind: Kind::Executable(Content::Static(b"run")), owner: 0 },
        Entry { path: "tmp".to_owned(), kind: Kind::SharedDirectory, owner: 0 },
        Entry::file("etc/hosts", b"127.0.0.1 localhost".to_vec()),
    ];
    let mut bytes = Vec::new();
    Layer::new(entries).unwrap().archive(&mut bytes).unwrap();
    bytes
}

#[test]
fn our_image_unpacks_with_its_modes_and_config() {
    let (_home, result) = unpacked(&[ours()]);
    let unpacked = result.unwrap();
    let mode = |path: &str| fs::metadata(unpacked.rootfs.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(["app/svc", "tmp", "etc", "etc/hosts"].map(mode), [0o755, 0o1777, 0o755, 0o644]);
    assert_eq!(fs::read(unpacked.rootfs.join("app/svc")).unwrap(), b"run");
    assert_eq!(unpacked.config.user, "65532:65532");
}

#[test]
fn unpacking_again_verifies_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let image = stored(&home, &[ours()]);
    let directory = home.path().join("one");
    let again = || unpack(&image, &directory, Limits::default());
    assert_eq!(again().unwrap(), again().unwrap());
    fs::write(directory.join("rootfs/app/svc"), b"RUN").unwrap();
    assert!(again().unwrap_err().to_string().contains("rootfs/app/svc is not what image"));
    fs::write(directory.join("image.json"), b"{}").unwrap();
    assert!(again().unwrap_err().to_string().contains("remove the directory"));
}

#[test]
fn another_image_in_the_place_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("one");
    unpack(&stored(&home, &[ours()]), &directory, Limits::default()).unwrap();
    let other = stored(&home, &[archive(&[file("a")])]);
    assert!(matches!(unpack(&other, &directory, Limits::default()), Err(UnpackError::Differs(..))));
}

#[test]
fn hostile_members_are_refused_by_name() {
    let check = |member, why| refused(&[&[member]], why);
    check(file("../evil"), Why::Traversal);
    check(file("a/../../evil"), Why::Traversal);
    check(file("/etc/passwd"), Why::Absolute);
    check(file("a\u{1}b"), Why::NotText);
    check(file("."), Why::OtherKind);
    check(hostile("dev/sda", EntryType::Block, "", 0o600), Why::Device);
    check(hostile("dev/tty", EntryType::Char, "", 0o600), Why::Device);
    check(hostile("pipe", EntryType::Fifo, "", 0o600), Why::Device);
    check(hostile("x", EntryType::XHeader, "", 0o600), Why::Extension);
    check(hostile("x", EntryType::GNULongName, "", 0o600), Why::Extension);
    check(hostile("su", EntryType::Regular, "", 0o4755), Why::SetUserId);
    check(file("etc/.wh.passwd"), Why::Whiteout);
}

#[test]
fn links_do_not_lead_out() {
    for target in ["/etc/passwd", "../../x", "..", "a/../../x", ""] {
        refused(&[&[link("l", target)]], Why::LinkEscape);
    }
    refused(&[&[link("l", "."), file("l/evil")]], Why::ThroughLink);
    refused(&[&[file("f"), file("f/evil")]], Why::ThroughLink);
    refused(&[&[hostile("h", EntryType::Link, "nowhere", 0o644)]], Why::LinkTarget);
    refused(&[&[hostile("h", EntryType::Link, "../x", 0o644)]], Why::Traversal);
    refused(&[&[link("l", "f"), hostile("h", EntryType::Link, "l", 0o644)]], Why::LinkTarget);
}

#[test]
fn doubles_and_other_kinds_are_refused() {
    refused(&[&[file("a"), file("./a")]], Why::Twice);
    let directory = || hostile("a", EntryType::Directory, "", 0o755);
    refused(&[&[file("a")], &[directory()]], Why::OtherKind);
    refused(&[&[directory()], &[file("a")]], Why::OtherKind);
}

#[test]
fn upper_layers_replace_and_sound_links_work() {
    let mut upper = file("d/a");
    upper.1 = b"y".to_vec();
    let lower = [
        hostile("./", EntryType::Directory, "", 0o755),
        hostile("d/", EntryType::Directory, "", 0o500),
        file("d/a"),
        link("d/l", "../d/a"),
        hostile("h", EntryType::Link, "d/a", 0o644),
    ];
    let (_home, result) = unpacked(&[archive(&lower), archive(&[upper])]);
    let root = result.unwrap().rootfs;
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert_eq!((read("d/a"), read("d/l"), read("h")), ("y".to_owned(), "y".to_owned(), "x".to_owned()));
}

#[test]
fn bombs_run_into_the_limits() {
    let home = tempfile::tempdir().unwrap();
    let image = stored(&home, &[vec![0; 4 * 1024 * 1024]]);
    let limits = Limits { unpacked_bytes_max: 1024 * 1024, ..Limits::default() };
    let directory = home.path().join("one");
    let error = unpack(&image, &directory, limits).unwrap_err();
    assert!(error.to_string().contains("unpacks to more than 1048576 bytes"), "{error}");
    let image = stored(&home, &[archive(&[file("a"), file("b"), file("c")])]);
    let limits = Limits { members_max: 2, ..Limits::default() };
    let error = unpack(&image, &directory, limits).unwrap_err();
    assert!(error.to_string().contains("more than 2 members"), "{error}");
    assert!(!directory.exists());
}

#[test]
fn a_layer_that_is_not_what_the_config_says_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut image = stored(&home, &[ours()]);
    image.config.rootfs.diff_ids = vec![Digest::of(b"other")];
    let error = unpack(&image, &home.path().join("one"), Limits::default()).unwrap_err();
    assert!(error.to_string().contains("other bytes than its config says"), "{error}");
    let cut = Blob { bytes: b"\x1f\x8b\x08".to_vec(), digest: Digest::of(b"\x1f\x8b\x08") };
    let path = image.directory.join("blobs/sha256").join(cut.digest.hex());
    fs::write(path, &cut.bytes).unwrap();
    image.manifest.layers[0].digest = cut.digest;
    let error = unpack(&image, &home.path().join("one"), Limits::default()).unwrap_err();
    assert!(error.to_string().contains("a layer cannot be read"), "{error}");
}

#[test]
fn the_summary_names_the_largest_files() {
    let home = tempfile::tempdir().unwrap();
    let summary = crate::oci::inspect::inspect(&stored(&home, &[ours()]), Limits::default()).unwrap();
    assert_eq!(summary.largest[0].path, "/etc/hosts");
    assert_eq!((summary.layers[0].members, summary.layers[0].unpacked_bytes), (5, ours().len() as u64));
    let text = summary.to_string();
    assert!(text.contains("command  /app/svc --serve") && text.contains("ports    8080/tcp"), "{text}");
}
