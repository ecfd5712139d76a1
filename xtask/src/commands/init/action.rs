//! Which Action workflows use, and who is named in CODEOWNERS: text from the command line that goes into YAML.

use crate::failure::Failure;

/// Where this program comes from, as its package says.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
/// The commit that a released program was built from.
const COMMIT: Option<&str> = option_env!("GATELINE_RELEASE_COMMIT");
/// Digits of a commit.
const COMMIT_DIGITS: usize = 40;
/// Where the Action lies in its repository.
const FOLDER: &str = "action";

/// The Action as `uses:` names it: the given one, or the one that was released with this program.
pub(super) fn action(given: Option<&str>) -> anyhow::Result<String> {
    match (given, COMMIT) {
        (Some(given), _) => parsed(given),
        (None, Some(commit)) => {
            Ok(format!("{} # v{}", parsed(&format!("{}@{commit}", own()))?, env!("CARGO_PKG_VERSION")))
        }
        (None, None) => Err(Failure::usage(
            "this program was not built by a release, so it does not know the commit of its own Action",
            format!("name it: --action {}@COMMIT, with the commit's 40 digits", own()),
        )),
    }
}

/// The Action that a workflow has already, as its `uses:` names it.
pub(super) fn used_by(workflow: &str) -> Option<String> {
    let steps =
        workflow.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
    let ours = |step: &&str| {
        let named = step.split_once(" #").map_or(*step, |(named, _)| named);
        named.split_once('@').is_some_and(|(path, _)| path.ends_with(&format!("/{FOLDER}")))
            && parsed(named).is_ok()
    };
    steps.map(str::trim).find(ours).map(str::to_owned)
}

/// `OWNER/REPO` of this program.
fn own() -> String {
    let parts: Vec<&str> = REPOSITORY.trim_end_matches(".git").rsplit('/').take(2).collect();
    parts.into_iter().rev().collect::<Vec<&str>>().join("/")
}

fn parsed(text: &str) -> anyhow::Result<String> {
    let wrong = |why: &str| {
        let help = "write OWNER/REPO@COMMIT or OWNER/REPO/PATH@COMMIT";
        Failure::usage(format!("--action {text}: {why}"), help)
    };
    let (path, commit) = text.split_once('@').ok_or_else(|| wrong("no commit"))?;
    let hexadecimal = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if commit.len() != COMMIT_DIGITS || !commit.bytes().all(hexadecimal) {
        return Err(wrong("an Action is pinned by the 40 digits of a commit, never by a branch or tag"));
    }
    let plain = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !part.is_empty() && part != ".." && part != "." && part.chars().all(known)
    };
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() < 2 || !parts.iter().all(|part| plain(part)) {
        return Err(wrong("that names no repository"));
    }
    let folder = if parts.len() == 2 { format!("/{FOLDER}") } else { String::new() };
    Ok(format!("{path}{folder}@{commit}"))
}

/// Somebody whom CODEOWNERS can name.
pub(super) fn owner(text: &str) -> anyhow::Result<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-/@+".contains(c);
    let names = text.starts_with('@') && text.len() > 1 && text.matches('/').count() <= 1;
    if text.chars().all(known)
        && (names || text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.')))
    {
        return Ok(text.to_owned());
    }
    Err(Failure::usage(
        format!("--owner {text}: that is nobody"),
        "write @somebody, @organisation/team or a mail address",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_workflow_that_is_there_says_which_action_it_uses() {
        let uses =
            |step: &str| used_by(&format!("steps:\n  - uses: a/checkout@{C} # v1\n  - uses: {step}\n"));
        assert_eq!(uses(&format!("o/r/action@{C}")), Some(format!("o/r/action@{C}")));
        assert_eq!(uses(&format!("o/r/action@{C} # v0.1.0")), Some(format!("o/r/action@{C} # v0.1.0")));
        assert_eq!(uses("o/r/action@main"), None);
        assert_eq!(uses("x"), None);
    }

    #[test]
    fn an_action_is_a_repository_and_a_commit() {
        assert_eq!(parsed(&format!("o/r@{C}")).unwrap(), format!("o/r/action@{C}"));
        assert_eq!(parsed(&format!("o/r/a/b@{C}")).unwrap(), format!("o/r/a/b@{C}"));
        for bad in [
            "o/r",
            "o/r@v1",
            "o/r@main",
            &format!("o@{C}"),
            &format!("o/../x@{C}"),
            &format!("o/r\n- run: x@{C}"),
        ] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
        assert!(parsed(&format!("o/r@{}", C.to_uppercase())).is_err());
    }

    #[test]
    fn without_a_release_the_commit_is_asked_for() {
        let own = own();
        assert!(REPOSITORY.ends_with(&own) && own.matches('/').count() == 1);
        assert!(Failure::help_of(&action(None).unwrap_err()).unwrap().contains(&own));
    }

    #[test]
    fn an_owner_is_somebody() {
        assert!(["@a", "@a/b-c", "a@b.example"].iter().all(|text| owner(text).is_ok()));
        assert!(["", "@", "a", "@a\n* @b", "@a/b/c", "a@b", "@a b"].iter().all(|text| owner(text).is_err()));
    }
}
