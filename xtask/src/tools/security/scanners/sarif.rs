//! SARIF 2.1.0 of any tool (OASIS standard), read once from the front.
//!
//! Left out: what a result says besides its first place (code flows, fixes, related places), files inside of the log, and logs that
//! point to other files (`externalPropertyFileReferences`): a log that keeps its results elsewhere is not whole.

mod result;
mod run;

use super::gathered::{Gathered, NAME_CHARS_MAX};
use crate::tools::coverage_import::json::Json;
use crate::tools::coverage_import::stream::Malformed;
use run::Run;
use std::io::Read;

/// Runs of one log. GitHub takes 20.
const RUNS_MAX: usize = 200;
/// The version that is read.
const VERSION: &str = "2.1.0";

/// Reads a log.
///
/// # Errors
/// Where it is malformed, at which line.
pub(super) fn read(input: &mut dyn Read, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    let (mut json, mut version, mut runs) = (Json::new(input), None, 0);
    json.object(|json, key| match key {
        "version" => {
            version = json.scalar(NAME_CHARS_MAX)?;
            Ok(())
        }
        "runs" => json.list(|json| {
            runs += 1;
            if runs > RUNS_MAX {
                return Err(json.wrong(format!("more than {RUNS_MAX} runs")));
            }
            let mut run = Run::default();
            run.read(json, gathered)?;
            run.finish(gathered);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    json.end()?;
    match version {
        Some(version) if version == VERSION => {}
        Some(other) => {
            return Err(json.wrong(format!("its version is `{other}`, and {VERSION} is read here")));
        }
        None => return Err(json.wrong(format!("it has no `version`: it is no SARIF {VERSION}"))),
    }
    if runs == 0 {
        gathered.broken("it has no run, so no tool reported anything");
    }
    Ok(())
}
