//! `policies/tests.yaml`: how tests are run.

mod senseless;

pub use senseless::Senseless;

use super::FeatureSet;
use super::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// More retries than this are no test any more.
pub const RETRIES_MAX: u8 = 2;

/// How tests are run, one process per test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestsPolicy {
    /// Who runs the tests. Default builtin.
    pub engine: Engine,
    /// The profile of nextest's configuration. Default `ci` in CI, where it has one of that name, else `default`.
    pub nextest_profile: Option<String>,
    /// A test that runs longer is killed with its whole process group and fails. Default 120.
    pub timeout_secs: u64,
    /// A test that runs longer is told while it runs, and named in the report. Default 60; 0 names none.
    pub slow_secs: u64,
    /// How often a test that did not pass is tried again.
    pub retries: Retries,
    /// What a test does that did not pass and then passed. Default allow, which is a warning. One test alone is let through by
    /// a waiver for `tests/flaky`.
    pub flaky: FlakyLevel,
    /// Where a test fails here: whether the report says how it ends at the base (docs/reference/tests-gate.md). Default
    /// recorded. It refuses in any case.
    pub failing_on_base: FailingOnBase,
    /// Tests that run even where they are marked `#[ignore]`. Names as reports show them; `*` stands for any characters. One
    /// that names no test, or a test that did not run, refuses.
    pub must_run: Vec<String>,
    /// Tests that run before all others, one after the other, with `first_timeout_secs`: they prepare what others use.
    /// Names as reports show them: `package::target$module::test`.
    pub first: Vec<String>,
    /// The timeout of those. Default 900.
    pub first_timeout_secs: u64,
    /// Fewer tests than the baseline of the base has (docs/reference/coverage-gate.md). Default warn.
    pub fewer: Level,
    /// Whether documentation tests run. Default true.
    pub doctests: bool,
    /// Variables that tests receive besides the declared minimum (PATH, HOME, TMPDIR, USER, LANG, CARGO_*).
    pub environment: Vec<String>,
    /// Feature sets that are compiled and tested, each `default`, `all`, `none` or names with commas between. The first
    /// is the one that lint looks at, and whose tests have their plain names; tests of the others end in
    /// ` [features: SET]`. A further set takes the packages that it changes. Default `[default]`.
    pub features: Vec<FeatureSet>,
    /// Targets that cannot be compiled here (a benchmark that needs nightly), each with the reason: they are neither compiled
    /// nor linted nor run, and every report names them as not checked. Names as reports show them: `package::bench/NAME`,
    /// `package::example/NAME`, `package::bin/NAME`, or `package::NAME` for an integration test. A library cannot be left
    /// out. A name that no target has refuses. Default none.
    pub leave_out: BTreeMap<String, String>,
    /// Globs of files that no test looks at: `--affected` runs nothing for them. `*` and `?` stand for parts of a name, `**`
    /// for folders: `docs/**`. Default none.
    pub unaffected_by: Vec<String>,
    /// Globs of files that tests look at though their package does not own them: `--affected` runs everything for them.
    /// Default none.
    pub inputs: Vec<String>,
    /// What tests need as partners: `doctor` looks for it and `setup` installs it. Of `openssl`, `skopeo`, `umoci`,
    /// `docker-registry`, `cargo-nextest`, `cargo-llvm-cov`, `llvm-tools`, `cargo-audit`, `cargo-deny`, `cargo-shear`,
    /// `diff-cover`, `gitleaks`, `zizmor`, `github-openapi`, `github-events`, `actions-core`, `cyclonedx-schemas`.
    pub partners: Vec<String>,
}

/// Who runs the tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The suite itself.
    #[default]
    Builtin,
    /// cargo-nextest where it is installed, else the suite itself.
    Auto,
    /// cargo-nextest; without it the gate cannot run.
    Nextest,
}

/// How often a test that did not pass is tried again; at most 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retries {
    /// On somebody's machine. Default 0: who works on a test wants to see it fail.
    pub local: u8,
    /// In CI. Default 1.
    pub ci: u8,
}

/// What a flaky test does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlakyLevel {
    /// It is shown as a warning.
    #[default]
    Allow,
    /// It refuses.
    Refuse,
}

