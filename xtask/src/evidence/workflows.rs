//! What workflows and actions of the repository do that they should not.

use super::lint::Edit;
use serde::{Deserialize, Serialize};

/// What was read, and what was found in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowsEvidence {
    /// Workflows that were read.
    pub workflows: u64,
    /// Definitions of actions that were read.
    pub actions: u64,
    /// Files that the policy leaves out.
    pub skipped: Vec<String>,
    /// Actions, reusable workflows and images that come from elsewhere, each time they are used.
    pub used: u64,
    /// Those of them that are pinned by commit or digest.
    pub pinned: u64,
    /// What was found, sorted by file and line.
    pub found: Vec<WorkflowFound>,
    /// What the second opinion said.
    pub zizmor: SecondOpinion,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkflowFound {
    /// Path relative to the workspace.
    pub file: String,
    /// Line, from 1; 0 where it speaks of the whole file.
    pub line: u32,
    /// What it is.
    pub audit: Audit,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The step of the job or of the action, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// What and why, for people.
    pub message: String,
    /// What the policy may trust by name: an action (`owner/name`), or the audit that only zizmor has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What would be written instead, where that is sure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fix: Vec<Edit>,
}

/// What is looked for. The name is the second half of the finding's code, and the policy's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audit {
    /// No workflow that GitHub would take, or none that we can read.
    Unreadable,
    /// An action by tag or branch.
    UnpinnedAction,
    /// An image without its digest.
    UnpinnedImage,
    /// A commit without the version beside it.
    UnnamedVersion,
    /// Code of a stranger, checked out where secrets and write access are.
    HeadCheckout,
    /// A trigger that gives strangers' events secrets and write access.
    PrivilegedTrigger,
    /// Text of a stranger becomes a script.
    TemplateInjection,
    /// Text of unknown origin becomes a script.
    PossibleInjection,
    /// An expression that cannot be read.
    BadExpression,
    /// `write-all`.
    WidePermissions,
    /// Rights for all jobs that some need.
    BroadPermissions,
    /// Rights that the repository's settings decide.
    MissingPermissions,
    /// The checkout's token stays where later steps find it.
    PersistedCredentials,
    /// That token is uploaded.
    LeakedCredentials,
    /// What is released is built from a cache.
    CachePoisoning,
    /// Strangers' changes on our own machines.
    SelfHosted,
    /// Every secret handed to another workflow.
    InheritedSecrets,
    /// More secrets than a step needs.
    ExposedSecrets,
    /// A password in the file.
    HardcodedCredentials,
    /// What a stranger's run left is unpacked or read as if it were ours.
    UnsafeArtifact,
    /// Text of a stranger becomes an environment variable or a path of later steps.
    UntrustedEnvironment,
    /// Commands that GitHub switched off.
    InsecureCommands,
    /// A bot recognised by a name that a stranger can bring about.
    BotCondition,
    /// A condition that is always true.
    AlwaysTrue,
    /// A required check that is green when nothing was checked.
    SkippedCheck,
    /// A job that may hang for six hours.
    MissingTimeout,
    /// What only zizmor looks for.
    Zizmor,
}

/// What the installed zizmor said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum SecondOpinion {
    /// It is not installed.
    #[default]
    Absent,
    /// There was nothing to ask it about, or the policy does not ask it.
    NotAsked,
    /// It answered.
    Answered {
        /// Its version.
        version: String,
        /// What it found.
        findings: u64,
        /// How many of those were found here too.
        agreed: u64,
    },
    /// It gave no answer that can be read.
    Failed {
        /// What failed.
        why: String,
    },
}

