//! Who we are to a registry: the files that docker and podman write, and the helpers that they name.
//!
//! Looked at in podman's order: `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json`,
//! `$DOCKER_CONFIG/config.json`, `~/.docker/config.json`. The first file that knows the registry answers. Formats:
//! containers-auth.json(5) and docker's credential helper protocol. A password goes into a header and nowhere else.

use super::limits::{CREDENTIALS_BYTES_MAX, HELPER_TIMEOUT};
use crate::failure::Failure;
use crate::tools::bounded;
use crate::tools::github::token::Secret;
use crate::world::{CommandLine, World};
use base64ct::{Base64, Encoding as _};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Who we are.
#[derive(Clone)]
pub enum Login {
    /// A name and its password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that is exchanged for others.
    Identity(Secret),
}

/// A file of credentials.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct File {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
    identitytoken: String,
    username: String,
    password: String,
}

/// What a helper says.
#[derive(Deserialize)]
struct Helped {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// Where a file says that the credentials are.
enum Found {
    Here(Login),
    Helper { name: String, key: String },
}

/// Finds out who we are to a repository. `None`: nobody in particular.
///
/// # Errors
/// Where a file that is there cannot be read, or a helper fails: the message names it, and no secret.
pub async fn find(world: &World, host: &str, name: &str) -> anyhow::Result<Option<Login>> {
    for path in files(world) {
        let bytes = match bounded::read(&path, CREDENTIALS_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(unreadable(&path, &error.to_string())),
        };
        match look(&bytes, host, name).map_err(|why| unreadable(&path, &why))? {
            None => {}
            Some(Found::Here(login)) => return Ok(Some(login)),
            Some(Found::Helper { name, key }) => {
                if let Some(login) = ask(world, &name, &key).await? {
                    return Ok(Some(login));
                }
            }
        }
    }
    Ok(None)
}

fn unreadable(path: &Path, why: &str) -> anyhow::Error {
    let message = format!("failed to read the credentials in {}: {why}", path.display());
    Failure::usage(message, "log in again: docker login, or podman login")
}

fn files(world: &World) -> Vec<PathBuf> {
    let of = |variable: &str, rest: &str| world.env(variable).map(|folder| Path::new(folder).join(rest));
    let config =
        of("XDG_CONFIG_HOME", "containers/auth.json").or_else(|| of("HOME", ".config/containers/auth.json"));
    let docker = of("DOCKER_CONFIG", "config.json").or_else(|| of("HOME", ".docker/config.json"));
    // A file that is named is the only one: whoever names it wants no other.
    match world.env("REGISTRY_AUTH_FILE") {
        Some(file) => vec![world.directory().join(file)],
        None => {
            [of("XDG_RUNTIME_DIR", "containers/auth.json"), config, docker].into_iter().flatten().collect()
        }
    }
}

/// What a file says of a repository. Errors never repeat the file: it holds secrets.
fn look(bytes: &[u8], host: &str, name: &str) -> Result<Option<Found>, String> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| {
        format!("line {}, column {} is not what it should be", error.line(), error.column())
    })?;
    for key in keys(host, name) {
        if let Some(helper) = file.cred_helpers.get(&key) {
            return Ok(Some(Found::Helper { name: helper.clone(), key }));
        }
        // An entry without anything is how docker says that its store knows.
        if let Some(Some(login)) = file.auths.get(&key).map(login).transpose()? {
            return Ok(Some(Found::Here(login)));
        }
    }
    let store = file.creds_store.filter(|store| !store.is_empty());
    Ok(store.map(|name| Found::Helper { name, key: server(host).to_owned() }))
}

/// Under what names a registry is known, the most exact first.
fn keys(host: &str, name: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut path = format!("{host}/{name}");
    while path.len() > host.len() {
        keys.push(path.clone());
        path.truncate(path.rfind('/').unwrap_or(0));
    }
    let forms = ["HOST", "https://HOST", "https://HOST/", "https://HOST/v1/", "https://HOST/v2/"];
    keys.extend(forms.map(|form| form.replace("HOST", host)));
    if server(host) != host {
        keys.push(server(host).to_owned());
    }
    keys
}

/// The name by which helpers know a registry.
fn server(host: &str) -> &str {
    if host == "docker.io" { "https://index.docker.io/v1/" } else { host }
}

