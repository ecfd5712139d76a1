//! The smallest upgrade that is fixed, as the next command to type.

use crate::evidence::advisories::{AdvisoryKind, AdvisoryMatch};
use semver::{Comparator, Op, Version, VersionReq};

/// What to type, or what to change.
pub(super) fn way_out(matched: &AdvisoryMatch) -> String {
    let AdvisoryMatch { package, version, .. } = matched;
    let who = format!("cargo tree -i {package}@{version}");
    if matched.kind == AdvisoryKind::Yanked {
        return format!(
            "cargo update -p {package}@{version}; where that takes none, `{who}` shows who holds it"
        );
    }
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
