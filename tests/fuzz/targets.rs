//! What every fuzz target insists on, beyond that nothing panics. Used by the suite (`tests/fuzz.rs`, a fixed number of mutated
//! seeds) and by the coverage-guided engine (`tests/fuzz/main.rs`).
//!
//! JUnit is only written by gateline, never read, so it has no target.

use gateline::evidence::coverage::{FileLines, LineCounts};
use gateline::policy::SecurityPolicy;
use gateline::policy::coverage::InputFormat;
use gateline::policy::security::{ScannerFormat, ScannerInput};
use gateline::policy::{PolicySet, Texts};
use gateline::release::attest::bundle::Bundle;
use gateline::release::notes::notes;
use gateline::release::sums::Sums;
use gateline::report::{cobertura, lcov};
use gateline::tools::coverage_import::gathered::Gathered;
use gateline::tools::coverage_import::parse;
use gateline::tools::coverage_import::paths::PathRule;
use gateline::tools::dependencies::lockfile::{Lockfile, entry_lines};
use gateline::tools::dependencies::of_lockfile;
use gateline::tools::git::changed_lines;
use gateline::tools::security::advisories::{Databases, look_up, parse_osv};
use gateline::tools::security::deny_toml;
use gateline::tools::security::scanners::parse as parse_report;
use gateline::tools::security::secrets::Finder;
use gateline::tools::security::snapshot::{AdvisoryFacts, Snapshot, parse_advisory};
use gateline::tools::security::workflows;
use std::path::Path;
use std::sync::LazyLock;

/// A target: its name, which is its folder of seeds, and what it does with any bytes.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const TARGETS: [Target; 18] = [
    ("lcov", |bytes| coverage(bytes, InputFormat::Lcov)),
    ("cobertura", |bytes| coverage(bytes, InputFormat::Cobertura)),
    ("llvm-json", |bytes| coverage(bytes, InputFormat::LlvmJson)),
    ("diff", diff),
    ("policy", policy),
    ("lockfile", lockfile),
    ("osv", osv),
    ("workflow", workflow),
    ("changelog", changelog),
    ("sums", sums),
    ("sarif", |bytes| report(bytes, ScannerFormat::Sarif)),
    ("theauditor", |bytes| report(bytes, ScannerFormat::TheAuditor)),
    ("cargo-deny", |bytes| report(bytes, ScannerFormat::CargoDeny)),
    ("cargo-audit", |bytes| report(bytes, ScannerFormat::CargoAudit)),
    ("deny-toml", deny),
    ("secrets", secrets),
    ("bundle", bundle),
    ("advisory", advisory),
];

/// What is read of a bundle is what would be written of it.
fn bundle(bytes: &[u8]) {
    let Ok(read) = Bundle::parse(bytes) else { return };
    assert_eq!(Bundle::parse(&read.to_bytes()).as_ref(), Ok(&read));
}

/// A report of a scanner: every text is one line and bounded, every path is inside, no result stands there twice.
fn report(bytes: &[u8], format: ScannerFormat) {
    let input: ScannerInput =
        serde_json::from_value(serde_json::json!({"file": "r", "format": format, "notes": "warn"}))
            .expect("an input");
    let Ok(read) = parse_report(Path::new("/no-such-root"), &input, bytes) else { return };
    assert!(read.results.is_sorted(), "results are sorted");
    for (index, result) in read.results.iter().enumerate() {
        let texts = [&result.message, &result.rule, &result.tool, &result.identity];
        for text in texts.into_iter().chain(&result.package).chain(&result.advisory) {
            assert!(!text.contains(char::is_control) && text.chars().count() <= 501, "{text:?}");
        }
        let inside = |part: &str| !matches!(part, "" | "." | "..");
        assert!(result.file.iter().all(|file| !file.contains(char::is_control)), "{:?}", result.file);
        assert!(result.file.iter().all(|file| file.split('/').all(inside)), "{:?} leads out", result.file);
        assert!(read.results.get(index + 1) != Some(result), "twice: {result:?}");
    }
}

