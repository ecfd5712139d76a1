//! `ship`: gates → image → development → staging → production.
//!
//! What is live is compared first: the same tree, policy and toolchain mean that no release is made. A release that was
//! made from the same inputs and is not live everywhere yet goes on from where it is.

mod summary;

use super::context::{Context, InForce, write_report};
use super::gates::{self, Ask};
use super::image;
use super::outputs;
use super::signed;
use super::site::{Consent, Site, serves, service_name};
use crate::digest::short_commit;
use crate::evidence::{Evidence, Subject};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::platform::store::{self, EVIDENCE_FILE, IMAGE_FOLDER, RELEASE_FILE};
use crate::release::Release;
use crate::tools::runner::INSIDE_GATE;
use crate::verdict::{Gate, Outcome, Verdict};
use crate::workspace::Workspace;
use std::path::Path;
use summary::{Place, Stage, Summary, human};

/// Whether earlier releases count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// A release of the same inputs is used.
    Allowed,
    /// `--fresh`: everything is done again.
    Never,
}

impl From<bool> for Reuse {
    fn from(fresh: bool) -> Reuse {
        if fresh { Reuse::Never } else { Reuse::Allowed }
    }
}

/// `ship`.
pub(super) async fn ship(
    context: &Context,
    consent: Consent,
    reuse: Reuse,
    overriding: Option<String>,
) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    refuse_inside_its_own_gates(context, &workspace)?;
    let in_force = context.policy(&workspace).await?;
    service_name(&workspace, &in_force)?;
    refuse_dirty(&workspace)?;
    if workspace.repository.branch.is_none() {
        context.console.note(format!(
            "  ! HEAD is detached at {}: the release is of that commit",
            short_commit(&workspace.repository.commit)
        ));
    }
    let reports = context.reports(&workspace);
    let _lock = only_one(&reports)?;
    let subject = context.subject(&workspace, &in_force).await?;
    let mut run = Run { context, stages: Vec::new(), verdict: String::new() };
    let folder = reports.join("release");
    let earlier = match reuse {
        Reuse::Allowed => made_before(&folder, &subject)?,
        Reuse::Never => None,
    };
    let mut site = run.timed("platform", Site::of(context, &workspace, in_force)).await?;
    let names: Vec<String> =
        site.in_force.policy.rollout.environments.iter().map(|one| one.name.clone()).collect();
    site.override_with(overriding, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    if let Some(release) = &earlier
        && live_everywhere(&mut site, release).await?
    {
        context.console.note(
            "  = nothing changed: this tree, policy and toolchain serve already, and no release is made",
        );
        run.verdict = passed_before(release);
        return run.summary(&mut site, &workspace, Some(release), Exit::Done, false).await;
    }
    let release = match earlier {
        Some(release) => {
            context
                .console
                .note(format!("  = release {} was made from the same inputs", release.digest.short()));
            run.verdict = passed_before(&release);
            release
        }
        None => match run.make(&workspace, &site.in_force, subject, &folder).await? {
            Ok(release) => release,
            Err(exit) => return Ok(exit),
        },
    };
    outputs::of_image(context, &release.digest);
    let mut exit = Exit::Done;
    for environment in site.in_force.policy.rollout.environments.clone() {
        let name = environment.name.clone();
        exit = run.timed(&name, site.roll_out(Some(&release.digest), &name, consent)).await?;
        if exit != Exit::Done {
            break;
        }
    }
    run.summary(&mut site, &workspace, Some(&release), exit, true).await
}

struct Run<'a> {
    context: &'a Context,
    stages: Vec<Stage>,
    /// The verdict in one line.
    verdict: String,
}

