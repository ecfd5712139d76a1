//! Each audit on a workflow that it finds and on the same one mended.

mod checks;

use super::super::model::{self, Kind};
use super::*;

/// A commit, as an action is pinned.
const PIN: &str = "0123456789abcdef0123456789abcdef01234567 # v4.2.0";

/// The findings of a workflow: audit and line.
fn found(text: &str, required: &[&str]) -> Vec<(Audit, u32)> {
    let document = model::read(".github/workflows/w.yml", text, Kind::Workflow);
    let document = document.unwrap_or_else(|flaw| panic!("{text}: {flaw:?}")).unwrap();
    let required: Vec<String> = required.iter().map(|name| (*name).to_owned()).collect();
    look(&document, &required).0.into_iter().map(|one| (one.audit, one.line)).collect()
}

#[track_caller]
fn check(audit: Audit, text: &str, expected: &[u32]) {
    let text = text.replace("PIN", PIN);
    let lines: Vec<u32> =
        found(&text, &[]).into_iter().filter(|(own, _)| *own == audit).map(|(_, line)| line).collect();
    assert_eq!(lines, expected, "{}: {text}", audit.name());
}

/// A workflow for this event whose only job has these steps, which begin at line 8.
fn job(event: &str, steps: &str) -> String {
    format!(
        "on: {event}\npermissions: {{}}\njobs:\n  a:\n    runs-on: x\n    timeout-minutes: 5\n    steps:\n{steps}"
    )
}

fn action(text: &str) -> Vec<Audit> {
    let document = model::read("action.yml", text, Kind::Action).unwrap().unwrap();
    look(&document, &[]).0.into_iter().map(|one| one.audit).collect()
}

#[test]
fn a_plain_workflow_has_nothing() {
    let text = job(
        "pull_request",
        "      - uses: actions/checkout@PIN\n        with: {persist-credentials: false}\n      - run: make\n",
    );
    assert_eq!(found(&text.replace("PIN", PIN), &[]), []);
}

#[test]
fn actions_are_pinned_by_commit_and_images_by_digest() {
    let pinned = Audit::UnpinnedAction;
    check(
        pinned,
        &job("push", "      - uses: a/b@v4\n      - uses: a/b@PIN\n      - uses: ./x\n      - uses: $/x\n"),
        &[8],
    );
    check(pinned, &job("push", "      - uses: a/b\n      - uses: a/b/c@main\n"), &[8, 9]);
    check(pinned, &job("push", "      - uses: a/b@0123456\n"), &[8]);
    check(pinned, "on: push\njobs:\n  a:\n    uses: a/b/.github/workflows/c.yml@main\n", &[4]);
    let image = Audit::UnpinnedImage;
    let digest = "a@sha256:0123";
    check(
        image,
        &job("push", &format!("      - uses: docker://a:1\n      - uses: docker://{digest}\n")),
        &[8],
    );
    let of = |container: &str| {
        format!(
            "on: push\njobs:\n  a:\n    container: {container}\n    services: {{d: {{image: 'd:1'}}}}\n    steps: [{{run: a}}]\n"
        )
    };
    check(image, &of("c:1"), &[4, 5]);
    check(image, &of(digest), &[5]);
    check(image, &of("${{ matrix.image }}"), &[5]);
    check(
        Audit::UnnamedVersion,
        &job("push", "      - uses: a/b@0123456789abcdef0123456789abcdef01234567\n"),
        &[8],
    );
}

#[test]
fn text_of_strangers_does_not_become_a_script() {
    let audit = Audit::TemplateInjection;
    let run = |expression: &str| {
        job("issues", &format!("      - run: |\n          echo hi\n          echo '{expression}'\n"))
    };
    check(audit, &run("${{ github.event.issue.title }}"), &[10]);
    check(audit, &run("${{ github.event['issue']['title'] }}"), &[10]);
    check(audit, &run("${{ format('{0}', github.event.issue.body) }}"), &[10]);
    check(audit, &run("${{ github.event.issue.number }}"), &[]);
    check(audit, &run("${{ contains(github.event.issue.title, 'x') }}"), &[]);
    check(audit, &run("$TITLE"), &[]);
    let by_variable = "      - env: {T: '${{ github.head_ref }}'}\n        run: echo ${{ env.T }}\n";
    check(audit, &job("pull_request", by_variable), &[9]);
    let script = "      - uses: actions/github-script@PIN\n        with:\n          script: f('${{ github.head_ref }}')\n";
    check(audit, &job("pull_request", script), &[10]);
    let handed = "on: pull_request\njobs:\n  b:\n    outputs: {t: '${{ github.head_ref }}'}\n    steps: [{run: a}]\n  \
                  a:\n    needs: b\n    steps:\n      - run: echo ${{ needs.b.outputs.t }}\n";
    check(audit, handed, &[9]);
}

