//! Merge: one evidence from the shards of one run.
//!
//! Shards are one run only where they speak of the same commit, tree, policy, toolchain and base, were split from the same
//! names by the same times, and are all there once. Anything else is refused with the folders' names: a verdict over shards
//! that do not belong together would be a verdict over nothing. Tests are joined, lines are summed, and what every shard may
//! have measured (lint, advisories, secrets) must say the same wherever it was measured. A shard that does not compile has no
//! tests that could be split: its errors refuse the whole, whichever of the others are here.

use super::against::{Against, Fallen, Patched};
use super::coverage::{FileLines, FunctionCount, LineCounts, Share};
use super::part::ShardPart;
use super::tests::{TestResult, TestsEvidence};
use super::{CoverageEvidence, Evidence, GateEvidence, Measured, SCHEMA};
use std::collections::BTreeMap;

/// Shards of one run; more are a mistake.
pub const SHARDS_MAX: usize = 1000;

/// One shard's evidence with where it comes from.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The folder, for messages.
    pub from: String,
    /// Its `evidence.json`.
    pub evidence: Evidence,
    /// Its `lines.json`, where lines were counted.
    pub lines: Option<LineCounts>,
}

/// The whole.
#[derive(Debug, Clone)]
pub struct Whole {
    /// As one machine would have measured it, but for the time.
    pub evidence: Evidence,
    /// All lines, where they were counted.
    pub lines: Option<LineCounts>,
}

/// Joins all shards of one run. `first` are the policy's first tests, which every shard runs, as each feature set names
/// them.
///
/// # Errors
/// What is missing, doubled, foreign or contradictory, by folder.
pub fn merge(pieces: &[Piece], first: &[String]) -> Result<Whole, String> {
    let Some(one) = pieces.first() else { return Err("there is nothing to merge".to_owned()) };
    for piece in pieces {
        same_run(one, piece)?;
    }
    let split: Vec<&Piece> = pieces.iter().filter(|piece| was_split(piece)).collect();
    for piece in &split {
        same_split(split[0], piece)?;
    }
    all_there(&split, pieces.len() - split.len())?;
    let lines = lines(pieces)?;
    let mut coverage = of_all(pieces, "coverage", |gates| &gates.coverage)?;
    if let (Some(Measured { result: Ok(evidence), .. }), Some(lines)) = (&mut coverage, &lines) {
        let (change, uncompared) = (one.evidence.change.as_ref(), one.evidence.uncompared.as_ref());
        // The lines of the change are those of all shards; who has the store of baselines compares with one.
        let baseline = Fallen::NoBaseline { why: "shards are not compared with a baseline".to_owned() };
        let patch = Patched::of(lines, change, uncompared);
        let against = Against { patch, baseline, damaged: Vec::new() };
        *evidence = CoverageEvidence { doubts: evidence.doubts.clone(), against, ..lines.evidence() };
    }
    let gates = GateEvidence {
        lint: same(pieces, "lint", |gates| &gates.lint)?,
        tests: Some(tests(pieces, first)?),
        coverage,
        advisories: same(pieces, "advisories", |gates| &gates.advisories)?,
        licences: same(pieces, "licences", |gates| &gates.licences)?,
        bans: same(pieces, "bans", |gates| &gates.bans)?,
        sources: same(pieces, "sources", |gates| &gates.sources)?,
        secrets: same(pieces, "secrets", |gates| &gates.secrets)?,
        workflows: same(pieces, "workflows", |gates| &gates.workflows)?,
        scanners: same(pieces, "scanners", |gates| &gates.scanners)?,
        policy: same(pieces, "policy", |gates| &gates.policy)?,
        image: None,
    };
    let evidence = Evidence { schema: SCHEMA.to_owned(), gates, ..one.evidence.clone() };
    Ok(Whole { evidence, lines })
}

fn tests_of(piece: &Piece) -> Result<&TestsEvidence, String> {
    match piece.evidence.gates.tests.as_ref().map(|tests| &tests.result) {
        Some(Ok(tests)) => Ok(tests),
        Some(Err(why)) => Err(format!("{}: its tests could not run: {}", piece.from, why.message)),
        None => Err(format!("{}: it has no tests", piece.from)),
    }
}

/// Whether there were tests to split: not where the first feature set does not compile.
fn was_split(piece: &Piece) -> bool {
    let split = |tests: &TestsEvidence| tests.part.shard.is_some() || tests.compile_errors.is_empty();
    tests_of(piece).is_ok_and(split)
}

fn shard_of(piece: &Piece) -> Result<&ShardPart, String> {
    let shard = tests_of(piece)?.part.shard.as_ref();
    shard.ok_or_else(|| format!("{}: it is no shard, its tests were not split", piece.from))
}

fn foreign(other: &Piece, one: &Piece, what: &str, this: &str, that: &str) -> String {
    format!("{} is foreign: its {what} is {this}, that of {} is {that}", other.from, one.from)
}

