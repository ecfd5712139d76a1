//! Headers of registries: what `WWW-Authenticate` asks for, and where `Link` says that a list goes on.
//!
//! RFC 9110 §11.6.1 and RFC 8288. Both come from outside, so what is odd is not understood and nothing is guessed.

use std::collections::BTreeMap;

/// Longest header that is looked at.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// How a registry wants to know who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token from somewhere.
    Bearer {
        /// From where: an address.
        realm: String,
        /// For whom.
        service: Option<String>,
    },
}

/// The challenge of these headers; a token before a password. `None` where none is understood.
pub fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<Challenge> =
        headers.filter(|text| text.len() <= HEADER_BYTES_MAX).flat_map(challenges).collect();
    let bearer = all.iter().find(|one| matches!(one, Challenge::Bearer { .. }));
    bearer.or(all.first()).cloned()
}

/// Every challenge of one header that is understood.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut all: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for part in split(text, ',') {
        let part = part.trim();
        let name_end = part.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(part.len());
        let (word, rest) = part.split_at(name_end);
        let rest = rest.trim_start();
        // `word rest` opens a challenge, `word=value` belongs to the one before.
        let parameter = match rest.strip_prefix('=') {
            Some(value) => Some((word, value)),
            None => {
                all.push((word.to_ascii_lowercase(), BTreeMap::new()));
                rest.split_once('=')
            }
        };
        if let (Some((name, value)), Some((_, parameters))) = (parameter, all.last_mut()) {
            parameters.entry(name.trim().to_ascii_lowercase()).or_insert_with(|| unquoted(value.trim()));
        }
    }
    let understood = |(scheme, mut parameters): (String, BTreeMap<String, String>)| match scheme.as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => {
            let realm = parameters.remove("realm").filter(|realm| !realm.is_empty())?;
            Some(Challenge::Bearer { realm, service: parameters.remove("service") })
        }
        _ => None,
    };
    all.into_iter().filter_map(understood).collect()
}

/// The address of the next page in a `Link` header.
pub fn next_page(text: &str) -> Option<&str> {
    if text.len() > HEADER_BYTES_MAX {
        return None;
    }
    split(text, ',').into_iter().find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = |parameter: &str| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel") && unquoted(value.trim()).eq_ignore_ascii_case("next")
        };
        parameters.split(';').any(is_next).then_some(address)
    })
}

/// Parts between separators that stand in no quotes and in no `<>`.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped, mut angle) = (Vec::new(), 0, false, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            _ if letter == separator && !quoted && !angle => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[track_caller]
    fn check(headers: &[&str], expected: Option<Challenge>) {
        assert_eq!(parse(headers.iter().copied()), expected, "{headers:?}");
    }

    #[test]
    fn challenges_are_understood_or_not_at_all() {
        let usual =
            r#"Bearer realm="https://a.example/token",service="registry",scope="repository:a:pull,push""#;
        check(&[usual], bearer("https://a.example/token", Some("registry")));
        check(&[r#"bearer  realm = "https://a/?x=1,2" , service=s"#], bearer("https://a/?x=1,2", Some("s")));
        check(&[r#"Basic realm="a, Bearer realm=b""#], Some(Challenge::Basic));
        check(&["Basic realm=x", "Bearer realm=\"https://t\""], bearer("https://t", None));
        check(
            &[r#"Basic realm="x", Bearer realm="https://t",service="a\"b""#],
            bearer("https://t", Some("a\"b")),
        );
        check(&["Bearer service=x"], None);
        check(&["Negotiate", ""], None);
        check(&[r#"Bearer realm="https://first",realm="https://second""#], bearer("https://first", None));
    }

    #[test]
    fn the_next_page_is_the_one_that_says_so() {
        assert_eq!(next_page(r#"</v2/a?n=2,3>; rel="next""#), Some("/v2/a?n=2,3"));
        assert_eq!(next_page("</a>; rel=prev, </b>; title=\"x\"; rel=next"), Some("/b"));
        assert_eq!(next_page("</a>; rel=last"), None);
        assert_eq!(next_page("</a"), None);
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_readers(text in ".{0,80}|[Bearlm=\",;<>\\\\ x-]{0,60}") {
            let _ = parse(std::iter::once(text.as_str()));
            if let Some(address) = next_page(&text) {
                prop_assert!(text.contains(address));
            }
        }

        #[test]
        fn what_was_quoted_is_read_back(realm in "[ -~]{1,30}") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            check(&[&format!("Bearer realm=\"{quoted}\",service=s")], bearer(&realm, Some("s")));
        }
    }
}
