//! The processes that stay: the supervisor and the shims. The suite starts them, nobody types them.
//!
//! They idle for weeks, so what the suite itself writes is read without clap: building its grammar touches megabytes of code
//! that such a process never needs again. Any other spelling is clap's.

use clap::Subcommand;
use std::ffi::OsString;
use std::path::PathBuf;

/// A process that stays.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum Resident {
    /// The supervisor itself; `local up` starts it.
    #[command(hide = true)]
    Supervise {
        /// Its state directory.
        state: PathBuf,
    },
    /// The shim of one instance; the supervisor starts it.
    #[command(hide = true)]
    Shim {
        /// The instance's directory.
        directory: PathBuf,
    },
}

impl Resident {
    /// Exactly a program, a name and a folder; `None` is for [`super::Cli`] to read.
    pub fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<Resident> {
        let (_, name, folder) = (arguments.next()?, arguments.next()?, arguments.next()?);
        let option = folder.is_empty() || folder.as_encoded_bytes().starts_with(b"-");
        if option || arguments.next().is_some() {
            return None;
        }
        match name.to_str()? {
            "supervise" => Some(Resident::Supervise { state: folder.into() }),
            "shim" => Some(Resident::Shim { directory: folder.into() }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Verb};
    use super::*;
    use clap::Parser as _;

    #[test]
    fn what_the_suite_writes_is_read_as_clap_would() {
        let check = |words: &[&str], expected: bool| {
            let words = ["gateline"].iter().chain(words).map(OsString::from);
            let short = Resident::of(words.clone());
            assert_eq!(short.is_some(), expected, "{short:?}");
            let whole = Cli::try_parse_from(words).ok().map(|cli| cli.verb);
            match (short, whole) {
                (None, _) => {}
                (Some(short), Some(Verb::Resident(whole))) => assert_eq!(short, whole),
                (Some(short), whole) => panic!("{short:?}, but clap reads {whole:?}"),
            }
        };
        check(&["supervise", "/state"], true);
        check(&["shim", "a folder"], true);
        for other in [
            &["supervise"][..],
            &["supervise", "--help"],
            &["supervise", "/state", "-q"],
            &["-q", "supervise", "/state"],
            &["status", "/state"],
            &[],
        ] {
            check(other, false);
        }
    }
}
