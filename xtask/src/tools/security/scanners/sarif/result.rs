//! One result of a run, as it stands there: what its rule and the run's folders add is known later.

use super::super::gathered::TEXT_BYTES_MAX;
use super::super::values::{list, object};
use crate::tools::coverage_import::json::Json;
use crate::tools::coverage_import::stream::Malformed;
use std::collections::BTreeMap;
use std::io::Read;

/// Bytes of a name: of a rule, a folder, a fingerprint.
const NAME_BYTES_MAX: usize = 240;
/// Bytes of a path or URI.
const URI_BYTES_MAX: usize = 4096;
/// Words that a message is filled with, and bytes of each.
const ARGUMENTS_MAX: usize = 10;
const ARGUMENT_BYTES_MAX: usize = 200;
/// Fingerprints of one result.
const FINGERPRINTS_MAX: usize = 8;

#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    pub(super) rule_id: Option<String>,
    pub(super) rule_index: Option<usize>,
    /// The extension that has the rule; `None` for the driver.
    pub(super) extension: Option<usize>,
    pub(super) level: Option<String>,
    pub(super) security: Option<f64>,
    /// It says that something is well, or that it is gone.
    pub(super) is_none: bool,
    /// It says that a person should look.
    pub(super) is_open: bool,
    pub(super) text: String,
    pub(super) message_id: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) place: Where,
    pub(super) line: u64,
    pub(super) end_line: u64,
    pub(super) fingerprints: BTreeMap<String, String>,
    pub(super) suppressed: bool,
}

/// A place as it is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Where {
    pub(super) uri: Option<String>,
    /// The name of the folder that it is relative to.
    pub(super) base: Option<String>,
    /// In the run's table of files.
    pub(super) index: Option<usize>,
}

impl Where {
    pub(super) fn is_empty(&self) -> bool {
        self.uri.as_ref().is_none_or(String::is_empty)
    }
}

impl Pending {
    /// Whether its severity needs nothing of its rule.
    pub(super) fn is_settled(&self) -> bool {
        self.level.as_deref() == Some("error")
    }
}

pub(super) fn read<R: Read>(json: &mut Json<R>) -> Result<Pending, Malformed> {
    let mut read = Pending::default();
    json.object(|json, key| match key {
        "ruleId" => json.scalar(NAME_BYTES_MAX).map(|id| read.rule_id = id.or(read.rule_id.take())),
        "ruleIndex" => index(json).map(|at| read.rule_index = at.or(read.rule_index)),
        "rule" => object(json, |json, key| match key {
            "id" => json.scalar(NAME_BYTES_MAX).map(|id| read.rule_id = read.rule_id.take().or(id)),
            "index" => index(json).map(|at| read.rule_index = at.or(read.rule_index)),
            "toolComponent" => object(json, |json, key| match key {
                "index" => index(json).map(|at| read.extension = at),
                _ => json.skip(),
            }),
            _ => json.skip(),
        }),
        "level" => json.scalar(NAME_BYTES_MAX).map(|level| read.level = level),
        "kind" => json.scalar(NAME_BYTES_MAX).map(|kind| match kind.as_deref() {
            Some("pass" | "notApplicable") => read.is_none = true,
            Some("open" | "review" | "informational") => read.is_open = true,
            _ => {}
        }),
        "baselineState" => {
            json.scalar(NAME_BYTES_MAX).map(|state| read.is_none |= state.as_deref() == Some("absent"))
        }
        "message" => message(json, &mut read),
        "locations" => locations(json, &mut read),
        "partialFingerprints" | "fingerprints" => object(json, |json, name| {
            let name: String = name.chars().take(NAME_BYTES_MAX).collect();
            let value = json.scalar(NAME_BYTES_MAX)?;
            if let (Some(value), true) = (value, read.fingerprints.len() < FINGERPRINTS_MAX) {
                read.fingerprints.insert(name, value);
            }
            Ok(())
        }),
        "suppressions" => list(json, |json| {
            let mut status = None;
            object(json, |json, key| match key {
                "status" => json.scalar(NAME_BYTES_MAX).map(|said| status = said),
                _ => json.skip(),
            })?;
            read.suppressed |= matches!(status.as_deref(), None | Some("accepted"));
            Ok(())
        }),
        "properties" => security(json).map(|score| read.security = score),
        _ => json.skip(),
    })?;
    Ok(read)
}

fn message<R: Read>(json: &mut Json<R>, read: &mut Pending) -> Result<(), Malformed> {
    object(json, |json, key| match key {
        "text" => json.scalar(TEXT_BYTES_MAX).map(|text| read.text = text.unwrap_or_default()),
        "markdown" if read.text.is_empty() => {
            json.scalar(TEXT_BYTES_MAX).map(|text| read.text = text.unwrap_or_default())
        }
        "id" => json.scalar(NAME_BYTES_MAX).map(|id| read.message_id = id),
        "arguments" => list(json, |json| {
            let argument = json.scalar(ARGUMENT_BYTES_MAX)?.unwrap_or_default();
            if read.arguments.len() < ARGUMENTS_MAX {
                read.arguments.push(argument);
            }
            Ok(())
        }),
        _ => json.skip(),
    })
}

/// The first place is where the result is shown.
fn locations<R: Read>(json: &mut Json<R>, read: &mut Pending) -> Result<(), Malformed> {
    let mut first = true;
    list(json, |json| {
        if !std::mem::take(&mut first) {
            return json.skip();
        }
        object(json, |json, key| match key {
            "physicalLocation" => object(json, |json, key| match key {
                "artifactLocation" => place(json).map(|place| read.place = place),
                "region" => object(json, |json, key| match key {
                    "startLine" => index(json).map(|line| read.line = line.unwrap_or(0) as u64),
                    "endLine" => index(json).map(|line| read.end_line = line.unwrap_or(0) as u64),
                    _ => json.skip(),
                }),
                _ => json.skip(),
            }),
            _ => json.skip(),
        })
    })
}

/// `{"uri": …, "uriBaseId": …, "index": …}`.
pub(super) fn place<R: Read>(json: &mut Json<R>) -> Result<Where, Malformed> {
    let mut read = Where::default();
    object(json, |json, key| match key {
        "uri" => json.scalar(URI_BYTES_MAX).map(|uri| read.uri = uri),
        "uriBaseId" => json.scalar(NAME_BYTES_MAX).map(|base| read.base = base),
        "index" => index(json).map(|index| read.index = index),
        _ => json.skip(),
    })?;
    Ok(read)
}

/// `{"text": …}`.
pub(super) fn text<R: Read>(json: &mut Json<R>) -> Result<String, Malformed> {
    let mut read = None;
    object(json, |json, key| match key {
        "text" => json.scalar(NAME_BYTES_MAX).map(|text| read = text),
        _ => json.skip(),
    })?;
    Ok(read.unwrap_or_default())
}

/// `security-severity` of a bag of properties: a score from 0 to 10, as text or as a number.
pub(super) fn security<R: Read>(json: &mut Json<R>) -> Result<Option<f64>, Malformed> {
    let mut read = None;
    object(json, |json, key| match key {
        "security-severity" => {
            json.scalar(NAME_BYTES_MAX).map(|text| read = text.and_then(|text| text.parse().ok()))
        }
        _ => json.skip(),
    })?;
    Ok(read)
}

/// A whole number that is not negative; any other value is none.
fn index<R: Read>(json: &mut Json<R>) -> Result<Option<usize>, Malformed> {
    Ok(json.scalar(NAME_BYTES_MAX)?.and_then(|text| text.parse().ok()))
}
