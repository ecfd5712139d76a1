//! How this program is called here: `cargo xtask` where cargo has that alias for it, else by its name or its own path.

use crate::report::Own;
use crate::world::{CommandLine, World};
use std::path::Path;

/// The words with which a person starts this program in this folder.
pub(super) fn words(world: &World, folder: &Path) -> Own {
    if folder.ancestors().find_map(alias).is_some_and(|alias| alias.iter().any(|word| word == "gateline")) {
        return Own::default();
    }
    // What is said in CI is read elsewhere, where the path of a runner is nothing.
    if world.in_ci() { Own::new("gateline") } else { Own::new(program(world, folder)) }
}

/// What `cargo xtask` stands for, as the configuration in one folder has it.
fn alias(folder: &Path) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(folder.join(".cargo/config.toml")).ok()?;
    let configuration: toml::Table = text.parse().ok()?;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    match configuration.get("alias")?.get("xtask")? {
        toml::Value::Array(all) => {
            Some(all.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
        }
        other => other.as_str().map(words),
    }
}

fn program(world: &World, folder: &Path) -> String {
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
        _ => CommandLine::new(own.to_string_lossy(), [""; 0]).for_a_shell(world, folder),
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
        let said = |variables: &[(&str, &Path)], folder: &Path| {
            let variables =
                variables.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string()));
            // The world's own executable is `gateline` in its directory.
            let world = World::with(variables.collect(), root.clone(), Clock::system());
            words(&world, folder).words().to_owned()
        };
        let check = |path: &Path, expected: &str| assert_eq!(said(&[("PATH", path)], &root), expected);
        let itself = format!("'{}/gateline'", root.display());
        check(Path::new("/nowhere"), &itself);
        assert_eq!(said(&[("CI", Path::new("true"))], &root), "gateline");
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
            assert_eq!(said(&[], &root.join("other")), "cargo xtask", "cargo looks upwards too");
        }
    }
}
