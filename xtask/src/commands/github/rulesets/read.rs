//! Looks: what is in force, and the numbers of the names that the policy uses. Nothing is written here.

use super::drift::{Part, Unseen};
use super::lines::{self, Lines};
use super::wanted::{self, Names};
use crate::failure::Failure;
use crate::policy::GithubPolicy;
use crate::tools::github::client::{Client, Trouble};
use crate::tools::github::settings::Listed;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is in force, beside what is wanted.
pub(super) struct Seen {
    /// The default branch.
    pub(super) branch: String,
    /// Everything that the policy speaks of and the token may see.
    pub(super) parts: Vec<Part>,
    /// What the token may not see.
    pub(super) unseen: Vec<Unseen>,
    /// What is in force besides and stays.
    pub(super) notes: Vec<String>,
    /// Our ruleset, where it is there.
    pub(super) ruleset: Option<(u64, Value)>,
    /// The numbers of names.
    pub(super) names: Names,
}

/// What the part of the ruleset is called.
pub(super) const RULESET: &str = "ruleset gateline";
/// What the part of workflows is called.
pub(super) const WORKFLOWS: &str = "workflow permissions";

/// What the part of an environment is called.
pub(super) fn environment(name: &str) -> String {
    format!("environment {name}")
}

/// Looks.
///
/// # Errors
/// Where GitHub does not answer, the repository cannot be seen, or the policy names somebody who is not there.
pub(super) async fn seen(client: &Client, policy: &GithubPolicy) -> anyhow::Result<Seen> {
    let branch = client.default_branch().await.map_err(super::perform::failure)?;
    let mut seen = Seen {
        branch,
        parts: Vec::new(),
        unseen: Vec::new(),
        notes: Vec::new(),
        ruleset: None,
        names: Names::default(),
    };
    names(client, policy, &mut seen).await?;
    let rest = async {
        ruleset(client, policy, &mut seen).await?;
        environments(client, policy, &mut seen).await?;
        workflows(client, policy, &mut seen).await
    };
    rest.await.map_err(super::perform::failure)?;
    Ok(seen)
}

