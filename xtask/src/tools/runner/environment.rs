//! The environment of tests: declared, not inherited, so that a laptop's settings cannot decide an outcome
//! (`NO_COLOR` breaks tests of real crates) and a test cannot steer the CI system. What cargo's configuration sets belongs to
//! the workspace, and comes as cargo would give it.

use crate::tools::cargo::CI_STEERING;
use crate::tools::cargo::configured::{Force, Variable};
use std::collections::BTreeMap;

/// Set in every test to the workspace whose gates run; a `ship` of that workspace refuses to run inside them.
pub const INSIDE_GATE: &str = "GATELINE_INSIDE_GATE";

/// What tests inherit: where programs, the home, the toolchains and the language are.
const DECLARED: [&str; 11] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "CARGO",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
];

/// The variables that tests see: the declared ones of `world` and those that the policy names, what cargo's configuration sets,
/// and ours.
pub(super) fn declared(
    world: &BTreeMap<String, String>,
    by_policy: &[String],
    configured: BTreeMap<String, Variable>,
    temporary: &str,
    root: &str,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<_, _> = world
        .iter()
        .filter(|(name, _)| is_passed(name, by_policy))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (name, Variable { value, force }) in configured {
        if !CI_STEERING.contains(&name.as_str())
            && (force == Force::Replace || !environment.contains_key(&name))
        {
            environment.insert(name, value);
        }
    }
    let backtrace = world.get("RUST_BACKTRACE").map_or("1", String::as_str);
    environment.entry("RUST_BACKTRACE".to_owned()).or_insert_with(|| backtrace.to_owned());
    environment.insert("TMPDIR".to_owned(), temporary.to_owned());
    environment.insert(INSIDE_GATE.to_owned(), root.to_owned());
    environment
}

/// Whether tests see this variable of the world.
pub(super) fn is_passed(name: &str, by_policy: &[String]) -> bool {
    let named = DECLARED.contains(&name) || by_policy.iter().any(|one| one == name);
    named && !CI_STEERING.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_declared_or_named_comes_through() {
        let names = ["PATH", "NO_COLOR", "GITHUB_ENV", "DATABASE_URL", "TMPDIR"];
        let world = names.map(|name| (name.to_owned(), "old".to_owned())).into();
        let by_policy = ["DATABASE_URL".to_owned(), "GITHUB_ENV".to_owned()];
        let said = |value: &str, force| Variable { value: value.to_owned(), force };
        let configured = [
            ("PATH", said("mine", Force::Yield)),
            ("DATABASE_URL", said("mine", Force::Replace)),
            ("NO_COLOR", said("mine", Force::Yield)),
            ("GITHUB_ENV", said("mine", Force::Replace)),
            ("TMPDIR", said("mine", Force::Replace)),
        ];
        let configured = configured.map(|(name, one)| (name.to_owned(), one)).into();
        let environment = declared(&world, &by_policy, configured, "/tmp/own", "/w");
        let shown: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "DATABASE_URL=mine",
            "GATELINE_INSIDE_GATE=/w",
            "NO_COLOR=mine",
            "PATH=old",
            "RUST_BACKTRACE=1",
            "TMPDIR=/tmp/own",
        ];
        assert_eq!(shown, expected);
    }
}
