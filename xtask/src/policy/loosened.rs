//! What a change loosens: the base's policies against the change's, key by key.
//!
//! Each key says which way is stricter, in [`STRICTER`]. A key that is not in the table counts as loosened whenever it
//! differs, so forgetting a line refuses too much and never too little; a test asks for every key's line.

mod stricter;

use super::places::Places;
use super::set::{PolicySet, Texts};
use super::waivers::Waiver;
use super::{approvers, waivers};
use crate::evidence::policy::Loosened;
use serde_json::Value;
use std::collections::BTreeMap;

use Stricter::{Higher, Later, Less, Lower, More, Neither, True, Unchanged};
pub use stricter::STRICTER;

/// Longest value that a finding shows, in characters.
const SHOWN_CHARS_MAX: usize = 120;

/// Which way a key is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stricter {
    /// The higher number; none at all is the loosest.
    Higher,
    /// The lower number; none at all is the loosest.
    Lower,
    /// The later word of these.
    Later(&'static [&'static str]),
    /// `true`.
    True,
    /// The list with more in it: what is taken out loosens.
    More,
    /// The list with less in it: what is added loosens.
    Less,
    /// Every change loosens: nobody can tell which way is stricter.
    Unchanged,
    /// No change loosens: the key demands nothing.
    Neither,
}

/// What the change's policies loosen against the base's, in the order of files and keys. `texts` are the change's files,
/// for lines.
pub fn loosened(old: &PolicySet, new: &PolicySet, texts: &Texts) -> Vec<Loosened> {
    let mut found = Vec::new();
    let value = |set: &PolicySet| serde_json::to_value(&set.policy).unwrap_or_default();
    let (old_value, new_value) = (value(old), value(new));
    let mut files: Vec<&String> = new_value.as_object().into_iter().flat_map(|all| all.keys()).collect();
    files.sort();
    for file in files {
        let pair = (&old_value[file], &new_value[file]);
        Walk { file, found: &mut found }.key("", "", "", pair);
    }
    of_waivers(old, new, &mut found);
    of_approvers(old, new, &mut found);
    let mut places: BTreeMap<String, Places> = BTreeMap::new();
    for one in &mut found {
        let read = || texts.get(&one.file).and_then(|text| Places::read(text).ok()).unwrap_or_default();
        let places = places.entry(one.file.clone()).or_insert_with(read);
        // Until here the key has the path in the file behind it.
        let (shown, path) = one.key.split_once('\0').unwrap_or((&one.key, ""));
        one.line = places.nearest(path).map_or(one.line, |place| place.line);
        one.key = shown.to_owned();
    }
    found.sort();
    found
}

/// Whether a waiver of the change was in the base too, for as long: then it needs nobody's approval.
pub fn was_in(base: &PolicySet, waiver: &Waiver) -> bool {
    // A waiver of every value covers that of one.
    let same = |one: &Waiver| {
        one.code == waiver.code
            && one.subject == waiver.subject
            && (one.value.is_none() || one.value == waiver.value)
    };
    base.waivers.iter().any(|one| same(&one.waiver) && waiver.expires <= one.waiver.expires)
}

struct Walk<'a> {
    file: &'a str,
    found: &'a mut Vec<Loosened>,
}

impl Walk<'_> {
    /// One value: `pattern` finds its direction, `shown` is what people read, `path` is where the change's file has it.
    fn key(&mut self, pattern: &str, shown: &str, path: &str, (old, new): (&Value, &Value)) {
        if old == new {
            return;
        }
        let direction = STRICTER.iter().find(|(file, key, _)| (*file, *key) == (self.file, pattern));
        match (direction, old, new) {
            (Some((_, _, direction)), old, new) if !is_looser(*direction, old, new) => {}
            (None, Value::Object(before), Value::Object(now)) => {
                let under = |prefix: &str, key: &str| match prefix {
                    "" => key.to_owned(),
                    prefix => format!("{prefix}.{key}"),
                };
                for key in before.keys().chain(now.keys().filter(|key| !before.contains_key(*key))) {
                    let pair =
                        (before.get(key).unwrap_or(&Value::Null), now.get(key).unwrap_or(&Value::Null));
                    self.key(&under(pattern, key), &under(shown, key), &under(path, key), pair);
                }
            }
            (None, Value::Array(before), Value::Array(now)) if is_listed(before, now) => {
                self.list(pattern, shown, path, (before, now));
            }
            _ => self.say(shown, path, plain(old), plain(new)),
        }
    }

    /// Items with names are compared by name; others one by one, where there are as many as before.
    fn list(&mut self, pattern: &str, shown: &str, path: &str, (old, new): (&[Value], &[Value])) {
        let pattern = format!("{pattern}[]");
        let name = |item: &Value| item["name"].as_str().map(str::to_owned);
        if old.iter().any(|item| name(item).is_none()) {
            if old.len() != new.len() {
                let whole = |items: &[Value]| plain(&Value::Array(items.to_vec()));
                return self.say(shown, path, whole(old), whole(new));
            }
            for (index, pair) in old.iter().zip(new).enumerate() {
                let item = |prefix: &str| format!("{prefix}[{index}]");
                self.key(&pattern, &item(shown), &item(path), pair);
            }
            return;
        }
        for before in old {
            let shown = format!("{shown}[{}]", name(before).unwrap_or_default());
            match new.iter().position(|now| name(now) == name(before)) {
                Some(index) => self.key(&pattern, &shown, &format!("{path}[{index}]"), (before, &new[index])),
                None => self.say(&shown, path, "is there".into(), "is gone".into()),
            }
        }
        let order = |items: &[Value], of: &[Value]| -> Vec<_> {
            items.iter().map(name).filter(|one| of.iter().any(|item| name(item) == *one)).collect()
        };
        if order(old, new) != order(new, old) {
            let names = |items: &[Value]| items.iter().filter_map(name).collect::<Vec<_>>().join(", ");
            self.say(shown, path, names(old), names(new));
        }
    }

    fn say(&mut self, shown: &str, path: &str, old: String, new: String) {
        let file = format!("{}.yaml", self.file);
        self.found.push(Loosened { file, key: format!("{shown}\0{path}"), old, new, line: 0 });
    }
}

