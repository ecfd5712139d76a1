//! Judges where packages come from: registries and git repositories must be named, paths must lie in the repository, and what takes
//! packages from elsewhere is told.

use super::chain::through;
use crate::evidence::sources::{Replaced, Sourced, SourcesEvidence, Unreadable};
use crate::policy::lint::Level;
use crate::policy::security::{CRATES_IO, GitPin, SourcesPolicy};
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use std::collections::BTreeSet;

/// The two indexes of crates.io, without scheme.
const CRATES_IO_INDEXES: [&str; 2] = ["github.com/rust-lang/crates.io-index", "index.crates.io"];

/// The verdict. A workspace without dependencies passes, and its numbers say so.
pub fn judge(policy: &SourcesPolicy, evidence: &SourcesEvidence, duration_ms: u64) -> GateVerdict {
    let mut findings: Vec<Finding> =
        evidence.packages.iter().filter_map(|one| package(policy, one)).collect();
    if let Some(severity) = policy.replaced.severity() {
        findings.extend(evidence.replaced.iter().map(|one| replaced(severity, one)));
    }
    let sources: BTreeSet<String> = evidence.packages.iter().map(place_of).collect();
    let facts = serde_json::json!({
        "packages": evidence.packages.len(),
        "sources": sources.len(),
        "from": sources,
        "replaced": evidence.replaced.len(),
    });
    let asked = evidence.unreadable.iter().filter(|_| policy.replaced != Level::Off);
    let unread = asked.map(|one| unreadable(Gate::Sources, one, "what it takes from elsewhere")).collect();
    GateVerdict::of(Gate::Sources, duration_ms, facts, findings).incomplete(unread)
}

/// A file of cargo in which nobody knows what stands.
pub(super) fn unreadable(gate: Gate, one: &Unreadable, what: &str) -> Finding {
    let Unreadable { file, line, why } = one;
    let message = format!("{file} cannot be read, so {what} is not known: {why}");
    let help = "correct it: cargo metadata --locked --no-deps shows what cargo says of it";
    Finding::new(gate, "unreadable", Severity::Error, message, help).at(file, *line).about(file.clone())
}

fn place_of(package: &Sourced) -> String {
    match Source::of(package) {
        Source::Registry(url) if CRATES_IO_INDEXES.contains(&url.as_str()) => CRATES_IO.to_owned(),
        Source::Registry(url) => format!("registry {url}"),
        Source::Git { url, .. } => format!("git {url}"),
        Source::Path => "a path outside of the repository".to_owned(),
    }
}

/// Where one package comes from. URLs have no scheme, user, query, fragment or `.git` at their end.
enum Source {
    Registry(String),
    Git { url: String, pin: GitPin },
    Path,
}

impl Source {
    fn of(package: &Sourced) -> Source {
        let Some(text) = &package.source else { return Source::Path };
        match text.strip_prefix("git+") {
            None => Source::Registry(plain(text)),
            Some(git) => {
                let query =
                    git.split('#').next().unwrap_or(git).split_once('?').map_or("", |(_, query)| query);
                let mut pins = query.split('&').filter_map(|pair| match pair.split('=').next() {
                    Some("rev") => Some(GitPin::Rev),
                    Some("tag") => Some(GitPin::Tag),
                    Some("branch") => Some(GitPin::Branch),
                    _ => None,
                });
                Source::Git { url: plain(git), pin: pins.next().unwrap_or(GitPin::Any) }
            }
        }
    }
}

/// A URL as it is compared.
fn plain(url: &str) -> String {
    let url = ["registry+", "sparse+", "git+"].iter().find_map(|kind| url.strip_prefix(kind)).unwrap_or(url);
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    // `user:word@host` names no other place.
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host).to_ascii_lowercase();
    let folder = path.ends_with('/') && !path.trim_matches('/').is_empty();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    match (path.is_empty(), folder) {
        (true, _) => host,
        (false, true) => format!("{host}/{path}/"),
        (false, false) => format!("{host}/{path}"),
    }
}

fn package(policy: &SourcesPolicy, package: &Sourced) -> Option<Finding> {
    let who = format!("{}@{}", package.name, package.version);
    let path = through(&package.path);
    let tree = format!("cargo tree -i {who}");
    let (what, level, message, help) = match Source::of(package) {
        Source::Registry(url) => {
            let known = |name: &String| match name.as_str() {
                CRATES_IO => CRATES_IO_INDEXES.contains(&url.as_str()),
                name => plain(name).trim_end_matches('/') == url.trim_end_matches('/'),
            };
            if policy.registries.iter().any(known) {
                return None;
            }
            let shown = if CRATES_IO_INDEXES.contains(&url.as_str()) { CRATES_IO } else { url.as_str() };
            let message = format!("{who} comes from the registry {shown}, which is not named{path}");
            let help = format!(
                "take it from elsewhere ({tree}), or add {shown} to `sources.registries` in policies/security.yaml"
            );
            ("unknown-registry", policy.unknown_registry, message, help)
        }
        Source::Git { url, pin } => {
            let known = |name: &String| {
                let name = plain(name);
                if name.ends_with('/') { url.starts_with(&name) } else { name == url.trim_end_matches('/') }
            };
            if !policy.git.iter().any(known) {
                let message = format!("{who} comes from the git repository {url}, which is not named{path}");
                let help = format!(
                    "use a release of a registry ({tree}), or add https://{url} to `sources.git` in policies/security.yaml"
                );
                ("unknown-git", policy.unknown_git, message, help)
            } else if pin < policy.git_pin {
                let (has, wanted) = (pin_name(pin), pin_name(policy.git_pin));
                let message = format!("{who} comes from git by {has}, and at least {wanted} is wanted{path}");
                let help = format!("write `rev = \"COMMIT\"` at it in the manifest that `{tree}` shows");
                ("git-pin", policy.unknown_git, message, help)
            } else {
                return None;
            }
        }
        Source::Path => {
            let message = format!("{who} lies in a path outside of the repository{path}");
            let help = "take it into the repository, or from a registry or git: nobody else has that path"
                .to_owned();
            ("outside-path", policy.outside_paths, message, help)
        }
    };
    let finding = Finding::new(Gate::Sources, what, level.severity()?, message, help).about(who);
    Some(if package.line == 0 { finding } else { finding.at("Cargo.lock", package.line) })
}

fn pin_name(pin: GitPin) -> &'static str {
    match pin {
        GitPin::Any => "its default branch",
        GitPin::Branch => "a branch",
        GitPin::Tag => "a tag",
        GitPin::Rev => "a commit",
    }
}

fn replaced(severity: Severity, one: &Replaced) -> Finding {
    let Replaced { file, line, key, from } = one;
    let message = format!("`{key}` takes packages from elsewhere than their requirements say: {from}");
    let help =
        "remove it once it is no longer needed, or set `sources.replaced: off` in policies/security.yaml";
    Finding::new(Gate::Sources, "replaced", severity, message, help)
        .at(file, *line)
        .about(format!("{file} {key}"))
}

#[cfg(test)]
mod tests;
