//! The environment of tests: declared, not inherited, so that a laptop's settings cannot decide an outcome
//! (`NO_COLOR` breaks tests of real crates) and a test cannot steer the CI system.

use crate::tools::cargo::CI_STEERING;
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

/// The variables of `world` that tests see: the declared ones, those that the policy names, and two of ours.
pub(super) fn declared(
    world: &BTreeMap<String, String>,
    by_policy: &[String],
    temporary: &str,
    root: &str,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<_, _> = world
        .iter()
        .filter(|(name, _)| is_passed(name, by_policy))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let backtrace = world.get("RUST_BACKTRACE").map_or("1", String::as_str);
    environment.insert("RUST_BACKTRACE".to_owned(), backtrace.to_owned());
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
        let environment = declared(&world, &by_policy, "/tmp/own", "/w");
        let shown: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "DATABASE_URL=old",
            "GATELINE_INSIDE_GATE=/w",
            "PATH=old",
            "RUST_BACKTRACE=1",
            "TMPDIR=/tmp/own",
        ];
        assert_eq!(shown, expected);
    }
}
