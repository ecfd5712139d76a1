//! `security import DENY_TOML`: what cargo-deny was told, as our policy. Shows the difference and asks, like `init`.
//!
//! Keys that the policy has already stay as they are, and so do comments. What was not taken over is listed.

use super::super::context::{Context, write_report};
use crate::evidence::advisories::AdvisoryKind;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::places::Places;
use crate::policy::waivers::{self, Waiver, days};
use crate::policy::{PolicySet, Texts};
use crate::tools::bounded;
use crate::tools::init::unified;
use crate::tools::security::deny_toml::{self, Imported};
use crate::tools::security::snapshot;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// The file that is written.
const FILE: &str = "security.yaml";
/// How far keys of a section stand in.
const INDENT: usize = 2;

/// What is typed.
pub(in crate::commands) struct Wanted {
    pub(in crate::commands) file: PathBuf,
    pub(in crate::commands) yes: bool,
    pub(in crate::commands) owner: Option<String>,
    pub(in crate::commands) expires: Option<String>,
}

/// `security import`.
pub(in crate::commands) async fn import(context: &Context, wanted: Wanted) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let file = context.world.directory().join(&wanted.file);
    let shown = wanted.file.display();
    let text = bounded::read(&file, deny_toml::BYTES_MAX)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()))
        .map_err(|why| Failure::usage(format!("failed to read {shown}: {why}"), "name a deny.toml"))?;
    let mut imported =
        deny_toml::read(&text).map_err(|error| error.context(format!("failed to read {shown}")))?;
    let before = context.policies_here(&workspace)?.unwrap_or_default();
    let mut after = before.clone();
    let security = with(before.get(FILE).map_or("", String::as_str), &mut imported)?;
    after.insert(FILE.to_owned(), security);
    let waived = waive(context, &wanted, &imported, &mut after)?;
    if let Err(wrong) = PolicySet::parse(&after, context.today()) {
        let message = format!("what {shown} says makes no policy: {wrong:#}");
        return Err(Failure::usage(message, "mend that in it, or write policies/security.yaml by hand"));
    }
    let changed: Vec<&str> =
        [FILE, waivers::FILE].into_iter().filter(|name| before.get(*name) != after.get(*name)).collect();
    let difference: String = changed
        .iter()
        .filter_map(|name| {
            Some(unified(
                &format!("policies/{name}"),
                before.get(*name).map(String::as_str),
                after.get(*name)?,
            ))
        })
        .collect();
    let said = serde_json::json!({
        "files": changed, "left_out": imported.left_out, "ignored": imported.ignored, "waived": waived,
    });
    context.console.result(&said, |_| human(&difference, &imported, waived));
    if changed.is_empty() {
        context.console.note("nothing to write: the policy says all of it already");
        return Ok(Exit::Done);
    }
    if !wanted.yes {
        if !context.console.can_ask() {
            let help = "look at the diff above, then add --yes";
            return Err(Failure::usage("nothing was written: there is no terminal to ask at", help));
        }
        if !context.console.ask(&format!("Write policies/{}?", changed.join(" and policies/"))) {
            context.console.note("nothing was written");
            return Ok(Exit::Done);
        }
    }
    let folder = context.policy_folder(&workspace);
    for name in changed {
        write_report(&folder.join(name), after.get(name).map_or("", String::as_str).as_bytes())?;
    }
    context
        .console
        .note("next: cargo xtask security licences, then bans and sources; cargo xtask policy check");
    Ok(Exit::Done)
}

fn human(difference: &str, imported: &Imported, waived: usize) -> String {
    let mut text = difference.to_owned();
    for (key, why) in &imported.left_out {
        text += &format!("not taken over: {key}: {why}\n");
    }
    let left = imported.ignored.len() - waived;
    if left > 0 {
        let ids: Vec<&str> = imported.ignored.iter().map(|(id, _)| id.as_str()).collect();
        text += &format!(
            "not taken over: advisories.ignore: {} ({left} of them need an owner and a last day: add --owner NAME \
             [--expires DAY], or `cargo xtask waive`)\n",
            ids.join(", ")
        );
    }
    text.trim_end().to_owned()
}

