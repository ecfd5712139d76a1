//! Cargo.lock, in every format that cargo has written (1 to 4), read with limits. A newer format is an error, never a guess.

use crate::evidence::CouldNotRun;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// A lockfile of this size names a hundred times the packages of the largest known workspace.
pub const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Its name.
pub const NAME: &str = "Cargo.lock";
/// The newest format that cargo writes ("version" in Cargo.lock, cargo 1.78 and later).
const FORMAT_MAX: u32 = 4;
/// What git leaves in a file that it could not merge.
const CONFLICT: [&str; 3] = ["<<<<<<<", ">>>>>>>", "|||||||"];
/// What of a parser's complaint is told, in characters.
const COMPLAINT_CHARS_MAX: usize = 200;

/// What it names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    /// Every package, in the order of the file.
    pub packages: Vec<Locked>,
}

/// One package of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from; `None` for members and path dependencies.
    pub source: Option<String>,
    /// `name`, `name version` or `name version (source)`: as much as tells each from others.
    #[serde(default)]
    pub dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Raw {
    version: Option<u32>,
    root: Option<Locked>,
    #[serde(default)]
    package: Vec<Locked>,
}

/// The text of the workspace's lockfile.
///
/// # Errors
/// Where it is missing, not readable, not UTF-8 or too large.
pub fn text(root: &Path) -> Result<String, CouldNotRun> {
    let path = root.join(NAME);
    let failed = |why: &str, help: &str| CouldNotRun {
        message: format!("failed to read {}: {why}", path.display()),
        help: help.to_owned(),
    };
    let file = std::fs::File::open(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed("there is none", "cargo generate-lockfile"),
        _ => failed(&error.to_string(), "make the file readable"),
    })?;
    let mut text = String::new();
    let read = file.take(BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| failed(&error.to_string(), "cargo generate-lockfile"))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(failed("it is larger than 32 MiB", "cargo generate-lockfile"));
    }
    Ok(text)
}

impl Lockfile {
    /// Reads a lockfile's text.
    ///
    /// # Errors
    /// Where it is none, a merge is not finished, or its format is newer than what is known here.
    pub fn parse(text: &str) -> Result<Lockfile, CouldNotRun> {
        let failed = |why: String, help: &str| CouldNotRun {
            message: format!("failed to read {NAME}: {why}"),
            help: help.to_owned(),
        };
        let marker = |line: &str| CONFLICT.iter().any(|marker| line.starts_with(marker));
        if let Some(at) = text.lines().position(marker) {
            let why = format!("line {} is a conflict of a merge", at + 1);
            return Err(failed(why, "git checkout --theirs Cargo.lock && cargo generate-lockfile --offline"));
        }
        let broken =
            format!("repair it, or write it anew: git checkout -- {NAME}, or cargo generate-lockfile");
        if text.len() as u64 > BYTES_MAX {
            return Err(failed("it is larger than 32 MiB".to_owned(), &broken));
        }
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let said = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            let said: String = said.chars().take(COMPLAINT_CHARS_MAX).collect();
            failed(format!("line {place}: {said}"), &broken)
        })?;
        if let Some(newer) = raw.version.filter(|version| *version > FORMAT_MAX) {
            let why = format!("its format {newer} is newer than {FORMAT_MAX}, the newest known here");
            return Err(failed(
                why,
                "update gateline, or write it anew with an older cargo: cargo generate-lockfile",
            ));
        }
        Ok(Lockfile { packages: raw.root.into_iter().chain(raw.package).collect() })
    }

    /// The edges between its packages, by index: what each package's `dependencies` mean.
    pub fn edges(&self) -> Vec<Vec<usize>> {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, package) in self.packages.iter().enumerate() {
            by_name.entry(&package.name).or_default().push(index);
        }
        let meant = |dependency: &String| {
            let mut words = dependency.splitn(3, ' ');
            let (name, version, source) = (words.next().unwrap_or_default(), words.next(), words.next());
            let source = source.and_then(|text| text.strip_prefix('(')?.strip_suffix(')'));
            let fits = |index: &usize| {
                let package = &self.packages[*index];
                let from = package.source.as_deref().map(|from| from.split('#').next().unwrap_or(from));
                let wanted = source.map(|from| from.split('#').next().unwrap_or(from));
                version.is_none_or(|version| package.version == version)
                    && (wanted.is_none() || from.is_none() || wanted == from)
            };
            by_name.get(name).into_iter().flatten().copied().filter(fits).collect::<Vec<_>>()
        };
        self.packages.iter().map(|package| package.dependencies.iter().flat_map(meant).collect()).collect()
    }
}

/// The line of each `[[package]]` as cargo writes it in every format; a package written otherwise has none.
pub fn entry_lines(text: &str) -> BTreeMap<(String, String), u32> {
    let mut lines = BTreeMap::new();
    let (mut start, mut name) = (0, None);
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_end();
        if line.starts_with('[') {
            (start, name) = (number, None);
        } else if let Some(value) = quoted(line, "name") {
            name = Some(value);
        } else if let (Some(value), Some(name)) = (quoted(line, "version"), name.take()) {
            lines.entry((name.to_owned(), value.to_owned())).or_insert(start);
        }
    }
    lines
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}
