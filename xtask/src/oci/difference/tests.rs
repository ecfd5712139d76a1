//! Each kind of difference is named, and what follows from it is not.

use super::*;
use crate::oci::config::{Architecture, Facts};
use crate::oci::layer::{Content, Entry, Kind, Layer};
use crate::oci::{LayerFacts, assemble, layout};
use std::path::Path;

fn facts() -> Facts {
    Facts {
        name: "svc".to_owned(),
        version: "1.0.0".to_owned(),
        revision: "c".repeat(40),
        source: None,
        licences: None,
        description: None,
        entrypoint: "/app/svc".to_owned(),
        arguments: Vec::new(),
        ports: Vec::new(),
        user: 65532,
        environment: BTreeMap::new(),
        labels: BTreeMap::new(),
    }
}

fn stored(folder: &Path, facts: &Facts, layers: Vec<Vec<Entry>>) -> Stored {
    let (mut files, mut blobs) = (Vec::new(), Vec::new());
    for (position, entries) in layers.into_iter().enumerate() {
        let path = folder.join(format!("layer-{position}"));
        let blob = Layer::new(entries).unwrap().compress(std::fs::File::create(&path).unwrap()).unwrap();
        blobs.push(LayerFacts { blob, what: "entries".to_owned() });
        files.push(path);
    }
    let image = assemble(facts, Architecture::Amd64, jiff::Timestamp::UNIX_EPOCH, &blobs);
    layout::write(&folder.join("image"), &image, "svc", &files).unwrap();
    layout::read(&folder.join("image"), Architecture::Amd64).unwrap()
}

/// The difference of two images, a line each.
fn told(first: (&Facts, Vec<Vec<Entry>>), second: (&Facts, Vec<Vec<Entry>>)) -> Vec<String> {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = [(&folders[0], first), (&folders[1], second)]
        .map(|(folder, (facts, layers))| stored(folder.path(), facts, layers));
    let line = |found: Difference| {
        let Difference { part, place, what, first, second } = found;
        format!("{part} {place} {what}: {first} / {second}")
    };
    between(&one, &other).unwrap().into_iter().map(line).collect()
}

fn file(path: &str, text: &str) -> Entry {
    Entry::file(path, text.as_bytes().to_vec())
}

#[test]
fn the_same_image_has_no_difference() {
    let layers = || vec![vec![file("a", "1")], vec![file("b", "2")]];
    assert_eq!(told((&facts(), layers()), (&facts(), layers())), Vec::<String>::new());
}

#[test]
fn a_file_is_named_with_the_line_and_nothing_that_follows_from_it() {
    let one = vec![vec![file("etc/a", "same")], vec![file("app/list", "x\nbuilt in /one\n")]];
    let other = vec![vec![file("etc/a", "same")], vec![file("app/list", "x\nbuilt in /two\n")]];
    assert_eq!(
        told((&facts(), one), (&facts(), other)),
        ["layer 2 app/list line 2: built in /one / built in /two"]
    );
}

#[test]
fn presence_kind_and_mode_are_named() {
    let executable = |path: &str| Entry {
        path: path.to_owned(),
        kind: Kind::Executable(Content::Bytes(b"x".to_vec())),
        owner: 0,
    };
    let directory = |path: &str| Entry { path: path.to_owned(), kind: Kind::Directory, owner: 0 };
    let one = vec![vec![file("a", "x"), file("b", "x"), file("c", "x")]];
    let other = vec![vec![executable("a"), directory("b"), file("d", "x")]];
    let expected = [
        "layer 1 a mode: 644 / 755",
        "layer 1 b kind: file / directory",
        "layer 1 c presence: present / absent",
        "layer 1 d presence: absent / present",
    ];
    assert_eq!(told((&facts(), one), (&facts(), other)), expected);
}

#[test]
fn fields_of_documents_are_named_by_their_pointer() {
    let second =
        Facts { environment: BTreeMap::from([("A".to_owned(), "1".to_owned())]), user: 7, ..facts() };
    let layers = || vec![vec![file("a", "1")]];
    let told = told((&facts(), layers()), (&second, layers()));
    assert!(
        told.iter().any(|line| line == r#"config /config/User value: "65532:65532" / "7:7""#),
        "{told:#?}"
    );
    assert!(told.iter().all(|line| !line.contains("digest")), "{told:#?}");
}

#[test]
fn a_layer_more_is_named() {
    let told = told(
        (&facts(), vec![vec![file("a", "1")]]),
        (&facts(), vec![vec![file("a", "1")], vec![file("b", "2")]]),
    );
    assert!(told.contains(&"layer 2  presence: absent / present".to_owned()), "{told:#?}");
}

#[test]
fn the_sections_of_a_program_are_named() {
    let (one, other) = (elf(b"built in /one\0"), elf(b"built in /two\0"));
    let seen = bytes::differences(&one, &other);
    let lines: Vec<String> =
        seen.iter().map(|seen| format!("{}: {} / {}", seen.what, seen.first, seen.second)).collect();
    assert_eq!(lines, ["section .rodata, byte 10: built in /one / built in /two"]);
}

/// The smallest 64-bit ELF file with these bytes as `.rodata` (elf(5)): a header, the two sections' bytes, three section headers.
fn elf(rodata: &[u8]) -> Vec<u8> {
    const NAMES: &[u8] = b"\0.rodata\0.shstrtab\0";
    let names_at = 64 + rodata.len();
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    for half in [3u16, 62] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    for offset in [0, 0, (names_at + NAMES.len()) as u64] {
        file.extend(offset.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [64u16, 0, 0, 64, 3, 2] {
        file.extend(half.to_le_bytes());
    }
    file.extend(rodata);
    file.extend(NAMES);
    let section = |name: u32, kind: u32, at: usize, length: usize| {
        let mut header = [name.to_le_bytes(), kind.to_le_bytes()].concat();
        for field in [0, 0, at as u64, length as u64, 0, 1, 0] {
            // sh_flags, sh_addr, sh_offset, sh_size, sh_link with sh_info, sh_addralign, sh_entsize
            header.extend(field.to_le_bytes());
        }
        header
    };
    file.extend(section(0, 0, 0, 0));
    file.extend(section(1, 1, 64, rodata.len()));
    file.extend(section(9, 3, names_at, NAMES.len()));
    file
}
