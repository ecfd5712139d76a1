//! The bill of materials of a binary: what was linked into it, as CycloneDX 1.6 JSON.
//!
//! The same inputs give the same bytes: no clock, no path of a machine, everything sorted. There is no `metadata.timestamp`, which the
//! format allows; the serial number, without which GitHub attests no document, is one of the content instead of one by chance. Build scripts, procedural macros and what
//! only they use run on the builder and are in no byte of the binary: they are left out. The standard library and a libc that is linked
//! statically are in it, so they are named.
//!
//! Format: <https://cyclonedx.org/docs/1.6/json/>; names of packages: <https://github.com/package-url/purl-spec>.

use crate::digest::Digest;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the format.
pub const SPEC_VERSION: &str = "1.6";
/// How a file with one is called behind the binary's name.
pub const SUFFIX: &str = ".cdx.json";

/// A bill of materials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sbom {
    /// The package of the binary.
    pub root: Component,
    /// Facts of the build: target, profile.
    pub build: BTreeMap<String, String>,
    /// Everything else that was linked.
    pub components: Vec<Component>,
    /// Who uses whom: references of components.
    pub uses: BTreeMap<String, BTreeSet<String>>,
}

/// Something that was linked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What its manifest says of its licence.
    pub licence: Option<String>,
    /// The digest of the package, where the lockfile has one.
    pub checksum: Option<Digest>,
    /// The features that it was compiled with.
    pub features: BTreeSet<String>,
    /// Where its source can be read.
    pub repository: Option<String>,
}

/// Where something comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// crates.io.
    CratesIo,
    /// Another registry: its address.
    Registry(String),
    /// A git repository with its commit: `https://…#commit`.
    Git(String),
    /// A folder of the workspace, or beside it.
    Here,
    /// The toolchain or the system.
    System,
}

impl Component {
    /// Its name for other tools.
    pub fn purl(&self) -> String {
        let (name, version) = (encoded(&self.name), encoded(&self.version));
        match &self.origin {
            Origin::CratesIo | Origin::Here => format!("pkg:cargo/{name}@{version}"),
            Origin::Registry(address) => {
                format!("pkg:cargo/{name}@{version}?repository_url={}", encoded(address))
            }
            Origin::Git(address) => {
                let address = address.replacen('#', "@", 1);
                format!("pkg:cargo/{name}@{version}?vcs_url={}", encoded(&format!("git+{address}")))
            }
            Origin::System => format!("pkg:generic/{name}@{version}"),
        }
    }

    /// Its name in this document: a package of the workspace may be called as one of the registry.
    pub fn reference(&self) -> String {
        match self.origin {
            Origin::Here => format!("workspace:{}@{}", self.name, self.version),
            _ => self.purl(),
        }
    }

    fn document(&self, kind: &str) -> Value {
        let mut document = json!({
            "type": kind,
            "bom-ref": self.reference(),
            "name": self.name,
            "version": self.version,
            "purl": self.purl(),
        });
        if kind == "library" {
            document["scope"] = json!("required");
        }
        if let Some(checksum) = &self.checksum {
            document["hashes"] = json!([{"alg": "SHA-256", "content": checksum.hex()}]);
        }
        if let Some(licence) = &self.licence {
            document["licenses"] = licence_choice(licence);
        }
        if let Some(address) = self.repository.as_deref().filter(|address| is_address(address)) {
            document["externalReferences"] = json!([{"type": "vcs", "url": address}]);
        }
        let features = self.features.iter().map(|feature| json!({"name": "cargo:feature", "value": feature}));
        let features: Vec<Value> = features.collect();
        if !features.is_empty() {
            document["properties"] = json!(features);
        }
        document
    }
}

impl Sbom {
    /// The document. `maker` is the name and version of who writes it.
    pub fn document(&self, (maker, version): (&str, &str)) -> String {
        let mut root = self.root.document("application");
        let build = self.build.iter().map(|(name, value)| json!({"name": name, "value": value}));
        let mut properties = root["properties"].as_array().cloned().unwrap_or_default();
        properties.extend(build);
        root["properties"] = json!(properties);
        let components: BTreeMap<String, &Component> =
            self.components.iter().map(|component| (component.reference(), component)).collect();
        let none = BTreeSet::new();
        let references = std::iter::once(self.root.reference()).chain(components.keys().cloned());
        let dependencies: BTreeMap<String, &BTreeSet<String>> = references
            .map(|reference| {
                let uses = self.uses.get(&reference).unwrap_or(&none);
                (reference, uses)
            })
            .collect();
        let dependencies =
            dependencies.into_iter().map(|(reference, uses)| json!({"ref": reference, "dependsOn": uses}));
        let mut document = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": SPEC_VERSION,
            "version": 1,
            "metadata": {
                "tools": {"components": [{"type": "application", "name": maker, "version": version}]},
                "component": root,
            },
            "components": components.values().map(|one| one.document("library")).collect::<Vec<_>>(),
            "dependencies": dependencies.collect::<Vec<_>>(),
        });
        document["serialNumber"] = json!(serial(&Digest::of(document.to_string().as_bytes())));
        format!("{document:#}\n")
    }
}

/// The serial number of a content: a UUID of version 8, whose bits the maker chooses (RFC 9562, section 5.8).
fn serial(digest: &Digest) -> String {
    let hex = digest.hex();
    let variant = match hex.as_bytes()[16] {
        b'0'..=b'3' => '8',
        b'4'..=b'7' => '9',
        b'8' | b'9' | b'a' | b'b' => 'a',
        _ => 'b',
    };
    let parts = [
        &hex[..8],
        &hex[8..12],
        &format!("8{}", &hex[13..16]),
        &format!("{variant}{}", &hex[17..20]),
        &hex[20..32],
    ];
    format!("urn:uuid:{}", parts.join("-"))
}

/// An SPDX expression as one, and any other words as the name of a licence: the format takes no others as an expression.
fn licence_choice(text: &str) -> Value {
    // How manifests wrote "or" before 2018.
    let expression = text.replace('/', " OR ");
    let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    match is_expression(&expression) {
        true => json!([{"expression": expression}]),
        false => json!([{"license": {"name": text}}]),
    }
}

/// Whether a text has the shape of an SPDX expression: licences joined by `AND`, `OR` and `WITH`, with parentheses.
fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let (mut depth, mut wants_licence) = (0_usize, true);
    for word in spaced.split_whitespace() {
        match (word, wants_licence) {
            ("(", true) => depth += 1,
            (")", false) if depth > 0 => depth -= 1,
            ("AND" | "OR" | "WITH", false) => wants_licence = true,
            ("(" | ")" | "AND" | "OR" | "WITH", _) | (_, false) => return false,
            (word, true) => {
                let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | ':');
                if !word.chars().all(letter) {
                    return false;
                }
                wants_licence = false;
            }
        }
    }
    !wants_licence && depth == 0
}

/// An address that a reader's parser takes too.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/:?#@!$&'()*+,;=%".contains(c))
    })
}

/// A part of a package URL: what is neither letter, digit nor `.-_~` in per cent. A colon may stay as it is.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests;
