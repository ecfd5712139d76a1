//! The readers of other tools' files: what each takes over, what it names, and any text.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(read: Reader, text: &str, entries: &[(&str, &str)], without: &[&str]) {
    let taken = read("f", text).unwrap();
    let said: Vec<(&str, &str)> = taken.entries.iter().map(|one| (one.key, one.value.as_str())).collect();
    assert_eq!(said, entries, "{text}");
    for word in without {
        assert!(taken.without.iter().any(|line| line.contains(word)), "{word} is not in {:?}", taken.without);
    }
    assert_eq!(taken.without.is_empty(), without.is_empty(), "{:?}", taken.without);
}

#[test]
fn codecov_has_bars_and_a_threshold() {
    let text = "coverage:\n  status:\n    project:\n      default:\n        target: 83.456%\n        threshold: 0.5%\n    \
                patch:\n      default:\n        target: 90\n";
    check(codecov, text, &[("minimum", "83.45"), ("drop_max", "0.50"), ("patch_minimum", "90")], &[]);
    let auto = "coverage: {status: {project: {default: {target: auto, informational: true}, api: {target: 1}}, patch: off}}\n\
                ignore: [tests]\nflags: {a: b}\n";
    check(
        codecov,
        auto,
        &[],
        &["drop_max", "informational", "no flags", "`patch` is off", "`ignore`", "`flags`"],
    );
    check(codecov, "", &[], &[]);
}

#[test]
fn octocov_has_a_number_or_a_condition() {
    check(octocov, "coverage: {acceptable: 60%}", &[("minimum", "60")], &[]);
    let text = "coverage: {acceptable: 'current >= 61.5% && diff >= -0.5% && prev > 3', exclude: [a]}\ncodeToTestRatio: {acceptable: '1:1'}";
    check(
        octocov,
        text,
        &[("minimum", "61.50"), ("drop_max", "0.50")],
        &["`prev > 3`", "coverage.exclude", "codeToTestRatio"],
    );
    check(octocov, "coverage: {acceptable: 'diff >= 0%'}", &[("drop_max", "0")], &[]);
    check(octocov, "coverage: {acceptable: 'diff >= 1%'}", &[], &["no equivalent"]);
}

#[test]
fn nextest_has_retries_and_timeouts() {
    let text = "[profile.default]\nretries = 1\nslow-timeout = { period = '1m 30s', terminate-after = 2 }\ntest-threads = 4\n\
                [profile.ci]\nretries = { backoff = 'fixed', count = 5, delay = '1s' }\nflaky-result = 'fail'\n[profile.night]\n";
    check(
        nextest,
        text,
        &[
            ("flaky", "refuse"),
            ("retries.ci", "2"),
            ("retries.local", "1"),
            ("slow_secs", "90"),
            ("timeout_secs", "180"),
        ],
        &["5 retries", "test-threads", "`night`", "engine: nextest"],
    );
    check(nextest, "[profile.default]\nslow-timeout = '20s'\n", &[("slow_secs", "20")], &[]);
    check(nextest, "[profile.default]\nslow-timeout = 'soon'\n", &[], &["not understood", "engine"]);
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_name() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(taken(root.path()).unwrap(), Taken::default());
    std::fs::write(root.path().join(".codecov.yml"), "a: [").unwrap();
    let error = taken(root.path()).unwrap_err().to_string();
    assert!(error.starts_with(".codecov.yml: "), "{error}");
    std::fs::write(root.path().join(".codecov.yml"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    assert!(taken(root.path()).unwrap_err().to_string().contains("1 MiB"));
}

proptest! {
    #[test]
    fn any_text_gives_a_value_or_an_error(
        text in "\\PC{0,80}|((coverage|status|project|patch|default|target|acceptable|ignore): ?|[0-9.]{1,5}%?|\n +|- |\\{|\\}){0,20}"
    ) {
        for read in [codecov, octocov, nextest] {
            if let Ok(taken) = read("f", &text) {
                for entry in &taken.entries {
                    prop_assert!(!entry.value.contains('\n') && !entry.why.contains('\n'));
                }
            }
        }
    }

    #[test]
    fn any_percentage_is_a_policys(text in "[0-9]{0,4}(\\.[0-9]{0,5})?%?") {
        if let Some(value) = percent(&Value::String(text)) {
            prop_assert!(value <= Percent::whole(100));
        }
    }

    #[test]
    fn any_duration_is_seconds_or_nothing(text in "([0-9]{1,20} ?(s|min|h|x)? ?){0,4}") {
        prop_assert!(seconds(&text).is_none_or(|seconds| seconds > 0));
    }
}
