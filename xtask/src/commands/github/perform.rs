//! Tells GitHub what was planned: looks first, then writes only what is not so already.
//!
//! What the token may is found out by trying: no checks, then a commit status; no comment, then none. Code scanning goes first and the
//! check second: a check with our digest says that both were done. Every write may be repeated after a crash without doubling.

use super::planned::Planned;
use crate::commands::context::Context;
use crate::failure::Failure;
use crate::report::github::comment;
use crate::tools::github::api::{CheckRun, Comment, Pull};
use crate::tools::github::client::{Client, Trouble};
use crate::tools::github::context::{Request, Run};
use crate::tools::github::limits;
use crate::tools::github::token::Identity;
use base64::Engine as _;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write as _;

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub(super) enum Became {
    /// It was made.
    Made,
    /// What was there was changed.
    Changed,
    /// It was so already.
    Unchanged,
    /// It was not to be written.
    LeftOut(String),
    /// The token may not.
    NotPermitted(String),
}

/// What was told.
#[derive(Debug, Serialize)]
struct Told {
    check: Became,
    status: Option<Became>,
    comment: Became,
    sarif: Became,
    requests: u64,
    writes: u64,
}

/// The pull request, as far as it may be written to.
enum Where {
    Open(u64),
    Nowhere(String),
}

/// Tells it.
pub(super) async fn perform(
    context: &Context,
    run: &Run,
    planned: &Planned,
    who: Identity,
) -> anyhow::Result<()> {
    let client = client(context, run, who)?;
    let told = tell(&client, planned).await.map_err(failure)?;
    context.console.result(&told, |_| told.shown());
    Ok(())
}

/// GitHub, as the run's repository sees it.
pub(super) fn client(context: &Context, run: &Run, who: Identity) -> anyhow::Result<Client> {
    let repository = run
        .repository
        .as_ref()
        .ok_or_else(|| Failure::usage("no repository is known", "name it: --repository OWNER/NAME"))?;
    Client::new(&context.world, &run.api, repository, who)
}

async fn tell(client: &Client, planned: &Planned) -> Result<Told, Trouble> {
    let place = place(client, planned).await?;
    let check = match client.check_runs(&planned.commit, &planned.name).await {
        Ok(runs) => Ok(runs.into_iter().find(|one| one.external_id.as_deref() == Some(&planned.digest))),
        Err(trouble) if trouble.is_not_permitted() => Err(trouble),
        Err(trouble) => return Err(trouble),
    };
    let known = matches!(&check, Ok(Some(_)));
    let sarif = sarif(client, planned, known).await?;
    let (check, status) = match check {
        Ok(found) => check_or_status(client, planned, found).await?,
        Err(trouble) => (Became::NotPermitted(trouble.to_string()), Some(status(client, planned).await?)),
    };
    let comment = commented(client, planned, &place).await?;
    let (requests, writes) = client.sent();
    Ok(Told { check, status, comment, sarif, requests, writes })
}

/// The pull request as it is now. An older run has nothing to say to it.
async fn place(client: &Client, planned: &Planned) -> Result<Where, Trouble> {
    if planned.comment.is_none() {
        return Ok(Where::Nowhere("no comment is wanted, or there is no pull request".to_owned()));
    }
    let pull: Option<Pull> = match &planned.target.request {
        Request::None => None,
        Request::Number(number) => match client.pull(*number).await {
            Ok(pull) => Some(pull),
            Err(trouble) if trouble.is_not_permitted() => return Ok(Where::Nowhere(trouble.to_string())),
            Err(trouble) => return Err(trouble),
        },
        Request::Of { repository, branch } => {
            let same = |pull: &Pull| {
                let there = pull.head.repo.as_ref().map(|there| there.full_name.as_str());
                pull.head.sha == planned.commit && there == Some(&repository.to_string())
            };
            client.pulls_of(repository, branch).await?.into_iter().find(same)
        }
    };
    Ok(match pull {
        None => Where::Nowhere("no open pull request has this commit as its newest".to_owned()),
        Some(pull) if pull.state != "open" => Where::Nowhere("the pull request is closed".to_owned()),
        Some(pull) if pull.head.sha != planned.commit => {
            Where::Nowhere(format!("the pull request has moved on to {}", pull.head.sha))
        }
        Some(pull) => Where::Open(pull.number),
    })
}

