//! Which advisories a change's base has already: by its lockfile, read from git.

use super::{LookedUp, applies, source_of};
use crate::evidence::advisories::{AdvisoriesEvidence, AdvisoryKind, AdvisoryMatch, LockfileOfBase, OnBase};
use crate::tools::dependencies::lockfile::{self, Lockfile};
use crate::workspace::Change;
use crate::workspace::change::{BaseKind, Uncompared};
use std::collections::BTreeSet;

/// The evidence, with what the base has of each advisory. Only a base that the work goes into can have brought one in; where it should
/// be read and cannot be, everything counts as new.
///
/// `of_base` is the lockfile of the base, `None` where it has none; or why it could not be read. Pure.
pub fn against(
    found: LookedUp,
    change: Option<&Change>,
    uncompared: Option<&Uncompared>,
    of_base: Result<Option<&str>, &str>,
) -> AdvisoriesEvidence {
    let base = match (change, uncompared) {
        (Some(change), _) if change.base.kind == BaseKind::Target => &change.base.commit,
        (None, Some(Uncompared::NoBase { message, .. })) => {
            return with(found.evidence, LockfileOfBase::Unreadable { why: message.clone() });
        }
        _ => return with(found.evidence, LockfileOfBase::Nothing),
    };
    let text = of_base
        .map_err(str::to_owned)
        .and_then(|text| text.ok_or_else(|| format!("{base} has no {}", lockfile::NAME)));
    match text.and_then(|text| Lockfile::parse(text).map_err(|why| why.message)) {
        Ok(lockfile) => {
            let mut evidence = mark(found, &lockfile);
            evidence.compared = LockfileOfBase::Base { commit: base.clone() };
            evidence
        }
        Err(why) => with(found.evidence, LockfileOfBase::Unreadable { why }),
    }
}

fn with(evidence: AdvisoriesEvidence, compared: LockfileOfBase) -> AdvisoriesEvidence {
    AdvisoriesEvidence { compared, ..evidence }
}

/// Marks what this lockfile has already. Pure.
///
/// A version that replaces another one to which the same advisory applies is no worse than it; one more such version is new.
pub(super) fn mark(found: LookedUp, base: &Lockfile) -> AdvisoriesEvidence {
    let LookedUp { mut evidence, advisories } = found;
    let on_base = |matched: &AdvisoryMatch| -> BTreeSet<&str> {
        let same = base.packages.iter().filter(|package| {
            package.name == matched.package
                && package.source.as_deref().and_then(source_of) == Some(matched.source)
        });
        same.map(|package| package.version.as_str()).collect()
    };
    let here: BTreeSet<(String, String, String)> = evidence.matches.iter().map(key).collect();
    let mut replaced: BTreeSet<(String, String, String)> = BTreeSet::new();
    for matched in &mut evidence.matches {
        let versions = on_base(matched);
        if versions.contains(matched.version.as_str()) {
            matched.on_base = OnBase::Same;
            continue;
        }
        if matched.kind == AdvisoryKind::Yanked {
            continue;
        }
        let Some(facts) = advisories.get(&matched.id) else { continue };
        let vulnerable =
            |version: &&&str| version.parse().is_ok_and(|version| applies(facts, &version).unwrap_or(false));
        let gone = versions
            .iter()
            .filter(vulnerable)
            .map(|version| (matched.id.clone(), matched.package.clone(), (*version).to_owned()));
        // Each version that went away stands for one that came.
        if let Some(other) = gone.into_iter().find(|key| !here.contains(key) && !replaced.contains(key)) {
            replaced.insert(other);
            matched.on_base = OnBase::OtherVersion;
        }
    }
    evidence
}

fn key(matched: &AdvisoryMatch) -> (String, String, String) {
    (matched.id.clone(), matched.package.clone(), matched.version.clone())
}
