//! `status` and `history`: what serves, and how it came about.

mod watch;
mod windows;

pub(super) use watch::watch;

use super::context::Context;
use super::site::service_name;
use crate::deployer::{self, Book, Link, Past, past};
use crate::digest::short_commit;
use crate::exit::Exit;
use crate::platform::local::client;
use crate::platform::protocol::Refusal;
use crate::report::Style;
use crate::report::table::table;
use crate::rollout::Rollout;
use crate::rollout::orders::Ordered;
use crate::rollout::seen::{EnvironmentStatus, Health, InstanceStatus, Listening};
use serde::Serialize;
use windows::Windows;

/// `status`, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct Shown {
    schema: &'static str,
    /// Whether the platform runs.
    up: bool,
    environments: Vec<EnvironmentStatus>,
    open: Vec<Rollout>,
    orders: Vec<Standing>,
    windows: Vec<Windows>,
    damaged: Vec<Damaged>,
}

/// An order that stands.
#[derive(Debug, Serialize)]
struct Standing {
    service: String,
    /// The frozen environment, or the held release.
    what: String,
    order: &'static str,
    #[serde(flatten)]
    given: Ordered,
    help: String,
}

impl Standing {
    fn of(service: &str, book: Book) -> Vec<Standing> {
        let standing = |what: String, order, opposite, given| Standing {
            help: format!("cargo xtask {opposite} {what}"),
            service: service.to_owned(),
            what,
            order,
            given,
        };
        let frozen = book.frozen.into_iter();
        let held = book.held.into_iter();
        frozen
            .map(|(environment, given)| standing(environment, "frozen", "thaw", given))
            .chain(held.map(|(digest, given)| standing(digest.short().to_owned(), "held", "release", given)))
            .collect()
    }
}

/// A journal that cannot be read.
#[derive(Debug, Serialize)]
struct Damaged {
    service: String,
    why: String,
    help: String,
}

/// `status`: environments, digests, weights, health.
pub(super) async fn status(context: &Context) -> anyhow::Result<Exit> {
    let shown = gather(context).await?;
    context.console.result(&shown, |style| human(style, &shown));
    Ok(Exit::Done)
}

async fn gather(context: &Context) -> anyhow::Result<Shown> {
    let state = context.state()?;
    if client::find(&context.world, &state).await?.is_none() {
        return Ok(Shown {
            schema: "gateline/status/v1",
            up: false,
            environments: vec![],
            open: vec![],
            orders: vec![],
            windows: vec![],
            damaged: vec![],
        });
    }
    let mut link = Link::up(&context.world, &state, "/").await?;
    let mut environments = link.environments(None).await?;
    // People number their ports in the order of promotion.
    environments.sort_by_key(|one| (one.target.service.clone(), one.port));
    let mut services: Vec<String> =
        environments.iter().map(|environment| environment.target.service.clone()).collect();
    services.sort();
    services.dedup();
    let (mut open, mut orders, mut windows, mut damaged) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for service in services {
        match link.readable(&service).await? {
            Ok(records) => {
                let all: Vec<Rollout> = past(&records).into_iter().map(|past| past.rollout).collect();
                windows.extend(windows::newest(&all, context.world.now()));
                open.extend(all.into_iter().filter(|rollout| rollout.terminal().is_none()));
                orders.extend(Standing::of(&service, Book::of(&records)));
            }
            Err(Refusal { message, help, .. }) => damaged.push(Damaged { service, why: message, help }),
        }
    }
    Ok(Shown { schema: "gateline/status/v1", up: true, environments, open, orders, windows, damaged })
}

