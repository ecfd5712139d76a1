//! The formats, each written from its issuer's public description of it.
//!
//! A rule is a literal to look for in one pass, and a pattern that must match where the literal stands. In a
//! pattern, `shown` is what a report may print and never holds a secret character; `secret` (or `bare`) is the
//! secret part. Specific rules stand before general ones: at one place the first rule wins.

mod clouds;
mod forges;
mod keys;
mod models;
mod money;
mod operations;
mod passwords;
mod services;

use std::sync::LazyLock;

/// Every rule, specific before general.
pub(super) static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    let groups = [
        clouds::RULES,
        forges::RULES,
        models::RULES,
        money::RULES,
        operations::RULES,
        services::RULES,
        keys::RULES,
        passwords::RULES,
    ];
    groups.into_iter().flatten().collect()
});

/// One format.
pub(super) struct Rule {
    /// Kebab case: the finding's code is `secrets/<name>`.
    pub(super) name: &'static str,
    /// What it is, for people.
    pub(super) what: &'static str,
    /// Literals to look for.
    pub(super) anchors: &'static [&'static str],
    /// Whether capitals count in an anchor.
    pub(super) case: Case,
    /// Bytes regex, matched from `back` bytes before the anchor on.
    pub(super) pattern: &'static str,
    /// Bytes of the pattern before its anchor.
    pub(super) back: usize,
    /// What must stand before the pattern.
    pub(super) before: Before,
    /// What the secret part must be besides.
    pub(super) check: Check,
    /// Bytes that the pattern may look at.
    pub(super) window: usize,
    /// Where it is looked for.
    pub(super) family: Family,
}

/// Whether capitals count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// They do: a token's prefix.
    Exact,
    /// They do not: a name or a scheme.
    Any,
}

/// What must stand before a match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// No letter, digit, underscore or hyphen: a word begins.
    Boundary,
    /// Anything: the anchor is long enough to be sure.
    Anything,
    /// A number of 8 to 10 digits, itself at a boundary.
    Number,
}

/// Where a rule is looked for: see `place.rs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// What an issuer gave a form: everywhere, binary files and encoded text included.
    Issued,
    /// A password by its place in a URL or a header: in texts.
    Password,
    /// A value that is told by its name and its look alone: in texts that people write.
    Generic,
}

/// What the secret part must be, besides its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Random enough, and no placeholder.
    Random,
    /// The same, but the CRC-32 of its first 30 characters in base 62 at its end is proof enough: GitHub, npm, NetBird.
    Crc62,
    /// The CRC-32 of all before it, in base 62, behind the last underscore: Matrix (Synapse).
    Crc62OfAll,
    /// The CRC-32 of all before it as little-endian hexadecimal digits, behind the last underscore: Grafana.
    CrcHex,
    /// The same in base 36 at the end where the token has such parts, else random: GitLab.
    Crc36,
    /// An AWS access key id: base 32 that holds an account's number.
    AwsId,
    /// Bech32 with its checksum; the human part is what the report shows.
    Bech32,
    /// Base 58 with the checksum of Bitcoin.
    Base58,
    /// Base64 of a JSON object.
    Json,
    /// Base64 of words with a colon between them.
    Basic,
    /// Three parts, of which the first names an algorithm.
    Jwt,
    /// A block with a key's length and beginning; an encrypted one is told by its own rule.
    Key,
    /// The same, encrypted.
    EncryptedKey,
    /// A password in a URL of a host that others can reach.
    UrlPassword,
    /// A key beside the name of its service: letters and digits that look drawn.
    Named,
    /// A value beside a telling name: must look like no word, path or code.
    Generic,
}

const TOKEN_WINDOW: usize = 1024;
const LONG_WINDOW: usize = 8 * 1024;
const KEY_WINDOW: usize = super::scan::WINDOW_BYTES_MAX;

const fn token(
    name: &'static str,
    what: &'static str,
    anchors: &'static [&'static str],
    pattern: &'static str,
) -> Rule {
    Rule {
        name,
        what,
        anchors,
        case: Case::Exact,
        pattern,
        back: 0,
        before: Before::Boundary,
        check: Check::Random,
        window: TOKEN_WINDOW,
        family: Family::Issued,
    }
}

impl Rule {
    const fn anywhere(self) -> Rule {
        Rule { before: Before::Anything, ..self }
    }

    /// A name or a scheme rather than a prefix.
    const fn named(self) -> Rule {
        Rule { before: Before::Anything, case: Case::Any, ..self }
    }

    /// The same where a word begins.
    const fn at_boundary(self) -> Rule {
        Rule { before: Before::Boundary, ..self }
    }

    const fn after_number(self) -> Rule {
        Rule { before: Before::Number, ..self }
    }

    /// The pattern begins so many bytes before its anchor.
    const fn back(self, bytes: usize) -> Rule {
        Rule { back: bytes, ..self }
    }

    const fn family(self, family: Family) -> Rule {
        Rule { family, ..self }
    }

    const fn check(self, check: Check) -> Rule {
        let window = match check {
            Check::Jwt | Check::Json => LONG_WINDOW,
            Check::Key | Check::EncryptedKey => KEY_WINDOW,
            _ => TOKEN_WINDOW,
        };
        Rule { check, window, ..self }
    }
}

/// A value of so many characters beside a name, with the signs that languages put between them.
macro_rules! beside {
    ($name:literal, $value:literal) => {
        concat!(
            r#"(?P<shown>(?i:"#,
            $name,
            r#"))\\?["'`]?\]?\s{0,4}(?:=>|:{1,3}=|[?.]=|==?|:|,|>|string =)\s{0,5}\\?["'`]?(?P<secret>"#,
            $value,
            ")"
        )
    };
}
use beside;
