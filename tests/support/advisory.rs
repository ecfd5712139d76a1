//! An advisory as the database has it, from the facts of our snapshot.

use gateline::evidence::advisories::AdvisoryKind;
use gateline::tools::security::snapshot::AdvisoryFacts;

/// One file of the database: Markdown that begins with TOML.
pub(crate) fn advisory(facts: &AdvisoryFacts) -> String {
    let list = |texts: &[String]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    let text = |key: &str, value: &Option<String>| {
        value.as_ref().map_or(String::new(), |value| format!("{key} = {value:?}\n"))
    };
    let informational = match facts.kind {
        AdvisoryKind::Unsound => "informational = \"unsound\"\n",
        AdvisoryKind::Unmaintained => "informational = \"unmaintained\"\n",
        AdvisoryKind::Notice => "informational = \"notice\"\n",
        AdvisoryKind::Vulnerability | AdvisoryKind::Yanked => "",
    };
    format!(
        "```toml\n[advisory]\nid = {:?}\npackage = {:?}\ndate = {:?}\n{informational}{}{}{}aliases = [{}]\n\n\
         [versions]\npatched = [{}]\nunaffected = [{}]\n```\n\n# {}\n\nWords.\n",
        facts.id,
        facts.package,
        facts.date,
        text("url", &facts.url),
        text("license", &facts.licence),
        text("withdrawn", &facts.withdrawn),
        list(&facts.aliases),
        list(&facts.patched),
        list(&facts.unaffected),
        facts.title
    )
}