/// What is taken over of a `deny.toml` makes a policy.
fn deny(bytes: &[u8]) {
    let Some(imported) = std::str::from_utf8(bytes).ok().and_then(|text| deny_toml::read(text).ok()) else {
        return;
    };
    let sections = imported.sections.into_iter().map(|(name, keys)| (name.to_owned(), keys.into()));
    let policy = serde_json::Value::Object(sections.collect());
    let policy: SecurityPolicy = serde_json::from_value(policy).expect("keys of the policy");
    assert_eq!(policy.senseless(), None);
}

/// Each package of a lockfile is reached by a path that ends at it, and no line is beyond the text.
fn lockfile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let count = u32::try_from(text.lines().count()).expect("a seed is short");
    assert!(entry_lines(text).into_values().all(|line| line <= count), "a line beyond the text");
    let Ok(lockfile) = Lockfile::parse(text) else { return };
    let all = of_lockfile(&lockfile);
    let reached = all.reached();
    for (index, package) in all.packages.iter().enumerate() {
        assert_eq!(all.path(&reached, index).last(), Some(&package.name_at_version()));
    }
}

/// An OSV record gives each package once, and every fact outlives a file.
fn osv(bytes: &[u8]) {
    let Ok(found) = parse_osv(bytes) else { return };
    for (index, facts) in found.iter().enumerate() {
        assert!(found[..index].iter().all(|other| other.package != facts.package), "{}", facts.package);
        let text = serde_json::to_string(facts).expect("facts are JSON");
        assert_eq!(serde_json::from_str::<AdvisoryFacts>(&text).as_ref().ok(), Some(facts));
    }
}

/// An advisory of the database is the one that its path names, its facts outlive a file, and a version can be asked about; an error
/// names the file.
fn advisory(bytes: &[u8]) {
    let facts = match parse_advisory("a", "RUSTSEC-2026-0001", bytes) {
        Ok(facts) => facts,
        Err(error) => return assert!(format!("{error:#}").contains("a/RUSTSEC-2026-0001.md"), "{error:#}"),
    };
    assert_eq!((facts.package.as_str(), facts.id.as_str()), ("a", "RUSTSEC-2026-0001"));
    let text = serde_json::to_string(&facts).expect("facts are JSON");
    assert_eq!(serde_json::from_str::<AdvisoryFacts>(&text).as_ref().ok(), Some(&facts));
    let lockfile = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                    source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let dependencies = of_lockfile(&Lockfile::parse(lockfile).expect("a lockfile"));
    let (withdrawn, date) = (facts.withdrawn.is_some(), "2026-08-20".to_owned());
    let snapshot = Snapshot { date, advisories: vec![facts], ..Snapshot::default() };
    let databases = Databases::of("one", snapshot, jiff::civil::date(2026, 11, 24)).expect("a date");
    let found = look_up(&dependencies, lockfile, &databases).expect("what was read can be asked");
    assert!(!withdrawn || found.evidence.matches.is_empty(), "what was taken back applies to nothing");
}

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

/// A version that a changelog is clear about has notes that say something, and asking again gives the same.
fn changelog(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match notes(text, "1.0.0") {
        Ok(found) => {
            assert!(!found.text.trim().is_empty(), "notes without words");
            let fenced = text.contains("```") || text.contains("~~~");
            assert!(fenced || !found.text.lines().any(|line| line.starts_with("## ")), "another section");
        }
        Err(why) => assert!(!why.to_string().is_empty(), "an error without words"),
    }
}

/// What is read of a list of digests is the same when it is written and read again.
fn sums(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(sums) = Sums::parse(text) {
        assert_eq!(Sums::parse(&sums.text()).as_ref(), Ok(&sums));
    }
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

/// As a workflow and as an action: what is found stands on a line of the text, in order, and a fix is one of its lines.
fn workflow(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = text.lines().count() + 1;
    for path in [".github/workflows/fuzz.yml", "action.yml"] {
        let evidence = workflows::look_at_text(path, text);
        assert!(evidence.pinned <= evidence.used);
        for found in &evidence.found {
            assert!(found.line as usize <= lines, "{found:?} of {lines}");
            assert!(found.fix.iter().all(|edit| edit.line as usize <= lines), "{found:?} of {lines}");
        }
    }
}
