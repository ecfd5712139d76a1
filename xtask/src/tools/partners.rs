//! Where `setup` puts the tools and test partners that are no system packages, and how everything finds them.

use super::identity::target_directory;
use crate::world::World;
use std::path::{Path, PathBuf};

/// The folder below the target directory; a virtual environment of Python.
const FOLDER: &str = "gateline/tools";

/// The workspace's own folder of tools.
pub fn folder(target: &Path) -> PathBuf {
    target.join(FOLDER)
}

/// The programs in the folder of the workspace around the working directory.
///
/// The target directory is guessed from files: asking cargo where it is would cost every verb some 50 ms.
pub fn programs(world: &World, workspace: Option<&Path>) -> Option<PathBuf> {
    let start = world.directory().join(workspace.unwrap_or(Path::new("")));
    Some(folder(&target_directory(world, &start)?).join("bin"))
}

/// The world with those programs behind everything else in `PATH`, so that they never hide a tool of the system.
#[must_use]
pub fn within_reach(world: World, workspace: Option<&Path>) -> World {
    let Some(own) = programs(&world, workspace) else { return world };
    let path = match world.env("PATH") {
        Some(path) => format!("{path}:{}", own.display()),
        None => own.display().to_string(),
    };
    world.with_variable("PATH", &path)
}

/// A `PATH` without what [`within_reach`] put into it.
pub fn without_own<'a>(path: &'a str, target: &Path) -> &'a str {
    let own = folder(target).join("bin");
    path.strip_suffix(&*own.to_string_lossy()).map_or(path, |rest| rest.strip_suffix(':').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    #[test]
    fn the_folder_stands_behind_everything_else() {
        let workspace = tempfile::tempdir().unwrap();
        // Before cargo has ever run here there is no `Cargo.lock`.
        std::fs::write(workspace.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        let inside = workspace.path().join("src/deep");
        std::fs::create_dir_all(&inside).unwrap();
        let path = |variables: &[(&str, &str)], directory: &Path| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let world = World::with(variables.collect(), directory.to_owned(), Clock::system());
            within_reach(world, None).env("PATH").unwrap_or_default().to_owned()
        };
        let own = workspace.path().join("target/gateline/tools/bin");
        let target = workspace.path().join("target");
        assert_eq!(without_own(&path(&[("PATH", "/usr/bin")], &inside), &target), "/usr/bin");
        assert_eq!(
            (without_own(&path(&[], &inside), &target), without_own("/usr/bin", &target)),
            ("", "/usr/bin")
        );
        assert_eq!(path(&[("PATH", "/usr/bin")], &inside), format!("/usr/bin:{}", own.display()));
        assert_eq!(path(&[], workspace.path()), own.display().to_string());
        std::fs::write(inside.join("Cargo.toml"), "[package]\nname = \"deep\"\n").unwrap();
        assert_eq!(path(&[], &inside), own.display().to_string(), "a member's own manifest is not the root");
        let elsewhere = [("PATH", "/usr/bin"), ("CARGO_TARGET_DIR", "/t")];
        assert_eq!(path(&elsewhere, &inside), "/usr/bin:/t/gateline/tools/bin");
        assert_eq!(path(&[("PATH", "/usr/bin")], Path::new("/nowhere")), "/usr/bin");
    }
}
