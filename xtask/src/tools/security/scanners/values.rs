//! Values of a report that are taken where they have the expected form, and skipped where they have not: a `null` where a list may
//! stand is no damage.

use crate::tools::coverage_import::json::Json;
use crate::tools::coverage_import::stream::Malformed;
use std::io::Read;

/// A list; anything else is skipped.
pub(in crate::tools::security::scanners) fn list<R: Read>(
    json: &mut Json<R>,
    each: impl FnMut(&mut Json<R>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if json.peek()? == b'[' { json.list(each) } else { json.skip() }
}

/// An object; anything else is skipped.
pub(in crate::tools::security::scanners) fn object<R: Read>(
    json: &mut Json<R>,
    each: impl FnMut(&mut Json<R>, &str) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if json.peek()? == b'{' { json.object(each) } else { json.skip() }
}