/// The text with what was imported; keys that it has already are left out of it.
fn with(before: &str, imported: &mut Imported) -> anyhow::Result<String> {
    let places = Places::read(before).unwrap_or_default();
    let head = "# yaml-language-server: $schema=schema/security.schema.json\n";
    let mut text = if before.trim().is_empty() { head.to_owned() } else { before.to_owned() };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let sections = std::mem::take(&mut imported.sections);
    for (section, keys) in &sections {
        let (known, new): (Map<String, Value>, Map<String, Value>) =
            keys.clone().into_iter().partition(|(key, _)| has(&places, &format!("{section}.{key}")));
        for key in known.keys() {
            let why = "the policy has this key already, which stays as it is";
            imported.left_out.push((format!("{section}.{key}"), why));
        }
        if new.is_empty() {
            continue;
        }
        text = put(&text, section, &new)?;
    }
    imported.sections = sections;
    Ok(text)
}

/// Whether a text has this key, or something below it.
fn has(places: &Places, path: &str) -> bool {
    let below = |other: &str| {
        other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    places.iter().any(|(other, _)| below(other))
}

/// The text with these keys at the start of a section, or with a new section at its end.
fn put(text: &str, section: &str, keys: &Map<String, Value>) -> anyhow::Result<String> {
    let header = format!("{section}:");
    let at = text.lines().position(|line| line.trim_end() == header);
    let lines = |indent: usize| -> anyhow::Result<String> {
        let yaml = serde_yaml::to_string(keys)?;
        Ok(yaml.lines().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect())
    };
    let Some(at) = at else {
        return Ok(format!("{text}{header}\n{}", lines(INDENT)?));
    };
    let below =
        text.lines().skip(at + 1).find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let indent = below.map_or(INDENT, |line| line.len() - line.trim_start().len());
    let new = lines(if indent == 0 { INDENT } else { indent })?;
    let each = text.split_inclusive('\n').enumerate();
    Ok(each
        .map(|(number, line)| if number == at { format!("{line}{new}") } else { line.to_owned() })
        .collect())
}

/// Adds a waiver for each advisory that is ignored and that the snapshot knows, where somebody owns them; how many.
fn waive(
    context: &Context,
    wanted: &Wanted,
    imported: &Imported,
    texts: &mut Texts,
) -> anyhow::Result<usize> {
    if imported.ignored.is_empty() {
        return Ok(0);
    }
    let owner = match &wanted.owner {
        Some(owner) => owner.clone(),
        None if !wanted.yes && context.console.can_ask() => context
            .console
            .ask_line("Who will see to the advisories that it ignores? (empty: nobody, and they refuse)"),
        None => String::new(),
    };
    if owner.is_empty() {
        return Ok(0);
    }
    let today = context.today();
    let expires = match &wanted.expires {
        None => waivers::last_day(today),
        Some(day) => day.parse().map_err(|_| {
            let example = today.saturating_add(days(30));
            Failure::usage(format!("`--expires {day}` is no day"), format!("write it as {example}"))
        })?,
    };
    let known = snapshot::embedded().map_err(|why| Failure::infrastructure(why.message, why.help))?;
    let mut count = 0;
    for (id, reason) in &imported.ignored {
        let Some(facts) = known.advisories.iter().find(|facts| facts.id == *id) else { continue };
        let what = code(facts.kind);
        let waiver = Waiver {
            code: format!("advisories/{what}"),
            subject: id.clone(),
            reason: reason.clone(),
            owner: owner.clone(),
            expires,
            value: None,
        };
        waiver.check(today).map_err(|(_, what, help)| Failure::usage(what, help))?;
        let before = texts.get(waivers::FILE).cloned().unwrap_or_default();
        let after = crate::commands::waive::with(&before, &waiver, today)?;
        texts.insert(waivers::FILE.to_owned(), after);
        count += 1;
    }
    Ok(count)
}

fn code(kind: AdvisoryKind) -> &'static str {
    match kind {
        AdvisoryKind::Vulnerability => "vulnerability",
        AdvisoryKind::Unsound => "unsound",
        AdvisoryKind::Unmaintained => "unmaintained",
        AdvisoryKind::Notice => "notice",
        AdvisoryKind::Yanked => "yanked",
    }
}

#[cfg(test)]
mod tests;
