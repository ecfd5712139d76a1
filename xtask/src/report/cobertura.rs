//! Cobertura XML: what GitHub's own coverage, GitLab and Jenkins read.
//!
//! The form is `coverage-04.dtd` of the Cobertura project. Branches are not counted, so their rate is 1 of 0. Rates are rounded
//! down to four digits, as everywhere here.

use super::text::markup;
use crate::evidence::coverage::{FileLines, LineCounts};
use std::collections::BTreeMap;
use std::fmt::{Result, Write as _};

/// The document; `millis` is the time that it speaks of, since 1970.
pub fn write(counts: &LineCounts, millis: i64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = document(&mut text, counts, millis);
    text
}

fn document(text: &mut String, counts: &LineCounts, millis: i64) -> Result {
    let mut packages: BTreeMap<&str, Vec<&FileLines>> = BTreeMap::new();
    for file in &counts.files {
        packages.entry(&file.package).or_default().push(file);
    }
    let (covered, total) = sum(counts.files.iter());
    writeln!(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(text, "<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\">")?;
    writeln!(
        text,
        "<coverage line-rate=\"{}\" branch-rate=\"1\" lines-covered=\"{covered}\" lines-valid=\"{total}\" \
         branches-covered=\"0\" branches-valid=\"0\" complexity=\"0\" version=\"gateline {}\" timestamp=\"{millis}\">",
        rate(covered, total),
        env!("CARGO_PKG_VERSION"),
    )?;
    writeln!(text, "  <sources>\n    <source>.</source>\n  </sources>\n  <packages>")?;
    for (name, files) in packages {
        let (covered, total) = sum(files.iter().copied());
        let (name, rate) = (markup(name), rate(covered, total));
        writeln!(
            text,
            "    <package name=\"{name}\" line-rate=\"{rate}\" branch-rate=\"1\" complexity=\"0\">"
        )?;
        writeln!(text, "      <classes>")?;
        for file in files {
            class(text, file)?;
        }
        writeln!(text, "      </classes>\n    </package>")?;
    }
    writeln!(text, "  </packages>\n</coverage>")
}

/// A file is a class here.
fn class(text: &mut String, file: &FileLines) -> Result {
    let path = markup(&file.file);
    let name = path.rsplit('/').next().unwrap_or_default();
    let rate = rate(file.covered(), file.lines.len() as u64);
    writeln!(
        text,
        "        <class name=\"{name}\" filename=\"{path}\" line-rate=\"{rate}\" branch-rate=\"1\" complexity=\"0\">"
    )?;
    methods(text, file)?;
    writeln!(text, "          <lines>")?;
    for (line, count) in &file.lines {
        writeln!(text, "            <line number=\"{line}\" hits=\"{count}\" branch=\"false\"/>")?;
    }
    writeln!(text, "          </lines>\n        </class>")
}

/// Its functions, each with the line where it begins: which lines it has is not kept.
fn methods(text: &mut String, file: &FileLines) -> Result {
    if file.functions.is_empty() {
        return writeln!(text, "          <methods/>");
    }
    writeln!(text, "          <methods>")?;
    for function in &file.functions {
        let (name, rate) = (markup(&function.name), rate(u64::from(function.count > 0), 1));
        writeln!(
            text,
            "            <method name=\"{name}\" signature=\"\" line-rate=\"{rate}\" branch-rate=\"1\" complexity=\"0\"><lines>\
             <line number=\"{}\" hits=\"{}\" branch=\"false\"/></lines></method>",
            function.line, function.count
        )?;
    }
    writeln!(text, "          </methods>")
}

fn sum<'a>(files: impl Iterator<Item = &'a FileLines>) -> (u64, u64) {
    files.fold((0, 0), |(covered, total), file| (covered + file.covered(), total + file.lines.len() as u64))
}

/// A share from 0 to 1 with four digits, rounded down; of nothing, all.
fn rate(covered: u64, total: u64) -> String {
    let share = (u128::from(covered) * 10_000).checked_div(u128::from(total)).unwrap_or(10_000);
    format!("{}.{:04}", share / 10_000, share % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_sample() {
        insta::assert_snapshot!(write(&sample::counts(), 1_700_000_000_000));
    }

    #[test]
    fn rates_are_rounded_down() {
        let all = (rate(0, 0), rate(2, 3), rate(9_999_999, 10_000_000), rate(7, 7));
        assert_eq!(all, ("1.0000".into(), "0.6666".into(), "0.9999".into(), "1.0000".into()));
    }
}
