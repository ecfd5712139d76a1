//! Where packages come from: as Cargo.lock says, and what manifests and cargo's configuration take from elsewhere.
//!
//! Only configuration inside of the repository is read: what a machine replaces for itself, as a mirror of the registry, is no
//! property of the code, and Cargo.lock's checksums hold for it too.

use super::packages::{Packages, line_of, look, table_of};
use crate::evidence::sources::{Replaced, Sourced, SourcesEvidence, Unreadable};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Letters of a value that is told.
const SHOWN_CHARS_MAX: usize = 120;
/// Folders above the workspace that are looked at for the repository.
const FOLDERS_MAX: usize = 64;

/// Where these packages come from. Blocking: call it from a blocking thread.
pub fn of(packages: &Packages, root: &Path) -> SourcesEvidence {
    let repository = repository(root);
    let mut evidence = SourcesEvidence::default();
    for (index, package) in packages.iter() {
        let outside = || match &package.manifest {
            Some(manifest) => !package.member && !manifest.folder.starts_with(&repository),
            None => false,
        };
        if package.source.is_some() || outside() {
            evidence.packages.push(Sourced {
                name: package.name.clone(),
                version: package.version.clone(),
                source: package.source.clone(),
                line: packages.line(package),
                path: packages.path(index),
            });
        }
    }
    (evidence.replaced, evidence.unreadable) = replaced(root, &repository);
    evidence
}

/// The root of the git repository, or the workspace's.
fn repository(root: &Path) -> PathBuf {
    let above = root.ancestors().take(FOLDERS_MAX).find(|folder| folder.join(".git").exists());
    above.unwrap_or(root).to_owned()
}

fn replaced(root: &Path, repository: &Path) -> (Vec<Replaced>, Vec<Unreadable>) {
    let configurations = root
        .ancestors()
        .take_while(|folder| folder.starts_with(repository))
        .flat_map(|folder| [folder.join(".cargo/config.toml"), folder.join(".cargo/config")]);
    let files = std::iter::once(root.join("Cargo.toml")).chain(configurations);
    look(root, files, in_text)
}

/// What one file takes from elsewhere. Pure.
///
/// # Errors
/// Where it is no TOML.
pub fn in_text(file: &str, text: &str) -> Result<Vec<Replaced>, Unreadable> {
    let table = table_of(file, text)?;
    let one = |line: u32, key: String, from: &Value| Replaced {
        file: file.to_owned(),
        line,
        key,
        from: shown(from),
    };
    let mut found = Vec::new();
    for (registry, patches) in tables(&table, "patch") {
        for (package, from) in patches {
            found.push(one(line_of(text, package), format!("patch.{registry}.{package}"), from));
        }
    }
    for (package, from) in table.get("replace").and_then(Value::as_table).into_iter().flatten() {
        found.push(one(line_of(text, package), format!("replace.{package}"), from));
    }
    for (source, facts) in tables(&table, "source") {
        if let Some(with) = facts.get("replace-with") {
            let into = with.as_str().and_then(|name| table.get("source")?.get(name));
            found.push(one(line_of(text, source), format!("source.{source}"), into.unwrap_or(with)));
        }
    }
    // Cargo reads what a configuration includes, so a file of any name could replace a source.
    for key in ["paths", "include"] {
        if let Some(value) = table.get(key) {
            found.push(one(line_of(text, key), key.to_owned(), value));
        }
    }
    Ok(found)
}

/// The tables below a key, by name.
fn tables<'a>(table: &'a Table, key: &str) -> Vec<(&'a String, &'a Table)> {
    let below = table.get(key).and_then(Value::as_table).into_iter().flatten();
    below.filter_map(|(name, value)| Some((name, value.as_table()?))).collect()
}

/// A value on one line: only what says from where.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Table(table) => {
            let wanted =
                ["path", "git", "rev", "tag", "branch", "version", "registry", "directory", "local-registry"];
            let parts = wanted.iter().filter_map(|key| Some(format!("{key} {}", plain(table.get(*key)?))));
            parts.collect::<Vec<_>>().join(", ")
        }
        other => plain(other),
    };
    let line: String = text.chars().filter(|letter| !letter.is_control()).collect();
    line.chars().take(SHOWN_CHARS_MAX).collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests;
