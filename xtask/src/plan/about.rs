//! What `explain` says of a step besides its reason: the policy keys that ask for it, what it reads and writes, and how
//! to run it alone.

use super::Step;

/// What is to be known of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The policy keys that ask for it: file, and the start of the keys' paths.
    pub keys: Vec<(&'static str, String)>,
    /// What it reads.
    pub reads: &'static str,
    /// What it writes.
    pub writes: &'static str,
    /// The command that does this step and what it needs, and nothing else.
    pub alone: String,
}

/// What is to be known of a step.
pub fn about(step: &Step) -> About {
    let (keys, reads, writes, alone): (&[(&'static str, &str)], _, _, &str) = match step {
        Step::Policy => (
            &[("waivers.yaml", ""), ("approvers.yaml", "")],
            "policies/ here, and of the base where there is one; approvals under refs/gateline/approvals/",
            "the gate `policy` in evidence.json",
            "cargo xtask ci --gate policy",
        ),
        Step::Format => (
            &[("lint.yaml", "rustfmt")],
            "every Rust file of the packages, rustfmt.toml",
            "nothing: differences go into evidence.json",
            "cargo xtask lint",
        ),
        Step::Advisories => (
            &[("security.yaml", "advisories")],
            "Cargo.lock here and at the base, cargo's resolution, the advisory database",
            "the gate `advisories` in evidence.json, security/advisories.md",
            "cargo xtask ci --gate advisories",
        ),
        Step::Licences => (
            &[("security.yaml", "licences")],
            "Cargo.lock, and what cargo says of each package's manifest; files that clarifications name",
            "the gate `licences` in evidence.json",
            "cargo xtask ci --gate licences",
        ),
        Step::Bans => (
            &[("security.yaml", "bans")],
            "Cargo.lock here and of the base, what cargo says of each package's manifest, Rust files of members",
            "the gate `bans` in evidence.json",
            "cargo xtask ci --gate bans",
        ),
        Step::Sources => (
            &[("security.yaml", "sources")],
            "Cargo.lock, the workspace's manifest and its .cargo/config.toml",
            "the gate `sources` in evidence.json",
            "cargo xtask ci --gate sources",
        ),
        Step::Scanners => (
            &[("security.yaml", "scanners")],
            "the reports that the policy names",
            "the gate `scanners` in evidence.json, without secrets",
            "cargo xtask ci --gate scanners",
        ),
        Step::Secrets => (
            &[("security.yaml", "secrets")],
            "every file that git tracks",
            "the gate `secrets` in evidence.json, redacted",
            "cargo xtask ci --gate secrets",
        ),
        Step::Workflows => (
            &[("security.yaml", "workflows")],
            ".github/workflows and every action.yml; zizmor's answer about them, where it is installed",
            "the gate `workflows` in evidence.json",
            "cargo xtask ci --gate workflows",
        ),
        Step::Compile => (
            &[("lint.yaml", ""), ("tests.yaml", "features")],
            "sources, manifests, Cargo.lock, cargo's configuration",
            "cargo's target directory",
            "cargo xtask lint",
        ),
        Step::Test => (
            &[("tests.yaml", "")],
            "the test programs that were compiled, the last run's times",
            "the gate `tests` in evidence.json; raw profiles where coverage is wanted",
            "cargo xtask test",
        ),
        Step::Coverage => (
            &[("coverage.yaml", "")],
            "raw profiles of this run, the programs that wrote them, sources, the base's baseline",
            "coverage.lcov, the gate `coverage` in evidence.json",
            "cargo xtask coverage",
        ),
        Step::Judge => (
            &[
                ("lint.yaml", ""),
                ("tests.yaml", ""),
                ("coverage.yaml", ""),
                ("security.yaml", ""),
                ("waivers.yaml", ""),
            ],
            "evidence and the policies in force",
            "verdict.json and evidence.json in the report folder",
            "cargo xtask ci",
        ),
        Step::Image => (
            &[("image.yaml", "")],
            "the binary of the service's package",
            "an OCI layout in target/gateline",
            "cargo xtask image build",
        ),
        Step::Release => (
            &[("image.yaml", ""), ("rollout.yaml", "environments")],
            "a verdict that passed, and the image",
            "release.json and evidence.json in target/gateline/release",
            "cargo xtask ship",
        ),
        Step::RollOut { environment } => {
            return About {
                keys: vec![("rollout.yaml", "environments".to_owned())],
                reads: "the release with its evidence, and the platform's state",
                writes: "the platform's journal and store",
                alone: format!("cargo xtask deploy {environment}"),
            };
        }
    };
    let keys = keys.iter().map(|(file, key)| (*file, (*key).to_owned())).collect();
    About { keys, reads, writes, alone: alone.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Goal, plan};
    use crate::policy::{Policy, origin, parse};

    #[test]
    fn every_step_of_the_plan_is_explained_and_its_keys_exist() {
        let policy = Policy::default();
        let text = parse::to_yaml(&policy).unwrap();
        let section = |file: &str| {
            let parts = text.split("# policies/").filter_map(|part| part.split_once('\n'));
            parts.into_iter().find(|(name, _)| *name == file).map(|(_, text)| text.to_owned())
        };
        let people = parse::PEOPLE_FILES;
        for planned in plan(&policy, &Goal::Ship).steps {
            let (about, name) = (about(&planned.step), planned.step.name());
            assert!(!planned.why.is_empty() && !about.reads.is_empty() && !about.writes.is_empty(), "{name}");
            assert!(about.alone.starts_with("cargo xtask "), "{name}: {}", about.alone);
            for (file, key) in about.keys {
                let known = section(file).is_some_and(|section| {
                    origin::leaves(&section).iter().any(|leaf| leaf.path.starts_with(&key))
                });
                assert!(known || people.contains(&file), "{name}: {file} has no {key}");
            }
        }
    }
}
