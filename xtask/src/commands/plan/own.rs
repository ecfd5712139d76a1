//! How this program is called here: `cargo xtask` where the workspace has that alias for it, else by its own path.

use crate::world::{CommandLine, World};
use std::path::Path;

/// The words with which a person starts this program in the workspace.
pub(in crate::commands) fn own_words(world: &World, root: &Path) -> String {
    let configuration = std::fs::read_to_string(root.join(".cargo/config.toml")).unwrap_or_default();
    let alias = configuration.parse::<toml::Table>().ok().and_then(|table| {
        let alias = table.get("alias")?.get("xtask")?.clone();
        Some(match alias {
            toml::Value::Array(words) => {
                words.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(" ")
            }
            other => other.as_str().unwrap_or_default().to_owned(),
        })
    });
    if alias.is_some_and(|alias| alias.split_whitespace().any(|word| word == "gateline")) {
        return "cargo xtask".to_owned();
    }
    let own = world.executable();
    let is_own = |folder: &str| {
        let found = Path::new(folder).join("gateline");
        found.is_file() && found.canonicalize().ok() == own.canonicalize().ok()
    };
    // The first of that name in PATH is what a shell starts.
    let first = world.env("PATH").and_then(|path| {
        path.split(':').find(|folder| Path::new(folder).join("gateline").is_file()).map(is_own)
    });
    match first {
        Some(true) => "gateline".to_owned(),
        _ => CommandLine::new(own.to_string_lossy(), [""; 0]).for_a_shell(world, root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    #[test]
    fn the_alias_the_path_or_the_program_itself() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a b");
        std::fs::create_dir_all(root.join(".cargo")).unwrap();
        let check = |path: &Path, expected: &str| {
            let path = [("PATH".to_owned(), path.display().to_string())];
            // The world's own executable is `gateline` in its directory.
            let world = World::with(path.into(), root.clone(), Clock::system());
            assert_eq!(own_words(&world, &root), expected);
        };
        let itself = format!("'{}/gateline'", root.display());
        check(Path::new("/nowhere"), &itself);
        std::fs::write(root.join("gateline"), "").unwrap();
        check(&root, "gateline");
        std::fs::create_dir(root.join("other")).unwrap();
        std::fs::write(root.join("other/gateline"), "").unwrap();
        check(&root.join("other"), &itself);
        let configure = |text: &str| std::fs::write(root.join(".cargo/config.toml"), text).unwrap();
        configure("[alias]\nxtask = \"run --package tasks --\"\n");
        check(Path::new("/nowhere"), &itself);
        for alias in ["\"run --package gateline --\"", "[\"run\", \"--package\", \"gateline\", \"--\"]"] {
            configure(&format!("[alias]\nxtask = {alias}\n"));
            check(Path::new("/nowhere"), "cargo xtask");
        }
    }
}
