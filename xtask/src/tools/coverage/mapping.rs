//! Coverage mappings of one object file: its functions with their regions, counted by the profiles.
//!
//! `llvm_profparser` reads the sections; what it says of single regions is used and what it makes of them is not. Mended
//! here: gap regions (it leaves their mark in the end column), functions of another structure than the one that ran (it
//! counts them all the same), and panics on sections that are damaged.

use super::files::{Source, Sources};
use super::lines::{Kind, Place, Region};
use super::profile::{Counters, Known};
use llvm_profparser::coverage_mapping::{SectionReadError, read_object_file};
use llvm_profparser::{
    Counter, CounterMappingRegion, CounterType, CoverageMappingInfo, ExprKind, Expression, FunctionRecordV3,
    RegionKind,
};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

/// Lines of one source file; a region that goes further comes from a damaged object.
pub(super) const LINES_MAX: usize = 10_000_000;

/// One object file. Debug builds of large workspaces have some 500 MB.
const OBJECT_BYTES_MAX: u64 = 4 << 30;

/// The mark of a gap region in its end column (`CoverageMappingWriter.cpp`).
const GAP_BIT: usize = 1 << 31;

/// The raw profile version that is named to the reader: it only asks whether paths are stored as before LLVM 12.
const PROFILE_VERSION: u64 = 10;

/// What one object file says of our sources.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    /// The files that its functions name.
    pub(super) sources: Vec<Source>,
    /// Its functions, each once, in the order of the object.
    pub(super) functions: Vec<Function>,
    /// Whether it has a coverage mapping at all.
    pub(super) instrumented: bool,
}

/// One function, counted.
#[derive(Debug)]
pub(super) struct Function {
    /// The hash of its linkage name.
    pub(super) name: u64,
    /// That name, where the object has it.
    pub(super) symbol: Option<String>,
    /// The file that it belongs to: that of its first region. `None` where that one does not count.
    pub(super) main: Option<usize>,
    /// Its regions, each with an index into [`Mapping::sources`].
    pub(super) regions: Vec<(usize, Region)>,
}

/// Reads one object file.
///
/// # Errors
/// Why it could not be read.
pub(super) fn read(object: &Path, sources: &Sources, counters: &Counters) -> Result<Mapping, String> {
    let size = std::fs::metadata(object).map_err(|error| error.to_string())?.len();
    if size > OBJECT_BYTES_MAX {
        return Err(format!("it has {size} bytes, more than {OBJECT_BYTES_MAX}"));
    }
    // The reader indexes sections without looking at their length first.
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read_object_file(object, PROFILE_VERSION)));
    match read {
        Err(_) => Err("its coverage mapping is damaged".to_owned()),
        Ok(Err(error)) if lacks_mapping(&error) => Ok(Mapping::default()),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Ok(Ok(info)) => functions(&info, sources, counters),
    }
}

/// Whether an object has a coverage mapping; one that cannot be read is taken to have one, so that it is refused later.
pub(super) fn is_instrumented(object: &Path) -> bool {
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read_object_file(object, PROFILE_VERSION)));
    !matches!(read, Ok(Err(error)) if lacks_mapping(&error))
}

fn lacks_mapping(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SectionReadError::MissingSection(_)))
}

fn functions(info: &CoverageMappingInfo, sources: &Sources, counters: &Counters) -> Result<Mapping, String> {
    let mut mapping = Mapping { instrumented: true, ..Mapping::default() };
    let mut paths = Paths { info, sources, known: HashMap::new() };
    for record in distinct(&info.cov_fun) {
        let Some(files) = paths.of(record.header.filenames_ref, &mut mapping.sources)? else { continue };
        if !record.regions.iter().any(|region| files.get(region.file_id).is_some_and(Option::is_some)) {
            continue;
        }
        if let Some(regions) = counted(record, files, counters)? {
            let name = record.header.name_hash;
            let symbol = info.prof_names.get(&name).cloned();
            let main = record.regions.first().and_then(|region| files.get(region.file_id).copied().flatten());
            mapping.functions.push(Function { name, symbol, main, regions });
        }
    }
    Ok(mapping)
}

/// One record per name: the first, unless it is a dummy and a real one follows (`insertFunctionRecordIfNeeded`).
fn distinct(records: &[FunctionRecordV3]) -> Vec<&FunctionRecordV3> {
    let mut distinct: Vec<&FunctionRecordV3> = Vec::with_capacity(records.len());
    let mut places: HashMap<u64, usize> = HashMap::with_capacity(records.len());
    for record in records {
        let place = *places.entry(record.header.name_hash).or_insert(distinct.len());
        match distinct.get(place) {
            None => distinct.push(record),
            Some(known) if is_dummy(known) && !is_dummy(record) => distinct[place] = record,
            Some(_) => {}
        }
    }
    distinct
}

fn is_dummy(record: &FunctionRecordV3) -> bool {
    let one_zero_region = matches!(&record.regions[..], [region] if region.count.is_zero());
    record.header.fn_hash == 0 && record.expressions.is_empty() && one_zero_region
}

/// The source files of path lists, each list looked at once.
struct Paths<'a> {
    info: &'a CoverageMappingInfo,
    sources: &'a Sources,
    /// `None`: none of them is ours.
    known: HashMap<u64, Option<Vec<Option<usize>>>>,
}

