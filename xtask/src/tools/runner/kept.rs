//! Kept: what the tests of a binary proved, and the raw profiles that they left, for the next run on this machine.
//!
//! Results are used again where the exact inputs are equal (DESIGN §6): the bytes of the test program and of the programs
//! that cargo hands it, its environment, the policy of the tests, the toolchain, and every file that the package owns,
//! depends on or shares. Which files those are says the same rule as for `--affected` ([`crate::workspace::graph`]): results
//! are used again exactly where nothing that changed since would mark the package. Another commit is fine.
//!
//! Only what passed at its first attempt and left no process behind is kept, and for a week. What is skipped for a missing
//! partner runs again. Tests that the policy puts first prepare what others use: they are used again only where everything is.
//! A file that git ignores is no input, nor is the outside world: that is why CI and releases never use results again.

mod identity;
mod record;

use super::profiles::{DOCUMENTATION_PREFIX, prefix_of};
use crate::digest::{Digest, Hasher};
use crate::evidence::TestsEvidence;
use crate::evidence::reused::{self, EarlierRun, Reused};
use crate::evidence::tests::{TestOutcome, TestResult};
use crate::policy::TestsPolicy;
use crate::tools::build::{Compiled, TestBinary};
use crate::tools::{affected, git, remember};
use crate::workspace::graph::{Differences, Graph, Rules, affected as mark};
use crate::workspace::{Repository, Workspace};
use crate::world::World;
use identity::{Program, Programs};
use jiff::{SignedDuration, Timestamp};
use record::{Entry, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// After a week the outside has changed too much: certificates end, dates come that no test had thought of.
const KEPT_HOURS_MAX: i64 = 7 * 24;
/// The name of all documentation tests together among the entries.
const DOCUMENTATION: &str = "doc";

/// What is kept of one feature set, and which of it still counts.
#[derive(Debug)]
pub struct Kept {
    target: PathBuf,
    /// The feature set, as a part of a file's name.
    set: String,
    /// The last run's.
    record: Record,
    /// Packages whose inputs are the same as in that run.
    unaffected: BTreeSet<String>,
    /// Packages with documentation tests.
    documented: Vec<String>,
    /// Everything else that results depend on.
    conditions: Digest,
    now: EarlierRun,
    changed: BTreeMap<String, String>,
    lockfile: Option<String>,
    identity: OnceLock<Digest>,
}

/// What is used again in this run.
#[derive(Debug, Default)]
pub struct Chosen {
    /// By the binary's place among all.
    binaries: BTreeMap<usize, Entry>,
    documentation: Option<Entry>,
    /// Of every binary, as it was before its tests ran; `None` where it cannot be told.
    identities: Vec<Option<Digest>>,
    /// The digests behind them.
    programs: BTreeMap<PathBuf, Program>,
}

/// What a run is about, for [`Kept::open`].
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The workspace and its repository.
    pub workspace: &'a Workspace,
    /// What the policy says of tests.
    pub policy: &'a TestsPolicy,
    /// The digest of the toolchain.
    pub toolchain: &'a Digest,
    /// The variables that every test sees, their own temporary folder left out.
    pub environment: &'a BTreeMap<String, String>,
}

impl Kept {
    /// Reads what is kept for what was compiled, and finds out which packages have the same inputs as then.
    pub async fn open(world: &World, compiled: &Compiled, setting: Setting<'_>) -> Arc<Kept> {
        let Setting { workspace, policy, .. } = setting;
        let repository = &workspace.repository;
        let (target, set) = (compiled.cargo.target_directory.clone(), compiled.cargo.features.file_name());
        let conditions = conditions(compiled, setting);
        let changed = identity::states(&workspace.root, &repository.changed);
        let lockfile = std::fs::read_to_string(workspace.root.join("Cargo.lock")).ok();
        let now = EarlierRun { at: world.now(), commit: repository.commit.clone(), dirty: workspace.dirty() };
        let documented = compiled.cargo.with_doctests().filter(|_| policy.doctests);
        let documented = documented.map(|(package, _)| package.name.to_string()).collect();
        let record: Option<Record> = remember::said(&target, &record_of(&set), &conditions);
        let mut record = record.unwrap_or_default();
        record.entries.retain(|_, entry| is_young(entry.from.at, now.at));
        let mut unaffected = BTreeSet::new();
        if !record.entries.is_empty()
            && let Some(paths) = differing(world, workspace, &record, &changed).await
        {
            let graph = affected::graph(&compiled.cargo.root, &compiled.cargo.packages);
            let names: Vec<&str> = graph.packages.keys().map(String::as_str).collect();
            let lockfile = affected::between(record.lockfile.as_deref(), lockfile.as_deref(), &names);
            unaffected = same(&graph, Differences { paths, lockfile }, policy);
        }
        let identity = OnceLock::new();
        Arc::new(Kept {
            target,
            set,
            record,
            unaffected,
            documented,
            conditions,
            now,
            changed,
            lockfile,
            identity,
        })
    }

