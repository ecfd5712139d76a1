//! The texts of the policy files: a few keys each, with a word about them, so that the file is a place to go on from. What is
//! not written has its documented default.

use super::Setting;
use crate::failure::Failure;
use crate::policy::{Policy, parse};
use std::collections::BTreeMap;

/// What the policies start from, where that is not the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Keys with their values.
    pub entries: Vec<Entry>,
    /// What has no equivalent or cannot be a policy, each in one line.
    pub left_out: Vec<String>,
}

impl Start {
    /// What is reached today, and what other tools were told: where both speak of a key, today holds, and the difference is
    /// named.
    pub fn of(reached: (Vec<Entry>, Vec<String>), told: (Vec<Entry>, Vec<String>)) -> Start {
        let (mut entries, mut left_out) = reached;
        for entry in told.0 {
            match entries.iter().find(|one| (one.file, one.key) == (entry.file, entry.key)) {
                None => entries.push(entry),
                Some(today) if today.value == entry.value => {}
                Some(today) => left_out.push(format!(
                    "{}.yaml `{}` is {}, what is reached today, and not {}: {}",
                    entry.file, entry.key, today.value, entry.value, entry.why
                )),
            }
        }
        left_out.extend(told.1);
        Start { entries, left_out }
    }
}

/// One key of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file, without `.yaml`.
    pub file: &'static str,
    /// The key; a part of another one has its name before it: `retries.ci`.
    pub key: &'static str,
    /// The value, as YAML on one line.
    pub value: String,
    /// Why it is so.
    pub why: String,
}

