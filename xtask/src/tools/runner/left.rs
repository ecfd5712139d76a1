//! Processes that outlive a test's own: members of its process group, and whoever still holds its output open.
//!
//! Looked for only where the kernel says that there is one: reading `/proc` costs more than a quick test.

use crate::world::{group_lives, kill_process};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// How long the members of a group may take to end after its leader: a test may have ended them just now.
const GRACE_MILLIS_MAX: u64 = 200;
/// Between two looks.
const LOOK_AGAIN_MILLIS: u64 = 10;
/// Processes that are named.
const NAMED_MAX: usize = 8;

/// A process, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    id: u32,
    name: String,
    group: u32,
}

/// The names of those that are left in the group whose leader has ended, after a moment of grace.
pub(super) async fn in_group(leader: Option<u32>) -> Vec<String> {
    let Some(leader) = leader else { return Vec::new() };
    for _ in 0..GRACE_MILLIS_MAX / LOOK_AGAIN_MILLIS {
        if !group_lives(leader) || members(leader).is_empty() {
            return Vec::new();
        }
        tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MILLIS)).await;
    }
    members(leader)
}

fn members(leader: u32) -> Vec<String> {
    let in_group = all().into_iter().filter(|process| process.group == leader);
    in_group.take(NAMED_MAX).map(|process| process.name).collect()
}

/// Ends those that can still write to one of these pipes, named by inode, and gives their names. Who can only read them is
/// one of our own on its way to another program.
pub(super) fn end_writers(pipes: &[u64]) -> Vec<String> {
    let ours = std::process::id();
    let writers = all().into_iter().filter(|process| process.id != ours && writes_to(process.id, pipes));
    let ended = writers.take(NAMED_MAX).map(|process| {
        kill_process(process.id);
        process.name
    });
    ended.collect()
}

fn writes_to(process: u32, pipes: &[u64]) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    descriptors.map(|entry| entry.path()).any(|link| {
        let target = std::fs::read_link(&link).unwrap_or_default();
        pipe_of(&target).is_some_and(|pipe| pipes.contains(&pipe)) && is_for_writing(&link)
    })
}

/// `pipe:[12345]`
fn pipe_of(target: &Path) -> Option<u64> {
    target.to_str()?.strip_prefix("pipe:[")?.strip_suffix(']')?.parse().ok()
}

/// The kernel shows in the link's mode what its descriptor is open for (proc_pid_fd(5)).
fn is_for_writing(link: &Path) -> bool {
    const OWNER_WRITES: u32 = 0o200;
    std::fs::symlink_metadata(link).is_ok_and(|data| data.permissions().mode() & OWNER_WRITES != 0)
}

/// Every process that has not ended.
fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let running = entries.filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
        read_stat(id, &String::from_utf8_lossy(&stat))
    });
    running.collect()
}

/// `12 (a name) S 1 12 …`: the name may have anything in it, so its end is the last parenthesis (proc_pid_stat(5)). `None` for
/// a process that has ended and was not waited for.
fn read_stat(id: u32, stat: &str) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split_whitespace();
    let (state, _parent, group) = (fields.next()?, fields.next()?, fields.next()?);
    let ended = matches!(state, "Z" | "X" | "x");
    (!ended).then_some(Process { id, name: name.to_owned(), group: group.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_may_have_anything_in_them() {
        let read = |stat| read_stat(12, stat).map(|process| (process.name, process.group));
        assert_eq!(read("12 (a) b (c)) S 1 7 7 0"), Some(("a) b (c)".into(), 7)));
        assert_eq!((read("12 (gone) Z 1 7 7 0"), read("12 (short) S 1"), read("")), (None, None, None));
        assert_eq!((pipe_of(Path::new("pipe:[77]")), pipe_of(Path::new("/dev/null"))), (Some(77), None));
    }

    #[test]
    fn this_process_is_there_and_nobody_writes_to_a_pipe_that_is_not() {
        assert!(all().iter().any(|process| process.id == std::process::id()));
        assert!(end_writers(&[u64::MAX]).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_a_process_or_none(stat in "\\PC{0,60}") {
            let _ = read_stat(1, &stat);
        }
    }
}
