//! Releases of the real desk, prepared once for all stories: two good ones and two bad ones.
//!
//! Their images are built by `gateline image build` from this repository. Their evidence is made here: these stories
//! roll out, the gates have stories of their own.

use super::{GATELINE, repository};
use gateline::digest::Digest;
use gateline::evidence::advisories::AdvisoriesEvidence;
use gateline::evidence::coverage::{CoverageEvidence, FileCoverage};
use gateline::evidence::lint::LintEvidence;
use gateline::evidence::secrets::SecretsEvidence;
use gateline::evidence::tests::{TestOutcome, TestResult, TestsEvidence};
use gateline::evidence::workflows::WorkflowsEvidence;
use gateline::evidence::{BansEvidence, LicencesEvidence, ScannersEvidence, SourcesEvidence};
use gateline::evidence::{Evidence, GateEvidence, ImageEvidence, Measured, PolicyEvidence, SCHEMA, Subject};
use gateline::policy::Policy;
use gateline::release::attest::statement::{Built, Predicate, Statement, VerdictPredicate, provenance};
use gateline::release::{Candidate, Release};
use gateline::tools::signing;
use gateline::verdict::{Gate, Outcome};
use gateline::world::World;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A prepared image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    /// Good.
    One,
    /// Good, with another digest.
    Two,
    /// Answers 500 as soon as it was ready once.
    Bad,
    /// Answers 300 ms later.
    Slow,
}

impl Image {
    const ALL: [Image; 4] = [Image::One, Image::Two, Image::Bad, Image::Slow];

    fn name(self) -> &'static str {
        match self {
            Image::One => "one",
            Image::Two => "two",
            Image::Bad => "bad",
            Image::Slow => "slow",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Image::One => &["--arg=--lame-duck-millis", "--arg=100"],
            Image::Two => &["--arg=--lame-duck-millis", "--arg=101"],
            Image::Bad => &["--features", "faults", "--arg=--fault", "--arg=errors-after-ready"],
            Image::Slow => &["--features", "faults", "--arg=--fault", "--arg=slow-replies"],
        }
    }
}

/// The folder of the prepared images; builds them where the sources are newer. The first test of a run does it for all.
#[expect(clippy::disallowed_methods, reason = "stories start real processes")]
pub(crate) fn prepared() -> PathBuf {
    let folder = repository().join("target/gateline/stories");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let lock = std::fs::File::create(folder.join("lock")).expect("the lock can be made");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("the lock can be had");
    let stamp = folder.join("stamp");
    let now = sources();
    if std::fs::read_to_string(&stamp).is_ok_and(|before| before == now) {
        return folder;
    }
    for image in Image::ALL {
        let output = folder.join(image.name());
        let _ = std::fs::remove_dir_all(&output);
        let mut build = Command::new(GATELINE);
        build
            .args(["image", "build", "--output"])
            .arg(&output)
            .args(image.arguments())
            .current_dir(repository());
        let built = build.output().expect("gateline starts");
        assert!(built.status.success(), "image {}: {}", image.name(), String::from_utf8_lossy(&built.stderr));
    }
    std::fs::write(stamp, now).expect("the stamp can be written");
    folder
}

/// What the images are made from, in one digest: the desk's sources, the manifests and the suite itself.
fn sources() -> String {
    let mut files = vec![repository().join("Cargo.lock"), repository().join("Cargo.toml"), GATELINE.into()];
    walk(&repository().join("src"), &mut files);
    files.sort();
    let mut hasher = gateline::digest::Hasher::default();
    for file in files {
        hasher.field(file.as_os_str().as_encoded_bytes());
        hasher.field(&std::fs::read(&file).unwrap_or_default());
    }
    hasher.finish().to_string()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
        if entry.path().is_dir() { walk(&entry.path(), files) } else { files.push(entry.path()) }
    }
}

/// Puts a prepared image as the newest release of a workspace; its evidence passes the workspace's policy, and is signed with the key
/// of the state directory.
pub(crate) fn put(image: Image, (workspace, state): (&Path, &Path), policy: &Policy, commit: &str) -> Digest {
    let folder = workspace.join("target/gateline/release");
    let _ = std::fs::remove_dir_all(&folder);
    let layout = folder.join("image");
    copy(&prepared().join(image.name()), &layout);
    let digest = index_digest(&layout);
    let evidence = passing(policy, commit, &digest);
    let file = serde_json::to_vec(&evidence).expect("evidence serialises");
    let proof = gateline::gates::verdict(policy, &evidence, &Gate::FOR_RELEASE)
        .passed()
        .expect("the evidence passes");
    let candidate = Candidate {
        digest: digest.clone(),
        service: "desk".into(),
        version: "1.0.0".into(),
        commit_time: Timestamp::UNIX_EPOCH,
        size_bytes: 1,
    };
    attest(&layout, state, &evidence, &file);
    let release = Release::new(&proof, candidate, &evidence, &file, Timestamp::UNIX_EPOCH);
    std::fs::write(folder.join("evidence.json"), file).expect("the evidence can be written");
    std::fs::write(folder.join("release.json"), serde_json::to_vec(&release).expect("a release serialises"))
        .expect("the release can be written");
    digest
}

