//! The step *policy*: which policies judge a change, the waivers in force, and what the change does to both.
//!
//! With `--policy-ref REF` the policies of that commit judge, and the working tree's are compared with them.

use super::Ask;
use super::measure::Measurer;
use crate::commands::context::{Context, InForce, Judged};
use crate::evidence::Measured;
use crate::evidence::policy::{Comparison, Found, PolicyEvidence, Scope};
use crate::policy::{PolicySet, PolicySource, Texts, loosened};
use crate::tools::git;
use crate::workspace::Workspace;

/// Whose policies judge.
struct PolicyBase {
    /// The base, for people.
    name: String,
    /// Its commit.
    commit: String,
    /// The change's last commit.
    head: String,
}

/// The policies in force for judging this workspace.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] where the change's policies are wrong, whoever's judge.
pub(super) async fn in_force(
    context: &Context,
    workspace: &Workspace,
    _ask: &Ask,
) -> anyhow::Result<InForce> {
    let Some(base) = base_of(context, workspace).await? else { return context.policy(workspace).await };
    let texts = context.policies_here(workspace)?.unwrap_or_default();
    let new = PolicySet::parse(&texts, context.today())?;
    let old = match context.policies_at(workspace, &base.commit).await {
        Ok(None) => Ok(None),
        Ok(Some(texts)) => PolicySet::parse(&texts, context.today()).map(|set| Some((set, texts))),
        Err(error) => Err(error),
    };
    Ok(judged_by(&base, old, (new, texts)))
}

/// Chooses who judges, and compares.
fn judged_by(
    base: &PolicyBase,
    old: anyhow::Result<Option<(PolicySet, Texts)>>,
    (new, texts): (PolicySet, Texts),
) -> InForce {
    let mut comparison = Comparison {
        base: base.name.clone(),
        base_commit: base.commit.clone(),
        head_commit: base.head.clone(),
        old: PolicySet::default().hash(),
        new: new.hash(),
        found: Found::Policies,
        loosened: Vec::new(),
        approved_by: Vec::new(),
        not_counted: Vec::new(),
    };
    let mut waivers = new.waivers.clone();
    let (policy, source, texts) = match old {
        Ok(Some((old, old_texts))) => {
            comparison.old = old.hash();
            comparison.loosened = loosened::loosened(&old, &new, &texts);
            waivers.retain(|placed| loosened::was_in(&old, &placed.waiver));
            (old.policy, base.name.clone(), old_texts)
        }
        Ok(None) => {
            comparison.found = Found::Nothing;
            (new.policy, "worktree".to_owned(), texts)
        }
        Err(error) => {
            comparison.found = Found::Unreadable { why: format!("{error:#}") };
            waivers.clear();
            (new.policy, "worktree".to_owned(), texts)
        }
    };
    let source = PolicySource { source, hash: policy.hash() };
    InForce { policy, source, texts, judged: Some(Judged { comparison, waivers }) }
}

/// Whose policies judge, where it is not the working tree.
async fn base_of(context: &Context, workspace: &Workspace) -> anyhow::Result<Option<PolicyBase>> {
    let Some(reference) = &context.global.policy_ref else { return Ok(None) };
    let commit = git::commit(&context.world, &workspace.root, reference).await?;
    let head = workspace.repository.commit.clone();
    Ok(Some(PolicyBase { name: reference.clone(), commit, head }))
}

impl Measurer<'_> {
    /// What is known of waivers and policies. A file that is wrong ends the verb: nothing could be judged by it.
    pub(super) fn policy(&self) -> anyhow::Result<Measured<PolicyEvidence>> {
        let start = self.context.world.monotonic();
        let today = self.context.today();
        let (waivers, comparison) = match &self.in_force.judged {
            Some(judged) => (judged.waivers.clone(), Some(judged.comparison.clone())),
            None => (PolicySet::parse(&self.in_force.texts, today)?.waivers, None),
        };
        let evidence = PolicyEvidence {
            today,
            scope: if self.ask.is_whole() { Scope::Whole } else { Scope::Part },
            files: self.in_force.texts.len() as u64,
            waivers,
            comparison,
        };
        let took = self.context.world.monotonic().saturating_sub(start);
        let duration_millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(Measured { result: Ok(evidence), duration_millis })
    }
}

#[cfg(test)]
mod judges {
    use super::*;
    use jiff::civil::date;

    const WAIVER: &str =
        "waivers: [{code: tests/failed, subject: a, reason: r, owner: o, expires: 2026-12-20}]";

    fn side(files: &[(&str, &str)]) -> (PolicySet, Texts) {
        let texts: Texts =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        (PolicySet::parse(&texts, date(2026, 11, 24)).unwrap(), texts)
    }

    fn check(old: anyhow::Result<Option<(PolicySet, Texts)>>, new: &[(&str, &str)]) -> (InForce, Judged) {
        let base = PolicyBase { name: "main".into(), commit: "b".into(), head: "h".into() };
        let in_force = judged_by(&base, old, side(new));
        let judged = in_force.judged.clone().unwrap();
        (in_force, judged)
    }

    #[test]
    fn the_base_judges_and_a_waiver_that_the_change_brings_does_not_count() {
        let (in_force, judged) =
            check(Ok(Some(side(&[]))), &[("coverage.yaml", "minimum: 10"), ("waivers.yaml", WAIVER)]);
        assert_eq!(in_force.policy.coverage.minimum, crate::policy::Percent::whole(80));
        assert_eq!(in_force.source.source, "main");
        assert_eq!((judged.comparison.loosened.len(), judged.waivers.len()), (2, 0));
    }

    #[test]
    fn a_waiver_of_both_sides_counts_and_one_that_the_change_removes_does_not() {
        let base = || Ok(Some(side(&[("waivers.yaml", WAIVER)])));
        assert_eq!(check(base(), &[("waivers.yaml", WAIVER)]).1.waivers.len(), 1);
        assert_eq!(check(base(), &[]).1.waivers.len(), 0);
    }

    #[test]
    fn a_base_without_policies_lets_the_change_judge() {
        let (in_force, judged) =
            check(Ok(None), &[("coverage.yaml", "minimum: 10"), ("waivers.yaml", WAIVER)]);
        assert_eq!(in_force.source.source, "worktree");
        assert_eq!((judged.comparison.found, judged.waivers.len()), (Found::Nothing, 1));
        let (_, judged) = check(Err(anyhow::anyhow!("no YAML")), &[("waivers.yaml", WAIVER)]);
        assert_eq!(judged.waivers.len(), 0);
        assert!(matches!(judged.comparison.found, Found::Unreadable { .. }));
    }
}