impl Paths<'_> {
    /// For each file of the list: its index in `found`, or `None` where it does not count.
    fn of(&mut self, list: u64, found: &mut Vec<Source>) -> Result<Option<&[Option<usize>]>, String> {
        if !self.known.contains_key(&list) {
            let paths: Vec<PathBuf> = self.info.get_files_from_id(list);
            if paths.is_empty() {
                return Err("a function names a list of source files that is not there".to_owned());
            }
            let files: Vec<_> = paths.iter().map(|path| self.index(path, found)).collect();
            self.known.insert(list, files.iter().any(Option::is_some).then_some(files));
        }
        Ok(self.known.get(&list).and_then(Option::as_deref))
    }

    fn index(&self, path: &Path, found: &mut Vec<Source>) -> Option<usize> {
        let source = self.sources.find(path)?;
        Some(found.iter().position(|known| *known == source).unwrap_or_else(|| {
            found.push(source);
            found.len() - 1
        }))
    }
}

/// The regions of a function with their counts, or `None` where it does not count.
fn counted(
    record: &FunctionRecordV3,
    files: &[Option<usize>],
    counters: &Counters,
) -> Result<Option<Vec<(usize, Region)>>, String> {
    let counts = match counters.of(record.header.name_hash, record.header.fn_hash) {
        Known::OtherStructure => return Ok(None),
        Known::Absent => &[][..],
        Known::Counts(counts) => counts,
    };
    // Unused in one unit, used in another one: that one tells (`CoverageMapping::loadFunctionRecord`).
    let one_zero_region = matches!(&record.regions[..], [region] if region.count.is_zero());
    if one_zero_region && counts.first().is_some_and(|count| *count > 0) {
        return Ok(None);
    }
    let values = Values::of(&record.expressions, counts)?;
    let mut regions = Vec::with_capacity(record.regions.len());
    for region in &record.regions {
        let Some(file) = files.get(region.file_id).copied().flatten() else { continue };
        let Some(kind) = kind_of(region) else { continue };
        regions.push((file, place(region, kind, values.of_counter(region.count))?));
    }
    Ok(Some(regions))
}

/// What a region means for lines; branches mean nothing, and rustc writes no expansions.
fn kind_of(region: &CounterMappingRegion) -> Option<Kind> {
    let end = region.loc.column_end;
    match region.kind {
        RegionKind::Code if end != usize::MAX && end & GAP_BIT != 0 => Some(Kind::Gap),
        RegionKind::Code => Some(Kind::Code),
        RegionKind::Gap => Some(Kind::Gap),
        RegionKind::Skipped => Some(Kind::Skipped),
        RegionKind::Expansion | RegionKind::Branch | RegionKind::MCDCDecision | RegionKind::MCDCBranch => {
            None
        }
    }
}

fn place(region: &CounterMappingRegion, kind: Kind, count: u64) -> Result<Region, String> {
    let loc = &region.loc;
    if loc.line_end > LINES_MAX {
        return Err(format!("a region ends in line {}, more than {LINES_MAX}", loc.line_end));
    }
    // Columns 0 to 0 stand for whole lines; the reader has seen to that except where the mark of a gap hid it.
    let (from, to) = match (
        loc.column_start,
        if loc.column_end == usize::MAX { usize::MAX } else { loc.column_end & !GAP_BIT },
    ) {
        (0, 0) => (1, usize::MAX),
        columns => columns,
    };
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let start = Place::new(number(loc.line_start), number(from));
    Ok(Region { start, end: Place::new(number(loc.line_end), number(to)), count, kind })
}

/// The values of a function's counters and of the expressions over them.
struct Values<'a> {
    counts: &'a [u64],
    expressions: Vec<Option<u64>>,
}

impl<'a> Values<'a> {
    /// Computes every expression; each may use any other one, but not itself.
    fn of(expressions: &[Expression], counts: &'a [u64]) -> Result<Values<'a>, String> {
        let mut values = Values { counts, expressions: vec![None; expressions.len()] };
        if counts.is_empty() {
            values.expressions.fill(Some(0));
            return Ok(values);
        }
        let mut waiting = Vec::new();
        for index in 0..expressions.len() {
            waiting.push(index);
            while let Some(&index) = waiting.last() {
                if waiting.len() > expressions.len() * 2 {
                    return Err("a counter is computed from itself".to_owned());
                }
                let expression = &expressions[index];
                match (values.get(expression.lhs), values.get(expression.rhs)) {
                    (Ok(left), Ok(right)) => {
                        values.expressions[index] = Some(compute(expression.kind, left, right));
                        waiting.pop();
                    }
                    (Err(missing), _) | (_, Err(missing)) => waiting.push(missing),
                }
            }
        }
        Ok(values)
    }

    /// The value of a counter, or the expression that must be computed before.
    fn get(&self, counter: Counter) -> Result<u64, usize> {
        let index = usize::try_from(counter.id).unwrap_or(usize::MAX);
        match counter.kind {
            CounterType::Zero => Ok(0),
            // A counter that was optimised out was never hit.
            CounterType::ProfileInstrumentation => Ok(self.counts.get(index).copied().unwrap_or(0)),
            CounterType::Expression(_) => match self.expressions.get(index) {
                Some(Some(value)) => Ok(*value),
                Some(None) => Err(index),
                None => Ok(0),
            },
        }
    }

    fn of_counter(&self, counter: Counter) -> u64 {
        self.get(counter).unwrap_or(0)
    }
}

fn compute(kind: ExprKind, left: u64, right: u64) -> u64 {
    match kind {
        ExprKind::Add => left.wrapping_add(right),
        ExprKind::Subtract => left.wrapping_sub(right),
    }
}

#[cfg(test)]
mod tests;
