//! Keys, and tokens that many issuers give in one form.

use super::{Check, Rule, token};

#[rustfmt::skip] // a table: one rule a paragraph
pub(super) const RULES: &[Rule] = &[
    token("encrypted-private-key", "encrypted private key: as safe as its passphrase", &["-----BEGIN "],
        r"(?P<shown>-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----)(?P<secret>(?:[^-]|-[^-])+)-----END [A-Z ]{0,20}PRIVATE KEY-----")
        .anywhere().check(Check::EncryptedKey),
    token("private-key", "private key", &["-----BEGIN "],
        r"(?P<shown>-----BEGIN (?:(?:RSA|EC|DSA|ANY) )?PRIVATE KEY-----)(?P<secret>(?:[^-]|-[^-])+)-----END [A-Z ]{0,20}PRIVATE KEY-----")
        .anywhere().check(Check::Key),
    token("openssh-private-key", "OpenSSH private key", &["-----BEGIN OPENSSH PRIVATE"],
        r"(?P<shown>-----BEGIN OPENSSH PRIVATE KEY-----)(?P<secret>(?:[^-]|-[^-])+)-----END OPENSSH PRIVATE KEY-----")
        .anywhere().check(Check::Key),
    token("pgp-encrypted-private-key", "encrypted PGP private key: as safe as its passphrase", &["-----BEGIN PGP PRIVATE"],
        r"(?P<shown>-----BEGIN PGP PRIVATE KEY BLOCK-----)(?P<secret>(?:[^-]|-[^-])+)-----END PGP PRIVATE KEY BLOCK-----")
        .anywhere().check(Check::EncryptedKey),
    token("pgp-private-key", "PGP private key", &["-----BEGIN PGP PRIVATE"],
        r"(?P<shown>-----BEGIN PGP PRIVATE KEY BLOCK-----)(?P<secret>(?:[^-]|-[^-])+)-----END PGP PRIVATE KEY BLOCK-----")
        .anywhere().check(Check::Key),
    token("putty-private-key", "PuTTY private key", &["PuTTY-User-Key-File-"],
        r"(?P<shown>PuTTY-User-Key-File-[23]):[^\r\n]{1,64}\r?\nEncryption: none\r?\n(?:[^\r\n]{0,200}\r?\n){1,64}?Private-Lines: ?[0-9]{1,4}\r?\n(?P<secret>[A-Za-z0-9+/=\r\n]{40,})")
        .check(Check::Key),
    token("putty-encrypted-private-key", "encrypted PuTTY private key: as safe as its passphrase", &["PuTTY-User-Key-File-"],
        r"(?P<shown>PuTTY-User-Key-File-[23]):[^\r\n]{1,64}\r?\nEncryption: aes256-cbc\r?\n(?:[^\r\n]{0,200}\r?\n){1,64}?Private-Lines: ?[0-9]{1,4}\r?\n(?P<secret>[A-Za-z0-9+/=\r\n]{40,})")
        .check(Check::Key),
    token("age-secret-key", "age secret key", &["AGE-SECRET-KEY-1"],
        r"(?P<shown>AGE-SECRET-KEY-1)(?P<secret>[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})").anywhere().check(Check::Bech32),
    token("jwk-private-key", "JSON web key with its private part", &["\"kty\""],
        r#"(?P<shown>"kty")\s{0,4}:\s{0,4}"(?:RSA|EC|OKP)"[^{}]{0,2000}"d"\s{0,4}:\s{0,4}"(?P<secret>[A-Za-z0-9_-]{40,700})""#).anywhere(),
    token("wireguard-private-key", "WireGuard private key", &["PrivateKey"],
        r"(?P<shown>PrivateKey)[ \t]{0,4}=[ \t]{0,4}(?P<secret>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"),
    token("jwt", "JSON web token", &["eyJ"],
        r"(?P<shown>eyJ)(?P<secret>[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})").check(Check::Jwt),
];
