//! Where each value in force comes from: a line of a file, or the default.

use super::places::Places;
use std::collections::BTreeMap;

/// One value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its line in the text that shows it, from 0.
    pub line: usize,
    /// Its path: `advisories.unsound`, `environments[0].approvals`.
    pub path: String,
}

/// The values of a section as `policy show` prints it: one a line.
pub fn leaves(section: &str) -> Vec<Leaf> {
    let places = Places::read(section).unwrap_or_default();
    let mut last: BTreeMap<usize, (u32, &str)> = BTreeMap::new();
    for (path, place) in places.iter() {
        let line = place.line.saturating_sub(1) as usize;
        let entry = last.entry(line).or_insert((place.column, path));
        if (place.column, path.len()) >= (entry.0, entry.1.len()) {
            *entry = (place.column, path);
        }
    }
    let header = |line: &usize| section.lines().nth(*line).is_none_or(|text| text.trim_end().ends_with(':'));
    let values = last.into_iter().filter(|(line, _)| !header(line));
    values.map(|(line, (_, path))| Leaf { line, path: path.to_owned() }).collect()
}

/// The origin of a value: a line of the file that `name` names, or `default`.
pub fn origin(name: &str, places: &Places, path: &str) -> String {
    places.of(path).map_or_else(|| "default".to_owned(), |place| format!("{name}:{}", place.line))
}

/// A section with each value's origin in a comment behind it, one under the other.
pub fn annotated(section: &str, name: &str, places: &Places) -> String {
    let origins: BTreeMap<usize, String> =
        leaves(section).into_iter().map(|leaf| (leaf.line, origin(name, places, &leaf.path))).collect();
    let width = |line: &str| line.chars().count();
    let widest = section.lines().enumerate().filter(|(line, _)| origins.contains_key(line));
    let widest = widest.map(|(_, text)| width(text)).filter(|width| *width <= 60).max().unwrap_or(0);
    let lines = section.lines().enumerate().map(|(line, text)| match origins.get(&line) {
        Some(origin) => {
            let gap = " ".repeat(widest.saturating_sub(width(text)));
            format!("{text}{gap}  # {origin}\n")
        }
        None => format!("{text}\n"),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_names_its_line_or_the_default() {
        let file = "# bar\nadvisories:\n  unsound: off\nsecrets: {skip: [a, b]}\n";
        let places = Places::read(file).unwrap();
        let section =
            "advisories:\n  unsound: off\n  notice: warn\nsecrets:\n  level: refuse\n  skip:\n  - a\n  - b\n";
        let expected = "advisories:\n  unsound: off   # f:3\n  notice: warn   # default\nsecrets:\n  \
                        level: refuse  # default\n  skip:\n  - a            # f:4\n  - b            # f:4\n";
        assert_eq!(annotated(section, "f", &places), expected);
    }

    #[test]
    fn an_item_s_first_key_is_its_own() {
        let section = "environments:\n- name: a\n  port: 1\n- name: b\n";
        let paths: Vec<String> = leaves(section).into_iter().map(|leaf| leaf.path).collect();
        assert_eq!(paths, ["environments[0].name", "environments[0].port", "environments[1].name"]);
    }
}
