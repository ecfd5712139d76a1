//! Judges the advisories that apply to Cargo.lock. Each kind has its level; how near the package comes, where it is from, and
//! whether the base has it already put a ceiling on it. Nothing raises a level.

mod upgrade;

use crate::evidence::advisories::{
    AdvisoriesEvidence, AdvisoryKind, AdvisoryMatch, LockfileOfBase, OnBase, PackageSource,
};
use crate::policy::lint::Level;
use crate::policy::security::{AdvisoriesPolicy, AdvisoryScope};
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use crate::workspace::dependencies::Reach;

const LOCKFILE: &str = "Cargo.lock";
/// Packages of a path that are shown; the middle of a longer one is counted.
const PATH_SHOWN_MAX: usize = 6;

/// For what it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A run of the gates.
    Run,
    /// A release: what is old enough to be missing something refuses, and nothing is inherited.
    Release,
}

/// The verdict. A lockfile without packages of registries passes, and says so.
pub fn judge(
    policy: &AdvisoriesPolicy,
    evidence: &AdvisoriesEvidence,
    occasion: Occasion,
    duration_ms: u64,
) -> GateVerdict {
    let matches = evidence.matches.iter();
    let mut findings: Vec<Finding> =
        matches.filter_map(|matched| finding(policy, evidence, occasion, matched)).collect();
    findings.extend(stale(policy, evidence, occasion));
    findings.extend(told(evidence));
    let counts = |of: &dyn Fn(&AdvisoryMatch) -> bool| evidence.matches.iter().filter(|one| of(one)).count();
    let main = evidence.databases.first().cloned().unwrap_or_default();
    let facts = serde_json::json!({
        "packages": evidence.packages,
        "matches": evidence.matches.len(),
        "linked": counts(&|one| one.reach == Reach::Linked),
        "build": counts(&|one| one.reach == Reach::Build),
        "development": counts(&|one| one.reach == Reach::Development),
        "lockfile": counts(&|one| one.reach == Reach::Lockfile),
        "inherited": counts(&|one| one.on_base != OnBase::New),
        "yanked": {"known": evidence.yanked_known, "unknown": evidence.yanked_unknown},
        "compared": evidence.compared,
        "resolved": evidence.unresolved.is_none(),
        // The main database by the name that it has had since the first version of this report.
        "snapshot": {"date": main.date, "commit": main.commit, "age_days": main.age_days},
        "databases": evidence.databases,
    });
    GateVerdict::of(Gate::Advisories, duration_ms, facts, findings)
}

fn finding(
    policy: &AdvisoriesPolicy,
    evidence: &AdvisoriesEvidence,
    occasion: Occasion,
    matched: &AdvisoryMatch,
) -> Option<Finding> {
    let (what, level) = match matched.kind {
        AdvisoryKind::Vulnerability => ("vulnerability", policy.vulnerability),
        AdvisoryKind::Unsound => ("unsound", within(policy.unsound_scope, policy.unsound, matched)),
        AdvisoryKind::Unmaintained => {
            ("unmaintained", within(policy.unmaintained_scope, policy.unmaintained, matched))
        }
        AdvisoryKind::Notice => ("notice", policy.notice),
        AdvisoryKind::Yanked => ("yanked", policy.yanked),
    };
    let by_reach = match matched.reach {
        Reach::Linked => Level::Refuse,
        Reach::Build => policy.build,
        Reach::Development => policy.development,
        Reach::Lockfile => policy.lockfile,
    };
    let by_source = match matched.source {
        PackageSource::Registry => Level::Refuse,
        PackageSource::OtherRegistry | PackageSource::Git => Level::Warn,
    };
    let by_base = match (occasion, matched.on_base) {
        (Occasion::Run, OnBase::Same | OnBase::OtherVersion) => policy.inherited,
        (Occasion::Release, _) | (_, OnBase::New) => Level::Refuse,
    };
    let severity = match level.at_most(by_reach).at_most(by_source).at_most(by_base) {
        Level::Off => return None,
        Level::Refuse => Severity::Error,
        Level::Warn => Severity::Warning,
    };
    let help = format!("{}; needed by {}; {}", upgrade::way_out(matched), path(&matched.path), matched.url);
    let finding = Finding::new(Gate::Advisories, what, severity, message(evidence, matched), help);
    Some(finding.at(LOCKFILE, matched.line).about(matched.subject()))
}