/// How it is known that a test fails at the base too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailingOnBase {
    /// From the base's baseline, where there is one. The test still refuses, under the code `tests/failed-on-base`.
    #[default]
    Recorded,
    /// From the base's baseline, else by compiling the base apart and running there the tests that fail here.
    Run,
    /// It is not looked for.
    Off,
}

impl Default for Retries {
    fn default() -> Self {
        Retries { local: 0, ci: 1 }
    }
}

impl Default for TestsPolicy {
    fn default() -> Self {
        TestsPolicy {
            engine: Engine::default(),
            nextest_profile: None,
            timeout_secs: 120,
            slow_secs: 60,
            retries: Retries::default(),
            flaky: FlakyLevel::default(),
            failing_on_base: FailingOnBase::default(),
            must_run: Vec::new(),
            first: Vec::new(),
            first_timeout_secs: 900,
            fewer: Level::Warn,
            doctests: true,
            environment: Vec::new(),
            features: vec![FeatureSet::Default],
            leave_out: BTreeMap::new(),
            unaffected_by: Vec::new(),
            inputs: Vec::new(),
            partners: Vec::new(),
        }
    }
}

impl TestsPolicy {
    /// Whether a test runs even where it is marked `#[ignore]`.
    pub fn must_run(&self, name: &str) -> bool {
        self.must_run.iter().any(|pattern| self.means(pattern, name))
    }

    /// Whether a test runs before all others.
    pub fn goes_first(&self, name: &str) -> bool {
        self.first.iter().any(|first| first == name || first == self.plain_name(name))
    }

    /// Whether a pattern means this test: in every feature set, unless it names one.
    pub fn means(&self, pattern: &str, name: &str) -> bool {
        is_like(pattern, name) || is_like(pattern, self.plain_name(name))
    }

    /// What a further feature set is asked, whose tests have plain names while they run.
    #[must_use]
    pub fn of_set(&self, set: &FeatureSet) -> TestsPolicy {
        let suffix = set.suffix();
        let plain = |names: &[String]| {
            names.iter().map(|name| name.strip_suffix(&suffix).unwrap_or(name).to_owned()).collect()
        };
        TestsPolicy { must_run: plain(&self.must_run), first: plain(&self.first), ..self.clone() }
    }

    /// A test's name without the further feature set that it ran in.
    fn plain_name<'a>(&self, name: &'a str) -> &'a str {
        let further = self.features.iter().skip(1);
        further.filter_map(|set| name.strip_suffix(&set.suffix())).next().unwrap_or(name)
    }
}

/// Whether a name is what a pattern says, where `*` stands for any characters.
pub fn is_like(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod proof {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stands_for_anything() {
        let like = |pattern, name| is_like(pattern, name);
        assert!(
            like("p::lib$a", "p::lib$a")
                && like("p::*$a*", "p::it$abc")
                && like("*", "")
                && like("a*b", "ab")
        );
        assert!(
            !like("p::lib$a", "p::lib$ab") && !like("a*a", "a") && !like("*x*y", "ayx") && !like("", "a")
        );
    }

    #[test]
    fn a_name_means_the_test_in_every_set_unless_it_names_one() {
        let policy = TestsPolicy {
            features: vec![FeatureSet::Default, FeatureSet::None],
            first: vec!["p::it$first".into(), "p::it$alone [features: none]".into()],
            must_run: vec!["p::lib$*".into()],
            ..TestsPolicy::default()
        };
        assert!(policy.goes_first("p::it$first") && policy.goes_first("p::it$first [features: none]"));
        assert!(policy.goes_first("p::it$alone [features: none]") && !policy.goes_first("p::it$alone"));
        assert!(!policy.goes_first("p::it$first [features: all]"), "a set that the policy does not have");
        assert!(policy.must_run("p::lib$a [features: none]") && policy.must_run("p::lib$a"));
        assert_eq!(policy.of_set(&FeatureSet::None).first, ["p::it$first", "p::it$alone"]);
    }

    proptest! {
        #[test]
        fn what_was_made_from_a_name_is_like_it(parts in prop::collection::vec("[a-c]{0,3}", 1..5), gaps in "[a-c]{0,4}") {
            let name = parts.join(&gaps);
            prop_assert!(is_like(&parts.join("*"), &name));
        }

        #[test]
        fn without_a_star_only_the_same_is_like_it(pattern in "[a-c]{0,3}", name in "[a-c]{0,3}") {
            prop_assert_eq!(is_like(&pattern, &name), pattern == name);
        }
    }
}
