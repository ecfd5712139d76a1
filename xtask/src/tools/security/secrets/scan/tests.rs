//! Values are made when the tests run, so that no source file of ours looks like a leak.

use super::super::filter::base62;
use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());

const HEX: &str = "0123456789abcdef";
const LOWER: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ALNUM: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &str = "0123456789";

/// A value of a rule in three parts: what names it, what is secret, what ends it.
struct Sample {
    rule: &'static str,
    before: &'static str,
    body: String,
    after: &'static str,
}

impl Sample {
    fn text(&self) -> String {
        format!("{}{}{}", self.before, self.body, self.after)
    }
}

/// Characters that look drawn by chance, the same in every run.
fn body(alphabet: &str, length: usize) -> String {
    let alphabet = alphabet.as_bytes();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(alphabet[(state >> 33) as usize % alphabet.len()])
    };
    (0..length).map(|_| next()).collect()
}

fn checksummed() -> String {
    let random = body(ALNUM, 30);
    let checksum = base62(crc32fast::hash(random.as_bytes()));
    random + std::str::from_utf8(&checksum).unwrap()
}

fn sample(rule: &'static str, before: &'static str, body: String) -> Sample {
    Sample { rule, before, body, after: "" }
}

fn samples() -> Vec<Sample> {
    let jwt = |header: &str| format!("{header}.eyJ{}.{}", body(ALNUM, 20), body(ALNUM, 43));
    // {"alg":"HS256","typ":"JWT"} without the three characters that the rule shows.
    let hs256 = "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    let mut samples = vec![
        sample("aws-access-key", "AKIA", body(BASE32, 16)),
        sample("aws-secret-key", "aws_secret_access_key = ", body(ALNUM, 40)),
        sample("google-api-key", "AIza", body(ALNUM, 35)),
        sample("google-oauth-secret", "GOCSPX-", body(ALNUM, 28)),
        sample("azure-storage-key", "AccountName=a;AccountKey=", body(ALNUM, 86) + "=="),
        sample("azure-shared-access-key", "SharedAccessKey=", body(ALNUM, 43) + "="),
        sample("digitalocean-token", "dop_v1_", body(HEX, 64)),
        sample("heroku-key", "HRKU-", body(ALNUM, 60)),
        sample("cloudflare-origin-key", "v1.0-", format!("{}-{}", body(HEX, 24), body(HEX, 146))),
        sample("fly-token", "fm2_", body(ALNUM, 100)),
        sample("alibaba-secret-key", "LTAI", body(ALNUM, 20)),
        sample("github-token", "ghp_", checksummed()),
        sample("github-token", "ghp_", body(ALNUM, 36)),
        sample("github-token", "ghs_", format!("123456_eyJ{}", jwt(hs256))),
        sample(
            "github-fine-grained-token",
            "github_pat_",
            format!("{}_{}", body(ALNUM, 22), body(ALNUM, 59)),
        ),
        sample("gitlab-token", "glpat-", body(ALNUM, 20)),
        sample("buildkite-token", "bkua_", body(HEX, 40)),
        sample("atlassian-token", "ATATT3", body(ALNUM, 180)),
        sample("crates-io-token", "cio", body(ALNUM, 32)),
        sample("npm-token", "npm_", checksummed()),
        sample("pypi-token", "pypi-AgEIcHlwaS5vcmc", body(ALNUM, 120)),
        sample("rubygems-token", "rubygems_", body(HEX, 48)),
        sample("nuget-key", "oy2", body(LOWER, 43)),
        sample("docker-token", "dckr_pat_", body(ALNUM, 27)),
        sample("artifactory-key", "AKCp", body(ALNUM, 69)),
        sample("anthropic-key", "sk-ant-api03-", body(ALNUM, 93) + "AA"),
        sample("openai-key", "sk-proj-", format!("{}T3BlbkFJ{}", body(ALNUM, 74), body(ALNUM, 74))),
        sample("hugging-face-token", "hf_", body(LETTERS, 34)),
        sample("groq-key", "gsk_", body(ALNUM, 52)),
        sample("replicate-token", "r8_", body(ALNUM, 37)),
        sample("perplexity-key", "pplx-", body(ALNUM, 48)),
        sample(
            "slack-token",
            "xoxb-",
            format!("{}-{}-{}", body(DIGITS, 12), body(DIGITS, 13), body(ALNUM, 24)),
        ),
        sample(
            "slack-webhook",
            "https://hooks.slack.com/services/",
            format!("T{}/B{}/{}", body(UPPER, 9), body(UPPER, 10), body(ALNUM, 24)),
        ),
        sample(
            "discord-webhook",
            "https://discord.com/api/webhooks/",
            format!("{}/{}", body(DIGITS, 18), body(ALNUM, 68)),
        ),
        sample("telegram-bot-token", "110201543:AA", body(ALNUM, 33)),
        sample("stripe-key", "sk_live_", body(ALNUM, 24)),
        sample("stripe-webhook-secret", "whsec_", body(ALNUM, 32)),
        sample("square-token", "sq0csp-", body(ALNUM, 43)),
        sample("shopify-token", "shpat_", body(HEX, 32)),
        sample("sendgrid-key", "SG.", format!("{}.{}", body(ALNUM, 22), body(ALNUM, 43))),
        sample("mailgun-key", "key-", body(HEX, 32)),
        sample("twilio-auth-token", "TWILIO_AUTH_TOKEN=", body(HEX, 32)),
        sample("twilio-api-key", "twilio_api_key: ", "SK".to_owned() + &body(HEX, 32)),
        sample("databricks-token", "dapi", body(HEX, 32)),
        sample("vault-token", "hvs.", body(ALNUM, 24)),
        sample("pulumi-token", "pul-", body(HEX, 40)),
        sample("grafana-token", "glsa_", format!("{}_{}", body(ALNUM, 32), body(HEX, 8))),
        sample("new-relic-key", "NRAK-", body(UPPER, 27)),
        sample("sentry-token", "sntryu_", body(HEX, 64)),
        sample("doppler-token", "dp.pt.", body(ALNUM, 43)),
        sample("linear-key", "lin_api_", body(ALNUM, 40)),
        sample("notion-token", "ntn_", body(DIGITS, 11) + &body(ALNUM, 35)),
        sample("postman-key", "PMAK-", format!("{}-{}", body(HEX, 24), body(HEX, 34))),
        sample("planetscale-token", "pscale_tkn_", body(ALNUM, 43)),
        sample("supabase-token", "sbp_", body(HEX, 40)),
        sample("tailscale-key", "tskey-auth-", format!("{}-{}", body(ALNUM, 17), body(ALNUM, 32))),
        sample("age-secret-key", "AGE-SECRET-KEY-1", body(BECH32, 58)),
        sample("jwt", "eyJ", jwt(hs256)),
        Sample {
            after: "@db.prod.internal/desk",
            ..sample("database-url", "postgres://desk:", body(ALNUM, 18))
        },
        Sample { after: "@git.corp.io/x.git", ..sample("url-password", "https://robot:", body(ALNUM, 24)) },
        Sample { after: "\";", ..sample("generic-secret", "let password = \"", body(ALNUM, 24)) },
        Sample { after: "\";", ..sample("generic-secret", "const API_TOKEN: &str = \"", body(LOWER, 32)) },
        Sample { after: "\n", ..sample("generic-secret", "CLIENT_SECRET=", body(HEX, 40)) },
        Sample { after: "\r\n", ..sample("putty-private-key", "Private-Lines: 8\r\n", body(ALNUM, 160)) },
    ];
    let blocks = [
        ("private-key", "-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----"),
        ("private-key", "-----BEGIN RSA PRIVATE KEY-----\\n", "\\n-----END RSA PRIVATE KEY-----"),
        ("private-key", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "\n-----END OPENSSH PRIVATE KEY-----"),
        (
            "private-key",
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,1\n\n",
            "\n-----END EC PRIVATE KEY-----",
        ),
        ("private-key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "\n-----END ENCRYPTED PRIVATE KEY-----"),
        (
            "pgp-private-key",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 2\n\n",
            "\n-----END PGP PRIVATE KEY BLOCK-----",
        ),
    ];
    samples.extend(blocks.map(|(rule, before, after)| Sample {
        rule,
        before,
        body: body(ALNUM, 400),
        after,
    }));
    samples
}

