//! `workflows` of `policies/security.yaml`: what workflows and actions of the repository may not do.

use crate::policy::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether zizmor is asked for a second opinion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AskZizmor {
    /// Where it is installed.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// What each audit's findings do. A file that cannot be read always refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkflowsPolicy {
    /// Actions and reusable workflows by tag or branch instead of a whole commit. Default refuse.
    pub unpinned_action: Level,
    /// Images without their digest. Default warn.
    pub unpinned_image: Level,
    /// A stranger's code, checked out in a run that has secrets. Default refuse.
    pub head_checkout: Level,
    /// `pull_request_target` and `workflow_run`, outside of the files under `privileged`. Default warn.
    pub privileged_trigger: Level,
    /// Text that a stranger writes, put into a script by an expression. Default refuse.
    pub template_injection: Level,
    /// The same with text of unknown origin: inputs, outputs, names of branches. Default warn.
    pub possible_injection: Level,
    /// Expressions that cannot be read. Default warn.
    pub bad_expression: Level,
    /// `write-all`. Default refuse.
    pub wide_permissions: Level,
    /// `read-all`, and rights to write for all of several jobs. Default warn.
    pub broad_permissions: Level,
    /// Jobs whose rights the settings of the repository decide. Default warn.
    pub missing_permissions: Level,
    /// Checkouts that leave their token behind. Default warn.
    pub persisted_credentials: Level,
    /// Checkouts whose token is uploaded. Default refuse.
    pub leaked_credentials: Level,
    /// Caches where something is published. Default warn.
    pub cache_poisoning: Level,
    /// Machines of ours that strangers' changes reach. Default warn.
    pub self_hosted: Level,
    /// `secrets: inherit`. Default warn.
    pub inherited_secrets: Level,
    /// All secrets at once, or one for every step. Default warn.
    pub exposed_secrets: Level,
    /// Passwords of registries in the file. Default refuse.
    pub hardcoded_credentials: Level,
    /// What a stranger's run left, unpacked over the workspace or read into the environment. Default refuse.
    pub unsafe_artifact: Level,
    /// Text that a stranger writes, put into `GITHUB_ENV` or `GITHUB_PATH`. Default refuse.
    pub untrusted_environment: Level,
    /// `ACTIONS_ALLOW_UNSECURE_COMMANDS`. Default refuse.
    pub insecure_commands: Level,
    /// Bots that are recognised by the actor's name. Default warn.
    pub bot_condition: Level,
    /// Conditions that are always true. Default warn.
    pub always_true: Level,
    /// Required checks that are green, or never come, when nothing was checked. Default warn.
    pub skipped_check: Level,
    /// Jobs without `timeout-minutes`. Default warn.
    pub missing_timeout: Level,
    /// What only zizmor looks for. Default warn.
    pub zizmor: Level,
    /// Whether zizmor is asked where it is installed: auto or off. Default auto.
    pub ask_zizmor: AskZizmor,
    /// Actions that need no commit: `owner/*` or `owner/name`, each for a good reason written beside it. Default none.
    pub trusted_actions: Vec<String>,
    /// Workflows that may start by a privileged trigger: somebody has read them. Default none.
    pub privileged: Vec<String>,
    /// Names of the checks that a ruleset requires. Where none is named, a job that only waits for others and is called so
    /// (`required`, `gate`, `all-green`) is taken for one. Default none.
    pub required_checks: Vec<String>,
    /// Path prefixes that are not looked at. Default none.
    pub skip: Vec<String>,
}

impl Default for WorkflowsPolicy {
    fn default() -> Self {
        let (refuse, warn) = (Level::Refuse, Level::Warn);
        WorkflowsPolicy {
            unpinned_action: refuse,
            unpinned_image: warn,
            head_checkout: refuse,
            privileged_trigger: warn,
            template_injection: refuse,
            possible_injection: warn,
            bad_expression: warn,
            wide_permissions: refuse,
            broad_permissions: warn,
            missing_permissions: warn,
            persisted_credentials: warn,
            leaked_credentials: refuse,
            cache_poisoning: warn,
            self_hosted: warn,
            inherited_secrets: warn,
            exposed_secrets: warn,
            hardcoded_credentials: refuse,
            unsafe_artifact: refuse,
            untrusted_environment: refuse,
            insecure_commands: refuse,
            bot_condition: warn,
            always_true: warn,
            skipped_check: warn,
            missing_timeout: warn,
            zizmor: warn,
            ask_zizmor: AskZizmor::Auto,
            trusted_actions: Vec::new(),
            privileged: Vec::new(),
            required_checks: Vec::new(),
            skip: Vec::new(),
        }
    }
}
