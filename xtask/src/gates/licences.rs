//! Judges licences: each package must be under one that the policy allows, by its SPDX expression.
//!
//! `OR` wants one side, `AND` both; a licence with an exception (`WITH`) is another licence than the one without. What a package does
//! not say is never guessed from the text of a file: somebody reads it, and a clarification holds for that text only.

mod names;

use super::chain::through;
use crate::evidence::licences::{Licenced, LicencesEvidence};
use crate::policy::security::{Clarification, LICENCES, LicencesPolicy};
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use crate::workspace::dependencies::Reach;
use semver::VersionReq;
use spdx::{Expression, Licensee};
use std::collections::{BTreeMap, BTreeSet};

/// Longest expression. The longest known has some 300 characters.
const EXPRESSION_BYTES_MAX: usize = 2000;

/// The verdict. A workspace without dependencies passes, and its numbers say so.
pub fn judge(policy: &LicencesPolicy, evidence: &LicencesEvidence, duration_ms: u64) -> GateVerdict {
    let allowed: Vec<Licensee> = licensees(&policy.allow);
    let mut judged = Judged { policy, allowed, used: BTreeSet::new(), findings: Vec::new() };
    let mut by_licence: BTreeMap<String, u64> = BTreeMap::new();
    for package in evidence.packages.iter().filter(|package| counts(policy, package)) {
        let licence = judged.package(package);
        *by_licence.entry(licence.unwrap_or_else(|| "unclear".to_owned())).or_default() += 1;
    }
    let mut findings = std::mem::take(&mut judged.findings);
    findings.extend(judged.unused());
    let facts = serde_json::json!({
        "packages": by_licence.values().sum::<u64>(),
        "licences": by_licence.len(),
        "by_licence": by_licence,
        "not_read": evidence.not_read,
    });
    GateVerdict::of(Gate::Licences, duration_ms, facts, findings)
}

fn counts(policy: &LicencesPolicy, package: &Licenced) -> bool {
    match package.reach {
        _ if package.member => policy.members,
        Reach::Development => policy.development,
        Reach::Linked | Reach::Build => true,
        Reach::Lockfile => false,
    }
}

/// Names that were checked with the policy.
fn licensees(names: &[String]) -> Vec<Licensee> {
    names.iter().filter_map(|name| Licensee::parse_mode(name, LICENCES).ok()).collect()
}

struct Judged<'a> {
    policy: &'a LicencesPolicy,
    allowed: Vec<Licensee>,
    /// Keys of exceptions and clarifications that a package has.
    used: BTreeSet<(&'static str, usize)>,
    findings: Vec<Finding>,
}