#[test]
fn text_of_unknown_origin_is_told_apart() {
    let audit = Audit::PossibleInjection;
    let run = |expression: &str| job("push", &format!("      - run: echo ${{{{ {expression} }}}}\n"));
    check(audit, &run("steps.x.outputs.y"), &[8]);
    check(audit, &run("github.ref_name"), &[8]);
    check(audit, &run("env.SET_BY_A_STEP"), &[8]);
    for safe in ["github.sha", "steps.x.outputs.cache-hit", "needs.x.result", "runner.os", "github.run_id"] {
        check(audit, &run(safe), &[]);
    }
    let results = |before: &str| {
        format!(
            "on: push\njobs:\n  b: {{steps: [{{run: a}}]{before}}}\n  a:\n    needs: b\n    steps:\n      - run: echo '${{{{ toJSON(needs) }}}}'\n"
        )
    };
    check(audit, &results(""), &[]);
    check(audit, &results(", outputs: {c: '${{ steps.d.outputs.e }}'}"), &[7]);
    let typed = |kind: &str| {
        format!(
            "on: {{workflow_dispatch: {{inputs: {{n: {{type: {kind}}}}}}}}}\njobs:\n  a:\n    steps:\n      - run: echo ${{{{ inputs.n }}}}\n"
        )
    };
    check(audit, &typed("string"), &[5]);
    check(audit, &typed("number"), &[]);
    let matrix = |values: &str| {
        format!(
            "on: push\njobs:\n  a:\n    strategy: {{matrix: {values}}}\n    steps:\n      - run: echo ${{{{ matrix.v }}}}\n"
        )
    };
    check(audit, &matrix("{v: [1, 2]}"), &[]);
    check(audit, &matrix("{include: [{v: 1}]}"), &[]);
    check(audit, &matrix("{v: '${{ fromJSON(needs.x.outputs.y) }}'}"), &[6]);
    check(audit, &matrix("'${{ fromJSON(needs.x.outputs.y) }}'"), &[6]);
    let composite =
        "runs:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.name }}\n      shell: bash\n";
    assert_eq!(action(composite), [audit]);
}

#[test]
fn an_expression_that_cannot_be_read_is_told() {
    check(
        Audit::BadExpression,
        &job("push", "      - run: echo ${{ a b }}\n      - run: echo ${{ fromJSON( }}\n"),
        &[8, 9],
    );
}

#[test]
fn strangers_code_is_not_checked_out_where_secrets_are() {
    let audit = Audit::HeadCheckout;
    let checkout = |event: &str, condition: &str, reference: &str| {
        job(
            event,
            &format!(
                "      - if: {condition}\n        uses: actions/checkout@PIN\n        with:\n          ref: {reference}\n"
            ),
        )
    };
    let head = "${{ github.event.pull_request.head.sha }}";
    check(audit, &checkout("pull_request_target", "always()", head), &[11]);
    check(audit, &checkout("pull_request", "always()", head), &[]);
    check(audit, &checkout("pull_request_target", "github.event_name == 'push'", head), &[]);
    check(audit, &checkout("pull_request_target", "always()", "${{ github.base_ref }}"), &[]);
    check(audit, &checkout("workflow_run", "always()", "${{ github.event.workflow_run.head_sha }}"), &[11]);
    check(
        audit,
        &checkout("issue_comment", "always()", "refs/pull/${{ github.event.issue.number }}/merge"),
        &[11],
    );
    let guarded = "github.event.pull_request.head.repo.full_name == github.repository";
    check(audit, &checkout("pull_request_target", guarded, head), &[]);
    check(audit, &job("issue_comment", "      - run: |\n          gh pr checkout 1\n          make\n"), &[9]);
}

#[test]
fn privileged_triggers_are_told_where_strangers_get_in() {
    let audit = Audit::PrivilegedTrigger;
    check(audit, &job("pull_request_target", "      - run: a\n"), &[1]);
    check(audit, &job("[push, workflow_run]", "      - run: a\n"), &[1]);
    check(audit, &job("pull_request", "      - run: a\n"), &[]);
    let only_ours = job("workflow_run", "      - run: a\n")
        .replace("    runs-on: x\n", "    runs-on: x\n    if: github.event.workflow_run.event == 'push'\n");
    check(audit, &only_ours, &[]);
}

