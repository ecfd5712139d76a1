//! `policy`: what is in force and from where, whether the files are right, and accepting a loosening.

use super::context::{Context, InForce};
use super::site::Consent;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::approvers::{self, Approved, Approvers};
use crate::policy::file::file_with_places;
use crate::policy::places::Places;
use crate::policy::waivers::{self, SOON_DAYS, Waivers};
use crate::policy::{PolicySet, loosened, origin, parse};
use crate::rollout::RolloutPlan;
use crate::tools::approvals;
use crate::tools::git::{self, BaseRequest, Found};
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// `policy show`: every key with its value and where that comes from, as the files would say it.
pub(super) async fn show(context: &Context) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let set = PolicySet::parse(&in_force.texts, context.today())?;
    let waivers = Waivers { waivers: set.waivers.iter().map(|placed| placed.waiver.clone()).collect() };
    let mut text = parse::to_yaml(&in_force.policy)?;
    let _ = write!(text, "# policies/{}\n{}\n", waivers::FILE, serde_yaml::to_string(&waivers)?);
    let _ = write!(text, "# policies/{}\n{}\n", approvers::FILE, serde_yaml::to_string(&set.approvers)?);
    let mut shown = format!("# in force from {}, {}\n", in_force.source.source, in_force.source.hash);
    let mut origins: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for part in text.split("# policies/").filter(|part| !part.is_empty()) {
        let Some((name, section)) = part.split_once('\n') else { continue };
        let read = |name: &str| Ok(in_force.texts.get(name).cloned());
        let (_, places) = file_with_places::<serde_yaml::Value>(read, name)?;
        let file = in_force.file_name(name);
        let _ = write!(shown, "# policies/{name}\n{}", origin::annotated(section, &file, &places));
        let leaves = origin::leaves(section).into_iter();
        let each = leaves.map(|leaf| (leaf.path.clone(), origin::origin(&file, &places, &leaf.path)));
        origins.insert(name.to_owned(), each.collect());
    }
    let value = serde_json::json!({
        "policy": in_force.policy,
        "waivers": waivers.waivers,
        "approvers": set.approvers.approvers,
        "from": in_force.source,
        "origins": origins,
    });
    context.console.result(&value, |_| shown);
    Ok(Exit::Done)
}

/// `policy check`: the files, the waivers' days, the approvers. An expired waiver refuses here as in `ci`.
pub(super) async fn check(context: &Context) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let today = context.today();
    let set = PolicySet::parse(&in_force.texts, today)?;
    never(context, &in_force, &set.approvers)?;
    let file = in_force.file_name(waivers::FILE);
    let tell = |placed: &&waivers::Placed, how: &str| {
        let waiver = &placed.waiver;
        format!(
            "{file}:{}: {} {} {how} {} ({})",
            placed.line, waiver.code, waiver.subject, waiver.expires, waiver.owner
        )
    };
    let (expired, live): (Vec<_>, Vec<_>) = set.waivers.iter().partition(|one| one.waiver.expired(today));
    let soon: Vec<_> = live.iter().filter(|one| one.waiver.days_left(today) <= SOON_DAYS).collect();
    let expired: Vec<String> = expired.iter().map(|one| tell(one, "ended with")).collect();
    let soon: Vec<String> = soon.into_iter().map(|one| tell(one, "ends with")).collect();
    let value = serde_json::json!({
        "from": in_force.source,
        "hash": set.hash(),
        "files": in_force.texts.keys().collect::<Vec<_>>(),
        "waivers": set.waivers.len(),
        "approvers": set.approvers.approvers.len(),
        "expired": expired,
        "expires_soon": soon,
    });
    context.console.result(&value, |_| {
        let mut text = format!(
            "the policies are well formed: {}\n{} of {} files, {} waivers, {} approvers\n",
            in_force.source.hash,
            in_force.texts.len(),
            parse::all_files().len(),
            set.waivers.len(),
            set.approvers.approvers.len()
        );
        soon.iter().for_each(|line| text += &format!("note: {line}\n"));
        expired.iter().for_each(|line| text += &format!("error: {line}\n"));
        if !expired.is_empty() {
            text += "next: mend them and remove the entries, or cargo xtask waive CODE SUBJECT\n";
        }
        text
    });
    Ok(if expired.is_empty() { Exit::Done } else { Exit::Refused })
}

