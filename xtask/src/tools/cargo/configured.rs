//! Variables that cargo's configuration sets for everything that cargo runs: the section `[env]` of `.cargo/config.toml` in
//! the workspace, in the folders above and at home (The Cargo Book, "Configuration"). Tests are started here and not by
//! cargo, so it is read here. Left out: files that a configuration includes, and `--config`.

use crate::tools::bounded;
use crate::world::World;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A longer file is no configuration.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The names of the file, the one that cargo prefers first.
const NAMES: [&str; 2] = ["config", "config.toml"];

/// What the configuration says of one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// Whether it stands though the surroundings have another value.
    pub force: Force,
}

/// Whether a variable of the configuration replaces one of the surroundings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Force {
    /// It does not.
    #[default]
    Yield,
    /// It does: `force = true`.
    Replace,
}

/// A value as the file has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Plain(String),
    Detailed {
        value: String,
        #[serde(default)]
        force: bool,
        #[serde(default)]
        relative: bool,
    },
}

/// The variables for a workspace; what is nearer to it counts.
pub fn variables(world: &World, root: &Path) -> BTreeMap<String, Variable> {
    let mut folders: Vec<PathBuf> = root.ancestors().map(|folder| folder.join(".cargo")).collect();
    folders.extend(match (world.env("CARGO_HOME"), world.env("HOME")) {
        (Some(home), _) => Some(root.join(home)),
        (None, Some(home)) => Some(Path::new(home).join(".cargo")),
        (None, None) => None,
    });
    let mut variables = BTreeMap::new();
    for file in folders.iter().flat_map(|folder| NAMES.map(|name| folder.join(name))) {
        let bytes = bounded::read(&file, FILE_BYTES_MAX).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        for (name, variable) in text.map(|text| read(&text, &file)).unwrap_or_default() {
            variables.entry(name).or_insert(variable);
        }
    }
    variables
}

/// The variables of one file. What cargo would refuse has been refused by cargo.
fn read(text: &str, file: &Path) -> BTreeMap<String, Variable> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let written = table.get("env").and_then(toml::Value::as_table).into_iter().flatten();
    let variable = |written: Written| match written {
        Written::Plain(value) => Variable { value, force: Force::Yield },
        Written::Detailed { value, force, relative } => {
            // The folder that has the folder `.cargo`.
            let base = file.parent().and_then(Path::parent).filter(|_| relative);
            let value = base.map_or_else(|| value.clone(), |base| base.join(&value).display().to_string());
            Variable { value, force: if force { Force::Replace } else { Force::Yield } }
        }
    };
    written
        .filter_map(|(name, value)| Some((name.clone(), variable(value.clone().try_into().ok()?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use proptest::prelude::*;

    #[test]
    fn what_is_nearer_counts_and_paths_are_from_the_configurations_folder() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("home/config.toml", "[env]\nA = \"home\"\nH = \"home\"\n");
        write("w/.cargo/config.toml", "[env]\nA = { value = \"near\", force = true }\n");
        write(".cargo/config", "[env]\nA = \"far\"\nB = { value = \"b/c\", relative = true }\nC = 7\n");
        let home = folder.path().join("home").display().to_string();
        let world = World::with([("CARGO_HOME".to_owned(), home)].into(), "/".into(), Clock::system());
        let variables = variables(&world, &folder.path().join("w"));
        let shown: Vec<_> = variables.iter().map(|(name, one)| (name.as_str(), one.value.as_str())).collect();
        let path = folder.path().join("b/c").display().to_string();
        assert_eq!(shown, [("A", "near"), ("B", path.as_str()), ("H", "home")]);
        assert_eq!((variables["A"].force, variables["B"].force), (Force::Replace, Force::Yield));
    }

    proptest! {
        #[test]
        fn any_text_is_variables_or_none(text in "\\PC{0,60}", like in "\\[env\\]\n([A-C] = ([0-9]|\"x\"|\\{ value = \"y\" \\})\n)*") {
            let _ = read(&text, Path::new("/w/.cargo/config.toml"));
            let _ = read(&like, Path::new("config.toml"));
        }
    }
}
