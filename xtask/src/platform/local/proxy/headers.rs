//! What is changed in a head on its way: hop-by-hop fields go (RFC 9110 §7.6.1), forwarding fields come, and nobody
//! outside can speak as the suite (`x-gateline-*`).
//!
//! `x-forwarded-for` is appended to, `-proto` and `-host` are set: what stands in them comes from whoever connects.

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request;
use hyper::{Method, Uri, Version};
use std::net::IpAddr;

/// Marks probe requests; only the proxy can set it.
pub const PROBE_HEADER: &str = "x-gateline-probe";
/// The nonce of an instance's start, which it repeats to the supervisor's health checks.
const NONCE_HEADER: &str = "x-gateline-nonce";
const OURS: &str = "x-gateline-";

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Makes a client's head the backend's. Returns the protocol that the client wants to upgrade to, if any.
///
/// # Errors
/// Why the request cannot be passed on.
pub(super) fn to_backend(
    parts: &mut request::Parts,
    peer: IpAddr,
) -> Result<Option<HeaderValue>, &'static str> {
    let host = host(parts)?;
    let upgrade = wanted_upgrade(parts);
    let headers = &mut parts.headers;
    if headers.contains_key(TRANSFER_ENCODING) {
        // RFC 9112 §6.3: it overrides a length, which must not travel on.
        headers.remove(CONTENT_LENGTH);
    }
    remove_hop_by_hop(headers);
    // Answered here: hyper sends 100 when the body is first asked for.
    headers.remove(EXPECT);
    let ours: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
    headers.insert(FORWARDED_FOR, forwarded_for(headers, peer)?);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(FORWARDED_HOST, host.clone());
    headers.insert(HOST, host);
    if let Some(protocol) = &upgrade {
        set_upgrade(headers, protocol.clone());
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    parts.uri = target.parse::<Uri>().map_err(|_| "the request's target cannot be read")?;
    parts.version = Version::HTTP_11;
    Ok(upgrade)
}

/// Makes a backend's head the client's.
pub(super) fn to_client(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    // What proves an instance's identity to the supervisor is nobody else's business.
    headers.remove(NONCE_HEADER);
}

/// Says that this message changes the protocol.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers).filter_map(|name| name.parse().ok()).collect();
    // A message that names its own host as hop-by-hop still needs one.
    for name in named.into_iter().filter(|name| *name != HOST).chain(HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// What `Connection` lists.
fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

fn wanted_upgrade(parts: &request::Parts) -> Option<HeaderValue> {
    let asks = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && tokens(&parts.headers).any(|token| token.eq_ignore_ascii_case("upgrade"));
    parts.headers.get(UPGRADE).filter(|_| asks).cloned()
}

/// The host that the client means: the target's in absolute form, else the one field (RFC 9112 §3.2).
fn host(parts: &request::Parts) -> Result<HeaderValue, &'static str> {
    let mut fields = parts.headers.get_all(HOST).into_iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err("the request has more than one host field");
    }
    match (parts.uri.authority(), field) {
        (Some(authority), _) => {
            HeaderValue::from_str(authority.as_str()).map_err(|_| "the request's host cannot be read")
        }
        (None, Some(field)) => Ok(field.clone()),
        (None, None) if parts.version < Version::HTTP_11 => Ok(HeaderValue::from_static("localhost")),
        (None, None) => Err("the request has no host field"),
    }
}

fn forwarded_for(headers: &HeaderMap, peer: IpAddr) -> Result<HeaderValue, &'static str> {
    let mut chain: Vec<&str> =
        headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok()).collect();
    let peer = peer.to_string();
    chain.push(&peer);
    HeaderValue::from_str(&chain.join(", ")).map_err(|_| "the forwarding field cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn parts(fields: &[(&str, &str)]) -> request::Parts {
        let request = Request::builder().uri("/a?b=c");
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn peer() -> IpAddr {
        [10, 0, 0, 9].into()
    }

    fn sent(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut parts = parts(fields);
        to_backend(&mut parts, peer()).unwrap();
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let mut fields: Vec<_> = parts.headers.iter().map(text).collect();
        fields.sort();
        fields
    }

    fn expect(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let base = [("host", "a"), ("x-forwarded-host", "a"), ("x-forwarded-proto", "http")];
        let mut all: Vec<_> = base
            .iter()
            .chain(fields)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn hop_by_hop_fields_and_those_that_connection_names_are_removed() {
        let fields = [
            ("host", "a"),
            ("connection", "x-private, Host"),
            ("connection", "keep-alive"),
            ("x-private", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("proxy-authorization", "x"),
            ("expect", "100-continue"),
            ("accept", "*/*"),
        ];
        assert_eq!(sent(&fields), expect(&[("accept", "*/*"), ("x-forwarded-for", "10.0.0.9")]));
    }

    #[test]
    fn nobody_outside_speaks_as_the_suite_and_forwarding_is_ours() {
        let fields = [
            ("host", "a"),
            ("X-Gateline-Probe", "1"),
            ("x-gateline-digest", "sha256:0"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
        ];
        assert_eq!(sent(&fields), expect(&[("x-forwarded-for", "1.2.3.4, 10.0.0.9")]));
    }

    #[test]
    fn a_length_beside_a_transfer_coding_does_not_travel() {
        let fields = [("host", "a"), ("transfer-encoding", "chunked"), ("content-length", "3")];
        assert_eq!(sent(&fields), expect(&[("x-forwarded-for", "10.0.0.9")]));
    }

    #[test]
    fn an_upgrade_is_kept_only_where_it_is_asked_for_properly() {
        let check = |fields: &[(&str, &str)], method: Method, expected: Option<&str>| {
            let mut parts = parts(fields);
            parts.method = method;
            let upgrade = to_backend(&mut parts, peer()).unwrap();
            assert_eq!(upgrade.as_ref().map(|value| value.to_str().unwrap()), expected);
            assert_eq!(parts.headers.get(UPGRADE), upgrade.as_ref());
        };
        let asked = [("host", "a"), ("connection", "Upgrade"), ("upgrade", "websocket")];
        check(&asked, Method::GET, Some("websocket"));
        check(&asked, Method::POST, None);
        check(&[("host", "a"), ("upgrade", "websocket")], Method::GET, None);
        check(&[("host", "a"), ("connection", "upgrade")], Method::GET, None);
    }

    #[test]
    fn the_host_is_one_and_the_target_is_the_path() {
        let check = |uri: &str, fields: &[(&str, &str)], version, expected: Result<(&str, &str), &str>| {
            let mut parts = parts(fields);
            (parts.uri, parts.version) = (uri.parse().unwrap(), version);
            let result = to_backend(&mut parts, peer());
            let text = (parts.headers.get(HOST).map(|host| host.to_str().unwrap()), parts.uri.to_string());
            let found = result.map(|_| (text.0.unwrap_or_default(), text.1.as_str()));
            assert_eq!(found, expected);
        };
        let (v10, v11) = (Version::HTTP_10, Version::HTTP_11);
        check("/x", &[("host", "a")], v11, Ok(("a", "/x")));
        check("http://b:1/x?y", &[("host", "a")], v11, Ok(("b:1", "/x?y")));
        check("/x", &[], v10, Ok(("localhost", "/x")));
        check("/x", &[], v11, Err("the request has no host field"));
        check("/x", &[("host", "a"), ("host", "b")], v11, Err("the request has more than one host field"));
    }
}