    /// The folder of this set's raw profiles.
    fn folder(&self) -> PathBuf {
        self.target.join("gateline/kept").join(&self.set)
    }

    /// What can be used again, with its raw profiles copied to this run's where lines are counted. Reads every program: call it
    /// from a blocking thread.
    pub fn choose(&self, binaries: &[TestBinary], first: &[String], profiles: Option<&Path>) -> Chosen {
        let mut programs = Programs::new(&self.record.programs);
        let mut chosen = Chosen::default();
        for (index, binary) in binaries.iter().enumerate() {
            let identity = programs.identity(binary);
            let package = binary.name.split("::").next().unwrap_or_default();
            let entry = self.record.entries.get(&binary.name).filter(|_| self.unaffected.contains(package));
            let entry = entry.filter(|entry| self.serves(entry, profiles));
            let same = entry.filter(|entry| identity.as_ref() == Some(&entry.identity));
            chosen.binaries.extend(same.map(|entry| (index, entry.clone())));
            chosen.identities.push(identity);
        }
        chosen.programs = programs.seen;
        let all_documented = self.documented.iter().all(|package| self.unaffected.contains(package));
        let documentation = self.record.entries.get(DOCUMENTATION).filter(|_| all_documented);
        chosen.documentation = documentation.filter(|entry| self.serves(entry, profiles)).cloned();
        let without_documentation = self.documented.is_empty() || chosen.documentation.is_some();
        if chosen.binaries.len() < binaries.len() || !without_documentation {
            let goes_first = |index: &usize| {
                let of = |test: &String| test.split('$').next() == Some(binaries[*index].name.as_str());
                first.iter().any(of)
            };
            chosen.binaries.retain(|index, _| !goes_first(index));
        }
        if let Some(profiles) = profiles {
            self.bring_profiles(&mut chosen, profiles);
        }
        chosen
    }

    fn serves(&self, entry: &Entry, profiles: Option<&Path>) -> bool {
        profiles.is_none() || entry.profiles.as_ref().is_some_and(|kept| self.folder().join(kept).is_dir())
    }

    /// Copies the kept raw profiles to those of this run; what cannot be copied is not used again.
    fn bring_profiles(&self, chosen: &mut Chosen, profiles: &Path) {
        let bring = |entry: &Entry, prefix: &str| {
            let kept = entry.profiles.as_ref().map(|kept| self.folder().join(kept));
            kept.is_some_and(|kept| record::copy_in(&kept, profiles, prefix).is_ok())
        };
        chosen.binaries.retain(|index, entry| bring(entry, &prefix_of(*index)));
        chosen.documentation = chosen.documentation.take().filter(|entry| bring(entry, DOCUMENTATION_PREFIX));
    }

    /// Keeps what this run proved, for the next. What cannot be kept is measured again then. Call it from a blocking thread.
    pub fn keep(
        &self,
        binaries: &[TestBinary],
        evidence: &TestsEvidence,
        chosen: &Chosen,
        profiles: Option<&Path>,
    ) {
        let now = &self.now;
        let mut results: BTreeMap<&str, Vec<&TestResult>> = BTreeMap::new();
        for test in &evidence.tests {
            let binary = test.name.split('$').next().unwrap_or_default();
            let of = if is_documentation(binary) { DOCUMENTATION } else { binary };
            results.entry(of).or_default().push(test);
        }
        let lost = |binary: &str| {
            evidence.counts_lost.iter().any(|test| test.split('$').next() == Some(binary))
                || evidence.empty.iter().any(|empty| empty == binary)
                || evidence.broken.iter().any(|broken| broken.name == binary)
        };
        let run = now.at.as_nanosecond().to_string();
        let mut record = Record {
            programs: chosen.programs.clone(),
            commit: self.now.commit.clone(),
            changed: self.changed.clone(),
            lockfile: self.lockfile.clone(),
            ..Record::default()
        };
        let stopped = evidence.tests.iter().any(|test| matches!(test.outcome, TestOutcome::NotRun(_)));
        let proved = |name: &str| -> Option<Vec<TestResult>> {
            // No test at all is an answer too, unless they were not started.
            let tests = results.get(name).map_or(&[][..], Vec::as_slice);
            let is_missing = tests.is_empty() && stopped;
            (!is_missing && !lost(name) && tests.iter().all(|test| proves(test)))
                .then(|| tests.iter().map(|test| (*test).clone()).collect())
        };
        let fresh = |identity: Digest, tests: Vec<TestResult>, prefix: &str| {
            let kept = profiles.and_then(|profiles| {
                let name = format!("{run}/{}", prefix.trim_end_matches('-'));
                record::copy_out(profiles, &self.folder().join(&name), prefix).ok().map(|()| name)
            });
            Entry { identity, from: now.clone(), tests, profiles: kept }
        };
        for ((index, binary), identity) in binaries.iter().enumerate().zip(&chosen.identities) {
            let entry = match (chosen.binaries.get(&index), identity) {
                (Some(entry), _) => Some(entry.clone()),
                (None, Some(identity)) => {
                    proved(&binary.name).map(|tests| fresh(identity.clone(), tests, &prefix_of(index)))
                }
                (None, None) => None,
            };
            record.entries.extend(entry.map(|entry| (binary.name.clone(), entry)));
        }
        let documentation = match &chosen.documentation {
            Some(entry) => Some(entry.clone()),
            None => proved(DOCUMENTATION)
                .filter(|_| !self.documented.is_empty())
                .filter(|_| !evidence.broken.iter().any(|broken| is_documentation(&broken.name)))
                .map(|tests| fresh(self.conditions.clone(), tests, DOCUMENTATION_PREFIX)),
        };
        record.entries.extend(documentation.map(|entry| (DOCUMENTATION.to_owned(), entry)));
        remember::keep_said(&self.target, &record_of(&self.set), &self.conditions, &record);
        record.sweep(&self.folder());
        let everything = binaries.iter().all(|binary| record.entries.contains_key(&binary.name))
            && (self.documented.is_empty() || record.entries.contains_key(DOCUMENTATION));
        if everything && record.entries.values().all(|entry| entry.profiles.is_some()) {
            let _ = self.identity.set(record.identity());
        }
    }