fn names(text: &[u8]) -> Vec<&'static str> {
    SCANNER.scan(text).places.iter().map(|place| RULES[place.rule].name).collect()
}

#[test]
fn every_rule_finds_its_format() {
    for sample in samples() {
        for around in [("", ""), ("x = '", "'\n"), ("\\n", "\\n"), ("# ", "\n-- "), ("\u{fffd}", " ")] {
            let text = format!("{}{}{}", around.0, sample.text(), around.1);
            assert_eq!(names(text.as_bytes()), [sample.rule], "{} {around:?}", sample.rule);
        }
    }
}

#[test]
fn every_rule_has_a_sample_a_kebab_name_and_finds_no_half() {
    let samples = samples();
    for rule in RULES {
        assert!(samples.iter().any(|sample| sample.rule == rule.name), "no sample of {}", rule.name);
        assert!(rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.name);
        assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
    }
    for sample in samples {
        let half = &sample.body[..sample.body.len() / 4];
        assert_eq!(names(format!("{}{half} ", sample.before).as_bytes()), [""; 0], "half of {}", sample.rule);
    }
}

#[test]
fn what_only_looks_alike_is_left_alone() {
    for sample in samples() {
        let faked = |with: fn(char) -> char| {
            let body: String = sample.body.chars().map(with).collect();
            format!("{}{body}{}", sample.before, sample.after)
        };
        for text in
            [faked(|c| if c.is_ascii_alphanumeric() { 'x' } else { c }), faked(|_| '*'), faked(|_| 'A')]
        {
            assert_eq!(names(text.as_bytes()), [""; 0], "{}", sample.rule);
        }
    }
    let innocent = [
        "AKIAIOSFODNN7EXAMPLE",
        "postgres://postgres:postgres@db/app",
        "postgres://desk:S3cretValue99@localhost:5432/app",
        "mysql://u:${DB_PASSWORD}@db.corp.io/x",
        "https://user:pass1234@example.com/",
        "let token = parser.next_token();",
        "password: \"correct horse battery staple\"",
        "secret_name = \"gateline-production-eu-west-1\"",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----",
    ];
    for text in innocent {
        assert_eq!(names(text.as_bytes()), [""; 0], "{text}");
    }
}

