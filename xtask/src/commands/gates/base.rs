//! What the work is compared with: the base, and what differs from it. Every gate may use it; those that need it say so.

use super::measure::Measurer;
use crate::evidence::CouldNotRun;
use crate::failure::Failure;
use crate::tools::git::{self, BaseRequest, Found};
use crate::workspace::Change;
use crate::workspace::change::Uncompared;

impl Measurer<'_> {
    /// The change, or why there is none.
    ///
    /// # Errors
    /// Where `--base` names something that is none: the person who typed it is there to mend it.
    pub(super) async fn compared(&self) -> anyhow::Result<(Option<Change>, Option<Uncompared>)> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let change = match self.found().await {
            Ok(Found::Base(base)) => git::change(world, root, base).await,
            Ok(Found::Nothing(reason)) => {
                self.context.console.detail(format!("compared with no base: {reason}"));
                return Ok((None, Some(Uncompared::NothingToCompare { reason })));
            }
            Err(why) if self.ask.base.is_some() => return Err(Failure::usage(why.message, why.help)),
            Err(why) => Err(why),
        };
        match change {
            Ok(change) => {
                self.context
                    .console
                    .detail(format!("compared with {}: {}", change.base.commit, change.base.from));
                Ok((Some(change), None))
            }
            Err(why) => {
                self.context.console.note(format!("compared with no base: {} ({})", why.message, why.help));
                Ok((None, Some(Uncompared::NoBase { message: why.message, help: why.help })))
            }
        }
    }

    /// The base, or why there is none. Several gates ask: it is looked for once, for it may be fetched.
    pub(super) async fn found(&self) -> Result<Found, CouldNotRun> {
        let (world, root) = (&self.context.world, self.workspace.root.as_path());
        let request = BaseRequest { named: self.ask.base.as_deref(), network: self.context.network() };
        self.found.get_or_init(|| git::base(world, root, request)).await.clone()
    }
}
