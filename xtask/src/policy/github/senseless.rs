//! Values that GitHub refuses, or that can never be meant, with the key where each stands.

use super::{
    APPROVALS_MAX, Environment, GithubPolicy, MergeQueue, QUEUE_ENTRIES_MAX, QUEUE_MINUTES_MAX,
    REVIEWERS_MAX, WAIT_MINUTES_MAX,
};
use crate::policy::tests::Senseless;
use std::collections::BTreeSet;

/// Bytes of a name of an environment: what GitHub takes.
const ENVIRONMENT_BYTES_MAX: usize = 255;
/// Bytes of the name of a person, a team or an App: what GitHub takes, with room.
const WORD_BYTES_MAX: usize = 100;

fn found(key: impl Into<String>, what: impl Into<String>, help: &'static str) -> Option<Senseless> {
    Some(Senseless { key: key.into(), what: what.into(), help })
}

impl GithubPolicy {
    /// The first value that makes no sense.
    pub fn senseless(&self) -> Option<Senseless> {
        self.checks().or_else(|| self.merging()).or_else(|| self.deploying())
    }

    fn checks(&self) -> Option<Senseless> {
        let mut names = BTreeSet::new();
        self.required_checks.iter().enumerate().find_map(|(at, check)| {
            if check.name.trim().is_empty() || !names.insert(&check.name) {
                let what = format!("`{}`: a check without a name, or one twice", check.name);
                let help = "name each check once, as the pull request shows it";
                return found(format!("required_checks[{at}].name"), what, help);
            }
            if !is_word(&check.app) {
                let what = format!("`{}` is no App", check.app);
                let help = "the last part of github.com/apps/NAME, or `any`";
                return found(format!("required_checks[{at}].app"), what, help);
            }
            None
        })
    }

    fn merging(&self) -> Option<Senseless> {
        if self.reviews.approvals > APPROVALS_MAX {
            let what = format!("{} approvals are more than GitHub can ask for", self.reviews.approvals);
            return found("reviews.approvals", what, "10 at most");
        }
        if self.merge_queue.enabled && !self.pull_request {
            let help = "leave `pull_request: false` out";
            return found("merge_queue.enabled", "a merge queue without pull requests", help);
        }
        self.merge_queue.senseless()
    }

    fn deploying(&self) -> Option<Senseless> {
        let mut names = BTreeSet::new();
        self.environments.iter().enumerate().find_map(|(at, one)| {
            if !names.insert(one.name.to_lowercase()) {
                let what = format!("`{}` is there twice; case does not tell them apart", one.name);
                return found(format!("environments[{at}].name"), what, "name each once");
            }
            one.senseless(&format!("environments[{at}]"))
        })
    }
}

impl MergeQueue {
    fn senseless(&self) -> Option<Senseless> {
        let entries =
            [("build_max", self.build_max), ("merge_min", self.merge_min), ("merge_max", self.merge_max)];
        if let Some((key, many)) = entries.into_iter().find(|(_, many)| *many > QUEUE_ENTRIES_MAX) {
            return found(format!("merge_queue.{key}"), format!("{many} entries at once"), "100 at most");
        }
        let minutes = [
            ("merge_wait_minutes", self.merge_wait_minutes),
            ("check_timeout_minutes", self.check_timeout_minutes),
        ];
        if let Some((key, long)) = minutes.into_iter().find(|(_, long)| *long > QUEUE_MINUTES_MAX) {
            return found(format!("merge_queue.{key}"), format!("{long} minutes"), "360 at most");
        }
        if self.check_timeout_minutes == 0 {
            let what = "a timeout of 0 can never be met";
            return found("merge_queue.check_timeout_minutes", what, "leave it out for the default");
        }
        if self.merge_min > self.merge_max {
            let what = "the fewest entries are more than the most";
            return found("merge_queue.merge_min", what, "e.g. merge_min 1, merge_max 5");
        }
        None
    }
}

