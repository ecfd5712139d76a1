//! What a change brings along, for whoever reviews it: new packages, code that begins to run while others are built, and unsafe code.
//!
//! The gate `bans` tells each as a note; here they are together, and the notes are not told a second time.

use super::{ITEMS_MAX, Page};
use crate::report::human::counted;
use crate::report::text;
use crate::verdict::{Finding, Gate, GateVerdict, Verdict};

/// Codes of what is new, each with what people call several of them.
const NEW: [(&str, &str); 3] = [
    ("bans/new-package", "new packages"),
    ("bans/new-build-script", "new build scripts"),
    ("bans/new-proc-macro", "new procedural macros"),
];
/// Bytes of a package's name and version.
const NAME_BYTES_MAX: usize = 120;

/// Whether a finding is told in this section.
pub(in crate::report) fn is_told(finding: &Finding) -> bool {
    NEW.iter().any(|(code, _)| finding.code == *code)
}

/// The section, where the change brings anything.
pub(in crate::report) fn section(page: &mut Page, verdict: &Verdict) {
    let Some(gate) = verdict.gates.iter().find(|gate| gate.gate == Gate::Bans) else { return };
    let change = ["added", "removed"].map(|key| number(gate, &format!("/unsafe/change/{key}")).unwrap_or(0));
    if change == [0, 0] && !gate.findings.iter().any(is_told) {
        return;
    }
    page.add("### Supply chain\n\nNothing is refused by this: read what comes with it.\n\n| | | |\n|---|--:|---|\n");
    for (code, title) in NEW {
        let of: Vec<&Finding> = gate.findings.iter().filter(|one| one.code == code).collect();
        if of.is_empty() {
            continue;
        }
        let name = |one: &&Finding| {
            text::code(&text::cut(one.subject.as_deref().unwrap_or_default(), NAME_BYTES_MAX))
        };
        let names: Vec<String> = of.iter().take(ITEMS_MAX).map(name).collect();
        page.left_out += of.len().saturating_sub(ITEMS_MAX);
        page.add(&format!("| {title} | {} | {} |\n", of.len(), names.join(", ")));
    }
    let places = number(gate, "/unsafe/places").unwrap_or(0);
    if places > 0 || change != [0, 0] {
        let of = |key: &str| number(gate, &format!("/unsafe/{key}")).unwrap_or(0);
        let parts = [("blocks", "block"), ("functions", "function"), ("impls", "implementation")];
        let parts: Vec<String> =
            parts.iter().filter(|(key, _)| of(key) > 0).map(|(key, name)| counted(of(key), name)).collect();
        let mut said = Vec::new();
        if places > 0 {
            said.push(format!("{} in {}", parts.join(", "), counted(of("files"), "file")));
        }
        if change != [0, 0] {
            said.push(format!("+{} / −{} against base", change[0], change[1]));
        }
        page.add(&format!("| unsafe code of the workspace | {places} | {} |\n", said.join("; ")));
    }
    page.add("\nAge and maintainers of a package are not known offline.\n\n");
}

fn number(gate: &GateVerdict, key: &str) -> Option<u64> {
    gate.facts.pointer(key)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::summary::{BYTES_MAX, write};
    use crate::verdict::Severity;

    fn verdict(subjects: &[(&str, &str)]) -> Verdict {
        let note = |(what, who): &(&str, &str)| {
            Finding::new(Gate::Bans, what, Severity::Note, format!("{who} is new here"), "read it")
                .about(*who)
        };
        let facts =
            serde_json::json!({"unsafe": {"places": 3, "blocks": 2, "functions": 1, "impls": 0, "files": 2}});
        let mut verdict = sample::quiet();
        verdict.gates[0] = GateVerdict::of(Gate::Bans, 0, facts, subjects.iter().map(note).collect());
        verdict
    }

    fn written(subjects: &[(&str, &str)]) -> String {
        write(&verdict(subjects), &sample::evidence(), "verdict.json", BYTES_MAX)
    }

    #[test]
    fn what_a_change_brings_is_told_once_and_together() {
        let text = written(&[
            ("new-package", "libc@0.2.170"),
            ("new-package", "ring@0.17.8"),
            ("new-build-script", "ring@0.17.8"),
        ]);
        let expected = "### Supply chain\n\nNothing is refused by this: read what comes with it.\n\n| | | |\n|---|--:|---|\n\
            | new packages | 2 | `libc@0.2.170`, `ring@0.17.8` |\n| new build scripts | 1 | `ring@0.17.8` |\n\
            | unsafe code of the workspace | 3 | 2 blocks, 1 function in 2 files |\n\n\
            Age and maintainers of a package are not known offline.\n\n";
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("### Notes"), "{text}");
    }

    #[test]
    fn what_a_change_does_to_unsafe_code_is_told_where_it_brings_no_package() {
        let told = |places: u64, added: u64, removed: u64| {
            let mut verdict = verdict(&[]);
            verdict.gates[0].facts = serde_json::json!({"unsafe": {"places": places, "blocks": places, "files": places,
                "change": {"base": "b", "added": added, "removed": removed}}});
            write(&verdict, &sample::evidence(), "verdict.json", BYTES_MAX)
        };
        let one = told(1, 2, 1);
        assert!(
            one.contains("| unsafe code of the workspace | 1 | 1 block in 1 file; +2 / −1 against base |"),
            "{one}"
        );
        let gone = told(0, 0, 1);
        assert!(gone.contains("| unsafe code of the workspace | 0 | +0 / −1 against base |"), "{gone}");
        assert!(!told(1, 0, 0).contains("Supply chain"));
    }

    #[test]
    fn a_change_that_brings_nothing_has_no_section() {
        assert!(!written(&[]).contains("Supply chain"));
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let names: Vec<String> = (0..ITEMS_MAX + 5).map(|at| format!("p{at}@1.0.0")).collect();
        let subjects: Vec<(&str, &str)> = names.iter().map(|name| ("new-package", name.as_str())).collect();
        let text = written(&subjects);
        assert!(text.contains("| new packages | 105 |") && text.contains("\n5 items more"), "{text}");
    }
}
