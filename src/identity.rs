//! Who this instance is: version, commit, image digest, instance id and a nonce.
//!
//! All of it is told by the supervisor at start and nothing is compiled in: a digest cannot be inside its
//! own image, and a commit inside the binary would change the image with every commit. The nonce proves to
//! the supervisor that a health reply comes from the process it started, so only health and version replies
//! carry it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// What stands for a value that nobody told.
pub(crate) const UNKNOWN: &str = "unknown";
/// A `sha256:` digest has 71 characters; a nonce or an instance id stays well below this.
pub(crate) const MAX_CHARACTERS: usize = 256;

/// One value that can stand in a header, in JSON and in a metric label as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    text: String,
    header: HeaderValue,
}

impl Word {
    /// `None` for what is no plain word: white space, control characters, other than ASCII, or too long.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = if text.is_empty() { UNKNOWN } else { text };
        let plain = text.len() <= MAX_CHARACTERS && text.bytes().all(|byte| byte.is_ascii_graphic());
        let header = HeaderValue::from_str(text).ok().filter(|_| plain)?;
        Some(Self { text: text.to_owned(), header })
    }
}

/// Who this instance is. Values are plain words or `unknown`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) version: Word,
    pub(crate) commit: Word,
    pub(crate) digest: Word,
    pub(crate) instance: Word,
    pub(crate) nonce: Word,
}

impl Identity {
    pub(crate) fn version(&self) -> &str {
        &self.version.text
    }

    pub(crate) fn commit(&self) -> &str {
        &self.commit.text
    }

    pub(crate) fn digest(&self) -> &str {
        &self.digest.text
    }

    pub(crate) fn instance(&self) -> &str {
        &self.instance.text
    }

    /// Marks a reply of any route.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        for (name, word) in [
            ("x-gateline-version", &self.version),
            ("x-gateline-commit", &self.commit),
            ("x-gateline-digest", &self.digest),
            ("x-gateline-instance", &self.instance),
        ] {
            headers.insert(HeaderName::from_static(name), word.header.clone());
        }
    }

    /// Marks a reply that the supervisor asks for.
    pub(crate) fn mark_with_nonce(&self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("x-gateline-nonce"), self.nonce.header.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        assert_eq!(Word::new(input).map(|word| word.text).as_deref(), expected);
    }

    #[test]
    fn words_are_what_a_header_carries_unchanged() {
        check("", Some(UNKNOWN));
        check("sha256:00ff", Some("sha256:00ff"));
        check("two words", None);
        check("line\nbreak", None);
        check("é", None);
        check(&"a".repeat(MAX_CHARACTERS), Some(&"a".repeat(MAX_CHARACTERS)));
        check(&"a".repeat(MAX_CHARACTERS + 1), None);
    }
}
