//! `explain STEP`: why a step is there, which policy line asks for it, what it reads and writes, how to run it alone.

use super::context::{Context, InForce};
use super::plan::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Goal, Planned, about, plan};
use crate::policy::file::{file_with_places, nearest};
use crate::policy::{origin, parse};
use serde::Serialize;
use std::fmt::Write as _;

/// What is said of a step.
#[derive(Debug, Serialize)]
struct Explained {
    /// Its name.
    step: String,
    /// Which demand it serves.
    why: String,
    /// The policy values that ask for it.
    asked_by: Vec<Asked>,
    /// What it runs outside.
    runs: Vec<String>,
    /// What it reads.
    reads: &'static str,
    /// What it writes.
    writes: &'static str,
    /// The command that does it alone.
    alone: String,
}

/// One value that asks for a step.
#[derive(Debug, Serialize)]
struct Asked {
    /// The file.
    file: String,
    /// The line as `policy show` prints it.
    value: String,
    /// Where it comes from.
    from: String,
}

/// `explain STEP`.
pub(super) async fn explain(context: &Context, name: &str) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let plan = plan(&in_force.policy, &Goal::Ship);
    let Some(planned) = plan.steps.iter().find(|planned| planned.step.name() == name) else {
        let names: Vec<String> = plan.steps.iter().map(|planned| planned.step.name()).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = nearest(name, &known).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return Err(Failure::usage(
            format!("there is no step `{name}`{near}"),
            format!("choose one of {}", names.join(", ")),
        ));
    };
    let explained = Explained {
        runs: commands(context, &workspace, &in_force, &planned.step).await?,
        ..of(planned, &in_force)?
    };
    context.console.result(&explained, |_| human(&explained));
    Ok(Exit::Done)
}

fn of(planned: &Planned, in_force: &InForce) -> anyhow::Result<Explained> {
    let about = about(&planned.step);
    let mut asked_by = Vec::new();
    for (file, start) in about.keys {
        let Some((_, section)) = sections(in_force)?.into_iter().find(|(name, _)| name == file) else {
            continue;
        };
        let read = |name: &str| Ok(in_force.texts.get(name).cloned());
        let (_, places) = file_with_places::<serde_yaml::Value>(read, file)?;
        let lines: Vec<&str> = section.lines().collect();
        for leaf in origin::leaves(&section) {
            if !leaf.path.starts_with(&start) {
                continue;
            }
            let value = lines.get(leaf.line).map_or("", |line| line.trim().trim_start_matches("- "));
            let value = value.split_once(": ").map_or(value, |(_, value)| value);
            asked_by.push(Asked {
                file: format!("policies/{file}"),
                value: format!("{}: {value}", leaf.path),
                from: origin::origin(&in_force.file_name(file), &places, &leaf.path),
            });
        }
    }
    Ok(Explained {
        step: planned.step.name(),
        why: planned.why.clone(),
        asked_by,
        runs: Vec::new(),
        reads: about.reads,
        writes: about.writes,
        alone: about.alone,
    })
}

/// Each file of gates as `policy show` prints it.
fn sections(in_force: &InForce) -> anyhow::Result<Vec<(String, String)>> {
    let text = parse::to_yaml(&in_force.policy)?;
    let parts = text.split("# policies/").filter_map(|part| part.split_once('\n'));
    Ok(parts.map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
}

fn human(explained: &Explained) -> String {
    let mut text = format!("{}: {}\n", explained.step, explained.why);
    if !explained.asked_by.is_empty() {
        text += "\nasked for by\n";
    }
    let widest = explained.asked_by.iter().map(|asked| asked.value.chars().count()).max().unwrap_or(0);
    for Asked { file, value, from } in &explained.asked_by {
        let gap = " ".repeat(widest.saturating_sub(value.chars().count()));
        let from = if from == "default" { format!("default ({file})") } else { from.clone() };
        let _ = writeln!(text, "  {value}{gap}  # {from}");
    }
    text += "\nruns\n";
    for command in &explained.runs {
        let _ = writeln!(text, "  {command}");
    }
    let _ = write!(
        text,
        "\nreads   {}\nwrites  {}\nalone   {}\n",
        explained.reads, explained.writes, explained.alone
    );
    text
}
