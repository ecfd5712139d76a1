//! `waive CODE SUBJECT`: writes a waiver into `policies/waivers.yaml` and leaves everything else in the file as it is.

use super::context::{Context, write_report};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::file::file_with_places;
use crate::policy::places::Places;
use crate::policy::waivers::{
    DAYS_MAX, FILE, HASHED_CODE, SALT_BYTES, Waiver, Waivers, cannot_be_waived, days,
};
use crate::tools::security::secrets;
use crate::workspace::Workspace;
use jiff::civil::Date;

/// What is typed.
pub(super) struct Wanted {
    pub(super) code: String,
    pub(super) subject: String,
    pub(super) reason: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) days: u16,
}

/// `waive CODE SUBJECT`.
pub(super) async fn waive(context: &Context, wanted: Wanted) -> anyhow::Result<Exit> {
    if let Some((why, help)) = cannot_be_waived(&wanted.code) {
        return Err(Failure::usage(why, help));
    }
    let workspace = context.workspace().await?;
    let today = context.today();
    if i32::from(wanted.days) > DAYS_MAX {
        let message = format!("--days {}: {DAYS_MAX} at most", wanted.days);
        return Err(Failure::usage(message, "a waiver can be given anew before it ends"));
    }
    let texts = context.policies_here(&workspace)?.unwrap_or_default();
    let before = texts.get(FILE).cloned().unwrap_or_default();
    let (subject, value) = subject_of(context, &workspace, &wanted, &before).await?;
    let waiver = Waiver {
        reason: asked(context, wanted.reason, "reason", "Why may it be borne?")?,
        owner: asked(context, wanted.owner, "owner", "Who will see to it?")?,
        code: wanted.code,
        subject,
        value,
        expires: today.saturating_add(days(i32::from(wanted.days))),
    };
    waiver.check(today).map_err(|(_, what, help)| Failure::usage(what, help))?;
    let after = with(&before, &waiver, today)?;
    let file = context.policy_folder(&workspace).join(FILE);
    write_report(&file, after.as_bytes())?;
    let shown = workspace.shown(&file).display().to_string();
    context.console.result(&serde_json::json!({"waiver": waiver, "file": shown}), |_| {
        format!(
            "{} {} is waived until {} by {}: {shown}\non a pull request it counts once an approver of the base \
             accepts it: cargo xtask policy approve COMMIT",
            waiver.code, waiver.subject, waiver.expires, waiver.owner
        )
    });
    Ok(Exit::Done)
}

/// The subject, and of `secrets/generic-secret PATH:LINE` the hash of the value that stands there, which is never shown.
async fn subject_of(
    context: &Context,
    workspace: &Workspace,
    wanted: &Wanted,
    before: &str,
) -> anyhow::Result<(String, Option<String>)> {
    let whole = (wanted.subject.clone(), None);
    let is_secret = wanted.code.starts_with("secrets/");
    let place =
        wanted.subject.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse::<u32>().ok()?)));
    let Some((path, line)) = place.filter(|_| is_secret) else { return Ok(whole) };
    if workspace.root.join(&wanted.subject).exists() {
        return Ok(whole);
    }
    let help = format!("cargo xtask waive {} '{path}'", wanted.code);
    if wanted.code != HASHED_CODE {
        let why = "a waiver names a path; only a value without a known form is named by its hash, for others could be guessed";
        return Err(Failure::usage(format!("`{}`: {why}", wanted.subject), help));
    }
    let (known, _) = read(before)?;
    let known: Vec<String> = known.waivers.into_iter().filter_map(|one| one.value).collect();
    let (root, file) = (workspace.root.clone(), path.to_owned());
    let salt = context.world.random_hex::<SALT_BYTES>()?;
    let name =
        tokio::task::spawn_blocking(move || secrets::name_at(&root, &file, line, &known, &salt)).await?;
    let name = name.map_err(|why| Failure::usage(why, help))?;
    Ok((path.to_owned(), Some(name)))
}

fn read(text: &str) -> anyhow::Result<(Waivers, Places)> {
    file_with_places::<Waivers>(|_| Ok((!text.is_empty()).then(|| text.to_owned())), FILE)
}

fn asked(context: &Context, given: Option<String>, name: &str, question: &str) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given);
    }
    let said = if context.console.can_ask() { context.console.ask_line(question) } else { String::new() };
    if said.is_empty() {
        return Err(Failure::usage(format!("a waiver needs its {name}"), format!("add --{name} TEXT")));
    }
    Ok(said)
}

