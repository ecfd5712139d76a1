//! The grammar of `github`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `github …`.
#[derive(Debug, Subcommand)]
pub enum GithubVerb {
    /// Tell GitHub of the verdict in the report folder: a check with annotations, one comment, code scanning.
    Report(GithubReport),
    /// Keep one issue about advisories: open while the verdict in the report folder has some, closed after that.
    Issue(GithubIssue),
    /// What policies/github.yaml asks of GitHub (rulesets, environments, rights of workflows): compare it, or make it so.
    Rulesets {
        /// What to do.
        #[command(subcommand)]
        what: RulesetsVerb,
    },
    /// Publish a version: a draft with the notes, every file, read back, and only then public.
    Release(GithubRelease),
    /// Propose the pin of the Action, from the files of a published version.
    Pin(GithubPin),
}

/// `github release`.
#[derive(Debug, Args)]
pub struct GithubRelease {
    /// The tag; default: the one that the run is of.
    pub tag: Option<String>,
    /// The folder with the files, as `release assets` writes them; default: `assets` in the report folder.
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
    /// Print what would be published, and ask GitHub nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The repository; default: what the run says.
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
}

/// `github pin`.
#[derive(Debug, Args)]
pub struct GithubPin {
    /// The tag; default: the one that the run is of.
    pub tag: Option<String>,
    /// The branch that it is proposed for.
    #[arg(long, default_value = "main")]
    pub base: String,
    /// Print the pin, and write nothing: reads the published files all the same.
    #[arg(long)]
    pub dry_run: bool,
    /// The repository; default: what the run says.
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
}

/// `github rulesets …`.
#[derive(Debug, Subcommand)]
pub enum RulesetsVerb {
    /// Show how what is in force differs; 10 where it does, 1 where the token may not see enough.
    Check(Rulesets),
    /// Show the same, ask, write what differs, and read it back.
    Apply {
        /// Where.
        #[command(flatten)]
        asked: Rulesets,
        /// Show it and write nothing.
        #[arg(long)]
        dry_run: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What both take.
#[derive(Debug, Args)]
pub struct Rulesets {
    /// The repository; default: what the run says.
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
}

/// `github issue`.
#[derive(Debug, Args)]
pub struct GithubIssue {
    /// Print what would be written, and ask GitHub nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The repository; default: what the run says.
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
}

/// `github report`.
#[derive(Debug, Args)]
pub struct GithubReport {
    /// Print what would be written, and ask GitHub nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The name of the check; each name has a comment of its own.
    #[arg(long, default_value = "gateline", value_parser = name)]
    pub name: String,
    /// The repository; default: what the run says.
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
    /// The pull request; default: what the run says.
    #[arg(long, value_name = "NUMBER")]
    pub pull_request: Option<u64>,
    /// Leave the comment out.
    #[arg(long)]
    pub no_comment: bool,
    /// Leave code scanning out.
    #[arg(long)]
    pub no_sarif: bool,
    /// Also print annotations as workflow commands and write the job summary: for a verdict that another job made.
    #[arg(long)]
    pub here_too: bool,
}

/// It stands in a hidden mark of the comment, so it has no letters that could end it.
fn name(text: &str) -> Result<String, String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '/');
    let good = (1..=50).contains(&text.len())
        && text.chars().all(letter)
        && !text.contains("--")
        && text.trim() == text;
    match good {
        true => Ok(text.to_owned()),
        false => Err("at most 50 letters, digits, `-`, `_`, `.`, `/` and single spaces".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_ends_no_hidden_mark() {
        for good in ["gateline", "gates / linux", "a-b_c.d"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "a--b", "a>", "ä", " a", "a\n"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
