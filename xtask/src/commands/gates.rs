//! `ci`, `test`, `coverage`, `lint`, `security`: measure, judge, report.

use super::context::{Context, InForce, write_report};
use super::doctor;
use crate::cli::{Ci, GateName};
use crate::evidence::{CouldNotRun, Evidence, GateEvidence, Measured, SCHEMA, Subject};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Goal, Plan, Step, plan};
use crate::report::human::{self, counted};
use crate::report::{Step as Shown, lcov};
use crate::tools::build::{self, Compilation, Compiled};
use crate::tools::cargo::Cargo;
use crate::tools::coverage::{Measurement, PackageTree, SourceTree, measure as measure_lines};
use crate::tools::lint::{self, Formatting};
use crate::tools::runner::{self, RunOptions};
use crate::tools::security::{advisories, secrets, snapshot as advisory_snapshot};
use crate::verdict::{Gate, Outcome, Verdict};
use crate::workspace::Workspace;
use std::path::Path;
use std::time::Duration;

/// `ci`: every gate, or those that `--gate` names.
pub(super) async fn ci(context: &Context, ci: &Ci) -> anyhow::Result<Exit> {
    if ci.setup {
        doctor::setup(context).await?;
    }
    let mut wanted: Vec<Gate> = ci.gates.iter().flat_map(|gate| of_name(*gate)).collect();
    if wanted.is_empty() {
        wanted = Gate::OF_WORKSPACE.to_vec();
    }
    some(context, &wanted).await
}

/// These gates.
pub(super) async fn some(context: &Context, wanted: &[Gate]) -> anyhow::Result<Exit> {
    judge_and_show(context, wanted, None).await
}

/// `test [FILTER]`.
pub(super) async fn test(context: &Context, filter: Option<String>) -> anyhow::Result<Exit> {
    judge_and_show(context, &[Gate::Tests], filter).await
}

/// `security snapshot --from PATH`.
pub(super) async fn snapshot(context: &Context, from: &Path, commit: Option<&str>) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let into = workspace.root.join(advisory_snapshot::SNAPSHOT_PATH);
    let from = context.world.directory().join(from);
    let made = advisory_snapshot::refresh(&context.world, &from, commit, &into).await?;
    let shown = serde_json::json!({"advisories": made.advisories, "date": made.date, "commit": made.commit, "bytes": made.bytes});
    context.console.result(&shown, |_| {
        format!(
            "{} advisories of {} ({}), {} bytes: {}",
            made.advisories,
            made.date,
            made.commit,
            made.bytes,
            into.display()
        )
    });
    Ok(Exit::Done)
}

async fn judge_and_show(context: &Context, wanted: &[Gate], filter: Option<String>) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let subject = context.subject(&workspace, &in_force).await?;
    let measurer = Measurer { context, workspace: &workspace, in_force: &in_force, filter };
    let evidence = measurer.measure(subject, wanted).await?;
    let verdict = conclude(context, &workspace, &in_force, &evidence, wanted)?;
    let report = context.reports(&workspace).join("verdict.json");
    let report = workspace.shown(&report).display().to_string();
    context.console.result(&verdict, |style| {
        let counts = counts(&verdict).map_or(String::new(), |counts| format!("\n{counts}"));
        human::verdict(style, &verdict, &report) + &counts
    });
    Ok(verdict.outcome.exit())
}

/// Measures what the wanted gates need. Gates that need no compiler run beside it.
pub(super) async fn measure(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    subject: Subject,
    wanted: &[Gate],
) -> anyhow::Result<Evidence> {
    Measurer { context, workspace, in_force, filter: None }.measure(subject, wanted).await
}

/// Judges and writes the reports: evidence, verdict, and the lines that ran.
pub(super) fn conclude(
    context: &Context,
    workspace: &Workspace,
    in_force: &InForce,
    evidence: &Evidence,
    wanted: &[Gate],
) -> anyhow::Result<Verdict> {
    let mut verdict = crate::gates::verdict(&in_force.policy, evidence, wanted);
    verdict.policy = in_force.source.clone();
    let reports = context.reports(workspace);
    write_report(&reports.join("evidence.json"), &serde_json::to_vec_pretty(evidence)?)?;
    write_report(&reports.join("verdict.json"), &serde_json::to_vec_pretty(&verdict)?)?;
    Ok(verdict)
}

/// A gate that could not run, as the failure of a verb that needs it.
pub(super) fn failure(why: &CouldNotRun) -> anyhow::Error {
    Failure::infrastructure(&why.message, &why.help)
}

