//! What every fuzz target insists on, beyond that nothing panics. Used by the suite (`tests/fuzz.rs`, a fixed number of mutated
//! seeds) and by the coverage-guided engine (`tests/fuzz/main.rs`).
//!
//! JUnit is only written by gateline, never read, so it has no target.

use gateline::evidence::coverage::{FileLines, LineCounts};
use gateline::policy::coverage::InputFormat;
use gateline::policy::{PolicySet, Texts};
use gateline::report::{cobertura, lcov};
use gateline::tools::coverage_import::gathered::Gathered;
use gateline::tools::coverage_import::parse;
use gateline::tools::coverage_import::paths::PathRule;
use gateline::tools::git::changed_lines;
use gateline::tools::security::secrets::Finder;
use std::path::Path;
use std::sync::LazyLock;

/// A target: its name, which is its folder of seeds, and what it does with any bytes.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const TARGETS: [Target; 6] = [
    ("lcov", |bytes| coverage(bytes, InputFormat::Lcov)),
    ("cobertura", |bytes| coverage(bytes, InputFormat::Cobertura)),
    ("llvm-json", |bytes| coverage(bytes, InputFormat::LlvmJson)),
    ("diff", diff),
    ("policy", policy),
    ("secrets", secrets),
];

/// What a text says, or the line where it is wrong.
fn read(bytes: &[u8], format: InputFormat) -> Result<Vec<FileLines>, u64> {
    let mut gathered = Gathered::new(&|_| true);
    gathered.start(PathRule::new(Path::new("/no-such-root"), None, None));
    parse(bytes, format, &mut gathered).map_err(|wrong| wrong.line)?;
    Ok(gathered.into_files(|_| "p".to_owned()))
}

/// Lines are in order, and what we write of them is read back the same. An error is at a line of the text.
fn coverage(bytes: &[u8], format: InputFormat) {
    let files = match read(bytes, format) {
        Ok(files) => files,
        Err(line) => {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
            return;
        }
    };
    assert!(files.is_sorted_by(|a, b| a.file < b.file), "files are sorted, each once");
    for file in &files {
        assert!(file.lines.iter().next().is_some_and(|(line, _)| line > 0), "{}", file.file);
        assert!(file.lines.iter().is_sorted_by(|a, b| a.0 < b.0), "{}", file.file);
        let inside = |part: &str| !matches!(part, "" | "." | "..");
        assert!(file.file.split('/').all(inside), "{:?} leads out", file.file);
    }
    // Odd names are changed by writing; lines never are.
    let plain = |(index, file): (usize, FileLines)| FileLines { file: format!("{index:09}"), ..file };
    let files: Vec<FileLines> = files.into_iter().enumerate().map(plain).collect();
    let counts = LineCounts { files, ..LineCounts::default() };
    if counts.files.is_empty() {
        return;
    }
    assert_eq!(read(lcov::write(&counts).as_bytes(), InputFormat::Auto).as_ref(), Ok(&counts.files));
    let xml = cobertura::write(&counts, 0);
    assert_eq!(read(xml.as_bytes(), InputFormat::Auto).as_ref(), Ok(&counts.files));
}

/// The old text, a form feed, the new one: changed lines are lines of the new text, and all others stood in the old one, in
/// this order.
fn diff(bytes: &[u8]) {
    let cut = bytes.iter().position(|byte| *byte == b'\x0c').unwrap_or(bytes.len() / 2);
    let (old, new) = bytes.split_at(cut);
    let new = new.strip_prefix(b"\x0c").unwrap_or(new);
    let changed = changed_lines(old, new);
    assert!(changed_lines(new, new).is_empty(), "a text differs from itself");
    assert!(changed.iter().all(|(first, last)| 1 <= *first && first <= last), "{changed:?}");
    assert!(changed.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{changed:?}");
    let is_binary = |text: &[u8]| text.contains(&0) && std::str::from_utf8(text).is_err();
    if is_binary(new) {
        return assert!(changed.is_empty(), "{changed:?}");
    }
    let (old, new) = (if is_binary(old) { Vec::new() } else { lines(old) }, lines(new));
    assert!(changed.last().is_none_or(|(_, last)| *last as usize <= new.len()), "{changed:?}");
    let is_changed = |line: usize| changed.iter().any(|(a, b)| (*a as usize..=*b as usize).contains(&line));
    let mut rest = old.iter();
    for (line, text) in (1..).zip(&new).filter(|(line, _)| !is_changed(*line)) {
        assert!(rest.any(|known| known == text), "line {line} is called old: {changed:?}");
    }
}

/// What is hidden lies in the text, and what has no anchor any more is not found again.
fn secrets(bytes: &[u8]) {
    static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new().expect("our own rules"));
    for (span, what) in FINDER.find(bytes) {
        assert!(span.start < span.end && span.end <= bytes.len(), "{span:?} of {}", bytes.len());
        assert!(!what.is_empty());
    }
}

/// The lines of a text, whatever ends them.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let bare = |line| <[u8]>::strip_suffix(line, b"\n").unwrap_or(line);
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(bare);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect()
}

/// A file's name, a line end, its text; a form feed between files. What is accepted is the same after writing it out; what is
/// not says why.
fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let named = |part: &str| part.split_once('\n').map(|(name, text)| (name.to_owned(), text.to_owned()));
    let texts: Texts = text.split('\x0c').filter_map(named).collect();
    let today = jiff::civil::date(2026, 11, 24);
    let set = match PolicySet::parse(&texts, today) {
        Ok(set) => set,
        Err(error) => return assert!(!format!("{error:#}").trim().is_empty(), "an error without words"),
    };
    let written = serde_json::to_value(&set.policy).expect("a policy is plain data");
    let whole = |(name, value): (&String, &serde_json::Value)| (format!("{name}.yaml"), value.to_string());
    let written: Texts = written.as_object().into_iter().flatten().map(whole).collect();
    let again = PolicySet::parse(&written, today).expect("what was accepted is accepted again");
    assert_eq!(again.policy, set.policy);
}
