//! `image build --check`: the image once more, elsewhere, and what is not the same.

use crate::commands::context::Context;
use crate::digest::Digest;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::oci::difference::{Difference, NAMED_MAX, between};
use crate::oci::layout;
use crate::tools::image::{self, BuiltImage, ImageRequest};
use crate::workspace::Workspace;
use serde::Serialize;

const SCHEMA: &str = "gateline/image-check/v1";
const HELP: &str = "look for env!(\"OUT_DIR\"), env!(\"CARGO_MANIFEST_DIR\"), the clock (SOURCE_DATE_EPOCH is set) and unordered maps in build scripts and macros";

/// What the two builds gave.
#[derive(Debug, Serialize)]
struct Checked {
    schema: &'static str,
    first: Digest,
    second: Digest,
    reproducible: bool,
    /// What was not as in the first build.
    varied: Vec<String>,
    differences: Vec<Difference>,
}

/// A second build starts from the commit, so what differs from it would be found as a difference.
pub(super) fn needs_a_commit(workspace: &Workspace) -> anyhow::Result<()> {
    let Some(first) = workspace.repository.changed.first() else { return Ok(()) };
    let message =
        format!("{first} is not as it was committed: the second build would start from other sources");
    Err(Failure::usage(message, "git commit -a, or git stash; without `--check` the tree is built as it is"))
}

/// Builds it again and compares.
pub(super) async fn check(
    context: &Context,
    request: &ImageRequest<'_>,
    first: &BuiltImage,
) -> anyhow::Result<Exit> {
    let step = context.console.step(&context.world, "image again");
    let again = match image::again(&context.world, request, &|line| step.tell(line)).await {
        Ok(again) => again,
        Err(error) => {
            step.failed("could not be built");
            return Err(error);
        }
    };
    let architecture = image::architecture_here()?;
    let (one, other) = (first.layout.clone(), again.built.layout.clone());
    let compare = move || {
        let (one, other) = (layout::read(&one, architecture)?, layout::read(&other, architecture)?);
        anyhow::Ok(between(&one, &other)?)
    };
    let differences = tokio::task::spawn_blocking(compare).await??;
    let checked = Checked {
        schema: SCHEMA,
        first: first.digest.clone(),
        second: again.built.digest.clone(),
        reproducible: first.digest == again.built.digest,
        varied: again.varied,
        differences,
    };
    if checked.reproducible {
        step.done(format!("{}: the same", checked.second.short()));
    } else {
        step.failed("another image");
    }
    context.console.result(&checked, |_| human(&checked));
    if checked.reproducible {
        return Ok(Exit::Done);
    }
    let message =
        format!("a second build gave another image: {} instead of {}", checked.second, checked.first);
    Err(Failure::error(Exit::Refused, message, HELP))
}

fn human(checked: &Checked) -> String {
    let varied = checked.varied.join(", ");
    if checked.reproducible {
        return format!("{}  built twice, the same\nvaried: {varied}", checked.first);
    }
    let mut lines = vec![format!("varied: {varied}")];
    for difference in &checked.differences {
        let Difference { part, place, what, first, second } = difference;
        lines.push(format!("\n{part}  {place}  {what}\n  first   {first}\n  second  {second}"));
    }
    if checked.differences.len() == NAMED_MAX {
        lines.push(format!("\nonly the first {NAMED_MAX} differences are named"));
    }
    lines.join("\n")
}
