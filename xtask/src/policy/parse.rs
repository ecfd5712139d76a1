//! From YAML to a policy, with errors that say file, line, the key and its nearest known neighbour.

use super::Policy;
use super::approvers::Approvers;
use super::file::{file_with_places, nearest};
use super::places::Places;
use super::tests::Senseless;
use super::{approvers, notifications, waivers};
use crate::failure::Failure;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// The policy files that this version reads, each named as its gate.
pub const FILES: [&str; 7] = [
    "lint.yaml",
    "tests.yaml",
    "coverage.yaml",
    "security.yaml",
    "image.yaml",
    "rollout.yaml",
    "github.yaml",
];
/// The files besides: what is borne, and who may accept a loosening.
pub const PEOPLE_FILES: [&str; 2] = [waivers::FILE, approvers::FILE];

/// Parses and validates the policies. `read` gives a file's text, or `None` where there is no such file.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] with file, line and the nearest known key.
pub fn parse(read: impl Fn(&str) -> anyhow::Result<Option<String>>) -> anyhow::Result<Policy> {
    let policy = Policy {
        lint: file(&read, "lint.yaml")?,
        tests: file(&read, "tests.yaml")?,
        coverage: file(&read, "coverage.yaml")?,
        security: file(&read, "security.yaml")?,
        image: file(&read, "image.yaml")?,
        rollout: file(&read, "rollout.yaml")?,
        github: file(&read, "github.yaml")?,
    };
    validate(&policy, &read)?;
    Ok(policy)
}

/// Refuses a file of the policy folder that nothing reads: a typo in its name must not switch a gate to its defaults.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] naming the file.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
    for name in names {
        let policy = name.ends_with(".yaml") || name.ends_with(".yml");
        let known = all_files();
        if policy && !known.contains(&name) {
            let near =
                nearest(name, &known).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(Failure::usage(
                format!("policies/{name}: no gate reads this file{near}"),
                format!("rename it to one of {}", known.join(", ")),
            ));
        }
    }
    Ok(())
}

/// Every file that is read in a policy folder.
pub fn all_files() -> Vec<&'static str> {
    [&FILES[..], &PEOPLE_FILES].concat()
}

/// The policies as files would say them, one after the other, each under its name.
///
/// # Errors
/// Never for a policy that was parsed.
pub fn to_yaml(policy: &Policy) -> anyhow::Result<String> {
    let section =
        |name: &str, text: Result<String, serde_yaml::Error>| Ok(format!("# policies/{name}\n{}\n", text?));
    let sections: anyhow::Result<Vec<String>> = [
        section("lint.yaml", serde_yaml::to_string(&policy.lint)),
        section("tests.yaml", serde_yaml::to_string(&policy.tests)),
        section("coverage.yaml", serde_yaml::to_string(&policy.coverage)),
        section("security.yaml", serde_yaml::to_string(&policy.security)),
        section("image.yaml", serde_yaml::to_string(&policy.image)),
        section("rollout.yaml", serde_yaml::to_string(&policy.rollout)),
        section("github.yaml", serde_yaml::to_string(&policy.github)),
    ]
    .into_iter()
    .collect();
    Ok(sections?.concat())
}

fn file<T: DeserializeOwned + Default>(
    read: impl Fn(&str) -> anyhow::Result<Option<String>>,
    name: &str,
) -> anyhow::Result<T> {
    Ok(file_with_places(read, name)?.0)
}

