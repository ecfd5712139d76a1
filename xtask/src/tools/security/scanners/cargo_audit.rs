//! `cargo audit --json`: one object with vulnerabilities, which it counts, and warnings by kind.

use super::gathered::{Gathered, NAME_CHARS_MAX, Raw, TEXT_BYTES_MAX};
use super::values::{list, object};
use crate::tools::coverage_import::json::Json;
use crate::tools::coverage_import::stream::Malformed;
use crate::verdict::Severity;
use std::io::Read;

/// What findings about dependencies are shown at.
const LOCKFILE: &str = "Cargo.lock";
const TOOL: &str = "cargo-audit";

/// Reads a report.
///
/// # Errors
/// Where it is malformed, at which line.
pub(super) fn read(input: &mut dyn Read, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    let (mut json, mut counted, mut found, mut database) = (Json::new(input), None, 0_u64, false);
    gathered.tool(TOOL);
    json.object(|json, key| match key {
        "database" => {
            database = true;
            json.skip()
        }
        "vulnerabilities" => object(json, |json, key| match key {
            "count" => json
                .scalar(NAME_CHARS_MAX)
                .map(|text| counted = text.and_then(|text| text.parse::<u64>().ok())),
            "list" => list(json, |json| {
                found += 1;
                let raw = one(json, "vulnerability", Severity::Error)?;
                gathered.add(raw);
                Ok(())
            }),
            _ => json.skip(),
        }),
        "warnings" => object(json, |json, kind| {
            let kind: String = kind.chars().take(NAME_CHARS_MAX).collect();
            list(json, |json| {
                let raw = one(json, &kind, Severity::Warning)?;
                gathered.add(raw);
                Ok(())
            })
        }),
        _ => json.skip(),
    })?;
    json.end()?;
    match counted {
        None => return Err(json.wrong("it counts no vulnerabilities: cargo-audit did not write it")),
        Some(counted) if counted != found => {
            gathered.broken(format!("it counts {counted} vulnerabilities and lists {found}"));
        }
        Some(_) if !database => gathered.broken("it names no database"),
        Some(_) => {}
    }
    Ok(())
}

fn one<R: Read>(json: &mut Json<R>, kind: &str, severity: Severity) -> Result<Raw, Malformed> {
    let (mut name, mut version, mut title) = (None, None, None);
    let mut raw = Raw {
        severity: Some(severity),
        place: Some(LOCKFILE.to_owned()),
        rule: kind.to_owned(),
        tool: TOOL.to_owned(),
        ..Raw::default()
    };
    object(json, |json, key| match key {
        "advisory" => object(json, |json, key| match key {
            "id" => json.scalar(NAME_CHARS_MAX).map(|id| raw.advisory = id),
            "title" => json.scalar(TEXT_BYTES_MAX).map(|text| title = text),
            _ => json.skip(),
        }),
        "package" => object(json, |json, key| match key {
            "name" => json.scalar(NAME_CHARS_MAX).map(|text| name = text),
            "version" => json.scalar(NAME_CHARS_MAX).map(|text| version = text),
            _ => json.skip(),
        }),
        _ => json.skip(),
    })?;
    raw.package = name.zip(version).map(|(name, version)| format!("{name}@{version}"));
    let title = title.unwrap_or_else(|| format!("it is {kind}"));
    raw.message = raw.advisory.as_ref().map_or(title.clone(), |id| format!("{id}: {title}"));
    Ok(raw)
}
