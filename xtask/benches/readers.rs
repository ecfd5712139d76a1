//! How fast coverage files from elsewhere are read, and a big change with its share is computed, each beside its ceiling in the
//! same run: the line ends of the same bytes counted by `memchr`, and the bare loops of the parsers that are used.
//!
//! `cargo bench -p gateline --bench readers`; with `--profile dev`, what users of `cargo xtask` have. With `--test` (how the gates
//! run benchmarks) each runs once, on little. `… --bench readers -- --write lcov 100 FILE` writes a file of 100 MiB (or `cobertura`,
//! `llvm-json`), and `-- --memory FILE` reads one in a process of its own and says what it took.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads its arguments and looks at the clock")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use criterion::{BenchmarkId, Criterion, Throughput};
use gateline::evidence::coverage::{FileLines, LineCounts};
use gateline::evidence::patch::patch;
use gateline::policy::coverage::InputFormat;
use gateline::tools::coverage_import::{gathered::Gathered, parse, paths::PathRule};
use gateline::tools::git::changed_lines;
use gateline::workspace::Change;
use gateline::workspace::change::{Base, ChangedFile, FileChange};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes of a coverage file.
const BYTES: usize = 20 << 20;
/// Files of the big change, and lines of each.
const FILES: usize = 5000;
const LINES: u32 = 300;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--memory") {
        return memory(Path::new(arguments.get(at + 1).expect("--memory FILE")));
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--write") {
        let [format, size, file] = &arguments[at + 1..at + 4] else { panic!("--write FORMAT MIB FILE") };
        return std::fs::write(file, written(format, size.parse::<usize>().unwrap() << 20)).unwrap();
    }
    let little = arguments.iter().any(|argument| argument == "--test");
    let time = Duration::from_secs(3);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(time)
        .without_plots()
        .configure_from_args();
    readers(&mut criterion, if little { 50_000 } else { BYTES });
    change(&mut criterion, if little { 20 } else { FILES });
    criterion.final_summary();
}

fn written(format: &str, bytes: usize) -> String {
    match format {
        "lcov" => lcov(bytes),
        "cobertura" => cobertura(bytes),
        "llvm-json" => llvm_json(bytes),
        other => panic!("no format `{other}`"),
    }
}

/// Reads one file as the gate does, with every file that it names in the workspace.
fn memory(file: &Path) {
    let start = Instant::now();
    let mut gathered = Gathered::new(&|_| true);
    gathered.start(PathRule::new(Path::new("/no-such-root"), None, None));
    let input = std::io::BufReader::with_capacity(256 << 10, std::fs::File::open(file).unwrap());
    let format = parse(input, InputFormat::Auto, &mut gathered).unwrap();
    let files = gathered.into_files(|_| String::new());
    let lines: usize = files.iter().map(|file| file.lines.len()).sum();
    let (millis, size) = (start.elapsed().as_millis(), std::fs::metadata(file).unwrap().len());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    println!("{format}: {size} bytes, {} files, {lines} lines, {millis} ms, {most} RSS at most", files.len());
}

fn readers(criterion: &mut Criterion, bytes: usize) {
    let mut group = criterion.benchmark_group("readers");
    for (name, format, text) in [
        ("lcov", InputFormat::Lcov, lcov(bytes)),
        ("cobertura", InputFormat::Cobertura, cobertura(bytes)),
        ("llvm-json", InputFormat::LlvmJson, llvm_json(bytes)),
    ] {
        if let Some(folder) = std::env::var_os("GATELINE_BENCH_KEEP") {
            std::fs::write(Path::new(&folder).join(name), &text).unwrap();
        }
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("gateline", name), &text, |bench, text| {
            bench.iter(|| read(text.as_bytes(), format));
        });
        group.bench_with_input(BenchmarkId::new("line-ends", name), &text, |bench, text| {
            bench.iter(|| memchr::memchr_iter(b'\n', black_box(text.as_bytes())).count());
        });
        match format {
            InputFormat::Cobertura => {
                group.bench_with_input(BenchmarkId::new("quick-xml", name), &text, |bench, text| {
                    bench.iter(|| events(text.as_bytes()));
                });
            }
            InputFormat::LlvmJson => {
                group.bench_with_input(BenchmarkId::new("serde_json", name), &text, |bench, text| {
                    bench.iter(|| {
                        serde_json::from_reader::<_, serde::de::IgnoredAny>(text.as_bytes()).unwrap()
                    });
                });
            }
            InputFormat::Lcov | InputFormat::Auto => {}
        }
    }
    group.finish();
}

fn read(text: &[u8], format: InputFormat) -> usize {
    let mut gathered = Gathered::new(&|_| true);
    gathered.start(PathRule::new(Path::new("/no-such-root"), None, None));
    let input = std::io::BufReader::with_capacity(256 << 10, text);
    parse(input, format, &mut gathered).unwrap();
    gathered.into_files(|_| String::new()).len()
}

/// The bare loop of the parser, over a buffer that is as large as ours.
fn events(text: &[u8]) -> usize {
    let mut reader = quick_xml::Reader::from_reader(std::io::BufReader::with_capacity(256 << 10, text));
    let (mut buffer, mut count) = (Vec::new(), 0);
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).unwrap() {
            quick_xml::events::Event::Eof => return count,
            _ => count += 1,
        }
    }
}

