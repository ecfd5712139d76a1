//! Identity: whether a program is still the one that answered before, told from file facts without running it.
//!
//! A compiler that was exchanged behind a remembered answer would give a wrong verdict, so this errs to one side:
//! where a program is a script, a shim of a version manager or anything else whose file does not tell what will answer,
//! there is no identity, and nothing is remembered. Of shims only rustup's are seen through, by the files that it chooses
//! a toolchain from.

use crate::digest::{Digest, Hasher};
use crate::world::World;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Files by which rustup chooses a toolchain, in a directory or above it.
const TOOLCHAIN_FILES: [&str; 2] = ["rust-toolchain.toml", "rust-toolchain"];
/// What a toolchain consists of, as far as we ask it.
const TOOLCHAIN_PROGRAMS: [&str; 4] = ["bin/rustc", "bin/cargo", "bin/clippy-driver", "bin/rustdoc"];
/// A settings file longer than this is none.
const SETTINGS_BYTES_MAX: u64 = 1024 * 1024;
/// The first bytes of an executable that is no script.
const ELF: &[u8] = b"\x7fELF";

/// What tells these programs, run in `directory`, from any others; `None` where their files do not tell it.
pub(super) fn of(world: &World, directory: &Path, programs: &[&str]) -> Option<Digest> {
    let mut hasher = Hasher::default();
    for program in programs {
        let path = find(world, program)?;
        let real = path.canonicalize().ok()?;
        hasher.field(path.as_os_str().as_encoded_bytes());
        hasher.field(&facts(&real)?);
        let name = real.file_name()?.to_str()?;
        if name == "rustup" {
            rustup(world, directory, &mut hasher)?;
        } else if !speaks_for_itself(&real, program, name) {
            return None;
        }
        // rustc is a small program; what it says is in the library beside it, whose name has a hash.
        if let Some(prefix) = real.parent().and_then(Path::parent) {
            names_in(&prefix.join("lib"), "librustc_driver", &mut hasher);
        }
    }
    Some(hasher.finish())
}

/// Cargo's target directory for a workspace around `directory`, guessed as cargo finds it: by variables, configuration,
/// else beside the root manifest. Whoever keeps files there compares it with what cargo says.
pub(super) fn target_directory(world: &World, directory: &Path) -> Option<PathBuf> {
    for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
        if let Some(target) = world.env(name) {
            return Some(directory.join(target));
        }
    }
    for folder in directory.ancestors() {
        let text = std::fs::read_to_string(folder.join(".cargo/config.toml")).unwrap_or_default();
        if let Some(target) = text.contains("target-dir").then(|| configured(&text)).flatten() {
            return Some(folder.join(target));
        }
    }
    let manifests: Vec<&Path> =
        directory.ancestors().filter(|folder| folder.join("Cargo.toml").is_file()).collect();
    let is_root = |folder: &&&Path| {
        let text = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        text.lines().any(|line| line.trim_start().starts_with("[workspace"))
    };
    Some(manifests.iter().find(is_root).or(manifests.first())?.join("target"))
}

fn configured(text: &str) -> Option<String> {
    let configuration: toml::Table = text.parse().ok()?;
    Some(configuration.get("build")?.get("target-dir")?.as_str()?.to_owned())
}

/// The file that is run for a name: as the kernel and a shell find it.
fn find(world: &World, program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(world.directory().join(program));
    }
    let folders = world.env("PATH")?.split(':');
    folders.map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

/// A program file under its own name: not a shim called otherwise, not a script. `ldd` is a script that prints a text
/// of its own.
fn speaks_for_itself(real: &Path, program: &str, name: &str) -> bool {
    let own = match program.rsplit('/').next().unwrap_or(program) {
        "ldd" => return name == "ldd",
        "cc" => ["gcc", "clang"].iter().any(|compiler| name.contains(compiler)),
        "ld" => {
            ["ld.bfd", "ld.gold", "ld.lld", "lld", "mold", "ld"].iter().any(|linker| name.ends_with(linker))
        }
        plain => name.starts_with(plain),
    };
    let mut head = [0; 4];
    let elf = std::fs::File::open(real).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
    own && elf.is_ok() && head == ELF
}

/// Everything that rustup's choice depends on.
fn rustup(world: &World, directory: &Path, hasher: &mut Hasher) -> Option<()> {
    let home = match (world.env("RUSTUP_HOME"), world.env("HOME")) {
        (Some(home), _) => PathBuf::from(home),
        (None, Some(home)) => Path::new(home).join(".rustup"),
        (None, None) => return None,
    };
    hasher.field(&contents(&home.join("settings.toml"))?);
    let named = world.env("RUSTUP_TOOLCHAIN").unwrap_or_default();
    // A toolchain that is named by its path lies anywhere.
    if named.contains('/') {
        return None;
    }
    hasher.field(named.as_bytes());
    for folder in directory.ancestors() {
        for name in TOOLCHAIN_FILES {
            let text = contents(&folder.join(name))?;
            if text.windows(4).any(|word| word == b"path") {
                return None;
            }
            hasher.field(&text);
        }
    }
    let mut toolchains: Vec<PathBuf> =
        std::fs::read_dir(home.join("toolchains")).ok()?.flatten().map(|entry| entry.path()).collect();
    toolchains.sort();
    for toolchain in toolchains {
        hasher.field(toolchain.as_os_str().as_encoded_bytes());
        for program in TOOLCHAIN_PROGRAMS {
            hasher.field(&facts(&toolchain.join(program)).unwrap_or_default());
        }
    }
    Some(())
}

