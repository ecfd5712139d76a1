//! What our script keeps of each attempt that nextest starts, written by a shell and read when nextest has ended.

use super::super::Site;
use super::super::attempts::Job;
use super::super::process::Ended;
use crate::tools::build::wrapper::shell_word;
use crate::tools::stream::HeadAndTail;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The script that starts each test: `runner BINARY --exact NAME --nocapture`. A record is a folder with the test's name, its
/// output, and, once it has ended, its exit status; their times tell how long it took.
pub(super) fn runner(site: &Site, jobs: &[Job], records: &Path) -> String {
    let binaries: BTreeMap<usize, &Path> =
        jobs.iter().map(|job| (job.index, job.binary.path.as_path())).collect();
    let mut text =
        "#!/bin/sh\nfor word in \"$@\"; do\n  [ \"$word\" = --list ] && LLVM_PROFILE_FILE=/dev/null exec \
                    \"$@\"\ndone\ncase $1 in\n"
            .to_owned();
    for (index, path) in binaries {
        let (path, profile) =
            (shell_word(&path.to_string_lossy()), shell_word(&site.profiles.of_binary(index)));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{path}) number={index}; export LLVM_PROFILE_FILE={profile} ;;");
    }
    let records = shell_word(&records.to_string_lossy());
    let _ = write!(text, "*) exit 125 ;;\nesac\nrecords={records}\n{ATTEMPT}");
    text
}

/// One attempt. nextest is told of a failure where libtest did not sum up, so that it tries again as it does for others.
const ATTEMPT: &str = r#"record=$(mktemp -d "$records/XXXXXXXXXX") || exit 125
printf '%s\n' "$number" "$@" >"$record/start"
"$@" >"$record/out" 2>"$record/err"
status=$?
echo $status >"$record/end"
cat "$record/out"
cat "$record/err" >&2
[ $status = 0 ] && ! grep -q '^test result: ok\. 1 passed' "$record/out" && status=1
exit $status
"#;

/// One attempt of a test, as the script has it.
#[derive(Debug)]
pub(super) struct Record {
    begun: SystemTime,
    pub(super) took: Option<Duration>,
    pub(super) ended: Ended,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Record {
    /// A shell tells a signal as 128 and its number.
    pub(super) fn was_killed(&self) -> bool {
        !matches!(self.ended, Ended::Exited(0..=128))
    }
}

/// The attempts of each test, by the number of its binary and its name, in the order in which they began.
pub(super) fn read(records: &Path) -> anyhow::Result<HashMap<(usize, String), Vec<Record>>> {
    let mut found: HashMap<_, Vec<Record>> = HashMap::new();
    for entry in std::fs::read_dir(records)? {
        let folder = entry?.path();
        // A record without a start is of a test that was killed before it began.
        let Some((number, name)) = start(&kept(&folder.join("start"))?) else { continue };
        let time = |file: &str| std::fs::metadata(folder.join(file)).and_then(|facts| facts.modified());
        let begun = time("start")?;
        let end: Option<i32> = kept(&folder.join("end")).ok().and_then(|end| end.trim().parse().ok());
        found.entry((number, name)).or_default().push(Record {
            begun,
            took: time("end").ok().and_then(|end| end.duration_since(begun).ok()),
            ended: end.map_or(Ended::TimedOut, Ended::Exited),
            stdout: kept(&folder.join("out")).unwrap_or_default(),
            stderr: kept(&folder.join("err")).unwrap_or_default(),
        });
    }
    found.values_mut().for_each(|attempts| attempts.sort_by_key(|attempt| attempt.begun));
    Ok(found)
}

/// The binary's number, its path, and the arguments, one a line.
fn start(text: &str) -> Option<(usize, String)> {
    let mut lines = text.lines();
    let number = lines.next()?.parse().ok()?;
    let name = lines.skip_while(|word| *word != "--exact").nth(1)?;
    Some((number, name.to_owned()))
}

/// The head and tail of a file.
fn kept(file: &Path) -> std::io::Result<String> {
    let mut open = std::fs::File::open(file)?;
    let (mut kept, mut chunk) = (HeadAndTail::default(), vec![0; 64 * 1024]);
    loop {
        let read = std::io::Read::read(&mut open, &mut chunk)?;
        match chunk.get(..read) {
            Some(bytes) if read > 0 => kept.push(bytes),
            _ => return Ok(kept.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_begins_with_the_binary_and_the_test() {
        assert_eq!(start("3\n/b\n--exact\na::b\n--nocapture\n"), Some((3, "a::b".to_owned())));
        for wrong in ["", "x\n/b\n--exact\na\n", "3\n/b\n--exact\n", "3\n/b\na\n"] {
            assert_eq!(start(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_start_or_none(text in "[0-9]?(\n|.){0,60}") {
            let _ = start(&text);
        }
    }
}
