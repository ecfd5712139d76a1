//! OSV records as GitHub, RustSec and attackers write them.

use super::*;
use proptest::prelude::*;
use std::io::Write as _;

fn record(id: &str, affected: &str) -> String {
    format!(
        r#"{{"schema_version":"1.7.0","id":"{id}","modified":"2026-05-06T07:08:09Z","summary":"a  fault","aliases":["CVE-2026-1"],
        "severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}}],"database_specific":{{"severity":"HIGH"}},"affected":[{affected}]}}"#
    )
}

fn affected(events: &str) -> String {
    format!(
        r#"{{"package":{{"ecosystem":"crates.io","name":"x"}},"ranges":[{{"type":"SEMVER","events":[{events}]}}]}}"#
    )
}

fn only(text: &str) -> AdvisoryFacts {
    let [facts] = &parse(text.as_bytes()).unwrap()[..] else { panic!("not one: {text}") };
    facts.clone()
}

#[test]
fn a_record_is_an_advisory() {
    let facts = only(&record("GHSA-1", &affected(r#"{"introduced":"0"},{"fixed":"1.2.3"}"#)));
    assert_eq!((facts.id.as_str(), facts.package.as_str(), facts.title.as_str()), ("GHSA-1", "x", "a fault"));
    assert_eq!((facts.severity.as_deref(), facts.date.as_str()), (Some("high"), "2026-05-06"));
    assert_eq!((facts.patched, facts.kind), (vec![">= 1.2.3".to_owned()], AdvisoryKind::Vulnerability));
}

#[test]
fn events_say_which_versions_are_affected() {
    let check = |events: &str, versions: &[(&str, bool)]| {
        let facts = only(&record("GHSA-1", &affected(events)));
        for (version, expected) in versions {
            let has = facts.affected.as_ref().unwrap().has(&version.parse().unwrap());
            assert_eq!(has, *expected, "{events} {version}");
        }
    };
    check(
        r#"{"introduced":"0"},{"fixed":"1.2.3"}"#,
        &[("0.0.0", true), ("1.2.2", true), ("1.2.3", false), ("1.2.3-rc.1", true)],
    );
    check(r#"{"introduced":"0"},{"last_affected":"1.2.3"}"#, &[("1.2.3", true), ("1.2.4", false)]);
    check(
        r#"{"introduced":"1.0"},{"fixed":"1.1"},{"introduced":"2.0.0"}"#,
        &[("0.9.0", false), ("1.0.5", true), ("1.5.0", false), ("3.0.0", true)],
    );
    check(
        r#"{"fixed":"1.0.0"},{"introduced":"0.5.0"}"#,
        &[("0.4.0", false), ("0.7.0", true), ("1.0.0", false)],
    );
    check("", &[("1.0.0", false)]);
}

#[test]
fn versions_may_be_named_one_by_one_and_packages_more_than_once() {
    let listed = r#"{"package":{"ecosystem":"crates.io","name":"x"},"versions":["1.0.0"],"database_specific":{"informational":"unmaintained"}}"#;
    let facts = only(&record("GHSA-1", &[listed, &affected(r#"{"introduced":"3.0.0"}"#)].join(",")));
    let has = |version: &str| facts.affected.as_ref().unwrap().has(&version.parse().unwrap());
    assert_eq!(
        (has("1.0.0"), has("2.0.0"), has("3.1.0"), facts.kind),
        (true, false, true, AdvisoryKind::Unmaintained)
    );
}

#[test]
fn other_ecosystems_and_what_was_withdrawn_are_passed_by() {
    let other = affected("").replace("crates.io", "npm");
    assert_eq!(parse(record("GHSA-1", &other).as_bytes()), Ok(vec![]));
    let withdrawn = record("GHSA-1", &affected(""))
        .replace("\"affected\"", "\"withdrawn\":\"2026-01-01T00:00:00Z\",\"affected\"");
    assert_eq!(parse(withdrawn.as_bytes()), Ok(vec![]));
    let commits = affected(r#"{"introduced":"0"}"#).replace("SEMVER", "GIT");
    assert!(!only(&record("GHSA-1", &commits)).affected.unwrap().has(&Version::new(1, 0, 0)));
}

/// A zip archive of these files.
fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, text) in files {
        let file = archive.new_file(name).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().unwrap();
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(encoder);
        writer.write_all(text).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

#[test]
fn a_folder_and_an_archive_of_it_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let one = record("GHSA-1", &affected(r#"{"introduced":"0"}"#));
    let two = record("RUSTSEC-2027-0001", &affected(r#"{"introduced":"0"}"#));
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    std::fs::write(folder.path().join("one.json"), &one).unwrap();
    std::fs::write(folder.path().join("deep/two.json"), &two).unwrap();
    std::fs::write(folder.path().join("README"), "words").unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    let read_folder = read(folder.path()).unwrap();
    let ids: Vec<&str> = read_folder.iter().map(|facts| facts.id.as_str()).collect();
    assert_eq!(ids, ["RUSTSEC-2027-0001", "GHSA-1"]);
    let archive = folder.path().join("all.zip");
    std::fs::write(
        &archive,
        zipped(&[("one.json", one.as_bytes()), ("x/two.json", two.as_bytes()), ("a.txt", b"x")]),
    )
    .unwrap();
    assert_eq!(read(&archive).unwrap(), read_folder);
}

#[test]
fn what_cannot_be_read_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.zip");
    let check = |bytes: &[u8], expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.message.contains(expected) && error.message.contains("all.zip"), "{}", error.message);
    };
    check(b"", "no zip archive");
    check(b"PK\x03\x04 and more", "no zip archive");
    check(&zipped(&[]), "no advisory about crates.io");
    check(&zipped(&[("a.json", b"{\"id\":")]), "a.json: EOF");
    check(
        &zipped(&[("a.json", record("G", &affected(r#"{"fixed":"soon"}"#)).as_bytes())]),
        "`soon` is no version",
    );
    let whole = zipped(&[("a.json", record("G", &affected("")).as_bytes())]);
    check(&whole[..whole.len() / 2], "no zip archive");
    std::fs::create_dir(folder.path().join("d")).unwrap();
    std::fs::write(folder.path().join("d/bad.json"), "{\n\n]").unwrap();
    let error = read(&folder.path().join("d")).unwrap_err();
    assert!(error.message.contains("d/bad.json") && error.message.contains("line 3"), "{}", error.message);
    assert!(read(&folder.path().join("none")).is_err());
}

#[test]
fn a_bomb_is_not_unpacked() {
    let zeros = vec![b' '; 1 << 20];
    let bomb = zipped(&[("a.json", &zeros)]);
    assert!(bomb.len() < 1 << 12);
    let mut count = 0;
    let told = unpack(&bomb, 1 << 16, &mut |_, _| {
        count += 1;
        Ok(())
    });
    assert_eq!((told, count), (Err("a.json unpacks to more than 65536 bytes".to_owned()), 0));
    let many = zipped(&[
        ("a.json", &zeros[..1 << 15]),
        ("b.json", &zeros[..1 << 15]),
        ("c.json", &zeros[..1 << 15]),
    ]);
    assert!(unpack(&many, 1 << 16, &mut |_, _| Ok(())).unwrap_err().contains("c.json"));
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let _ = unpack(&bytes, 1 << 16, &mut |_, bytes| parse(bytes).map(drop));
    }

    #[test]
    fn what_is_fixed_is_not_affected_and_what_was_before_is(introduced in 0u64..50, length in 1u64..50) {
        let fixed = introduced + length;
        let events = format!(r#"{{"fixed":"{fixed}.0.0"}},{{"introduced":"{introduced}.0.0"}}"#);
        let facts = only(&record("G", &affected(&events)));
        for major in 0..110 {
            let has = facts.affected.as_ref().unwrap().has(&Version::new(major, 0, 0));
            prop_assert_eq!(has, (introduced..fixed).contains(&major));
        }
    }
}
