//! From regions to lines, as LCOV `DA` lines come about. Pure.
//!
//! Per file, the regions of all instantiations of all functions are put together, identical regions summed, sorted,
//! and turned into segments: places where another count begins to hold. A line's count is the largest among the
//! segment that wraps into it and the regions that are entered on it. This follows `SegmentBuilder` and
//! `LineCoverageStats` of LLVM 22 (llvm/lib/ProfileData/Coverage/CoverageMapping.cpp) step by step, so that the
//! numbers equal `cargo llvm-cov --lcov`; docs/reference/coverage-engine.md shows how well they do.

/// A place in a file: line and column from 1, in one number, so that comparing is one instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    /// The place at this line and column.
    pub(super) fn new(line: u32, column: u32) -> Place {
        Place(u64::from(line) << 32 | u64::from(column))
    }

    /// Its line.
    pub(super) fn line(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// What a region says of its lines. The order decides which of two identical regions speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Code with a count.
    Code,
    /// Source that was not compiled: never executable.
    Skipped,
    /// White space between regions: counts only where nothing else is on the line.
    Gap,
}

/// A stretch of a file with its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    /// Where it begins.
    pub(super) start: Place,
    /// The place behind its last character.
    pub(super) end: Place,
    /// How often it ran. Differences of racing counters may be below zero; LLVM wraps there, and so do we.
    pub(super) count: u64,
    /// What it says.
    pub(super) kind: Kind,
}

/// The executable lines of one file with their counts, in order.
pub(super) fn count(mut regions: Vec<Region>) -> Vec<(u32, u64)> {
    sort(&mut regions);
    let regions = sum_identical(regions);
    lines(&segments(&regions))
}

/// Outer before inner, and of identical ones by kind. Equal keys differ in count only, and those are summed.
fn sort(regions: &mut [Region]) {
    regions.sort_unstable_by_key(|region| (region.start.0, !region.end.0, region.kind));
}

/// Sums counts of regions that cover the same area, where they are of the kind that comes first there.
fn sum_identical(regions: Vec<Region>) -> Vec<Region> {
    let mut summed: Vec<Region> = Vec::with_capacity(regions.len());
    for region in regions {
        match summed.last_mut() {
            Some(last) if last.start == region.start && last.end == region.end => {
                if last.kind == region.kind {
                    last.count = last.count.wrapping_add(region.count);
                }
            }
            _ => summed.push(region),
        }
    }
    summed
}

/// From here on, this count holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    place: Place,
    count: u64,
    /// Whether there is code here at all.
    counted: bool,
    /// Whether a region (not a gap) is entered here, or the count of an outer one returns.
    entry: bool,
    gap: bool,
}

impl Segment {
    fn enters_code(&self) -> bool {
        !self.gap && self.counted && self.entry
    }
}

/// A segment as `llvm-cov export` writes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExportedSegment {
    /// Its line, from 1.
    pub(crate) line: u32,
    /// Its column, from 1.
    pub(crate) column: u32,
    /// From here on, this count holds.
    pub(crate) count: u64,
    /// Whether there is code here at all.
    pub(crate) counted: bool,
    /// Whether a region is entered here.
    pub(crate) entry: bool,
    /// Whether it is white space between regions.
    pub(crate) gap: bool,
}

/// The executable lines of a file that was exported, its segments in order.
pub(crate) fn lines_of_segments(exported: &[ExportedSegment]) -> Vec<(u32, u64)> {
    let segment = |one: &ExportedSegment| Segment {
        place: Place::new(one.line, one.column),
        count: one.count,
        counted: one.counted,
        entry: one.entry,
        gap: one.gap,
    };
    lines(&exported.iter().map(segment).collect::<Vec<_>>())
}

/// Turns sorted, distinct regions into segments.
fn segments(regions: &[Region]) -> Vec<Segment> {
    let mut builder = Builder { segments: Vec::with_capacity(regions.len() * 2), active: Vec::new() };
    for (index, region) in regions.iter().enumerate() {
        builder.complete_before(region.start);
        builder.enter(region, regions.get(index + 1));
    }
    if !builder.active.is_empty() {
        builder.complete(None, 0);
    }
    builder.segments
}

/// The segments so far, and the regions that are open at the current place, outermost first.
struct Builder<'a> {
    segments: Vec<Segment>,
    active: Vec<&'a Region>,
}

impl<'a> Builder<'a> {
    /// Ends what ends at or before this place.
    fn complete_before(&mut self, place: Place) {
        let ended = self.active.iter().filter(|region| region.end <= place).count();
        if ended == 0 {
            return;
        }
        // A stable partition: what goes on stays in front.
        let (mut going_on, done): (Vec<_>, Vec<_>) =
            self.active.iter().partition(|region| region.end > place);
        let first_done = going_on.len();
        going_on.extend(done);
        self.active = going_on;
        self.complete(Some(place), first_done);
    }

