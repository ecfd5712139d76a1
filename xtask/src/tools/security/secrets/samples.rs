//! A secret of every format, made when the tests run, so that no source file of ours looks like a leak; each in the containers in
//! which secrets are found. The stories of `tests/secrets.rs` are built with this file too: it knows the rules and no scanner.

use super::base64::encode;
use super::checksum;
use super::rules::{Check, RULES, Rule};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

pub(super) const ALNUM: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// A text with one secret of a rule.
pub(crate) struct Sample {
    pub(super) rule: &'static Rule,
    pub(super) text: String,
    /// Where the secret part is.
    pub(super) secret: std::ops::Range<usize>,
}

impl Sample {
    pub(crate) fn secret(&self) -> &str {
        &self.text[self.secret.clone()]
    }

    /// The rule's name.
    pub(crate) fn rule(&self) -> &'static str {
        self.rule.name
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text with another secret part.
    pub(super) fn with(&self, secret: &str) -> String {
        format!("{}{secret}{}", &self.text[..self.secret.start], &self.text[self.secret.end..])
    }
}

/// Characters that look drawn by chance, the same in every run.
pub(super) fn body(alphabet: &str, length: usize) -> String {
    let alphabet = alphabet.as_bytes();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(alphabet[(state >> 33) as usize % alphabet.len()])
    };
    (0..length).map(|_| next()).collect()
}

/// A sample of every rule.
pub(crate) fn samples() -> &'static [Sample] {
    static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| RULES.iter().map(|rule| sample(rule)).collect());
    &SAMPLES
}

fn sample(rule: &'static Rule) -> Sample {
    let (before, secret, after) = match rule.check {
        Check::Key | Check::EncryptedKey => key(rule),
        Check::Generic | Check::UrlPassword | Check::Basic => by_place(rule),
        _ if rule.name == "jwk-private-key" => by_place(rule),
        _ => drawn(rule),
    };
    let text = format!("{before}{secret}{after}");
    Sample { rule, text, secret: before.len()..before.len() + secret.len() }
}

/// A text that its pattern matches, with what the check wants besides.
fn drawn(rule: &'static Rule) -> (String, String, String) {
    // A pattern that a number stands before, or names in any case, is drawn as it is.
    let strategy = proptest::string::bytes_regex(&format!("(?-u:{})", rule.pattern)).unwrap();
    let pattern = regex::bytes::Regex::new(&format!("(?-u)^(?:{})", rule.pattern)).unwrap();
    let mut runner = TestRunner::deterministic();
    for _ in 0..1000 {
        let Ok(text) = String::from_utf8(strategy.new_tree(&mut runner).unwrap().current()) else { continue };
        let Some(found) = pattern.captures(text.as_bytes()) else { continue };
        let (Some(secret), Some(all)) = (found.name("secret"), found.get(0)) else { continue };
        if all.len() != text.len()
            || text.contains('\\')
            || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        {
            continue;
        }
        let prefix = if rule.before == super::rules::Before::Number { "110201543" } else { "" };
        let before = format!("{prefix}{}", &text[..secret.start()]);
        let shown = found.name("shown").map_or("", |shown| &text[shown.range()]);
        if let Some(secret) = fitting(rule.check, shown, &text[secret.range()]) {
            return (before, secret, text[secret_end(&pattern, &text)..].to_owned());
        }
    }
    panic!("no sample of {}", rule.name);
}

fn secret_end(pattern: &regex::bytes::Regex, text: &str) -> usize {
    pattern
        .captures(text.as_bytes())
        .and_then(|found| found.name("secret").map(|secret| secret.end()))
        .unwrap()
}

