//! How much of what somebody else calls a secret we find, and how much of what they call none: for measuring against examples
//! that were not drawn from our own rules, see `docs/reference/security-gate.md`.
//!
//! `cargo run -p gateline --example secret_recall -- EXAMPLES [--list]`, where EXAMPLES has one JSON object a line: `Rule`
//! (their name of the format), `Kind` (`tp`: a secret, `fp`: none) and `Text`. Nothing of a text is printed, but with `--list`
//! the first of what was missed, cut to 160 characters: only for examples that nobody uses.

#![expect(clippy::print_stdout, clippy::use_debug, reason = "an example prints")]

use anyhow::Context as _;
use gateline::tools::security::secrets::Finder;
use std::collections::BTreeMap;
use std::io::BufRead as _;

/// Characters of an example that are shown.
const SHOWN_CHARACTERS_MAX: usize = 160;

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Example {
    rule: String,
    kind: String,
    text: String,
}

/// What was found of one format.
#[derive(Default)]
struct Count {
    all: usize,
    found: usize,
    by: BTreeMap<&'static str, usize>,
    other: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context("secret_recall EXAMPLES [--list]")?;
    let list = arguments.next().is_some();
    let finder = Finder::new()?;
    let mut counts: BTreeMap<(String, String), Count> = BTreeMap::new();
    for line in std::io::BufReader::new(std::fs::File::open(file)?).lines() {
        let Example { rule, kind, text } = serde_json::from_str(&line?)?;
        let found = finder.find(text.as_bytes());
        let wanted = kind == "tp";
        let count = counts.entry((kind, rule)).or_default();
        count.all += 1;
        count.found += usize::from(!found.is_empty());
        for (_, what) in &found {
            *count.by.entry(what).or_default() += 1;
        }
        if found.is_empty() == wanted {
            count.other.push(text);
        }
    }
    for kind in ["tp", "fp"] {
        let of_kind = || counts.iter().filter(|((one, _), _)| one == kind);
        for ((_, rule), count) in of_kind().filter(|(_, count)| !count.other.is_empty()) {
            println!("{kind} {rule}: {} of {} {:?}", count.found, count.all, count.by);
            for text in count.other.iter().filter(|_| list).take(3) {
                println!(
                    "    {}",
                    text.chars().take(SHOWN_CHARACTERS_MAX).collect::<String>().escape_default()
                );
            }
        }
        let sum = |of: fn(&Count) -> usize| of_kind().map(|(_, count)| of(count)).sum::<usize>();
        let (found, all) = (sum(|count| count.found), sum(|count| count.all));
        let whole = of_kind().filter(|(_, count)| count.found == count.all).count();
        let none = of_kind().filter(|(_, count)| count.found == 0).count();
        println!(
            "{kind}: {found} of {all} texts; {whole} of {} formats in every text, {none} in none",
            of_kind().count()
        );
    }
    Ok(())
}
