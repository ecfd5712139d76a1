//! Structure that some formats have: checksums, and what their base64 must hold.

use super::base64;

/// Characters that a CRC-32 takes in base 62.
const CRC62_LENGTH: usize = 6;
/// A GitHub, npm or NetBird token behind its prefix.
const CRC62_TOKEN_LENGTH: usize = 36;
/// What GitLab's routable tokens end with: length and CRC-32, both in base 36.
const CRC36_TAIL_LENGTH: usize = 7;

/// The CRC-32 of the first thirty characters in base 62 at the end.
pub(super) fn crc62(secret: &[u8]) -> bool {
    secret.len() == CRC62_TOKEN_LENGTH && {
        let (body, checksum) = secret.split_at(CRC62_TOKEN_LENGTH - CRC62_LENGTH);
        base62(crc32fast::hash(body)) == checksum
    }
}

/// The CRC-32 of prefix and body in base 62 behind the last underscore.
pub(super) fn crc62_of_all(shown: &[u8], secret: &[u8]) -> bool {
    split(shown, secret).is_some_and(|(body, checksum)| base62(crc32fast::hash(&body)) == checksum)
}

/// The CRC-32 of prefix and body behind the last underscore, its bytes from the least on as hexadecimal digits.
pub(super) fn crc_hex(shown: &[u8], secret: &[u8]) -> bool {
    split(shown, secret).is_some_and(|(body, checksum)| {
        let expected: String =
            crc32fast::hash(&body).to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        expected.as_bytes().eq_ignore_ascii_case(checksum)
    })
}

/// The CRC-32 of all before it in base 36 at the end, as GitLab's routable tokens have it.
pub(super) fn crc36(shown: &[u8], secret: &[u8]) -> bool {
    let Some(at) = secret.len().checked_sub(CRC36_TAIL_LENGTH) else { return false };
    let (body, checksum) = secret.split_at(at);
    let body = [shown, body].concat();
    let digits = base36(crc32fast::hash(&body));
    body.contains(&b'.') && digits == checksum
}

/// Six digits of base 62, the most significant first.
pub(super) fn base62(number: u32) -> [u8; CRC62_LENGTH] {
    digits(number, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
}

/// Seven digits of base 36.
pub(super) fn base36(number: u32) -> [u8; CRC36_TAIL_LENGTH] {
    digits(number, b"0123456789abcdefghijklmnopqrstuvwxyz")
}

fn digits<const N: usize>(number: u32, alphabet: &[u8]) -> [u8; N] {
    let base = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    let (mut text, mut rest) = ([b'0'; N], number);
    for place in text.iter_mut().rev() {
        *place = alphabet[(rest % base) as usize];
        rest /= base;
    }
    text
}

/// What stands before the last underscore, with the prefix, and what stands behind it.
fn split<'a>(shown: &[u8], secret: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
    let at = secret.iter().rposition(|byte| *byte == b'_')?;
    Some(([shown, &secret[..at]].concat(), &secret[at + 1..]))
}

/// Base 32 in which an account's number of 12 digits stands; old ids (`AKIAI…`, `AKIAJ…`) have none.
pub(super) fn aws_id(secret: &[u8]) -> bool {
    const ACCOUNT_MAX: u64 = 999_999_999_999;
    let mut bits: u128 = 0;
    for byte in secret {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return false,
        };
        bits = bits << 5 | u128::from(value);
    }
    // 16 characters are 80 bits, of which the second to the forty-first are the account.
    let account = u64::try_from(bits >> 39).unwrap_or(u64::MAX) & ((1 << 40) - 1);
    matches!(secret.first(), Some(b'I' | b'J')) || account <= ACCOUNT_MAX
}

/// Bech32 (BIP 173) with its checksum, in one case.
pub(super) fn bech32(human: &[u8], data: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let human = human.strip_suffix(b"1").unwrap_or(human).to_ascii_lowercase();
    let values = data.iter().map(|byte| ALPHABET.iter().position(|one| *one == byte.to_ascii_lowercase()));
    let Some(values) = values.collect::<Option<Vec<usize>>>() else { return false };
    let values = values.into_iter().map(|value| u32::try_from(value).unwrap_or_default());
    let high = human.iter().map(|byte| u32::from(byte >> 5));
    let low = human.iter().map(|byte| u32::from(byte & 31));
    polymod(high.chain([0]).chain(low).chain(values)) == 1
}

