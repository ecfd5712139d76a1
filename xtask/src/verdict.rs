//! Verdict: what the evidence amounts to. Gates judge, this module folds, and only the fold makes [`Passed`].

mod gate;

use crate::evidence::lint::Edit;
use crate::policy::PolicySource;
use crate::workspace::change::Base;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use gate::Gate;

/// The schema of `verdict.json`.
pub const SCHEMA: &str = "gateline/verdict/v1";

/// The judgement over all gates that were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Which shape this is: [`SCHEMA`].
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The fold over the gates.
    pub outcome: Outcome,
    /// The commit that was judged.
    pub commit: String,
    /// Whether the tree differed from it.
    pub dirty: bool,
    /// The commit that it was compared with.
    pub base: Option<String>,
    /// Where that commit comes from, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_from: Option<String>,
    /// The policy in force.
    pub policy: PolicySource,
    /// Every gate that was asked for, in the order of reports.
    pub gates: Vec<GateVerdict>,
}

/// Pass, refused, error, or nothing checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Checked, and good.
    Passed,
    /// Checked, and below the bar.
    Refused,
    /// Could not be checked.
    Error,
    /// There was nothing to check, so nothing was proved.
    NothingChecked,
}

/// One gate's judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateVerdict {
    /// Which gate.
    pub gate: Gate,
    /// Its outcome.
    pub outcome: Outcome,
    /// How long measuring took.
    pub duration_ms: u64,
    /// The numbers behind it.
    pub facts: serde_json::Value,
    /// What is to be said, worst first.
    pub findings: Vec<Finding>,
    /// The best that waivers can make of it: a gate that checked nothing does not pass by one.
    #[serde(skip, default = "unsettled")]
    at_best: Outcome,
}

/// One thing to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `<gate>/<what>`, kebab case.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What and why: lower case, no full stop.
    pub message: String,
    /// Path relative to the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Last line, where it speaks of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// What a waiver names besides the code: a test, a package, an advisory. Where absent, the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether it lies on lines that the change brings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
    /// What a tool would write instead, where it is sure: every edit, or none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Vec<Edit>>,
    /// The next command to type, or what to change.
    pub help: String,
    /// The waiver that lifts it.
    pub waiver: Option<String>,
    /// What another tool tells this finding apart by, where it comes from one: our SARIF file keeps it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fingerprints: BTreeMap<String, String>,
    /// The names that waivers give to the value that it is about; see `policy/waivers.rs`.
    #[serde(skip)]
    pub(crate) names: Vec<String>,
}

/// How bad a finding is. An error refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Refuses.
    Error,
    /// Shown.
    Warning,
    /// Told.
    Note,
}

/// Proof that a verdict passed: the key to a [`crate::release::Release`]. Only [`Verdict::passed`] makes one.
#[derive(Debug, Clone)]
pub struct Passed(());

/// What a verdict speaks of.
#[derive(Debug, Clone)]
pub struct About {
    /// The commit.
    pub commit: String,
    /// Whether the tree differs from it.
    pub dirty: bool,
    /// The commit that it was compared with.
    pub base: Option<Base>,
    /// The policy in force.
    pub policy: PolicySource,
}

impl Outcome {
    /// Of several, refused before error before nothing checked before passed.
    const fn rank(self) -> u8 {
        match self {
            Outcome::Refused => 3,
            Outcome::Error => 2,
            Outcome::NothingChecked => 1,
            Outcome::Passed => 0,
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn and(self, other: Outcome) -> Outcome {
        if other.rank() > self.rank() { other } else { self }
    }

    /// The exit code.
    pub const fn exit(self) -> crate::exit::Exit {
        match self {
            Outcome::Passed => crate::exit::Exit::Done,
            Outcome::Refused => crate::exit::Exit::Refused,
            Outcome::Error => crate::exit::Exit::Infrastructure,
            Outcome::NothingChecked => crate::exit::Exit::NothingChecked,
        }
    }
}

impl Finding {
    /// A finding without a place.
    pub fn new(
        gate: Gate,
        what: &str,
        severity: Severity,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        Finding {
            code: format!("{gate}/{what}"),
            severity,
            message: message.into(),
            file: None,
            line: None,
            end_line: None,
            subject: None,
            changed: false,
            fix: None,
            help: help.into(),
            waiver: None,
            fingerprints: BTreeMap::new(),
            names: Vec::new(),
        }
    }

    /// The same at a place; line 0 means the whole file.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: u32) -> Finding {
        self.file = Some(file.into());
        self.line = (line > 0).then_some(line);
        self
    }

    /// The same up to this line.
    #[must_use]
    pub fn until(mut self, last: u32) -> Finding {
        self.end_line = self.line.filter(|first| *first < last).map(|_| last);
        self
    }

    /// The same about this subject.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Finding {
        self.subject = Some(subject.into());
        self
    }

    /// The same with what a tool would write instead; nothing where it is not sure.
    #[must_use]
    pub fn fixed_by(mut self, edits: &[Edit]) -> Finding {
        self.fix = (!edits.is_empty()).then(|| edits.to_vec());
        self
    }

