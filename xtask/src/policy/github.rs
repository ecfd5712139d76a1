//! `policies/github.yaml`: what GitHub itself must enforce, so that nothing reaches the default branch around the gates.
//!
//! `github rulesets check` compares it with what is in force, `github rulesets apply` makes it so. The words are GitHub's where it
//! has one word for it.

mod senseless;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most approvals that GitHub can ask for.
pub const APPROVALS_MAX: u8 = 10;
/// Most reviewers of one environment.
pub const REVIEWERS_MAX: usize = 6;
/// The longest wait before a deployment: 30 days, in minutes.
pub const WAIT_MINUTES_MAX: u32 = 43_200;
/// Most entries of a merge queue that are built, or merged, together.
pub const QUEUE_ENTRIES_MAX: u8 = 100;
/// The longest that a merge queue waits, in minutes.
pub const QUEUE_MINUTES_MAX: u16 = 360;

/// What GitHub must enforce on the default branch, on environments and for workflows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GithubPolicy {
    /// Checks that must have passed before a merge. Default the roll-up `required` of GitHub Actions.
    pub required_checks: Vec<RequiredCheck>,
    /// Whether a change must have been tested together with the newest default branch. Default false; a merge queue does it better.
    pub up_to_date: bool,
    /// Whether a change needs a pull request at all. Default true.
    pub pull_request: bool,
    /// Reviews of a pull request.
    pub reviews: Reviews,
    /// The merge queue.
    pub merge_queue: MergeQueue,
    /// Whether merge commits are refused. Default false.
    pub linear_history: bool,
    /// Whether the history may not be rewritten. Default true.
    pub no_force_pushes: bool,
    /// Whether the branch may not be deleted. Default true.
    pub no_deletion: bool,
    /// What the token of a workflow may do that asks for nothing.
    pub workflows: Workflows,
    /// Environments that deployments go to; others are left alone. Default none.
    pub environments: Vec<Environment>,
}

/// A check that must have passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequiredCheck {
    /// Its name, as the pull request shows it.
    pub name: String,
    /// The App that must have said so: the last part of its page `github.com/apps/…`; `any` takes everybody's word, also that of
    /// whoever can set a commit status. Default `github-actions`.
    #[serde(default = "github_actions")]
    pub app: String,
}

/// Reviews of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reviews {
    /// How many people must approve. Default 1.
    #[schemars(range(max = APPROVALS_MAX))]
    pub approvals: u8,
    /// Whether an owner of each file (CODEOWNERS) must be among them. Default true.
    pub code_owners: bool,
    /// Whether new commits take approvals back. Default true.
    pub dismiss_stale: bool,
    /// Whether somebody else than the last who pushed must approve. Default true.
    pub last_push: bool,
    /// Whether every conversation must be resolved. Default false.
    pub conversations: bool,
}

/// The merge queue. GitHub has it for repositories of organisations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MergeQueue {
    /// Whether there is one. Default false.
    pub enabled: bool,
    /// How it merges. Default squash.
    pub method: MergeMethod,
    /// Whether every entry of a group must pass, or its last one alone. Default `all-green`.
    pub grouping: Grouping,
    /// Most entries that are checked at the same time. Default 5.
    #[schemars(range(max = QUEUE_ENTRIES_MAX))]
    pub build_max: u8,
    /// Fewest entries that are merged together. Default 1.
    #[schemars(range(max = QUEUE_ENTRIES_MAX))]
    pub merge_min: u8,
    /// Most entries that are merged together. Default 5.
    #[schemars(range(max = QUEUE_ENTRIES_MAX))]
    pub merge_max: u8,
    /// How long the fewest are waited for, in minutes. Default 5.
    #[schemars(range(max = QUEUE_MINUTES_MAX))]
    pub merge_wait_minutes: u16,
    /// A check that has not answered within this has failed, in minutes. Default 90.
    #[schemars(range(min = 1, max = QUEUE_MINUTES_MAX))]
    pub check_timeout_minutes: u16,
}

/// How a change is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMethod {
    /// With a merge commit.
    Merge,
    /// As one commit.
    Squash,
    /// Its commits, one after the other.
    Rebase,
}

/// What of a group must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// Every entry.
    AllGreen,
    /// The last one, which has all the others in it.
    HeadGreen,
}

/// What the token of a workflow may do that asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workflows {
    /// Read, or also write. Default read.
    pub token: TokenRights,
    /// Whether a workflow may approve pull requests. Default false.
    pub approve_pull_requests: bool,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenRights {
    /// Read the code.
    Read,
    /// Write everything in the repository.
    Write,
}

/// An environment that deployments go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Who may let a deployment through, any one of them: `login`, or `organisation/team`. At most six. Default nobody, so nothing waits.
    #[serde(default)]
    pub reviewers: Vec<String>,
    /// Whether whoever started it may not let it through. Default true.
    #[serde(default = "yes")]
    pub prevent_self_review: bool,
    /// How long each deployment waits, in minutes. Default 0.
    #[serde(default)]
    #[schemars(range(max = WAIT_MINUTES_MAX))]
    pub wait_minutes: u32,
    /// Whether any branch and any tag may be deployed. Default false.
    #[serde(default)]
    pub any_ref: bool,
    /// Branches that may be deployed, as patterns: `release/*`. Default, where there are no `tags` either: the default branch.
    #[serde(default)]
    pub branches: Vec<String>,
    /// Tags that may be deployed, as patterns: `v*`. Default none.
    #[serde(default)]
    pub tags: Vec<String>,
}

impl Default for GithubPolicy {
    fn default() -> Self {
        GithubPolicy {
            required_checks: vec![RequiredCheck { name: "required".to_owned(), app: github_actions() }],
            up_to_date: false,
            pull_request: true,
            reviews: Reviews::default(),
            merge_queue: MergeQueue::default(),
            linear_history: false,
            no_force_pushes: true,
            no_deletion: true,
            workflows: Workflows::default(),
            environments: Vec::new(),
        }
    }
}

impl Default for Reviews {
    fn default() -> Self {
        Reviews {
            approvals: 1,
            code_owners: true,
            dismiss_stale: true,
            last_push: true,
            conversations: false,
        }
    }
}

impl Default for MergeQueue {
    fn default() -> Self {
        MergeQueue {
            enabled: false,
            method: MergeMethod::Squash,
            grouping: Grouping::AllGreen,
            build_max: 5,
            merge_min: 1,
            merge_max: 5,
            merge_wait_minutes: 5,
            check_timeout_minutes: 90,
        }
    }
}

impl Default for Workflows {
    fn default() -> Self {
        Workflows { token: TokenRights::Read, approve_pull_requests: false }
    }
}

fn github_actions() -> String {
    "github-actions".to_owned()
}

const fn yes() -> bool {
    true
}
