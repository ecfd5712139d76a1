//! Layers: the same entries give the same bytes, and what a tar cannot say is refused.

use super::ustar::{OWNER_MAX, SIZE_BYTES_MAX};
use super::*;
use proptest::prelude::*;

fn archived(entries: Vec<Entry>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Layer::new(entries).unwrap().archive(&mut bytes).unwrap();
    bytes
}

fn refused(entries: Vec<Entry>, expected: &str) {
    let failed = Layer::new(entries).and_then(|layer| layer.archive(&mut io::sink()));
    let message = failed.unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn parents_are_added_and_modes_are_fixed() {
    let entries = vec![
        Entry { path: "app/svc".to_owned(), kind: Kind::Executable(Content::Static(b"x")), owner: 5 },
        Entry { path: "tmp".to_owned(), kind: Kind::SharedDirectory, owner: 0 },
        Entry::file("etc/a/b", b"y".to_vec()),
    ];
    let bytes = archived(entries);
    let mut found = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(header.mtime().unwrap(), MTIME_SECS);
        assert_eq!((header.username().unwrap(), header.groupname().unwrap()), (Some(""), Some("")));
        let path = entry.path().unwrap().display().to_string();
        found.push((path, header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap()));
    }
    let expected = [
        ("app/", 0o755, 0),
        ("app/svc", 0o755, 5),
        ("etc/", 0o755, 0),
        ("etc/a/", 0o755, 0),
        ("etc/a/b", 0o644, 0),
        ("tmp/", 0o1777, 0),
    ];
    let expected = expected.map(|(path, mode, owner)| (path.to_owned(), mode, owner, owner));
    assert_eq!(found, expected);
}

#[test]
fn unfit_entries_are_refused() {
    for path in ["", "/a", "a//b", "a/", "../a", "a/./b", "a\nb"] {
        refused(vec![Entry::file(path, vec![])], "not a path");
    }
    refused(vec![Entry::file("a", vec![]), Entry::file("a", vec![])], "`a` is in the layer twice");
    refused(vec![Entry::file("a", vec![]), Entry::file("a/b", vec![])], "`a` is in the layer twice");
    refused(vec![Entry::file("x".repeat(101), vec![])], "too long");
    refused(vec![Entry { owner: OWNER_MAX + 1, ..Entry::file("a", vec![]) }], "owner 2097152");
    let huge =
        Content::File { path: "/dev/null".into(), size_bytes: SIZE_BYTES_MAX + 1, digest: Digest::of(b"") };
    refused(vec![Entry { path: "a".to_owned(), kind: Kind::File(huge), owner: 0 }], "larger than 8 GiB");
}

#[test]
fn a_file_that_changed_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"after").unwrap();
    let entry = |size_bytes, digest| Entry {
        path: "a".to_owned(),
        kind: Kind::File(Content::File { path: file.path().to_owned(), size_bytes, digest }),
        owner: 0,
    };
    refused(vec![entry(5, Digest::of(b"befor"))], "`a` changed");
    refused(vec![entry(4, Digest::of(b"afte"))], "`a` changed");
    assert_eq!(
        archived(vec![entry(5, Digest::of(b"after"))]),
        archived(vec![Entry::file("a", b"after".into())])
    );
}

/// The compressor's output is part of every digest: an update that changes it must be seen and said in the changelog.
#[test]
fn the_compressor_writes_the_known_bytes() {
    let text: Vec<u8> = (0..200_000_u32).flat_map(|n| (n % 65_521 * 31 % 251).to_le_bytes()).collect();
    let compressed = Layer::new(vec![Entry::file("a", text)]).unwrap().compress(io::sink()).unwrap();
    assert_eq!(
        compressed.diff_id.to_string(),
        "sha256:33de1812e1430288044aa77b536115f9d340d267e4ce02fa4e15f86f5805499b"
    );
    assert_eq!(
        compressed.digest.to_string(),
        "sha256:5705f1d1f5da4e9665416cf8a453d51c51ae384ff51eb5b2552d2ee70ccf5b8e"
    );
    assert_eq!(compressed.unpacked_bytes % 512, 0);
}

#[test]
fn the_key_follows_the_bytes() {
    let key = |entries| Layer::new(entries).unwrap().key();
    let base = key(vec![Entry::file("a", b"x".to_vec())]);
    assert_eq!(
        base,
        key(vec![Entry { path: "a".to_owned(), kind: Kind::File(Content::Static(b"x")), owner: 0 }])
    );
    assert_ne!(base, key(vec![Entry::file("a", b"y".to_vec())]));
    assert_ne!(base, key(vec![Entry::file("b", b"x".to_vec())]));
    assert_ne!(base, key(vec![Entry { owner: 1, ..Entry::file("a", b"x".to_vec()) }]));
    let executable = Kind::Executable(Content::Static(b"x"));
    assert_ne!(base, key(vec![Entry { path: "a".to_owned(), kind: executable, owner: 0 }]));
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let path =
        proptest::collection::vec("[a-z.]{0,3}[a-zA-Z0-9_äß-]{1,40}", 1..6).prop_map(|parts| parts.join("/"));
    let content = proptest::collection::vec(any::<u8>(), 0..1500);
    proptest::collection::vec((path, content, 0..70_000_u32), 0..12).prop_map(|list| {
        list.into_iter()
            .map(|(path, bytes, owner)| Entry { path, kind: Kind::File(Content::Bytes(bytes)), owner })
            .collect()
    })
}

proptest! {
    /// What is written is what another reader reads, whatever the order of the input.
    #[test]
    fn another_reader_reads_the_same(entries in entries(), seed in any::<usize>()) {
        let Ok(layer) = Layer::new(entries.clone()) else { return Ok(()) };
        let mut bytes = Vec::new();
        if layer.archive(&mut bytes).is_err() {
            return Ok(()); // a name beyond ustar, which `unfit_entries_are_refused` speaks of
        }
        let mut other = entries.clone();
        other.reverse();
        if !other.is_empty() {
            let by = seed % other.len();
            other.rotate_left(by);
        }
        prop_assert_eq!(&archived(other), &bytes);
        let mut expected: Vec<_> = entries
            .iter()
            .map(|entry| match &entry.kind {
                Kind::File(Content::Bytes(bytes)) => (entry.path.clone(), bytes.clone(), u64::from(entry.owner)),
                other => unreachable!("{other:?}"),
            })
            .collect();
        expected.sort();
        let mut found = Vec::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.header().entry_type().is_file() {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
                found.push((path, content, entry.header().uid().unwrap()));
            }
        }
        prop_assert_eq!(found, expected);
    }

    /// The gzip holds the archive, and the facts are those of the bytes.
    #[test]
    fn the_facts_are_those_of_the_bytes(entries in entries()) {
        let Ok(layer) = Layer::new(entries) else { return Ok(()) };
        let (mut archive, mut gzip) = (Vec::new(), Vec::new());
        if layer.archive(&mut archive).is_err() {
            return Ok(());
        }
        let facts = layer.compress(&mut gzip).unwrap();
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(gzip.as_slice()).read_to_end(&mut inflated).unwrap();
        prop_assert_eq!(&inflated, &archive);
        prop_assert_eq!((facts.digest, facts.size_bytes), (Digest::of(&gzip), gzip.len() as u64));
        prop_assert_eq!((facts.diff_id, facts.unpacked_bytes), (Digest::of(&archive), archive.len() as u64));
    }
}