    /// The same with what another tool tells it apart by.
    #[must_use]
    pub fn known_as(mut self, fingerprints: &BTreeMap<String, String>) -> Finding {
        self.fingerprints.clone_from(fingerprints);
        self
    }

    /// The same about a value that waivers name so.
    #[must_use]
    pub fn named(mut self, names: &[String]) -> Finding {
        self.names = names.to_vec();
        self
    }

    /// What a waiver has to name: the subject, else the file, else the whole workspace.
    pub fn waived_as(&self) -> &str {
        self.subject.as_deref().or(self.file.as_deref()).unwrap_or("workspace")
    }
}

/// `covered` and `total` of a fact.
pub fn share_of(fact: &serde_json::Value) -> Option<(u64, u64)> {
    Some((fact.get("covered")?.as_u64()?, fact.get("total")?.as_u64()?))
}

impl GateVerdict {
    /// The verdict of a gate that was measured: refused where a finding is an error, else passed.
    pub fn of(
        gate: Gate,
        duration_ms: u64,
        facts: serde_json::Value,
        mut findings: Vec<Finding>,
    ) -> GateVerdict {
        findings.sort_by_key(|finding| finding.severity);
        let outcome = of_findings(&findings);
        GateVerdict { gate, outcome, duration_ms, facts, findings, at_best: Outcome::Passed }
    }

    /// What ran and what there is of it, where the facts have such a share by this name: `lines`, `patch`, `drop/before`.
    pub fn share(&self, name: &str) -> Option<(u64, u64)> {
        share_of(self.facts.pointer(&format!("/{name}"))?)
    }

    /// Judges anew once findings are waived. What could not run or had nothing to check stays so.
    pub fn settle(&mut self) {
        if self.outcome == Outcome::Refused {
            self.outcome = of_findings(&self.findings).and(self.at_best);
        }
    }

    /// The same with more to be said.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.outcome = self.outcome.and(of_findings(&findings));
        self.findings.extend(findings);
        self.findings.sort_by_key(|finding| finding.severity);
    }

    /// The verdict of a gate that had nothing to look at, unless something is wrong besides.
    #[must_use]
    pub fn nothing_checked(mut self) -> GateVerdict {
        self.outcome = self.outcome.and(Outcome::NothingChecked);
        self.at_best = self.at_best.and(Outcome::NothingChecked);
        self
    }

    /// The verdict of a gate that could not check all that it should: an error, unless something refuses besides.
    #[must_use]
    pub fn incomplete(mut self, missing: Vec<Finding>) -> GateVerdict {
        if !missing.is_empty() {
            self.outcome = self.outcome.and(Outcome::Error);
            self.at_best = self.at_best.and(Outcome::Error);
            self.findings.splice(0..0, missing);
        }
        self
    }

    /// The verdict of a gate that could not run.
    pub fn could_not_run(gate: Gate, duration_ms: u64, why: &crate::evidence::CouldNotRun) -> GateVerdict {
        let finding = Finding::new(gate, "could-not-run", Severity::Error, &why.message, &why.help);
        let of = Self::of(gate, duration_ms, serde_json::json!({}), vec![finding]);
        GateVerdict { outcome: Outcome::Error, at_best: Outcome::Error, ..of }
    }

    /// The verdict of a gate that was asked for but has no evidence: never a pass (invariant 2 in docs/ARCHITECTURE.md).
    pub fn missing(gate: Gate) -> GateVerdict {
        let why = crate::evidence::CouldNotRun {
            message: format!("there is no evidence for the gate {gate}"),
            help: format!("cargo xtask ci --gate {gate}"),
        };
        Self::could_not_run(gate, 0, &why)
    }
}

/// Refused where a finding is an error that nothing waives.
fn of_findings(findings: &[Finding]) -> Outcome {
    let refuses = |finding: &Finding| finding.severity == Severity::Error && finding.waiver.is_none();
    if findings.iter().any(refuses) { Outcome::Refused } else { Outcome::Passed }
}

/// What was read from a file is not judged anew: its evidence is.
fn unsettled() -> Outcome {
    Outcome::Error
}

impl Verdict {
    /// Folds the gates: the worst outcome wins, and no gate at all is nothing checked.
    pub fn fold(about: About, gates: Vec<GateVerdict>) -> Verdict {
        let start = if gates.is_empty() { Outcome::NothingChecked } else { Outcome::Passed };
        Verdict {
            schema: SCHEMA.to_owned(),
            outcome: gates.iter().fold(start, |outcome, gate| outcome.and(gate.outcome)),
            commit: about.commit,
            dirty: about.dirty,
            base: about.base.as_ref().map(|base| base.commit.clone()),
            base_from: about.base.map(|base| base.from),
            policy: about.policy,
            gates,
        }
    }

    /// The proof, where every gate that a release needs was judged and the fold passed.
    pub fn passed(&self) -> Option<Passed> {
        let judged = |gate: &Gate| self.gates.iter().any(|one| one.gate == *gate);
        (self.outcome == Outcome::Passed && Gate::FOR_RELEASE.iter().all(judged)).then_some(Passed(()))
    }
}

#[cfg(test)]
mod tests;
