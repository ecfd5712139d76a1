//! From a path in a foreign file to a path in the workspace. Pure.
//!
//! In order: `strip` is taken away where the path begins with it; `prefix` is put before what is relative; the workspace's root is
//! taken away; `.` and `..` are resolved. What leads out of the workspace is outside. Whether the file is there, asks the caller.

use std::path::Path;

/// How paths of one input become paths in the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathRule {
    /// The workspace's root as it was named, and as the system names it.
    roots: Vec<String>,
    strip: Option<String>,
    prefix: Option<String>,
}

impl PathRule {
    /// A rule for the workspace at `root`.
    pub fn new(root: &Path, strip: Option<&str>, prefix: Option<&str>) -> PathRule {
        let mut roots = vec![root.to_string_lossy().into_owned()];
        if let Ok(real) = root.canonicalize() {
            roots.push(real.to_string_lossy().into_owned());
        }
        let plain = |part: Option<&str>| part.map(slashes).filter(|part| !part.is_empty());
        PathRule { roots, strip: plain(strip), prefix: plain(prefix) }
    }

    /// The paths in the workspace that a path may mean, the likeliest first: below each of `folders` where it is relative, then
    /// as it stands.
    pub fn candidates(&self, raw: &str, folders: &[String]) -> Vec<String> {
        let raw = slashes(raw);
        let joined = folders.iter().filter(|_| !is_absolute(&raw)).map(|folder| {
            let folder = slashes(folder);
            if folder.is_empty() { raw.clone() } else { format!("{}/{raw}", folder.trim_end_matches('/')) }
        });
        let mut found: Vec<String> =
            joined.chain([raw.clone()]).filter_map(|path| self.inside(&path)).collect();
        found.dedup();
        found
    }

    fn inside(&self, path: &str) -> Option<String> {
        let stripped = self.strip.as_deref().and_then(|strip| below(path, strip));
        let path = stripped.unwrap_or(path);
        let prefixed = match &self.prefix {
            Some(prefix) if !is_absolute(path) => format!("{}/{path}", prefix.trim_end_matches('/')),
            _ => path.to_owned(),
        };
        let relative = if is_absolute(&prefixed) {
            self.roots.iter().find_map(|root| below(&prefixed, root))?
        } else {
            &prefixed
        };
        resolved(relative)
    }
}

/// A path with `/` between its parts, whatever system wrote it.
fn slashes(path: &str) -> String {
    let windows = path.contains('\\') && !path.contains('/');
    if windows || drive(path) { path.replace('\\', "/") } else { path.to_owned() }
}

/// `C:` and what follows.
fn drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || drive(path)
}

/// What follows a folder in a path.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    rest.strip_prefix('/').map(|rest| rest.trim_start_matches('/')).filter(|rest| !rest.is_empty())
}

/// A relative path without `.` and `..`; `None` where it leads out.
fn resolved(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod proof {
    use super::*;
    use proptest::prelude::*;

    fn check(strip: Option<&str>, prefix: Option<&str>, raw: &str, folders: &[&str], expected: &[&str]) {
        let folders: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        let rule = PathRule::new(Path::new("/no-such-root/w"), strip, prefix);
        assert_eq!(rule.candidates(raw, &folders), expected, "{raw}");
    }

    #[test]
    fn paths_become_relative_to_the_workspace() {
        check(None, None, "/no-such-root/w/src/a.rs", &[], &["src/a.rs"]);
        check(None, None, "src/./b/../a.rs", &[], &["src/a.rs"]);
        check(None, None, "/elsewhere/a.rs", &[], &[]);
        check(None, None, "/no-such-root/wider/a.rs", &[], &[]);
        check(None, None, "../a.rs", &[], &[]);
        check(None, None, "/no-such-root/w/../../etc/passwd", &[], &[]);
        check(None, None, "", &[], &[]);
    }

    #[test]
    fn strip_and_prefix_move_what_was_measured_elsewhere() {
        check(Some("/build/app"), None, "/build/app/src/a.rs", &[], &["src/a.rs"]);
        check(Some("/build/app/"), Some("web"), "/build/app/a.ts", &[], &["web/a.ts"]);
        check(None, Some("web/"), "src/a.ts", &[], &["web/src/a.ts"]);
        check(Some("/build"), None, "/builder/a.rs", &[], &[]);
        check(Some("C:/work"), None, "C:\\work\\src\\a.rs", &[], &["src/a.rs"]);
        check(None, None, "src\\a.rs", &[], &["src/a.rs"]);
        check(None, None, "odd\\name/a.rs", &[], &["odd\\name/a.rs"]);
    }

    #[test]
    fn relative_paths_may_begin_in_a_folder_that_the_file_names() {
        let folders = ["/no-such-root/w/py", "/elsewhere", ""];
        check(None, None, "a.py", &folders, &["py/a.py", "a.py"]);
        check(None, None, "/no-such-root/w/b.py", &folders, &["b.py"]);
    }

    proptest! {
        #[test]
        fn nothing_leads_out(raw in "[a-c./\\\\:]{0,20}", folder in "[a-c./]{0,8}", strip in "[a-c./]{0,6}", prefix in "[a-c./]{0,6}") {
            let rule = PathRule::new(Path::new("/no-such-root"), Some(&strip), Some(&prefix));
            for path in rule.candidates(&raw, &[folder]) {
                prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| part.is_empty() || part == ".." || part == "."));
            }
        }
    }
}
