//! The RustSec database as files: a checkout, or a `.tar.gz` of one. Only the collection `crates` is read; `rust`
//! speaks of toolchains, which no Cargo.lock names.

use super::AdvisoryFacts;
use super::origin::{self, Origin};
use crate::evidence::advisories::AdvisoryKind;
use crate::failure::Failure;
use anyhow::Context as _;
use flate2::read::MultiGzDecoder;
use rustsec::Advisory;
use rustsec::advisory::{Informational, License};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest advisory is some 20 KB.
const ADVISORY_BYTES_MAX: u64 = 1024 * 1024;
/// Entries of an archive or checkout; the database has 2,200.
const ENTRIES_MAX: usize = 200_000;
/// An archive may unpack to this; the database is 3 MB.
const ARCHIVE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Every advisory below `crates/` of a checkout, sorted by id. Symbolic links are not followed.
pub(super) fn from_directory(root: &Path) -> anyhow::Result<Vec<AdvisoryFacts>> {
    let mut advisories = Vec::new();
    for file in files(root)? {
        let Some(place) = Place::of(&file) else { continue };
        anyhow::ensure!(file.symlink_metadata()?.is_file(), "{} is not a file", file.display());
        advisories.push(parse(&place.package, &place.id, std::fs::File::open(&file)?)?);
    }
    sorted(advisories)
}

/// The advisories below `crates/` of a checkout, sorted.
pub(super) fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in entries(&root.join("crates"))? {
        if folder.symlink_metadata()?.is_dir() {
            files.extend(entries(&folder)?.into_iter().filter(|file| Place::of(file).is_some()));
        }
    }
    files.sort();
    Ok(files)
}

/// The same of a `.tar.gz`, with what the archive tells of its origin.
pub(super) fn from_archive(path: &Path) -> anyhow::Result<(Vec<AdvisoryFacts>, Origin)> {
    let file = std::fs::File::open(path).map_err(|error| {
        let message = format!("failed to open {}: {error}", path.display());
        Failure::usage(message, "name a checkout or .tar.gz of github.com/rustsec/advisory-db")
    })?;
    let reading = || format!("failed to read {} as .tar.gz", path.display());
    let unpacked = MultiGzDecoder::new(std::io::BufReader::new(file)).take(ARCHIVE_BYTES_MAX);
    let mut archive = tar::Archive::new(unpacked);
    let (mut advisories, mut origin) = (Vec::new(), Origin::default());
    for (index, entry) in archive.entries().with_context(reading)?.enumerate() {
        anyhow::ensure!(index < ENTRIES_MAX, "{} has more than {ENTRIES_MAX} entries", path.display());
        let mut entry = entry.with_context(reading)?;
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            origin = origin::of_archive_header(&mut entry)?;
        } else if let (true, Some(place)) = (kind.is_file(), Place::of(&entry.path()?)) {
            advisories.push(parse(&place.package, &place.id, &mut entry)?);
        }
    }
    anyhow::ensure!(archive.into_inner().limit() > 0, "{} unpacks to more than 1 GiB", path.display());
    Ok((sorted(advisories)?, origin))
}

/// `crates/<package>/<id>.md`, at the root or one folder below it.
struct Place {
    package: String,
    id: String,
}

impl Place {
    fn of(path: &Path) -> Option<Place> {
        let id = path.file_name()?.to_str()?.strip_suffix(".md")?;
        let folder = path.parent()?;
        let of_crates = folder.parent()?.file_name()? == "crates";
        // A draft has no number yet.
        let numbered = id.starts_with("RUSTSEC-") && id != "RUSTSEC-0000-0000";
        let package = folder.file_name()?.to_str()?.to_owned();
        (of_crates && numbered).then(|| Place { package, id: id.to_owned() })
    }
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let reading = || format!("failed to read {}", folder.display());
    let listed = std::fs::read_dir(folder).with_context(reading)?.take(ENTRIES_MAX + 1);
    let paths: Vec<PathBuf> =
        listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>().with_context(reading)?;
    anyhow::ensure!(paths.len() <= ENTRIES_MAX, "{}: more than {ENTRIES_MAX} entries", reading());
    Ok(paths)
}

/// One advisory: `crates/<package>/<id>.md`.
///
/// # Errors
/// Where it is none, names another package or id, or is under a licence that the snapshot may not carry; with its name, and the
/// line where its front matter breaks off.
pub fn parse(package: &str, id: &str, reader: impl Read) -> anyhow::Result<AdvisoryFacts> {
    let reading = || format!("failed to read {package}/{id}.md");
    let mut text = String::new();
    reader.take(ADVISORY_BYTES_MAX + 1).read_to_string(&mut text).with_context(reading)?;
    anyhow::ensure!(text.len() as u64 <= ADVISORY_BYTES_MAX, "{}: larger than 1 MiB", reading());
    // rustsec slices the text of its own complaint, and may cut a character in two.
    anyhow::ensure!(text.starts_with("```toml"), "{}: no front matter", reading());
    let advisory: Advisory =
        text.parse().map_err(|error: rustsec::Error| broken(&text, &error)).with_context(reading)?;
    let metadata = &advisory.metadata;
    let agrees = metadata.id.as_str() == id && metadata.package.as_str() == package;
    anyhow::ensure!(agrees, "{}: it names itself {} of {}", reading(), metadata.id, metadata.package);
    facts(&advisory).with_context(reading)
}

