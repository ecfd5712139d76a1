//! What coverage is compared with: the change, the baseline of its base, and the noise that is known.

use super::baseline::{digest, store};
use super::measure::Measurer;
use crate::evidence::CoverageEvidence;
use crate::evidence::against::{Against, Fallen, Patched, compare};
use crate::evidence::coverage::LineCounts;
use crate::tools::baseline::Found;
use crate::workspace::Change;
use crate::workspace::change::Uncompared;

/// What differs from the base, or why that is not known.
pub(super) type Compared = (Option<Change>, Option<Uncompared>);

impl Measurer<'_> {
    /// The comparison of what was counted.
    pub(super) fn against(
        &self,
        counts: &LineCounts,
        evidence: &CoverageEvidence,
        compared: &Compared,
        found: &Found,
    ) -> Against {
        let patch = Patched::of(counts, compared.0.as_ref(), compared.1.as_ref());
        let mut damaged = found.damaged.clone();
        let store = store(self.context, self.workspace, self.in_force, self.ask);
        let noise = store.noise().unwrap_or_else(|why| {
            damaged.push(why);
            None
        });
        let baseline = match &found.coverage {
            None => Fallen::NoBaseline { why: found.searched.clone() },
            Some(_) if !self.ask.is_whole() => {
                Fallen::NoBaseline { why: "only some of the tests were asked for".to_owned() }
            }
            Some((age, before)) => compare((age.clone(), before), evidence, noise.as_ref(), |file| {
                digest(&self.workspace.root.join(file))
            }),
        };
        Against { patch, baseline, damaged }
    }
}
