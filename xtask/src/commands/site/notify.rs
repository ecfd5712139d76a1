//! Tells people's webhooks how a rollout stands, once it has ended or waits: by then nothing of it can be held up. What was
//! delivered, and what was not, goes into the journal; it changes no exit code.

use super::Site;
use crate::deployer::{self, Followed};
use crate::platform::protocol::Target;
use crate::policy::notifications::{NotificationPolicy, Occasion};
use crate::rollout::{Rollout, Terminal};
use crate::tools::bounded;
use crate::tools::webhook::{self, Delivery, Endpoint, Secret};
use anyhow::Context as _;
use serde_json::json;
use std::time::Duration;

/// Longest secret file, in bytes.
const SECRET_BYTES_MAX: u64 = 4096;

/// What people are told of an end, or a halt.
fn occasion(followed: &Followed) -> Option<Occasion> {
    match followed {
        Followed::Held(_) => Some(Occasion::WaitingForApproval),
        Followed::Ordered(..) => Some(Occasion::Held),
        Followed::Ended(rollout) => match rollout.terminal()? {
            Terminal::RolledBack => Some(Occasion::RolledBack),
            Terminal::NeedsOperator => Some(Occasion::NeedsOperator),
            Terminal::Done
            | Terminal::Rejected
            | Terminal::Expired
            | Terminal::Superseded
            | Terminal::Aborted => None,
        },
    }
}

impl Site<'_> {
    /// Tells those who want to know, all at once, within their patience.
    pub(super) async fn notify(&mut self, followed: &Followed) {
        let Some(occasion) = occasion(followed) else { return };
        let (Followed::Ended(rollout) | Followed::Held(rollout) | Followed::Ordered(rollout, _)) = followed;
        let all = &self.in_force.policy.rollout.notifications;
        let told: Vec<NotificationPolicy> = all.iter().filter(|one| one.is_told(occasion)).cloned().collect();
        let Ok(id) = self.context.world.random_hex::<12>().map(|hex| format!("msg_{hex}")) else { return };
        let body = message(&id, occasion, rollout, followed, self.context.world.now()).to_string();
        let mut sending = tokio::task::JoinSet::new();
        for one in told {
            let (world, folder) = (self.context.world.clone(), self.root.clone());
            let (id, body) = (id.clone(), body.clone());
            sending.spawn(async move {
                let delivery = match endpoint(&one, |name| world.env(name), &folder) {
                    Ok(endpoint) => webhook::deliver(&world, &endpoint, &id, body.as_bytes()).await,
                    Err(error) => Delivery { attempts: 0, outcome: Err(format!("{error:#}")) },
                };
                (one.name, delivery)
            });
        }
        for (name, delivery) in sending.join_all().await {
            self.record(rollout, occasion, (&id, &name), &delivery).await;
        }
    }

    async fn record(
        &mut self,
        rollout: &Rollout,
        occasion: Occasion,
        (id, name): (&str, &str),
        Delivery { attempts, outcome }: &Delivery,
    ) {
        let console = &self.context.console;
        let about = json!({"to": name, "message": id, "of": occasion.name(), "attempts": attempts});
        let (what, key, value) = match outcome {
            Ok(status) => ("notified", "status", json!(status)),
            Err(why) => {
                console.note(format!("  ! {name} was not told: {why}"));
                ("not-notified", "why", json!(why))
            }
        };
        let mut body = about;
        body[key] = value;
        let target = Target { service: rollout.service.clone(), environment: rollout.environment.clone() };
        if let Err(error) = self.link.append(&target, deployer::event(&rollout.id, what, body)).await {
            console.note(format!("  ! what {name} was told could not be recorded: {error:#}"));
        }
    }
}

/// What is posted.
fn message(
    id: &str,
    occasion: Occasion,
    rollout: &Rollout,
    followed: &Followed,
    now: jiff::Timestamp,
) -> serde_json::Value {
    let reason = match followed {
        Followed::Ordered(_, why) => Some(why.clone()),
        _ => rollout.reason.clone(),
    };
    json!({
        "schema": "gateline/notification/v1",
        "type": format!("rollout.{}", occasion.name()),
        "id": id,
        "timestamp": now,
        "data": {
            "rollout": rollout.id,
            "service": rollout.service,
            "environment": rollout.environment,
            "kind": rollout.kind,
            "digest": rollout.digest,
            "version": rollout.version,
            "commit": rollout.commit,
            "state": rollout.state.name(),
            "reason": reason,
        }
    })
}

fn endpoint<'a>(
    policy: &NotificationPolicy,
    variable: impl Fn(&str) -> Option<&'a str>,
    folder: &std::path::Path,
) -> anyhow::Result<Endpoint> {
    let text = match (&policy.secret_variable, &policy.secret_file) {
        (Some(name), _) => {
            variable(name).with_context(|| format!("the variable {name} is not set"))?.to_owned()
        }
        (None, Some(file)) => {
            let read = bounded::read(&folder.join(file), SECRET_BYTES_MAX);
            let bytes = read.with_context(|| format!("failed to read its secret from {file}"))?;
            String::from_utf8(bytes).ok().with_context(|| format!("{file} is no text"))?
        }
        (None, None) => anyhow::bail!("it has no secret"),
    };
    Ok(Endpoint {
        url: policy.url.clone(),
        plain_http: policy.plain_http,
        secret: Secret::of(&text).context("its secret cannot be used")?,
        attempts: policy.attempts,
        timeout: Duration::from_secs(policy.timeout_secs),
        patience: Duration::from_secs(policy.patience_secs),
    })
}
