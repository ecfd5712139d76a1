//! `restart ENV`: the release that serves, once more, in a fresh instance: started, made ready, given everything, and only
//! then is the old one drained. A freeze, a hold and windows do not stand in its way: nothing new comes.

use super::{Site, unfinished};
use crate::deployer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::rollout::Kind;

impl Site<'_> {
    /// Restarts what serves in an environment.
    pub(in crate::commands) async fn restart(&mut self, name: &str) -> anyhow::Result<Exit> {
        let environment = self.environment(name)?;
        let all = deployer::rollouts(&mut self.link, &self.service).await?;
        let mut here = all.iter().filter(|one| one.environment == name);
        if let Some(open) = here.find(|one| one.terminal().is_none()) {
            return Err(unfinished(open));
        }
        let Some(serving) = self.stable(name, 100).await? else {
            let message = format!("nothing serves 100 % in {name}, so there is nothing to restart");
            return Err(Failure::usage(message, format!("cargo xtask deploy {name}")));
        };
        let (stored, release) = self.former(&serving)?;
        let seen = self.seen(&environment).await?;
        let rollout = self.plan(&release, &environment, &seen, Kind::Restart)?;
        let spec = self.spec(&stored, &release, &environment)?;
        deployer::begin(&mut self.link, &rollout).await?;
        self.follow(rollout, spec, super::Consent::Asked).await
    }
}
