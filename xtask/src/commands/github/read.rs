//! The verdict in the report folder. It may come from a run that a stranger's change controls: then everything in it is a claim.
//!
//! Only `verdict.json` is read, a plain file with a size that can be; all that GitHub is told is made anew from its values. A number of
//! a pull request is not among them. What contradicts itself, or speaks of another commit than the run, is refused as a whole.

use crate::failure::Failure;
use crate::tools::github::context::{Run, Trust};
use crate::tools::github::event::Kind;
use crate::tools::{bounded, git};
use crate::verdict::{Gate, Outcome, SCHEMA, Severity, Verdict};
use std::collections::BTreeSet;
use std::path::Path;

/// The largest verdict: some hundred thousand findings.
const VERDICT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Findings of one verdict.
const FINDINGS_MAX: usize = 200_000;
/// Bytes of a finding's code.
const CODE_BYTES_MAX: usize = 100;

/// Reads it, checks it, and binds it to the run's commit.
pub(super) fn verdict(folder: &Path, run: &Run) -> anyhow::Result<Verdict> {
    let file = folder.join("verdict.json");
    let refuse = |why: String| {
        let message = format!("the verdict in {} cannot be told: {why}", file.display());
        Failure::usage(message, "cargo xtask ci, or name the folder of its reports: --report-dir DIR")
    };
    let bytes = bytes(&file).map_err(refuse)?;
    let mut verdict = parse(&bytes).map_err(refuse)?;
    match run.trust() {
        Trust::Foreign => bounded_by_its_run(&mut verdict, run),
        Trust::Own | Trust::Fork => {
            let target = run.target().map(|target| target.commit);
            let known = [run.commit.as_ref(), target.as_ref()];
            if known.iter().any(Option::is_some) && !known.contains(&Some(&verdict.commit)) {
                return Err(refuse(format!("it is of commit {}, which is not this run's", verdict.commit)));
            }
        }
    }
    Ok(verdict)
}

/// A stranger's verdict is never better than how GitHub says that its run ended.
fn bounded_by_its_run(verdict: &mut Verdict, run: &Run) {
    let Kind::WorkflowRun(of) = &run.event.kind else { return };
    if verdict.outcome == Outcome::Passed && of.conclusion.as_deref() != Some("success") {
        verdict.outcome = Outcome::Error;
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    // A link could show a file of this machine.
    let about = std::fs::symlink_metadata(file).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is no plain file".to_owned());
    }
    bounded::read(file, VERDICT_BYTES_MAX).map_err(|error| error.to_string())
}

/// A verdict that a fold can have made.
fn parse(bytes: &[u8]) -> Result<Verdict, String> {
    let verdict: Verdict = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if verdict.schema != SCHEMA {
        return Err(format!("its schema is not {SCHEMA}"));
    }
    if !git::is_object(&verdict.commit) || verdict.base.as_deref().is_some_and(|base| !git::is_object(base)) {
        return Err("it names something that is no commit".to_owned());
    }
    let gates: BTreeSet<Gate> = verdict.gates.iter().map(|gate| gate.gate).collect();
    if gates.len() != verdict.gates.len() {
        return Err("it has a gate twice".to_owned());
    }
    let start = if gates.is_empty() { Outcome::NothingChecked } else { Outcome::Passed };
    let folded = verdict.gates.iter().fold(start, |outcome, gate| outcome.and(gate.outcome));
    let refuses = |gate: &crate::verdict::GateVerdict| {
        gate.findings.iter().any(|one| one.severity == Severity::Error && one.waiver.is_none())
    };
    let lies = verdict.gates.iter().any(|gate| gate.outcome == Outcome::Passed && refuses(gate));
    if folded != verdict.outcome || lies {
        return Err("it contradicts itself".to_owned());
    }
    if verdict.gates.iter().map(|gate| gate.findings.len()).sum::<usize>() > FINDINGS_MAX {
        return Err(format!("it has more than {FINDINGS_MAX} findings"));
    }
    for gate in &verdict.gates {
        if let Some(odd) = gate.findings.iter().find(|one| !is_code(&one.code)) {
            return Err(format!(
                "`{}` is no code of a finding",
                odd.code.escape_default().take(80).collect::<String>()
            ));
        }
    }
    Ok(verdict)
}

/// `<gate>/<what>` in small letters, digits and dashes.
fn is_code(code: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let known = |gate: &str| Gate::ALL.iter().any(|one| one.name() == gate);
    code.len() <= CODE_BYTES_MAX && code.split_once('/').is_some_and(|(gate, what)| known(gate) && word(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn good() -> Value {
        let finding =
            json!({"code": "lint/clippy", "severity": "error", "message": "m", "help": "h", "waiver": null});
        json!({"schema": SCHEMA, "outcome": "refused", "commit": COMMIT, "dirty": false, "base": null,
            "policy": {"source": "worktree", "hash": format!("sha256:{}", "0".repeat(64))},
            "gates": [{"gate": "lint", "outcome": "refused", "duration_ms": 1, "facts": {}, "findings": [finding]}]})
    }

    fn read(change: impl FnOnce(&mut Value)) -> Result<Verdict, String> {
        let mut verdict = good();
        change(&mut verdict);
        parse(verdict.to_string().as_bytes())
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(read(|_| {}).is_ok());
        let check = |change: fn(&mut Value), why: &str| {
            let error = read(change).unwrap_err();
            assert!(error.contains(why), "{error}");
        };
        check(|verdict| verdict["outcome"] = json!("passed"), "contradicts");
        check(
            |verdict| {
                verdict["outcome"] = json!("passed");
                verdict["gates"][0]["outcome"] = json!("passed");
            },
            "contradicts",
        );
        check(|verdict| verdict["schema"] = json!("gateline/verdict/v9"), "schema");
        check(|verdict| verdict["commit"] = json!("main"), "no commit");
        check(|verdict| verdict["base"] = json!("--x"), "no commit");
        check(
            |verdict| {
                let again = verdict["gates"][0].clone();
                verdict["gates"].as_array_mut().unwrap().push(again);
            },
            "twice",
        );
        check(
            |verdict| verdict["gates"][0]["findings"][0]["code"] = json!("lint/x](http://evil)"),
            "no code",
        );
        check(|verdict| verdict["gates"] = json!(null), "null");
    }

    #[test]
    fn a_link_and_a_folder_are_no_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("verdict.json");
        std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
        assert_eq!(bytes(&file).unwrap_err(), "it is no plain file");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(bytes(&file).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_verdict_or_an_error(bytes: Vec<u8>, at in 0usize..400, put in any::<u8>()) {
            let _ = parse(&bytes);
            let mut text = good().to_string().into_bytes();
            let at = at % text.len();
            text[at] = put;
            let _ = parse(&text);
            text.truncate(at);
            prop_assert!(parse(&text).is_err());
        }
    }
}