/// Whether this is a list of sections rather than of words. What was empty tells nothing: then the names of what came do.
fn is_listed(before: &[Value], now: &[Value]) -> bool {
    let named = |item: &Value| item["name"].is_string();
    match before.is_empty() {
        true => now.iter().all(named),
        false => before.iter().all(Value::is_object),
    }
}

/// Whether the new value demands less than the old one. Values that cannot be compared do.
fn is_looser(stricter: Stricter, old: &Value, new: &Value) -> bool {
    let lower = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a < b,
        (Some(_), None) => false,
        (None, _) => true,
    };
    let lacks = |all: &Value, of: &Value| match (all, of) {
        (Value::Array(all), Value::Array(of)) => of.iter().any(|one| !all.contains(one)),
        // Of names with reasons the names count: another reason demands no less.
        (Value::Object(all), Value::Object(of)) => of.keys().any(|one| !all.contains_key(one)),
        _ => true,
    };
    if old == new {
        return false;
    }
    match stricter {
        Higher => lower(new, old),
        // Less than nothing at all is every number.
        Lower => new.as_f64().is_none() || old.as_f64().is_some() && lower(old, new),
        Later(words) => {
            let rank = |value: &Value| words.iter().position(|word| *word == plain(value));
            rank(new).is_none() || rank(new) < rank(old)
        }
        True => new != &Value::Bool(true),
        More => lacks(new, old),
        Less => lacks(old, new),
        Unchanged => true,
        Neither => false,
    }
}

fn of_waivers(old: &PolicySet, new: &PolicySet, found: &mut Vec<Loosened>) {
    for placed in new.waivers.iter().filter(|placed| !was_in(old, &placed.waiver)) {
        let waiver = &placed.waiver;
        let same = old
            .waivers
            .iter()
            .filter(|one| (&one.waiver.code, &one.waiver.subject) == (&waiver.code, &waiver.subject))
            .filter(|one| one.waiver.value.is_none() || one.waiver.value == waiver.value);
        let before = same.map(|one| one.waiver.expires).max();
        found.push(Loosened {
            file: waivers::FILE.to_owned(),
            key: format!("{} {}", waiver.code, waiver.subject),
            old: before.map_or("no waiver".into(), |day| format!("until {day}")),
            new: format!("until {}", waiver.expires),
            line: placed.line,
        });
    }
}

fn of_approvers(old: &PolicySet, new: &PolicySet, found: &mut Vec<Loosened>) {
    let mut say = |index: usize, name: &str, new: String| {
        let file = approvers::FILE.to_owned();
        let key = format!("approvers[{name}]\0approvers[{index}]");
        found.push(Loosened { file, key, old: "may not approve so".into(), new, line: 0 });
    };
    for (index, one) in new.approvers.approvers.iter().enumerate() {
        let before = old.approvers.approvers.iter().find(|before| before.name == one.name);
        if let Some(login) =
            one.github.as_ref().filter(|_| before.and_then(|one| one.github.as_ref()) != one.github.as_ref())
        {
            say(index, &one.name, format!("@{login} may"));
        }
        if let Some(uid) = one.uid.filter(|_| before.and_then(|one| one.uid) != one.uid) {
            say(index, &one.name, format!("the user {uid} may"));
        }
        for key in &one.ssh_keys {
            let known = before.into_iter().flat_map(|one| &one.ssh_keys);
            let as_long = |known: &approvers::SshKey| match (known.expires, key.expires) {
                (None, _) => true,
                (Some(before), Some(now)) => now <= before,
                (Some(_), None) => false,
            };
            let mut same = known.filter(|known| approvers::body(&known.key) == approvers::body(&key.key));
            if !same.any(as_long) {
                let until = key.expires.map_or("without end".to_owned(), |day| format!("until {day}"));
                say(index, &one.name, format!("the key {} may, {until}", short(&key.key)));
            }
        }
    }
}

/// The last characters of a key's body: those at its start are the same for all.
fn short(key: &str) -> String {
    let body: Vec<char> = key.split_whitespace().nth(1).unwrap_or_default().chars().collect();
    format!("…{}", body[body.len().saturating_sub(12)..].iter().collect::<String>())
}

/// A value as a policy would say it on one line.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