/// The level, where the policy looks at this package at all.
fn within(scope: AdvisoryScope, level: Level, matched: &AdvisoryMatch) -> Level {
    match (scope, matched.direct) {
        (AdvisoryScope::All, _) | (AdvisoryScope::Workspace, true) | (AdvisoryScope::Transitive, false) => {
            level
        }
        (AdvisoryScope::Workspace, false) | (AdvisoryScope::Transitive, true) => Level::Off,
    }
}

fn message(evidence: &AdvisoriesEvidence, matched: &AdvisoryMatch) -> String {
    let AdvisoryMatch { id, package, version, title, .. } = matched;
    let reach = match &evidence.unresolved {
        None => matched.reach.text(),
        Some(_) => "taken as linked",
    };
    let severity = matched.severity.as_ref().map_or(String::new(), |severity| format!(", {severity}"));
    let from = match matched.source {
        PackageSource::Registry => "",
        PackageSource::OtherRegistry => {
            " (of another registry: it may be another package, so this does not refuse)"
        }
        PackageSource::Git => " (from git: its code may be newer than its version, so this does not refuse)",
    };
    let base = match matched.on_base {
        OnBase::New => "",
        OnBase::Same => " (already on base)",
        OnBase::OtherVersion => " (already on base, in another version: the upgrade does not go far enough)",
    };
    let id = if id.is_empty() { String::new() } else { format!("{id}: ") };
    format!("{id}{package} {version} ({reach}{severity}): {title}{from}{base}")
}

/// The way from a member, its middle left out where it is long.
fn path(path: &[String]) -> String {
    if path.len() <= PATH_SHOWN_MAX {
        return path.join(" > ");
    }
    let (start, end) = (&path[..PATH_SHOWN_MAX / 2], &path[path.len() - PATH_SHOWN_MAX / 2..]);
    let between = path.len() - PATH_SHOWN_MAX;
    format!("{} > … {between} more … > {}", start.join(" > "), end.join(" > "))
}

fn stale(policy: &AdvisoriesPolicy, evidence: &AdvisoriesEvidence, occasion: Occasion) -> Vec<Finding> {
    let help = "fetch a newer one: cargo xtask security update (with `database: clone`), or update gateline";
    let mut findings = Vec::new();
    for database in &evidence.databases {
        let (age, name, date) = (database.age_days, &database.name, &database.date);
        let (limit, severity) = match (occasion, policy.stale_snapshot.severity()) {
            (Occasion::Release, _) if age > policy.release_age_days_max => {
                (policy.release_age_days_max, Severity::Error)
            }
            (_, Some(severity)) => (policy.snapshot_age_days_max, severity),
            (_, None) => continue,
        };
        if age > limit {
            let message = format!(
                "the advisory database ({name}) of {date} is {age} days old, more than {limit}: newer advisories are not known"
            );
            findings
                .push(Finding::new(Gate::Advisories, "stale-snapshot", severity, message, help).about(name));
        }
    }
    findings
}

/// What else there is to say of how it was looked up.
fn told(evidence: &AdvisoriesEvidence) -> Vec<Finding> {
    let say = |what: &str, severity, message: String, help: &str| {
        Finding::new(Gate::Advisories, what, severity, message, help)
    };
    let mut findings = Vec::new();
    if let Some(why) = &evidence.refresh_failed {
        let message = format!("the last refresh of the advisory database failed: {why}");
        findings.push(say("refresh-failed", Severity::Warning, message, "cargo xtask security update"));
    }
    if let LockfileOfBase::Unreadable { why } = &evidence.compared {
        let message = format!("the base's {LOCKFILE} cannot be read, so every advisory counts as new: {why}");
        findings.push(say(
            "base-unreadable",
            Severity::Warning,
            message,
            "git fetch, or name another base: --base REF",
        ));
    }
    if let Some(why) = &evidence.unresolved {
        let message = format!("cargo does not say what is linked, so every package counts as linked: {why}");
        findings.push(say("unresolved", Severity::Note, message, "cargo fetch --locked"));
    }
    if evidence.packages == 0 {
        let message = format!("{LOCKFILE} names no package of a registry: there was nothing to look up");
        findings.push(say("no-packages", Severity::Note, message, "nothing to do"));
    }
    findings
}

#[cfg(test)]
mod tests;
