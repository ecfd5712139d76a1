//! Every rule on its sample and on what only looks like it.

use super::super::corpus::{ALNUM, SCANNER, body, names, samples};
use super::*;
use proptest::prelude::*;

const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[test]
fn there_are_enough_rules_each_once_and_each_is_a_pattern() {
    assert!(RULES.len() >= 150, "{}", RULES.len());
    for (index, rule) in RULES.iter().enumerate() {
        assert!(SCANNER.pattern(index).is_some(), "{} is no pattern", rule.name);
        assert!(rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.name);
        assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
        assert!(rule.window <= WINDOW_BYTES_MAX && !rule.anchors.is_empty(), "{}", rule.name);
        assert!(rule.pattern.contains("(?P<secret>"), "{}", rule.name);
    }
}

#[test]
fn every_rule_finds_its_format() {
    for sample in samples() {
        for around in [("", ""), ("x = '", "'\n"), ("\\n", "\\n"), ("# ", "\n-- "), ("\u{fffd}", " ")] {
            let text = format!("{}{}{}", around.0, sample.text(), around.1);
            assert_eq!(names(text.as_bytes()), [sample.rule.name], "{around:?} {}", sample.text);
        }
    }
}

/// Half of the secret part, one that nobody would draw, and a placeholder are no secret; nor is one whose checksum is wrong.
#[test]
fn what_only_looks_alike_is_left_alone() {
    for sample in samples() {
        let secret = sample.secret();
        let faked = |with: &str| -> String {
            secret
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { with.to_owned() } else { c.to_string() })
                .collect()
        };
        let cut = &secret[..(secret.len() / 4).min(10)];
        for near in [faked("x"), "*".repeat(secret.len()), faked("A"), format!("{cut} ")] {
            assert_eq!(names(sample.with(&near).as_bytes()), [""; 0], "{}: {near}", sample.rule.name);
        }
        let proved =
            matches!(sample.rule.check, Check::Crc62OfAll | Check::CrcHex | Check::Bech32 | Check::Base58);
        if proved {
            let last = if secret.ends_with('q') || secret.ends_with('1') { "a" } else { "1" };
            let other = if sample.rule.check == Check::Bech32 {
                let digit = if secret.starts_with(['q', 'Q']) { "P" } else { "Q" };
                let digit = if sample.rule.name == "age-secret-key" {
                    digit.to_owned()
                } else {
                    digit.to_lowercase()
                };
                format!("{digit}{}", &secret[1..])
            } else {
                format!("{}{last}", &secret[..secret.len() - 1])
            };
            assert_eq!(names(sample.with(&other).as_bytes()), [""; 0], "{}: {other}", sample.rule.name);
        }
    }
    let innocent = [
        "AKIAIOSFODNN7EXAMPLE",
        "postgres://postgres:postgres@db/app",
        "postgres://desk:S3cretValue99@localhost:5432/app",
        "mysql://u:${DB_PASSWORD}@db.corp.io/x",
        "https://user:pass1234@example.com/",
        "let token = parser.next_token();",
        "password: \"correct horse battery staple\"",
        "secret_name = \"gateline-production-eu-west-1\"",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----",
        "curl -u user:$PASSWORD https://x",
        "Authorization: Bearer $TOKEN",
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
    ];
    for text in innocent {
        assert_eq!(names(text.as_bytes()), [""; 0], "{text}");
    }
}

/// Found on public trees and among the examples of gitleaks.
#[test]
fn what_public_trees_showed_is_no_secret() {
    let line = |start: &str| format!("{start}{}", &body(ALNUM, 64)[start.len()..]);
    let innocent = [
        format!("\"{}\\n\"\n\"{}\\n\"\n", line("Ei"), line("EAAA")),
        format!("http://assets.corp.io/video_box.{}{}.png", "ico-", body("0123456789abcdef", 32)),
        format!("{}-{}-{}-{}-####", "xoxp", "572370529330", "573807301142", "572331691188"),
        format!("{}-1-{}", "xoxe.xoxp", "SlackAppConfigurationAccessTokenHere"),
        "http://My%20User:My%20Pass@dummy.faketld/".to_owned(),
    ];
    for text in innocent {
        assert_eq!(names(text.as_bytes()), [""; 0], "{text}");
    }
}