pub(super) fn polymod(values: impl Iterator<Item = u32>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let next = (sum & 0x01ff_ffff) << 5 ^ value;
        GENERATOR.iter().enumerate().fold(
            next,
            |next, (bit, generator)| {
                if top >> bit & 1 == 1 { next ^ generator } else { next }
            },
        )
    })
}

/// Base 58 whose last four bytes are the start of the double SHA-256 of the rest.
pub(super) fn base58(text: &[u8]) -> bool {
    use sha2::{Digest as _, Sha256};
    let Some(bytes) = unbase58(text) else { return false };
    let Some((body, checksum)) = bytes.split_last_chunk::<4>() else { return false };
    Sha256::digest(Sha256::digest(body))[..4] == checksum[..]
}

fn unbase58(text: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes: Vec<u8> = Vec::new();
    for byte in text {
        let mut carry = u32::try_from(ALPHABET.iter().position(|one| one == byte)?).ok()?;
        for place in bytes.iter_mut().rev() {
            carry += u32::from(*place) * 58;
            *place = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.insert(0, u8::try_from(carry & 0xff).ok()?);
            carry >>= 8;
        }
    }
    Some(bytes)
}

/// Base64 of a JSON object, whose end may be missing its padding.
pub(super) fn json(secret: &[u8]) -> bool {
    let body = secret.split(|byte| *byte == b'.' || *byte == b'_').next().unwrap_or_default();
    base64::decode(body)
        .is_some_and(|bytes| bytes.starts_with(b"{\"") && bytes.iter().take(16).all(u8::is_ascii))
}

/// Base64 of a name and a password with a colon between them; the password.
pub(super) fn basic(secret: &[u8]) -> Option<Vec<u8>> {
    let decoded = base64::decode(secret)?;
    let at = decoded.iter().position(|byte| *byte == b':')?;
    let graphic = decoded.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    (graphic && at > 0).then(|| decoded[at + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_crc_in_base_62() {
        assert_eq!((base62(0), base62(61), base62(62)), (*b"000000", *b"00000z", *b"000010"));
        let body = [b'a'; 30];
        let mut token = body.to_vec();
        token.extend(base62(crc32fast::hash(&body)));
        assert!(crc62(&token));
        token[0] = b'b';
        assert!(!crc62(&token));
    }

    /// The examples of BIP 173.
    #[test]
    fn bech32_is_that_of_its_specification() {
        for (human, data) in
            [("A1", "2UEL5L"), ("a1", "2uel5l"), ("abcdef1", "qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw")]
        {
            assert!(bech32(human.as_bytes(), data.as_bytes()), "{human}{data}");
        }
        assert!(!bech32(b"A1", b"2UEL5M") && !bech32(b"A1", b"b"));
    }

    /// The first key of BIP 32's first vector is public there; here only its form with one character changed, and zeros.
    #[test]
    fn base58_needs_its_checksum() {
        use sha2::{Digest as _, Sha256};
        let body = [1_u8; 20];
        let sum = Sha256::digest(Sha256::digest(body));
        let bytes = [&body[..], &sum[..4]].concat();
        let mut number = bytes.clone();
        let mut text = Vec::new();
        while number.iter().any(|byte| *byte != 0) {
            let mut rest = 0_u32;
            for byte in &mut number {
                let value = rest << 8 | u32::from(*byte);
                *byte = u8::try_from(value / 58).unwrap();
                rest = value % 58;
            }
            text.insert(0, b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[rest as usize]);
        }
        assert!(base58(&text));
        text[3] = if text[3] == b'z' { b'y' } else { b'z' };
        assert!(!base58(&text) && !base58(b"1") && !base58(b"0"));
    }

    #[test]
    fn an_account_has_twelve_digits() {
        assert!(aws_id(b"IOSFODNN7AAAAAAA") && aws_id(b"QAAAAAAAAAAAAAAA"));
        assert!(!aws_id(b"P7777777777777AA") && !aws_id(b"0AAAAAAAAAAAAAAA"));
    }

    #[test]
    fn what_base64_must_hold_is_looked_at() {
        assert_eq!(basic(b"Z2FtbWE6cGFzcw==").as_deref(), Some(&b"pass"[..]));
        assert_eq!((basic(b"Z2FtbWE="), basic(b"OnBhc3M="), basic(b"/////w==")), (None, None, None));
        assert!(json(b"eyJhIjoxfQ") && !json(b"Z2FtbWE6cGFzcw"));
    }
}