fn validate(policy: &Policy, read: impl Fn(&str) -> anyhow::Result<Option<String>>) -> anyhow::Result<()> {
    let refuse = |file: &str, key: &str, what: String, help: &str| {
        let text = read(file).ok().flatten().unwrap_or_default();
        let place = Places::read(&text).ok().and_then(|places| places.nearest(key));
        let place = place.map_or(String::new(), |place| format!(":{}:{}", place.line, place.column));
        Err(Failure::usage(format!("policies/{file}{place}: {what}"), help))
    };
    if let Some(Senseless { key, what, help }) = policy.tests.senseless() {
        return refuse("tests.yaml", &key, what, help);
    }
    if let Some(Senseless { key, what, help }) = policy.github.senseless() {
        return refuse("github.yaml", &key, what, help);
    }
    if let Some(Senseless { key, what, help }) = policy.security.senseless() {
        return refuse("security.yaml", &key, what, help);
    }
    if let Some(at) = policy.coverage.inputs.iter().position(|input| input.file.trim().is_empty()) {
        return refuse(
            "coverage.yaml",
            &format!("inputs[{at}].file"),
            "an input without a file".into(),
            "name it: `inputs: [{file: lcov.info}]`",
        );
    }
    if policy.image.user == 0 {
        return refuse(
            "image.yaml",
            "user",
            "`user: 0` is root".into(),
            "leave it out for 65532, the usual non-root user",
        );
    }
    if policy.rollout.environments.is_empty() {
        return refuse(
            "rollout.yaml",
            "environments",
            "no environments".into(),
            "leave the key out for development, staging, production",
        );
    }
    if let Some((key, what)) = notifications::senseless(&policy.rollout.notifications) {
        return refuse("rollout.yaml", &key, what, "see docs/operations/notifications.md");
    }
    let approvers: Approvers = file(&read, approvers::FILE)?;
    let (mut names, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for (at, environment) in policy.rollout.environments.iter().enumerate() {
        let key = |of: &str| format!("environments[{at}]{of}");
        let name = &environment.name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
            return refuse(
                "rollout.yaml",
                &key(".name"),
                format!("`{name}` is no name"),
                "use up to 40 of a-z, 0-9 and -",
            );
        }
        if !names.insert(name) || (environment.port != 0 && !ports.insert(environment.port)) {
            return refuse(
                "rollout.yaml",
                &key(".name"),
                format!("`{name}` repeats a name or a port"),
                "give each environment its own",
            );
        }
        if let Some((of, what, help)) = environment.senseless(&approvers) {
            return refuse("rollout.yaml", &key(&of), format!("{name}: {what}"), help);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use proptest::prelude::*;

    fn parsed(name: &str, text: &str) -> anyhow::Result<Policy> {
        parse(|file| Ok((file == name).then(|| text.to_owned())))
    }

    fn check_error(name: &str, text: &str, words: &[&str]) {
        let error = parsed(name, text).expect_err(text);
        assert_eq!(Failure::exit_of(&error), Exit::Usage, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{word:?} is not in {error}");
        }
    }

    #[test]
    fn no_files_are_the_defaults_and_comments_change_nothing() {
        assert_eq!(parse(|_| Ok(None)).unwrap(), Policy::default());
        assert_eq!(parsed("coverage.yaml", "# nothing\n---\n").unwrap().hash(), Policy::default().hash());
        assert_ne!(parsed("coverage.yaml", "minimum: 81").unwrap().hash(), Policy::default().hash());
    }

    #[test]
    fn what_show_prints_is_a_policy_again() {
        let text = to_yaml(&Policy::default()).unwrap();
        for section in text.split("# policies/").skip(1) {
            let name = section.lines().next().unwrap();
            assert_eq!(
                parsed(name, section.split_once('\n').unwrap().1).unwrap(),
                Policy::default(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_unknown_key_names_file_line_and_neighbour() {
        check_error(
            "coverage.yaml",
            "# bar\nminimun: 80\n",
            &["policies/coverage.yaml:2:1", "minimun", "did you mean `minimum`"],
        );
        check_error("lint.yaml", "clippy: refused\n", &["lint.yaml:1", "did you mean `refuse`"]);
        check_error(
            "security.yaml",
            "advisories:\n  unsond: off\n",
            &["security.yaml:2:3", "did you mean `unsound`"],
        );
        check_error("coverage.yaml", "minimum: 180\n", &["coverage.yaml:1", "percentage"]);
    }

    #[test]
    fn what_is_wrong_deep_inside_has_its_own_place() {
        check_error(
            "rollout.yaml",
            "environments:\n- name: a\n  deadlines:\n    ready_secs: 1\n    stop_secs: soon\n",
            &["rollout.yaml:5:5", "environments[0].deadlines.stop_secs"],
        );
        check_error("security.yaml", "secrets:\n  skip: docs\n", &["security.yaml:2:3", "sequence"]);
        check_error(
            "security.yaml",
            "secrets:\n  level: refuse\n  level: off\n",
            &["security.yaml:3:3", "twice"],
        );
        check_error("image.yaml", "labels:\n  a: x\n  a: y\n", &["image.yaml:3:3", "`a` is there twice"]);
        check_error("tests.yaml", "timeout_secs:\t5\n\tfirst: []\n", &["tests.yaml:2:"]);
        check_error("tests.yaml", "timeout-secs: 5\n", &["tests.yaml:1:1", "did you mean `timeout_secs`"]);
        check_error("tests.yaml", "\u{feff}timeoutSecs: 5\r\n", &["tests.yaml:1:1", "`timeout_secs`"]);
        check_error("lint.yaml", "clippy: warn\r\nrustfmt: no\r\n", &["lint.yaml:2:1"]);
        assert_eq!(
            parsed("lint.yaml", "\u{feff}clippy: warn\r\n").unwrap().lint.clippy,
            super::super::lint::Level::Warn
        );
    }

    #[test]
    fn a_bomb_of_aliases_is_refused_at_its_first() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 8].join(", "));
        }
        check_error("image.yaml", &bomb, &["image.yaml:2:", "alias"]);
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_found() {
        let error = crate::policy::file::text("lint.yaml", b"# \xc3\xbc\nclippy: \xff\n".to_vec())
            .unwrap_err()
            .to_string();
        assert!(error.contains("lint.yaml:2:9"), "{error}");
    }

    #[test]
    fn senseless_values_are_refused() {
        check_error("tests.yaml", "timeout_secs: 0", &["timeout of 0"]);
        check_error("tests.yaml", "retries: {ci: 3}", &["more than 2 retries"]);
        check_error("tests.yaml", "unaffected_by: [/docs]", &["is no glob"]);
        check_error("tests.yaml", "unaffected_by: ['**']", &["leaves no test"]);
        check_error("tests.yaml", "features: []", &["names no set"]);
        check_error("tests.yaml", "features: [all, all]", &["or one twice"]);
        check_error("tests.yaml", "features: ['a b']", &["`a b` is no feature"]);
        check_error("tests.yaml", "leave_out: {p::lib: old}", &["the library of p cannot be left out"]);
        check_error("tests.yaml", "leave_out: {p::doc: old}", &["is no target"]);
        check_error("tests.yaml", "leave_out: {bench: old}", &["`bench` is no target"]);
        check_error("tests.yaml", "leave_out: {p::bench/b: ' '}", &["tests.yaml:1", "without a reason"]);
        check_error("tests.yaml", "leave_out: {p::a: x, p::a: y}", &["`p::a` is there twice"]);
        check_error("coverage.yaml", "inputs: [{file: ''}]", &["without a file"]);
        check_error("coverage.yaml", "inputs: [{file: a, formt: lcov}]", &["did you mean `format`"]);
        check_error("security.yaml", "advisories: {database: ''}", &["a database without a name"]);
        check_error("security.yaml", "advisories: {url: --upload-pack=x}", &["is no address"]);
        check_error(
            "security.yaml",
            "advisories:\n  osv:\n  - a\n  - ''\n",
            &["security.yaml:4:5: advisories without"],
        );
        check_error("security.yaml", "advisories: {platforms: [linux]}", &["`linux` is no platform"]);
        check_error("image.yaml", "user: 0", &["root"]);
        check_error(
            "github.yaml",
            "merge_queue:\n  merge_min: 9\n",
            &["github.yaml:2:3", "more than the most"],
        );
        check_error("github.yaml", "reviews: {aprovals: 2}", &["did you mean `approvals`"]);
        check_error("rollout.yaml", "environments: []", &["no environments"]);
        check_error("rollout.yaml", "environments: [{name: Prod}]", &["is no name"]);
        check_error("rollout.yaml", "environments: [{name: a}, {name: a}]", &["repeats"]);
        let steps =
            "environments:\n- name: a\n  steps: [{weight: 50, hold_millis: 1}, {weight: 10, hold_millis: 1}]";
        check_error("rollout.yaml", steps, &["do not rise"]);
        check_error("rollout.yaml", "environments: [{name: a, approvals: 2}]", &["authenticate"]);
        let from = "environments: [{name: a, approvals: {from: [Eve]}}]";
        check_error("rollout.yaml", from, &["`Eve` is nobody"]);
        let hook = "notifications: [{name: a, url: 'https://a/', secret_file: s}]";
        check_error("rollout.yaml", hook, &["rollout.yaml:1:", "https is not spoken"]);
        let zone = "environments:\n- name: a\n  windows:\n    zone: Europe/Belrin\n";
        check_error("rollout.yaml", zone, &["rollout.yaml:4:5: a: `Europe/Belrin` is no time zone"]);
        check_error(
            "rollout.yaml",
            "environments: [{name: a, judge: {min_samples: 4}}]",
            &["rollout.yaml:1:", "can never decide", "can never fail a canary"],
        );
        check_error(
            "rollout.yaml",
            "environments: [{name: a, deadlines: {ready_secs: 0}}]",
            &["deadline of 0"],
        );
        check_error(
            "lint.yaml",
            &"#".repeat(crate::policy::file::POLICY_BYTES_MAX + 1),
            &["more than a policy"],
        );
    }

    #[test]
    fn a_senseless_value_has_its_place() {
        check_error("tests.yaml", "# slow\ntimeout_secs: 0\n", &["policies/tests.yaml:2:1: a timeout"]);
        check_error("tests.yaml", "retries:\n  local: 0\n  ci: 3\n", &["policies/tests.yaml:3:3: more than"]);
        check_error("tests.yaml", "inputs:\n- a/**\n- /b\n", &["policies/tests.yaml:3:3: `/b`"]);
        check_error(
            "coverage.yaml",
            "inputs:\n- file: a\n- file: ' '\n",
            &["policies/coverage.yaml:3:3: an input"],
        );
        check_error("image.yaml", "\nuser: 0\n", &["policies/image.yaml:2:1: `user: 0`"]);
        check_error(
            "rollout.yaml",
            "environments:\n- name: a\n- name: b\n  approvals: 2\n",
            &["policies/rollout.yaml:4:3: b: 2 people must approve"],
        );
    }

    #[test]
    fn a_file_that_nothing_reads_is_an_error() {
        let error = check_names(["coverage.yaml", "coverge.yaml", "schema"]).unwrap_err();
        assert!(error.to_string().contains("did you mean `coverage.yaml`"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_a_policy_or_an_error(text in "\\PC{0,200}", like in "([a-z_]{1,9}|[\\[\\]{}:,\\-\\n\\t &*!|>'\"#0-9])*") {
            let today = jiff::civil::date(2026, 11, 24);
            for name in all_files() {
                for text in [&text, &like] {
                    let texts = [(name.to_owned(), text.clone())].into();
                    let _ = crate::policy::PolicySet::parse(&texts, today);
                }
            }
        }

        #[test]
        fn any_bytes_are_a_text_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let read = crate::policy::file::text("lint.yaml", bytes.clone());
            prop_assert_eq!(read.is_ok(), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
