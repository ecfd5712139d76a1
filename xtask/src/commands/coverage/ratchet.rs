//! `coverage ratchet`: the minimum follows what is reached, and never goes down.
//!
//! One value of the file is changed, everything else stays byte for byte; the result is parsed again and must differ in that value
//! only. Lines that are known to flap do not count as reached: the next run could not hold them.

use crate::commands::context::{Context, write_report};
use crate::commands::gates;
use crate::evidence::{CoverageEvidence, Evidence};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::{CoveragePolicy, Percent, parse};
use crate::workspace::Workspace;
use std::path::PathBuf;

/// The first line of a new file, for editors.
const HEAD: &str = "# yaml-language-server: $schema=schema/coverage.schema.json\n";

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Change the file.
    Write,
    /// Say whether it could be changed.
    Check,
}

/// Raises the minimum to what the last run of this tree reached.
pub(super) async fn ratchet(context: &Context, act: Act) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    if context.global.policy_ref.is_some() {
        let help = "leave --policy-ref out";
        return Err(Failure::usage("the policies of a commit cannot be changed", help));
    }
    let in_force = context.policy(&workspace).await?;
    let coverage = last_run(context, &workspace)?;
    let noise = gates::noise_of(context, &workspace, &in_force);
    let (covered, total) = coverage.totals();
    let flapping: u64 = noise.iter().flat_map(|noise| noise.files.values()).map(|file| file.size()).sum();
    let reached = Percent::of(covered.saturating_sub(flapping), total);
    let minimum = in_force.policy.coverage.minimum;
    let told = serde_json::json!({"minimum": minimum, "reached": reached, "flapping": flapping});
    if total == 0 || reached <= minimum {
        context
            .console
            .result(&told, |_| format!("the minimum stays at {minimum} %: {reached} % are reached"));
        return Ok(Exit::Done);
    }
    let file = file(context, &workspace);
    let before = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(error.into()),
    };
    let after = raised(&before, reached)?;
    let shown = workspace.shown(&file).display().to_string();
    if act == Act::Check {
        let said = |_| format!("{shown}: the minimum could be {reached} %, it is {minimum} %");
        context.console.result(&told, said);
        return Ok(Exit::Refused);
    }
    write_report(&file, after.as_bytes())?;
    context.console.result(&told, |_| format!("{shown}: minimum {minimum} % → {reached} %"));
    Ok(Exit::Done)
}

fn file(context: &Context, workspace: &Workspace) -> PathBuf {
    let folder = match &context.global.policies {
        Some(named) => context.world.directory().join(named),
        None => workspace.root.join("policies"),
    };
    folder.join("coverage.yaml")
}

/// The coverage of the last run, where it was this tree's and every test passed.
fn last_run(context: &Context, workspace: &Workspace) -> anyhow::Result<CoverageEvidence> {
    let file = context.reports(workspace).join("evidence.json");
    let none =
        |why: &str| Failure::usage(format!("{}: {why}", file.display()), "cargo xtask ci, then ratchet");
    let bytes = std::fs::read(&file).map_err(|_| none("nothing was measured yet"))?;
    let evidence: Evidence = serde_json::from_slice(&bytes).map_err(|error| none(&error.to_string()))?;
    if evidence.subject.tree != workspace.repository.tree {
        return Err(none("the last run was of another tree"));
    }
    let tests = evidence.gates.tests.and_then(|tests| tests.result.ok());
    if tests.is_none_or(|tests| !tests.filters.is_empty() || !tests.part.is_whole()) {
        return Err(none("the last run did not run every test"));
    }
    let coverage = evidence.gates.coverage.and_then(|coverage| coverage.result.ok());
    coverage.ok_or_else(|| none("the last run counted no lines"))
}

/// The text with another minimum.
///
/// # Errors
/// Where the value cannot be changed without changing anything else.
fn raised(text: &str, to: Percent) -> anyhow::Result<String> {
    let after = edited(text, to);
    let parsed = |text: &str| {
        let read = |name: &str| Ok((name == "coverage.yaml").then(|| text.to_owned()));
        parse::parse(read).map(|policy| policy.coverage)
    };
    let expected = CoveragePolicy { minimum: to, ..parsed(text)? };
    if parsed(&after).ok().as_ref() == Some(&expected) {
        return Ok(after);
    }
    Err(Failure::usage(
        "policies/coverage.yaml: `minimum` is not written in a way that can be changed alone",
        format!("write `minimum: {to}` on a line of its own"),
    ))
}

fn edited(text: &str, to: Percent) -> String {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(value) = line.strip_prefix("minimum:") {
            let start = at + line.len() - value.trim_start_matches([' ', '\t']).len();
            let length = text[start..].find([' ', '\t', '\r', '\n', '#']).unwrap_or(text.len() - start);
            return format!("{}{to}{}", &text[..start], &text[start + length..]);
        }
        at += line.len();
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}minimum: {to}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(raised(text, Percent::of(8342, 10_000)).unwrap(), expected);
    }

    #[test]
    fn one_value_changes_and_nothing_else() {
        check("minimum: 80", "minimum: 83.42");
        check(
            "# the bar\nminimum:   80.5 # of lines\n\npatch_minimum: 90\n",
            "# the bar\nminimum:   83.42 # of lines\n\npatch_minimum: 90\n",
        );
        check("minimum: '80'\r\ndrop_max: 2\r\n", "minimum: 83.42\r\ndrop_max: 2\r\n");
        check("patch_minimum: 90", "patch_minimum: 90\nminimum: 83.42\n");
        check(HEAD, &format!("{HEAD}minimum: 83.42\n"));
        check("packages:\n  minimum: 3\n", "packages:\n  minimum: 3\nminimum: 83.42\n");
    }

    #[test]
    fn what_cannot_be_changed_alone_is_refused() {
        for text in ["{minimum: 80}", "minimum:\n  80\n", "\"minimum\": 80\n"] {
            assert!(raised(text, Percent::whole(90)).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_says_what_was_asked(head in "(# [a-z ]{0,9}\n){0,3}", old in 0u64..=10_000, new in 0u64..=10_000, tail in "(# [a-z:]{0,9}\n|drop_max: 3\n)?") {
            let (old, new) = (Percent::of(old, 10_000), Percent::of(new, 10_000));
            let text = format!("{head}minimum: {old}\n{tail}");
            prop_assert_eq!(raised(&text, new).unwrap(), format!("{head}minimum: {new}\n{tail}"));
        }
    }
}
