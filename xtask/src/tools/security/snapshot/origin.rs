//! Which commit of the database was read, and its day: from git where there is a checkout, from the header that
//! `git archive` writes, else unknown. Without a commit's day, the newest advisory's day stands for it: never
//! younger than the truth.

use crate::failure::Failure;
use crate::world::{CommandLine, World};
use std::io::Read;
use std::path::Path;

/// git's header is some 60 bytes.
const HEADER_BYTES_MAX: u64 = 64 * 1024;
const COMMIT_DIGITS_MIN: usize = 7;
const COMMIT_DIGITS_MAX: usize = 64;

/// What is known of where the facts come from.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) commit: Option<String>,
    pub(super) date: Option<String>,
}

impl Origin {
    /// The same with the commit that a person named, which must not contradict what was found.
    pub(super) fn named(self, commit: Option<&str>) -> anyhow::Result<Origin> {
        let Some(named) = commit else { return Ok(self) };
        let help = "give the commit of the database as git prints it: git rev-parse HEAD";
        if !is_commit(named) {
            return Err(Failure::usage(format!("`{named}` is not a commit"), help));
        }
        match self.commit {
            Some(found) if !found.starts_with(named) => {
                Err(Failure::usage(format!("the database says that it is {found}, not {named}"), help))
            }
            Some(found) => Ok(Origin { commit: Some(found), ..self }),
            None => Ok(Origin { commit: Some(named.to_owned()), ..self }),
        }
    }
}

/// What git says of a checkout; nothing where it is a plain folder.
pub(super) async fn of_checkout(world: &World, root: &Path) -> anyhow::Result<Origin> {
    if !root.join(".git").exists() {
        return Ok(Origin::default());
    }
    let changes = git(world, root, ["status", "--porcelain", "--", "crates"]).await?;
    if !changes.is_empty() {
        let message = format!("the advisories in {} differ from their commit", root.display());
        return Err(Failure::usage(message, format!("git -C {} restore crates", root.display())));
    }
    let told = git(world, root, ["log", "-1", "--format=%H %ct"]).await?;
    let (commit, seconds) = told.trim().split_once(' ').unwrap_or_default();
    let date = seconds.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    Ok(Origin { commit: Some(commit.to_owned()).filter(|commit| is_commit(commit)), date: date.map(day) })
}

/// What `git archive` wrote in front of an archive: `52 comment=<commit>`.
pub(super) fn of_archive_header(reader: impl Read) -> anyhow::Result<Origin> {
    let mut header = Vec::new();
    reader.take(HEADER_BYTES_MAX).read_to_end(&mut header)?;
    let text = String::from_utf8_lossy(&header);
    let comment = text.lines().find_map(|line| line.split_once(' ')?.1.strip_prefix("comment="));
    let commit = comment.filter(|commit| is_commit(commit)).map(str::to_owned);
    Ok(Origin { commit, date: None })
}

async fn git<const N: usize>(world: &World, root: &Path, arguments: [&str; N]) -> anyhow::Result<String> {
    let command = CommandLine::new("git", arguments).in_directory(root);
    let finished = world.run(&command).await?;
    if !finished.status.success() {
        let message = format!("`{command}` failed: {}", String::from_utf8_lossy(&finished.stderr).trim());
        return Err(Failure::infrastructure(message, "name the checkout as a .tar.gz instead"));
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

fn day(moment: jiff::Timestamp) -> String {
    moment.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

fn is_commit(text: &str) -> bool {
    (COMMIT_DIGITS_MIN..=COMMIT_DIGITS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_git_archive_names_the_commit() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let header = format!("52 comment={commit}\n");
        let origin = of_archive_header(header.as_bytes()).unwrap();
        assert_eq!(origin.commit.as_deref(), Some(commit));
        assert_eq!(of_archive_header(&b"20 comment=hello\n"[..]).unwrap(), Origin::default());
    }

    #[test]
    fn a_named_commit_fills_the_gap_and_never_contradicts() {
        let found = Origin { commit: Some("abcdef0123".into()), date: None };
        assert_eq!(found.clone().named(None).unwrap(), found);
        assert_eq!(found.clone().named(Some("abcdef0")).unwrap(), found);
        assert!(found.named(Some("1234567")).is_err());
        assert!(Origin::default().named(Some("main")).is_err());
        assert_eq!(Origin::default().named(Some("1234567")).unwrap().commit.as_deref(), Some("1234567"));
    }
}
