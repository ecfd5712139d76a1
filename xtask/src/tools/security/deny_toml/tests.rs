//! A `deny.toml` of each kind, and any other text.

use super::*;
use proptest::prelude::*;

const SAMPLE: &str = r#"
[graph]
targets = ["x86_64-unknown-linux-gnu"]
[advisories]
version = 2
ignore = ["RUSTSEC-2020-0071", { id = "RUSTSEC-2024-0436", reason = "no fix" }, "foo@1.0.0"]
yanked = "deny"
[licenses]
version = 2
clarify = []
allow = ["MIT", "Apache-2.0 WITH LLVM-exception", "No-Such-1.0"]
exceptions = [{ allow = ["OpenSSL"], crate = "ring@0.17.8" }]
private = { ignore = true }
confidence-threshold = 0.9
[bans]
allow = []
multiple-versions = "deny"
deny = ["openssl", { crate = "time:<0.2", wrappers = ["chrono"], reason = "old", use-instead = "jiff" }]
skip = [{ name = "syn", version = "1" }]
skip-tree = ["windows"]
features = [{ crate = "reqwest@0.12.1", deny = ["native-tls"], allow = ["json"], exact = true }, { crate = "a" }]
[bans.build]
allow-build-scripts = ["libc"]
executables = "deny"
[sources]
unknown-git = "deny"
allow-registry = ["https://github.com/rust-lang/crates.io-index"]
required-git-spec = "rev"
[sources.allow-org]
github = ["org"]
"#;

#[test]
fn what_has_an_equal_is_taken_over_and_the_rest_is_named() {
    let imported = read(SAMPLE).unwrap();
    let sections: Map<String, Json> = imported
        .sections
        .iter()
        .map(|(name, keys)| ((*name).to_owned(), Json::Object(keys.clone())))
        .collect();
    assert_eq!(
        Json::Object(sections),
        json!({
            "bans": {
                "build_scripts": {"allow": ["libc"], "level": "refuse"},
                "deny": [
                    {"package": "openssl", "reason": NO_REASON},
                    {"package": "time", "version": "<0.2", "reason": "old", "instead": "jiff", "needed_by": ["chrono"]},
                ],
                "duplicates": "refuse",
                "features": [{"package": "reqwest", "version": "=0.12.1", "deny": ["native-tls"], "allow": ["json"], "reason": NO_REASON}],
                "skip": [{"package": "syn", "version": "1", "reason": NO_REASON}],
                "wildcard_paths": false,
                "wildcards": "off",
            },
            "licences": {
                "allow": ["MIT", "Apache-2.0 WITH LLVM-exception"],
                "exceptions": [{"package": "ring", "version": "=0.17.8", "allow": ["OpenSSL"], "reason": NO_REASON}],
                "members": false,
            },
            "sources": {
                "git": ["https://github.com/org/"],
                "git_pin": "rev",
                "registries": ["crates.io"],
                "unknown_git": "refuse",
                "unknown_registry": "warn",
            },
        })
    );
    let ignored: Vec<&str> = imported.ignored.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ignored, ["RUSTSEC-2020-0071", "RUSTSEC-2024-0436"]);
    let mut left: Vec<&str> = imported.left_out.iter().map(|(key, _)| key.as_str()).collect();
    left.sort_unstable();
    assert_eq!(
        left,
        [
            "advisories.ignore",
            "advisories.yanked",
            "bans.build.executables",
            "bans.features: a",
            "bans.features: reqwest: exact",
            "bans.skip-tree",
            "graph",
            "licenses.allow: No-Such-1.0",
            "licenses.confidence-threshold",
        ]
    );
}

#[test]
fn what_is_no_toml_says_its_line() {
    let error = read("[licenses]\nallow = [\n\"MIT\"\n= 3").unwrap_err();
    assert!(error.to_string().starts_with("line "), "{error}");
    assert_eq!(read("").unwrap(), Imported::default());
}

proptest! {
    #[test]
    fn any_text_is_imported_or_an_error(text in "(\\PC|\\n){0,200}|(\\[(licenses|bans|sources|advisories)\\]\n|(allow|deny|skip|ignore|exceptions|features|allow-git) = \\[(\"a@1\"|\"b:<2\"|\\{ crate = \"c\", deny = \\[\"d\"\\] \\}|1)?\\]\n|wildcards = \"(deny|x)\"\n){0,10}") {
        if let Ok(imported) = read(&text) {
            // What comes out is a policy, whatever went in.
            let sections: Map<String, Json> =
                imported.sections.iter().map(|(name, keys)| ((*name).to_owned(), Json::Object(keys.clone()))).collect();
            let policy: Result<crate::policy::SecurityPolicy, _> = serde_json::from_value(Json::Object(sections));
            prop_assert!(policy.is_ok_and(|policy| policy.senseless().is_none()), "{:?}", imported.sections);
        }
    }
}