/// The ways in which languages put a value beside a name.
#[test]
fn a_value_is_found_however_it_is_assigned() {
    let value = body(ALNUM, 32);
    for text in [
        format!("System.setProperty(\"DESK_TOKEN\", \"{value}\")"),
        format!("{{\"config.ini\": \"DESK_TOKEN={value}\\nBACKUP=true\"}}"),
        format!("<deskToken>\n    {value}\n</deskToken>"),
        format!("<token>{value}</token>"),
        format!("$deskToken .= \"{value}\""),
        format!("DESK_TOKEN ::= \"{value}\""),
        format!("DESK_TOKEN ?= \"{value}\""),
        format!("var deskToken string = \"{value}\""),
    ] {
        assert_eq!(names(text.as_bytes()), ["generic-secret"], "{text}");
    }
    let curl = format!("curl https://x \\\n  -d 'a' \\\n  -u robot:{}\n", body(ALNUM, 20));
    assert_eq!(names(curl.as_bytes()), ["curl-user"]);
}

#[test]
fn a_longer_word_is_not_the_token() {
    let token = format!("AKIAI{}", body(BASE32, 15));
    for text in [format!("X{token}"), format!("{token}X"), format!("_{token}"), format!("a-{token}")] {
        assert_eq!(names(text.as_bytes()), [""; 0]);
    }
    assert_eq!(names(format!("a%3D{token}").as_bytes()), ["aws-access-key"]);
}

fn github() -> String {
    samples().iter().find(|sample| sample.rule.name == "github-token").unwrap().text.clone()
}

#[test]
fn the_specific_rule_wins_and_the_list_has_an_end() {
    let token = format!("token = \"{}\"\n", github());
    assert_eq!(names(token.as_bytes()), ["github-token"]);
    let scan = |text: String| SCANNER.scan(text.as_bytes(), Kind::Text);
    let scanned = scan(token.repeat(FOUND_PER_FILE_MAX + 1));
    assert_eq!((scanned.places.len(), scanned.cut), (FOUND_PER_FILE_MAX, true));
    assert!(!scan(token.repeat(FOUND_PER_FILE_MAX)).cut);
}

#[test]
fn the_sort_of_file_decides_which_rules_are_asked() {
    let generic = format!("let password = \"{}\";\n", body(ALNUM, 24));
    let url = format!("postgres://desk:{}@db.corp.io/x\n", body(ALNUM, 18));
    let text = format!("{generic}{url}{}\n", github());
    let found = |text: &str, kind| SCANNER.scan(text.as_bytes(), kind).places.len();
    assert_eq!([Kind::Text, Kind::Machine, Kind::Binary].map(|kind| found(&text, kind)), [3, 2, 1]);
    let long = format!("{}{generic}", "x ".repeat(2000));
    assert_eq!(found(&long, Kind::Text), 0, "a line that a machine wrote");
}

#[test]
fn a_report_shows_nothing_of_the_secret() {
    for sample in samples() {
        for place in SCANNER.scan(sample.text.as_bytes(), Kind::Text).places {
            let secret = sample.secret().as_bytes();
            let leaked = secret
                .windows(8)
                .any(|eight| place.redacted.as_bytes().windows(8).any(|shown| shown == eight));
            assert!(!leaked && place.redacted.ends_with('…'), "{}: {}", sample.rule.name, place.redacted);
        }
    }
}

/// Anchors with anything between: what drives the patterns hardest.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let anchors: Vec<Vec<u8>> =
        RULES.iter().flat_map(|rule| rule.anchors).map(|anchor| anchor.as_bytes().to_vec()).collect();
    let piece = prop_oneof![
        proptest::sample::select(anchors),
        proptest::collection::vec(any::<u8>(), 0..40),
        "[A-Za-z0-9_./:=@\"-]{0,80}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_scanner(bytes in soup()) {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        for place in SCANNER.scan(&bytes, Kind::Text).places {
            prop_assert!((1..=lines).contains(&place.line));
            prop_assert!(place.redacted.chars().count() <= SHOWN_CHARACTERS_MAX + 1);
        }
    }

    #[test]
    fn the_line_is_the_secrets(above in proptest::collection::vec("[a-z ]{0,30}", 0..20), which in any::<proptest::sample::Index>()) {
        let sample = which.get(samples());
        let text = format!("{}{}\n{}\n", above.iter().map(|line| format!("{line}\n")).collect::<String>(), sample.text, "end");
        let places = SCANNER.scan(text.as_bytes(), Kind::Text).places;
        prop_assert_eq!(places.len(), 1);
        prop_assert_eq!(places[0].line as usize, above.len() + 1);
    }
}
