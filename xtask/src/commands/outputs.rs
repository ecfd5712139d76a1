//! What a step of GitHub Actions puts out, where `GITHUB_OUTPUT` names the file for it: later steps read it without a parser.

use super::context::Context;
use crate::policy::Percent;
use crate::report::annotations;
use crate::verdict::{Gate, Verdict, share_of};
use crate::world::World;
use anyhow::Context as _;
use std::io::Write as _;
use std::path::Path;

/// GitHub throws the summary of a step away that is longer than this.
const SUMMARY_BYTES_MAX: usize = 1024 * 1024;
/// The file.
const FILE: &str = "GITHUB_OUTPUT";

/// Tells of a verdict: where it lies and what it counted. What was not counted is not told.
pub(super) fn of_verdict(context: &Context, folder: &Path, verdict: &Verdict) {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut values = vec![("report-dir", text(folder)), ("verdict", text(&folder.join("verdict.json")))];
    let coverage = verdict.gates.iter().find(|gate| gate.gate == Gate::Coverage);
    for (name, fact) in [("coverage", "lines"), ("patch-coverage", "patch")] {
        let share = coverage.and_then(|gate| share(&gate.facts[fact]));
        values.extend(share.map(|share| (name, share.to_string())));
    }
    tell(context, &values);
}

/// Tells of an image.
pub(super) fn of_image(context: &Context, digest: &impl ToString) {
    tell(context, &[("digest", digest.to_string())]);
}

/// Adds a page to the summary of the step, as far as there is room beside what others wrote there: `page` is told how many
/// bytes there are. What was done stands whether or not it can be told here.
pub(super) fn summary(context: &Context, page: impl FnOnce(usize) -> String) {
    let Some(file) = context.world.env("GITHUB_STEP_SUMMARY") else { return };
    if let Err(error) = append_page(Path::new(file), page) {
        context.console.note(format!("the job summary was not written: {error:#}"));
    }
}

fn append_page(file: &Path, page: impl FnOnce(usize) -> String) -> anyhow::Result<()> {
    let failed = || format!("failed to write {}", file.display());
    let mut open = std::fs::OpenOptions::new().append(true).create(true).open(file).with_context(failed)?;
    let there = usize::try_from(open.metadata().with_context(failed)?.len()).unwrap_or(usize::MAX);
    let room = SUMMARY_BYTES_MAX.saturating_sub(there);
    let page = page(room);
    if page.len() > room {
        return Ok(());
    }
    open.write_all(page.as_bytes()).with_context(failed)
}

/// A share of lines; none of none.
fn share(fact: &serde_json::Value) -> Option<Percent> {
    let (covered, total) = share_of(fact)?;
    (total > 0).then(|| Percent::of(covered, total))
}

/// Appends them. What was done stands whether or not it can be told here.
fn tell(context: &Context, values: &[(&str, String)]) {
    let Some(file) = context.world.env(FILE) else { return };
    if let Err(error) = append(&context.world, Path::new(file), values) {
        context.console.note(format!("the outputs of the step were not written: {error:#}"));
    }
}

fn append(world: &World, file: &Path, values: &[(&str, String)]) -> anyhow::Result<()> {
    let failed = || format!("failed to write {}", file.display());
    let end = format!("ghadelimiter_{}", world.random_hex::<16>()?);
    let lines: String = values.iter().map(|(name, value)| annotations::output(name, value, &end)).collect();
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).with_context(failed)?;
    file.write_all(lines.as_bytes()).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_others_wrote_stays_and_takes_its_room() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("summary");
        std::fs::write(&file, "before\n").unwrap();
        append_page(&file, |room| format!("{room}")).unwrap();
        let expected = format!("before\n{}", SUMMARY_BYTES_MAX - 7);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    }

    #[test]
    fn a_share_of_nothing_is_not_told() {
        assert_eq!(share(&json!({"covered": 2, "total": 3})), Some(Percent::of(2, 3)));
        assert_eq!(share(&json!({"covered": 0, "total": 0})), None);
        assert_eq!(share(&serde_json::Value::Null), None);
    }

    proptest! {
        #[test]
        fn the_summary_of_a_step_is_never_thrown_away(there in 0usize..=2 * SUMMARY_BYTES_MAX, page in 0usize..=2 * SUMMARY_BYTES_MAX, over: bool) {
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().set_len(there as u64).unwrap();
            append_page(file.path(), |room| "x".repeat(if over { page } else { page.min(room) })).unwrap();
            let length = usize::try_from(file.as_file().metadata().unwrap().len()).unwrap();
            prop_assert!(length <= SUMMARY_BYTES_MAX.max(there), "{there} and {page} became {length}");
        }
    }
}
