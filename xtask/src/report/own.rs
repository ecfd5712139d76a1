//! Our own name in texts. They are written with `cargo xtask`, and say what works here when they are shown: a person copies
//! the command, and a workspace without that alias has none.
//!
//! Only texts of ours go through here. What a test or a compiler prints stays as it is.

use crate::verdict::Verdict;
use serde_json::Value;
use std::borrow::Cow;

/// How texts name this program.
const WRITTEN: &str = "cargo xtask";

/// The words that start this program where its texts are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own(String);

impl Default for Own {
    fn default() -> Own {
        Own(WRITTEN.to_owned())
    }
}

impl Own {
    /// Called so.
    pub fn new(words: impl Into<String>) -> Own {
        Own(words.into())
    }

    /// The words.
    pub fn words(&self) -> &str {
        &self.0
    }

    /// A text with the words that work here.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.0 == WRITTEN || !text.contains(WRITTEN) {
            return Cow::Borrowed(text);
        }
        let mut said = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(WRITTEN) {
            let (before, from) = rest.split_at(at);
            let after = &from[WRITTEN.len()..];
            let is_part = |one: char| one.is_alphanumeric() || matches!(one, '-' | '_' | '/');
            // A line break of JSON is no letter.
            let begins = before.ends_with("\\n") || !before.ends_with(is_part);
            let is_word = begins && !after.starts_with(is_part);
            said.push_str(before);
            said.push_str(if is_word { &self.0 } else { WRITTEN });
            rest = after;
        }
        Cow::Owned(said + rest)
    }

    /// A document of ours, as JSON has it.
    pub fn json<'t>(&self, document: &'t str) -> Cow<'t, str> {
        let words = Value::from(self.0.as_str()).to_string();
        Own(words.trim_matches('"').to_owned()).text(document)
    }

    /// A verdict, whose findings help with commands that work here.
    #[must_use]
    pub fn verdict(&self, mut verdict: Verdict) -> Verdict {
        for finding in verdict.gates.iter_mut().flat_map(|gate| &mut gate.findings) {
            if let Cow::Owned(help) = self.text(&finding.help) {
                finding.help = help;
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_words_that_work_here() {
        let check = |text: &str, expected: &str| assert_eq!(Own::new("gateline").text(text), expected);
        check("cargo xtask", "gateline");
        check("`cargo xtask ci`; then cargo xtask ship", "`gateline ci`; then gateline ship");
        check("cargo xtasks, my-cargo xtask, cargo xtask-ci", "cargo xtasks, my-cargo xtask, cargo xtask-ci");
        check("cargo test", "cargo test");
        assert_eq!(Own::default().text("cargo xtask ci"), "cargo xtask ci");
        let path = Own::new("'/a cargo xtask/gateline'");
        assert_eq!(path.text("cargo xtask ci"), "'/a cargo xtask/gateline' ci", "nothing is replaced twice");
    }

    #[test]
    fn a_document_has_them_in_every_text() {
        let document = |words: &str| serde_json::json!({"next": [format!("{words} status")], "help": format!("a\n{words} ci")});
        let own = Own::new("'/a \"b\"/gateline'");
        let said = own.json(&document("cargo xtask").to_string()).into_owned();
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), document(own.words()));
    }

    #[test]
    fn a_verdict_has_them_where_it_helps_and_nowhere_else() {
        let sample = crate::report::sample::verdict();
        let said = Own::new("gateline").verdict(sample.clone());
        let texts = |verdict: &Verdict, of: fn(&crate::verdict::Finding) -> &str| {
            let findings = verdict.gates.iter().flat_map(|gate| &gate.findings);
            findings.map(|finding| of(finding).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts(&said, |one| &one.message), texts(&sample, |one| &one.message));
        let helps = texts(&said, |one| &one.help).concat();
        assert!(helps.contains("gateline lint --fix") && !helps.contains("cargo xtask"), "{helps}");
    }
}
