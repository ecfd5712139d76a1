//! Stories of `github release` and `github pin`: a version goes public once it is proven and whole, whatever breaks on the way.

use crate::fake::{Fault, What};
use crate::story::Story;
use crate::support::fixture::Fixture;
use crate::support::git;
use gateline::digest::Digest;
use gateline::evidence::coverage::{CoverageEvidence, FileCoverage};
use gateline::evidence::tests::{TestOutcome, TestResult, TestsEvidence};
use gateline::evidence::{
    AdvisoriesEvidence, BansEvidence, Evidence, GateEvidence, LicencesEvidence, LintEvidence, Measured,
    PolicyEvidence, SCHEMA, ScannersEvidence, SecretsEvidence, SourcesEvidence, Subject, WorkflowsEvidence,
};
use gateline::exit::Exit;
use gateline::policy::Policy;
use gateline::world::{Clock, World};
use serde_json::json;

const PROGRAM: &str = "gateline-x86_64-unknown-linux-gnu";
const CHANGELOG: &str =
    "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.0.0] - 2026-11-29\n\n### Added\n\n- Everything.\n";

/// A repository with a tagged version, its evidence and its files, before a GitHub that has the tag.
struct Version {
    story: Story,
    fixture: Fixture,
    head: String,
}

impl Version {
    fn new(mut story: Story) -> Version {
        let fixture = Fixture::of(
            "a repository",
            &[
                ("Cargo.toml", "[package]\nname = \"gateline\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
                ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"gateline\"\nversion = \"1.0.0\"\n"),
                ("src/main.rs", "//! A program.\nfn main() {}\n"),
                (".gitignore", "target\n"),
                ("CHANGELOG.md", CHANGELOG),
            ],
        );
        git(&fixture.workspace, &["tag", "v1.0.0"]);
        let head = git(&fixture.workspace, &["rev-parse", "HEAD"]);
        let outside = World::real().unwrap();
        for (name, value) in outside.environment() {
            let needed = ["PATH", "HOME", "CARGO", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
            if needed.contains(&name.as_str()) {
                story.set(name, value);
            }
        }
        story.set("GITHUB_REF", "refs/tags/v1.0.0");
        story.set("GITHUB_SHA", &head);
        story.event("push", &json!({"after": head, "before": null, "repository": {"full_name": "o/r", "default_branch": "main"}}));
        story.fake.state().releases.references =
            [("tags/v1.0.0".to_owned(), head.clone()), ("heads/main".to_owned(), head.clone())].into();
        let version = Version { story, fixture, head };
        version.evidence(|_| {});
        std::fs::create_dir(version.story.file("assets")).unwrap();
        for name in [PROGRAM, "gateline-x86_64-unknown-linux-gnu.tar.gz"] {
            std::fs::write(version.story.file("assets").join(name), name).unwrap();
        }
        version
    }

    /// Writes evidence that passes, and is then changed.
    fn evidence(&self, change: impl FnOnce(&mut Evidence)) {
        let world =
            World::with(self.story.variables.clone(), self.fixture.workspace.clone(), Clock::system());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let workspace =
            runtime.block_on(gateline::tools::metadata::workspace(&world, &self.fixture.workspace)).unwrap();
        let mut evidence = Evidence {
            schema: SCHEMA.to_owned(),
            subject: Subject {
                commit: workspace.repository.commit.clone(),
                dirty: false,
                tree: workspace.repository.tree.clone(),
                policy: Policy::default().hash(),
                toolchain: Digest::of(b""),
            },
            change: None,
            uncompared: None,
            gates: passing(),
        };
        change(&mut evidence);
        std::fs::write(self.story.file("evidence.json"), serde_json::to_vec(&evidence).unwrap()).unwrap();
    }

    fn run(&self, verb: &str, more: &[&str]) -> Exit {
        let workspace = self.fixture.workspace.to_str().unwrap();
        self.story.run(verb, &[&["--workspace", workspace], more].concat())
    }

    /// Published, whole, once.
    #[track_caller]
    fn is_public(&self) {
        self.story.fake.is_content();
        let state = self.story.fake.state();
        let it = &state.releases;
        assert_eq!(it.all.len(), 1, "{:#?}", state.log);
        let (release, mut names) = (&it.all[0], vec![]);
        assert_eq!(
            (&release["draft"], &release["tag_name"], &release["name"]),
            (&json!(false), &json!("v1.0.0"), &json!("v1.0.0"))
        );
        assert_eq!(
            (&release["body"], &release["prerelease"]),
            (&json!("### Added\n\n- Everything."), &json!(false))
        );
        for (_, asset) in &it.assets {
            assert_eq!(asset["state"], "uploaded");
            names.push(asset["name"].as_str().unwrap().to_owned());
        }
        names.sort();
        assert_eq!(
            names,
            ["SHA256SUMS", PROGRAM, "gateline-x86_64-unknown-linux-gnu.tar.gz"],
            "{:#?}",
            state.log
        );
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every gate's evidence is optional")]
fn measured<E>(evidence: E) -> Option<Measured<E>> {
    Some(Measured { result: Ok(evidence), duration_millis: 1 })
}

fn passing() -> GateEvidence {
    let test = TestResult::new("t", TestOutcome::Passed);
    let file = FileCoverage {
        file: "a".into(),
        package: "a".into(),
        covered: 9,
        total: 10,
        ..FileCoverage::default()
    };
    let coverage = CoverageEvidence { engine: "e".into(), files: vec![file], ..CoverageEvidence::default() };
    GateEvidence {
        lint: measured(LintEvidence { files: 1, packages: 1, ..LintEvidence::default() }),
        tests: measured(TestsEvidence { tests: vec![test], ..TestsEvidence::default() }),
        coverage: measured(coverage),
        advisories: measured(AdvisoriesEvidence { packages: 1, ..AdvisoriesEvidence::default() }),
        licences: measured(LicencesEvidence::default()),
        bans: measured(BansEvidence::default()),
        sources: measured(SourcesEvidence::default()),
        secrets: measured(SecretsEvidence { files: 1, ..SecretsEvidence::default() }),
        workflows: measured(WorkflowsEvidence::default()),
        scanners: measured(ScannersEvidence::default()),
        policy: measured(PolicyEvidence::default()),
        image: None,
    }
}

#[test]
fn a_version_is_a_draft_until_all_of_it_was_read_back() {
    let version = Version::new(story!());
    assert_eq!(version.run("release", &["--dry-run"]), Exit::Done);
    assert_eq!(version.run("release", &["--dry-run", "--format", "json"]), Exit::Done);
    assert_eq!(version.story.fake.requests(), (0, 0), "a dry run asks nothing");
    assert_eq!(version.run("release", &["v1.0.0"]), Exit::Done);
    version.is_public();
    {
        let state = version.story.fake.state();
        let writes: Vec<&String> = state.log.iter().filter(|line| !line.starts_with("GET ")).collect();
        assert_eq!(writes.len(), 5, "a draft, three files, the publication: {writes:#?}");
        assert!(
            writes[0].starts_with("POST /repos/o/r/releases?") && writes[4].starts_with("PATCH "),
            "{writes:#?}"
        );
    }
    version.story.fake.forget_log();
    assert_eq!(version.run("release", &[]), Exit::Done, "the same again");
    assert_eq!(version.story.fake.requests().1, 0);
    // The list that people check with says what the files are.
    let list = format!("{}  {PROGRAM}\n", Digest::of(PROGRAM.as_bytes()).hex());
    let digest = version
        .story
        .fake
        .state()
        .releases
        .assets
        .iter()
        .find(|(_, one)| one["name"] == "SHA256SUMS")
        .unwrap()
        .1["digest"]
        .clone();
    let archive = "gateline-x86_64-unknown-linux-gnu.tar.gz";
    let list = format!("{list}{}  {archive}\n", Digest::of(archive.as_bytes()).hex());
    assert_eq!(digest, json!(Digest::of(list.as_bytes()).to_string()));
}

#[test]
fn no_fault_doubles_a_release_or_loses_a_file() {
    let places = [
        ("GET", "/commits/{ref}"),
        ("GET", "/releases"),
        ("POST", "/releases"),
        ("GET", "/assets"),
        ("POST", "/assets"),
        ("PATCH", "/{release_id}"),
        ("GET", "/{release_id}"),
    ];
    let faults = [
        What::Answer(500, vec![], "Server Error"),
        What::DoneAnd(502),
        What::Reset,
        What::DoneAndBroken,
        What::Answer(429, vec![("retry-after", "7".to_owned())], "secondary rate limit"),
    ];
    for (method, at) in places {
        for what in &faults {
            let version = Version::new(story!());
            version.story.fake.state().faults = vec![Fault { method, at, what: what.clone() }];
            assert_eq!(version.run("release", &[]), Exit::Done, "{method} {at} {what:?}");
            version.is_public();
            assert!(version.story.fake.state().faults.is_empty(), "{method} {at} was not asked");
        }
    }
}

#[test]
fn what_is_left_of_a_run_that_died_is_gone_on_with() {
    let version = Version::new(story!());
    // It dies while it sends the first file: half of it keeps the name taken.
    version.story.fake.state().faults =
        vec![Fault { method: "POST", at: "/assets", what: What::Answer(401, vec![], "no") }];
    assert_eq!(version.run("release", &[]), Exit::Infrastructure);
    {
        let mut state = version.story.fake.state();
        let id = state.releases.all[0]["id"].as_u64().unwrap();
        let half = json!({"id": 5, "name": PROGRAM, "state": "open", "size": 3, "digest": null, "label": null, "url": "https://x/a",
            "node_id": "n", "content_type": "x", "download_count": 0, "uploader": null, "browser_download_url": "https://x/a",
            "created_at": "2026-11-29T00:00:00Z", "updated_at": "2026-11-29T00:00:00Z"});
        state.releases.assets.push((id, half));
        state.releases.all[0]["body"] = json!("older notes");
    }
    assert_eq!(version.run("release", &[]), Exit::Done);
    version.is_public();
}

#[test]
fn what_is_not_what_was_sent_is_never_published() {
    let version = Version::new(story!());
    version.story.fake.state().releases.damages = true;
    assert_eq!(version.run("release", &[]), Exit::Refused);
    assert_eq!(version.story.fake.state().releases.all[0]["draft"], true);
    assert_eq!(version.run("release", &[]), Exit::Refused, "other bytes stay refused");

    let version = Version::new(story!());
    version.story.fake.state().releases.tells_no_digests = true;
    assert_eq!(version.run("release", &[]), Exit::Refused, "what cannot be read back is not published");

    let version = Version::new(story!());
    version.story.fake.state().releases.upload_elsewhere = Some("https://uploads.evil.example");
    assert_eq!(version.run("release", &[]), Exit::Infrastructure, "a token goes to GitHub only");
    assert!(version.story.fake.state().releases.assets.is_empty());

    let version = Version::new(story!());
    assert_eq!(version.run("release", &[]), Exit::Done);
    std::fs::write(version.story.file("assets").join(PROGRAM), "another program").unwrap();
    version.story.fake.forget_log();
    assert_eq!(version.run("release", &[]), Exit::Refused, "a published version is never changed");
    assert_eq!(version.story.fake.requests().1, 0);
    version.is_public();
}

#[test]
fn what_is_not_proven_is_refused_before_github_is_asked() {
    let version = Version::new(story!());
    let refused = |what: &str, more: &[&str], exit: Exit| {
        assert_eq!(version.run("release", more), exit, "{what}");
        assert_eq!(version.story.fake.requests(), (0, 0), "{what}");
    };
    refused("another tag", &["v1.0.1"], Exit::Refused);
    refused("no token may be used", &["--offline"], Exit::Usage);
    refused("no files", &["--assets", "nowhere"], Exit::Infrastructure);
    version.evidence(|evidence| evidence.subject.commit = "c".repeat(40));
    refused("evidence of another commit", &[], Exit::Refused);
    version.evidence(|evidence| evidence.gates.tests = None);
    refused("evidence that does not pass", &[], Exit::Refused);
    version.evidence(|evidence| evidence.subject.policy = Digest::of(b"other"));
    refused("other policies", &[], Exit::Refused);
    std::fs::remove_file(version.story.file("evidence.json")).unwrap();
    refused("no evidence", &[], Exit::Refused);
    version.evidence(|_| {});
    version.fixture.write("src/main.rs", "//! Changed.\nfn main() {}\n");
    refused("changes", &[], Exit::Refused);
    git(&version.fixture.workspace, &["commit", "--all", "--quiet", "--message", "later"]);
    version.evidence(|_| {});
    refused("the tag of another commit", &[], Exit::Refused);
    version.fixture.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- a\n");
    git(&version.fixture.workspace, &["commit", "--all", "--quiet", "--message", "no notes"]);
    git(&version.fixture.workspace, &["tag", "--force", "v1.0.0"]);
    version.evidence(|_| {});
    refused("no notes", &[], Exit::Usage);
    git(&version.fixture.workspace, &["tag", "--delete", "v1.0.0"]);
    refused("no such tag here", &[], Exit::Usage);
}

#[test]
fn a_tag_that_github_does_not_have_is_never_made_by_a_release() {
    let version = Version::new(story!());
    version.story.fake.state().releases.references.insert("tags/v1.0.0".into(), "d".repeat(40));
    assert_eq!(version.run("release", &[]), Exit::Refused, "at another commit");
    version.story.fake.state().releases.references.clear();
    assert_eq!(version.run("release", &[]), Exit::Refused, "not there");
    assert_eq!(version.story.fake.requests().1, 0);
}

#[test]
fn the_pin_is_proposed_once_and_says_what_was_published() {
    let version = Version::new(story!());
    let base = ["--base", "main"];
    let pin = |more: &[&str]| version.run("pin", &[&base[..], more].concat());
    assert_eq!(pin(&[]), Exit::Refused, "nothing is published yet");
    assert_eq!(version.run("release", &[]), Exit::Done);
    version.story.fake.forget_log();
    assert_eq!(pin(&["--dry-run"]), Exit::Done);
    assert_eq!(version.story.fake.requests().1, 0);
    assert_eq!(pin(&[]), Exit::Done);
    let place = |branch: &str| (branch.to_owned(), "action/pin".to_owned());
    let expected = format!(
        "version 1.0.0\ncommit {}\nsha256 {} {PROGRAM}\n",
        version.head,
        Digest::of(PROGRAM.as_bytes()).hex()
    );
    let written = version.story.fake.state().releases.files[&place("gateline/pin-v1.0.0")].clone();
    assert_eq!(written, expected);
    assert_eq!(version.story.fake.requests().1, 3, "a branch, a commit, a pull request");
    version.story.fake.forget_log();
    assert_eq!(pin(&[]), Exit::Done, "the same again");
    assert_eq!(version.story.fake.requests().1, 0);
    version.story.fake.state().releases.files.insert(place("main"), expected);
    assert_eq!(pin(&[]), Exit::Done, "it is in force");
    assert_eq!(version.story.fake.state().releases.requests.len(), 1);
    version.story.fake.is_content();
    // Files that are not those of the list are pinned by nobody.
    let other = json!(Digest::of(b"other").to_string());
    version.story.fake.state().releases.assets[0].1["digest"] = other;
    assert_eq!(pin(&["--dry-run"]), Exit::Refused);
    assert_eq!(version.run("pin", &["--base", "a b"]), Exit::Usage);
    assert_eq!(pin(&["main"]), Exit::Usage, "no tag of a version");
    assert_eq!(pin(&["--offline"]), Exit::Usage);
}

#[test]
fn no_fault_doubles_the_proposal() {
    let places = [
        ("GET", "/git/ref/{ref}"),
        ("POST", "/git/refs"),
        ("GET", "/contents/{path}"),
        ("PUT", "/contents/{path}"),
        ("GET", "/pulls"),
        ("POST", "/pulls"),
    ];
    for (method, at) in places {
        for what in [What::Answer(500, vec![], "Server Error"), What::DoneAnd(502), What::DoneAndBroken] {
            let version = Version::new(story!());
            assert_eq!(version.run("release", &[]), Exit::Done);
            version
                .story
                .fake
                .state()
                .releases
                .files
                .insert(("main".into(), "action/pin".into()), "version 0.9.0\n".into());
            version.story.fake.state().faults = vec![Fault { method, at, what: what.clone() }];
            assert_eq!(version.run("pin", &[]), Exit::Done, "{method} {at} {what:?}");
            version.story.fake.is_content();
            let state = version.story.fake.state();
            assert_eq!((state.releases.requests.len(), state.faults.len()), (1, 0), "{:#?}", state.log);
            let written = &state.releases.files[&("gateline/pin-v1.0.0".to_owned(), "action/pin".to_owned())];
            assert!(written.starts_with("version 1.0.0\n"), "{written}");
        }
    }
}