/// What the file system says of a file: a rewritten file differs in one of these, whatever its contents.
fn facts(path: &Path) -> Option<Vec<u8>> {
    let facts = std::fs::metadata(path).ok()?;
    let numbers = [
        i128::from(facts.dev()),
        i128::from(facts.ino()),
        i128::from(facts.size()),
        i128::from(facts.mtime()),
        i128::from(facts.mtime_nsec()),
        i128::from(facts.ctime()),
        i128::from(facts.ctime_nsec()),
    ];
    Some(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

/// The text of a small file; nothing where there is none. `None` where it cannot be read: then nothing is known.
pub(super) fn contents(path: &Path) -> Option<Vec<u8>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Vec::new()),
        Ok(facts) if facts.is_file() && facts.len() <= SETTINGS_BYTES_MAX => {
            std::fs::read(path).ok().map(|text| [b"is ", text.as_slice()].concat())
        }
        _ => None,
    }
}

/// Feeds the sorted names of a directory that begin with these letters; none where there is no such directory.
fn names_in(directory: &Path, start: &str, hasher: &mut Hasher) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.retain(|name| name.as_encoded_bytes().starts_with(start.as_bytes()));
    names.sort();
    names.iter().for_each(|name| hasher.field(name.as_encoded_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Machine {
        folder: tempfile::TempDir,
        world: World,
    }

    /// A machine with rustup and two toolchains.
    fn machine() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for toolchain in ["stable", "nightly"] {
            std::fs::create_dir_all(at(&format!("rustup/toolchains/{toolchain}/bin"))).unwrap();
            std::fs::write(at(&format!("rustup/toolchains/{toolchain}/bin/rustc")), toolchain).unwrap();
        }
        std::fs::write(at("rustup/settings.toml"), "default_toolchain = \"stable\"").unwrap();
        for directory in ["bin", "w/below"] {
            std::fs::create_dir_all(at(directory)).unwrap();
        }
        std::fs::write(at("bin/rustup"), ELF).unwrap();
        symlink("rustup", at("bin/rustc")).unwrap();
        let environment = [("PATH", at("bin")), ("RUSTUP_HOME", at("rustup"))];
        let environment =
            environment.map(|(name, path)| (name.to_owned(), path.to_string_lossy().into_owned()));
        let world = World::with(environment.into(), at("w"), Clock::system());
        Machine { folder, world }
    }

    impl Machine {
        fn identity(&self) -> Option<Digest> {
            of(&self.world, &self.folder.path().join("w/below"), &["rustc"])
        }

        fn write(&self, path: &str, text: &str) {
            std::fs::write(self.folder.path().join(path), text).unwrap();
        }
    }

    #[test]
    fn whatever_rustup_chooses_by_changes_the_identity() {
        let changes = [
            ("rustup/settings.toml", "default_toolchain = \"nightly\""),
            ("rustup/toolchains/stable/bin/rustc", "another"),
            ("rustup/toolchains/nightly/bin/cargo", "new"),
            ("w/rust-toolchain.toml", "[toolchain]\nchannel = \"nightly\""),
            ("w/below/rust-toolchain", "nightly"),
            ("bin/rustup", "\x7fELF and more"),
        ];
        for (path, text) in changes {
            let machine = machine();
            let before = machine.identity();
            assert!(before.is_some() && before == machine.identity());
            machine.write(path, text);
            assert!(machine.identity().is_some_and(|after| Some(after) != before), "{path}");
        }
        let machine = machine();
        let other = machine.world.clone().with_variable("RUSTUP_TOOLCHAIN", "nightly");
        assert_ne!(
            of(&other, machine.folder.path(), &["rustc"]),
            of(&machine.world, machine.folder.path(), &["rustc"])
        );
    }

    #[test]
    fn what_the_files_do_not_tell_has_no_identity() {
        let machine = machine();
        machine.write("w/rust-toolchain.toml", "[toolchain]\npath = \"/opt/rust\"");
        assert_eq!(machine.identity(), None);
        let machine = self::machine();
        let by_path = machine.world.clone().with_variable("RUSTUP_TOOLCHAIN", "/opt/rust");
        assert_eq!(of(&by_path, machine.folder.path(), &["rustc"]), None);
        assert_eq!(of(&machine.world, machine.folder.path(), &["cargo"]), None, "there is none");
        let folder = machine.folder.path();
        machine.write("bin/script", "#!/bin/sh\nexec /opt/rust/bin/cargo \"$@\"");
        std::fs::set_permissions(folder.join("bin/script"), PermissionsExt::from_mode(0o755)).unwrap();
        symlink("script", folder.join("bin/cargo")).unwrap();
        assert_eq!(of(&machine.world, folder, &["cargo"]), None, "a shim of another name");
        std::fs::copy(folder.join("bin/script"), folder.join("bin/ld")).unwrap();
        assert_eq!(of(&machine.world, folder, &["ld"]), None, "a script");
        machine.write("bin/ccache", "\x7fELF");
        symlink("ccache", folder.join("bin/cc")).unwrap();
        assert_eq!(of(&machine.world, folder, &["cc"]), None, "a launcher");
    }
}
