//! LCOV: what editors, `genhtml` and hosted coverage services read.
//!
//! Lines and functions are written (`SF FN FNDA FNF FNH DA LH LF`), not the newer `FNL` and `FNA`, which few read; branches are not
//! counted. Format: the "TRACEFILE FORMAT" section of geninfo(1). What cannot be written in it is replaced: a line break in a
//! path, and a comma in a function's name, where lcov 1.x ends the name.

use crate::evidence::coverage::{FileLines, LineCounts, Share};
use std::collections::BTreeSet;
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
    functions(text, file)?;
    for (line, count) in &file.lines {
        writeln!(text, "DA:{line},{count}")?;
    }
    writeln!(text, "LH:{}\nLF:{}\nend_of_record", file.covered(), file.lines.len())
}

/// The functions of a file. lcov tells them by name, so that of two with one name the later gets its line.
fn functions(text: &mut String, file: &FileLines) -> std::fmt::Result {
    if file.functions.is_empty() {
        return Ok(());
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut named = Vec::with_capacity(file.functions.len());
    for function in &file.functions {
        let plain: String = function
            .name
            .chars()
            .map(|letter| if letter == ',' || letter.is_control() { ';' } else { letter })
            .collect();
        let free = |name: &String| !name.is_empty() && !names.contains(name);
        let name = Some(plain.clone()).filter(free).unwrap_or_else(|| {
            let mut name = format!("{plain} (line {})", function.line);
            while names.contains(&name) {
                name.push('\'');
            }
            name
        });
        names.insert(name.clone());
        named.push((function, name));
    }
    for (function, name) in &named {
        writeln!(text, "FN:{},{name}", function.line)?;
    }
    for (function, name) in &named {
        writeln!(text, "FNDA:{},{name}", function.count)?;
    }
    let Share { covered, total } = file.functions();
    writeln!(text, "FNF:{total}\nFNH:{covered}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::coverage::FunctionCount;

    #[test]
    fn each_file_is_one_record() {
        let file = |name: &str, lines: &[(u32, u64)]| FileLines {
            file: name.into(),
            package: "p".into(),
            lines: lines.to_vec().into(),
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

    #[test]
    fn functions_have_names_that_lcov_can_tell() {
        let function = |name: &str, line, count| FunctionCount { name: name.into(), line, count };
        let functions =
            vec![function("a::<b, c>", 1, 3), function("d", 5, 0), function("d", 9, 1), function("", 12, 0)];
        let file = FileLines { file: "a.rs".into(), functions, ..FileLines::default() };
        let counts = LineCounts { files: vec![file], ..LineCounts::default() };
        let expected = "SF:a.rs\nFN:1,a::<b; c>\nFN:5,d\nFN:9,d (line 9)\nFN:12, (line 12)\nFNDA:3,a::<b; c>\nFNDA:0,d\n\
                        FNDA:1,d (line 9)\nFNDA:0, (line 12)\nFNF:4\nFNH:2\nLH:0\nLF:0\nend_of_record\n";
        assert_eq!(write(&counts), expected);
    }
}
