//! `cargo deny --format json check`: JSON values one after the other, one for each diagnostic, and a summary at the end.
//!
//! The summary counts what was said before it, so a report that was cut or that lost lines is seen.

use super::gathered::{Gathered, NAME_CHARS_MAX, Raw, TEXT_BYTES_MAX};
use super::values::{list, object};
use crate::tools::coverage_import::json::Json;
use crate::tools::coverage_import::stream::Malformed;
use crate::verdict::Severity;
use std::io::Read;

/// What findings about dependencies are shown at.
const LOCKFILE: &str = "Cargo.lock";
const TOOL: &str = "cargo-deny";

/// One value of the report.
#[derive(Default)]
struct Said {
    kind: Option<String>,
    /// Of a diagnostic: its code. Of a log line: nothing.
    code: Option<String>,
    severity: Option<String>,
    level: Option<String>,
    message: String,
    package: Option<String>,
    advisory: Option<String>,
    /// Of a summary: errors and warnings.
    counted: Option<(u64, u64)>,
}

/// Reads a report.
///
/// # Errors
/// Where it is malformed, at which line.
pub(super) fn read(input: &mut dyn Read, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    let (mut json, mut summary, mut found) = (Json::new(input), None, (0_u64, 0_u64));
    gathered.tool(TOOL);
    while json.more()? {
        let said = value(&mut json)?;
        match said.kind.as_deref() {
            Some("diagnostic") => {
                let severity = match said.severity.as_deref() {
                    Some("error" | "bug") => Severity::Error,
                    Some("warning") => Severity::Warning,
                    _ => Severity::Note,
                };
                found.0 += u64::from(severity == Severity::Error);
                found.1 += u64::from(severity == Severity::Warning);
                gathered.add(raw(said, severity));
            }
            Some("summary") => summary = said.counted.or(summary),
            Some("log") if said.level.as_deref() == Some("ERROR") => {
                gathered.broken(format!("cargo-deny says: {}", said.message));
            }
            Some("log") => {}
            _ => return Err(json.wrong("this is no value that cargo-deny writes")),
        }
    }
    match summary {
        None => gathered.broken("it has no summary: cargo-deny did not finish, or its report was cut"),
        Some(counted) if counted != found => gathered.broken(format!(
            "its summary counts {} errors and {} warnings, and it has {} and {}: parts of it are lost",
            counted.0, counted.1, found.0, found.1
        )),
        Some(_) => {}
    }
    Ok(())
}

fn raw(said: Said, severity: Severity) -> Raw {
    Raw {
        severity: Some(severity),
        place: said.package.as_ref().map(|_| LOCKFILE.to_owned()),
        rule: said.code.unwrap_or_default(),
        message: match &said.advisory {
            Some(id) => format!("{id}: {}", said.message),
            None => said.message,
        },
        tool: TOOL.to_owned(),
        package: said.package,
        advisory: said.advisory,
        ..Raw::default()
    }
}

fn value<R: Read>(json: &mut Json<R>) -> Result<Said, Malformed> {
    let mut said = Said::default();
    json.object(|json, key| match key {
        "type" => json.scalar(NAME_CHARS_MAX).map(|kind| said.kind = kind),
        "fields" => object(json, |json, key| match key {
            "code" => json.scalar(NAME_CHARS_MAX).map(|code| said.code = code),
            "severity" => json.scalar(NAME_CHARS_MAX).map(|severity| said.severity = severity),
            "level" => json.scalar(NAME_CHARS_MAX).map(|level| said.level = level),
            "message" => json.scalar(TEXT_BYTES_MAX).map(|text| said.message = text.unwrap_or_default()),
            "graphs" => graphs(json, &mut said),
            "advisory" => object(json, |json, key| match key {
                "id" => json.scalar(NAME_CHARS_MAX).map(|id| said.advisory = id),
                _ => json.skip(),
            }),
            // In a summary, each check is a key of its own.
            "advisories" | "bans" | "licenses" | "sources" => counts(json, &mut said),
            _ => json.skip(),
        }),
        _ => json.skip(),
    })?;
    Ok(said)
}

/// The package that the first graph speaks of.
fn graphs<R: Read>(json: &mut Json<R>, said: &mut Said) -> Result<(), Malformed> {
    list(json, |json| {
        let (mut name, mut version) = (None, None);
        object(json, |json, key| match key {
            "Krate" => object(json, |json, key| match key {
                "name" => json.scalar(NAME_CHARS_MAX).map(|text| name = text),
                "version" => json.scalar(NAME_CHARS_MAX).map(|text| version = text),
                _ => json.skip(),
            }),
            _ => json.skip(),
        })?;
        if let (None, Some(name), Some(version)) = (&said.package, name, version) {
            said.package = Some(format!("{name}@{version}"));
        }
        Ok(())
    })
}

fn counts<R: Read>(json: &mut Json<R>, said: &mut Said) -> Result<(), Malformed> {
    let number =
        |json: &mut Json<R>| Ok(json.scalar(NAME_CHARS_MAX)?.and_then(|text| text.parse().ok()).unwrap_or(0));
    let (mut errors, mut warnings) = (0_u64, 0_u64);
    object(json, |json, key| match key {
        "errors" => number(json).map(|count| errors = count),
        "warnings" => number(json).map(|count| warnings = count),
        _ => json.skip(),
    })?;
    let before = said.counted.unwrap_or_default();
    said.counted = Some((before.0.saturating_add(errors), before.1.saturating_add(warnings)));
    Ok(())
}
