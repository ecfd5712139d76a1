//! Advisories in OSV format (OSV Schema 1.7): a folder of `.json` files, or a `.zip` of such, as osv.dev and GitHub publish them.
//!
//! What speaks of other ecosystems than crates.io is passed by; what is withdrawn is left out. A file that cannot be read stops the gate:
//! nothing is left out silently. Nothing is unpacked to disk.

use super::one_line;
use crate::evidence::CouldNotRun;
use crate::evidence::advisories::AdvisoryKind;
use crate::tools::bounded;
use crate::tools::security::snapshot::{AdvisoryFacts, Affected, Event};
use rawzip::{CompressionMethod, ZipArchive};
use semver::Version;
use serde::Deserialize;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The longest file of osv.dev has some 5 MB, for a package with thousands of versions.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Files of a folder, entries of an archive; osv.dev's archive for crates.io has 2,500.
const FILES_MAX: usize = 200_000;
/// An archive; osv.dev's for crates.io has 3 MB.
const ARCHIVE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// All of what an archive unpacks to.
const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How deep folders may lie in each other.
const DEPTH_MAX: usize = 8;
/// Events of one range, and ranges and versions of one advisory.
const EVENTS_MAX: usize = 100_000;
/// As OSV names crates.io.
const ECOSYSTEM: &str = "crates.io";
const HELP: &str = "mend or remove it, or fetch it anew: https://storage.googleapis.com/osv-vulnerabilities/crates.io/all.zip";

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    modified: String,
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    severity: Vec<Severity>,
    #[serde(default)]
    affected: Vec<RawAffected>,
    #[serde(default)]
    database_specific: Specific,
}

#[derive(Deserialize)]
struct Severity {
    score: String,
}

#[derive(Deserialize)]
struct RawAffected {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    database_specific: Specific,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
struct RawEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// What databases add: GitHub a word for the severity, RustSec a kind.
#[derive(Default, Deserialize)]
struct Specific {
    severity: Option<String>,
    informational: Option<String>,
}

/// The advisories of a folder or archive, sorted by package, RustSec's own first.
pub(super) fn read(path: &Path) -> Result<Vec<AdvisoryFacts>, CouldNotRun> {
    let mut found = Vec::new();
    if path.is_dir() {
        let mut files = Vec::new();
        list(path, 0, &mut files).map_err(|why| failed(path, &why))?;
        files.sort();
        for file in files {
            let bytes =
                bounded::read(&file, FILE_BYTES_MAX).map_err(|error| failed(&file, &error.to_string()))?;
            found.extend(parse(&bytes).map_err(|why| failed(&file, &why))?);
        }
    } else {
        let bytes =
            bounded::read(path, ARCHIVE_BYTES_MAX).map_err(|error| failed(path, &error.to_string()))?;
        unpack(&bytes, UNPACKED_BYTES_MAX, &mut |name, bytes| {
            found.extend(parse(bytes).map_err(|why| format!("{name}: {why}"))?);
            Ok(())
        })
        .map_err(|why| failed(path, &why))?;
    }
    if found.is_empty() {
        return Err(failed(path, "there is no advisory about crates.io in it"));
    }
    let rank =
        |facts: &AdvisoryFacts| (!facts.id.starts_with("RUSTSEC-"), facts.id.clone(), facts.package.clone());
    found.sort_by_key(rank);
    Ok(found)
}

fn failed(path: &Path, why: &str) -> CouldNotRun {
    CouldNotRun {
        message: format!("failed to read the OSV advisories of {}: {}", path.display(), one_line(why)),
        help: HELP.to_owned(),
    }
}

/// Every `.json` below a folder. Symbolic links are not followed.
fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("{} lies more than {DEPTH_MAX} folders deep", folder.display()));
    }
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    for entry in entries {
        let entry = entry.map_err(|error| error.to_string())?;
        let kind = entry.file_type().map_err(|error| error.to_string())?;
        let path = entry.path();
        if kind.is_dir() {
            list(&path, depth + 1, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(format!("it has more than {FILES_MAX} files"));
        }
    }
    Ok(())
}

