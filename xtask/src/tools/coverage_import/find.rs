//! Which files a pattern of `inputs` means.

use std::path::{Path, PathBuf};

/// Entries of folders that are looked at for one pattern.
pub const ENTRIES_MAX: usize = 200_000;
/// How deep folders are followed.
pub const DEPTH_MAX: usize = 32;

/// The files of a pattern, sorted. `*` stands for any characters of one name, `**` for any folders; without either it is the file
/// itself. Relative patterns begin at `root`. Links to folders are not followed.
///
/// # Errors
/// Where there is no such file.
pub fn files(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    if !pattern.contains('*') {
        let file = root.join(pattern);
        let facts = std::fs::metadata(&file).map_err(|error| error.to_string())?;
        return if facts.is_file() { Ok(vec![file]) } else { Err("it is no file".to_owned()) };
    }
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let fixed = parts.iter().take_while(|part| !part.contains('*')).count();
    let start = if pattern.starts_with('/') { Path::new("/") } else { root };
    let start = parts.iter().take(fixed).fold(start.to_owned(), |path, part| path.join(part));
    let mut search = Search { found: Vec::new(), entries: 0 };
    search.below(&start, parts.get(fixed..).unwrap_or_default(), 0)?;
    search.found.sort();
    search.found.dedup();
    if search.found.is_empty() { Err("no file is like it".to_owned()) } else { Ok(search.found) }
}

struct Search {
    found: Vec<PathBuf>,
    entries: usize,
}

impl Search {
    fn below(&mut self, folder: &Path, parts: &[&str], depth: usize) -> Result<(), String> {
        let Some((part, rest)) = parts.split_first() else { return Ok(()) };
        if depth > DEPTH_MAX {
            return Ok(());
        }
        if *part == "**" {
            self.below(folder, rest, depth)?;
        }
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
        for entry in entries {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(format!("more than {ENTRIES_MAX} entries are looked at for it: name its folder"));
            }
            let entry = entry.map_err(|error| error.to_string())?;
            let kind = entry.file_type().map_err(|error| error.to_string())?;
            let name = entry.file_name();
            let fits = *part != "**" && is_like(part, &name.to_string_lossy());
            if kind.is_dir() && *part == "**" {
                self.below(&entry.path(), parts, depth + 1)?;
            } else if kind.is_dir() && fits {
                self.below(&entry.path(), rest, depth + 1)?;
            } else if fits && rest.is_empty() && entry.path().is_file() {
                self.found.push(entry.path());
            }
        }
        Ok(())
    }
}

/// Whether a name is what a pattern says.
fn is_like(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod proof {
    use super::*;

    #[test]
    fn patterns_find_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["lcov.info", "web/a/lcov.info", "web/b/c/lcov.info", "web/b/other.xml"] {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let found = |pattern: &str| {
            let found = files(folder.path(), pattern)?;
            let shown = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            Ok::<_, String>(found.iter().map(shown).collect::<Vec<_>>())
        };
        assert_eq!(found("lcov.info").unwrap(), ["lcov.info"]);
        assert_eq!(found("web/*/lcov.info").unwrap(), ["web/a/lcov.info"]);
        let all = ["lcov.info", "web/a/lcov.info", "web/b/c/lcov.info"];
        assert_eq!(found("**/lcov.info").unwrap(), all);
        assert_eq!(found("web/**/*.xml").unwrap(), ["web/b/other.xml"]);
        assert!(found("none.info").is_err() && found("*.none").is_err() && found("web").is_err());
    }
}