#[test]
fn permissions_are_said_and_small() {
    let jobs =
        "jobs:\n  a: {steps: [{run: a}], timeout-minutes: 1}\n  b: {steps: [{run: a}], timeout-minutes: 1}\n";
    check(Audit::MissingPermissions, &format!("on: push\n{jobs}"), &[3]);
    check(Audit::MissingPermissions, &format!("on: push\npermissions: {{}}\n{jobs}"), &[]);
    check(Audit::MissingPermissions, &format!("on: workflow_call\n{jobs}"), &[]);
    check(Audit::WidePermissions, &format!("on: push\npermissions: write-all\n{jobs}"), &[2]);
    check(Audit::BroadPermissions, &format!("on: push\npermissions: read-all\n{jobs}"), &[2]);
    check(Audit::BroadPermissions, &format!("on: push\npermissions: {{contents: write}}\n{jobs}"), &[2]);
    check(Audit::BroadPermissions, &format!("on: push\npermissions: {{contents: read}}\n{jobs}"), &[]);
    check(
        Audit::WidePermissions,
        "on: push\njobs:\n  a:\n    permissions: write-all\n    steps: [{run: a}]\n",
        &[4],
    );
}

#[test]
fn credentials_do_not_stay_behind() {
    let audit = Audit::PersistedCredentials;
    let checkout = |with: &str| format!("      - uses: actions/checkout@PIN\n        with: {{{with}}}\n");
    check(audit, &job("push", "      - uses: actions/checkout@PIN\n"), &[8]);
    check(audit, &job("push", &checkout("fetch-depth: 0")), &[8]);
    check(audit, &job("push", &checkout("persist-credentials: false")), &[]);
    check(audit, &job("push", &checkout("persist-credentials: true")), &[]);
    let upload = |with: &str| {
        format!(
            "{}      - uses: actions/upload-artifact@PIN\n        with: {{{with}}}\n",
            checkout("persist-credentials: true")
        )
    };
    let leaked = Audit::LeakedCredentials;
    check(leaked, &job("push", &upload("path: ., include-hidden-files: true")), &[10]);
    check(leaked, &job("push", &upload("path: .")), &[10]);
    check(leaked, &job("push", &upload("path: .").replace("artifact@PIN", "artifact@v4")), &[]);
    check(leaked, &job("push", &upload("path: target")), &[]);
}

#[test]
fn the_fix_is_a_line_that_makes_it_good() {
    let fixed = |steps: &str| {
        let text = job("push", steps).replace("PIN", PIN);
        let document = model::read(".github/workflows/w.yml", &text, Kind::Workflow).unwrap().unwrap();
        let (found, _) = look(&document, &[]);
        let one = found.iter().find(|one| one.audit == Audit::PersistedCredentials).expect("a finding");
        let [edit] = one.fix.as_slice() else { return None };
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.insert(edit.line as usize - 1, &edit.replacement);
        Some(lines.concat())
    };
    for steps in [
        "      - uses: actions/checkout@PIN\n      - run: a\n",
        "      - name: x\n        uses: actions/checkout@PIN\n        with:\n          fetch-depth: 0\n",
    ] {
        check(Audit::PersistedCredentials, &fixed(steps).expect("a fix"), &[]);
    }
    for steps in [
        "      - {uses: actions/checkout@v4}\n",
        "      - uses: actions/checkout@PIN\n      - run: git push\n",
        "      - uses: actions/checkout@PIN\n        with: {fetch-depth: 0}\n",
    ] {
        assert_eq!(fixed(steps), None, "{steps}");
    }
}

#[test]
fn what_is_published_comes_from_no_cache() {
    let audit = Audit::CachePoisoning;
    let cache = "      - uses: actions/cache@PIN\n        with: {path: a, key: b}\n";
    check(audit, &job("{push: {tags: ['v*']}}", cache), &[8]);
    check(audit, &job("release", cache), &[8]);
    check(audit, &job("push", cache), &[]);
    check(audit, &job("push", &format!("{cache}      - run: cargo publish\n")), &[8]);
    check(audit, &job("push", &format!("{cache}      - run: cargo publish --dry-run\n")), &[]);
    check(
        audit,
        &job("release", "      - uses: actions/setup-node@PIN\n        with: {node-version: 20}\n"),
        &[],
    );
    check(audit, &job("release", "      - uses: actions/setup-node@PIN\n        with: {cache: npm}\n"), &[8]);
    check(audit, &job("release", "      - uses: actions/setup-go@PIN\n"), &[8]);
    let not_for_tags = cache.replace("      - uses", "      - if: github.ref_type != 'tag'\n        uses");
    check(audit, &job("[push, release]", &format!("{not_for_tags}      - run: cargo publish\n")), &[]);
    let fed = "on: push\njobs:\n  a:\n    steps:\n      - uses: Swatinem/rust-cache@PIN\n      - uses: actions/upload-artifact@PIN\n  \
               b:\n    needs: a\n    steps: [{run: gh release create}]\n";
    check(audit, fed, &[5]);
}

