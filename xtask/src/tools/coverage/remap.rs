//! `--remap-path-prefix` of the build: what the compiler wrote into objects, and what it stands for.
//!
//! Read where cargo reads rustc's flags: `CARGO_ENCODED_RUSTFLAGS`, `RUSTFLAGS`, and `rustflags` of its configuration files from
//! the workspace upwards. More than cargo would use may be found; a prefix that no object has changes nothing. Left out:
//! flags on a command line of cargo's (`--config`), which we do not give, and the unstable `trim-paths`.

use crate::world::World;
use std::path::{Path, PathBuf};

/// A configuration file of cargo's.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// What was written for what, in the order in which it is to be undone: of several that fit, rustc took the last.
pub fn remapped(world: &World, root: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut flags: Vec<String> = Vec::new();
    let encoded = world.env("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    flags.extend(encoded.split('\x1f').map(str::to_owned));
    flags.extend(world.env("RUSTFLAGS").unwrap_or_default().split_whitespace().map(str::to_owned));
    for folder in root.ancestors() {
        for name in [".cargo/config.toml", ".cargo/config"] {
            flags.extend(read(&folder.join(name)).map(|text| of_config(&text)).unwrap_or_default());
        }
    }
    of_flags(&flags, root)
}

fn read(path: &Path) -> Option<String> {
    let size = std::fs::metadata(path).ok()?.len();
    if size > CONFIG_BYTES_MAX { None } else { std::fs::read_to_string(path).ok() }
}

/// `build.rustflags` and `target.*.rustflags`; cargo itself has refused a file that is no TOML.
fn of_config(text: &str) -> Vec<String> {
    let Ok(config) = text.parse::<toml::Table>() else { return Vec::new() };
    let targets = config.get("target").and_then(toml::Value::as_table).into_iter();
    let tables = config.get("build").into_iter().chain(targets.flat_map(|targets| targets.values()));
    let mut flags = Vec::new();
    for table in tables {
        match table.get("rustflags") {
            Some(toml::Value::String(text)) => flags.extend(text.split_whitespace().map(str::to_owned)),
            Some(toml::Value::Array(list)) => {
                flags.extend(list.iter().filter_map(|flag| flag.as_str().map(str::to_owned)));
            }
            _ => {}
        }
    }
    flags
}

fn of_flags(flags: &[String], root: &Path) -> Vec<(PathBuf, PathBuf)> {
    const FLAG: &str = "--remap-path-prefix";
    let mut found = Vec::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let value = match flag.strip_prefix(FLAG) {
            Some("") => flags.next().map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        // `FROM=TO`; a `=` may stand in FROM, not in TO.
        if let Some((from, to)) = value.and_then(|value| value.rsplit_once('=')) {
            found.push((PathBuf::from(to), root.join(from)));
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use proptest::prelude::*;

    #[test]
    fn prefixes_come_from_wherever_cargo_takes_flags() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("w");
        let config = "[build]\nrustflags = [\"--remap-path-prefix\", \"/a=/b\"]\n\
                      [target.'cfg(unix)']\nrustflags = \"-C x --remap-path-prefix=/c=d=/e\"\n";
        std::fs::create_dir_all(root.join(".cargo")).unwrap();
        std::fs::write(root.join(".cargo/config.toml"), config).unwrap();
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = [
            variable("CARGO_ENCODED_RUSTFLAGS", "--remap-path-prefix\x1f/with space=/s"),
            variable("RUSTFLAGS", "-g --remap-path-prefix=.=/src"),
        ];
        let world = World::with(environment.into(), root.clone(), Clock::system());
        let pair = |to: &str, from: &str| (PathBuf::from(to), root.join(from));
        let expected = [pair("/e", "/c=d"), pair("/b", "/a"), pair("/src", "."), pair("/s", "/with space")];
        assert_eq!(remapped(&world, &root), expected);
    }

    proptest! {
        #[test]
        fn any_configuration_is_read_or_ignored(text in "[\\[\\]a-z=\".{}\n, -]{0,80}") {
            let _ = of_flags(&of_config(&text), Path::new("/w"));
        }
    }
}