fn human(style: Style, shown: &Shown) -> String {
    if !shown.up {
        return "the embedded platform is down; start it: cargo xtask local up".to_owned();
    }
    if shown.environments.is_empty() {
        return "nothing is deployed; cargo xtask ship".to_owned();
    }
    let rows: Vec<Vec<String>> = shown.environments.iter().flat_map(rows).collect();
    let head = ["service", "environment", "role", "digest", "weight", "health", "requests", "5xx", "url"];
    let mut text = table(style, &head, &rows);
    for rollout in &shown.open {
        text.push_str(&format!("\n\n{} {}: {}", rollout.environment, rollout.id, rollout.state.name()));
        for look in &rollout.judged {
            text.push_str(&format!("\n  the judge {}", look.told()));
        }
        let seen = shown.environments.iter().find(|one| {
            one.target.environment == rollout.environment && one.target.service == rollout.service
        });
        if let Some(told) = seen.and_then(|seen| rollout.awaited_look(seen)) {
            text.push_str(&format!("\n  {told}"));
        }
        let next = match rollout.state {
            crate::rollout::State::AwaitingApproval => format!("cargo xtask approve {} --resume", rollout.id),
            crate::rollout::State::Paused { .. } => {
                format!("cargo xtask continue {0}, or cargo xtask abort {0}", rollout.environment)
            }
            _ => format!("cargo xtask resume, or cargo xtask rollback {}", rollout.environment),
        };
        text.push_str(&format!("\n  next: {next}"));
    }
    for Standing { what, order, given, help, .. } in &shown.orders {
        text.push_str(&format!("\n\n{what} is {order} {}\n  next: {help}", given.told()));
    }
    for Windows { told, .. } in &shown.windows {
        text.push_str(&format!("\n\n{told}"));
    }
    for Damaged { service, why, help } in &shown.damaged {
        text.push_str(&format!("\n\n{service}: its record cannot be read: {why}\n  next: {help}"));
    }
    text
}

fn rows(environment: &EnvironmentStatus) -> Vec<Vec<String>> {
    let url = match &environment.listening {
        Listening::Yes => format!("http://127.0.0.1:{}", environment.port),
        Listening::No(_) => format!("port {} taken: cargo xtask local up", environment.port),
    };
    let name = |first: usize| if first == 0 { environment.target.environment.clone() } else { String::new() };
    let service = |first: usize| if first == 0 { environment.target.service.clone() } else { String::new() };
    if environment.instances.is_empty() {
        let dash = || "-".to_owned();
        return vec![vec![
            service(0),
            name(0),
            dash(),
            dash(),
            dash(),
            "nothing serves".into(),
            dash(),
            dash(),
            url,
        ]];
    }
    let row = |(number, instance): (usize, &InstanceStatus)| {
        vec![
            service(number),
            name(number),
            format!("{:?}", instance.role).to_lowercase(),
            instance.digest.short().to_owned(),
            weight(environment, instance),
            health(&instance.health),
            instance.counters.requests.to_string(),
            instance.counters.server_errors.to_string(),
            if number == 0 { url.clone() } else { String::new() },
        ]
    };
    environment.instances.iter().enumerate().map(row).collect()
}

fn weight(environment: &EnvironmentStatus, instance: &InstanceStatus) -> String {
    let share = environment.weights.shares.iter().find(|share| share.instances.contains(&instance.id));
    share.map_or("-".to_owned(), |share| format!("{} %", share.weight))
}

fn health(health: &Health) -> String {
    match health {
        Health::Ready => "ready".to_owned(),
        Health::Starting(_) => "starting".to_owned(),
        Health::Unready(why) => format!("not ready: {why}"),
        Health::Foreign(why) => format!("foreign: {why}"),
        Health::Exited(why) => format!("ended: {why}"),
    }
}

/// `history [ENV]`.
pub(super) async fn history(context: &Context, environment: Option<String>) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let service = service_name(&workspace, &in_force)?;
    if let Some(name) = &environment {
        in_force.environment(name)?;
    }
    let records = super::audit::records(context, &service)?;
    let mut all = past(&records);
    all.retain(|past| environment.as_ref().is_none_or(|name| past.rollout.environment == *name));
    let rollouts: Vec<&Rollout> = all.iter().map(|past| &past.rollout).collect();
    context.console.result(&rollouts, |style| told(style, &all));
    Ok(Exit::Done)
}

fn told(style: Style, all: &[Past]) -> String {
    if all.is_empty() {
        return "nothing has happened yet; cargo xtask ship".to_owned();
    }
    let row = |past: &Past| {
        let rollout = &past.rollout;
        let from = rollout.previous.as_ref().map_or("-", |previous| previous.digest.short());
        vec![
            past.at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            rollout.environment.clone(),
            from.to_owned(),
            rollout.digest.short().to_owned(),
            short_commit(&rollout.commit).to_owned(),
            rollout.actor.clone(),
            deployer::summary_line(rollout),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let mut text =
        table(style, &["when (UTC)", "environment", "from", "to", "commit", "who", "how it ended"], &rows);
    for past in all {
        let Rollout { environment, digest, judged, .. } = &past.rollout;
        for look in judged {
            text.push_str(&format!("\n\n{environment} {}: the judge {}", digest.short(), look.told()));
        }
    }
    text
}
