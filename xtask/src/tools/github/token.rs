//! Who we are to GitHub. A secret is a type that nothing can print, and what is said by others is cleaned of it.
//!
//! Nothing is assumed of a token's form: installation tokens have not had 40 characters since April 2026.

use crate::failure::Failure;
use crate::tools::bounded;
use crate::world::World;

/// A private key has 16 KiB at most.
const KEY_BYTES_MAX: u64 = 16 * 1024;
/// Shorter than this, a "token" would be found in every text.
const CLEANED_BYTES_MIN: usize = 8;

/// A secret: no `Debug`, no `Display`, no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// This text is a secret; white space around it is not part of it.
    pub fn new(text: &str) -> Secret {
        Secret(text.trim().to_owned())
    }

    /// The secret itself: for a header or a signature, never for a text that anybody reads.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A text of somebody else without the secret in it.
    pub fn clean(&self, text: &str) -> String {
        match self.0.len() >= CLEANED_BYTES_MIN {
            true => text.replace(&self.0, "***"),
            false => text.to_owned(),
        }
    }
}

/// How we say who we are.
#[derive(Clone)]
pub enum Identity {
    /// A token: of the run, or of a person.
    Token(Secret),
    /// A GitHub App, which asks for a token per installation.
    App {
        /// Its id or its client id.
        id: String,
        /// Its private key, PEM.
        key: Secret,
    },
}

/// Reads who we are: `GATELINE_GITHUB_APP_ID` with a key, else `GATELINE_GITHUB_TOKEN`, which no
/// process that we start sees, `GITHUB_TOKEN` or `GH_TOKEN`. `None` where nothing is set.
///
/// # Errors
/// Where an App is named and its key cannot be had.
pub fn identity(world: &World) -> anyhow::Result<Option<Identity>> {
    if let Some(id) = world.env("GATELINE_GITHUB_APP_ID") {
        return Ok(Some(Identity::App { id: id.trim().to_owned(), key: key(world)? }));
    }
    let token = ["GATELINE_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"].iter().find_map(|name| world.env(name));
    Ok(token.map(|token| Identity::Token(Secret::new(token))))
}

fn key(world: &World) -> anyhow::Result<Secret> {
    if let Some(text) = world.env("GATELINE_GITHUB_APP_KEY") {
        return Ok(Secret::new(text));
    }
    let help = "set GATELINE_GITHUB_APP_KEY to the key, or GATELINE_GITHUB_APP_KEY_FILE to its file";
    let Some(file) = world.env("GATELINE_GITHUB_APP_KEY_FILE") else {
        return Err(Failure::usage(
            "GATELINE_GITHUB_APP_ID names an App, and its private key is missing",
            help,
        ));
    };
    let unreadable =
        |why: String| Failure::usage(format!("failed to read the App's key in {file}: {why}"), help);
    let path = world.directory().join(file);
    let bytes = bounded::read(&path, KEY_BYTES_MAX).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is no text".to_owned()))?;
    Ok(Secret::new(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    fn world(variables: &[(&str, &str)]) -> World {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        World::with(variables.collect(), "/".into(), Clock::system())
    }

    #[test]
    fn a_text_is_cleaned_of_the_secret_and_a_short_one_stays_text() {
        assert_eq!(Secret::new(" ghs_1_2.3\n").clean("bad token ghs_1_2.3!"), "bad token ***!");
        assert_eq!(Secret::new("a").clean("a bad day"), "a bad day");
    }

    #[test]
    fn an_app_comes_before_a_token_and_needs_its_key() {
        let named = |variables| match identity(&world(variables)) {
            Ok(None) => "nobody",
            Ok(Some(Identity::Token(_))) => "token",
            Ok(Some(Identity::App { .. })) => "app",
            Err(_) => "error",
        };
        assert_eq!(named(&[]), "nobody");
        assert_eq!(named(&[("GITHUB_TOKEN", "")]), "nobody");
        assert_eq!(named(&[("GATELINE_GITHUB_TOKEN", "x")]), "token");
        assert_eq!(named(&[("GH_TOKEN", "x")]), "token");
        let app = [("GATELINE_GITHUB_APP_ID", "1"), ("GITHUB_TOKEN", "x"), ("GATELINE_GITHUB_APP_KEY", "k")];
        assert_eq!(named(&app), "app");
        assert_eq!(named(&app[..2]), "error");
        let missing = [("GATELINE_GITHUB_APP_ID", "1"), ("GATELINE_GITHUB_APP_KEY_FILE", "/no/such/file")];
        assert_eq!(named(&missing), "error");
    }
}
