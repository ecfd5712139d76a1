//! The same image once more, in everything else than its inputs: a checkout in another directory, an empty target directory, another umask,
//! time zone, locale and number of jobs. The clock is only later by as much as a build takes: cargo hangs under libfaketime 0.9.10.

use super::{BuiltImage, ImageRequest, build};
use crate::tools::git;
use crate::world::{Umask, World};
use anyhow::Context as _;
use tempfile::TempDir;

/// Nobody but the owner: the strictest that still builds.
const UMASK: u32 = 0o077;
/// Half past the hour and far from every builder; upper and lower case of `i` that are not ASCII's.
const ELSEWHERE: [(&str, &str); 4] = [
    ("TZ", "Pacific/Chatham"),
    ("LANG", "tr_TR.UTF-8"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("USER", "somebody-else"),
];

/// The second image. Its files go with it.
#[derive(Debug)]
pub struct Again {
    /// What was built.
    pub built: BuiltImage,
    /// What was not as in the first build.
    pub varied: Vec<String>,
    _folder: TempDir,
}

/// Builds the image of the request's commit again.
///
/// # Errors
/// Where git cannot give the commit's files, and as [`build`].
pub async fn again(
    world: &World,
    request: &ImageRequest<'_>,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Again> {
    let folder = tempfile::Builder::new()
        .prefix("gateline-built-again-in-a-longer-path-")
        .tempdir()
        .context("failed to make a folder for the second build")?;
    let tree = folder.path().join("sources");
    std::fs::create_dir(&tree).with_context(|| format!("failed to make {}", tree.display()))?;
    progress(&format!("checking out {} in {}", request.commit, tree.display()));
    let prefix = git::checkout(world, &request.root, &tree, &request.commit).await?;
    let elsewhere = ImageRequest {
        root: tree.join(prefix),
        target_dir: folder.path().join("target"),
        output: folder.path().join("image"),
        ..request.clone()
    };
    let world = ELSEWHERE.iter().fold(world.clone(), |world, (name, value)| world.with_variable(name, value));
    let world = world.with_variable("CARGO_BUILD_JOBS", "1");
    let umask = Umask::set(UMASK);
    let built = build(&world, &elsewhere, progress).await;
    drop(umask);
    let varied = [
        "directory of the sources",
        "an empty target directory and layer cache",
        "umask 077",
        "time zone Pacific/Chatham",
        "locale tr_TR.UTF-8",
        "one job",
        "clock: later by as much as the build took",
    ];
    Ok(Again { built: built?, varied: varied.map(str::to_owned).to_vec(), _folder: folder })
}