impl Judged<'_> {
    /// Judges one package; its licence, where that is clear.
    fn package(&mut self, package: &Licenced) -> Option<String> {
        let clarified = self.clarified(package);
        let text = clarified.or_else(|| package.expression.clone());
        let parsed = match &text {
            None => Err("it names no licence".to_owned()),
            Some(text) if text.len() > EXPRESSION_BYTES_MAX => {
                Err(format!("its licence has {} bytes", text.len()))
            }
            Some(text) => Expression::parse_mode(text, LICENCES)
                .map_err(|error| format!("`{text}` is no SPDX expression: {}", error.reason)),
        };
        match parsed {
            Err(why) => {
                self.unclear(package, &why);
                None
            }
            Ok(expression) => {
                self.expression(package, &expression);
                self.old_names(package, &expression);
                Some(expression.to_string())
            }
        }
    }

    /// The licence that a clarification gives, where the text is the one that was read.
    fn clarified(&mut self, package: &Licenced) -> Option<String> {
        let policy = self.policy;
        for (at, one) in policy.clarifications.iter().enumerate() {
            if !names(&one.package, one.version.as_ref(), package) {
                continue;
            }
            self.used.insert(("clarifications", at));
            match package.hashes.get(&one.file) {
                Some(hash) if hash.eq_ignore_ascii_case(&one.sha256) => return Some(one.expression.clone()),
                found => self.other_text(package, one, found),
            }
        }
        None
    }

    fn other_text(&mut self, package: &Licenced, one: &Clarification, found: Option<&String>) {
        let Some(severity) = self.policy.unclear.severity() else { return };
        let who = format!("{}@{}", package.name, package.version);
        let (why, help) = match found {
            Some(hash) => (
                format!("`{}` has another text than the one that the clarification was made for", one.file),
                format!(
                    "read it again, then set `sha256: {hash}` at its clarification in policies/security.yaml"
                ),
            ),
            None => (
                format!("it has no file `{}`, which its clarification names", one.file),
                "correct `file` at its clarification in policies/security.yaml".to_owned(),
            ),
        };
        let message = format!("{who}: {why}{}", through(&package.path));
        self.findings.push(found_at("clarification", severity, message, help, package));
    }

    fn unclear(&mut self, package: &Licenced, why: &str) {
        let Some(severity) = self.policy.unclear.severity() else { return };
        let Licenced { name, version, file, hashes, .. } = package;
        let help = match file.as_ref().and_then(|file| Some((file, hashes.get(file)?))) {
            Some((file, hash)) => format!(
                "read its {file}, then add to `licences.clarifications` in policies/security.yaml: {{package: {name}, \
                 expression: …, file: {file}, sha256: {hash}}}"
            ),
            None => format!(
                "ask its authors, or replace it: cargo tree -i {name}@{version}; a clarification in \
                 policies/security.yaml needs a file of it that says its licence"
            ),
        };
        let message = format!("the licence of {name}@{version} is unclear: {why}{}", through(&package.path));
        self.findings.push(found_at("unclear", severity, message, help, package));
    }

    fn expression(&mut self, package: &Licenced, expression: &Expression) {
        let mut allowed = self.allowed.clone();
        let policy = self.policy;
        let own: Vec<_> = policy
            .exceptions
            .iter()
            .enumerate()
            .filter(|(_, one)| names(&one.package, one.version.as_ref(), package))
            .collect();
        self.used.extend(own.iter().map(|(at, _)| ("exceptions", *at)));
        allowed.extend(own.iter().flat_map(|(_, one)| licensees(&one.allow)));
        let Err(missing) =
            expression.evaluate_with_failures(|wanted| allowed.iter().any(|one| one.satisfies(wanted)))
        else {
            return;
        };
        let Some(severity) = self.policy.level.severity() else { return };
        let missing: BTreeSet<String> = missing.iter().map(|one| one.req.to_string()).collect();
        let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
        let Licenced { name, version, path, .. } = package;
        let shown = match expression.requirements().count() {
            1 => format!("`{expression}`"),
            _ => format!("`{expression}` ({missing})"),
        };
        let message = format!("{name}@{version} is under {shown}, which is not allowed{}", through(path));
        let help = format!(
            "replace it: cargo tree -i {name}@{version}; or allow it for this package in policies/security.yaml: \
             licences: {{exceptions: [{{package: {name}, allow: [{missing}], reason: …}}]}}"
        );
        self.findings.push(found_at("not-allowed", severity, message, help, package));
    }

    /// Names that SPDX has replaced mean what they meant, and are told.
    fn old_names(&mut self, package: &Licenced, expression: &Expression) {
        for (name, now) in names::old(expression) {
            let Licenced { name: who, version, path, .. } = package;
            let now = now.map_or_else(String::new, |now| format!("; it is `{now}` now"));
            let message = format!(
                "{who}@{version} is under `{name}`, a name that SPDX has given up{now}{}",
                through(path)
            );
            let help =
                "nothing is refused by this: tell its authors, and allow the name that it uses".to_owned();
            self.findings.push(found_at("old-name", Severity::Note, message, help, package));
        }
    }

    /// What stands in the policy for no package.
    fn unused(&self) -> Vec<Finding> {
        let exceptions =
            self.policy.exceptions.iter().enumerate().map(|(at, one)| ("exceptions", at, &one.package));
        let clarifications = self
            .policy
            .clarifications
            .iter()
            .enumerate()
            .map(|(at, one)| ("clarifications", at, &one.package));
        let dead = exceptions.chain(clarifications).filter(|(key, at, _)| !self.used.contains(&(*key, *at)));
        dead.map(|(key, at, package)| {
            let message = format!("`licences.{key}[{at}]` speaks of {package}, which is not there");
            let help = "remove it from policies/security.yaml";
            Finding::new(Gate::Licences, "unused", Severity::Warning, message, help)
                .about(format!("{key} {package}"))
        })
        .collect()
    }
}

/// Whether an entry of the policy speaks of a package.
fn names(name: &str, version: Option<&String>, package: &Licenced) -> bool {
    name == package.name && meets(version, &package.version)
}

/// Whether a version meets a requirement; pre-releases meet what their release would.
pub(super) fn meets(requirement: Option<&String>, version: &str) -> bool {
    let Some(requirement) = requirement else { return true };
    let (Ok(requirement), Ok(mut version)) =
        (requirement.parse::<VersionReq>(), version.parse::<semver::Version>())
    else {
        return false;
    };
    requirement.matches(&version) || {
        version.pre = semver::Prerelease::EMPTY;
        requirement.matches(&version)
    }
}

fn found_at(what: &str, severity: Severity, message: String, help: String, package: &Licenced) -> Finding {
    let finding = Finding::new(Gate::Licences, what, severity, message, help)
        .about(format!("{}@{}", package.name, package.version));
    match package.line {
        0 => finding,
        line => finding.at("Cargo.lock", line),
    }
}

#[cfg(test)]
mod tests;
