//! `explain STEP`: why a step is there, which policy line asks for it, what it reads and writes, how to run it alone.

use super::context::{Context, InForce};
use super::plan::{Lines, Surveyed, of_step};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{Goal, Plan, Planned, Step, about, plan};
use crate::policy::file::{file_with_places, nearest};
use crate::policy::waivers::Waivers;
use crate::policy::{PolicySet, approvers, origin, parse, waivers};
use crate::report::Paper;
use crate::verdict::Gate;
use serde::Serialize;
use std::fmt::Write as _;

/// Defaults that are listed one by one; where there are more, they are counted.
const DEFAULTS_LISTED_MAX: usize = 20;

/// What is said of a step.
#[derive(Debug, Serialize)]
struct Explained {
    /// Its name.
    step: String,
    /// Which demand it serves.
    why: String,
    /// The policy values that ask for it.
    asked_by: Vec<Asked>,
    #[serde(flatten)]
    lines: Lines,
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
    /// Where it comes from: `policies/coverage.yaml:3`, or `default`.
    from: String,
    /// Where it is a default: what to write, and where, to ask for something else.
    set_by: Option<String>,
}

/// `explain STEP`.
pub(super) async fn explain(context: &Context, name: &str) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let in_force = context.policy(&workspace).await?;
    let plan = plan(&in_force.policy, &Goal::Ship);
    let Some(planned) = plan.steps.iter().find(|planned| planned.step.name() == name) else {
        return Err(unknown(name, &plan, &in_force));
    };
    let surveyed = Surveyed::of(context, &workspace, &in_force).await?;
    let about = about(&planned.step);
    let explained = Explained {
        step: planned.step.name(),
        why: planned.why.clone(),
        asked_by: asked_by(context, planned, &in_force)?,
        lines: of_step(&surveyed, &planned.step).await?,
        reads: about.reads,
        writes: about.writes,
        alone: surveyed.alone(&planned.step),
    };
    let paper = context.console.paper();
    context.console.result(&explained, |_| human(&explained, paper));
    Ok(Exit::Done)
}

/// What is meant may be a gate, which has steps, or a step with a typing error.
fn unknown(name: &str, plan: &Plan, in_force: &InForce) -> anyhow::Error {
    let names: Vec<String> = plan.steps.iter().map(|planned| planned.step.name()).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let gate = Gate::ALL.into_iter().find(|gate| gate.to_string() == name);
    let hint = match gate {
        Some(gate) => {
            let steps = crate::plan::plan(&in_force.policy, &Goal::Gates(vec![gate])).steps;
            let steps: Vec<String> = steps.iter().map(|planned| planned.step.name()).collect();
            format!(": it is a gate, whose steps are {}", steps.join(", "))
        }
        None => nearest(name, &known).map_or(String::new(), |near| format!("; did you mean `{near}`?")),
    };
    Failure::usage(format!("there is no step `{name}`{hint}"), format!("choose one of {}", names.join(", ")))
}

fn asked_by(context: &Context, planned: &Planned, in_force: &InForce) -> anyhow::Result<Vec<Asked>> {
    let sections = sections(context, in_force)?;
    let mut asked_by = Vec::new();
    for (file, start) in about(&planned.step).keys {
        let Some((_, section)) = sections.iter().find(|(name, _)| name == file) else { continue };
        let start = match &planned.step {
            Step::RollOut { environment } => {
                let mut all = in_force.policy.rollout.environments.iter();
                all.position(|one| one.name == *environment)
                    .map_or(start, |index| format!("environments[{index}]"))
            }
            _ => start,
        };
        let read = |name: &str| Ok(in_force.texts.get(name).cloned());
        let (_, places) = file_with_places::<serde_yaml::Value>(read, file)?;
        let lines: Vec<&str> = section.lines().collect();
        for leaf in origin::leaves(section).into_iter().filter(|leaf| leaf.path.starts_with(&start)) {
            let value = lines.get(leaf.line).map_or("", |line| line.trim().trim_start_matches("- "));
            let value = value.split_once(": ").map_or(value, |(_, value)| value);
            let from = origin::origin(&in_force.file_name(file), &places, &leaf.path);
            let set_by = (from == "default").then(|| set_by(file, &leaf.path, value, in_force));
            let value = format!("{}: {value}", leaf.path);
            asked_by.push(Asked { file: format!("policies/{file}"), value, from, set_by });
        }
    }
    Ok(asked_by)
}

/// What to write where the default is not wanted.
fn set_by(file: &str, path: &str, value: &str, in_force: &InForce) -> String {
    let name = in_force.file_name(file);
    let there = if in_force.texts.contains_key(file) { "" } else { ", which is not there yet" };
    if path.contains('[') {
        return format!("the section in {name}{there}; cargo xtask policy show prints it whole");
    }
    let nested = path.rsplit('.').fold(value.to_owned(), |inner, key| match inner == value {
        true => format!("{key}: {inner}"),
        false => format!("{key}: {{{inner}}}"),
    });
    format!("`{nested}` in {name}{there}")
}

/// Each file as `policy show` prints it.
fn sections(context: &Context, in_force: &InForce) -> anyhow::Result<Vec<(String, String)>> {
    let text = parse::to_yaml(&in_force.policy)?;
    let parts = text.split("# policies/").filter_map(|part| part.split_once('\n'));
    let mut sections: Vec<_> = parts.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let set = PolicySet::parse(&in_force.texts, context.today())?;
    let waived = Waivers { waivers: set.waivers.into_iter().map(|placed| placed.waiver).collect() };
    sections.push((waivers::FILE.to_owned(), serde_yaml::to_string(&waived)?));
    sections.push((approvers::FILE.to_owned(), serde_yaml::to_string(&set.approvers)?));
    Ok(sections)
}

fn human(explained: &Explained, paper: Paper) -> String {
    let Explained { step, why, asked_by, lines, reads, writes, alone } = explained;
    let mut text = format!("{step}: {}\n", paper.wrap(why, step.chars().count() + 2, 2));
    let (defaults, set): (Vec<_>, Vec<_>) = asked_by.iter().partition(|asked| asked.from == "default");
    text += "\nasked for by\n";
    let listed: Vec<&Asked> = match defaults.len() > DEFAULTS_LISTED_MAX {
        true => set,
        false => asked_by.iter().collect(),
    };
    let widest = listed.iter().map(|asked| asked.value.chars().count()).max().unwrap_or(0);
    for Asked { file, value, from, .. } in &listed {
        let from = if from == "default" { format!("default ({file})") } else { from.clone() };
        let fits = paper.width.is_none_or(|width| widest + from.chars().count() + 6 <= width);
        let gap = match fits {
            true => " ".repeat(widest.saturating_sub(value.chars().count()) + 2),
            false => "\n    ".to_owned(),
        };
        let _ = writeln!(text, "  {value}{gap}# {from}");
    }
    if defaults.len() > DEFAULTS_LISTED_MAX {
        let more = format!("{} values by default, which cargo xtask policy show lists", defaults.len());
        let _ = writeln!(text, "  {}", paper.wrap(&more, 2, 2));
    }
    if let Some(set_by) = defaults.first().and_then(|asked| asked.set_by.as_ref()) {
        let told = format!("a default is set in its file, for example by {set_by}");
        let _ = writeln!(text, "  {}", paper.wrap(&told, 2, 2));
    }
    let _ = write!(text, "\nruns\n{}", lines.human(paper, 2));
    let reads = paper.wrap(reads, 8, 8);
    let writes = paper.wrap(writes, 8, 8);
    let _ = write!(text, "\nreads   {reads}\nwrites  {writes}\nalone   {alone}\n");
    text
}
