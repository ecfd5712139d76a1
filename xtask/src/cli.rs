//! The command line: clap grammar only. A command gets domain values, never clap types.

mod audit;
mod coverage;
mod gate;
mod github;
mod image;
mod init;
mod judge;
mod key;
mod lint;
mod local;
mod merge;
mod orders;
mod plan;
mod policies;
mod release;
mod resident;
mod security;

pub use audit::AuditVerb;
pub use gate::GateName;
pub use github::{GithubIssue, GithubPin, GithubRelease, GithubReport, GithubVerb, Rulesets, RulesetsVerb};
pub use image::{Copying, ImageVerb};
pub use init::Init;
pub use judge::{JudgeVerb, Simulate};
pub use key::KeyVerb;
pub use lint::Lint;
pub use local::LocalVerb;
pub use merge::Merge;
pub use orders::{Approve, OfEnvironment, OfRelease, OrderVerb, OverrideWindow};
pub use plan::{Plan, PlanGoal};
pub use policies::{PolicyVerb, Waive};
pub use release::{Release, ReleaseVerb, Sbom};
pub use resident::Resident;
pub use security::{Security, SecurityVerb};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

pub use coverage::{Coverage, CoverageVerb};

/// Takes a change from commit to production only by evidence.
#[derive(Debug, Parser)]
#[command(
    name = "gateline",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(after_help = "Start with `ship --yes`: gates, image, development, staging, production. \
                        Exit codes: 0 done, 1 could not finish, 2 usage, 3 nothing checked, 10 refused, 11 rolled back, \
                        12 needs an operator, 13 held.")]
pub struct Cli {
    /// What every verb takes.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The workspace; default: the one around the working directory.
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// The policies; default: `policies` in the workspace.
    #[arg(long, global = true, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Read the policies from this commit instead of the working tree.
    #[arg(long, global = true, value_name = "REF")]
    pub policy_ref: Option<String>,
    /// Where reports are written; default: `target/gateline` in the workspace.
    #[arg(long, global = true, value_name = "DIR")]
    pub report_dir: Option<PathBuf>,
    /// What stdout gets.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Never ask the network.
    #[arg(long, global = true)]
    pub offline: bool,
    /// Only results and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also the commands that are run.
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// What stdout gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people.
    Human,
    /// One JSON document.
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Every gate on this workspace.
    Ci(Ci),
    /// The tests alone, one process per test.
    Test(Test),
    /// Line coverage alone (runs the tests).
    Coverage(Coverage),
    /// rustfmt, clippy, rustdoc and their like alone.
    Lint(Lint),
    /// The security group alone, or one part of it.
    Security(Security),
    /// Show the steps of a verb, with their commands, without running them.
    Plan(Plan),
    /// The container image.
    Image {
        /// What to do with it.
        #[command(subcommand)]
        what: ImageVerb,
    },
    /// The statistics that judge a canary, tried on made-up rollouts or replayed.
    Judge {
        /// What to do with them.
        #[command(subcommand)]
        what: JudgeVerb,
    },
    /// The key by which this machine signs what it says of images.
    Key {
        /// What to do with it.
        #[command(subcommand)]
        what: KeyVerb,
    },
    /// Gates, image, development, staging, production.
    Ship {
        /// Give the approvals that you may give.
        #[arg(long)]
        yes: bool,
        /// Never use earlier evidence, and make a release even if nothing changed.
        #[arg(long)]
        fresh: bool,
        /// Windows.
        #[command(flatten)]
        windows: OverrideWindow,
    },
    /// Roll a release out to one environment.
    Deploy {
        /// The environment.
        environment: String,
        /// The release; default: the newest that was made here.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        /// Give the approval that you may give.
        #[arg(long)]
        yes: bool,
        /// Windows.
        #[command(flatten)]
        windows: OverrideWindow,
    },
    /// Roll out to one environment what serves in another.
    Promote {
        /// Where it serves.
        from: String,
        /// Where it shall serve.
        to: String,
        /// Give the approval that you may give.
        #[arg(long)]
        yes: bool,
        /// Windows.
        #[command(flatten)]
        windows: OverrideWindow,
    },
    /// Start what serves once more, in a fresh instance, without losing a request.
    Restart {
        /// The environment.
        environment: String,
    },
    /// Go back to the last good release, at once.
    Rollback {
        /// The environment.
        environment: String,
        /// To this release instead of the last good one.
        #[arg(long, value_name = "DIGEST")]
        to: Option<String>,
    },
    /// Say yes to a rollout that waits, or take it back.
    Approve(Approve),
    /// Say no to a rollout that waits.
    Reject {
        /// The rollout.
        id: String,
        /// Sign it with this private key, or with the public one of a key that the agent holds.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Environments, digests, weights and health.
    Status {
        /// Look again and again: drawn anew on a terminal until q or Ctrl-C, else printed once per change.
        #[arg(long)]
        watch: bool,
    },
    /// What happened in an environment.
    History {
        /// The environment; default: all.
        environment: Option<String>,
        /// What the judge was asked and said, record by record.
        #[arg(long)]
        judge: bool,
    },
    /// Go on with rollouts that were interrupted, or were waiting for an approval.
    Resume,
    /// What people order.
    #[command(flatten)]
    Order(OrderVerb),
    /// The embedded platform on this machine.
    Local {
        /// What to do with it.
        #[command(subcommand)]
        what: LocalVerb,
    },
    /// Why a step of the plan is there, which policy line asks for it, and how to run it alone.
    Explain {
        /// The step, as `plan` names it.
        step: String,
    },
    /// Bear a finding for a while: writes an entry with owner and last day into policies/waivers.yaml.
    Waive(Waive),
    /// The policies in force.
    Policy {
        /// What to do with them.
        #[command(subcommand)]
        what: PolicyVerb,
    },
    /// GitHub: checks, comments, code scanning.
    #[command(subcommand)]
    Github(GithubVerb),
    /// Let a held release go on (`release DIGEST`); or what a version is released with: notes, programs, crates.
    Release(Release),
    /// What a binary is made of, as CycloneDX 1.6 JSON.
    Sbom(Sbom),
    /// The hash-chained record.
    Audit {
        /// What to do with it.
        #[command(subcommand)]
        what: AuditVerb,
    },
    /// Policies and workflows for a repository that has none; what is there already stays as it is.
    Init(Init),
    /// What this machine has and lacks.
    Doctor,
    /// Install what is missing: tools and test partners.
    Setup,
    /// Print a completion script.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// What stays.
    #[command(flatten)]
    Resident(Resident),
}

/// `ci`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Ci {
    /// Something else than a run.
    #[command(subcommand)]
    pub what: Option<CiVerb>,
    /// Only this gate; may be repeated.
    #[arg(long = "gate", value_enum)]
    pub gates: Vec<GateName>,
    /// Install missing tools and test partners first.
    #[arg(long)]
    pub setup: bool,
    /// What it is compared with.
    #[command(flatten)]
    pub against: Against,
    /// The folder of baselines; default: `baselines` of policies/coverage.yaml, else `baselines` in the report folder.
    #[arg(long, value_name = "DIR")]
    pub baselines: Option<PathBuf>,
    /// Record this commit as a baseline, though it is not on the default branch.
    #[arg(long)]
    pub record_baseline: bool,
    /// Which of the tests run.
    #[command(flatten)]
    pub select: Select,
    /// Whether results are used again.
    #[command(flatten)]
    pub fresh: Fresh,
}

