//! Names of places: `oci:DIR[:TAG]` and `HOST[:PORT]/NAME[:TAG][@DIGEST]`.
//!
//! A host is always named, and no tag is made up: what is short on the command line is long in an incident. Grammar of names and tags:
//! distribution-spec 1.1, "Pulling manifests".

use crate::digest::Digest;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Longest name of a repository.
const NAME_BYTES_MAX: usize = 255;
/// Longest tag.
const TAG_BYTES_MAX: usize = 128;

/// Where an image is, or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An OCI layout.
    Layout {
        /// Its directory.
        directory: PathBuf,
        /// Which of its images, or under which name.
        tag: Option<String>,
    },
    /// A registry.
    Registry(Reference),
}

/// An image, or a place for one, in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `HOST` or `HOST:PORT`.
    pub host: String,
    /// The repository.
    pub name: String,
    /// A name that may move.
    pub tag: Option<String>,
    /// The image itself.
    pub digest: Option<Digest>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let Some(rest) = text.strip_prefix("oci:") else { return Ok(Place::Registry(text.parse()?)) };
        let (directory, tag) = match rest.rsplit_once(':') {
            Some((directory, tag)) if !tag.contains('/') => (directory, Some(tag)),
            _ => (rest, None),
        };
        match tag {
            _ if directory.is_empty() => Err(format!("`{text}` names no directory")),
            Some(tag) if !is_tag(tag) => Err(format!("`{tag}` is no tag")),
            _ => Ok(Place::Layout { directory: directory.into(), tag: tag.map(str::to_owned) }),
        }
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Reference, String> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_host(host) {
            return Err(format!(
                "`{text}` names no registry: write HOST[:PORT]/NAME[:TAG][@DIGEST], or oci:DIR"
            ));
        }
        let (name, tag) = match path.split_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (path, None),
        };
        if !is_name(name) {
            return Err(format!(
                "`{name}` is no name of a repository: lower-case words with `/`, `.`, `_`, `-` between"
            ));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(format!("`{tag}` is no tag"));
        }
        let tag = tag.map(str::to_owned);
        Ok(Reference { host: host.to_owned(), name: name.to_owned(), tag, digest })
    }
}

impl Reference {
    /// Whether the registry is on this machine, where plain HTTP is seen by nobody else.
    pub fn is_loopback(&self) -> bool {
        is_loopback(split_port(&self.host).0)
    }
}

/// Whether a host is this machine, by its name or address alone.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Host and port of `HOST[:PORT]`; an IPv6 address keeps its brackets.
pub(super) fn split_port(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && !port.contains(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (host, None),
        },
        _ => (host, None),
    }
}

/// Whether this is a repository's name.
pub fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && name.split('/').all(is_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(word: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = word.as_bytes();
    let ends = bytes.first().is_some_and(plain) && bytes.last().is_some_and(plain);
    let between = bytes
        .split(plain)
        .all(|run| matches!(run, b"" | b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-'));
    ends && between
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = tag.bytes().next().is_some_and(word);
    first && tag.len() <= TAG_BYTES_MAX && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_host(host: &str) -> bool {
    let (name, port) = split_port(host);
    if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().zip(bytes.last()).is_some_and(|(a, b)| *a != b'-' && *b != b'-');
        ends && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let named = name.contains('.') || port.is_some() || name == "localhost";
    named && name.len() <= 253 && name.split('.').all(label)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Registry(reference) => reference.fmt(f),
            Place::Layout { directory, tag: None } => write!(f, "oci:{}", directory.display()),
            Place::Layout { directory, tag: Some(tag) } => write!(f, "oci:{}:{tag}", directory.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, host: &str, name: &str, tag: Option<&str>) {
        let expected =
            Reference { host: host.into(), name: name.into(), tag: tag.map(str::to_owned), digest: None };
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }

    #[test]
    fn references_are_read_as_they_are_written() {
        check("r.example/a", "r.example", "a", None);
        check("r.example:5000/a/b-c__d:1.2_x", "r.example:5000", "a/b-c__d", Some("1.2_x"));
        check("localhost/a", "localhost", "a", None);
        check("[::1]:5000/a:t", "[::1]:5000", "a", Some("t"));
        let digest = Digest::of(b"");
        let both: Reference = format!("127.0.0.1:1/a:t@{digest}").parse().unwrap();
        assert_eq!((both.tag.as_deref(), both.digest.as_ref()), (Some("t"), Some(&digest)));
        assert!(both.is_loopback());
        assert!(!"10.0.0.1:1/a".parse::<Reference>().unwrap().is_loopback());
        assert!(!"localhost.example/a".parse::<Reference>().unwrap().is_loopback());
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let no = [
            "",
            "a",
            "alpine:3",
            "a/b",
            "r.example",
            "r.example/",
            "r.example/A",
            "r.example/a//b",
            "r.example/a/../b",
            "r.example/a:",
            "r.example/a:-x",
            "r.example/a@sha256:1",
            "-r.example/a",
            "r.exa mple/a",
            "u:p@r.example/a",
            "[::1/a",
            "r.example/a___b",
            "r.example/.a",
            "https://r.example/a",
            "r.example:99999/a",
        ];
        no.iter().for_each(|text| assert!(text.parse::<Reference>().is_err(), "{text}"));
    }

    #[test]
    fn layouts_have_a_directory_and_perhaps_a_tag() {
        let layout = |directory: &str, tag: Option<&str>| {
            Ok(Place::Layout { directory: directory.into(), tag: tag.map(str::to_owned) })
        };
        assert_eq!("oci:a/b".parse(), layout("a/b", None));
        assert_eq!("oci:/a:1.2.3".parse(), layout("/a", Some("1.2.3")));
        assert_eq!("oci:/a:b/c".parse(), layout("/a:b/c", None));
        assert!("oci:".parse::<Place>().is_err() && "oci:a:".parse::<Place>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read_and_written_as_it_was(text in "[a-zA-Z0-9:/@._\\[\\]-]{0,40}|oci:.{0,20}|.{0,30}") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert_eq!(place.to_string(), text);
            }
        }

        #[test]
        fn a_reference_survives_its_text(
            host in "[a-z]{1,5}\\.[a-z]{2,4}(:[1-9][0-9]{0,3})?", name in "[a-z0-9]{1,4}([._-][a-z0-9]{1,3}){0,2}(/[a-z]{1,3})?",
            tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9._-]{0,10}"), bytes in proptest::option::of(".{0,4}"),
        ) {
            let digest = bytes.map(|bytes| Digest::of(bytes.as_bytes()));
            let reference = Reference { host, name, tag, digest };
            prop_assert_eq!(reference.to_string().parse(), Ok(reference));
        }
    }
}
