//! Is this a secret, or only something of its form? Placeholders, words, paths and code are not.
//!
//! The thresholds were set on public source trees: see `docs/reference/security-gate.md`.

use super::base64;
use super::checksum;
use super::pgp;
use super::rules::Check;
use std::ops::RangeInclusive;

/// Where the headers of an encrypted key stand.
const KEY_HEAD_BYTES: usize = 200;
/// A PKCS#8 Ed25519 key is 64 characters of base64, the shortest there is.
const KEY_CHARACTERS_MIN: usize = 60;
/// Bits per character, in hundredths: random hexadecimal digits of 32 characters are above it.
const TOKEN_CENTIBITS_MIN: u32 = 270;
const GENERIC_CENTIBITS_MIN: u32 = 350;
const GENERIC_SHORT_CENTIBITS_MIN: u32 = 310;
/// Four characters of which three differ.
const URL_PASSWORD_CENTIBITS_MIN: u32 = 150;
const HEX_CENTIBITS_MIN: u32 = 300;
/// Below this length a value must have three kinds of characters.
const GENERIC_SHORT: usize = 20;
/// From this length on, one case of letters with digits is enough: base 32 and base 36.
const GENERIC_ONE_CASE_LENGTH_MIN: usize = 24;
const HEX_LENGTH_MIN: usize = 32;
/// Random text changes its kind of character at about every second step, words and identifiers rarely.
const CHANGES_PERCENT_MIN: usize = 28;
const URL_PASSWORD_LENGTHS: RangeInclusive<usize> = 4..=256;

const PLACEHOLDERS: [&[u8]; 16] = [
    b"example",
    b"xxxx",
    b"placeholder",
    b"changeme",
    b"change_me",
    b"change-me",
    b"dummy",
    b"redacted",
    b"replace",
    b"your_",
    b"your-",
    b"yourt",
    b"12345678",
    b"01234567",
    b"abcdef",
    b"0000000",
];
const WEAK_PASSWORDS: [&[u8]; 14] = [
    b"password",
    b"passwd",
    b"pass",
    b"secret",
    b"postgres",
    b"mysql",
    b"root",
    b"admin",
    b"test",
    b"user",
    b"guest",
    b"token",
    b"pwd",
    b"pw",
];
const NEAR_HOSTS: [&[u8]; 6] =
    [b"localhost", b"127.", b"[::1]", b"0.0.0.0", b"host.docker.internal", b"example."];

/// What was matched, as the rules name its parts.
pub(super) struct Parts<'a> {
    /// What a report shows.
    pub(super) shown: &'a [u8],
    /// The secret part.
    pub(super) secret: &'a [u8],
    /// The user of a URL.
    pub(super) user: &'a [u8],
    /// The host of a URL.
    pub(super) host: &'a [u8],
}

/// Whether the matched text is a secret.
pub(super) fn is_secret(check: Check, parts: &Parts<'_>) -> bool {
    let Parts { shown, secret, .. } = *parts;
    match check {
        Check::Random => is_random(secret),
        Check::Crc62 => checksum::crc62(secret) || is_random(secret),
        Check::Crc62OfAll => checksum::crc62_of_all(shown, secret),
        Check::CrcHex => checksum::crc_hex(shown, secret),
        Check::Crc36 => checksum::crc36(shown, secret) || is_random(secret),
        Check::AwsId => is_random(secret) && checksum::aws_id(secret),
        Check::Bech32 => checksum::bech32(shown, secret),
        Check::Base58 => checksum::base58(secret),
        Check::Json => checksum::json(secret),
        Check::Basic => checksum::basic(secret).is_some_and(|password| is_password(&password)),
        Check::Jwt => is_jwt(secret),
        Check::Key => is_key(secret) && !is_encrypted(shown, secret),
        Check::EncryptedKey => is_key(secret) && is_encrypted(shown, secret),
        Check::UrlPassword => is_url_password(parts),
        Check::Named => is_named(secret),
        Check::Generic => looks_generated(secret),
    }
}

/// No issuer gives digits alone; what ends in "here" is to be put there.
fn is_random(secret: &[u8]) -> bool {
    !is_placeholder(secret)
        && !ends_with(secret, b"here")
        && secret.iter().any(u8::is_ascii_alphabetic)
        && centibits(secret) >= TOKEN_CENTIBITS_MIN
}

/// Digits among letters, changing more often than words do.
fn is_named(secret: &[u8]) -> bool {
    is_random(secret)
        && secret.iter().any(u8::is_ascii_digit)
        && changes(secret) * 100 >= CHANGES_PERCENT_MIN * (secret.len() - 1)
}

