//! The few lines that files of others get: the alias in `.cargo/config.toml`, the target directory in `.gitignore`.
//!
//! They are added as text, so that every comment and every byte of what was there stays. What comes out is parsed again and
//! must be what was there and the alias; a file whose form does not allow that is left alone, and the line is told.

use super::{Kind, Placing, Wanted, place};
use std::path::Path;

/// Where cargo looks for aliases.
pub(super) const CONFIG: &str = ".cargo/config.toml";
/// The one menu.
const ALIAS: &str = "xtask = \"run --package gateline --\"";
/// What a new file begins with.
const CONFIG_HEAD: &str = "# The one menu. Not `--quiet`: the first build must be seen.\n";

/// The configuration of cargo with the alias.
///
/// # Errors
/// Where a file cannot be read.
pub(super) fn alias(root: &Path) -> anyhow::Result<(Wanted, Placing)> {
    let new = Wanted {
        path: CONFIG.to_owned(),
        text: format!("{CONFIG_HEAD}[alias]\n{ALIAS}\n"),
        kind: Kind::Own,
        or_at: &[".cargo/config"],
    };
    let placing = match place(root, &new)? {
        Placing::Kept { at, holds: Some(before) } => match with_alias(&before) {
            Added::There => Placing::Same,
            Added::Text(after) => Placing::More { before, after },
            Added::ByHand => Placing::Kept { at, holds: Some(before) },
        },
        other => other,
    };
    Ok((new, placing))
}

/// `.gitignore` with the target directory.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn ignored(root: &Path, target: &str) -> anyhow::Result<(Wanted, Placing)> {
    let path = ".gitignore";
    let line = format!("/{target}\n");
    let new = Wanted { path: path.to_owned(), text: line.clone(), kind: Kind::Own, or_at: &[] };
    let placing = match place(root, &new)? {
        Placing::Kept { holds: Some(before), .. } => {
            let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
            Placing::More { after: format!("{before}{gap}{line}"), before }
        }
        other => other,
    };
    Ok((new, placing))
}

/// What adding the alias comes to.
#[derive(Debug, PartialEq, Eq)]
enum Added {
    /// An alias of that name is there, ours or another.
    There,
    /// The text with it.
    Text(String),
    /// The text has a form that cannot be added to.
    ByHand,
}

fn with_alias(before: &str) -> Added {
    let parsed = |text: &str| toml::from_str::<toml::Table>(text).ok();
    let Some(mut expected) = parsed(before) else { return Added::ByHand };
    let aliases = expected.entry("alias").or_insert_with(|| toml::Table::new().into());
    let Some(aliases) = aliases.as_table_mut() else { return Added::ByHand };
    if aliases.contains_key("xtask") {
        return Added::There;
    }
    aliases.insert("xtask".to_owned(), "run --package gateline --".into());
    let end = if before.contains("\r\n") { "\r\n" } else { "\n" };
    let mut header = before.split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some((*at, line))
    });
    let is_header =
        |line: &str| line.split('#').next().unwrap_or_default().trim().replace(' ', "") == "[alias]";
    let header = header.find(|(_, line)| is_header(line)).map(|(at, _)| at);
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { end };
    let after = match header {
        Some(at) => format!("{}{gap}{ALIAS}{end}{}", &before[..at], &before[at..]),
        None => format!("{before}{gap}{end}[alias]{end}{ALIAS}{end}"),
    };
    if parsed(&after) == Some(expected) { Added::Text(after) } else { Added::ByHand }
}

#[cfg(test)]
mod tests {
    use super::super::place::read;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comments_and_order_stay() {
        let check = |before: &str, after: &str| assert_eq!(with_alias(before), Added::Text(after.to_owned()));
        check("# c\n[build]\njobs = 2", &format!("# c\n[build]\njobs = 2\n\n[alias]\n{ALIAS}\n"));
        check(
            "[alias] # ours\nb = \"build\"\n[env]\nA = \"1\"\n",
            &format!("[alias] # ours\n{ALIAS}\nb = \"build\"\n[env]\nA = \"1\"\n"),
        );
        check("[ alias ]", &format!("[ alias ]\n{ALIAS}\n"));
        check("[env]\r\n", &format!("[env]\r\n\r\n[alias]\r\n{ALIAS}\r\n"));
    }

    #[test]
    fn what_is_there_stays_and_odd_forms_are_left_alone() {
        assert_eq!(with_alias("[alias]\nxtask = \"run -p mine --\"\n"), Added::There);
        assert_eq!(with_alias("alias.xtask = 'x'"), Added::There);
        for odd in ["alias = { b = 'build' }\n", "alias = 3", "no toml", "[[alias]]"] {
            assert_eq!(with_alias(odd), Added::ByHand, "{odd}");
        }
    }

    #[test]
    fn a_line_is_added_to_what_git_ignores() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(ignored(root.path(), "target").unwrap().1, Placing::New("/target\n".to_owned()));
        std::fs::write(root.path().join(".gitignore"), "*.log").unwrap();
        let (before, after) = ("*.log".to_owned(), "*.log\n/target\n".to_owned());
        assert_eq!(ignored(root.path(), "target").unwrap().1, Placing::More { before, after });
        assert_eq!(read(&root.path().join(".gitignore")).unwrap().as_deref(), Some("*.log"));
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_bytes(text in "\\PC{0,60}|(\\[alias\\]|\\[env\\]|a = 1|xtask = 'x'|# c|\n|\r\n| ){0,9}") {
            if let Added::Text(after) = with_alias(&text) {
                prop_assert!(after.replacen(ALIAS, "", 1).split_whitespace().collect::<String>()
                    .starts_with(text.split_whitespace().collect::<String>().as_str()) || text.contains("alias"));
                prop_assert_eq!(with_alias(&after), Added::There);
            }
        }
    }
}
