//! The step *policy*: which policies judge a change, the waivers in force, and what the change does to both.
//!
//! With `--policy-ref REF` or `--base REF`, on pull requests and in merge queues the policies of that commit judge, and the
//! working tree's are compared with them. A plain run on a laptop and a push are judged by the working tree's.

use super::Ask;
use super::measure::Measurer;
use crate::commands::context::{Context, InForce, Judged};
use crate::commands::github;
use crate::evidence::policy::{Comparison, Found, PolicyEvidence, Scope};
use crate::evidence::{CouldNotRun, Measured};
use crate::failure::Failure;
use crate::policy::approvers::{Approval, Approved};
use crate::policy::{PolicySet, PolicySource, Texts, loosened};
use crate::tools::approvals;
use crate::tools::cargo::Network;
use crate::tools::ci_event::{self, Occasion};
use crate::tools::git;
use crate::tools::git::BaseRequest;
use crate::workspace::Workspace;
use jiff::civil::Date;

/// Whose policies judge.
struct PolicyBase {
    /// The base, for people.
    name: String,
    /// The base, for git.
    reference: String,
    /// Its commit.
    commit: String,
    /// The change's last commit.
    head: String,
}

/// The policies in force for judging this workspace. Where there should be a base and it cannot be had, the gate says so.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] where the change's policies are wrong, whoever's judge.
pub(super) async fn in_force(context: &Context, workspace: &Workspace, ask: &Ask) -> anyhow::Result<InForce> {
    let (base, found) = match base_of(context, workspace, ask).await? {
        Ok(Some(base)) => base,
        Ok(None) => return context.policy(workspace).await,
        Err(why) => return Ok(InForce { unknown: Some(why), ..context.policy(workspace).await? }),
    };
    let texts = context.policies_here(workspace)?.unwrap_or_default();
    let new = PolicySet::parse(&texts, context.today())?;
    let old = match context.policies_at(workspace, &base.commit).await {
        Ok(None) => Ok(None),
        Ok(Some(texts)) => PolicySet::parse(&texts, context.today()).map(|set| Some((set, texts))),
        Err(error) => Err(error),
    };
    let approvals = match &old {
        Ok(Some((old, _))) if old.hash() != new.hash() => {
            let of = Approved { commit: base.head.clone(), base: old.hash(), head: new.hash() };
            approvals(context, workspace, &of).await?
        }
        _ => Vec::new(),
    };
    let in_force = judged_by(&base, old, (new, texts), (&approvals, context.today()));
    Ok(InForce { found, ..in_force })
}

/// Approvals that were given for a commit: signed ones, here or at the remote, and reviews on GitHub.
async fn approvals(
    context: &Context,
    workspace: &Workspace,
    of: &Approved,
) -> anyhow::Result<Vec<Result<Approval, String>>> {
    let (world, root, commit) = (&context.world, workspace.root.as_path(), of.commit.as_str());
    if context.network() == Network::Online && git::setting(world, root, "remote.origin.url").await.is_some()
    {
        approvals::bring(world, root, "origin", commit).await;
    }
    let mut all = approvals::of(world, root, commit).await?;
    all.extend(github::reviews::approvals(context, of).await);
    Ok(all)
}

/// Chooses who judges, and compares. Approvals are values here, whoever authenticated them.
fn judged_by(
    base: &PolicyBase,
    old: anyhow::Result<Option<(PolicySet, Texts)>>,
    (new, texts): (PolicySet, Texts),
    (approvals, today): (&[Result<Approval, String>], Date),
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
            count(&mut comparison, &old, approvals, today);
            if comparison.approved_by.is_empty() {
                waivers.retain(|placed| loosened::was_in(&old, &placed.waiver));
            }
            (old.policy, base.reference.clone(), old_texts)
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
    InForce {
        policy,
        source,
        texts,
        judged: Some(Judged { comparison, waivers }),
        unknown: None,
        found: None,
    }
}

/// Counts the approvals by the base's approvers.
fn count(comparison: &mut Comparison, old: &PolicySet, approvals: &[Result<Approval, String>], today: Date) {
    let of = Approved {
        commit: comparison.head_commit.clone(),
        base: comparison.old.clone(),
        head: comparison.new.clone(),
    };
    for approval in approvals {
        let accepted = approval.as_ref().map_err(String::clone);
        match accepted.and_then(|one| old.approvers.accept(one, &of, today)) {
            Ok(name) if comparison.approved_by.iter().any(|known| known == name) => {}
            Ok(name) => comparison.approved_by.push(name.to_owned()),
            Err(why) => comparison.not_counted.push(why),
        }
    }
}

/// Whose policies judge, where it is not the working tree: those that `--policy-ref` names, or of what `--base` names,
/// or of the base of a pull request or merge queue; and the base itself, where it was found on the way.
async fn base_of(
    context: &Context,
    workspace: &Workspace,
    ask: &Ask,
) -> anyhow::Result<Result<Option<(PolicyBase, Option<git::Found>)>, CouldNotRun>> {
    let (world, root) = (&context.world, workspace.root.as_path());
    let here = workspace.repository.commit.clone();
    if let Some(reference) = &context.global.policy_ref {
        let commit = git::commit(world, root, reference).await?;
        let base = PolicyBase { name: reference.clone(), reference: reference.clone(), commit, head: here };
        return Ok(Ok(Some((base, None))));
    }
    if context.policy_folder(workspace).strip_prefix(root).is_err() {
        // Policies from elsewhere are not the change's to loosen.
        return Ok(Ok(None));
    }
    let event = match ci_event::read(world) {
        Ok(event) => event.what,
        Err(_) if ask.base.is_some() => Occasion::Other,
        Err(why) => return Ok(Err(why)),
    };
    let head = match event {
        Occasion::PullRequest { head, .. } | Occasion::MergeQueue { head, .. } => head,
        _ if ask.base.is_some() => here,
        _ => return Ok(Ok(None)),
    };
    let request = BaseRequest { named: ask.base.as_deref(), network: context.network() };
    Ok(match git::base(world, root, request).await {
        Ok(git::Found::Base(base)) => {
            let found = Some(git::Found::Base(base.clone()));
            let (reference, commit) = (base.commit.clone(), base.commit);
            Ok(Some((PolicyBase { name: base.from, reference, commit, head }, found)))
        }
        Ok(git::Found::Nothing(_)) => Ok(None),
        Err(why) if ask.base.is_some() => return Err(Failure::usage(why.message, why.help)),
        Err(why) => Err(why),
    })
}

impl Measurer<'_> {
    /// What is known of waivers and policies. A file that is wrong ends the verb: nothing could be judged by it.
    pub(super) fn policy(&self) -> anyhow::Result<Measured<PolicyEvidence>> {
        let start = self.context.world.monotonic();
        let today = self.context.today();
        if let Some(why) = &self.in_force.unknown {
            return Ok(Measured { result: Err(why.clone()), duration_millis: 0 });
        }
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
        let base = PolicyBase {
            name: "main".into(),
            reference: "main".into(),
            commit: "b".into(),
            head: "h".into(),
        };
        let in_force = judged_by(&base, old, side(new), (&[], date(2026, 11, 24)));
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
