//! What `init` needs to know of a repository: its default branch, where its root is, what git ignores.

use crate::tools::git;
use crate::workspace::Workspace;
use crate::world::World;
use std::path::PathBuf;

/// The longest name of a branch that is written into a workflow.
const BRANCH_BYTES_MAX: usize = 200;

/// Default branches are called so where nobody says otherwise.
const USUAL_NAMES: [&str; 2] = ["main", "master"];

/// What is under our feet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The default branch.
    pub branch: String,
    /// The repository's root, where it is not the workspace's.
    pub above: Option<PathBuf>,
    /// Whether git already ignores the target directory; `None` where that lies elsewhere.
    pub target_ignored: Option<bool>,
}

/// Looks.
///
/// # Errors
/// Where git cannot be asked.
pub async fn ground(world: &World, workspace: &Workspace) -> anyhow::Result<Ground> {
    let root = &workspace.root;
    let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
    let branch = default_branch(world, workspace).await.filter(|name| is_plain(name));
    let top = PathBuf::from(line(git::run(world, root, &["rev-parse", "--show-toplevel"]).await?));
    let same = |a: &PathBuf, b: &PathBuf| a.canonicalize().ok() == b.canonicalize().ok();
    let above = (!same(&top, root)).then_some(top);
    let target_ignored = match workspace.target.strip_prefix(root) {
        Ok(target) => {
            let inside = target.join("gateline/verdict.json").to_string_lossy().into_owned();
            Some(git::run(world, root, &["check-ignore", "--quiet", "--", &inside]).await.is_ok())
        }
        Err(_) => None,
    };
    Ok(Ground { branch: branch.unwrap_or_else(|| "main".to_owned()), above, target_ignored })
}

/// What the remote says, else a branch with a usual name, else the one that is checked out: that may be the change that brings us.
async fn default_branch(world: &World, workspace: &Workspace) -> Option<String> {
    let root = &workspace.root;
    let said = ["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"];
    if let Ok(said) = git::run(world, root, &said).await {
        let said = String::from_utf8_lossy(&said).trim_end_matches('\n').to_owned();
        return said.strip_prefix("origin/").map(str::to_owned);
    }
    for place in ["refs/remotes/origin", "refs/heads"] {
        for name in USUAL_NAMES {
            let reference = format!("{place}/{name}");
            if git::run(world, root, &["show-ref", "--verify", "--quiet", &reference]).await.is_ok() {
                return Some(name.to_owned());
            }
        }
    }
    workspace.repository.branch.clone()
}

/// Whether a branch can be written into YAML as it is.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    !name.is_empty() && name.len() <= BRANCH_BYTES_MAX && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_branch_that_could_be_something_else_in_yaml_is_not_taken() {
        assert!(is_plain("main") && is_plain("release/1.x"));
        assert!(["", "a b", "a'", "${{x}}", "a\nb", "*"].iter().all(|name| !is_plain(name)));
    }
}
