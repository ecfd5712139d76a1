//! Judges the advisories that apply to Cargo.lock: each kind has its level in the policy.

use crate::evidence::advisories::{AdvisoriesEvidence, AdvisoryKind, AdvisoryMatch, PackageSource};
use crate::policy::lint::Level;
use crate::policy::security::AdvisoriesPolicy;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use semver::{Comparator, Op, Version, VersionReq};

const LOCKFILE: &str = "Cargo.lock";

/// The verdict. A lockfile without packages of registries passes, and says so.
pub fn judge(policy: &AdvisoriesPolicy, evidence: &AdvisoriesEvidence, duration_ms: u64) -> GateVerdict {
    let mut findings: Vec<Finding> =
        evidence.matches.iter().filter_map(|matched| finding(policy, matched)).collect();
    findings.extend(stale(policy, evidence));
    if evidence.packages == 0 {
        let message = "Cargo.lock names no package of a registry: there was nothing to look up";
        findings.push(Finding::new(
            Gate::Advisories,
            "no-packages",
            Severity::Note,
            message,
            "nothing to do",
        ));
    }
    let facts = serde_json::json!({
        "packages": evidence.packages,
        "matches": evidence.matches.len(),
        "snapshot": {
            "date": evidence.snapshot_date,
            "commit": evidence.snapshot_commit,
            "age_days": evidence.snapshot_age_days,
        },
    });
    GateVerdict::of(Gate::Advisories, duration_ms, facts, findings)
}

fn finding(policy: &AdvisoriesPolicy, matched: &AdvisoryMatch) -> Option<Finding> {
    let (what, level) = match matched.kind {
        AdvisoryKind::Vulnerability => ("vulnerability", policy.vulnerability),
        AdvisoryKind::Unsound => ("unsound", policy.unsound),
        AdvisoryKind::Unmaintained => ("unmaintained", policy.unmaintained),
        AdvisoryKind::Notice => ("notice", policy.notice),
    };
    let severity = match (level, matched.source) {
        (Level::Off, _) => return None,
        (Level::Refuse, PackageSource::Registry) => Severity::Error,
        (Level::Refuse | Level::Warn, _) => Severity::Warning,
    };
    let from_git = match matched.source {
        PackageSource::Registry => "",
        PackageSource::Git => " (from git: its code may be newer than its version, so this does not refuse)",
    };
    let AdvisoryMatch { id, package, version, title, line, url, .. } = matched;
    let message = format!("{id}: {package} {version}: {title}{from_git}");
    let help = format!("{}; {url}", way_out(matched));
    Some(Finding::new(Gate::Advisories, what, severity, message, help).at(LOCKFILE, *line))
}

fn stale(policy: &AdvisoriesPolicy, evidence: &AdvisoriesEvidence) -> Option<Finding> {
    let (age, limit) = (evidence.snapshot_age_days, policy.snapshot_age_days_max);
    let message = format!(
        "the advisory snapshot of {} is {age} days old, more than {limit}: newer advisories are not known",
        evidence.snapshot_date
    );
    let help =
        "update gateline, or refresh the snapshot: gateline security snapshot --from PATH_TO_ADVISORY_DB";
    (age > limit).then(|| Finding::new(Gate::Advisories, "stale-snapshot", Severity::Warning, message, help))
}

/// The smallest upgrade that is fixed, as the next command to type.
fn way_out(matched: &AdvisoryMatch) -> String {
    let AdvisoryMatch { package, version, .. } = matched;
    let who = format!("cargo tree -i {package}@{version}");
    let Some((fixed, current)) = smallest_fix(matched) else {
        return format!("no fixed version is known: replace it; `{who}` shows who needs it");
    };
    if !compatible(&current, &fixed.version) {
        let target = fixed.requirement();
        return format!(
            "raise its requirement to `{package} = \"{target}\"` in the manifest that `{who}` shows"
        );
    }
    match fixed.bound {
        Bound::Itself => format!("cargo update -p {package}@{version} --precise {}", fixed.version),
        Bound::Above => format!("cargo update -p {package}@{version}"),
    }
}

/// The lowest version that a `patched` requirement lets in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fixed {
    version: Version,
    bound: Bound,
}

/// Whether the bound itself is fixed (`>= 1.2.3`) or only what is above it (`> 1.2.3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Itself,
    Above,
}

impl Fixed {
    fn requirement(&self) -> String {
        match self.bound {
            Bound::Itself => format!(">= {}", self.version),
            Bound::Above => format!("> {}", self.version),
        }
    }
}

fn smallest_fix(matched: &AdvisoryMatch) -> Option<(Fixed, Version)> {
    let current: Version = matched.version.parse().ok()?;
    let requirements = matched.patched.iter().filter_map(|text| text.parse::<VersionReq>().ok());
    let bounds = requirements.filter_map(|requirement| requirement.comparators.iter().find_map(lower_bound));
    let fixed = bounds.filter(|fixed| fixed.version >= current).min()?;
    Some((fixed, current))
}

fn lower_bound(comparator: &Comparator) -> Option<Fixed> {
    let bound = match comparator.op {
        Op::Greater => Bound::Above,
        Op::GreaterEq | Op::Exact | Op::Caret | Op::Tilde | Op::Wildcard => Bound::Itself,
        _ => return None,
    };
    let version = Version {
        pre: comparator.pre.clone(),
        ..Version::new(comparator.major, comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0))
    };
    Some(Fixed { version, bound })
}

/// Whether cargo goes from one to the other without a change of a manifest.
fn compatible(from: &Version, to: &Version) -> bool {
    let leading = |version: &Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    leading(from) == leading(to)
}

#[cfg(test)]
mod tests;
