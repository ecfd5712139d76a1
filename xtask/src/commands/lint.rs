//! `lint --fix`: what tools are sure of is written, then what remains is shown.
//!
//! The edits are those of the compilation's own diagnostics, so nothing is compiled in another mode. After each pass the
//! workspace is compiled again; where it no longer compiles, that pass is taken back as a whole.

use super::context::Context;
use super::gates;
use crate::cli::Lint;
use crate::evidence::lint::LintTool;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::LintPolicy;
use crate::policy::lint::Level;
use crate::report::human::counted;
use crate::tools::build::{self, Compilation, Compiled, Purpose};
use crate::tools::cargo::Cargo;
use crate::tools::lint::fix;
use crate::verdict::Gate;
use std::time::Duration;

/// Passes over the code: what one fix brings to light, the next pass mends.
const PASSES_MAX: usize = 4;
/// How long writing the format of all files may take.
const FORMAT_SECS_MAX: u64 = 600;

/// `lint`, with `--fix` or without.
pub(super) async fn lint(context: &Context, asked: Lint) -> anyhow::Result<Exit> {
    if asked.fix {
        let dirt = if asked.allow_dirty { Dirt::Allowed } else { Dirt::Refused };
        fix(context, dirt).await?;
    }
    gates::against(context, &[Gate::Lint], asked.against).await
}

/// Whether fixes may be mixed with changes that are not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dirt {
    Allowed,
    Refused,
}

async fn fix(context: &Context, dirt: Dirt) -> anyhow::Result<()> {
    let workspace = context.workspace().await?;
    if workspace.dirty() && dirt == Dirt::Refused {
        return Err(Failure::usage(
            "the tree has changes of its own, and fixes would be mixed with them",
            "commit or stash them, or add --allow-dirty",
        ));
    }
    let in_force = context.policy(&workspace).await?;
    let cargo = Cargo::discover(&context.world, &workspace.root, context.network()).await;
    let cargo = cargo.and_then(|cargo| cargo.of_policy(&in_force.policy.tests));
    let cargo = cargo.map_err(|why| gates::failure(&why))?;
    if in_force.policy.lint.clippy != Level::Off {
        fix_clippy(context, &cargo, &in_force.policy.lint).await?;
    }
    if in_force.policy.lint.rustfmt != Level::Off {
        let command =
            cargo.plain_command(["fmt", "--all"]).with_timeout(Duration::from_secs(FORMAT_SECS_MAX));
        let finished = context.world.run(&command).await?;
        if !finished.status.success() {
            let said = String::from_utf8_lossy(&finished.stderr).trim().to_owned();
            return Err(Failure::infrastructure(format!("`{command}` failed: {said}"), "cargo fmt --all"));
        }
    }
    Ok(())
}

async fn fix_clippy(context: &Context, cargo: &Cargo, policy: &LintPolicy) -> anyhow::Result<()> {
    let mut compiled = compile(context, cargo, policy).await?;
    for _ in 0..PASSES_MAX {
        if compiled.outcome == Compilation::DoesNotCompile {
            break;
        }
        let ours: Vec<_> =
            compiled.diagnostics.iter().filter(|one| one.tool == LintTool::Clippy).cloned().collect();
        let fixed = fix::apply(&cargo.root, &ours)?;
        if fixed.count == 0 {
            break;
        }
        // Where this fails or is stopped, `fixed` takes itself back.
        compiled = compile(context, cargo, policy).await?;
        let files = counted(fixed.files() as u64, "file");
        if compiled.outcome == Compilation::DoesNotCompile {
            fixed.undo()?;
            context.console.note(format!("{files} would no longer compile: those fixes were taken back"));
            break;
        }
        context.console.note(format!("{} fixed in {files}", counted(fixed.count as u64, "finding")));
        fixed.keep();
    }
    Ok(())
}

/// The compilation that the gates use here, so that they find it done.
async fn compile(context: &Context, cargo: &Cargo, policy: &LintPolicy) -> anyhow::Result<Compiled> {
    let purpose = match build::why_apart(cargo, policy.share_compile) {
        None => Purpose::Shared,
        Some(_) => Purpose::Lint,
    };
    let step = context.console.step(&context.world, "compile");
    let compiled = build::compile_for(purpose, &context.world, cargo, &|line| step.tell(line)).await;
    drop(step);
    compiled.map_err(|why| gates::failure(&why))
}
