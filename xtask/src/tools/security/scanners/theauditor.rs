//! TheAuditor's report folder, `.pf/readthis/`.
//!
//! It writes a JSON file for each kind of finding, cut into `NAME_chunkNN.json` where one is large, and last of all
//! `extraction_summary.json`, which names every file with its size. The folder is whole where that summary is there and right: each
//! file has the size that it says, no file failed, and the chunks have as many items as there were. `all_findings` of `fce.json`
//! repeats what other files say; a finding that was said is not said again.
//! What is read: lists of findings by the names that TheAuditor gives them. Graphs and lists of dependencies are none.

use super::gathered::{Gathered, NAME_CHARS_MAX, Raw, TEXT_BYTES_MAX};
use super::values::{list, object};
use crate::tools::bounded;
use crate::tools::coverage_import::json::Json;
use crate::tools::coverage_import::stream::Malformed;
use crate::verdict::Severity;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// The file that is written last.
const SUMMARY: &str = "extraction_summary.json";
/// It names some 30 files.
const SUMMARY_BYTES_MAX: u64 = 4 << 20;
/// Entries of the folder.
const ENTRIES_MAX: usize = 10_000;
/// Lists of findings, by the names that TheAuditor gives them.
const LISTS: [&str; 11] = [
    "all_findings",
    "all_rule_findings",
    "findings",
    "infrastructure_issues",
    "issues",
    "lint_findings",
    "merged_findings",
    "paths",
    "results",
    "taint_paths",
    "vulnerabilities",
];
/// Lists whose items are errors where they do not say how bad they are.
const GRAVE: [&str; 4] = ["merged_findings", "paths", "taint_paths", "vulnerabilities"];
/// The summary has the local time of whoever scanned, without the zone: zones lie between UTC-12 and UTC+14.
const ZONES: (i64, i64) = (14, 12);
const TOOL: &str = "TheAuditor";

/// What the folder says of itself.
#[derive(Debug, Deserialize)]
struct Summary {
    extraction_timestamp: Option<serde_json::Value>,
    files_failed: Option<u64>,
    #[serde(default)]
    failed: Vec<serde_json::Value>,
    extracted: Vec<Extracted>,
}

#[derive(Debug, Deserialize)]
struct Extracted {
    file: String,
    size: u64,
}

/// What the chunks of one file have together.
#[derive(Debug, Default, Clone, Copy)]
struct Chunks {
    items: u64,
    original: u64,
}

/// Reads the folder.
///
/// # Errors
/// Where it is not whole, or a file of it is damaged.
pub(super) fn read(folder: &Path, shown: &str, gathered: &mut Gathered<'_>) -> Result<(), String> {
    gathered.tool(TOOL);
    let file = folder.join(SUMMARY);
    let bytes = plain_file(&file)
        .and_then(|()| bounded::read(&file, SUMMARY_BYTES_MAX).map_err(|error| error.to_string()));
    let bytes =
        bytes.map_err(|why| format!("{shown} is half written: {SUMMARY}, which is written last: {why}"))?;
    let summary: Summary =
        serde_json::from_slice(&bytes).map_err(|error| format!("{shown}/{SUMMARY} is damaged: {error}"))?;
    whole(folder, shown, &summary)?;
    if let Some(at) = summary.extraction_timestamp.as_ref().and_then(|at| made(at, &file)) {
        gathered.made(at);
    }
    let mut chunks: BTreeMap<String, Chunks> = BTreeMap::new();
    for name in names(folder, shown)? {
        let of = name.rsplit_once("_chunk").map(|(base, _)| base.to_owned());
        let mut part = Part::default();
        super::stream(&folder.join(&name), &format!("{shown}/{name}"), gathered, |input, gathered| {
            part = read_file(input, gathered)?;
            Ok(())
        })?;
        if part.truncated {
            return Err(format!("{shown}/{name}: TheAuditor left out findings behind it (`truncated`)"));
        }
        if let (Some(of), Some(original)) = (of, part.original) {
            let chunks = chunks.entry(of).or_default();
            chunks.items += part.items;
            chunks.original = chunks.original.max(original);
        }
    }
    for (name, Chunks { items, original }) in chunks {
        if items != original {
            return Err(format!("{shown}: the chunks of {name} have {items} of {original} items"));
        }
    }
    Ok(())
}

