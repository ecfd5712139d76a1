//! What `ship` says at its end: verdict, digest, time per stage, a URL per environment, what to try next.

use crate::digest::Digest;
use crate::digest::short_commit;
use crate::report::Style;
use crate::report::console::seconds;
use serde::Serialize;
use std::time::Duration;

/// The end of `ship`, as `--format json` shows it.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// `gateline/ship/v1`.
    pub(super) schema: &'static str,
    pub(super) changed: bool,
    pub(super) outcome: &'static str,
    pub(super) verdict: String,
    pub(super) digest: Option<Digest>,
    pub(super) commit: String,
    pub(super) stages: Vec<Stage>,
    pub(super) environments: Vec<Place>,
    pub(super) next: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Stage {
    pub(super) stage: String,
    pub(super) millis: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) environment: String,
    pub(super) url: String,
    pub(super) digest: Option<Digest>,
}

pub(super) fn human(style: Style, summary: &Summary) -> String {
    let places = summary.environments.iter().map(|place| {
        let digest = place.digest.as_ref().map_or("nothing", |digest| digest.short());
        vec![place.environment.clone(), place.url.clone(), digest.to_owned()]
    });
    let places =
        crate::report::table::table(style, &["environment", "url", "serves"], &places.collect::<Vec<_>>());
    let stages: Vec<String> = summary
        .stages
        .iter()
        .filter(|stage| stage.millis >= 50)
        .map(|stage| format!("{} {}", stage.stage, seconds(Duration::from_millis(stage.millis))))
        .collect();
    let digest = summary.digest.as_ref().map_or(String::new(), |digest| format!("\nimage   {digest}"));
    let next = summary.next.join("\n        ");
    let (outcome, verdict, commit) = (summary.outcome, &summary.verdict, short_commit(&summary.commit));
    let total: u64 = summary.stages.iter().map(|stage| stage.millis).sum();
    let times = format!("{} in all: {}", seconds(Duration::from_millis(total)), stages.join(", "));
    let times = times.trim_end_matches(": ");
    format!(
        "\n{places}\n\nresult  {outcome}\nverdict {verdict}\ncommit  {commit}{digest}\ntimes   {times}\nnext    {next}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn the_summary_says_where_to_look_next() {
        let summary = Summary {
            schema: "gateline/ship/v1",
            changed: true,
            outcome: Exit::Done.meaning(),
            verdict: "passed: tests 3 passed".into(),
            digest: Some(Digest::of(b"x")),
            commit: "0123456789abcdef".into(),
            stages: vec![
                Stage { stage: "gates".into(), millis: 61_000 },
                Stage { stage: "platform".into(), millis: 3 },
            ],
            environments: vec![Place {
                environment: "production".into(),
                url: "http://127.0.0.1:1".into(),
                digest: None,
            }],
            next: vec!["cargo xtask status".into()],
        };
        let text = human(Style::Plain, &summary);
        for words in [
            "production   http://127.0.0.1:1  nothing",
            "commit  0123456789ab",
            "times   61 s in all: gates 61 s\n",
            "next    cargo xtask status",
        ] {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
    }
}