    /// What names the raw profiles of this run, where all of them are kept: the same name, the same counts.
    pub fn identity(&self) -> Option<&Digest> {
        self.identity.get()
    }
}

impl Chosen {
    /// Whether the binary at this place is used again.
    pub fn has(&self, index: usize) -> bool {
        self.binaries.contains_key(&index)
    }

    /// Whether the documentation tests are.
    pub fn has_documentation(&self) -> bool {
        self.documentation.is_some()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.binaries.values().chain(&self.documentation)
    }

    /// The results.
    pub fn tests(&self) -> impl Iterator<Item = TestResult> {
        self.entries().flat_map(|entry| entry.tests.iter().cloned())
    }

    /// The runs that they come from.
    pub fn told(&self) -> Vec<Reused> {
        let mut all = Vec::new();
        for entry in self.entries() {
            let tests = entry.tests.len() as u64;
            reused::add(&mut all, Reused { from: entry.from.clone(), binaries: 1, tests });
        }
        all
    }
}

/// The name under which the record of a feature set is remembered.
fn record_of(set: &str) -> String {
    format!("tests-{set}")
}

fn is_young(at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age <= SignedDuration::from_hours(KEPT_HOURS_MAX)
}

/// `package::doc`
fn is_documentation(binary: &str) -> bool {
    binary == DOCUMENTATION || binary.ends_with("::doc")
}

/// A pass at the first attempt, with nothing left behind; what is ignored has no outcome that could change.
fn proves(test: &TestResult) -> bool {
    matches!(test.outcome, TestOutcome::Passed | TestOutcome::Ignored)
        && test.attempts.is_empty()
        && test.left_behind.is_empty()
}

/// What every result depends on besides files and programs.
fn conditions(compiled: &Compiled, setting: Setting<'_>) -> Digest {
    let mut hasher = Hasher::default();
    hasher.field(&serde_json::to_vec(setting.policy).unwrap_or_default());
    hasher.field(setting.toolchain.hex().as_bytes());
    hasher.field(compiled.wrapper.to_string_lossy().as_bytes());
    hasher.field(compiled.cargo.root.to_string_lossy().as_bytes());
    for (name, value) in setting.environment {
        hasher.field(name.as_bytes());
        hasher.field(value.as_bytes());
    }
    hasher.finish()
}

/// Paths whose contents are not those of the recorded run; `None` where that cannot be told.
async fn differing(
    world: &World,
    workspace: &Workspace,
    record: &Record,
    changed: &BTreeMap<String, String>,
) -> Option<BTreeSet<String>> {
    let Repository { commit, .. } = &workspace.repository;
    let mut paths: BTreeSet<String> = record.changed.keys().chain(changed.keys()).cloned().collect();
    if *commit != record.commit {
        let range = [record.commit.as_str(), commit.as_str()];
        paths.extend(git::names_between(world, &workspace.root, range).await.ok()?);
    }
    let now = identity::states(&workspace.root, &paths);
    paths.retain(|path| {
        let (before, now) = (record.changed.get(path), now.get(path));
        before.is_none() || before != now || now.is_none_or(|state| identity::is_unsure(state))
    });
    Some(paths)
}

/// Packages that none of this touches.
fn same(graph: &Graph, differences: Differences, policy: &TestsPolicy) -> BTreeSet<String> {
    let rules = Rules { unaffected_by: &policy.unaffected_by, inputs: &policy.inputs };
    let affected = mark(graph, &differences, rules).packages;
    graph.packages.keys().filter(|name| !affected.contains_key(*name)).cloned().collect()
}

#[cfg(test)]
mod tests;