/// Refuses what is not of the same run as the first.
fn same_run(one: &Piece, other: &Piece) -> Result<(), String> {
    let foreign = |what: &str, this: &str, that: &str| Err(foreign(other, one, what, this, that));
    if other.evidence.schema != SCHEMA {
        return foreign("schema", &other.evidence.schema, SCHEMA);
    }
    let (a, b) = (&one.evidence.subject, &other.evidence.subject);
    if a.commit != b.commit {
        return foreign("commit", &b.commit, &a.commit);
    }
    for (what, this, that) in [
        ("tree", &b.tree, &a.tree),
        ("policy", &b.policy, &a.policy),
        ("toolchain", &b.toolchain, &a.toolchain),
    ] {
        if this != that {
            return foreign(what, this.short(), that.short());
        }
    }
    if one.evidence.change != other.evidence.change {
        return Err(format!("{} was compared with another base than {}", other.from, one.from));
    }
    let (a, b) = (tests_of(one)?, tests_of(other)?);
    if !b.filters.is_empty() {
        return Err(format!(
            "{}: only some of its tests were asked for: {}",
            other.from,
            b.filters.join(", ")
        ));
    }
    if a.engine != b.engine {
        return foreign("engine", &b.engine, &a.engine);
    }
    if a.part.affected != b.part.affected {
        return Err(format!("{} was asked for other packages than {}", other.from, one.from));
    }
    Ok(())
}

/// Refuses what was split in another way than the first.
fn same_split(one: &Piece, other: &Piece) -> Result<(), String> {
    let (a, b) = (shard_of(one)?, shard_of(other)?);
    if a.count != b.count {
        return Err(foreign(other, one, "number of shards", &b.count.to_string(), &a.count.to_string()));
    }
    if a.times != b.times {
        return Err(format!("{} was split by other recorded times than {}", other.from, one.from));
    }
    if a.tests != b.tests || a.total != b.total {
        return Err(format!(
            "{} was split from {} tests, {} from {} or others",
            other.from, b.total, one.from, a.total
        ));
    }
    let mut sets = a.sets.keys().chain(b.sets.keys());
    if let Some(set) = sets.find(|set| a.sets.get(*set) != b.sets.get(*set)) {
        let total = |shard: &ShardPart| shard.sets.get(set).map_or(0, |split| split.total);
        return Err(format!(
            "{} was split from {} tests of the features {set}, {} from {} or others",
            other.from,
            total(b),
            one.from,
            total(a)
        ));
    }
    Ok(())
}

/// Refuses a shard that is not there, or there twice. One that does not compile does not know which one it is.
fn all_there(pieces: &[&Piece], not_compiled: usize) -> Result<(), String> {
    let mut seen: BTreeMap<u32, &str> = BTreeMap::new();
    let mut count = 0;
    for piece in pieces {
        let shard = shard_of(piece)?;
        count = shard.count;
        if shard.index == 0 || shard.index > shard.count || shard.count as usize > SHARDS_MAX {
            return Err(format!("{}: there is no shard {} of {}", piece.from, shard.index, shard.count));
        }
        if let Some(twice) = seen.insert(shard.index, &piece.from) {
            return Err(format!("shard {} is there twice: {twice} and {}", shard.index, piece.from));
        }
    }
    let missing: Vec<String> =
        (1..=count).filter(|index| !seen.contains_key(index)).map(|index| index.to_string()).collect();
    if missing.len() <= not_compiled {
        return Ok(());
    }
    Err(format!("of {count} shards, {} missing: {}", missing.len(), missing.join(", ")))
}

/// All tests together, sorted by name.
fn tests(pieces: &[Piece], first: &[String]) -> Result<Measured<TestsEvidence>, String> {
    let mut whole = TestsEvidence::default();
    let mut all: BTreeMap<String, (&str, TestResult)> = BTreeMap::new();
    let mut duration_millis = 0;
    for piece in pieces {
        let tests = tests_of(piece)?;
        whole.engine.clone_from(&tests.engine);
        whole.surroundings = whole.surroundings.max(tests.surroundings);
        whole.part.affected.clone_from(&tests.part.affected);
        whole.broken.extend(tests.broken.iter().cloned());
        whole.compile_errors.extend(tests.compile_errors.iter().cloned());
        whole.not_built.extend(tests.not_built.iter().cloned());
        whole.left_out.extend(tests.left_out.iter().cloned());
        whole.empty.extend(tests.empty.iter().cloned());
        whole.counts_lost.extend(tests.counts_lost.iter().cloned());
        if let Some(said) = &tests.base_run {
            whole.base_run.get_or_insert_default().add(said);
        }
        let took = piece.evidence.gates.tests.as_ref().map_or(0, |tests| tests.duration_millis);
        duration_millis = duration_millis.max(took);
        for test in &tests.tests {
            let Some((from, known)) = all.get_mut(&test.name) else {
                all.insert(test.name.clone(), (&piece.from, test.clone()));
                continue;
            };
            if !first.contains(&test.name) {
                return Err(format!("{} is in two shards: {from} and {}", test.name, piece.from));
            }
            // Every shard ran it; the worst is what counts.
            if !known.outcome.is_failure() && test.outcome.is_failure() {
                *known = test.clone();
            }
        }
    }
    whole.tests = all.into_values().map(|(_, test)| test).collect();
    whole.broken.sort_by(|a, b| a.name.cmp(&b.name));
    whole.broken.dedup();
    whole.compile_errors.sort();
    whole.compile_errors.dedup();
    whole.not_built.sort();
    whole.not_built.dedup();
    whole.left_out.sort();
    whole.left_out.dedup();
    for names in [&mut whole.empty, &mut whole.counts_lost] {
        names.sort();
        names.dedup();
    }
    whole.forget_what_is_empty_in_one_set();
    Ok(Measured { result: Ok(whole), duration_millis })
}

