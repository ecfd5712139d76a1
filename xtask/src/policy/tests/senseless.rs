//! Values of `policies/tests.yaml` that have the right type and make no sense. [`crate::policy::parse`] finds their place.

use super::{RETRIES_MAX, TestsPolicy};
use std::collections::BTreeSet;

/// A value that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Senseless {
    /// The key, as `retries.ci` or `inputs[1]`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub help: &'static str,
}

impl TestsPolicy {
    /// The first value that makes no sense.
    pub fn senseless(&self) -> Option<Senseless> {
        [self.times(), self.tries(), self.files(), self.sets(), self.targets()].into_iter().flatten().next()
    }

    fn times(&self) -> Option<Senseless> {
        let zero = |(_, secs): &(&str, u64)| *secs == 0;
        let times = [("timeout_secs", self.timeout_secs), ("first_timeout_secs", self.first_timeout_secs)];
        let (key, _) = times.into_iter().find(zero)?;
        said(key, "a timeout of 0 seconds fails every test", "give it at least 1")
    }

    fn tries(&self) -> Option<Senseless> {
        let key = match (self.retries.local > RETRIES_MAX, self.retries.ci > RETRIES_MAX) {
            (_, true) => "retries.ci",
            (true, false) => "retries.local",
            (false, false) => return None,
        };
        let what = format!("more than {RETRIES_MAX} retries hide what a test says");
        said(key, what, "retries: {local: 0, ci: 1}")
    }

    fn files(&self) -> Option<Senseless> {
        for (key, globs) in [("unaffected_by", &self.unaffected_by), ("inputs", &self.inputs)] {
            if let Some((at, glob)) = globs.iter().enumerate().find(|(_, glob)| is_no_glob(glob)) {
                let what = format!("`{glob}` is no glob of paths in the workspace");
                return said(format!("{key}[{at}]"), what, "write paths from the workspace's root: docs/**");
            }
        }
        let is_everything = |glob: &String| glob.split('/').all(|part| part == "**" || part == "*");
        self.unaffected_by.iter().find(|glob| is_everything(glob))?;
        let what = "an `unaffected_by` that is everything leaves no test to run";
        said("unaffected_by", what, "name folders or kinds of files: docs/**, **/*.md")
    }

    fn sets(&self) -> Option<Senseless> {
        let distinct = self.features.iter().collect::<BTreeSet<_>>().len();
        if !self.features.is_empty() && distinct == self.features.len() {
            return None;
        }
        said("features", "`features` names no set, or one twice", "leave it out for `[default]`")
    }

    fn targets(&self) -> Option<Senseless> {
        self.leave_out.iter().find_map(|(target, reason)| {
            let (what, help) = match target.split_once("::") {
                _ if reason.trim().is_empty() => (
                    format!("`{target}` is left out without a reason"),
                    "say what it needs: `NAME: needs nightly`",
                ),
                Some((package, "lib")) => (
                    format!("the library of {package} cannot be left out: its whole package is made from it"),
                    "leave the package out of the workspace: `exclude` in Cargo.toml",
                ),
                Some((_, "doc")) => {
                    (format!("`{target}` is no target"), "`doctests: false` leaves those tests out")
                }
                Some((package, name)) if !package.is_empty() && !name.is_empty() => return None,
                _ => (
                    format!("`{target}` is no target"),
                    "write package::bench/NAME, or package::NAME for an integration test",
                ),
            };
            said("leave_out", what, help)
        })
    }
}

fn said(key: impl Into<String>, what: impl Into<String>, help: &'static str) -> Option<Senseless> {
    Some(Senseless { key: key.into(), what: what.into(), help })
}

fn is_no_glob(glob: &str) -> bool {
    glob.is_empty() || glob.starts_with('/') || glob.split('/').any(|part| part.is_empty() || part == "..")
}