impl Run<'_> {
    async fn timed<T>(
        &mut self,
        stage: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let start = self.context.world.monotonic();
        let done = work.await;
        let took = self.context.world.monotonic().saturating_sub(start);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.stages.push(Stage { stage: stage.to_owned(), millis });
        done
    }

    /// Gates, image, release. A refusal is a value: the exit code.
    async fn make(
        &mut self,
        workspace: &Workspace,
        in_force: &InForce,
        subject: Subject,
        folder: &Path,
    ) -> anyhow::Result<Result<Release, Exit>> {
        let context = self.context;
        let mut evidence = self
            .timed(
                "gates",
                gates::measure(context, workspace, in_force, subject, &Ask::gates(&Gate::OF_WORKSPACE)),
            )
            .await?;
        let verdict = gates::conclude(context, workspace, in_force, &evidence, &Gate::OF_WORKSPACE)?;
        if verdict.outcome != Outcome::Passed {
            return Ok(Err(self.refused(workspace, &evidence, &verdict)));
        }
        remove(folder)?;
        let layout = folder.join(IMAGE_FOLDER);
        let made = self.timed("image", image::candidate(context, workspace, in_force, &layout)).await?;
        evidence.gates.image = Some(made.evidence.clone());
        let verdict = gates::conclude(context, workspace, in_force, &evidence, &Gate::FOR_RELEASE)?;
        self.verdict = in_one_line(&verdict);
        let Some(proof) = verdict.passed() else {
            return Ok(Err(self.refused(workspace, &evidence, &verdict)));
        };
        refuse_change_meanwhile(&context.workspace().await?, workspace)?;
        let (evidence_file, release) = seal(&proof, made.candidate.clone(), &evidence, context.world.now())?;
        let said = signed::said(&verdict, &evidence, &evidence_file);
        self.timed("evidence", signed::attach(context, workspace, in_force, &made, &said)).await?;
        write_report(&folder.join(EVIDENCE_FILE), &evidence_file)?;
        write_report(&folder.join(RELEASE_FILE), &serde_json::to_vec_pretty(&release)?)?;
        Ok(Ok(release))
    }

    fn refused(&self, workspace: &Workspace, evidence: &Evidence, verdict: &Verdict) -> Exit {
        let report = self.context.reports(workspace).join("verdict.json");
        let report = workspace.shown(&report).display().to_string();
        let paper = self.context.console.paper();
        let text = |_| crate::report::human::verdict(paper, verdict, Some(evidence), &report);
        self.context.console.verdict(verdict, text);
        if verdict.outcome == Outcome::Refused {
            self.context.console.note("nothing was deployed");
        }
        verdict.outcome.exit()
    }

    async fn summary(
        self,
        site: &mut Site<'_>,
        workspace: &Workspace,
        release: Option<&Release>,
        exit: Exit,
        changed: bool,
    ) -> anyhow::Result<Exit> {
        let environments = places(site).await?;
        let url = environments.last().map_or(String::new(), |place| place.url.clone());
        let last = environments.last().map_or(String::new(), |place| place.environment.clone());
        let next = vec![
            format!("curl -i {url}/health"),
            "cargo xtask status".to_owned(),
            format!("cargo xtask rollback {last}"),
            "cargo xtask local down".to_owned(),
        ];
        let summary = Summary {
            schema: "gateline/ship/v1",
            changed,
            outcome: match exit {
                Exit::Done if changed => "done",
                Exit::Done => "nothing changed",
                _ => exit.meaning(),
            },
            verdict: self.verdict,
            digest: release.map(|release| release.digest.clone()),
            commit: workspace.repository.commit.clone(),
            stages: self.stages,
            environments,
            next,
        };
        self.context.console.result(&summary, |style| human(style, &summary));
        Ok(exit)
    }
}

fn seal(
    proof: &crate::verdict::Passed,
    candidate: crate::release::Candidate,
    evidence: &Evidence,
    now: jiff::Timestamp,
) -> anyhow::Result<(Vec<u8>, Release)> {
    let file = serde_json::to_vec_pretty(evidence)?;
    let release = Release::new(proof, candidate, evidence, &file, now);
    Ok((file, release))
}

/// The release that was made here from exactly these inputs.
fn made_before(folder: &Path, subject: &Subject) -> anyhow::Result<Option<Release>> {
    let Some((_, release)) = store::open(folder)? else { return Ok(None) };
    let release = release.claimed().clone();
    let same = release.tree == subject.tree
        && release.policy == subject.policy
        && release.toolchain == subject.toolchain;
    Ok((same && !subject.dirty).then_some(release))
}