/// Hands out every `.json` of an archive, each unpacked into memory alone.
fn unpack(
    bytes: &[u8],
    bytes_max: u64,
    each: &mut dyn FnMut(&str, &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let told = |error: rawzip::Error| format!("it is no zip archive: {error}");
    let archive = ZipArchive::from_slice(bytes).map_err(told)?;
    let (mut entries, mut count, mut room) = (archive.entries(), 0, bytes_max);
    while let Some(entry) = entries.next_entry().map_err(told)? {
        count += 1;
        if count > FILES_MAX {
            return Err(format!("it has more than {FILES_MAX} entries"));
        }
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        let (method, place) = (entry.compression_method(), entry.wayfinder());
        let entry = archive.get_entry(place).map_err(told)?;
        let limit = FILE_BYTES_MAX.min(room);
        let mut unpacked = Vec::new();
        // What an entry says of its own length is no bound.
        let read = match method {
            CompressionMethod::STORE => {
                entry.verifying_reader(entry.data()).take(limit + 1).read_to_end(&mut unpacked)
            }
            CompressionMethod::DEFLATE => {
                let inflated = flate2::bufread::DeflateDecoder::new(entry.data());
                entry.verifying_reader(inflated).take(limit + 1).read_to_end(&mut unpacked)
            }
            other => {
                return Err(format!("{name} is compressed by a method that is not known here ({other:?})"));
            }
        };
        read.map_err(|error| format!("{name}: {error}"))?;
        if unpacked.len() as u64 > limit {
            return Err(format!("{name} unpacks to more than {limit} bytes"));
        }
        room -= unpacked.len() as u64;
        each(&name, &unpacked)?;
    }
    Ok(())
}

/// The advisories of one file, one for each package of crates.io; none where it speaks of others or was withdrawn.
///
/// # Errors
/// Where it is no OSV record, or an event of it names no version.
pub fn parse(bytes: &[u8]) -> Result<Vec<AdvisoryFacts>, String> {
    let record: Record = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if record.withdrawn.is_some() {
        return Ok(Vec::new());
    }
    let severity = record.database_specific.severity.clone();
    let severity = severity.map(|word| word.to_lowercase());
    let severity = severity.or_else(|| record.severity.first().map(|severity| severity.score.clone()));
    let mut all: Vec<AdvisoryFacts> = Vec::new();
    for affected in &record.affected {
        let Some(package) = affected.package.as_ref().filter(|package| package.ecosystem == ECOSYSTEM) else {
            continue;
        };
        let own = versions(affected)?;
        let fixed = own.ranges.iter().flatten().filter_map(|event| match event {
            Event::Fixed(version) => Some(format!(">= {version}")),
            Event::Introduced(_) | Event::LastAffected(_) => None,
        });
        let fixed: Vec<String> = fixed.collect();
        // A package may stand there more than once, each time with other versions.
        if let Some(known) = all.iter_mut().find(|facts| facts.package == package.name) {
            known.patched.extend(fixed);
            if let Some(known) = &mut known.affected {
                known.versions.extend(own.versions);
                known.ranges.extend(own.ranges);
            }
            continue;
        }
        let specific = affected.database_specific.informational.as_ref();
        let informational = specific.or(record.database_specific.informational.as_ref());
        all.push(AdvisoryFacts {
            id: record.id.clone(),
            package: package.name.clone(),
            kind: kind(informational.map(String::as_str)),
            title: one_line(&record.summary),
            date: record.modified.chars().take("2026-01-01".len()).collect(),
            patched: fixed,
            aliases: record.aliases.clone(),
            severity: severity.clone(),
            affected: Some(own),
            ..AdvisoryFacts::default()
        });
    }
    Ok(all)
}

fn kind(informational: Option<&str>) -> AdvisoryKind {
    match informational {
        None => AdvisoryKind::Vulnerability,
        Some("unsound") => AdvisoryKind::Unsound,
        Some("unmaintained") => AdvisoryKind::Unmaintained,
        Some(_) => AdvisoryKind::Notice,
    }
}

fn versions(raw: &RawAffected) -> Result<Affected, String> {
    let count = raw.versions.len() + raw.ranges.iter().map(|range| range.events.len()).sum::<usize>();
    if count > EVENTS_MAX {
        return Err(format!("it names more than {EVENTS_MAX} versions"));
    }
    // A range of commits says nothing about versions.
    let of_versions = raw.ranges.iter().filter(|range| matches!(range.kind.as_str(), "SEMVER" | "ECOSYSTEM"));
    let mut ranges = Vec::new();
    for range in of_versions {
        let mut events = Vec::new();
        for event in &range.events {
            let told = [
                event.introduced.as_deref().map(|text| version(text).map(Event::Introduced)),
                event.fixed.as_deref().map(|text| version(text).map(Event::Fixed)),
                event.last_affected.as_deref().map(|text| version(text).map(Event::LastAffected)),
            ];
            for event in told.into_iter().flatten() {
                events.push(event?);
            }
        }
        events.sort_by(|a, b| a.at().cmp(&b.at()));
        ranges.push(events);
    }
    Ok(Affected { versions: raw.versions.clone(), ranges })
}

/// A version of an event: `0` is before every version, and GitHub leaves out zeros (`1.2`).
fn version(text: &str) -> Result<Version, String> {
    if text == "0" {
        return Version::parse("0.0.0-0").map_err(|error| error.to_string());
    }
    let (core, rest) = text.find(['-', '+']).map_or((text, ""), |at| text.split_at(at));
    let zeros = ".0".repeat(2_usize.saturating_sub(core.matches('.').count()));
    Version::parse(&format!("{core}{zeros}{rest}"))
        .map_err(|error| format!("`{text}` is no version: {error}"))
}

#[cfg(test)]
mod tests;