    fn enter(&mut self, region: &'a Region, next: Option<&Region>) {
        let entry = if region.kind == Kind::Gap { Enters::Nothing } else { Enters::Region };
        if region.start == region.end {
            let skipped = next.is_none() || region.kind == Kind::Skipped;
            let counting = self.active.last().copied().unwrap_or(region);
            self.start(counting, region.start, if skipped { entry.without_count() } else { entry });
            if let (true, Some(last)) = (skipped, self.active.last().copied()) {
                self.start(last, region.start, Enters::Nothing);
            }
            return;
        }
        if next.is_none_or(|next| next.start != region.start) {
            self.start(region, region.start, entry);
        }
        self.active.push(region);
    }

    /// Ends the active regions from `first_done` on; `until` is where the next region starts, if there is one.
    fn complete(&mut self, until: Option<Place>, first_done: usize) {
        self.active[first_done..].sort_by_key(|region| region.end.0);
        self.return_to_outer(until, first_done);
        let Some(last) = self.active.last().copied() else { return };
        if first_done > 0 && until != Some(last.end) {
            self.start(self.active[first_done - 1], last.end, Enters::Nothing);
        } else if first_done == 0 && until != Some(last.end) {
            self.start(last, last.end, Enters::Void);
        }
        self.active.truncate(first_done);
    }

    /// Where one of the ended regions ends before the others do, the count of the next one holds again.
    fn return_to_outer(&mut self, until: Option<Place>, first_done: usize) {
        for index in first_done + 1..self.active.len() {
            let (place, region) = (self.active[index - 1].end, self.active[index]);
            if until == Some(place) {
                break;
            }
            if place == region.end {
                continue;
            }
            // They are sorted by end, so those that end together stand together: the last of them speaks.
            let together = self.active[index..].iter().take_while(|other| other.end == region.end);
            let speaks = together.last().copied().unwrap_or(region);
            self.start(speaks, place, Enters::Nothing);
        }
    }

    /// Adds a segment, unless it would say what the last one says.
    fn start(&mut self, region: &Region, place: Place, enters: Enters) {
        let counted = !enters.is_void() && region.kind != Kind::Skipped;
        let entry = enters.is_entry();
        if let (Some(last), false, false) = (self.segments.last(), entry, enters.is_void())
            && last.counted == counted
            && last.count == region.count
            && !last.entry
        {
            return;
        }
        let (count, gap) = if counted { (region.count, region.kind == Kind::Gap) } else { (0, false) };
        self.segments.push(Segment { place, count, counted, entry, gap });
    }
}

/// What a segment enters.
#[derive(Clone, Copy)]
enum Enters {
    /// A new region.
    Region,
    /// No new region: an outer count returns, or a gap begins.
    Nothing,
    /// A new region that is to be taken as skipped.
    SkippedRegion,
    /// No code at all.
    Void,
}

impl Enters {
    fn without_count(self) -> Enters {
        match self {
            Enters::Region | Enters::SkippedRegion => Enters::SkippedRegion,
            Enters::Nothing | Enters::Void => Enters::Void,
        }
    }

    fn is_entry(self) -> bool {
        matches!(self, Enters::Region | Enters::SkippedRegion)
    }

    fn is_void(self) -> bool {
        matches!(self, Enters::SkippedRegion | Enters::Void)
    }
}

/// Counts every line from the first segment's to the last one's.
fn lines(segments: &[Segment]) -> Vec<(u32, u64)> {
    let mut lines = Vec::new();
    let (mut rest, mut wrapped): (&[Segment], Option<&Segment>) = (segments, None);
    let Some(mut line) = rest.first().map(|segment| segment.place.line()) else { return lines };
    while let Some(next) = rest.first() {
        if next.place.line() > line && !wrapped.is_some_and(|segment| segment.counted) {
            line = next.place.line();
        }
        let here = rest.iter().take_while(|segment| segment.place.line() == line).count();
        let (on_line, behind) = rest.split_at(here);
        if let Some(count) = count_of_line(on_line, wrapped) {
            lines.push((line, count));
        }
        wrapped = on_line.last().or(wrapped);
        rest = behind;
        line = line.saturating_add(1);
    }
    lines
}

/// The count of one line, or `None` where it is not executable.
fn count_of_line(on_line: &[Segment], wrapped: Option<&Segment>) -> Option<u64> {
    let entered = on_line.iter().filter(|segment| segment.enters_code()).map(|segment| segment.count).max();
    let starts_skipped = on_line.first().is_some_and(|first| !first.counted && first.entry);
    let wrapped_code = wrapped.is_some_and(|segment| segment.counted);
    let executable = (!starts_skipped && wrapped_code) || entered.is_some();
    executable.then(|| wrapped.map_or(0, |segment| segment.count).max(entered.unwrap_or(0)))
}

#[cfg(test)]
mod tests;
