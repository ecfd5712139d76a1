//! What `github release` and `github pin` tell: people here, and reviewers of the pin.

use crate::release::publication::Wanted;
use crate::report::Style;
use crate::report::table::table;
use crate::report::text;

/// What would be published.
pub fn planned(style: Style, wanted: &Wanted) -> String {
    let rows = wanted.assets.iter();
    let rows: Vec<Vec<String>> =
        rows.map(|(name, file)| vec![name.clone(), file.size.to_string(), file.digest.to_string()]).collect();
    let kind = if wanted.prerelease { " (pre-release)" } else { "" };
    let files = table(style, &["file", "bytes", "digest"], &rows);
    format!("{}{kind} at {}\n\n{}\n\n{files}", wanted.tag, wanted.commit, wanted.notes)
}

/// What became of it.
pub fn done(page: &str, sent: &[String], became: &str) -> String {
    let files = match sent.len() {
        0 => "no file had to be sent".to_owned(),
        1 => "1 file sent and read back".to_owned(),
        count => format!("{count} files sent and read back"),
    };
    format!("{became}: {page}\n{files}")
}

/// What the pull request says that brings the pin.
pub fn pin_request(tag: &str, commit: &str, programs: &[&str]) -> (String, String) {
    let programs: Vec<String> = programs.iter().map(|name| format!("- {}\n", text::code(name))).collect();
    let body = format!(
        "{} was published, and the Action may run its programs from here on:\n\n{}\n\
         Each is pinned by its SHA-256, which is GitHub's own of the published file and the one in `SHA256SUMS`; the Action also asks \
         for provenance from {} at commit {}.\n\nThe commit that this becomes is the one to pin the Action by.\n",
        text::code(tag),
        programs.concat(),
        text::code("release.yml"),
        text::code(commit)
    );
    (format!("action: the programs of {tag}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::release::publication::File;

    #[test]
    fn people_see_notes_and_files_before_anything_is_sent() {
        let wanted = Wanted {
            tag: "v1.0.0-rc.1".into(),
            commit: "c".into(),
            title: "t".into(),
            notes: "- a thing".into(),
            prerelease: true,
            assets: [("a".to_owned(), File { size: 7, digest: Digest::of(b"") })].into(),
        };
        let text = planned(Style::Plain, &wanted);
        assert!(
            text.starts_with(
                "v1.0.0-rc.1 (pre-release) at c\n\n- a thing\n\nfile  bytes  digest\na     7      sha256:"
            ),
            "{text}"
        );
        assert_eq!(done("p", &[], "published"), "published: p\nno file had to be sent");
        assert!(done("p", &["a".into()], "published").ends_with("1 file sent and read back"));
        let (title, body) = pin_request("v1.0.0", "c0ffee", &["gateline-x"]);
        assert_eq!(title, "action: the programs of v1.0.0");
        assert!(body.contains("- `gateline-x`\n") && body.contains("at commit `c0ffee`"), "{body}");
    }
}
