//! The policy folder: of the working tree, or of a commit as git has it, whatever the working tree says.

use super::git;
use crate::failure::Failure;
use crate::policy::file::{POLICY_BYTES_MAX, text};
use crate::policy::parse;
use crate::policy::set::Texts;
use crate::world::World;
use anyhow::Context as _;
use std::path::Path;

/// Reads the folder of the working tree; `None` where there is none.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] where a file cannot be read, is no UTF-8, or is read by nothing.
pub fn here(folder: &Path) -> anyhow::Result<Option<Texts>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let names: Vec<String> = std::fs::read_dir(folder)
        .and_then(|entries| {
            entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        })
        .with_context(|| format!("failed to read {}", folder.display()))?;
    parse::check_names(names.iter().map(String::as_str))?;
    let mut texts = Texts::new();
    for name in parse::all_files() {
        let file = folder.join(name);
        match std::fs::read(&file) {
            Ok(bytes) => texts.insert(name.to_owned(), text(name, bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                let message = format!("failed to read {}: {error}", file.display());
                return Err(Failure::usage(message, "mend or remove the file"));
            }
        };
    }
    Ok(Some(texts))
}

/// Reads the folder at a commit or reference; `None` where it has none there.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] where git knows no such commit, and as [`here`].
pub async fn at(world: &World, root: &Path, reference: &str, folder: &str) -> anyhow::Result<Option<Texts>> {
    let commit = git::commit(world, root, reference).await?;
    let inside = format!("{folder}/");
    let listed = git::run(world, root, &["ls-tree", "-z", "-l", &commit, &inside]).await?;
    let mut texts = Texts::new();
    let mut names = Vec::new();
    for entry in String::from_utf8_lossy(&listed).split('\0').filter(|entry| !entry.is_empty()) {
        let Some((facts, path)) = entry.split_once('\t') else { continue };
        let name = path.strip_prefix(&inside).unwrap_or(path).to_owned();
        let [mode, "blob", object, size] = facts.split_whitespace().collect::<Vec<_>>()[..] else {
            continue;
        };
        names.push(name.clone());
        if !parse::all_files().contains(&name.as_str()) {
            continue;
        }
        if mode == "120000" {
            let message = format!("policies/{name} at {reference} is a symbolic link");
            return Err(Failure::usage(message, "commit the file itself"));
        }
        if size.parse::<usize>().map_or(true, |size| size > POLICY_BYTES_MAX) {
            let message =
                format!("policies/{name} at {reference}: {size} bytes are more than a policy may have");
            return Err(Failure::usage(message, "name another reference"));
        }
        let bytes = git::run(world, root, &["cat-file", "blob", object]).await?;
        texts.insert(name.clone(), text(&name, bytes)?);
    }
    parse::check_names(names.iter().map(String::as_str))?;
    Ok((!texts.is_empty()).then_some(texts))
}
