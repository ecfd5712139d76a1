//! Conditions, required checks, ends, and aliases.

use super::*;

#[test]
fn bots_are_not_told_by_the_actor() {
    let run =
        |event: &str, condition: &str| job(event, &format!("      - run: a\n        if: {condition}\n"));
    let audit = Audit::BotCondition;
    check(audit, &run("pull_request_target", "github.actor == 'dependabot[bot]'"), &[9]);
    check(audit, &run("pull_request_target", "always() && 'dependabot[bot]' == github.actor"), &[9]);
    check(audit, &run("pull_request_target", "github.actor != 'dependabot[bot]'"), &[]);
    check(audit, &run("pull_request", "github.actor == 'dependabot[bot]'"), &[]);
    check(
        audit,
        &run("pull_request_target", "github.event.pull_request.user.login == 'dependabot[bot]'"),
        &[],
    );
}

#[test]
fn conditions_can_be_false() {
    let run = |condition: &str| job("push", &format!("      - run: a\n        if: {condition}\n"));
    let audit = Audit::AlwaysTrue;
    check(audit, &run("${{ github.ref }} == 'x'"), &[9]);
    check(audit, &run("\"${{ github.ref == 'x' }}\\n\""), &[9]);
    check(audit, &run("${{ github.ref == 'x' }}"), &[]);
    check(audit, &run("github.ref == 'x'"), &[]);
}

#[test]
fn a_required_check_says_what_it_waited_for() {
    let roll_up = |on: &str, condition: &str, run: &str| {
        format!(
            "on: {on}\njobs:\n  a: {{steps: [{{run: a}}]}}\n  required:\n    needs: [a]\n{condition}    steps: [{{run: \"{run}\"}}]\n"
        )
    };
    let audit = Audit::SkippedCheck;
    let (always, looks) = ("    if: always()\n", "test ${{ needs.a.result }} = success");
    check(audit, &roll_up("pull_request", always, looks), &[]);
    check(audit, &roll_up("pull_request", "", looks), &[4]);
    check(audit, &roll_up("pull_request", always, "echo ok"), &[4]);
    check(audit, &roll_up("push", "", looks), &[]);
    check(audit, &roll_up("{pull_request: {paths: [src]}}", always, looks), &[1]);
    let named = found(
        "on: {pull_request: {paths: [src]}}\njobs:\n  a: {name: Build, steps: [{run: a}]}\n",
        &["Build"],
    );
    assert!(named.contains(&(audit, 1)), "{named:?}");
}

#[test]
fn jobs_end() {
    check(Audit::MissingTimeout, "on: push\njobs:\n  a: {steps: [{run: a}]}\n  b: {uses: ./x.yml}\n", &[3]);
    check(Audit::MissingTimeout, "on: push\njobs:\n  a: {steps: [{run: a, timeout-minutes: 1}]}\n", &[]);
}

#[test]
fn an_alias_is_looked_at_where_it_is_used() {
    let text = "on: issues\njobs:\n  a:\n    steps: &s\n      - run: echo ${{ github.event.issue.title }}\n  b:\n    steps: *s\n";
    check(Audit::TemplateInjection, text, &[5, 5]);
}