#[test]
fn our_machines_are_not_for_strangers() {
    let on = |event: &str, runner: &str| {
        job(event, "      - run: a\n").replace("runs-on: x", &format!("runs-on: {runner}"))
    };
    check(Audit::SelfHosted, &on("pull_request", "[self-hosted, linux]"), &[5]);
    check(Audit::SelfHosted, &on("pull_request", "{group: ours}"), &[5]);
    check(Audit::SelfHosted, &on("push", "self-hosted"), &[]);
    check(Audit::SelfHosted, &on("pull_request", "ubuntu-24.04"), &[]);
}

#[test]
fn secrets_go_where_they_are_needed() {
    check(Audit::InheritedSecrets, "on: push\njobs:\n  a:\n    uses: ./x.yml\n    secrets: inherit\n", &[5]);
    let exposed = Audit::ExposedSecrets;
    check(exposed, &job("push", "      - run: a\n        env: {S: '${{ toJSON(secrets) }}'}\n"), &[9]);
    check(exposed, &job("push", "      - run: a\n        env: {S: '${{ secrets[matrix.x] }}'}\n"), &[9]);
    check(exposed, &job("push", "      - run: a\n        env: {S: '${{ secrets.A }}'}\n"), &[]);
    check(exposed, &format!("env:\n  S: ${{{{ secrets.A }}}}\n{}", job("push", "      - run: a\n")), &[2]);
    check(exposed, &job("push", "      - run: a\n        if: secrets.A != ''\n"), &[9]);
    let password = |value: &str| {
        format!(
            "on: push\njobs:\n  a:\n    container:\n      image: a@sha256:0\n      credentials: {{username: a, password: {value}}}\n    steps: [{{run: a}}]\n"
        )
    };
    check(Audit::HardcodedCredentials, &password("hunter2"), &[6]);
    check(Audit::HardcodedCredentials, &password("'${{ secrets.P }}'"), &[]);
    check(
        Audit::InsecureCommands,
        &job("push", "      - run: a\n        env: {ACTIONS_ALLOW_UNSECURE_COMMANDS: true}\n"),
        &[9],
    );
}

#[test]
fn what_strangers_left_is_data() {
    let audit = Audit::UnsafeArtifact;
    let fetch = |path: &str| {
        format!("      - uses: actions/download-artifact@PIN\n        with: {{run-id: 1{path}}}\n")
    };
    let checkout = "      - uses: actions/checkout@PIN\n";
    check(audit, &job("workflow_run", &format!("{checkout}{}", fetch(""))), &[9]);
    check(audit, &job("workflow_run", &fetch("")), &[]);
    check(audit, &job("workflow_run", &format!("{checkout}{}", fetch(", path: artifact"))), &[]);
    check(audit, &job("push", &fetch("")), &[]);
    let read = "      - run: echo \"n=$(cat artifact/n)\" >> \"$GITHUB_ENV\"\n";
    check(audit, &job("workflow_run", &format!("{}{read}", fetch(", path: artifact"))), &[10]);
    check(audit, &job("workflow_run", read), &[]);
}

#[test]
fn strangers_set_no_variables_of_later_steps() {
    let audit = Audit::UntrustedEnvironment;
    let run = |script: &str| {
        job(
            "issues",
            &format!("      - env: {{T: '${{{{ github.event.issue.title }}}}'}}\n        run: {script}\n"),
        )
    };
    check(audit, &run("echo \"T=$T\" >> \"$GITHUB_ENV\""), &[9]);
    check(audit, &run("echo \"T=${T}\" >> $GITHUB_PATH"), &[9]);
    check(audit, &run("echo \"T=$TODAY\" >> \"$GITHUB_ENV\""), &[]);
    check(audit, &run("echo \"$T\""), &[]);
    check(
        audit,
        &run(
            "|\n          {\n            echo \"A<<E\"; echo \"$T\"; echo E\n          } >> \"$GITHUB_ENV\"",
        ),
        &[12],
    );
}
