//! What comes from elsewhere: actions and reusable workflows by commit, images by digest. A tag is moved in a minute.
//!
//! Whether a commit belongs to the repository that is named, or only to a fork of it, cannot be told without the network:
//! GitHub serves both under the same name.

use super::super::model::{Defined, Document, Job, Step};
use super::super::tree::Node;
use super::{At, Found};
use crate::evidence::workflows::Audit;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Hexadecimal digits of a commit, of either kind that git has.
const COMMIT_DIGITS: [usize; 2] = [40, 64];

/// What is used from elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Used {
    pub(in super::super) all: u64,
    pub(in super::super) pinned: u64,
}

pub(super) fn look(document: &Document, found: &mut Found<'_>) -> Used {
    let (mut used, mut unnamed) = (Used::default(), BTreeMap::new());
    for (job, steps) in document.blocks() {
        if let Some(job) = job {
            if let Some(uses) = job.node.get("uses") {
                action(document, uses, At::job(job).on(uses.at.line), found, &mut used, &mut unnamed);
            }
            images(job, found, &mut used);
        }
        for step in steps {
            if let Some(uses) = step.node.get("uses") {
                let at = At::step(job, step).on(uses.at.line);
                action(document, uses, at, found, &mut used, &mut unnamed);
            }
        }
    }
    if let Defined::Action { image: Some(image), .. } = &document.what
        && let Some(name) = image.text().and_then(|text| text.strip_prefix("docker://"))
    {
        self::image(name, At::line(image.at.line), found, &mut used);
    }
    if let Some(first) = unnamed.values().min() {
        let names: Vec<&str> = unnamed.keys().map(String::as_str).collect();
        let what = format!("nobody can read from the commit which version it is: {}", names.join(", "));
        found.add(Audit::UnnamedVersion, At::line(*first), what);
    }
    used
}

fn action(
    document: &Document,
    uses: &Node,
    at: At<'_>,
    found: &mut Found<'_>,
    used: &mut Used,
    unnamed: &mut BTreeMap<String, u32>,
) {
    let Some(text) = uses.text().map(str::trim) else { return };
    // A path is of this very commit; `$/` is GitHub's newer way to write it.
    if text.starts_with("./") || text.starts_with("$/") {
        return;
    }
    if let Some(name) = text.strip_prefix("docker://") {
        return image(name, at, found, used);
    }
    used.all += 1;
    let (name, reference) = text.split_once('@').unwrap_or((text, ""));
    if !is_commit(reference) {
        let what = match reference {
            "" => format!("`{text}` names no version, so the default branch of the day runs here"),
            _ => format!("`{text}` is not pinned: whoever moves `{reference}` runs their code here"),
        };
        return found.add_named(Audit::UnpinnedAction, at, what, Some(name.to_owned()));
    }
    used.pinned += 1;
    if document.comment(uses).is_none_or(str::is_empty) {
        unnamed.insert(name.to_owned(), at.line);
    }
}

/// Whether a reference is a whole commit.
fn is_commit(reference: &str) -> bool {
    COMMIT_DIGITS.contains(&reference.len()) && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn images(job: &Job, found: &mut Found<'_>, used: &mut Used) {
    let of = |node: &Rc<Node>| node.get("image").cloned().or_else(|| node.text().map(|_| node.clone()));
    let container = job.node.get("container").and_then(of);
    let services = job.node.get("services").map(|services| services.entries()).unwrap_or_default();
    let services = services.iter().filter_map(|(_, service)| of(service));
    for node in container.into_iter().chain(services) {
        if let Some(name) = node.text() {
            image(name, At::job(job).on(node.at.line), found, used);
        }
    }
}

fn image(name: &str, at: At<'_>, found: &mut Found<'_>, used: &mut Used) {
    // What a matrix or an input names is told where it is written.
    if name.is_empty() || name.contains("${{") {
        return;
    }
    used.all += 1;
    if name.contains("@sha256:") {
        used.pinned += 1;
        return;
    }
    let what = format!("the image `{name}` is not pinned by its digest: tomorrow it may be another");
    found.add_named(
        Audit::UnpinnedImage,
        at,
        what,
        Some(name.split([':', '@']).next().unwrap_or(name).to_owned()),
    );
}

/// The version that is named beside an action, or its tag: `v4.2.0` as `(4, 2)`; `None` where neither is one.
pub(super) fn version(document: &Document, step: &Step) -> Option<(u32, u32)> {
    let uses = step.node.get("uses")?;
    let reference = uses.text()?.split_once('@')?.1;
    let told = if is_commit(reference) { document.comment(uses)? } else { reference };
    let digits = told.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = digits.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let major = numbers.next()?.ok()?;
    // A tag with one number moves with the newest of them.
    Some((major, numbers.next().and_then(Result::ok).unwrap_or(u32::MAX)))
}