/// The header, whose first three characters the rule has shown, must be JSON with an algorithm.
fn is_jwt(secret: &[u8]) -> bool {
    let header = secret.split(|byte| *byte == b'.').next().unwrap_or_default();
    let decoded = base64::decode(&[b"eyJ", header].concat()).unwrap_or_default();
    let parsed = serde_json::from_slice::<serde_json::Value>(&decoded).unwrap_or_default();
    let algorithm = parsed.get("alg").and_then(|algorithm| algorithm.as_str());
    algorithm.is_some_and(|algorithm| algorithm != "none") && !is_placeholder(secret)
}

/// A password that is none by its look: no placeholder, no word, no variable.
fn is_password(password: &[u8]) -> bool {
    let weak = WEAK_PASSWORDS.iter().any(|weak| password.eq_ignore_ascii_case(weak));
    password.len() >= *URL_PASSWORD_LENGTHS.start()
        && !weak
        && !is_placeholder(password)
        && centibits(password) >= URL_PASSWORD_CENTIBITS_MIN
        && password.iter().any(|byte| !byte.is_ascii_lowercase() && *byte != b'_' && *byte != b'-')
}

fn is_key(block: &[u8]) -> bool {
    let body = body_of(block);
    let elided = block.windows(3).any(|three| three == b"...");
    body.len() >= KEY_CHARACTERS_MIN && !elided && centibits(&body) >= GENERIC_CENTIBITS_MIN
}

/// The characters of base64 in a block, without the headers of an encrypted one.
fn body_of(block: &[u8]) -> Vec<u8> {
    let base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    block.iter().filter(base64).copied().collect()
}

/// Whether the key is worth nothing without a passphrase: by its label, its headers, or the cipher that an OpenSSH key names.
fn is_encrypted(shown: &[u8], block: &[u8]) -> bool {
    const MAGIC: &[u8] = b"openssh-key-v1\0";
    let head = &block[..block.len().min(KEY_HEAD_BYTES)];
    let has = |text: &[u8], word: &[u8]| memchr::memmem::find(text, word).is_some();
    if has(shown, b"PGP") {
        return pgp::is_encrypted(block);
    }
    if has(shown, b"ENCRYPTED") || has(head, b"ENCRYPTED") {
        return true;
    }
    // `\n` that a string writes for a line end would count as a character.
    let start = head.iter().position(|byte| *byte == b'b').unwrap_or_default();
    let first: Vec<u8> =
        head[start..].iter().copied().take_while(|byte| byte.is_ascii_alphanumeric()).collect();
    let decoded = base64::decode(&first[..first.len() / 4 * 4]).unwrap_or_default();
    decoded.strip_prefix(MAGIC).is_some_and(|rest| !rest.starts_with(b"\0\0\0\x04none"))
}

fn is_url_password(parts: &Parts<'_>) -> bool {
    let Parts { secret, user, host, .. } = parts;
    let near = NEAR_HOSTS.iter().any(|near| starts_with(host, near));
    let weak = WEAK_PASSWORDS.iter().any(|weak| secret.eq_ignore_ascii_case(weak)) || secret == user;
    let template =
        secret.iter().chain(host.iter()).any(|byte| b"${}%<>[]()*".contains(byte) && !is_escape(secret));
    let domains = [&b"example.com"[..], b"example.org", b"example.net", b".example", b".test", b".invalid"];
    let reserved = domains.iter().any(|domain| ends_with(host, domain));
    URL_PASSWORD_LENGTHS.contains(&secret.len())
        && !is_placeholder(host)
        && centibits(secret) >= URL_PASSWORD_CENTIBITS_MIN
        && !(near || weak || template || reserved || is_placeholder(secret))
        && secret.iter().any(|byte| !byte.is_ascii_lowercase() && *byte != b'_' && *byte != b'-')
}

/// Percent signs that encode a character are no template.
fn is_escape(secret: &[u8]) -> bool {
    let mut percents = secret.split(|byte| *byte == b'%').skip(1).peekable();
    percents.peek().is_some()
        && percents.all(|after| after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit))
        && !secret.iter().any(|byte| b"${}<>[]()*".contains(byte))
}

