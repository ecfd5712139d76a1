//! What would be told, as a value: `--dry-run` prints it, `perform` carries it out.

use crate::failure::Failure;
use crate::report::github::Links;
use crate::report::github::check::{self, Check};
use crate::report::github::comment::{self, State};
use crate::report::{annotations, sarif};
use crate::tools::github::context::{Request, Run, Target, Trust};
use crate::verdict::Verdict;
use serde::Serialize;
use std::fmt::Write as _;

/// Whether a part is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Wanted,
    LeftOut,
}

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) pull_request: Option<u64>,
    pub(super) comment: Part,
    pub(super) sarif: Part,
    /// Whether `ci` has told the first findings as commands of its job.
    pub(super) in_actions: bool,
}

/// Everything that would be told.
#[derive(Serialize)]
pub(super) struct Planned {
    /// The check's name.
    pub(super) name: String,
    /// Whose.
    pub(super) repository: Option<String>,
    /// Of which commit.
    pub(super) commit: String,
    /// Of which pull request, if its number is known already.
    pub(super) pull_request: Option<u64>,
    /// Why GitHub is told nothing, where that is known beforehand.
    pub(super) silent: Option<String>,
    /// Of all that is told, but for run and times.
    pub(super) digest: String,
    /// The check.
    pub(super) check: Check,
    /// What a commit status would say: its state, its description.
    pub(super) status: (&'static str, String),
    /// The comment; `None` where it was left out or there is no pull request.
    pub(super) comment: Option<String>,
    /// Whether it is made where there is none yet.
    pub(super) worth_a_comment: bool,
    /// SARIF; `None` where it was left out.
    #[serde(skip)]
    pub(super) sarif: Option<String>,
    #[serde(skip)]
    #[cfg_attr(
        not(feature = "github"),
        expect(dead_code, reason = "only a build with the feature tells it")
    )]
    pub(super) target: Target,
    #[serde(skip)]
    #[cfg_attr(
        not(feature = "github"),
        expect(dead_code, reason = "only a build with the feature tells it")
    )]
    pub(super) state: State,
    #[serde(skip)]
    pub(super) links: Links,
    #[serde(skip)]
    pub(super) verdict: Verdict,
}

impl Planned {
    /// Decides.
    ///
    /// # Errors
    /// Where the verdict cannot be written as SARIF.
    pub(super) fn new(run: &Run, mut verdict: Verdict, asked: &Asked<'_>) -> anyhow::Result<Planned> {
        let mut target = run.target().unwrap_or_else(|| Target {
            commit: verdict.commit.clone(),
            request: Request::None,
            reference: None,
            run: None,
        });
        if let Some(number) = asked.pull_request {
            if run.trust() == Trust::Foreign {
                let help = "leave --pull-request out: it is looked up by the commit";
                return Err(Failure::usage(
                    "the pull request of another run is not for anybody to name",
                    help,
                ));
            }
            target.request = Request::Number(number);
            target.reference = Some(format!("refs/pull/{number}/head"));
        }
        // People know the pull request's commit, not the merge of it that was checked out.
        verdict.commit.clone_from(&target.commit);
        let links = Links {
            files: run.page().map(|page| format!("{page}/blob/{}", target.commit)),
            run: run.page_of(target.run),
        };
        let told = if asked.in_actions { annotations::shown(&verdict).0 } else { Vec::new() };
        let anywhen = check::check(&verdict, &Links { run: None, ..links.clone() }, &told);
        let digest = comment::digest(&[asked.name, &target.commit, &serde_json::to_string(&anywhen)?]);
        let state = State { commit: target.commit.clone(), run: target.run, digest: digest.clone() };
        let check = check::check(&verdict, &links, &told);
        let has_request = target.request != Request::None;
        let comment = (has_request && asked.comment == Part::Wanted)
            .then(|| comment::comment(asked.name, &state, &verdict, &links));
        Ok(Planned {
            name: asked.name.to_owned(),
            repository: run.repository.as_ref().map(ToString::to_string),
            commit: target.commit.clone(),
            pull_request: match target.request {
                Request::Number(number) => Some(number),
                _ => None,
            },
            silent: match (run.trust(), &run.repository) {
                (Trust::Fork, _) => {
                    Some("the change comes from a fork, where the token can only read".to_owned())
                }
                (_, None) => Some("no repository is known: this is no run of GitHub Actions".to_owned()),
                _ => None,
            },
            digest,
            status: check::status(&verdict),
            worth_a_comment: comment::is_worth_it(&verdict),
            sarif: (asked.sarif == Part::Wanted && target.reference.is_some())
                .then(|| sarif::write(&verdict))
                .transpose()?,
            check,
            comment,
            target,
            state,
            links,
            verdict,
        })
    }

    /// The text for people, without hidden marks.
    pub(super) fn body(&self) -> String {
        comment::body(&self.verdict, &self.links, 0, crate::tools::github::limits::COMMENT_BYTES_MAX)
    }

    /// What would be written, for people.
    pub(super) fn shown(&self) -> String {
        let mut text = String::new();
        let place = self.repository.as_deref().unwrap_or("(no repository)");
        let _ = writeln!(text, "{place}, commit {}", self.commit);
        if let Some(why) = &self.silent {
            let _ = writeln!(text, "nothing would be sent: {why}");
        }
        let _ = writeln!(
            text,
            "check `{}`: {}, {}, {} annotations",
            self.name,
            self.check.conclusion.name(),
            self.check.title,
            self.check.annotations.len()
        );
        let _ = writeln!(text, "or commit status `{}`: {}, {}", self.name, self.status.0, self.status.1);
        match &self.sarif {
            Some(sarif) => writeln!(text, "code scanning: {} bytes before compression", sarif.len()),
            None => writeln!(text, "code scanning: no"),
        }
        .unwrap_or_default();
        match (&self.comment, self.worth_a_comment) {
            (Some(comment), true) => writeln!(text, "comment:\n\n{comment}"),
            (Some(comment), false) => {
                writeln!(text, "comment, only where there is one already:\n\n{comment}")
            }
            (None, _) => writeln!(text, "comment: no"),
        }
        .unwrap_or_default();
        text
    }
}