impl WorkflowsEvidence {
    /// Adds what was found in another folder, whose files lie at `up` from the workspace.
    pub fn add(&mut self, other: WorkflowsEvidence, up: &str) {
        let WorkflowsEvidence { workflows, actions, skipped, used, pinned, found, zizmor } = other;
        self.workflows += workflows;
        self.actions += actions;
        self.used += used;
        self.pinned += pinned;
        let from_here = |file: String| format!("{up}{file}");
        self.skipped.extend(skipped.into_iter().map(from_here));
        self.found.extend(found.into_iter().map(|mut one| {
            one.file = from_here(one.file);
            one.fix.iter_mut().for_each(|edit| edit.file = from_here(std::mem::take(&mut edit.file)));
            one
        }));
        self.found.sort();
        self.zizmor = std::mem::take(&mut self.zizmor).and(zizmor);
    }
}

impl SecondOpinion {
    /// Both of two: an answer counts where there is one, and a failure always.
    fn and(self, other: SecondOpinion) -> SecondOpinion {
        use SecondOpinion::{Absent, Answered, Failed, NotAsked};
        match (self, other) {
            (Failed { why }, _) | (_, Failed { why }) => Failed { why },
            (Answered { version, findings, agreed }, Answered { findings: more, agreed: with, .. }) => {
                Answered { version, findings: findings + more, agreed: agreed + with }
            }
            (NotAsked, one) | (one, NotAsked) => one,
            (Absent, _) | (_, Absent) => Absent,
        }
    }
}

impl Audit {
    /// Every audit, in the order of the documentation.
    pub const ALL: [Audit; 27] = [
        Audit::Unreadable,
        Audit::UnpinnedAction,
        Audit::UnpinnedImage,
        Audit::UnnamedVersion,
        Audit::HeadCheckout,
        Audit::PrivilegedTrigger,
        Audit::TemplateInjection,
        Audit::PossibleInjection,
        Audit::BadExpression,
        Audit::WidePermissions,
        Audit::BroadPermissions,
        Audit::MissingPermissions,
        Audit::PersistedCredentials,
        Audit::LeakedCredentials,
        Audit::CachePoisoning,
        Audit::SelfHosted,
        Audit::InheritedSecrets,
        Audit::ExposedSecrets,
        Audit::HardcodedCredentials,
        Audit::UnsafeArtifact,
        Audit::UntrustedEnvironment,
        Audit::InsecureCommands,
        Audit::BotCondition,
        Audit::AlwaysTrue,
        Audit::SkippedCheck,
        Audit::MissingTimeout,
        Audit::Zizmor,
    ];

    /// Its name in codes; the policy's key is the same with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Audit::Unreadable => "unreadable",
            Audit::UnpinnedAction => "unpinned-action",
            Audit::UnpinnedImage => "unpinned-image",
            Audit::UnnamedVersion => "unnamed-version",
            Audit::HeadCheckout => "head-checkout",
            Audit::PrivilegedTrigger => "privileged-trigger",
            Audit::TemplateInjection => "template-injection",
            Audit::PossibleInjection => "possible-injection",
            Audit::BadExpression => "bad-expression",
            Audit::WidePermissions => "wide-permissions",
            Audit::BroadPermissions => "broad-permissions",
            Audit::MissingPermissions => "missing-permissions",
            Audit::PersistedCredentials => "persisted-credentials",
            Audit::LeakedCredentials => "leaked-credentials",
            Audit::CachePoisoning => "cache-poisoning",
            Audit::SelfHosted => "self-hosted",
            Audit::InheritedSecrets => "inherited-secrets",
            Audit::ExposedSecrets => "exposed-secrets",
            Audit::HardcodedCredentials => "hardcoded-credentials",
            Audit::UnsafeArtifact => "unsafe-artifact",
            Audit::UntrustedEnvironment => "untrusted-environment",
            Audit::InsecureCommands => "insecure-commands",
            Audit::BotCondition => "bot-condition",
            Audit::AlwaysTrue => "always-true",
            Audit::SkippedCheck => "skipped-check",
            Audit::MissingTimeout => "missing-timeout",
            Audit::Zizmor => "zizmor",
        }
    }
}