/// The file with this waiver: added at its end, or an entry of the same code and subject with its new last day.
pub(super) fn with(before: &str, waiver: &Waiver, today: Date) -> anyhow::Result<String> {
    let (known, places) = read(before)?;
    let same =
        |one: &Waiver| one.code == waiver.code && one.subject == waiver.subject && one.value == waiver.value;
    let after = match known.waivers.iter().position(same) {
        Some(index) => renewed(before, &places, (index, &known.waivers[index]), waiver),
        None => added(before, &places, known.waivers.len(), waiver)?,
    };
    let right = read(&after).ok().filter(|(written, places)| {
        let there = written.waivers.iter().any(|one| same(one) && one.expires == waiver.expires);
        // An expired neighbour must not keep anybody from writing.
        there && written.waivers.len() >= known.waivers.len() && written.validate(places, today).is_ok()
    });
    if right.is_none() {
        let entry = serde_yaml::to_string(&[waiver])?;
        let message = format!("policies/{FILE} is written in a way that cannot be added to");
        return Err(Failure::usage(message, format!("add this below `waivers:`\n{entry}")));
    }
    Ok(after)
}

/// The text with another last day on the line of the old one.
fn renewed(before: &str, places: &Places, (index, old): (usize, &Waiver), waiver: &Waiver) -> String {
    let at = places.of(&format!("waivers[{index}].expires")).map_or(0, |place| place.line as usize);
    let lines = before.split_inclusive('\n').enumerate().map(|(number, line)| {
        if number + 1 == at {
            line.replacen(&old.expires.to_string(), &waiver.expires.to_string(), 1)
        } else {
            line.to_owned()
        }
    });
    lines.collect()
}

fn added(before: &str, places: &Places, count: usize, waiver: &Waiver) -> anyhow::Result<String> {
    let head = format!("# yaml-language-server: $schema=schema/{}\n", FILE.replace(".yaml", ".schema.json"));
    let mut text = if before.trim().is_empty() { head } else { before.to_owned() };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if count == 0 {
        // `waivers: []` or `waivers:` with nothing below, or no key yet.
        let key = |line: &str| line.trim_end() == "waivers:" || line.trim_end() == "waivers: []";
        let kept = text.split_inclusive('\n').filter(|line| !key(line));
        text = kept.collect::<String>() + "waivers:\n";
    }
    let indent = places.of("waivers[0]").map_or(0, |place| place.column.saturating_sub(3) as usize);
    for line in serde_yaml::to_string(&[waiver])?.lines() {
        text += &format!("{}{line}\n", " ".repeat(indent));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 24);

    fn waiver(subject: &str) -> Waiver {
        Waiver {
            code: "tests/failed".into(),
            subject: subject.into(),
            reason: "it is: not # yet".into(),
            owner: "ana".into(),
            expires: date(2026, 12, 24),
            value: None,
        }
    }

    /// Adds to a text; everything that was there stays, and the new entry is read back.
    #[track_caller]
    fn check(before: &str, kept: &[&str], count: usize) {
        let after = with(before, &waiver("a::b"), TODAY).unwrap();
        kept.iter().for_each(|word| assert!(after.contains(word), "{word:?} is not in {after}"));
        let read: Waivers = serde_yaml::from_str(&after).unwrap();
        assert_eq!(read.waivers.len(), count, "{after}");
        assert_eq!(read.waivers.last(), Some(&waiver("a::b")));
    }

    #[test]
    fn comments_and_entries_stay() {
        check("", &["schema/waivers.schema.json"], 1);
        check("# ours\nwaivers: []\n", &["# ours"], 1);
        check("# ours\nwaivers:\n", &["# ours"], 1);
        let one = "# ours\nwaivers:\n# why\n- {code: tests/flaky, subject: x, reason: r, owner: o, expires: 2026-12-01} # c";
        check(one, &["# ours", "# why", "} # c"], 2);
        check(&one.replace("- {", "    - {"), &["# why"], 2);
    }

    #[test]
    fn the_same_finding_gets_its_new_day_only() {
        let before = "waivers:\n- code: tests/failed\n  subject: a::b\n  reason: r\n  owner: o\n  expires: 2026-11-01 # old\n";
        let after = with(before, &waiver("a::b"), TODAY).unwrap();
        assert_eq!(after, before.replace("2026-11-01", "2026-12-24"));
    }

    #[test]
    fn a_file_that_cannot_be_added_to_gives_the_entry() {
        let error = with(
            "waivers: [{code: tests/flaky, subject: x, reason: r, owner: o, expires: 2026-12-01}]\n",
            &waiver("a"),
            TODAY,
        );
        assert!(Failure::help_of(&error.unwrap_err()).unwrap().contains("- code: tests/failed"));
    }
}
