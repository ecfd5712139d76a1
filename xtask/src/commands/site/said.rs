//! What people say about rollouts that wait: signed where a key is named, refused where it would not count.

use super::Site;
use crate::commands::orders::without_secrets;
use crate::deployer::{self, Given, NAMESPACE, People};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::windows::OverrideBy;
use crate::rollout::Rollout;
use crate::tools::signatures;
use std::path::Path;

impl Site<'_> {
    /// Writes down what somebody says, unless it would not count. `key` signs it.
    pub(in crate::commands) async fn say(
        &mut self,
        rollout: &Rollout,
        given: Given,
        reason: &str,
        key: Option<&Path>,
    ) -> anyhow::Result<()> {
        let world = &self.context.world;
        let reason = without_secrets(self.context, reason);
        let signed = match key {
            Some(key) => {
                let text = deployer::statement(rollout, given, &reason);
                Some(signatures::sign(world, &world.directory().join(key), NAMESPACE, &text).await?)
            }
            None => None,
        };
        let people = People { approvers: &self.people, now: world.now() };
        if let Err(why) = deployer::would_count(rollout, given, signed.as_ref(), &people) {
            let message = format!("this would not count for {}: {why}", rollout.id);
            let names: Vec<&str> = rollout.plan.approvers.iter().map(|one| one.name.as_str()).collect();
            let help = match names.as_slice() {
                [] => "ask somebody else: policies/approvers.yaml".to_owned(),
                names => format!("ask one of {}, or sign with --key FILE", names.join(", ")),
            };
            return Err(Failure::error(Exit::Refused, message, help));
        }
        deployer::give(&mut self.link, rollout, given, &reason, signed).await
    }

    /// Overrides the windows of a rollout, where this command was told to and they are closed.
    pub(super) async fn override_windows(&mut self, rollout: &Rollout) -> anyhow::Result<()> {
        let Some(reason) = self.overriding.clone() else { return Ok(()) };
        if rollout.closed(self.context.world.now()).is_none() {
            let note =
                format!("  = {}: the windows are open, there is nothing to override", rollout.environment);
            self.context.console.note(note);
            return Ok(());
        }
        self.say(rollout, Given::Overrides, &reason, None).await?;
        self.context
            .console
            .note(format!("  ! {}: begins outside of its windows: {reason}", rollout.environment));
        Ok(())
    }

    /// Refuses an override that the policy forbids, before anything is written.
    pub(in crate::commands) fn override_with(
        &mut self,
        reason: Option<String>,
        environments: &[&str],
    ) -> anyhow::Result<()> {
        for name in environments.iter().filter(|_| reason.is_some()) {
            if self.environment(name)?.windows.override_by == OverrideBy::Forbidden {
                let message = format!("the windows of {name} may not be overridden");
                return Err(Failure::usage(message, "policies/rollout.yaml says `override: forbidden`"));
            }
        }
        self.overriding = reason;
        Ok(())
    }
}
