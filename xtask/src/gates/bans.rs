//! Judges which packages are there: those that are banned, several versions of one, requirements that any version meets, and
//! build scripts that nobody has looked at. What a change brings and unsafe code are told, and refuse nothing.

use super::chain::through;
use super::licences::meets;
use super::sources::unreadable;
use crate::evidence::bans::{BansEvidence, NewPackage, Present, UnsafeChange, UnsafeCode};
use crate::policy::lint::Level;
use crate::policy::security::{BannedFeatures, BannedPackage, BansPolicy};
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use crate::workspace::dependencies::Reach;
use serde_json::json;
use std::collections::BTreeMap;

/// The verdict. A workspace without dependencies passes, and its numbers say so.
pub fn judge(policy: &BansPolicy, evidence: &BansEvidence, duration_ms: u64) -> GateVerdict {
    let duplicates = duplicates(policy, evidence);
    let mut findings = Vec::new();
    for package in evidence.packages.iter().filter(|package| package.reach != Reach::Lockfile) {
        findings.extend(policy.deny.iter().filter_map(|banned| denied(policy, banned, package)));
        findings.extend(policy.features.iter().filter_map(|banned| features(policy, banned, package)));
        findings.extend(build_script(policy, package));
    }
    if let Some(severity) = policy.duplicates.severity() {
        findings.extend(duplicates.iter().map(|(name, versions)| twice(severity, name, versions)));
    }
    findings.extend(wildcards(policy, evidence));
    let new = evidence.new.iter().flat_map(|new| &new.packages);
    findings.extend(new.clone().flat_map(brought));
    findings.extend(unsafe_code(evidence));
    let code = &evidence.unsafe_code;
    let facts = json!({
        "packages": evidence.packages.iter().filter(|package| !package.member).count(),
        "duplicates": duplicates.len(),
        "build_scripts": evidence.packages.iter().filter(|one| one.build_script && !one.member).count(),
        "new": evidence.new.as_ref().map(|new| json!({
            "packages": new.packages.iter().filter(|one| one.new).count(),
            "build_scripts": new.packages.iter().filter(|one| one.build_script).count(),
            "proc_macros": new.packages.iter().filter(|one| one.proc_macro).count(),
        })),
        "unsafe": {
            "places": code.places(),
            "blocks": code.blocks,
            "functions": code.functions,
            "impls": code.impls,
            "files": code.files.len(),
            "change": code.change,
        },
    });
    GateVerdict::of(Gate::Bans, duration_ms, facts, findings).incomplete(unknown(policy, evidence))
}

/// Where cargo did not resolve, what the policy asks for may be unknown.
fn unknown(policy: &BansPolicy, evidence: &BansEvidence) -> Vec<Finding> {
    let features = policy.level != Level::Off && !policy.features.is_empty();
    let asked =
        features || [policy.wildcards, policy.build_scripts.level].iter().any(|level| *level != Level::Off);
    let why = evidence.unresolved.iter().filter(|_| asked);
    let unresolved = why.map(|why| {
        let message = format!(
            "build scripts, features and requirements are not known, for cargo did not resolve: {why}"
        );
        Finding::new(Gate::Bans, "could-not-run", Severity::Error, message, "cargo metadata --locked")
    });
    let unread = evidence.unreadable.iter().filter(|_| policy.wildcards != Level::Off);
    unresolved.chain(unread.map(|one| unreadable(Gate::Bans, one, "what it requires"))).collect()
}

fn denied(policy: &BansPolicy, banned: &BannedPackage, package: &Present) -> Option<Finding> {
    let severity = policy.level.severity()?;
    if banned.package != package.name || !meets(banned.version.as_ref(), &package.version) {
        return None;
    }
    let borne = |name: &String| banned.needed_by.contains(name);
    if !package.needed_by.is_empty() && package.needed_by.iter().all(borne) {
        return None;
    }
    let (who, reason) = (name_of(package), &banned.reason);
    let message = format!("{who} is banned: {reason}{}", through(&package.path));
    let instead = banned.instead.as_ref().map_or(String::new(), |instead| format!("use {instead} instead; "));
    let help = format!("{instead}cargo tree -i {who} shows who needs it");
    Some(found("denied", severity, message, help, package))
}

/// Features that are on and must not be: those of `deny`, and all but those of `allow` where it has any.
fn features(policy: &BansPolicy, banned: &BannedFeatures, package: &Present) -> Option<Finding> {
    let severity = policy.level.severity()?;
    if banned.package != package.name || !meets(banned.version.as_ref(), &package.version) {
        return None;
    }
    // `default` only says which others are on.
    let unwanted = |name: &&String| {
        banned.deny.contains(name)
            || (!banned.allow.is_empty() && *name != "default" && !banned.allow.contains(name))
    };
    let on: Vec<String> = package.features.iter().filter(unwanted).map(|name| format!("`{name}`")).collect();
    let (who, reason) = (name_of(package), &banned.reason);
    let on = match on.as_slice() {
        [] => return None,
        [one] => format!("the feature {one} of {who} is banned"),
        several => format!("the features {} of {who} are banned", several.join(", ")),
    };
    let message = format!("{on}: {reason}{}", through(&package.path));
    let help = format!("cargo tree -e features -i {who} shows who turns it on");
    Some(found("feature", severity, message, help, package))
}

