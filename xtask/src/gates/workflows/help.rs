//! What to do about a finding, and why that is enough.

use crate::evidence::workflows::{Audit, WorkflowFound};

/// The next step.
pub(super) fn of(found: &WorkflowFound) -> String {
    let name = found.name.as_deref().unwrap_or_default();
    match found.audit {
        Audit::Unreadable => "mend it: GitHub does not take it either; `actionlint` tells more".to_owned(),
        Audit::UnpinnedAction => format!(
            "write the commit with its version beside it: git ls-remote https://github.com/{} 'refs/tags/v*', then \
             `uses: {name}@COMMIT # vX.Y.Z`; Dependabot and Renovate keep it new",
            name.split('/').take(2).collect::<Vec<_>>().join("/")
        ),
        Audit::UnpinnedImage => {
            format!(
                "docker buildx imagetools inspect {name}:TAG tells the digest; write `{name}:TAG@sha256:…`"
            )
        }
        Audit::UnnamedVersion => {
            "write the version behind each commit: `# v1.2.3`; Dependabot keeps both".to_owned()
        }
        Audit::Zizmor => format!("https://docs.zizmor.sh/audits/#{name} says why, and what to write instead"),
        audit => plain(audit).to_owned(),
    }
}

fn plain(audit: Audit) -> &'static str {
    match audit {
        Audit::HeadCheckout => {
            "let `pull_request` run the change, without secrets, and let a second workflow (`workflow_run`) act on its \
             result as data; see docs/operations/workflows.md of Gateline"
        }
        Audit::PrivilegedTrigger => {
            "use `pull_request` where that is enough; else read the workflow for code and data of strangers, and put its path \
             under `workflows.privileged` in policies/security.yaml"
        }
        Audit::TemplateInjection | Audit::PossibleInjection => {
            "give it to the script as a variable: `env: {NAME: ${{ … }}}` on the step and \"$NAME\" in the script \
             (`process.env.NAME` in github-script)"
        }
        Audit::BadExpression => "mend the expression: GitHub refuses the workflow or takes it for text",
        Audit::WidePermissions | Audit::BroadPermissions => {
            "write `permissions: {}` at the top, and on each job only what it needs, such as `contents: read`"
        }
        Audit::MissingPermissions => {
            "write `permissions: {}` at the top, and `permissions: {contents: read}` on each job that checks the code out"
        }
        Audit::PersistedCredentials => {
            "`with: {persist-credentials: false}` on the checkout; where the job pushes, `true` says that it is meant"
        }
        Audit::LeakedCredentials => {
            "`persist-credentials: false` on the checkout, and upload only what is needed instead of the whole folder"
        }
        Audit::CachePoisoning => "build what is published without a cache, or with `lookup-only: true`",
        Audit::SelfHosted => {
            "run strangers' changes on machines of GitHub's, or require approval for all outside contributors and use machines \
             that live for one job; in a private repository, waive it"
        }
        Audit::InheritedSecrets => "name the secrets that it needs: `secrets: {TOKEN: ${{ secrets.TOKEN }}}`",
        Audit::ExposedSecrets => "give each step the secrets that it needs by name, in its own `env:`",
        Audit::HardcodedCredentials => {
            "revoke the password where it was issued, then write `password: ${{ secrets.NAME }}`"
        }
        Audit::UnsafeArtifact => {
            "unpack it into a folder of its own (`path: ${{ runner.temp }}/artifact`), and read single, checked values from it"
        }
        Audit::UntrustedEnvironment => {
            "give it to the later step through its own `env:` instead of GITHUB_ENV or GITHUB_PATH"
        }
        Audit::InsecureCommands => {
            "remove the variable, and write to the file \"$GITHUB_ENV\" instead of `::set-env::`"
        }
        Audit::BotCondition => {
            "ask who opened it: `github.event.pull_request.user.login == 'dependabot[bot]'`"
        }
        Audit::AlwaysTrue => {
            "put the whole condition between `${{` and `}}`, or write it without them; a block needs `>-` or `|-`"
        }
        Audit::SkippedCheck => {
            "one job that needs all others, with `if: ${{ always() }}`, that fails unless each result is `success`: \
             `gateline ci rollup` does that"
        }
        _ => "write `timeout-minutes:` on the job, some times what it usually takes",
    }
}
