//! The scan of a real folder: what is read, what is skipped, and links that lead outside.

use super::*;
use crate::evidence::SecretsEvidence;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// Made here, so that this file is no leak itself.
fn token() -> String {
    format!("ghp_{}{}", "a1B2c3D4e5F6g7H8i9", "J0k1L2m3N4o5P6q7R8")
}

fn scan(root: &Path, files: &[&str], skip: &[&str]) -> Result<SecretsEvidence, CouldNotRun> {
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let skip: Vec<String> = skip.iter().map(ToString::to_string).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(gather(root, &files, &skip, &[]))
}

fn places(evidence: &SecretsEvidence) -> Vec<(&str, u32, &str)> {
    evidence.found.iter().map(|found| (found.file.as_str(), found.line, found.rule.as_str())).collect()
}

#[test]
fn secrets_are_found_with_place_and_kind() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("deploy")).unwrap();
    fs::write(root.path().join("deploy/.env"), format!("A=1\n\nTOKEN={}\n", token())).unwrap();
    fs::write(root.path().join("clean.rs"), "fn main() {}\n").unwrap();
    let evidence = scan(root.path(), &["deploy/.env", "clean.rs"], &[]).unwrap();
    assert_eq!((evidence.files, evidence.skipped.len()), (2, 0));
    assert_eq!(places(&evidence), [("deploy/.env", 3, "github-token")]);
    assert_eq!(
        (evidence.found[0].what.as_str(), evidence.found[0].redacted.as_str()),
        ("GitHub token", "ghp_…")
    );
    assert!(!serde_json::to_string(&evidence).unwrap().contains(&token()[4..10]));
}

#[test]
fn what_the_policy_skips_is_counted_by_whole_names() {
    let root = tempfile::tempdir().unwrap();
    for file in ["fix/a", "fix/b", "fixtures"] {
        fs::create_dir_all(root.path().join("fix")).unwrap();
        fs::write(root.path().join(file), token()).unwrap();
    }
    let evidence = scan(root.path(), &["fix/a", "fix/b", "fixtures"], &["fix/", "", "none"]).unwrap();
    assert_eq!(evidence.skipped, [("fix/".to_owned(), "by policy: 2 files".to_owned())]);
    assert_eq!(places(&evidence), [("fixtures", 1, "github-token")]);
}

#[test]
fn odd_contents_are_read() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(root.path().join(name), bytes).unwrap();
    let text = format!("one\ntwo {}\n", token());
    write("little", [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat());
    write("big", [vec![0xfe, 0xff], text.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat());
    write("binary", [&[0, 159, 146, 150, b'\n', 0][..], token().as_bytes(), &[0, 255]].concat());
    write("empty", vec![]);
    // git tracks the path that a link names.
    symlink(format!("/nowhere/{}", token()), root.path().join("link")).unwrap();
    let evidence = scan(root.path(), &["little", "big", "binary", "empty", "link"], &[]).unwrap();
    let expected = ["big", "binary", "link", "little"]
        .map(|name| (name, if name == "link" { 1 } else { 2 }, "github-token"));
    assert_eq!((evidence.files, places(&evidence)), (5, expected.to_vec()));
}

#[test]
fn a_name_that_is_no_text_is_scanned() {
    let root = tempfile::tempdir().unwrap();
    let name = PathBuf::from(std::ffi::OsString::from_vec(vec![b'n', 0xff]));
    fs::write(root.path().join(&name), token()).unwrap();
    let evidence = scan_files(root.path(), &[name], &[], &[]).unwrap();
    assert_eq!(places(&evidence), [("n\\xff", 1, "github-token")]);
}

#[test]
fn what_cannot_be_scanned_is_told() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("submodule")).unwrap();
    fs::write(root.path().join("large"), "").unwrap();
    let _listening = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    fs::write(root.path().join("full"), format!("{}\n", token()).repeat(scan::FOUND_PER_FILE_MAX + 1))
        .unwrap();
    let check = |file: &str, reason: &str| {
        let evidence = scan(root.path(), &[file], &[]).unwrap();
        assert!(evidence.skipped[0].1.contains(reason), "{file}: {:?}", evidence.skipped);
    };
    check("submodule", "submodule");
    check("socket", "neither");
    check("gone", "not there");
    check("large/inside", "not there");
    check("../outside", "outside");
    check("/etc/hostname", "outside");
    check("full", "more than 100");
}

/// A file of several pieces: found at the seam, once, with its line; nothing is too large.
#[test]
fn a_large_file_is_read_by_pieces() {
    let root = tempfile::tempdir().unwrap();
    let line = "nothing to see here\n";
    for at in [PIECE_BYTES - 20, PIECE_BYTES, PIECE_BYTES + SHARED_BYTES - 10, 2 * PIECE_BYTES] {
        let mut text = line.repeat(at / line.len());
        let lines = text.lines().count() as u32;
        text.push_str(&format!("{}\n", token()));
        text.push_str(&line.repeat(500_000));
        fs::write(root.path().join("large"), &text).unwrap();
        let evidence = scan(root.path(), &["large"], &[]).unwrap();
        assert_eq!(places(&evidence), [("large", lines + 1, "github-token")], "{at}");
        assert_eq!(evidence.skipped, []);
    }
}

