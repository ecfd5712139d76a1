//! Makes it so: writes the parts that differ, each in its own way, and nothing else.
//!
//! Each write sets a whole part or adds one name to it, so that a second run after a crash does no harm. What others made is never
//! taken away: our ruleset is found by its name, environments by theirs.

use super::drift::Part;
use super::lines;
use super::read::{self, Seen};
use super::wanted;
use crate::policy::GithubPolicy;
use crate::policy::github::Environment;
use crate::tools::github::client::{Client, Trouble};
use crate::tools::github::settings::DeploymentRef;

/// Writes what differs. What was written is told even where a later part fails.
pub(super) async fn apply(
    client: &Client,
    policy: &GithubPolicy,
    seen: &Seen,
    written: &mut Vec<String>,
) -> Result<(), Trouble> {
    let differs = |part: &&Part| part.there != part.wanted;
    for part in seen.parts.iter().filter(differs) {
        let subject = part.subject.as_str();
        if subject == read::RULESET {
            ruleset(client, policy, seen).await?;
        } else if subject == read::WORKFLOWS {
            client.set_workflow_permissions(wanted::workflows(&policy.workflows)).await?;
        } else if let Some(one) =
            policy.environments.iter().find(|one| read::environment(&one.name) == subject)
        {
            environment(client, one, seen).await?;
        } else {
            // How our ruleset holds follows from the ruleset, and is read back.
            continue;
        }
        written.push(part.subject.clone());
    }
    Ok(())
}

async fn ruleset(client: &Client, policy: &GithubPolicy, seen: &Seen) -> Result<(), Trouble> {
    let body = wanted::ruleset(policy, &seen.names);
    match &seen.ruleset {
        Some((id, there)) => client.set_ruleset(*id, lines::kept(body, there)).await,
        None => client.create_ruleset(wanted::RULESET, body).await.map(|_| ()),
    }
}

/// First the environment itself: with a list that is still empty nothing can be deployed, which is the safe way round.
async fn environment(client: &Client, one: &Environment, seen: &Seen) -> Result<(), Trouble> {
    client.set_environment(&one.name, wanted::environment(one, &seen.names)).await?;
    let Some(wanted) = wanted::refs(one, &seen.branch) else { return Ok(()) };
    let there = client.deployment_refs(&one.name).await?;
    let is =
        |found: &DeploymentRef, (kind, name): &(String, String)| found.kind() == kind && found.name == *name;
    for extra in there.iter().filter(|found| !wanted.iter().any(|one| is(found, one))) {
        client.forbid_ref(&one.name, extra.id).await?;
    }
    for (kind, name) in wanted.iter().filter(|one| !there.iter().any(|found| is(found, one))) {
        client.allow_ref(&one.name, kind, name).await?;
    }
    Ok(())
}