/// As geninfo and llvm-cov write it: functions, lines, sums.
fn lcov(bytes: usize) -> String {
    let mut text = String::new();
    for file in 0.. {
        if text.len() >= bytes {
            break;
        }
        writeln!(text, "TN:\nSF:crates/part{}/src/module_{file}.rs", file % 40).unwrap();
        for function in 0..20 {
            let line = 1 + function * 15;
            writeln!(text, "FN:{line},_RNvNtCs1234_4part6module8function{function}").unwrap();
            writeln!(text, "FNDA:{},_RNvNtCs1234_4part6module8function{function}", function % 3).unwrap();
        }
        writeln!(text, "FNF:20\nFNH:13").unwrap();
        (1..=300)
            .filter(|line| line % 5 > 0)
            .for_each(|line| writeln!(text, "DA:{line},{}", line * 7 % 90).unwrap());
        writeln!(text, "LF:240\nLH:200\nend_of_record").unwrap();
    }
    text
}

/// As coverage.py, gcovr and coverlet write it: an element for each line, some with branches.
fn cobertura(bytes: usize) -> String {
    let mut text = "<?xml version=\"1.0\" ?>\n<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\">\n\
                    <coverage version=\"7\">\n<sources><source>/no-such-root</source></sources>\n<packages><package name=\"p\"><classes>\n"
        .to_owned();
    for file in 0.. {
        if text.len() >= bytes {
            break;
        }
        writeln!(text, "\t\t\t\t<class name=\"m{file}\" filename=\"part{}/m{file}.py\" complexity=\"0\" line-rate=\"0.9\" branch-rate=\"0\">", file % 40).unwrap();
        writeln!(text, "\t\t\t\t\t<methods/>\n\t\t\t\t\t<lines>").unwrap();
        for line in (1..=300).filter(|line| line % 5 > 0) {
            let hits = line * 7 % 9;
            let branch = if line % 10 == 1 {
                " branch=\"true\" condition-coverage=\"50% (1/2)\" missing-branches=\"7\""
            } else {
                ""
            };
            writeln!(text, "\t\t\t\t\t\t<line number=\"{line}\" hits=\"{hits}\"{branch}/>").unwrap();
        }
        writeln!(text, "\t\t\t\t\t</lines>\n\t\t\t\t</class>").unwrap();
    }
    text + "</classes></package></packages>\n</coverage>\n"
}

/// As `llvm-cov export` writes it: one line, functions behind the files.
fn llvm_json(bytes: usize) -> String {
    let mut text = "{\"data\":[{\"files\":[".to_owned();
    for file in 0.. {
        if text.len() >= bytes {
            break;
        }
        let comma = if file > 0 { "," } else { "" };
        write!(text, "{comma}{{\"branches\":[],\"expansions\":[],\"filename\":\"/no-such-root/src/m{file}.c\",\"segments\":[").unwrap();
        for line in 1..=300 {
            let comma = if line > 1 { "," } else { "" };
            write!(text, "{comma}[{line},{},{},true,{},false]", line % 70 + 1, line * 7 % 90, line % 2 == 0)
                .unwrap();
        }
        write!(text, "],\"summary\":{{\"lines\":{{\"count\":300,\"covered\":250,\"percent\":83.3}}}}}}")
            .unwrap();
    }
    text + "],\"functions\":[],\"totals\":{}}],\"type\":\"llvm.coverage.json.export\",\"version\":\"2.0.1\"}"
}

/// Old and new blobs to changed lines, and those with counts to the change's share: all but git and the disk, on one core.
fn change(criterion: &mut Criterion, files: usize) {
    let blobs: Vec<(String, String)> = (0..files).map(blob).collect();
    let bytes = blobs.iter().map(|(old, new)| old.len() + new.len()).sum::<usize>() as u64;
    let files = (0..files).map(|file| FileLines {
        file: format!("src/m{file:05}.rs"),
        lines: (1..=LINES).filter(|line| line % 5 > 0).map(|line| (line, u64::from(line % 7))).collect(),
        ..FileLines::default()
    });
    let counts = LineCounts { files: files.collect(), ..LineCounts::default() };
    let mut group = criterion.benchmark_group("patch");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(BenchmarkId::new("gateline", blobs.len()), |bench| {
        bench.iter(|| share(black_box(&blobs), &counts));
    });
    group.bench_function(BenchmarkId::new("line-ends", blobs.len()), |bench| {
        let ends = |text: &str| memchr::memchr_iter(b'\n', text.as_bytes()).count();
        bench.iter(|| black_box(&blobs).iter().map(|(old, new)| ends(old) + ends(new)).sum::<usize>());
    });
    group.finish();
}

fn share(blobs: &[(String, String)], counts: &LineCounts) -> u64 {
    let files = blobs.iter().enumerate().map(|(number, (old, new))| ChangedFile {
        path: format!("src/m{number:05}.rs"),
        what: FileChange::Modified,
        lines: changed_lines(old.as_bytes(), new.as_bytes()),
    });
    let base = Base {
        commit: "c".into(),
        from: "--base c".into(),
        kind: gateline::workspace::change::BaseKind::Target,
    };
    let change = Change { base, files: files.collect(), outside: Vec::new() };
    patch(counts, &change).total
}

/// A source of some 10 KB: changed in three places, one of them a function that was added.
fn blob(file: usize) -> (String, String) {
    let (mut old, mut new) = (String::new(), String::new());
    let place = 20 + file as u32 * 37 % 200;
    for line in 1..=LINES {
        let text = match line % 5 {
            0 => "}\n\n".to_owned(),
            1 => format!("/// What it does, number {line} of {file}.\nfn function_{line}() -> usize {{\n"),
            _ => format!("    let value_{line} = compute({line}) + other;\n"),
        };
        old.push_str(&text);
        match line {
            _ if line == place => new.push_str("    changed();\n"),
            _ if line == place + 50 => new.push_str(&format!("{text}fn added() {{\n    1\n}}\n\n")),
            _ if line == place + 70 => {}
            _ => new.push_str(&text),
        }
    }
    (old, new)
}
