//! What tells two images apart: names the document's field, or the layer's member and the section of it, so that who wants one
//! digest knows where to look. Digests and sizes that only follow from other bytes are not named.

mod bytes;

use super::layout::{LayoutError, Stored};
use super::members::{Limits, Member, MemberError, MemberKind, visit};
use super::unpack::UnpackError;
use crate::digest::{Digest, Hasher};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

/// Differences that are named; what follows is only counted by its absence.
pub const NAMED_MAX: usize = 50;
/// Members whose bytes are looked into.
const LOOKED_INTO_MAX: usize = 10;
/// Longest file that is looked into; of a longer one only the name is told.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// One thing that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where: `config`, `manifest`, or `layer 2`.
    pub part: String,
    /// What in it: a field as a JSON pointer (RFC 6901), or a member's path.
    pub place: String,
    /// Which of its properties: `value`, `mode`, `kind`, `section .rodata at 0x1f0`, `byte 17`, …
    pub what: String,
    /// As it is in the first image, shortened.
    pub first: String,
    /// As it is in the second.
    pub second: String,
}

/// Compares two images. Empty where they are the same.
///
/// # Errors
/// Where a layer of either is damaged or has a member that is refused.
pub fn between(first: &Stored, second: &Stored) -> Result<Vec<Difference>, UnpackError> {
    if first.digest == second.digest {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let json = |part: &str, first: Value, second: Value, found: &mut Vec<Difference>| {
        values(part, "", (&first, &second), found);
    };
    json("config", of(&first.config), of(&second.config), &mut found);
    json("manifest", of(&first.manifest), of(&second.manifest), &mut found);
    let layers = first.manifest.layers.len().max(second.manifest.layers.len());
    for position in 0..layers {
        layer(position, first, second, &mut found)?;
    }
    if found.is_empty() {
        // Fields that follow from nothing above: say what is known rather than nothing.
        found.push(Difference {
            part: "index".to_owned(),
            place: String::new(),
            what: "digest".to_owned(),
            first: first.digest.to_string(),
            second: second.digest.to_string(),
        });
    }
    found.truncate(NAMED_MAX);
    Ok(found)
}

/// A document of ours; its serialisation cannot fail.
fn of(document: &impl Serialize) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

/// Fields that only repeat what the bytes of layers are.
fn follows(pointer: &str) -> bool {
    pointer.starts_with("/rootfs/diff_ids") || pointer.ends_with("/digest") || pointer.ends_with("/size")
}

fn values(part: &str, pointer: &str, (first, second): (&Value, &Value), found: &mut Vec<Difference>) {
    if first == second || follows(pointer) {
        return;
    }
    let below = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match (first, second) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                values(part, &below(key), (&of(one), &of(other)), found);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for position in 0..one.len().max(other.len()) {
                let of = |list: &[Value]| list.get(position).cloned().unwrap_or(Value::Null);
                values(part, &below(&position.to_string()), (&of(one), &of(other)), found);
            }
        }
        _ => found.push(Difference {
            part: part.to_owned(),
            place: pointer.to_owned(),
            what: "value".to_owned(),
            first: bytes::shortened(first.to_string().as_bytes()),
            second: bytes::shortened(second.to_string().as_bytes()),
        }),
    }
}

fn layer(
    position: usize,
    first: &Stored,
    second: &Stored,
    found: &mut Vec<Difference>,
) -> Result<(), UnpackError> {
    let part = format!("layer {}", position + 1);
    let (one, other) = match (first.manifest.layers.get(position), second.manifest.layers.get(position)) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => {
            let told = |there: bool| if there { "present" } else { "absent" }.to_owned();
            found.push(Difference {
                part,
                place: String::new(),
                what: "presence".to_owned(),
                first: told(one.is_some()),
                second: told(other.is_some()),
            });
            return Ok(());
        }
    };
    if one.digest == other.digest {
        return Ok(());
    }
    let before = found.len();
    let (one, other) = (listing(first, position)?, listing(second, position)?);
    let mut contents = Vec::new();
    for path in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
        members(&part, path, (one.get(path), other.get(path)), found, &mut contents);
    }
    for path in contents.into_iter().take(LOOKED_INTO_MAX) {
        let (one, other) = (content(first, position, &path)?, content(second, position, &path)?);
        for seen in bytes::differences(&one, &other) {
            let bytes::Seen { what, first, second } = seen;
            found.push(Difference { part: part.clone(), place: path.clone(), what, first, second });
        }
    }
    if found.len() == before {
        found.push(Difference {
            part,
            place: String::new(),
            what: "the archive's or the compressor's own bytes: every member is the same".to_owned(),
            first: first.manifest.layers[position].digest.to_string(),
            second: second.manifest.layers[position].digest.to_string(),
        });
    }
    Ok(())
}

/// What is compared of a member.
struct Listed {
    member: Member,
    content: Digest,
}

fn listing(image: &Stored, position: usize) -> Result<BTreeMap<String, Listed>, UnpackError> {
    let mut listed = BTreeMap::new();
    walk(image, position, |member, reader| {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) => return Err(MemberError::Unreadable(error)),
            }
        }
        listed.insert(member.path.clone(), Listed { member: member.clone(), content: hasher.finish() });
        Ok(())
    })?;
    Ok(listed)
}

fn content(image: &Stored, position: usize, path: &str) -> Result<Vec<u8>, UnpackError> {
    let mut bytes = Vec::new();
    walk(image, position, |member, reader| {
        if member.path == path {
            bytes.clear();
            reader.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(MemberError::Unreadable)?;
        }
        Ok(())
    })?;
    Ok(bytes)
}

fn walk(
    image: &Stored,
    position: usize,
    each: impl FnMut(&Member, &mut dyn Read) -> Result<(), MemberError>,
) -> Result<(), UnpackError> {
    let gone = || {
        let path = image.directory.clone();
        LayoutError::Io(path, io::Error::other("a layer is not in its config"))
    };
    let descriptor = image.manifest.layers.get(position).ok_or_else(gone)?;
    let diff_id = image.config.rootfs.diff_ids.get(position).ok_or_else(gone)?;
    visit(image.open_layer(descriptor)?, diff_id, &mut Limits::default(), each)?;
    Ok(())
}

/// Compares what the archive says of a path; files whose bytes differ are left for a closer look.
fn members(
    part: &str,
    path: &str,
    (one, other): (Option<&Listed>, Option<&Listed>),
    found: &mut Vec<Difference>,
    contents: &mut Vec<String>,
) {
    let mut tell = |what: &str, first: String, second: String| {
        let (part, place, what) = (part.to_owned(), path.to_owned(), what.to_owned());
        found.push(Difference { part, place, what, first, second });
    };
    let (Some(one), Some(other)) = (one, other) else {
        let told = |listed: Option<&Listed>| listed.map_or("absent".to_owned(), |_| "present".to_owned());
        return tell("presence", told(one), told(other));
    };
    let kind = |listed: &Listed| match &listed.member.kind {
        MemberKind::Directory => "directory".to_owned(),
        MemberKind::File => "file".to_owned(),
        MemberKind::Symlink(to) => format!("link to {to}"),
        MemberKind::HardLink(to) => format!("name of {to}"),
    };
    if one.member.kind != other.member.kind {
        return tell("kind", kind(one), kind(other));
    }
    if one.member.mode != other.member.mode {
        tell("mode", format!("{:o}", one.member.mode), format!("{:o}", other.member.mode));
    }
    if one.content != other.content {
        contents.push(path.to_owned());
    }
}

#[cfg(test)]
mod tests;