async fn check_or_status(
    client: &Client,
    planned: &Planned,
    found: Option<CheckRun>,
) -> Result<(Became, Option<Became>), Trouble> {
    let all = &planned.check.annotations;
    let (run, mut there, mut became) = match found {
        Some(run) => {
            let there = run.output.annotations_count;
            (run, there, Became::Unchanged)
        }
        None => {
            let first = &all[..all.len().min(limits::ANNOTATIONS_PER_REQUEST)];
            let mut body = json!({
                "name": planned.name, "head_sha": planned.commit, "external_id": planned.digest,
                "status": "completed", "conclusion": planned.check.conclusion,
                "output": output(planned, first),
            });
            if let Some(run) = &planned.links.run {
                body["details_url"] = json!(run);
            }
            match client.create_check_run(body).await {
                Ok(run) => {
                    let there = run.output.annotations_count.max(first.len());
                    (run, there, Became::Made)
                }
                Err(trouble) if trouble.is_not_permitted() => {
                    return Ok((
                        Became::NotPermitted(trouble.to_string()),
                        Some(status(client, planned).await?),
                    ));
                }
                Err(trouble) => return Err(trouble),
            }
        }
    };
    // Of an earlier run that was stopped in between, the rest is added.
    while there < all.len() {
        let next = &all[there..(there + limits::ANNOTATIONS_PER_REQUEST).min(all.len())];
        client.annotate(&run, there, json!({"output": output(planned, next)})).await?;
        there += next.len();
        if became == Became::Unchanged {
            became = Became::Changed;
        }
    }
    Ok((became, None))
}

fn output(planned: &Planned, annotations: &[crate::report::github::check::Annotation]) -> Value {
    json!({"title": planned.check.title, "summary": planned.check.summary, "annotations": annotations})
}

async fn status(client: &Client, planned: &Planned) -> Result<Became, Trouble> {
    let (state, description) = &planned.status;
    let there = match client.status(&planned.commit, &planned.name).await {
        Ok(there) => there,
        Err(trouble) if trouble.is_not_permitted() => None,
        Err(trouble) => return Err(trouble),
    };
    if there.as_ref().is_some_and(|(one, other)| one == state && other == description) {
        return Ok(Became::Unchanged);
    }
    let mut body = json!({"state": state, "description": description, "context": planned.name});
    if let Some(run) = &planned.links.run {
        body["target_url"] = json!(run);
    }
    or_not_permitted(client.set_status(&planned.commit, body).await.map(|()| Became::Made))
}

async fn commented(client: &Client, planned: &Planned, place: &Where) -> Result<Became, Trouble> {
    let (number, text) = match (place, &planned.comment) {
        (Where::Open(number), Some(text)) => (*number, text),
        (Where::Nowhere(why), _) => return Ok(Became::LeftOut(why.clone())),
        (_, None) => return Ok(Became::LeftOut("no comment is wanted".to_owned())),
    };
    or_not_permitted(write_comment(client, planned, number, text).await)
}

/// That the token may not is an end like others.
fn or_not_permitted(became: Result<Became, Trouble>) -> Result<Became, Trouble> {
    match became {
        Err(trouble) if trouble.is_not_permitted() => Ok(Became::NotPermitted(trouble.to_string())),
        other => other,
    }
}

