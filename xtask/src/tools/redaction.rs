//! What programs of the workspace print, without the secrets in it, before it becomes evidence and so part of every report.
//!
//! Two things are taken out: the values of environment variables whose names say that they are secret, and whatever the
//! rules of the gate `secrets` know. What is short or no more than a word is no secret by its variable's name: hiding `true`
//! or `1` everywhere would hide the output. A text is also looked through as it was before somebody quoted it (`{:?}`, JSON): a key of
//! several lines is one line there. Left out: a secret that the program changed otherwise before it printed it (encoded,
//! broken into pieces), and what `test --no-capture` passes through to the terminal, which nothing keeps.

mod escaped;
mod names;

use super::lint::Looked;
use super::security::secrets::Finder;
use crate::evidence::lint::Diagnostic;
use crate::evidence::tests::{BrokenBinary, TestOutcome, TestResult, TestsEvidence};
use crate::evidence::{CouldNotRun, LintEvidence};
use crate::world::World;
use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::Regex;
use std::ops::Range;
use std::sync::OnceLock;

/// The start of a private key whose end is cut off, and the end of one whose start is: the rules want both.
const PIECE_OF_A_KEY: &str = r"(?-u)-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----(?P<rest>[A-Za-z0-9+/=\s\\]{16,})|(?P<start>[A-Za-z0-9+/=\s\\]{16,})-----END [A-Z0-9 ]{0,24}PRIVATE KEY";

/// Takes secrets out of texts. Nothing is prepared before there is a text: most runs have none.
pub struct Redactor {
    /// What is hidden, each with the variable that has it.
    values: Vec<(String, String)>,
    prepared: OnceLock<Option<Prepared>>,
}

struct Prepared {
    values: AhoCorasick,
    rules: Finder,
    piece_of_a_key: Regex,
}

impl Redactor {
    /// For output of programs that may have seen this world's environment.
    pub fn new(world: &World) -> Redactor {
        Redactor { values: names::values(world.environment()), prepared: OnceLock::new() }
    }

