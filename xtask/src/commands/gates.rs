//! `ci`, `test`, `coverage`, `lint`, `security`: measure, judge, report.

mod at_base;
mod base;
mod baseline;
mod compare;
mod compile;
mod coverage;
mod failed;
mod linters;
mod measure;
mod merge;
mod policy;
mod reports;
mod rollup;
mod security;
mod select;
mod sets;
mod tests;

use super::context::{Context, InForce};
use super::{doctor, outputs};
use crate::cli::{Against, Ci, CiVerb, Fresh, GateName, Select};
use crate::evidence::part::AffectedPart;
use crate::evidence::{CouldNotRun, Evidence, Subject};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::human;
use crate::tools::cargo::Cargo;
use crate::tools::runner::Capture;
use crate::verdict::{Gate, Verdict};
use crate::workspace::Workspace;
use measure::Measurer;
use std::path::PathBuf;

pub(super) use baseline::{digest, noise_of, store_of as baselines_of};
pub(super) use compile::needed;
pub(super) use failed::outstanding;

/// What is asked of the gates besides what the policies demand.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    /// The gates that are wanted.
    pub(super) gates: Vec<Gate>,
    /// Only tests whose full name contains one of these, or is one of them.
    pub(super) filters: Vec<String>,
    /// Whether what tests print is shown as it comes.
    pub(super) capture: Capture,
    /// What `--base` names.
    pub(super) base: Option<String>,
    /// Which packages and which shard.
    pub(super) select: Select,
    /// The folder of baselines, where it is not the policy's.
    pub(super) baselines: Option<PathBuf>,
    /// Coverage files besides those that the policy names.
    pub(super) from: Vec<PathBuf>,
    /// Whether this run becomes a baseline.
    pub(super) record: Recording,
    /// Whether what earlier runs proved stands for tests with the same inputs.
    pub(super) reuse: Reuse,
    /// Where secrets are looked for.
    pub(super) secrets: Secrets,
}

/// Where secrets are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Secrets {
    /// In what the change brings; in every tracked file where there is no base.
    #[default]
    Change,
    /// In what the next commit would bring.
    Staged,
    /// In everything that any reference leads to.
    History,
}

/// Whether results of earlier runs are used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Reuse {
    /// No: for releases, for measuring noise, and in CI.
    #[default]
    Never,
    /// Where all inputs are the same.
    Allowed,
}

impl Reuse {
    /// What `--fresh` and the surroundings say.
    pub(super) fn of(context: &Context, fresh: Fresh) -> Reuse {
        if fresh.fresh || context.world.in_ci() { Reuse::Never } else { Reuse::Allowed }
    }
}

/// Whether a run becomes a baseline for later ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Recording {
    /// No.
    #[default]
    Never,
    /// On a clean tree of the default branch.
    Auto,
    /// On any clean tree.
    Always,
}

impl Ask {
    /// Whether every test is asked for: only then can a run be compared with others.
    pub(super) fn is_whole(&self) -> bool {
        self.filters.is_empty() && self.select.is_everything()
    }

    /// These gates, and nothing special.
    pub(super) fn gates(gates: &[Gate]) -> Ask {
        Ask { gates: gates.to_vec(), ..Ask::default() }
    }
}

/// `ci`: every gate, or those that `--gate` names.
pub(super) async fn ci(context: &Context, ci: &Ci) -> anyhow::Result<Exit> {
    if let Some(CiVerb::Rollup { needs, may_skip }) = &ci.what {
        return rollup::rollup(context, needs.as_deref(), may_skip);
    }
    if let Some(CiVerb::Merge(merge)) = &ci.what {
        let gates: Vec<Gate> = merge.gates.iter().flat_map(|gate| of_name(*gate)).collect();
        let (base, baselines) = (merge.against.base.clone(), merge.baselines.clone());
        let ask = Ask { baselines, base, record: Recording::Auto, ..Ask::gates(&gates) };
        return merge::shards(context, &merge.directories, ask).await;
    }
    let mut wanted: Vec<Gate> = ci.gates.iter().flat_map(|gate| of_name(*gate)).collect();
    let record = if ci.record_baseline { Recording::Always } else { Recording::Auto };
    let (baselines, base) = (ci.baselines.clone(), ci.against.base.clone());
    if ci.setup {
        doctor::setup(context).await?;
    }
    if wanted.is_empty() {
        wanted = Gate::OF_WORKSPACE.to_vec();
    }
    let select = ci.select.clone();
    let reuse = Reuse::of(context, ci.fresh);
    judge_and_show(context, &Ask { baselines, record, base, select, reuse, ..Ask::gates(&wanted) }).await
}

/// These gates against a base.
pub(super) async fn against(context: &Context, wanted: &[Gate], against: Against) -> anyhow::Result<Exit> {
    judge_and_show(context, &Ask { base: against.base, ..Ask::gates(wanted) }).await
}

/// `security secrets`, in one of these places.
pub(super) async fn secrets(context: &Context, secrets: Secrets, against: Against) -> anyhow::Result<Exit> {
    let ask = Ask { base: against.base, secrets, ..Ask::gates(&[Gate::Secrets]) };
    judge_and_show(context, &ask).await
}

/// `coverage`: the tests, the lines that they and other files reach, and the pages in a browser where that is asked for.
pub(super) async fn coverage(context: &Context, asked: &crate::cli::Coverage) -> anyhow::Result<Exit> {
    let (base, from, baselines) = (asked.against.base.clone(), asked.from.clone(), asked.baselines.clone());
    let reuse = Reuse::of(context, asked.fresh);
    let ask = Ask { base, from, baselines, reuse, ..Ask::gates(&[Gate::Tests, Gate::Coverage]) };
    let exit = judge_and_show(context, &ask).await?;
    if asked.open {
        reports::open(context).await?;
    }
    Ok(exit)
}