/// Refuses what today's calendar makes senseless: windows that never open for long enough, and quorums that too few living
/// keys can meet.
fn never(context: &Context, in_force: &InForce, approvers: &Approvers) -> anyhow::Result<()> {
    let text = in_force.texts.get("rollout.yaml").cloned().unwrap_or_default();
    let places = Places::read(&text).unwrap_or_default();
    for (at, environment) in in_force.policy.rollout.environments.iter().enumerate() {
        let refuse = |key: &str, what: String, help: &str| {
            let place = places.nearest(&format!("environments[{at}].{key}"));
            let place = place.map_or(String::new(), |place| format!(":{place}"));
            let file = in_force.file_name("rollout.yaml");
            Failure::usage(format!("{file}{place}: {}: {what}", environment.name), help)
        };
        if let Some(what) = environment.approvals.unmet(approvers, Some(context.today())) {
            return Err(refuse("approvals", what, "ask for fewer, or renew keys in policies/approvers.yaml"));
        }
        if let Some(what) = RolloutPlan::forward(environment).never(context.world.now()) {
            return Err(refuse(
                "windows",
                what,
                "open it longer, shorten the deadlines, or `must_finish: false`",
            ));
        }
    }
    Ok(())
}

/// `policy approve COMMIT`: signs that this commit may loosen the policies of its base.
pub(super) async fn approve(
    context: &Context,
    commit: &str,
    key: Option<PathBuf>,
    consent: Consent,
) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let (world, root) = (&context.world, workspace.root.as_path());
    let commit = git::commit(world, root, commit).await?;
    let base = base_of(context, &workspace).await?;
    let set = |texts| PolicySet::parse(&texts, context.today());
    let Some(old) = context.policies_at(&workspace, &base).await? else {
        let message = format!("{base} has no policies, so nothing is loosened and nobody can approve");
        return Err(Failure::usage(message, "name another base: --policy-ref REF"));
    };
    let old = set(old)?;
    let texts = context.policies_at(&workspace, &commit).await?.unwrap_or_default();
    let new = set(texts.clone())?;
    let found = loosened::loosened(&old, &new, &texts);
    if found.is_empty() {
        let message = format!("{commit} loosens nothing against {base}: there is nothing to approve");
        return Err(Failure::usage(message, "name the base: --policy-ref REF"));
    }
    for one in &found {
        context.console.note(format!("policies/{} `{}`: {} → {}", one.file, one.key, one.old, one.new));
    }
    let of = Approved { commit, base: old.hash(), head: new.hash() };
    let question = format!("Accept that {} loosens these?", &of.commit[..12]);
    if consent == Consent::Asked && !(context.console.can_ask() && context.console.ask(&question)) {
        return Err(Failure::error(Exit::Held, "nobody approved", "look at it, then add --yes"));
    }
    let record = approvals::sign(world, &signing_key(context, &workspace, key).await?, &of).await?;
    let name = accepted(context, &old.approvers, &record, &of).await?;
    let reference = approvals::keep(world, root, &record).await?;
    let value = serde_json::json!({"approved": of, "by": name, "reference": reference, "loosened": found});
    context.console.result(&value, |_| {
        format!("{name} approved {} against {base}\nnext: git push origin {reference}", &of.commit[..12])
    });
    Ok(Exit::Done)
}

/// The name of who signed, where he may: an approval that will not count is not kept.
async fn accepted(
    context: &Context,
    approvers: &Approvers,
    record: &approvals::Record,
    of: &Approved,
) -> anyhow::Result<String> {
    let approval = approvals::verify(&context.world, record).await?;
    let refuse = |why: String| {
        let message = format!("this approval would not count: {why}");
        Failure::error(Exit::Refused, message, "ask somebody in policies/approvers.yaml of the base")
    };
    let approval = approval.map_err(refuse)?;
    approvers.accept(&approval, of, context.today()).map(str::to_owned).map_err(refuse)
}

/// `--policy-ref`, else where the work left its base.
async fn base_of(context: &Context, workspace: &Workspace) -> anyhow::Result<String> {
    let (world, root) = (&context.world, workspace.root.as_path());
    if let Some(reference) = &context.global.policy_ref {
        return git::commit(world, root, reference).await;
    }
    match git::base(world, root, BaseRequest { named: None, network: context.network() }).await {
        Ok(Found::Base(base)) => Ok(base.commit),
        Ok(Found::Nothing(reason)) => {
            Err(Failure::usage(format!("there is no base: {reason}"), "name it: --policy-ref REF"))
        }
        Err(why) => Err(Failure::usage(why.message, "name the base: --policy-ref REF")),
    }
}

async fn signing_key(
    context: &Context,
    workspace: &Workspace,
    named: Option<PathBuf>,
) -> anyhow::Result<PathBuf> {
    let directory = context.world.directory();
    if let Some(named) = named {
        return Ok(directory.join(named));
    }
    let configured = git::setting(&context.world, &workspace.root, "user.signingKey").await;
    let Some(configured) = configured.filter(|key| !key.starts_with("key::")) else {
        return Err(Failure::usage("no key to sign with", "name it: --key ~/.ssh/id_ed25519"));
    };
    let home = context.world.env("HOME").unwrap_or_default();
    Ok(match configured.strip_prefix("~/") {
        Some(rest) => PathBuf::from(home).join(rest),
        None => directory.join(configured),
    })
}