fn build_script(policy: &BansPolicy, package: &Present) -> Option<Finding> {
    let severity = policy.build_scripts.level.severity()?;
    if package.member || !package.build_script || policy.build_scripts.allow.contains(&package.name) {
        return None;
    }
    let (who, name) = (name_of(package), &package.name);
    let message = format!("{who} runs a script before it is compiled{}", through(&package.path));
    let help = format!(
        "read its build.rs, then add `{name}` to `bans.build_scripts.allow` in policies/security.yaml"
    );
    Some(found("build-script", severity, message, help, package))
}

/// Packages in several versions that are linked or used to build, but for those that the policy lets be.
fn duplicates<'a>(policy: &BansPolicy, evidence: &'a BansEvidence) -> BTreeMap<&'a str, Vec<&'a Present>> {
    let mut by_name: BTreeMap<&str, Vec<&Present>> = BTreeMap::new();
    let used = |package: &&Present| matches!(package.reach, Reach::Linked | Reach::Build);
    let skipped = |package: &&Present| {
        let mut skips = policy.skip.iter();
        skips.any(|skip| skip.package == package.name && meets(skip.version.as_ref(), &package.version))
    };
    for package in evidence.packages.iter().filter(used).filter(|one| !skipped(one)) {
        by_name.entry(&package.name).or_default().push(package);
    }
    by_name.retain(|_, versions| versions.len() > 1);
    by_name
}

fn twice(severity: Severity, name: &str, versions: &[&Present]) -> Finding {
    let shown: Vec<String> =
        versions.iter().map(|one| format!("{}{}", one.version, through(&one.path))).collect();
    let message = format!("{name} is there in {} versions: {}", versions.len(), shown.join(", "));
    let oldest = versions.first().map_or("", |one| one.version.as_str());
    let help = format!(
        "cargo tree -i {name}@{oldest} shows who needs the oldest; or add it to `bans.skip` in policies/security.yaml \
         with the reason"
    );
    let finding = Finding::new(Gate::Bans, "duplicate", severity, message, help).about(name);
    let line = versions.first().map_or(0, |one| one.line);
    if line == 0 { finding } else { finding.at("Cargo.lock", line) }
}

fn wildcards(policy: &BansPolicy, evidence: &BansEvidence) -> Vec<Finding> {
    let Some(severity) = policy.wildcards.severity() else { return Vec::new() };
    let wanted = evidence.wildcards.iter().filter(|one| !(one.elsewhere && policy.wildcard_paths));
    wanted
        .map(|one| {
            let package = &one.package;
            let message = format!("any version of {package} meets this requirement");
            let help = format!("write the version that is used: cargo tree -i {package} --depth 0");
            Finding::new(Gate::Bans, "wildcard", severity, message, help)
                .at(&one.manifest, one.line)
                .about(format!("{} {package}", one.manifest))
        })
        .collect()
}

/// What a change brings, for whoever reviews it.
fn brought(package: &NewPackage) -> Vec<Finding> {
    let NewPackage { name, version, line, new, build_script, proc_macro, before_known } = package;
    let who = format!("{name}@{version}");
    let before = match (new, before_known) {
        (true, _) => "",
        (false, true) => ", and the version before did not",
        (false, false) => "; whether the version before did is unknown offline",
    };
    let mut said = Vec::new();
    if *new {
        let message = format!("{who} is new here; its age and who maintains it are unknown offline");
        said.push(("new-package", message));
    }
    if *build_script {
        said.push(("new-build-script", format!("{who} runs a script before it is compiled{before}")));
    }
    if *proc_macro {
        said.push(("new-proc-macro", format!("{who} runs within the compiler{before}")));
    }
    let note = |(what, message): (&'static str, String)| {
        let help = "nothing is refused by this: read what comes with it";
        Finding::new(Gate::Bans, what, Severity::Note, message, help)
            .at("Cargo.lock", *line)
            .about(who.clone())
    };
    said.into_iter().map(note).collect()
}

fn unsafe_code(evidence: &BansEvidence) -> Option<Finding> {
    let code = &evidence.unsafe_code;
    let first = code.files.first()?;
    let message =
        format!("the workspace's own code has {}{}", parts(code), against_base(code.change.as_ref()));
    let help = "nothing is refused by this; `unsafe_code = \"forbid\"` in [lints.rust] would";
    Some(
        Finding::new(Gate::Bans, "unsafe-code", Severity::Note, message, help)
            .at(first, 0)
            .about("workspace"),
    )
}

/// `2 unsafe blocks and 1 unsafe function, in 2 files`.
fn parts(code: &UnsafeCode) -> String {
    let all =
        [(code.blocks, "block"), (code.functions, "function"), (code.impls, "implementation")].into_iter();
    let counted = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut said: Vec<String> = all
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(count, &format!("unsafe {what}")))
        .collect();
    let last = said.pop().unwrap_or_default();
    let before = if said.is_empty() { String::new() } else { format!("{} and ", said.join(", ")) };
    format!("{before}{last}, in {}", counted(code.files.len() as u64, "file"))
}

/// ` (+2 / −1 against base)`, where the change does anything to it.
fn against_base(change: Option<&UnsafeChange>) -> String {
    let changed = change.filter(|change| change.added + change.removed > 0);
    changed.map_or(String::new(), |one| format!(" (+{} / −{} against base)", one.added, one.removed))
}

fn name_of(package: &Present) -> String {
    format!("{}@{}", package.name, package.version)
}

fn found(what: &str, severity: Severity, message: String, help: String, package: &Present) -> Finding {
    let finding = Finding::new(Gate::Bans, what, severity, message, help).about(name_of(package));
    if package.line == 0 { finding } else { finding.at("Cargo.lock", package.line) }
}

#[cfg(test)]
mod tests;