async fn judge_and_show(context: &Context, ask: &Ask) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    judge_and_show_this(context, &workspace, ask).await
}

/// The same for a verb that has read the workspace already.
pub(super) async fn judge_and_show_this(
    context: &Context,
    workspace: &Workspace,
    ask: &Ask,
) -> anyhow::Result<Exit> {
    baseline::check(workspace, ask)?;
    let in_force = policy::in_force(context, workspace, ask).await?;
    let subject = context.subject(workspace, &in_force).await?;
    let measurer = Measurer::new(context, workspace, &in_force, ask, &subject);
    let evidence = measurer.measure().await?;
    let verdict = conclude(context, workspace, &in_force, &evidence, &ask.gates)?;
    baseline::record(context, workspace, &in_force, ask, (&evidence, &verdict)).await;
    let store = baseline::store(context, workspace, &in_force, ask);
    reports::trend(context, workspace, &in_force, &store, &verdict)?;
    let report = folder(context, workspace, &evidence).join("verdict.json");
    let report = workspace.shown(&report).display().to_string();
    context.console.verdict(&verdict, |_| {
        let counts = counts(&verdict).map_or(String::new(), |counts| format!("\n{counts}"));
        human::verdict(context.console.paper(), &verdict, Some(&evidence), &report) + &counts
    });
    reports::tell(context, workspace, &evidence, &verdict);
    Ok(verdict.outcome.exit())
}

/// What `--affected` would choose, and the policies by which it would.
pub(super) async fn affected(
    context: &Context,
    workspace: &Workspace,
    base: Option<String>,
) -> anyhow::Result<(InForce, AffectedPart)> {
    let select = Select { affected: true, ..Select::default() };
    let ask = Ask { base, select, ..Ask::default() };
    let in_force = policy::in_force(context, workspace, &ask).await?;
    let subject = context.subject(workspace, &in_force).await?;
    let cargo = Cargo::discover(&context.world, &workspace.root, context.network()).await;
    let cargo = cargo.map_err(|why| failure(&why))?;
    let measurer = Measurer::new(context, workspace, &in_force, &ask, &subject);
    let compared = measurer.compared().await?;
    let part = measurer.affected(&cargo, &compared).await?;
    Ok((in_force, part))
}

/// Measures what these gates need, for a verb that judges by itself.
pub(super) async fn measure(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    subject: Subject,
    ask: &Ask,
) -> anyhow::Result<Evidence> {
    Measurer::new(context, workspace, in_force, ask, &subject).measure().await
}

/// Judges and writes the reports: evidence, verdict, and the lines that ran.
pub(super) fn conclude(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    evidence: &Evidence,
    wanted: &[Gate],
) -> anyhow::Result<Verdict> {
    let verdict = context.console.own().verdict(judge(in_force, evidence, wanted));
    reports::write(context, workspace, in_force, evidence, &verdict)?;
    outputs::of_verdict(context, &folder(context, workspace, evidence), &verdict);
    Ok(verdict)
}

/// Judges by the policies in force, and says which they are.
fn judge(in_force: &InForce, evidence: &Evidence, wanted: &[Gate]) -> Verdict {
    let mut verdict = crate::gates::verdict(&in_force.policy, evidence, wanted);
    verdict.policy = in_force.source.clone();
    verdict
}

/// Where reports of this evidence go. What speaks of some tests only has a folder of its own, so that it never stands where a
/// whole run's is looked for.
fn folder(context: &Context, workspace: &Workspace, evidence: &Evidence) -> PathBuf {
    let reports = context.reports(workspace);
    let tests = evidence.gates.tests.as_ref().and_then(|tests| tests.result.as_ref().ok());
    match tests {
        Some(tests) if !tests.filters.is_empty() => reports.join("some-tests"),
        _ => reports,
    }
}

/// A gate that could not run, as the failure of a verb that needs it.
pub(super) fn failure(why: &CouldNotRun) -> anyhow::Error {
    Failure::infrastructure(&why.message, &why.help)
}

/// The line that test runners close with, where tests were counted.
fn counts(verdict: &Verdict) -> Option<String> {
    let tests = verdict.gates.iter().find(|gate| gate.gate == Gate::Tests)?;
    let number = |name: &str| tests.facts.get(name).and_then(serde_json::Value::as_u64);
    let (passed, failed) = (number("passed")?, number("failed")?);
    Some(match number("skipped") {
        Some(skipped) if skipped > 0 => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        _ => format!("{passed} passed, {failed} failed"),
    })
}

fn of_name(name: GateName) -> Vec<Gate> {
    match name {
        GateName::Lint => vec![Gate::Lint],
        GateName::Tests => vec![Gate::Tests],
        GateName::Coverage => vec![Gate::Tests, Gate::Coverage],
        GateName::Advisories => vec![Gate::Advisories],
        GateName::Licences => vec![Gate::Licences],
        GateName::Bans => vec![Gate::Bans],
        GateName::Sources => vec![Gate::Sources],
        GateName::Secrets => vec![Gate::Secrets],
        GateName::Workflows => vec![Gate::Workflows],
        GateName::Scanners => vec![Gate::Scanners],
        GateName::Security => Gate::SECURITY.to_vec(),
        GateName::Policy => vec![Gate::Policy],
    }
}