async fn write_comment(
    client: &Client,
    planned: &Planned,
    number: u64,
    text: &str,
) -> Result<Became, Trouble> {
    let spoken =
        |comment: &Comment| comment::read(&planned.name, comment.body.as_deref().unwrap_or_default());
    let is_ours = |comment: &Comment| spoken(comment).is_some();
    let there = client.comments(number).await?.into_iter().find(|one| is_ours(one));
    if let Some(there) = there {
        match spoken(&there).flatten() {
            Some(state) if state.commit == planned.commit && state.digest == planned.digest => {
                return Ok(Became::Unchanged);
            }
            Some(state) if !state.gives_way_to(&planned.state) => {
                return Ok(Became::LeftOut("a newer run has spoken".to_owned()));
            }
            _ => {}
        }
        match client.update_comment(there.id, text).await {
            // Somebody has deleted it in between.
            Err(trouble) if trouble.is_gone() => {}
            Err(trouble) => return Err(trouble),
            Ok(()) => return Ok(Became::Changed),
        }
    } else if !planned.worth_a_comment {
        return Ok(Became::LeftOut("all is well, and there is no comment yet".to_owned()));
    }
    client.create_comment(number, text, is_ours).await.map(|_| Became::Made)
}

async fn sarif(client: &Client, planned: &Planned, known: bool) -> Result<Became, Trouble> {
    let (Some(sarif), Some(reference)) = (&planned.sarif, &planned.target.reference) else {
        return Ok(Became::LeftOut("not wanted, or there is no reference for it".to_owned()));
    };
    if known {
        return Ok(Became::Unchanged);
    }
    let Some(packed) = packed(sarif, limits::SARIF_COMPRESSED_BYTES_MAX) else {
        return Ok(Became::LeftOut("it is larger than GitHub takes".to_owned()));
    };
    let body =
        json!({"commit_sha": planned.commit, "ref": reference, "sarif": packed, "tool_name": "gateline"});
    or_not_permitted(client.upload_sarif(body).await.map(|()| Became::Made))
}

/// Compressed, and as text; nothing where it has more than these bytes in between.
fn packed(sarif: &str, bytes_max: usize) -> Option<String> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(sarif.as_bytes()).ok()?;
    let packed = packer.finish().ok()?;
    (packed.len() <= bytes_max).then(|| base64::engine::general_purpose::STANDARD.encode(packed))
}

pub(super) fn failure(trouble: Trouble) -> anyhow::Error {
    let help = match &trouble {
        Trouble::Answered { status: 401, .. } | Trouble::Key(_) => "give a token that is good: GITHUB_TOKEN",
        Trouble::Answered { .. } => "cargo xtask github report --dry-run shows what is told",
        Trouble::Unreachable { .. } | Trouble::Limited { .. } => {
            "run it again: what is told already is not told twice"
        }
    };
    Failure::infrastructure(trouble.to_string(), help)
}

impl Became {
    pub(super) fn shown(&self) -> String {
        match self {
            Became::Made => "written".to_owned(),
            Became::Changed => "brought up to date".to_owned(),
            Became::Unchanged => "unchanged".to_owned(),
            Became::LeftOut(why) => format!("left out: {why}"),
            Became::NotPermitted(why) => format!("not permitted: {why}"),
        }
    }
}

impl Told {
    fn shown(&self) -> String {
        let word = Became::shown;
        let mut text = format!("check: {}\n", word(&self.check));
        if let Some(status) = &self.status {
            text += &format!("commit status: {}\n", word(status));
        }
        text += &format!("comment: {}\ncode scanning: {}\n", word(&self.comment), word(&self.sarif));
        text + &format!("{} requests, {} of them writes", self.requests, self.writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    proptest::proptest! {
        #[test]
        fn sarif_comes_out_as_it_went_in_or_is_too_large(text in "[a-z{}\\[\\] ]{0,400}", bytes_max in 0usize..400) {
            let Some(packed) = packed(&text, bytes_max) else { return Ok(()) };
            let bytes = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
            proptest::prop_assert!(bytes.len() <= bytes_max);
            let mut back = String::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut back).unwrap();
            proptest::prop_assert_eq!(back, text);
        }
    }
}