/// A measurement that must say the same wherever it was made.
fn same<E: Clone + PartialEq>(
    pieces: &[Piece],
    gate: &str,
    part: impl Fn(&GateEvidence) -> &Option<Measured<E>>,
) -> Result<Option<Measured<E>>, String> {
    let mut found: Option<(&str, Measured<E>)> = None;
    for piece in pieces {
        let Some(measured) = part(&piece.evidence.gates) else { continue };
        match &mut found {
            None => found = Some((&piece.from, measured.clone())),
            Some((from, known)) if known.result != measured.result => {
                return Err(format!("{from} and {} disagree about {gate}", piece.from));
            }
            Some((_, known)) => known.duration_millis = known.duration_millis.max(measured.duration_millis),
        }
    }
    Ok(found.map(|(_, measured)| measured))
}

/// A measurement that every shard has or none; the first that could not run speaks for all.
fn of_all<E: Clone>(
    pieces: &[Piece],
    gate: &str,
    part: impl Fn(&GateEvidence) -> &Option<Measured<E>>,
) -> Result<Option<Measured<E>>, String> {
    let measured: Vec<_> = pieces.iter().map(|piece| (piece, part(&piece.evidence.gates))).collect();
    if measured.iter().all(|(_, one)| one.is_none()) {
        return Ok(None);
    }
    let mut chosen: Option<&Measured<E>> = None;
    for (piece, one) in measured {
        match one {
            None => return Err(format!("{}: it has no {gate}, other shards have", piece.from)),
            Some(one) if chosen.is_none_or(|known| known.result.is_ok() && one.result.is_err()) => {
                chosen = Some(one);
            }
            Some(_) => {}
        }
    }
    Ok(chosen.cloned())
}

/// The counts of all shards summed; `None` where none was counted.
fn lines(pieces: &[Piece]) -> Result<Option<LineCounts>, String> {
    let mut whole: Option<LineCounts> = None;
    for piece in pieces {
        let counted = piece.evidence.gates.coverage.as_ref().is_some_and(|one| one.result.is_ok());
        match (&piece.lines, counted) {
            (None, true) => return Err(format!("{}: its lines.json is missing", piece.from)),
            (None, false) | (Some(_), false) => {}
            (Some(lines), true) => match &mut whole {
                None => whole = Some(lines.clone()),
                Some(whole) => add(whole, lines).map_err(|why| format!("{}: {why}", piece.from))?,
            },
        }
    }
    Ok(whole)
}

fn add(whole: &mut LineCounts, more: &LineCounts) -> Result<(), String> {
    // A shard without tests counted nothing.
    if more.files.is_empty() {
        return Ok(());
    }
    if whole.files.is_empty() {
        *whole = more.clone();
        return Ok(());
    }
    if whole.engine != more.engine || whole.test_code != more.test_code {
        return Err("its lines were counted in another way".to_owned());
    }
    let mut files: BTreeMap<String, FileLines> =
        std::mem::take(&mut whole.files).into_iter().map(|file| (file.file.clone(), file)).collect();
    for file in &more.files {
        match files.get_mut(&file.file) {
            None => {
                files.insert(file.file.clone(), file.clone());
            }
            Some(known) => add_file(known, file),
        }
    }
    whole.files = files.into_values().collect();
    whole.test_lines = better(whole.test_lines, more.test_lines);
    whole.doubts.extend(more.doubts.iter().cloned());
    whole.doubts.sort();
    whole.doubts.dedup();
    Ok(())
}

fn add_file(known: &mut FileLines, more: &FileLines) {
    let mut lines: BTreeMap<u32, u64> = known.lines.iter().collect();
    for (line, count) in &more.lines {
        let sum = lines.entry(line).or_default();
        *sum = sum.saturating_add(count);
    }
    known.lines = lines.into_iter().collect();
    let mut functions: BTreeMap<(u32, String), u64> = BTreeMap::new();
    for function in known.functions.iter().chain(&more.functions) {
        let sum = functions.entry((function.line, function.name.clone())).or_default();
        *sum = sum.saturating_add(function.count);
    }
    known.functions =
        functions.into_iter().map(|((line, name), count)| FunctionCount { name, line, count }).collect();
    // Which regions ran is not kept, only how many: the better shard is the least that is known of both.
    known.regions = better(known.regions, more.regions);
    known.summary_lines = better(known.summary_lines, more.summary_lines);
}

fn better(a: Share, b: Share) -> Share {
    Share { covered: a.covered.max(b.covered), total: a.total.max(b.total) }
}

#[cfg(test)]
mod proof;