fn looks_generated(value: &[u8]) -> bool {
    let any = |set: &[u8]| value.iter().any(|byte| set.contains(byte));
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let code = any(b"(){}<>[]$;\\|, ") || value.windows(2).any(|two| two == b"::" || two == b"//");
    let path = matches!(value.first(), Some(b'/' | b'.' | b'#' | b'@' | b'-' | b'%'));
    if code
        || path
        || is_placeholder(value)
        || is_uuid(value)
        || value.iter().any(|byte| !byte.is_ascii_graphic())
    {
        return false;
    }
    if !(has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)) {
        return false;
    }
    if value.iter().all(u8::is_ascii_hexdigit) {
        return value.len() >= HEX_LENGTH_MIN && centibits(value) >= HEX_CENTIBITS_MIN;
    }
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let enough =
        if value.len() < GENERIC_SHORT { GENERIC_SHORT_CENTIBITS_MIN } else { GENERIC_CENTIBITS_MIN };
    (mixed || value.len() >= GENERIC_ONE_CASE_LENGTH_MIN)
        && centibits(value) >= enough
        && changes(value) * 100 >= CHANGES_PERCENT_MIN * (value.len() - 1)
}

/// Steps at which the kind of character changes. Seams of words do not count: separators, and a capital before
/// small letters as in `getToken`.
fn changes(value: &[u8]) -> usize {
    const SMALL: u8 = 0;
    const CAPITAL: u8 = 1;
    const DIGIT: u8 = 2;
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => Some(SMALL),
        b'A'..=b'Z' => Some(CAPITAL),
        b'0'..=b'9' => Some(DIGIT),
        _ => None,
    };
    let differ = |pair: &[u8]| match (kind(pair[0]), kind(pair[1])) {
        (Some(CAPITAL), Some(SMALL)) => false,
        (Some(a), Some(b)) => a != b,
        _ => false,
    };
    value.windows(2).filter(|pair| differ(pair)).count()
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_placeholder(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| lower.windows(word.len()).any(|window| window == *word))
        || secret.iter().any(|byte| b"<>{}$*".contains(byte))
        || secret.windows(3).any(|three| three == b"...")
}

/// Shannon entropy in hundredths of a bit per character.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are below 64 KiB and the result is between 0 and 800"
)]
pub(super) fn centibits(text: &[u8]) -> u32 {
    let mut counts = [0_u32; 256];
    text.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let length = text.len() as f64;
    let bits = |count: &u32| f64::from(*count) / length * (length / f64::from(*count)).log2();
    (counts.iter().filter(|count| **count > 0).map(bits).sum::<f64>() * 100.0) as u32
}

fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    text.len() >= end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_paths_and_code_are_no_secrets() {
        let nothing = [
            "correct-horse-battery-staple-42",
            "src/tokens/v2/parse.rs",
            "getTokenV2FromHeader",
            "self.token[0].value1A",
            "550e8400-e29b-41d4-a716-446655440000",
            "${{secrets.TOKEN1Aa}}",
            "00000000000000000000000000000000",
            "changeme-Please1",
            "token_bucket_refill_2_seconds",
            "std::env::var2Aab",
            "SCREAMING_SNAKE_CASE_V2",
        ];
        for text in nothing {
            assert!(!looks_generated(text.as_bytes()), "{text}");
        }
        let generated = [concat!("q7Rz9", "Kd2Vw8Lm4"), concat!("k3x9w2m7", "q1z8v5n4j6h0t2r9")];
        for text in generated {
            assert!(looks_generated(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn entropy_is_shannons() {
        assert_eq!(
            (centibits(b""), centibits(b"aaaa"), centibits(b"ab"), centibits(b"abcdefgh")),
            (0, 0, 100, 300)
        );
    }

    #[test]
    fn an_encrypted_key_is_told_by_its_label_headers_or_cipher() {
        let openssh = |cipher: &str| {
            let length = u8::try_from(cipher.len()).unwrap();
            let bytes = [b"openssh-key-v1\0\0\0\0", &[length][..], cipher.as_bytes(), &[7; 60]].concat();
            format!("\n{}\n", base64::encode(&bytes))
        };
        let check = |label: &str, block: &str, expected| {
            assert_eq!(is_encrypted(label.as_bytes(), block.as_bytes()), expected, "{label} {block}");
        };
        check("-----BEGIN ENCRYPTED PRIVATE KEY-----", "\nMIIB", true);
        check("-----BEGIN RSA PRIVATE KEY-----", "\nProc-Type: 4,ENCRYPTED\n", true);
        check("-----BEGIN RSA PRIVATE KEY-----", "\nMIIB", false);
        check("-----BEGIN OPENSSH PRIVATE KEY-----", &openssh("none"), false);
        check("-----BEGIN OPENSSH PRIVATE KEY-----", &openssh("aes256-ctr"), true);
    }
}
