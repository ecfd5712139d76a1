//! LCOV: what editors, `genhtml` and hosted coverage services read.
//!
//! Only line records are written (`SF DA LH LF`); functions and branches are not counted by the built-in engine. Format:
//! the "TRACEFILE FORMAT" section of geninfo(1). A line break in a path cannot be written in it, so it becomes `?`.

use crate::evidence::coverage::{FileLines, LineCounts};
use std::fmt::Write as _;

/// The tracefile for these lines; paths are relative to the workspace.
pub fn write(counts: &LineCounts) -> String {
    let mut text = String::new();
    for file in &counts.files {
        // Writing to a String cannot fail.
        let _ = write_file(&mut text, file);
    }
    text
}

fn write_file(text: &mut String, file: &FileLines) -> std::fmt::Result {
    writeln!(text, "SF:{}", file.file.replace(['\n', '\r'], "?"))?;
    for (line, count) in &file.lines {
        writeln!(text, "DA:{line},{count}")?;
    }
    writeln!(text, "LH:{}\nLF:{}\nend_of_record", file.covered(), file.lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_one_record() {
        let file = |name: &str, lines: &[(u32, u64)]| FileLines {
            file: name.into(),
            package: "p".into(),
            lines: lines.to_vec(),
            ..FileLines::default()
        };
        let counts = LineCounts {
            engine: "builtin".into(),
            files: vec![file("src/a.rs", &[(1, 2), (3, 0)]), file("src/odd\nname.rs", &[(7, 1)])],
            ..LineCounts::default()
        };
        let expected = "SF:src/a.rs\nDA:1,2\nDA:3,0\nLH:1\nLF:2\nend_of_record\n\
                        SF:src/odd?name.rs\nDA:7,1\nLH:1\nLF:1\nend_of_record\n";
        assert_eq!(write(&counts), expected);
        assert_eq!(write(&LineCounts::default()), "");
    }
}