#[test]
fn a_longer_word_is_not_the_token() {
    let token = format!("AKIA{}", body(BASE32, 16));
    for text in [format!("X{token}"), format!("{token}X"), format!("_{token}"), format!("a-{token}")] {
        assert_eq!(names(text.as_bytes()), [""; 0]);
    }
    assert_eq!(names(format!("a%3D{token}").as_bytes()), ["aws-access-key"]);
}

#[test]
fn the_specific_rule_wins_and_the_list_has_an_end() {
    let token = format!("token = \"ghp_{}\"\n", checksummed());
    assert_eq!(names(token.as_bytes()), ["github-token"]);
    let scanned = SCANNER.scan(token.repeat(FOUND_PER_FILE_MAX + 1).as_bytes());
    assert_eq!((scanned.places.len(), scanned.cut), (FOUND_PER_FILE_MAX, true));
    assert!(!SCANNER.scan(token.repeat(FOUND_PER_FILE_MAX).as_bytes()).cut);
}

#[test]
fn a_report_shows_nothing_of_the_secret() {
    for sample in samples() {
        let text = sample.text();
        for place in SCANNER.scan(text.as_bytes()).places {
            let leaked = sample
                .body
                .as_bytes()
                .windows(6)
                .any(|six| place.redacted.as_bytes().windows(6).any(|shown| shown == six));
            assert!(!leaked && place.redacted.ends_with('…'), "{}: {}", sample.rule, place.redacted);
        }
    }
}

/// Anchors with anything between: what drives the patterns hardest.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let anchors: Vec<Vec<u8>> =
        RULES.iter().flat_map(|rule| rule.anchors).map(|anchor| anchor.as_bytes().to_vec()).collect();
    let piece = prop_oneof![
        proptest::sample::select(anchors),
        proptest::collection::vec(any::<u8>(), 0..40),
        "[A-Za-z0-9_./:=@\"-]{0,80}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_scanner(bytes in soup()) {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        for place in SCANNER.scan(&bytes).places {
            prop_assert!((1..=lines).contains(&place.line));
            prop_assert!(place.redacted.chars().count() <= SHOWN_CHARACTERS_MAX + 1);
        }
    }

    #[test]
    fn the_line_is_the_secrets(above in proptest::collection::vec("[a-z ]{0,30}", 0..20), which in any::<proptest::sample::Index>()) {
        let samples = samples();
        let sample = which.get(&samples);
        let text = format!("{}{}\n{}\n", above.iter().map(|line| format!("{line}\n")).collect::<String>(), sample.text(), "end");
        let places = SCANNER.scan(text.as_bytes()).places;
        prop_assert_eq!(places.len(), 1);
        prop_assert_eq!(places[0].line as usize, above.len() + 1);
    }
}