impl Seen {
    /// What was asked, or that the token may not see it.
    fn or_unseen<T>(
        &mut self,
        reply: Result<T, Trouble>,
        subject: &str,
        right: &'static str,
    ) -> Result<Option<T>, Trouble> {
        match reply {
            Err(trouble) if trouble.is_not_permitted() => {
                self.unseen.push(Unseen { subject: subject.to_owned(), why: trouble.to_string(), right });
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

/// Asks for the numbers of Apps, people and teams.
async fn names(client: &Client, policy: &GithubPolicy, seen: &mut Seen) -> anyhow::Result<()> {
    let nobody = |what: String| {
        Failure::usage(
            format!("policies/github.yaml: GitHub knows no {what}"),
            "mend the name; case does not matter",
        )
    };
    for check in policy.required_checks.iter().filter(|check| check.app != wanted::ANYBODY) {
        if seen.names.apps.contains_key(&check.app) {
            continue;
        }
        let app = client.app(&check.app).await.map_err(super::perform::failure)?;
        let app = app.ok_or_else(|| nobody(format!("App `{}`", check.app)))?;
        seen.names.apps.insert(check.app.clone(), app.id);
    }
    for name in policy.environments.iter().flat_map(|one| &one.reviewers) {
        if seen.names.reviewers.contains_key(name) {
            continue;
        }
        let (kind, found) = match name.split_once('/') {
            None => {
                let user = client.user(name).await.map_err(super::perform::failure)?;
                ("User", Some(user.ok_or_else(|| nobody(format!("login `{name}`")))?))
            }
            Some((organisation, team)) => {
                let right = "members: read, of the organisation";
                let reply = client.team(organisation, team).await;
                let found = seen.or_unseen(reply, &format!("team {name}"), right);
                ("Team", found.map_err(super::perform::failure)?)
            }
        };
        if let Some(found) = found {
            let shown = found.login.or(found.slug).unwrap_or_else(|| name.clone());
            seen.names.reviewers.insert(name.clone(), (kind.to_owned(), shown, found.id));
        }
    }
    Ok(())
}

async fn ruleset(client: &Client, policy: &GithubPolicy, seen: &mut Seen) -> Result<(), Trouble> {
    let right = "metadata: read";
    let all = client.rulesets().await;
    let Some(all) = seen.or_unseen(all, RULESET, right)? else { return Ok(()) };
    let body = wanted::ruleset(policy, &seen.names);
    let mut there = Lines::new();
    if let Some(ours) = all.iter().find(|one| one.is(wanted::RULESET)) {
        let detail = client.ruleset(ours.id).await;
        let Some(detail) = seen.or_unseen(detail, RULESET, right)? else { return Ok(()) };
        if detail.get("bypass_actors").is_none() {
            let why = "GitHub does not show who may bypass it".to_owned();
            seen.unseen.push(Unseen { subject: RULESET.to_owned(), why, right: "administration: write" });
        }
        there = lines::ruleset(&detail);
        seen.ruleset = Some((ours.id, detail));
    }
    let part = Part { subject: RULESET.to_owned(), there, wanted: lines::ruleset(&body) };
    let is_right = part.there == part.wanted;
    seen.parts.push(part);
    let branch = seen.branch.clone();
    let rules = client.rules_of(&branch).await;
    if let Some(rules) = seen.or_unseen(rules, &format!("rules of {branch}"), right)? {
        effect(&all, &rules, is_right.then_some(&body), seen);
    }
    match client.has_classic_protection(&branch).await {
        Ok(true) => seen.notes.push(format!(
            "{branch} has branch protection of the older kind too: it holds besides, and stays"
        )),
        Ok(false) => {}
        Err(trouble) if trouble.is_not_permitted() => {
            let what = "whether there is branch protection of the older kind is not known";
            seen.notes.push(format!("{what}: the right `administration: read` is missing"));
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(())
}

/// What really holds for the default branch: our rules, and those of others, which are told.
fn effect(all: &[Listed], rules: &[Value], ours: Option<&Value>, seen: &mut Seen) {
    let id = seen.ruleset.as_ref().map(|(id, _)| *id);
    let (own, others): (Vec<Value>, Vec<Value>) =
        rules.iter().cloned().partition(|rule| id.is_some() && rule["ruleset_id"].as_u64() == id);
    if let Some(body) = ours {
        let wanted = lines::kinds(body["rules"].as_array().map_or(&[], Vec::as_slice));
        let subject = format!("{RULESET}, as it holds for {}", seen.branch);
        seen.parts.push(Part { subject, there: lines::kinds(&own), wanted });
    }
    let mut besides: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for rule in others {
        let of = rule["ruleset_id"].as_u64().unwrap_or_default();
        besides.entry(of).or_default().push(rule["type"].as_str().unwrap_or_default().to_owned());
    }
    for (of, mut kinds) in besides {
        kinds.sort();
        kinds.dedup();
        let name = all.iter().find(|one| one.id == of).map_or_else(|| of.to_string(), |one| one.name.clone());
        seen.notes.push(format!(
            "ruleset {name} holds for {} too, and stays: {}",
            seen.branch,
            kinds.join(", ")
        ));
    }
}

async fn environments(client: &Client, policy: &GithubPolicy, seen: &mut Seen) -> Result<(), Trouble> {
    let right = "actions: read";
    for one in &policy.environments {
        let subject = environment(&one.name);
        let found = client.environment(&one.name).await;
        let Some(found) = seen.or_unseen(found, &subject, right)? else { continue };
        let mut there = Lines::new();
        if let Some(found) = found {
            let mut refs = Vec::new();
            if found["deployment_branch_policy"]["custom_branch_policies"] == json!(true) {
                let all = client.deployment_refs(&one.name).await;
                let Some(all) = seen.or_unseen(all, &subject, right)? else { continue };
                refs = all.into_iter().map(|one| (one.kind().to_owned(), one.name)).collect();
            }
            there = lines::environment(&found, &refs);
        }
        // Reviewers that could not be looked up are told already; without them the rest would be drift.
        if one.reviewers.iter().all(|name| seen.names.reviewers.contains_key(name)) {
            let wanted = wanted::environment_lines(one, &seen.names, &seen.branch);
            seen.parts.push(Part { subject, there, wanted });
        }
    }
    Ok(())
}

async fn workflows(client: &Client, policy: &GithubPolicy, seen: &mut Seen) -> Result<(), Trouble> {
    let found = client.workflow_permissions().await;
    if let Some(found) = seen.or_unseen(found, WORKFLOWS, "administration: read")? {
        let wanted = lines::workflows(&wanted::workflows(&policy.workflows));
        seen.parts.push(Part { subject: WORKFLOWS.to_owned(), there: lines::workflows(&found), wanted });
    }
    Ok(())
}