/// Says of an image what `ship` says, and signs it.
fn attest(layout: &Path, state: &Path, evidence: &Evidence, file: &[u8]) {
    let (subject, image) = (&evidence.subject, index_digest(layout));
    let gates = Gate::FOR_RELEASE.iter().map(|gate| (gate.name().to_owned(), Outcome::Passed));
    let verdict = VerdictPredicate {
        gateline: "story".into(),
        commit: subject.commit.clone(),
        tree: subject.tree.clone(),
        policy: subject.policy.clone(),
        toolchain: subject.toolchain.clone(),
        evidence: Digest::of(file),
        outcome: Outcome::Passed,
        gates: gates.collect(),
    };
    let world = World::real().expect("the world");
    let now = world.now();
    let how = provenance(&Built {
        commit: &subject.commit,
        repository: None,
        lockfile: &subject.tree,
        toolchain: (std::collections::BTreeMap::new(), &subject.toolchain),
        parameters: serde_json::json!({}),
        version: "story",
        times: (now, now),
    });
    let bill = serde_json::json!({"bomFormat": "CycloneDX", "specVersion": "1.6"});
    let said = [
        Statement::new("desk", &image, Predicate::Provenance, &how),
        Statement::new("desk", &image, Predicate::Sbom, &bill),
        Statement::new("desk", &image, Predicate::Verdict, &verdict),
    ];
    let said: Vec<Statement> = said.into_iter().map(|one| one.expect("plain data")).collect();
    let key = signing::of_state(&world, state).expect("the key can be made");
    gateline::tools::evidence::attach(layout, &image, &said, &key).expect("the evidence is attached");
}

fn passing(policy: &Policy, commit: &str, image: &Digest) -> Evidence {
    let digest = Digest::of(commit.as_bytes());
    let test = TestResult::new("a::lib$b", TestOutcome::Passed);
    let file = FileCoverage {
        file: "a.rs".into(),
        package: "a".into(),
        covered: 9,
        total: 10,
        uncovered: vec![(3, 3)],
        ..FileCoverage::default()
    };
    let gates = GateEvidence {
        lint: measured(LintEvidence { files: 1, packages: 1, ..LintEvidence::default() }),
        tests: measured(TestsEvidence { tests: vec![test], ..TestsEvidence::default() }),
        coverage: measured(CoverageEvidence {
            engine: "story".into(),
            files: vec![file],
            ..CoverageEvidence::default()
        }),
        advisories: measured(AdvisoriesEvidence { packages: 1, ..AdvisoriesEvidence::default() }),
        licences: measured(LicencesEvidence::default()),
        bans: measured(BansEvidence::default()),
        sources: measured(SourcesEvidence::default()),
        scanners: measured(ScannersEvidence::default()),
        secrets: measured(SecretsEvidence { files: 1, ..SecretsEvidence::default() }),
        workflows: measured(WorkflowsEvidence::default()),
        policy: measured(PolicyEvidence::default()),
        image: measured(ImageEvidence { digest: image.clone(), size_bytes: 1, largest: vec![] }),
    };
    let subject = Subject {
        commit: commit.into(),
        dirty: false,
        tree: digest.clone(),
        policy: policy.hash(),
        toolchain: digest,
    };
    Evidence { schema: SCHEMA.into(), subject, change: None, uncompared: None, gates }
}

#[expect(clippy::unnecessary_wraps, reason = "every gate's evidence is optional")]
fn measured<E>(evidence: E) -> Option<Measured<E>> {
    Some(Measured { result: Ok(evidence), duration_millis: 1 })
}

fn index_digest(layout: &Path) -> Digest {
    let index = std::fs::read(layout.join("index.json")).expect("the layout has an index");
    let index: serde_json::Value = serde_json::from_slice(&index).expect("the index is JSON");
    index["manifests"][0]["digest"].as_str().expect("it names the image").parse().expect("it is a digest")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder can be read").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}