impl Environment {
    fn senseless(&self, at: &str) -> Option<Senseless> {
        let key = |of: &str| format!("{at}.{of}");
        let name = &self.name;
        if name.trim().is_empty() || name.len() > ENVIRONMENT_BYTES_MAX || name.contains(char::is_control) {
            return found(key("name"), "an environment without a good name", "e.g. production");
        }
        let known = |one: &&String| one.split('/').all(is_word) && one.matches('/').count() <= 1;
        if let Some(odd) = self.reviewers.iter().find(|one| !known(one)) {
            return found(key("reviewers"), format!("`{odd}` is nobody"), "write LOGIN or ORGANISATION/TEAM");
        }
        let distinct: BTreeSet<String> = self.reviewers.iter().map(|one| one.to_lowercase()).collect();
        if self.reviewers.len() > REVIEWERS_MAX || distinct.len() < self.reviewers.len() {
            let what = format!("more than {REVIEWERS_MAX} reviewers, or one twice");
            return found(key("reviewers"), what, "name a team instead");
        }
        if self.wait_minutes > WAIT_MINUTES_MAX {
            return found(
                key("wait_minutes"),
                format!("{} minutes", self.wait_minutes),
                "43200 at most: 30 days",
            );
        }
        if self.any_ref && !(self.branches.is_empty() && self.tags.is_empty()) {
            return found(key("any_ref"), "any ref, and only some of them", "leave one of the two out");
        }
        for (of, all) in [("branches", &self.branches), ("tags", &self.tags)] {
            let distinct: BTreeSet<&String> = all.iter().collect();
            if distinct.len() < all.len() || all.iter().any(|one| one.trim().is_empty()) {
                return found(key(of), "an empty pattern, or one twice", "e.g. release/*");
            }
        }
        None
    }
}

/// A login, a team, an organisation or an App, as addresses have them.
fn is_word(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=WORD_BYTES_MAX).contains(&word.len()) && word.chars().all(plain) && !matches!(word, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, key: &str) {
        let policy: GithubPolicy = serde_yaml::from_str(text).unwrap();
        let found = policy.senseless().map(|one| one.key);
        assert_eq!(found.as_deref().unwrap_or_default(), key, "{text}");
    }

    #[test]
    fn what_makes_no_sense_is_found_at_its_key() {
        check("{}", "");
        check("required_checks: [{name: a}, {name: b, app: any}]", "");
        check("required_checks: [{name: ' '}]", "required_checks[0].name");
        check("required_checks: [{name: a}, {name: a, app: b}]", "required_checks[1].name");
        check("required_checks: [{name: a, app: a/b}]", "required_checks[0].app");
        check("reviews: {approvals: 11}", "reviews.approvals");
        check("pull_request: false", "");
        check("{pull_request: false, merge_queue: {enabled: true}}", "merge_queue.enabled");
        check("merge_queue: {build_max: 101}", "merge_queue.build_max");
        check("merge_queue: {merge_min: 6}", "merge_queue.merge_min");
        check("merge_queue: {merge_wait_minutes: 361}", "merge_queue.merge_wait_minutes");
        check("merge_queue: {check_timeout_minutes: 0}", "merge_queue.check_timeout_minutes");
    }

    #[test]
    fn an_environment_that_cannot_be_is_found() {
        let environment = |more: &str| format!("environments: [{{name: a{more}}}]");
        check(
            &environment(", reviewers: [ada, o/team, o/team-2], branches: [main, 'release/*'], tags: ['v*']"),
            "",
        );
        check("environments: [{name: ''}]", "environments[0].name");
        check("environments: [{name: a}, {name: A}]", "environments[1].name");
        check(&environment(", reviewers: [a/b/c]"), "environments[0].reviewers");
        check(&environment(", reviewers: ['@ada']"), "environments[0].reviewers");
        check(&environment(", reviewers: [ada, Ada]"), "environments[0].reviewers");
        check(&environment(", reviewers: [a, b, c, d, e, f, g]"), "environments[0].reviewers");
        check(&environment(", wait_minutes: 43201"), "environments[0].wait_minutes");
        check(&environment(", any_ref: true, tags: [v1]"), "environments[0].any_ref");
        check(&environment(", branches: [main, main]"), "environments[0].branches");
    }
}