async fn live_everywhere(site: &mut Site<'_>, release: &Release) -> anyhow::Result<bool> {
    for environment in site.in_force.policy.rollout.environments.clone() {
        if !serves(&site.seen(&environment).await?, &release.digest) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn places(site: &mut Site<'_>) -> anyhow::Result<Vec<Place>> {
    let mut places = Vec::new();
    for environment in site.in_force.policy.rollout.environments.clone() {
        let seen = site.seen(&environment).await?;
        let serving = seen.weights.shares.iter().find(|share| share.weight == 100);
        places.push(Place {
            environment: environment.name,
            url: format!("http://127.0.0.1:{}", seen.port),
            digest: serving.map(|share| share.digest.clone()),
        });
    }
    Ok(places)
}

/// The outcome with the numbers of each gate.
fn in_one_line(verdict: &Verdict) -> String {
    let facts =
        verdict.gates.iter().map(|gate| format!("{} {}", gate.gate, crate::report::human::facts(gate)));
    let outcome = if verdict.outcome == Outcome::Passed { "passed" } else { "not passed" };
    format!("{outcome}\n        {}", facts.collect::<Vec<_>>().join("\n        "))
}

fn passed_before(release: &Release) -> String {
    format!("passed at {}, same inputs", release.made_at.strftime("%Y-%m-%d %H:%M:%S UTC"))
}

fn refuse_inside_its_own_gates(context: &Context, workspace: &Workspace) -> anyhow::Result<()> {
    let inside = context.world.env(INSIDE_GATE).is_some_and(|root| Path::new(root) == workspace.root);
    if inside {
        let message =
            "a test of this workspace started `ship` on it, inside the gates of a `ship`: it would never end";
        return Err(Failure::usage(message, "let the test use a prepared release, or another workspace"));
    }
    Ok(())
}

fn refuse_dirty(workspace: &Workspace) -> anyhow::Result<()> {
    let Some(first) = workspace.repository.changed.first() else { return Ok(()) };
    let (more, differ) = match workspace.repository.changed.len() {
        1 => (String::new(), "differs"),
        count => (format!(" and {} more", count - 1), "differ"),
    };
    let message = format!(
        "{first}{more} {differ} from commit {}: a release is of a commit",
        short_commit(&workspace.repository.commit)
    );
    Err(Failure::usage(message, "git commit -a, or git stash; `cargo xtask ci` judges the tree as it is"))
}

fn refuse_change_meanwhile(now: &Workspace, before: &Workspace) -> anyhow::Result<()> {
    if now.repository.tree != before.repository.tree {
        let message =
            "the tree changed while the gates and the build looked at it, so the evidence is of another tree";
        return Err(Failure::infrastructure(message, "cargo xtask ship"));
    }
    Ok(())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::infrastructure(
            format!("failed to empty {}: {error}", folder.display()),
            "check its owner",
        )),
        _ => Ok(()),
    }
}

/// At most one `ship` in a workspace: the lock is the kernel's, so a killed one leaves nothing behind.
fn only_one(reports: &Path) -> anyhow::Result<std::fs::File> {
    let file = reports.join("ship.lock");
    let unwritable = |error: std::io::Error| {
        Failure::infrastructure(
            format!("failed to write {}: {error}", file.display()),
            "check the folder's owner and space",
        )
    };
    std::fs::create_dir_all(reports).map_err(unwritable)?;
    let lock = std::fs::File::create(&file).map_err(unwritable)?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(_) => Err(Failure::infrastructure(
            "another `ship` works on this workspace",
            "wait for it; cargo xtask status shows how far it is",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_ship_is_turned_away_and_the_lock_dies_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let first = only_one(folder.path()).unwrap();
        assert!(only_one(folder.path()).unwrap_err().to_string().contains("another `ship`"));
        drop(first);
        assert!(only_one(folder.path()).is_ok());
    }
}