/// What is wrong with an advisory, with the line where its front matter breaks off.
fn broken(text: &str, error: &rustsec::Error) -> anyhow::Error {
    let said = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let matter = text.trim_start_matches("```toml").split("```").next().unwrap_or_default();
    let place = toml::from_str::<toml::Table>(matter).err().and_then(|error| error.span());
    match place {
        Some(span) => {
            let line = matter[..span.start].matches('\n').count() + 1;
            anyhow::anyhow!("line {line}: {said}")
        }
        None => anyhow::anyhow!(said),
    }
}

fn facts(advisory: &Advisory) -> anyhow::Result<AdvisoryFacts> {
    let metadata = &advisory.metadata;
    let texts = |requirements: &[semver::VersionReq]| requirements.iter().map(ToString::to_string).collect();
    let licence = match &metadata.license {
        License::CcZero10 => None,
        License::CcBy40 => {
            anyhow::ensure!(metadata.url.is_some(), "CC-BY-4.0 without the url that attributes it");
            Some(License::CcBy40.spdx().to_owned())
        }
        other => anyhow::bail!("its licence is `{other}`: find out whether the snapshot may carry it"),
    };
    Ok(AdvisoryFacts {
        id: metadata.id.as_str().to_owned(),
        package: metadata.package.as_str().to_owned(),
        kind: kind(metadata.informational.as_ref()),
        title: metadata.title.clone(),
        date: metadata.date.as_str().to_owned(),
        patched: texts(advisory.versions.patched()),
        unaffected: texts(advisory.versions.unaffected()),
        aliases: metadata.aliases.iter().map(|id| id.as_str().to_owned()).collect(),
        url: metadata.url.as_ref().map(ToString::to_string),
        withdrawn: metadata.withdrawn.as_ref().map(|date| date.as_str().to_owned()),
        licence,
        severity: advisory.severity().map(|severity| severity.to_string()),
        affected: None,
    })
}

/// A kind that is not known yet is a notice: told, never lost.
fn kind(informational: Option<&Informational>) -> AdvisoryKind {
    match informational {
        None => AdvisoryKind::Vulnerability,
        Some(Informational::Unsound) => AdvisoryKind::Unsound,
        Some(Informational::Unmaintained) => AdvisoryKind::Unmaintained,
        Some(_) => AdvisoryKind::Notice,
    }
}

fn sorted(mut advisories: Vec<AdvisoryFacts>) -> anyhow::Result<Vec<AdvisoryFacts>> {
    advisories.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some(twice) = advisories.windows(2).find(|pair| pair[0].id == pair[1].id) {
        anyhow::bail!("{} is there twice", twice[0].id);
    }
    Ok(advisories)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    const TEXT: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2026-0001\"\npackage = \"a\"\ndate = \"2026-03-04\"\n\
        url = \"https://example.org/1\"\naliases = [\"CVE-2026-1\"]\ncvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"\n\n\
        [versions]\npatched = [\">= 1.2.3\"]\nunaffected = [\"< 1.0.0\"]\n```\n\n# A title\n\nWords.\n";

    proptest! {
        #[test]
        fn any_text_is_an_advisory_or_an_error(
            from in any::<Index>(),
            to in any::<Index>(),
            more in "(\\PC|[\\n\"=\\[\\]`#>-]|informational = \"unsound\"\n|withdrawn = \"2026-05-01\"\n|license = \"CC-BY-4.0\"\n){0,12}",
        ) {
            let (from, to) = (from.index(TEXT.len() + 1), to.index(TEXT.len() + 1));
            // As often a few letters as half of it.
            let (from, to) = (from.min(to), if from % 2 == 0 { from.max(to) } else { from.min(to) });
            let text = format!("{}{more}{}", &TEXT[..from], &TEXT[to..]);
            let (package, id) = ("a", "RUSTSEC-2026-0001");
            match parse(package, id, text.as_bytes()) {
                Ok(facts) => prop_assert_eq!((facts.id.as_str(), facts.package.as_str()), (id, package)),
                Err(error) => {
                    let said = format!("{error:#}");
                    prop_assert!(said.contains("a/RUSTSEC-2026-0001.md: "), "{}", said);
                }
            }
        }
    }
}