/// One key, why it is there, and its default.
type Line = (&'static str, &'static str, &'static str);

/// What a file begins with, and its keys.
struct Page {
    file: &'static str,
    about: &'static str,
    lines: &'static [Line],
}

const PAGES: [Page; 6] = [
    Page {
        file: "lint",
        about: "What each linter's findings do: refuse, warn or off.",
        lines: &[
            ("rustfmt", "Files that rustfmt would change.", "refuse"),
            ("clippy", "Warnings of rustc and clippy; errors always refuse.", "refuse"),
        ],
    },
    Page {
        file: "tests",
        about: "How tests are run: one process each.",
        lines: &[
            ("timeout_secs", "A test that runs longer is killed with its whole process group.", "120"),
            ("retries.local", "How often a test that did not pass is tried again, 2 at most.", "0"),
            ("retries.ci", "The same in CI.", "1"),
            ("flaky", "A test that did not pass and then passed: allow (a warning) or refuse.", "allow"),
        ],
    },
    Page {
        file: "coverage",
        about: "How much of the code the tests must reach, in per cent of its executable lines.",
        lines: &[
            ("minimum", "Of the whole workspace.", "80"),
            ("patch_minimum", "Of the lines that a change brings.", "80"),
            ("drop_max", "How far the whole may fall below the base, in percentage points.", "1"),
        ],
    },
    Page {
        file: "security",
        about: "Known advisories for what Cargo.lock names, secrets in tracked files, and holes in workflows.",
        lines: &[
            ("advisories.vulnerability", "refuse, warn or off.", "refuse"),
            ("advisories.unsound", "", "warn"),
            ("advisories.unmaintained", "", "warn"),
            ("secrets.level", "refuse, warn or off.", "refuse"),
            (
                "workflows.privileged",
                "Workflows that a stranger's event starts with more than a stranger may: each was read by somebody.",
                "[.github/workflows/report.yml]",
            ),
        ],
    },
    Page {
        file: "waivers",
        about: "Findings that are borne for a while: `gateline waive CODE SUBJECT` adds one, with an owner and a last day.",
        lines: &[("waivers", "", "[]")],
    },
    Page {
        file: "approvers",
        about: "Who may accept that a change loosens a policy. Only the base's copy of this file counts.",
        lines: &[("approvers", "", "[]")],
    },
];
/// Only where there is a package for it.
const IMAGE: Page = Page {
    file: "image",
    about: "The container image: which package's binary it holds.",
    lines: &[("package", "", "")],
};

/// The key for targets that cannot be compiled here, each with the reason; nothing where there is none.
pub fn leaving_out(targets: &BTreeMap<String, String>) -> Option<Entry> {
    let value = serde_json::to_string(targets).ok().filter(|_| !targets.is_empty())?;
    let why =
        "Targets that the toolchain here cannot compile: they are not checked, and every report says so.";
    Some(Entry { file: "tests", key: "leave_out", value, why: why.to_owned() })
}

/// The files by name.
///
/// # Errors
/// Where an entry makes no policy.
pub(super) fn texts(setting: &Setting) -> anyhow::Result<BTreeMap<String, String>> {
    let mut texts: BTreeMap<String, String> =
        PAGES.iter().map(|page| (format!("{}.yaml", page.file), text(page, &setting.start))).collect();
    if let Some(package) = &setting.image {
        let value = serde_json::Value::from(package.as_str()).to_string();
        let mut start = setting.start.clone();
        start.entries.push(Entry { file: "image", key: "package", value, why: String::new() });
        texts.insert("image.yaml".to_owned(), text(&IMAGE, &start));
    }
    check(&texts)?;
    Ok(texts)
}

/// What we write must be what we read.
fn check(texts: &BTreeMap<String, String>) -> anyhow::Result<Policy> {
    parse::parse(|name| Ok(texts.get(name).cloned())).map_err(|error| {
        Failure::usage(format!("what was taken over makes no policy: {error:#}"), "leave --from-current out")
    })
}

fn text(page: &Page, start: &Start) -> String {
    let mut text = format!(
        "# yaml-language-server: $schema=schema/{}.schema.json\n# {}\n# Every key: docs/reference/policies.md of Gateline, \
         or the schema.\n",
        page.file, page.about
    );
    let entries: Vec<&Entry> = start.entries.iter().filter(|entry| entry.file == page.file).collect();
    let known = page.lines.iter().map(|(key, why, default)| {
        let entry = entries.iter().find(|entry| entry.key == *key);
        match entry {
            Some(entry) => {
                (*key, [*why, entry.why.as_str()].join(" ").trim().to_owned(), entry.value.clone())
            }
            None => (*key, (*why).to_owned(), (*default).to_owned()),
        }
    });
    let is_new = |entry: &&&Entry| !page.lines.iter().any(|(key, _, _)| *key == entry.key);
    let new = entries.iter().filter(is_new).map(|entry| (entry.key, entry.why.clone(), entry.value.clone()));
    let mut lines: Vec<(&str, String, String)> = known.chain(new).collect();
    // Parts of one key stand together, wherever they come from.
    let group = |key: &str| key.split('.').next().unwrap_or(key).to_owned();
    let order: Vec<String> = lines.iter().map(|(key, _, _)| group(key)).collect();
    lines.sort_by_key(|(key, _, _)| order.iter().position(|name| *name == group(key)));
    let mut open = String::new();
    for (key, why, value) in lines {
        let (indent, name) = match key.split_once('.') {
            Some((parent, name)) => {
                if open != parent {
                    text += &format!("{parent}:\n");
                    parent.clone_into(&mut open);
                }
                ("  ", name)
            }
            None => ("", key),
        };
        if !why.is_empty() {
            text += &format!("{indent}# {why}\n");
        }
        text += &format!("{indent}{name}: {value}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Steps, Whose};
    use super::*;

    fn setting(start: Start) -> Setting {
        Setting {
            steps: Steps::Xtask,
            branch: "main".to_owned(),
            image: Some("a-service".to_owned()),
            owner: None,
            whose: Whose::Theirs,
            policies: "policies".to_owned(),
            start,
        }
    }

    fn entry(file: &'static str, key: &'static str, value: &str) -> Entry {
        Entry { file, key, value: value.to_owned(), why: "reached today".to_owned() }
    }

    #[test]
    fn what_is_written_says_the_defaults() {
        let texts = texts(&setting(Start::default())).unwrap();
        let mut expected = Policy::default();
        expected.image.package = Some("a-service".to_owned());
        // The second stage that `init` writes.
        expected.security.workflows.privileged = vec![".github/workflows/report.yml".to_owned()];
        assert_eq!(check(&texts).unwrap(), expected);
        assert_eq!(texts.len(), 7);
    }

    #[test]
    fn an_entry_replaces_its_key_or_joins_its_group() {
        let entries = vec![
            entry("coverage", "minimum", "41.07"),
            entry("security", "secrets.skip", "[\"a.pem\"]"),
            entry("tests", "slow_secs", "90"),
        ];
        let texts = texts(&setting(Start { entries, left_out: Vec::new() })).unwrap();
        assert!(texts["coverage.yaml"].contains("# Of the whole workspace. reached today\nminimum: 41.07\n"));
        assert!(texts["security.yaml"].contains(
            "secrets:\n  # refuse, warn or off.\n  level: refuse\n  # reached today\n  skip: [\"a.pem\"]\n"
        ));
        let policy = check(&texts).unwrap();
        assert_eq!((policy.tests.slow_secs, policy.security.secrets.skip), (90, vec!["a.pem".to_owned()]));
    }

    #[test]
    fn what_cannot_be_compiled_is_left_out_with_its_reason() {
        let targets = [("p::bench/it's \"quick\"".to_owned(), "it needs nightly".to_owned())].into();
        let entries = leaving_out(&targets).into_iter().collect();
        let texts = texts(&setting(Start { entries, left_out: Vec::new() })).unwrap();
        assert_eq!(check(&texts).unwrap().tests.leave_out, targets);
        assert_eq!(leaving_out(&BTreeMap::new()), None);
    }

    #[test]
    fn today_holds_and_the_difference_is_named() {
        let reached = (vec![entry("coverage", "minimum", "41.07")], vec!["a".to_owned()]);
        let told = vec![entry("coverage", "minimum", "90"), entry("coverage", "drop_max", "2")];
        let start = Start::of(reached, (told, vec!["b".to_owned()]));
        assert_eq!(start.entries.len(), 2);
        assert!(start.left_out[1].starts_with("coverage.yaml `minimum` is 41.07"), "{:?}", start.left_out);
        assert_eq!((start.left_out[0].as_str(), start.left_out[2].as_str()), ("a", "b"));
    }

    #[test]
    fn an_entry_that_makes_no_policy_is_an_error() {
        let entries = vec![entry("tests", "timeout_secs", "0")];
        assert!(texts(&setting(Start { entries, left_out: Vec::new() })).is_err());
    }
}