fn login(entry: &Entry) -> Result<Option<Login>, String> {
    if !entry.identitytoken.is_empty() {
        return Ok(Some(Login::Identity(Secret::new(&entry.identitytoken))));
    }
    if !entry.auth.is_empty() {
        let bad = || "an entry's `auth` is no base64 of NAME:PASSWORD".to_owned();
        let bytes = Base64::decode_vec(&entry.auth).map_err(|_| bad())?;
        let text = String::from_utf8(bytes).map_err(|_| bad())?;
        let (user, password) = text.split_once(':').ok_or_else(bad)?;
        let password = Secret::new(password.trim_end_matches('\0'));
        return Ok(Some(Login::Password { user: user.to_owned(), password }));
    }
    let password = Secret::new(&entry.password);
    Ok((!entry.username.is_empty()).then(|| Login::Password { user: entry.username.clone(), password }))
}

/// Asks `docker-credential-NAME`: the name of the registry goes to its standard input, the secret comes from its output.
async fn ask(world: &World, name: &str, key: &str) -> anyhow::Result<Option<Login>> {
    let program = format!("docker-credential-{name}");
    let help = format!("try it by hand: echo {key} | {program} get");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.bytes().all(plain) {
        return Err(Failure::usage("a credential helper has a name that no program has", help));
    }
    let mut command = CommandLine::new(&program, ["get"]).with_timeout(HELPER_TIMEOUT);
    command.input = key.as_bytes().to_vec();
    let finished = world.run(&command).await.map_err(|_| {
        Failure::usage(format!("the credential helper {program} does not start"), help.clone())
    })?;
    let said = String::from_utf8_lossy(&finished.stdout);
    if !finished.status.success() {
        // That is how the protocol says "I know nothing of it".
        if said.contains("credentials not found") {
            return Ok(None);
        }
        return Err(Failure::usage(
            format!("the credential helper {program} failed ({})", finished.status),
            help,
        ));
    }
    let helped: Helped = serde_json::from_slice(&finished.stdout).map_err(|_| {
        Failure::usage(format!("the credential helper {program} answers no credentials"), help)
    })?;
    let secret = Secret::new(&helped.secret);
    Ok(Some(match helped.user.as_str() {
        "<token>" => Login::Identity(secret),
        _ => Login::Password { user: helped.user, password: secret },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str, host: &str, name: &str) -> String {
        match look(text.as_bytes(), host, name) {
            Err(why) => format!("error: {why}"),
            Ok(None) => "nobody".to_owned(),
            Ok(Some(Found::Helper { name, key })) => format!("{name} of {key}"),
            Ok(Some(Found::Here(Login::Identity(token)))) => format!("token {}", token.reveal()),
            Ok(Some(Found::Here(Login::Password { user, password }))) => {
                format!("{user} {}", password.reveal())
            }
        }
    }

    #[test]
    fn the_most_exact_entry_answers() {
        let pair = |text: &str| Base64::encode_string(text.as_bytes());
        let file = serde_json::json!({"auths": {
            "r.example": {"auth": pair("all:a:b")}, "r.example/team": {"auth": pair("team:c")},
            "https://index.docker.io/v1/": {"identitytoken": "i"}, "https://old.example/v1/": {"username": "u", "password": "p"},
            "empty.example": {}, "bad.example": {"auth": "%"}},
            "credHelpers": {"h.example": "pass"}, "credsStore": "desktop"})
        .to_string();
        assert_eq!(told(&file, "r.example", "x/y"), "all a:b");
        assert_eq!(told(&file, "r.example", "team/y"), "team c");
        assert_eq!(told(&file, "r.example", "teamwork"), "all a:b");
        assert_eq!(told(&file, "docker.io", "library/x"), "token i");
        assert_eq!(told(&file, "old.example", "x"), "u p");
        assert_eq!(told(&file, "h.example", "x"), "pass of h.example");
        assert_eq!(told(&file, "empty.example", "x"), "desktop of empty.example");
        assert!(told(&file, "bad.example", "x").starts_with("error"));
        assert_eq!(told("{}", "r.example", "x"), "nobody");
    }

    #[test]
    fn errors_do_not_repeat_the_file() {
        let why = told("{\"auths\": {\"a\": {\"auth\": [\"hidden\"]}}}", "a", "x");
        assert!(why.starts_with("error") && !why.contains("hidden"), "{why}");
    }

    proptest! {
        #[test]
        fn no_file_breaks_the_reader(text in "\\{\"auths\":\\{\"a.b\":\\{\"auth\":\"[A-Za-z0-9+/=]{0,12}\"\\}\\}\\}|.{0,60}") {
            let _ = told(&text, "a.b", "x");
        }
    }
}
