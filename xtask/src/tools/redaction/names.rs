//! Which variables of the environment hold secrets: their names say so.

use std::collections::BTreeMap;

/// Shorter values are no secrets, or cannot be kept one.
const VALUE_BYTES_MIN: usize = 6;
/// A line of a value of several lines is hidden by itself from this length on.
const LINE_BYTES_MIN: usize = 16;
/// Words that make a name secret, wherever in it they stand.
const WORDS: [&str; 17] = [
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "KEY",
    "KEYS",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "PAT",
    "PWD",
    "COOKIE",
];
/// The same where another word is written before them without a hyphen: `PGPASSWORD`, `GITHUBTOKEN`.
const ENDS: [&str; 6] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY"];
/// Last words of names of things that are about a secret and are none.
const ABOUT: [&str; 15] = [
    "PATH", "FILE", "DIR", "HOME", "ID", "NAME", "URL", "HOST", "SOCK", "TYPE", "USER", "VERSION", "LENGTH",
    "SIZE", "TTL",
];
/// The working directories that shells name so.
const DIRECTORIES: [&str; 2] = ["PWD", "OLDPWD"];

/// What is hidden, each with the variable's name: values, their lines, and both as `{:?}` prints them. The longest first.
pub(super) fn values(environment: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in environment.iter().filter(|(name, value)| is_secret(name) && is_worth_it(value)) {
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= LINE_BYTES_MIN);
        for text in std::iter::once(value.trim()).chain(lines) {
            found.push((text.to_owned(), name.clone()));
            let printed = format!("{text:?}");
            found.push((printed[1..printed.len() - 1].to_owned(), name.clone()));
        }
    }
    found.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> =
        upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let about = words.last().is_some_and(|last| ABOUT.contains(last)) && words.len() > 1;
    let says = |word: &&str| WORDS.contains(word) || ENDS.iter().any(|end| word.ends_with(end));
    !about && !DIRECTORIES.contains(&upper.as_str()) && words.iter().any(says)
}

/// Neither a switch, nor a number, nor a path to where the secret is.
fn is_worth_it(value: &str) -> bool {
    let value = value.trim();
    let switch =
        ["true", "false", "enabled", "disabled", "default"].contains(&value.to_ascii_lowercase().as_str());
    let path = value.starts_with('/')
        && !value.contains(char::is_whitespace)
        && std::path::Path::new(value).exists();
    value.len() >= VALUE_BYTES_MIN && !switch && !path && !value.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        let secret = [
            "GITHUB_TOKEN",
            "CARGO_REGISTRY_TOKEN",
            "aws_secret_access_key",
            "DB_PASSWORD",
            "PGPASSWORD",
            "MYSQL_PWD",
            "SMTP_PASS",
            "API_KEY",
            "APIKEY",
            "CARGO_REGISTRIES_OURS_TOKEN",
            "TOKEN",
            "STRIPE.SECRET",
            "GH_PAT",
            "KEY",
            "SIGNING_KEY_PASSPHRASE",
            "NPM_CONFIG__AUTHTOKEN",
        ];
        for name in secret {
            assert!(is_secret(name), "{name}");
        }
        let others = [
            "PWD",
            "OLDPWD",
            "HOME",
            "PATH",
            "KEYBOARD",
            "MONKEY",
            "SSH_AUTH_SOCK",
            "GIT_ASKPASS",
            "SSH_KEY_FILE",
            "TOKEN_TTL",
            "AWS_ACCESS_KEY_ID",
            "SECRET_NAME",
            "PATTERN",
            "COMPASS",
            "TOKENIZER",
            "PASSWORD_FILE",
        ];
        for name in others {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn values_that_are_no_secret_stay() {
        let check = |value: &str, expected: usize| {
            let environment = [("A_TOKEN".to_owned(), value.to_owned())].into();
            assert_eq!(values(&environment).len(), expected, "{value:?}");
        };
        check("short", 0);
        check("true", 0);
        check("1234567890", 0);
        check("/tmp", 0);
        check("disabled", 0);
        check("long enough", 1);
        check("it's \"quoted\"", 2);
        check("a line that is long\nanother one that is", 4);
    }
}