/// Whether every file is there as the summary names it.
fn whole(folder: &Path, shown: &str, summary: &Summary) -> Result<(), String> {
    if summary.files_failed.unwrap_or(0) > 0 || !summary.failed.is_empty() {
        return Err(format!("{shown}: TheAuditor failed to write all of its reports, says {SUMMARY}"));
    }
    if summary.extracted.is_empty() {
        return Err(format!("{shown}: {SUMMARY} names no report: nothing was scanned"));
    }
    for Extracted { file, size } in &summary.extracted {
        if file.contains('/') || file.contains('\0') || file == ".." {
            return Err(format!("{shown}: {SUMMARY} names `{file}`, which is no file of the folder"));
        }
        let path = folder.join(file);
        plain_file(&path).map_err(|why| format!("{shown}/{file} is not as {SUMMARY} says: {why}"))?;
        let found = path.metadata().map_or(0, |facts| facts.len());
        if found != *size {
            return Err(format!(
                "{shown}/{file} has {found} bytes and should have {size}: it is half written or of another run"
            ));
        }
    }
    Ok(())
}

/// A file, and no link or pipe.
fn plain_file(path: &Path) -> Result<(), String> {
    match path.symlink_metadata() {
        Ok(facts) if facts.is_file() => Ok(()),
        Ok(_) => Err("it is no file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The JSON files besides the summary, sorted: also those that it does not name, for a later step may have written them.
fn names(folder: &Path, shown: &str) -> Result<Vec<String>, String> {
    let wrong = |error: std::io::Error| format!("failed to read {shown}: {error}");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if names.len() == ENTRIES_MAX {
            return Err(format!("{shown} has more than {ENTRIES_MAX} files"));
        }
        if name.ends_with(".json") && name != SUMMARY && entry.file_type().map_err(wrong)?.is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// When it was scanned: a moment as it is, a local time by the file's own time, as far as any time zone lets that be.
fn made(told: &serde_json::Value, file: &Path) -> Option<Timestamp> {
    let text = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Timestamp::from_duration(SignedDuration::try_from_secs_f64(seconds).ok()?).ok();
    }
    let local: DateTime = text.parse().ok()?;
    let as_utc = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let hours = SignedDuration::from_hours;
    let (first, last) = (as_utc.checked_sub(hours(ZONES.0)).ok()?, as_utc.checked_add(hours(ZONES.1)).ok()?);
    let written = file.metadata().and_then(|facts| facts.modified()).ok();
    let written = written.and_then(|at| Timestamp::try_from(at).ok());
    Some(written.map_or(first, |written| written.clamp(first, last)))
}

/// What a file says of itself as a chunk.
#[derive(Debug, Default)]
pub(super) struct Part {
    items: u64,
    original: Option<u64>,
    truncated: bool,
}

pub(super) fn read_file(input: &mut dyn Read, gathered: &mut Gathered<'_>) -> Result<Part, Malformed> {
    let (mut json, mut part) = (Json::new(input), Part::default());
    match json.peek()? {
        // A file that is a list: of the linters' findings, or of something that has none.
        b'[' => items(&mut json, false, gathered)?,
        _ => json.object(|json, key| match key {
            "chunk_info" => object(json, |json, key| match key {
                "total_items_in_chunk" => number(json).map(|count| part.items = count.unwrap_or(0)),
                "original_total_items" => number(json).map(|count| part.original = count),
                "truncated" if matches!(json.peek()?, b't' | b'f') => {
                    json.truth().map(|cut| part.truncated = cut)
                }
                _ => json.skip(),
            }),
            "success" if matches!(json.peek()?, b't' | b'f') => {
                if !json.truth()? {
                    gathered.broken("TheAuditor says that a step failed (`success: false`)");
                }
                Ok(())
            }
            key if LISTS.contains(&key) && json.peek()? == b'[' => {
                items(json, GRAVE.contains(&key), gathered)
            }
            _ => json.skip(),
        })?,
    }
    json.end()?;
    Ok(part)
}

fn items<R: Read>(json: &mut Json<R>, grave: bool, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    list(json, |json| {
        if json.peek()? != b'{' {
            return json.skip();
        }
        if let Some(raw) = item(json, grave)? {
            gathered.add(raw);
        }
        Ok(())
    })
}

/// One item of a list; `None` where it does not speak of something found.
fn item<R: Read>(json: &mut Json<R>, grave: bool) -> Result<Option<Raw>, Malformed> {
    let (mut raw, mut said) = (Raw { tool: TOOL.to_owned(), ..Raw::default() }, None);
    let (mut message, mut more, mut rule, mut kind, mut tool) = (None, None, None, None, None);
    let (mut name, mut version, mut sink) = (None, None, (None, 0));
    let short = |json: &mut Json<R>| json.scalar(NAME_CHARS_MAX * 2);
    json.object(|json, key| match key {
        "file" | "file_path" | "path" => {
            json.scalar(TEXT_BYTES_MAX).map(|file| raw.place = raw.place.take().or(file))
        }
        "line" | "line_number" | "start_line" => number(json).map(|line| raw.line = line.unwrap_or(raw.line)),
        "severity" => short(json).map(|severity| said = severity),
        "message" => json.scalar(TEXT_BYTES_MAX).map(|text| message = text),
        "description" | "title" | "summary" => {
            json.scalar(TEXT_BYTES_MAX).map(|text| more = more.take().or(text))
        }
        "rule" | "rule_id" | "pattern_name" => short(json).map(|name| rule = rule.take().or(name)),
        "vulnerability_type" | "type" | "vulnerability_id" | "id" => {
            short(json).map(|name| kind = kind.take().or(name))
        }
        "tool" => short(json).map(|name| tool = name),
        "package" | "package_name" => short(json).map(|text| name = text),
        "version" | "installed_version" => short(json).map(|text| version = text),
        "sink" => object(json, |json, key| match key {
            "file" => json.scalar(TEXT_BYTES_MAX).map(|file| sink.0 = file),
            "line" => number(json).map(|line| sink.1 = line.unwrap_or(0)),
            _ => json.skip(),
        }),
        _ => json.skip(),
    })?;
    if said.is_none() && !grave && message.is_none() {
        return Ok(None);
    }
    raw.severity = Some(match said.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("critical" | "high" | "error") => Severity::Error,
        Some("medium" | "warning" | "moderate") => Severity::Warning,
        Some("low" | "info" | "note" | "informational" | "style") => Severity::Note,
        // A word that nobody knows, or none.
        _ if grave || said.is_some() => Severity::Error,
        _ => Severity::Warning,
    });
    if raw.place.is_none() {
        (raw.place, raw.line) = sink;
    }
    raw.rule = rule.or(kind).unwrap_or_else(|| "unknown".to_owned());
    raw.message = message.or(more).unwrap_or_else(|| raw.rule.clone());
    if let Some(tool) = tool {
        raw.tool = format!("{TOOL} ({tool})");
    }
    raw.package = name.map(|name| version.map_or(name.clone(), |version| format!("{name}@{version}")));
    Ok(Some(raw))
}

fn number<R: Read>(json: &mut Json<R>) -> Result<Option<u64>, Malformed> {
    Ok(json.scalar(NAME_CHARS_MAX)?.and_then(|text| text.parse().ok()))
}