/// The secret part with its checksum; `None` where it must be drawn again.
fn fitting(check: Check, shown: &str, secret: &str) -> Option<String> {
    let crc = |text: &str| crc32fast::hash(text.as_bytes());
    let ascii = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match check {
        Check::Crc62 if secret.len() >= 36 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Some(format!("{}{}", &secret[..30], ascii(&checksum::base62(crc(&secret[..30])))))
        }
        Check::Crc62 => None,
        Check::Crc62OfAll => {
            let body = &secret[..secret.rfind('_')?];
            Some(format!("{body}_{}", ascii(&checksum::base62(crc(&format!("{shown}{body}"))))))
        }
        Check::CrcHex => {
            let body = &secret[..secret.rfind('_')?];
            let sum = crc(&format!("{shown}{body}")).to_le_bytes();
            Some(format!("{body}_{}", sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        Check::Crc36 => {
            let body = format!("{}.01.0z", body(ALNUM, 40));
            Some(format!("{body}{}", ascii(&checksum::base36(crc(&format!("{shown}{body}"))))))
        }
        Check::AwsId => checksum::aws_id(secret.as_bytes()).then(|| secret.to_owned()),
        Check::Bech32 => Some(bech32(shown, secret)),
        Check::Base58 => Some(base58()),
        Check::Json => {
            let json =
                format!("{{\"o\":\"{}\",\"n\":\"t\",\"k\":\"{}\"}}", body(ALNUM, 10), body(ALNUM, 200));
            Some(encode(json.as_bytes()).trim_end_matches('=').to_owned())
        }
        Check::Jwt => {
            let header = encode(b"{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
            let header = header.trim_end_matches('=').strip_prefix("eyJ")?;
            Some(format!("{header}.eyJ{}.{}", body(ALNUM, 20), body(ALNUM, 43)))
        }
        _ => Some(secret.to_owned()),
    }
}

/// The data with its own checksum, by BIP 173.
fn bech32(shown: &str, data: &str) -> String {
    let upper = shown.starts_with('A');
    let human = shown.strip_suffix('1').unwrap_or(shown).to_ascii_lowercase();
    let value = |byte: u8| BECH32.iter().position(|one| *one == byte.to_ascii_lowercase()).unwrap() as u32;
    let data: Vec<u32> = data[..data.len() - 6].bytes().map(value).collect();
    let expanded = human
        .bytes()
        .map(|byte| u32::from(byte >> 5))
        .chain([0])
        .chain(human.bytes().map(|byte| u32::from(byte & 31)));
    let sum = checksum::polymod(expanded.chain(data.iter().copied()).chain([0; 6])) ^ 1;
    let digits = data.into_iter().chain((0..6).map(|place| sum >> (5 * (5 - place)) & 31));
    let text: String = digits.map(|digit| char::from(BECH32[digit as usize])).collect();
    if upper { text.to_ascii_uppercase() } else { text }
}

/// Bytes whose base 58 begins as that of an extended private key, with their checksum.
fn base58() -> String {
    let mut bytes = vec![0x04, 0x88, 0xad, 0xe4];
    bytes.extend(body(ALNUM, 74).bytes());
    let sum = Sha256::digest(Sha256::digest(&bytes));
    bytes.extend(&sum[..4]);
    let mut text = Vec::new();
    while bytes.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u32;
        for byte in &mut bytes {
            let value = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 58).unwrap();
            rest = value % 58;
        }
        text.insert(0, BASE58[rest as usize]);
    }
    String::from_utf8(text).unwrap()
}

fn key(rule: &'static Rule) -> (String, String, String) {
    let begin = |label: &str| (format!("-----BEGIN {label}-----\n"), format!("\n-----END {label}-----"));
    let openssh = |cipher: &str| {
        let length = u8::try_from(cipher.len()).unwrap();
        encode(
            &[b"openssh-key-v1\0\0\0\0", &[length][..], cipher.as_bytes(), body(ALNUM, 200).as_bytes()]
                .concat(),
        )
    };
    let der = format!("MIIE{}", body(ALNUM, 400));
    // Ed25519, its public part, and the octet that says that the rest is encrypted.
    let openpgp =
        [&[0x95, 1, 0, 4, 1, 2, 3, 4, 22, 3, 1, 2, 3, 0, 8, 7, 254][..], body(ALNUM, 200).as_bytes()]
            .concat();
    let putty = |cipher: &str| {
        let head =
            format!("PuTTY-User-Key-File-3: ssh-rsa\nEncryption: {cipher}\nComment: a\nPublic-Lines: 1\n");
        (format!("{head}AAAA\nPrivate-Lines: 8\n"), body(ALNUM, 160), "\nPrivate-MAC: 1".to_owned())
    };
    let ((before, after), body) = match rule.name {
        "private-key" => (begin("PRIVATE KEY"), der),
        "encrypted-private-key" => (begin("ENCRYPTED PRIVATE KEY"), der),
        "openssh-private-key" => (begin("OPENSSH PRIVATE KEY"), openssh("none")),
        "pgp-private-key" => (begin("PGP PRIVATE KEY BLOCK"), der),
        "pgp-encrypted-private-key" => (begin("PGP PRIVATE KEY BLOCK"), encode(&openpgp)),
        "putty-private-key" => return putty("none"),
        "putty-encrypted-private-key" => return putty("aes256-cbc"),
        name => panic!("no sample of {name}"),
    };
    (before, body, after)
}

fn by_place(rule: &'static Rule) -> (String, String, String) {
    let (before, secret, after) = match rule.name {
        "database-url" => ("postgres://desk:", body(ALNUM, 18), "@db.prod.internal/desk"),
        "url-password" => ("https://robot:", body(ALNUM, 24), "@git.corp.io/x.git"),
        "connection-string-password" => ("Server=db;User Id=sa;Password=", body(ALNUM, 20), ";Database=desk"),
        "basic-authorization" => {
            ("Authorization: Basic ", encode(format!("robot:{}", body(ALNUM, 20)).as_bytes()), "")
        }
        "bearer-authorization" => ("Authorization: Bearer ", body(ALNUM, 36), ""),
        "docker-config-auth" => {
            ("{\"auth\": \"", encode(format!("robot:{}", body(ALNUM, 20)).as_bytes()), "\"}")
        }
        "npmrc-auth" => {
            ("//npm.corp.io/:_auth=", encode(format!("robot:{}", body(ALNUM, 20)).as_bytes()), "\n")
        }
        "npmrc-token" => ("//npm.corp.io/:_authToken=", body(ALNUM, 36), "\n"),
        "nuget-password" => ("<add key=\"ClearTextPassword\" value=\"", body(ALNUM, 20), "\" />"),
        "netrc-password" => ("machine git.corp.io login robot password ", body(ALNUM, 20), "\n"),
        "curl-user" => ("curl -sS -u robot:", body(ALNUM, 20), " https://x"),
        "jwk-private-key" => ("{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"d\": \"", body(ALNUM, 43), "\"}"),
        "generic-secret" => ("let password = \"", body(ALNUM, 24), "\";"),
        name => panic!("no sample of {name}"),
    };
    (before.to_owned(), secret, after.to_owned())
}

/// What a secret may stand in, each with its name; where the text has lines, only those that can hold lines.
pub(crate) fn containers(sample: &Sample) -> Vec<(&'static str, String)> {
    let text = &sample.text;
    let json = serde_json::to_string(&serde_json::json!({"a": 1, "value": text})).unwrap();
    let indented = text.replace('\n', "\n    ");
    let base64 = encode(format!("config: {text}\n").as_bytes());
    let wrapped: Vec<&str> =
        base64.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let mut all = vec![
        ("plain", format!("first\n{text}\nlast\n")),
        ("JSON", json),
        ("YAML", format!("a:\n  b: |\n    {indented}\n  c: 1\n")),
        ("base64", format!("data:\n  x: {base64}\n")),
        ("base64 in lines", format!("data: |\n  {}\n", wrapped.join("\n  "))),
    ];
    if !text.contains(['\n', ' ', '"']) {
        all.push(("URL", format!("GET /v1/x?a=1&t={text}&b=2 HTTP/1.1\n")));
        let secret = sample.secret();
        if secret.len() >= 16 && !secret.contains('\\') {
            let half = secret.len() / 2;
            let (first, second) = secret.split_at(half);
            all.push((
                "in pieces",
                format!(
                    "let x = \"{}{first}\" +\n    \"{second}{}\";\n",
                    &text[..sample.secret.start],
                    &text[sample.secret.end..]
                ),
            ));
        }
    }
    all
}
