//! What GitHub is told of a verdict: a check with annotations, a commit status, a comment on the pull request.
//!
//! Functions of the verdict and of [`Links`], so that what is told can be looked at without GitHub (`--dry-run`). Everything
//! is written anew from numbers, names and messages, each escaped: the verdict may come from a run that nobody trusts.

pub mod check;
pub mod comment;
pub mod issue;
pub mod release;

use super::text;
use crate::verdict::Finding;

/// Where things are on GitHub's pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The files at the commit: `https://github.com/o/r/blob/COMMIT`.
    pub files: Option<String>,
    /// The run whose report it is.
    pub run: Option<String>,
}

impl Links {
    /// The finding's place, as a link where there is one to make.
    pub(super) fn place(&self, finding: &Finding) -> Option<String> {
        let place = text::code(&super::rank::place(finding)?);
        let (Some(files), Some(file)) = (&self.files, finding.file.as_deref().filter(|file| inside(file)))
        else {
            return Some(place);
        };
        let lines = match (finding.line, finding.end_line) {
            (Some(first), Some(last)) if last > first => format!("#L{first}-L{last}"),
            (Some(line), _) => format!("#L{line}"),
            _ => String::new(),
        };
        Some(format!("[{place}]({files}/{}{lines})", text::uri(file)))
    }
}

/// Whether a path lies in the repository, as far as its letters tell.
pub fn inside(path: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..");
    !path.chars().any(char::is_control) && path.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_place_is_a_link_only_inside_the_repository() {
        let verdict = sample::verdict();
        let mut finding = verdict.gates[0].findings[0].clone();
        let links = Links { files: Some("https://x/o/r/blob/c".to_owned()), run: None };
        let mut check = |file: &str, end: Option<u32>, expected: &str| {
            finding.file = Some(file.to_owned());
            finding.end_line = end;
            assert_eq!(links.place(&finding).unwrap(), expected);
        };
        check("src/a b).rs", None, "[`src/a b).rs:11`](https://x/o/r/blob/c/src/a%20b%29.rs#L11)");
        check("a.rs", Some(13), "[`a.rs:11-13`](https://x/o/r/blob/c/a.rs#L11-L13)");
        check("../a.rs", None, "`../a.rs:11`");
        check("/etc/passwd", None, "`/etc/passwd:11`");
    }
}