    /// The text with a mark in the place of each secret, which says what stood there.
    pub fn text(&self, text: String) -> String {
        if text.is_empty() {
            return text;
        }
        let prepared = self.prepared.get_or_init(|| prepare(&self.values));
        let Some(prepared) = prepared else {
            // Never without the rules: what cannot be looked through is not shown.
            return "[left out: the rules for secrets could not be read; report this as a bug of gateline]"
                .to_owned();
        };
        let found = self.found(prepared, &text);
        if found.is_empty() {
            return text;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut next = 0;
        for (span, what) in found {
            out.extend_from_slice(&text.as_bytes()[next..span.start]);
            out.extend_from_slice(format!("[redacted: {what}]").as_bytes());
            next = span.end;
        }
        out.extend_from_slice(&text.as_bytes()[next..]);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The same in place.
    pub fn hide(&self, text: &mut String) {
        *text = self.text(std::mem::take(text));
    }

    /// Every secret of a text, in order, none overlapping.
    fn found(&self, prepared: &Prepared, text: &str) -> Vec<(Range<usize>, String)> {
        let bytes = text.as_bytes();
        let mut all: Vec<(Range<usize>, String)> = Vec::new();
        for found in prepared.values.find_iter(bytes) {
            all.push((found.range(), format!("the value of {}", self.values[found.pattern().as_usize()].1)));
        }
        all.extend(prepared.rules.find(bytes).into_iter().map(|(span, what)| (span, what.to_owned())));
        if let Some(plain) = escaped::plain(bytes) {
            let found = prepared.rules.find(&plain.bytes).into_iter();
            all.extend(found.map(|(span, what)| (plain.place(&span), what.to_owned())));
        }
        for found in prepared.piece_of_a_key.captures_iter(bytes) {
            let piece = found.name("rest").or_else(|| found.name("start"));
            all.extend(piece.map(|piece| (piece.range(), "a part of a private key".to_owned())));
        }
        all.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let mut settled: Vec<(Range<usize>, String)> = Vec::new();
        for (span, what) in all {
            match settled.last_mut() {
                Some((last, _)) if span.start < last.end => last.end = last.end.max(span.end),
                _ => settled.push((span, what)),
            }
        }
        settled
    }

    /// What tests printed, how they ended, and what the compiler said.
    pub fn tests(&self, evidence: &mut TestsEvidence) {
        evidence.tests.iter_mut().for_each(|test| self.test(test));
        self.broken(&mut evidence.broken);
        evidence.compile_errors.iter_mut().for_each(|one| self.diagnostic(one));
    }

    /// Why test programs gave no list.
    pub fn broken(&self, broken: &mut [BrokenBinary]) {
        broken.iter_mut().for_each(|one| self.hide(&mut one.why));
    }

    fn test(&self, test: &mut TestResult) {
        self.hide(&mut test.output);
        self.outcome(&mut test.outcome);
        for attempt in &mut test.attempts {
            self.hide(&mut attempt.output);
            self.outcome(&mut attempt.outcome);
        }
    }

    fn outcome(&self, outcome: &mut TestOutcome) {
        if let TestOutcome::Skipped(why) | TestOutcome::Vanished(why) = outcome {
            self.hide(why);
        }
    }

    /// What linters said.
    pub fn lint(&self, evidence: &mut LintEvidence) {
        evidence.diagnostics.iter_mut().for_each(|one| self.diagnostic(one));
    }

    /// What one linter said.
    pub fn looked(&self, mut looked: Looked) -> Looked {
        looked.diagnostics.iter_mut().for_each(|one| self.diagnostic(one));
        looked
    }

    /// A compiler shows the lines of the source that it speaks of. An edit that would write a secret is left out: with a mark in
    /// it, it would not compile.
    fn diagnostic(&self, diagnostic: &mut Diagnostic) {
        self.hide(&mut diagnostic.message);
        self.hide(&mut diagnostic.rendered);
        let clean =
            diagnostic.edits.iter().all(|edit| self.text(edit.replacement.clone()) == edit.replacement);
        if !clean {
            diagnostic.edits.clear();
        }
    }

    /// Why something could not run: what cargo and build scripts printed is in it.
    pub fn why(&self, mut why: CouldNotRun) -> CouldNotRun {
        self.hide(&mut why.message);
        why
    }
}

fn prepare(values: &[(String, String)]) -> Option<Prepared> {
    let texts = values.iter().map(|(value, _)| value);
    Some(Prepared {
        values: AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts).ok()?,
        rules: Finder::new().ok()?,
        piece_of_a_key: Regex::new(PIECE_OF_A_KEY).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use proptest::prelude::*;

    fn redactor(environment: &[(&str, &str)]) -> Redactor {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Redactor::new(&World::with(environment.collect(), "/".into(), Clock::system()))
    }

    fn check(environment: &[(&str, &str)], text: &str, expected: &str) {
        assert_eq!(redactor(environment).text(text.to_owned()), expected);
    }

    #[test]
    fn the_value_of_a_secret_variable_is_hidden_wherever_it_stands() {
        let token = [("DEPLOY_TOKEN", "hunter2-hunter2"), ("HOME", "/home/ana")];
        check(&token, "in /home/ana: hunter2-hunter2", "in /home/ana: [redacted: the value of DEPLOY_TOKEN]");
        check(&token, "xhunter2-hunter2y", "x[redacted: the value of DEPLOY_TOKEN]y");
        check(&token, "hunter2-hunter", "hunter2-hunter");
        check(&[], "", "");
        // As `{:?}` prints it.
        let quoted = [("DB_PASSWORD", "a\"b\\c-d-e")];
        check(&quoted, "left: \"a\\\"b\\\\c-d-e\"", "left: \"[redacted: the value of DB_PASSWORD]\"");
        let lines = [("SIGNING_KEY", "first line of it\nsecond line of it\n")];
        check(&lines, "> second line of it <", "> [redacted: the value of SIGNING_KEY] <");
    }

    #[test]
    fn what_the_rules_know_is_hidden_and_its_kind_is_told() {
        let token = ["ghp_", "q7Rz9Kd2Vw8Lm4Xt6Bn1", "Hs3Yc5Jf0Gp7Qa8Z"].concat();
        check(&[], &format!("token {token}\n"), "token ghp_[redacted: GitHub token]\n");
        let twice = format!("{token} and {token}");
        check(
            &[("GH_TOKEN", &token)],
            &twice,
            "[redacted: the value of GH_TOKEN] and [redacted: the value of GH_TOKEN]",
        );
        let many = format!("{token}\n").repeat(500);
        assert!(!redactor(&[]).text(many).contains(&token[4..]), "no number of secrets is too many");
    }

    #[test]
    fn a_private_key_that_is_cut_is_hidden() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n".repeat(3);
        let head = format!("key: {}BEGIN PRIVATE KEY-----\n{body}", "-----");
        check(&[], &head, "key: -----BEGIN PRIVATE KEY-----[redacted: a part of a private key]");
        let tail = format!("[…]\n{body}{}END PRIVATE KEY-----\n", "-----");
        check(&[], &tail, "[…][redacted: a part of a private key]-----END PRIVATE KEY-----\n");
    }

    #[test]
    fn what_compilers_and_build_scripts_say_is_hidden_and_an_edit_never_writes_a_mark() {
        use crate::evidence::lint::{DiagnosticSeverity, Edit, LintTool};
        let redactor = redactor(&[("A_TOKEN", "hunter2-hunter2")]);
        let said = "error at \"hunter2-hunter2\"".to_owned();
        let edit = |replacement: &str| Edit {
            file: "src/lib.rs".to_owned(),
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 2,
            replacement: replacement.to_owned(),
        };
        let diagnostic = |edits: Vec<Edit>| Diagnostic {
            file: "src/lib.rs".to_owned(),
            line: 1,
            tool: LintTool::Clippy,
            severity: DiagnosticSeverity::Warning,
            lint: String::new(),
            message: said.clone(),
            rendered: said.clone(),
            edits,
        };
        let both = vec![edit("a"), edit("\"hunter2-hunter2\"")];
        let diagnostics = vec![diagnostic(vec![edit("a")]), diagnostic(both)];
        let mut evidence = LintEvidence { diagnostics, ..LintEvidence::default() };
        redactor.lint(&mut evidence);
        assert_eq!(evidence.diagnostics.iter().map(|one| one.edits.len()).collect::<Vec<_>>(), [1, 0]);
        assert!(!serde_json::to_string(&evidence).unwrap().contains("hunter2"));
        let why = redactor.why(CouldNotRun { message: said, help: "cargo build".to_owned() });
        assert_eq!(why.message, "error at \"[redacted: the value of A_TOKEN]\"");
    }

    proptest! {
        #[test]
        fn a_planted_secret_never_comes_through(
            before in "(\\PC|\n){0,60}",
            after in "(\\PC|\n){0,60}",
            secret in "[!-~]{8,40}",
        ) {
            let text = format!("{before}{secret}{after}");
            let hidden = redactor(&[("A_TOKEN", secret.as_str())]).text(text);
            prop_assert!(!hidden.replace("[redacted: the value of A_TOKEN]", "").contains(&secret), "{hidden}");
        }

        #[test]
        fn any_text_gives_a_text(text in "(\\PC|[-=:'\"\n]|BEGIN|password|ghp_){0,200}") {
            let _ = redactor(&[]).text(text);
        }
    }
}