/// Whether tests run although nothing that they depend on has changed.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Fresh {
    /// Run every test, also those whose programs and files are the same as when they passed (the default where CI is set).
    #[arg(long)]
    pub fresh: bool,
}

/// `ci …`.
#[derive(Debug, Subcommand)]
pub enum CiVerb {
    /// Make one verdict from the shards of one run.
    Merge(Merge),
    /// One verdict over the jobs of a workflow: a skipped job has not passed.
    Rollup {
        /// What the workflow says of the jobs that this one needs: `toJSON(needs)`; default: the variable `GATELINE_NEEDS`.
        #[arg(long, value_name = "JSON")]
        needs: Option<String>,
        /// A job that may be skipped; may be repeated.
        #[arg(long, value_name = "JOB")]
        may_skip: Vec<String>,
    },
}

/// Which of the tests run.
#[derive(Debug, Clone, Default, Args)]
pub struct Select {
    /// Only the tests of packages that the change affects, and of those that depend on them.
    #[arg(long)]
    pub affected: bool,
    /// Only this one of several shards, as `2/5`; `ci merge` makes one verdict of all.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(u32, u32)>,
    /// Split by the times in this file: the evidence.json of a whole run, or an object of names and milliseconds.
    #[arg(long, value_name = "FILE", requires = "shard")]
    pub times: Option<PathBuf>,
}

/// `2/5`: which, and of how many.
fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts =
        text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match parts {
        Some((index, count)) if (1..=count).contains(&index) && count <= 1000 => Ok((index, count)),
        _ => Err("write I/N with I from 1 to N, and N at most 1000".to_owned()),
    }
}

/// What the work is compared with.
#[derive(Debug, Clone, Default, Args)]
pub struct Against {
    /// Compare with where the work left this branch or commit; default: what the CI system says, else the default branch.
    #[arg(long, value_name = "REF")]
    pub base: Option<String>,
}

/// `test`.
#[derive(Debug, Default, Args)]
pub struct Test {
    /// Only tests whose name contains one of these; a whole name, as reports print it, means that test alone.
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Only those that did not pass when they ran last.
    #[arg(long, conflicts_with = "filters")]
    pub rerun_failed: bool,
    /// Show what tests print as they print it, secrets too; they run one at a time.
    #[arg(long)]
    pub no_capture: bool,
    /// Print the names of the tests instead of running them.
    #[arg(long, conflicts_with_all = ["no_capture", "rerun_failed", "affected", "shard"])]
    pub list: bool,
    /// Which of the tests run.
    #[command(flatten)]
    pub select: Select,
    /// What it is compared with.
    #[command(flatten)]
    pub against: Against,
    /// Whether results are used again.
    #[command(flatten)]
    pub fresh: Fresh,
}
