//! Where a report says that something stands, as a path of the workspace: URIs, percent-encoded or not, relative to named folders or
//! to nothing, and plain paths.

use crate::tools::coverage_import::paths::PathRule;
use std::path::Path;

/// Bytes of a path. The longest that Linux opens has 4,096.
const PATH_BYTES_MAX: usize = 4096;

/// How places become paths.
pub(super) struct Places {
    rule: PathRule,
}

impl Places {
    pub(super) fn new(root: &Path, strip: Option<&str>) -> Places {
        Places { rule: PathRule::new(root, strip, None) }
    }

    /// The path in the workspace; `None` where it is elsewhere, or no path at all.
    pub(super) fn inside(&self, place: &str) -> Option<String> {
        let path = path_of(place)?;
        self.rule.candidates(&path, &[]).into_iter().next()
    }
}

/// The path of a URI, or the path itself. A URI of another kind than `file` is none.
fn path_of(place: &str) -> Option<String> {
    if place.len() > PATH_BYTES_MAX || place.contains('\0') {
        return None;
    }
    let path = match place.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            // `file:///a`, `file://host/a` or `file:/a`; a host is not looked at.
            let local =
                rest.strip_prefix("//").map_or(rest, |rest| &rest[rest.find('/').unwrap_or(rest.len())..]);
            decoded(local)
        }
        // A letter alone is a drive of Windows.
        Some((scheme, rest)) if is_scheme(scheme) && rest.starts_with("//") => return None,
        Some(("git" | "data" | "urn" | "mailto" | "pkg", _)) => return None,
        _ => decoded(place),
    };
    // `/C:/work` is how URIs write drives.
    let path = match path.as_bytes() {
        [b'/', letter, b':', b'/', ..] if letter.is_ascii_alphabetic() => path[1..].to_owned(),
        _ => path,
    };
    let harmless = !path.contains('\0') && path.len() <= PATH_BYTES_MAX;
    harmless
        .then(|| path.split(['?', '#']).next().unwrap_or(&path).to_owned())
        .filter(|path| !path.is_empty())
}

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))
}

/// `%20` as a space. What is no escape stays as it is; bytes that are no UTF-8 become a mark.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod proof {
    use super::*;
    use proptest::prelude::*;

    fn check(strip: Option<&str>, place: &str, expected: Option<&str>) {
        let places = Places::new(Path::new("/no-such-root/w"), strip);
        assert_eq!(places.inside(place).as_deref(), expected, "{place}");
    }

    #[test]
    fn places_become_paths_of_the_workspace() {
        check(None, "src/a.rs", Some("src/a.rs"));
        check(None, "./src/a%20b.rs", Some("src/a b.rs"));
        check(None, "src/100%.rs", Some("src/100%.rs"));
        check(None, "file:///no-such-root/w/src/a.rs", Some("src/a.rs"));
        check(None, "file:/no-such-root/w/src/a.rs", Some("src/a.rs"));
        check(None, "file://host/no-such-root/w/src/a.rs", Some("src/a.rs"));
        check(None, "file:///elsewhere/a.rs", None);
        check(Some("/build"), "file:///build/src/a.rs", Some("src/a.rs"));
        check(Some("C:/work"), "file:///C:/work/src/a.rs", Some("src/a.rs"));
        check(Some("C:/work"), "C:\\work\\src\\a.rs", Some("src/a.rs"));
        check(None, "src/a.rs?x=1#L5", Some("src/a.rs"));
        check(None, "https://example.org/a.rs", None);
        check(None, "pkg:cargo/time@0.1.0", None);
    }

    #[test]
    fn nothing_hidden_leads_out() {
        for place in
            ["%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc", "a%00b", "%2Fetc%2Fpasswd", "src/../../x", ""]
        {
            check(None, place, None);
        }
    }

    proptest! {
        #[test]
        fn a_path_stays_inside(place in "(file:|/|\\.|%2e|%2F|%|a|\\\\|C:|#|\\PC){0,20}", strip in "[a/.]{0,4}") {
            let places = Places::new(Path::new("/no-such-root"), Some(&strip));
            if let Some(path) = places.inside(&place) {
                prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| matches!(part, "" | "." | "..")));
            }
        }
    }
}
