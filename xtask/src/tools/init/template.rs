//! Templates: files as they are written, with three kinds of lines of ours.
//!
//! - `#? WORD` … `#? else` … `#? end` keeps what is between where the word holds; not nested.
//! - `- gateline: VERB` is the step that runs a verb; `- gateline+github: VERB` runs it with the feature `github`, which
//!   `cargo xtask` has not by itself. (The Action's program has every feature.)
//! - `__BRANCH__`, `__OWNER__` are replaced.
//!
//! With all of it, a template is still YAML as Dependabot's reader takes it (a key may be there twice), so that the pinned actions in it
//! are updated together with our own workflows.

use super::{Setting, Steps, Whose};

const DIRECTIVE: &str = "#? ";
const STEP: &str = "- gateline: ";
const STEP_WITH_GITHUB: &str = "- gateline+github: ";

/// As the alias `xtask`, with the feature.
const WITH_GITHUB: &str = "cargo run --package gateline --features github --";

/// The file that a template makes.
pub(super) fn render(template: &str, setting: &Setting) -> String {
    let mut text = String::new();
    let mut keeps = true;
    for line in template.lines() {
        match line.strip_prefix(DIRECTIVE) {
            Some("end") => keeps = true,
            Some("else") => keeps = !keeps,
            Some(word) => keeps = holds(setting, word),
            None if keeps => text += &format!("{}\n", line_of(line, setting)),
            None => {}
        }
    }
    text
}

fn holds(setting: &Setting, word: &str) -> bool {
    match word {
        "xtask" => setting.steps == Steps::Xtask,
        "image" => setting.image.is_some(),
        "ours" => setting.whose == Whose::Ours,
        _ => false,
    }
}

fn line_of(line: &str, setting: &Setting) -> String {
    let plain = line.split_once(STEP).map(|(indent, verb)| (indent, verb, "cargo xtask"));
    let with_github = line.split_once(STEP_WITH_GITHUB).map(|(indent, verb)| (indent, verb, WITH_GITHUB));
    let Some((indent, verb, program)) = plain.or(with_github) else {
        let owner = setting.owner.as_deref().unwrap_or_default();
        return line.replace("__BRANCH__", &setting.branch).replace("__OWNER__", owner);
    };
    match &setting.steps {
        Steps::Xtask => format!("{indent}- run: {program} {verb}"),
        Steps::Action(action) => {
            format!("{indent}- uses: {action}\n{indent}  with:\n{indent}    command: {verb}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    fn setting(steps: Steps) -> Setting {
        Setting {
            steps,
            branch: "trunk".to_owned(),
            image: None,
            owner: Some("@a/b".to_owned()),
            whose: Whose::Theirs,
            policies: "policies".to_owned(),
            start: Start::default(),
        }
    }

    #[test]
    fn a_word_keeps_what_is_between() {
        let template = "a\n#? xtask\nb\n#? else\nc __BRANCH__\n#? end\n#? image\nd\n#? end\n  - gateline: ci --setup\n    env: 1\n";
        assert_eq!(
            render(template, &setting(Steps::Xtask)),
            "a\nb\n  - run: cargo xtask ci --setup\n    env: 1\n"
        );
        let action = "o/r/action@0 # v1";
        assert_eq!(
            render(template, &setting(Steps::Action(action.to_owned()))),
            format!("a\nc trunk\n  - uses: {action}\n    with:\n      command: ci --setup\n    env: 1\n")
        );
    }

    #[test]
    fn every_directive_of_every_template_is_known_and_closed() {
        let templates = WORKFLOWS.iter().map(|(_, text)| *text);
        for template in templates.chain([DEPENDABOT, CODEOWNERS, PULL_REQUEST]) {
            let words: Vec<&str> = template.lines().filter_map(|line| line.strip_prefix(DIRECTIVE)).collect();
            let known = |word: &&&str| ["xtask", "image", "ours", "else", "end"].contains(*word);
            assert_eq!(words.iter().filter(known).count(), words.len(), "{words:?}");
            let opened = words.iter().filter(|word| !["else", "end"].contains(word)).count();
            assert_eq!(opened, words.iter().filter(|word| **word == "end").count(), "{words:?}");
        }
    }

    #[test]
    fn what_is_rendered_is_yaml_and_no_mark_of_ours_is_left() {
        for steps in [Steps::Xtask, Steps::Action("o/r/action@0 # v1".to_owned())] {
            for (whose, image) in [(Whose::Ours, None), (Whose::Theirs, Some("service".to_owned()))] {
                let setting = Setting { whose, image, ..setting(steps.clone()) };
                for file in [workflows(&setting), manners(&setting)].concat() {
                    assert!(!file.text.contains("__") && !file.text.contains(DIRECTIVE), "{}", file.text);
                    assert!(!file.text.contains("- gateline"), "{}", file.text);
                    if file.path.ends_with(".yml") {
                        serde_yaml::from_str::<serde_yaml::Mapping>(&file.text).unwrap();
                    }
                }
            }
        }
    }
}