struct Measurer<'a> {
    context: &'a Context,
    workspace: &'a Workspace,
    in_force: &'a InForce,
    filter: Option<String>,
}

impl Measurer<'_> {
    async fn measure(&self, subject: Subject, wanted: &[Gate]) -> anyhow::Result<Evidence> {
        let plan = plan(&self.in_force.policy, &Goal::Gates(wanted.to_vec()));
        let mut gates = GateEvidence::default();
        let needs_cargo = plan.has(&Step::Compile) || plan.has(&Step::Format);
        let cargo = match needs_cargo {
            true => {
                Some(Cargo::discover(&self.context.world, &self.workspace.root, self.context.network()).await)
            }
            false => None,
        };
        // What needs no compiler runs while cargo compiles.
        let (format, advisories, secrets, compiled) = tokio::join!(
            self.format(&plan, cargo.as_ref()),
            self.advisories(&plan),
            self.secrets(&plan),
            self.compile(&plan, cargo.as_ref()),
        );
        gates.advisories = advisories;
        gates.secrets = secrets;
        match compiled {
            None => {}
            Some(Ok(compiled)) => {
                if wanted.contains(&Gate::Lint) {
                    gates.lint =
                        format.map(|format| lint::gather(&self.in_force.policy.lint, &compiled, format));
                }
                self.run(&plan, &compiled, &mut gates).await?;
            }
            Some(Err(why)) => could_not_compile(&plan, wanted, &why, &mut gates),
        }
        Ok(Evidence { schema: SCHEMA.to_owned(), subject, gates })
    }

    async fn format(
        &self,
        plan: &Plan,
        cargo: Option<&Result<Cargo, CouldNotRun>>,
    ) -> Option<Measured<Formatting>> {
        let cargo = plan.has(&Step::Format).then_some(cargo).flatten()?;
        Some(match cargo {
            Ok(cargo) => lint::format(&self.context.world, cargo, &self.in_force.policy.lint).await,
            Err(why) => Measured { result: Err(why.clone()), duration_millis: 0 },
        })
    }

    async fn advisories(&self, plan: &Plan) -> Option<Measured<crate::evidence::AdvisoriesEvidence>> {
        if !plan.has(&Step::Advisories) {
            return None;
        }
        let (world, root) = (self.context.world.clone(), self.workspace.root.clone());
        Some(self.timed(blocking(move || advisories::gather(&world, &root))).await)
    }

    async fn secrets(&self, plan: &Plan) -> Option<Measured<crate::evidence::SecretsEvidence>> {
        if !plan.has(&Step::Secrets) {
            return None;
        }
        let skip = self.in_force.policy.security.secrets.skip.clone();
        let (root, files) = (self.workspace.root.clone(), self.workspace.repository.tracked.clone());
        Some(self.timed(async move { secrets::gather(&root, &files, &skip).await }).await)
    }

    async fn compile(
        &self,
        plan: &Plan,
        cargo: Option<&Result<Cargo, CouldNotRun>>,
    ) -> Option<Result<Compiled, CouldNotRun>> {
        let cargo = plan.has(&Step::Compile).then_some(cargo).flatten()?;
        let cargo = match cargo {
            Ok(cargo) => cargo,
            Err(why) => return Some(Err(why.clone())),
        };
        self.context.console.detail(build::command(cargo).to_string());
        let step = self.step(&Step::Compile, plan);
        let compiled = build::compile(&self.context.world, cargo, &|line| step.tell(line)).await;
        match &compiled {
            Ok(compiled) if compiled.outcome == Compilation::DoesNotCompile => {
                step.failed("does not compile")
            }
            Ok(compiled) => step.done(format!(
                "{}, {}",
                counted(compiled.packages.len() as u64, "package"),
                counted(compiled.tests.len() as u64, "test program")
            )),
            Err(_) => step.failed("could not compile"),
        };
        Some(compiled)
    }

    async fn run(&self, plan: &Plan, compiled: &Compiled, gates: &mut GateEvidence) -> anyhow::Result<()> {
        if !plan.has(&Step::Test) {
            return Ok(());
        }
        let profiles = self.context.reports(self.workspace).join("profraw");
        // Files that tests could have written are never evidence: only this run's profiles count.
        let _ = std::fs::remove_dir_all(&profiles);
        std::fs::create_dir_all(&profiles)?;
        let options = RunOptions {
            filter: self.filter.clone(),
            profiles: plan.has(&Step::Coverage).then(|| profiles.clone()),
            previous: self.previous(),
        };
        let step = self.step(&Step::Test, plan);
        let tests =
            runner::run(&self.context.world, compiled, &self.in_force.policy.tests, &options, &|line| {
                step.tell(line)
            })
            .await;
        let judged = tests
            .result
            .as_ref()
            .ok()
            .map(|one| crate::gates::tests::judge(&self.in_force.policy.tests, one, 0));
        match &judged {
            Some(judged) if judged.outcome == Outcome::Passed => step.done(human::facts(judged)),
            Some(judged) => step.failed(human::facts(judged)),
            None => step.failed("could not run"),
        };
        gates.tests = Some(tests);
        if plan.has(&Step::Coverage) {
            gates.coverage = Some(self.coverage(plan, compiled, &profiles).await?);
        }
        Ok(())
    }

    async fn coverage(
        &self,
        plan: &Plan,
        compiled: &Compiled,
        profiles: &Path,
    ) -> anyhow::Result<Measured<crate::evidence::CoverageEvidence>> {
        if compiled.outcome == Compilation::DoesNotCompile {
            let why = CouldNotRun {
                message: "the workspace does not compile".into(),
                help: "cargo check --all-targets".into(),
            };
            return Ok(Measured { result: Err(why), duration_millis: 0 });
        }
        let packages = self.workspace.packages.iter();
        let tree = SourceTree {
            root: self.workspace.root.clone(),
            target: self.workspace.target.clone(),
            packages: packages
                .map(|package| PackageTree {
                    name: package.name.clone(),
                    directory: package.directory.clone(),
                })
                .collect(),
            remapped: Vec::new(),
        };
        let objects = compiled.objects().map(Path::to_owned).collect();
        let measurement = Measurement { profiles: profiles.to_owned(), objects, tree };
        let step = self.step(&Step::Coverage, plan);
        let counted = self.timed(blocking(move || measure_lines(&measurement))).await;
        match &counted.result {
            Ok(counts) => {
                let file = self.context.reports(self.workspace).join("coverage.lcov");
                write_report(&file, lcov::write(counts).as_bytes())?;
                step.done("lines counted");
            }
            Err(_) => {
                step.failed("could not be counted");
            }
        }
        Ok(Measured {
            result: counted.result.map(|counts| counts.evidence()),
            duration_millis: counted.duration_millis,
        })
    }

    /// The last run's times, so that the heaviest test starts first.
    fn previous(&self) -> Option<crate::evidence::TestsEvidence> {
        let file = self.context.reports(self.workspace).join("evidence.json");
        let evidence: Evidence = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        evidence.gates.tests.and_then(|tests| tests.result.ok())
    }

    fn step(&self, step: &Step, plan: &Plan) -> Shown<'_> {
        let after = plan.steps.iter().skip_while(|planned| planned.step != *step).nth(1);
        let next = after.map(|planned| planned.step.name());
        self.context.console.step_before(&self.context.world, step.name(), next.as_deref())
    }

    async fn timed<E>(&self, work: impl Future<Output = Result<E, CouldNotRun>>) -> Measured<E> {
        let start = self.context.world.monotonic();
        let result = work.await;
        let took: Duration = self.context.world.monotonic().saturating_sub(start);
        Measured { result, duration_millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }
    }
}

async fn blocking<E: Send + 'static>(
    work: impl FnOnce() -> Result<E, CouldNotRun> + Send + 'static,
) -> Result<E, CouldNotRun> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(CouldNotRun {
            message: format!("a worker ended early: {error}"),
            help: "report this as a bug of gateline".into(),
        })
    })
}

/// Every gate that needs the compiler says why it could not run.
fn could_not_compile(plan: &Plan, wanted: &[Gate], why: &CouldNotRun, gates: &mut GateEvidence) {
    fn failed<E>(why: &CouldNotRun) -> Option<Measured<E>> {
        Some(Measured { result: Err(why.clone()), duration_millis: 0 })
    }
    if wanted.contains(&Gate::Lint) {
        gates.lint = failed(why);
    }
    if plan.has(&Step::Test) {
        gates.tests = failed(why);
    }
    if plan.has(&Step::Coverage) {
        gates.coverage = failed(why);
    }
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
        GateName::Secrets => vec![Gate::Secrets],
        GateName::Security => Gate::SECURITY.to_vec(),
    }
}