/// What was made to take long or to hide: each is read to its end, or says that it was not.
#[test]
fn hostile_files_are_read_to_their_end() {
    let root = tempfile::tempdir().unwrap();
    let check = |name: &str, text: &[u8], expected: &[(u32, &str)]| {
        fs::write(root.path().join("hostile"), [text, b"\n", token().as_bytes(), b"\n"].concat()).unwrap();
        let evidence = scan(root.path(), &["hostile"], &[]).unwrap();
        let found: Vec<(u32, &str)> =
            places(&evidence).into_iter().map(|(_, line, rule)| (line, rule)).collect();
        assert_eq!((found, evidence.skipped.len()), (expected.to_vec(), 0), "{name}");
    };
    let last = |line| [(line, "github-token")];
    check("one line of marks", &b"ghp_ password=\"".repeat(100_000), &last(2));
    check("one run of marks", &b"eyJ-----BEGIN sk-".repeat(100_000), &last(2));
    check("lines of marks", &b"password: x\n".repeat(200_000), &last(200_002));
    let mut nested = vec![b'a'; 40];
    for _ in 0..12 {
        nested = base64::encode(&nested).into_bytes();
    }
    check("base64 in base64 in base64", &nested.repeat(300), &last(2));
    check("keys that never end", &b"-----BEGIN PRIVATE KEY-----\n".repeat(20_000), &last(20_002));
}

/// Two links in a circle are what they name, and a file without contents of two gigabytes is read by pieces.
#[test]
fn a_circle_and_a_hole_are_no_trap() {
    let root = tempfile::tempdir().unwrap();
    symlink("b", root.path().join("a")).unwrap();
    symlink("a", root.path().join("b")).unwrap();
    let hole = fs::File::create(root.path().join("hole")).unwrap();
    hole.set_len(64 << 20).unwrap();
    std::io::Write::write_all(
        &mut fs::OpenOptions::new().append(true).open(root.path().join("hole")).unwrap(),
        token().as_bytes(),
    )
    .unwrap();
    let evidence = scan(root.path(), &["a", "b", "hole"], &[]).unwrap();
    assert_eq!((evidence.files, places(&evidence)), (3, vec![("hole", 1, "github-token")]));
}

#[test]
fn a_file_that_cannot_be_read_is_no_clean_file() {
    let root = tempfile::tempdir().unwrap();
    let too_long = "n".repeat(300);
    let error = scan(root.path(), &[&too_long], &[]).unwrap_err();
    assert!(error.message.contains("failed to read nnn"), "{}", error.message);
}

#[test]
fn the_result_is_the_same_whatever_the_order() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..200).map(|index| format!("f{index:03}")).collect();
    for name in &names {
        fs::write(root.path().join(name), token()).unwrap();
    }
    let forward: Vec<&str> = names.iter().map(String::as_str).collect();
    let backward: Vec<&str> = forward.iter().rev().copied().collect();
    let evidence = scan(root.path(), &forward, &[]).unwrap();
    assert_eq!((evidence.files, evidence.found.len()), (200, 200));
    assert_eq!(Ok(evidence), scan(root.path(), &backward, &[]));
}

/// Our own sources hold every format and must not look like a leak.
#[test]
fn our_own_sources_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut folders, mut files) = (vec![root.join("xtask/src"), root.join("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let list = if entry.is_dir() { &mut folders } else { &mut files };
            list.push(entry);
        }
    }
    let files: Vec<PathBuf> = files.iter().map(|file| file.strip_prefix(root).unwrap().to_owned()).collect();
    let evidence = scan_files(root, &files, &[], &[]).unwrap();
    assert!(evidence.files > 20);
    assert_eq!(places(&evidence), []);
}

/// Whoever hides secrets hides each whatever stands in the line above or below it: every pair of formats.
#[test]
fn no_neighbour_keeps_a_secret_from_being_hidden() {
    let finder = Finder::new().unwrap();
    let mut shown = Vec::new();
    for first in samples::samples() {
        for second in samples::samples() {
            let text = format!("said:\n{}\n{}\n", first.text(), second.text());
            let found = finder.find(text.as_bytes());
            let mut after = 0;
            for sample in [first, second] {
                let start = after + text[after..].find(sample.secret()).unwrap();
                after = start + sample.secret().len();
                // Hidden by one match or by several together.
                let seen = (start..after).find(|at| !found.iter().any(|(span, _)| span.contains(at)));
                if seen.is_some() {
                    shown.push((first.rule(), second.rule(), sample.rule()));
                }
            }
        }
    }
    assert_eq!(shown, []);
}
