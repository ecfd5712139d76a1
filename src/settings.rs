//! Settings: flags first, then the environment, then defaults; all checked before anything starts.
//!
//! The grammar (`Flags`) takes plain text and stops here; the rest of the desk sees values that hold. Each
//! refusal says what is wrong, where it came from, why, and what to do next.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use crate::identity::{Identity, MAX_CHARACTERS, Word};
use crate::logging::{Format, LogSettings};

mod flags;

use flags::{Flags, IdentityFlags};

const DEFAULT_PORT: u16 = 8080;
const DEFAULT_DATA_DIR: &str = "data";
/// A drain that takes longer than an hour is a hung process.
const DRAIN_TIMEOUT_SECS: RangeInclusive<u64> = 1..=3600;

/// What the desk is started with. All values were checked.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) drain: DrainLimits,
    pub(crate) log: LogSettings,
    pub(crate) identity: Identity,
    #[cfg(feature = "faults")]
    pub(crate) fault: Option<crate::faults::Fault>,
}

/// How long a drain may take, and how long it takes at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DrainLimits {
    /// What is still running then is cut.
    pub(crate) deadline: Duration,
    /// New connections are accepted at least this long, for clients that have not seen the drain yet.
    pub(crate) lame_duck: Duration,
}

/// Why there are no settings.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The command line does not parse, or asks for help.
    Grammar(clap::Error),
    /// It parses, but a value does not hold.
    Setting(BadSetting),
}

/// One value that does not hold.
#[derive(Debug, thiserror::Error)]
#[error("{place} is '{value}', which {what}\n  why:  {why}\n  next: {next}")]
pub(crate) struct BadSetting {
    place: &'static str,
    value: String,
    what: &'static str,
    why: &'static str,
    next: &'static str,
}

impl Settings {
    /// Reads the command line (program name first) and, through clap, the environment.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Refused> {
        let flags = Flags::try_parse_from(arguments).map_err(Refused::Grammar)?;
        Self::checked(flags).map_err(Refused::Setting)
    }

    fn checked(flags: Flags) -> Result<Self, BadSetting> {
        Ok(Self {
            listen: listen(flags.listen, flags.port)?,
            data_dir: data_dir(flags.data_dir, flags.common_data_dir)?,
            drain: drain(&flags.drain_timeout_secs, &flags.lame_duck_millis)?,
            log: LogSettings { level: level(&flags.log_level)?, format: format(&flags.log_format)? },
            identity: identity(&flags.identity)?,
            #[cfg(feature = "faults")]
            fault: crate::faults::choose(flags.fault)?,
        })
    }
}

fn listen(address: Option<String>, port: Option<String>) -> Result<SocketAddr, BadSetting> {
    if let Some(address) = address {
        return parsed(
            "--listen (GATELINE_DESK_LISTEN)",
            address,
            Complaint {
                what: "is no address with a port",
                why: "the desk listens on exactly one IP address and port; host names can mean several",
                next: "give for example --listen 127.0.0.1:8080, or [::]:8080 for every interface",
            },
        );
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => parsed(
            "--port (PORT)",
            port,
            Complaint {
                what: "is no port",
                why: "without --listen the desk listens on 127.0.0.1 and this port",
                next: "give a number from 1 to 65535, or 0 for any free port",
            },
        )?,
    };
    Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}

fn data_dir(own: Option<OsString>, common: Option<OsString>) -> Result<PathBuf, BadSetting> {
    let directory = own.or(common).map_or_else(|| PathBuf::from(DEFAULT_DATA_DIR), PathBuf::from);
    if directory.as_os_str().is_empty() {
        return Err(BadSetting {
            place: "--data-dir (GATELINE_DESK_DATA_DIR, DATA_DIR)",
            value: String::new(),
            what: "is empty",
            why: "the desk keeps its database there, and an empty name is most often an unset variable",
            next: "give for example --data-dir ./data",
        });
    }
    Ok(directory)
}

fn drain(deadline_secs: &str, lame_duck_millis: &str) -> Result<DrainLimits, BadSetting> {
    let complaint = Complaint {
        what: "is no number of seconds from 1 to 3600",
        why: "a drain must end, and it needs time for what is in flight",
        next: "give for example --drain-timeout-secs 20",
    };
    let place = "--drain-timeout-secs (GATELINE_DESK_DRAIN_TIMEOUT_SECS)";
    let secs: u64 = parsed(place, deadline_secs.to_owned(), complaint)?;
    if !DRAIN_TIMEOUT_SECS.contains(&secs) {
        return Err(complaint.about(place, deadline_secs.to_owned()));
    }
    let deadline = Duration::from_secs(secs);
    let complaint = Complaint {
        what: "is no number of milliseconds below the drain timeout",
        why: "the desk accepts connections that long after SIGTERM, and the drain must still end in time",
        next: "give for example --lame-duck-millis 200",
    };
    let place = "--lame-duck-millis (GATELINE_DESK_LAME_DUCK_MILLIS)";
    let lame_duck = Duration::from_millis(parsed(place, lame_duck_millis.to_owned(), complaint)?);
    if lame_duck >= deadline {
        return Err(complaint.about(place, lame_duck_millis.to_owned()));
    }
    Ok(DrainLimits { deadline, lame_duck })
}

fn level(text: &str) -> Result<LevelFilter, BadSetting> {
    parsed(
        "--log-level (GATELINE_DESK_LOG_LEVEL)",
        text.to_owned(),
        Complaint {
            what: "is no log level",
            why: "it decides how much the desk logs",
            next: "give one of: off, error, warn, info, debug, trace",
        },
    )
}

fn format(text: &str) -> Result<Format, BadSetting> {
    match text {
        "json" => Ok(Format::Json),
        "text" => Ok(Format::Text),
        _ => Err(BadSetting {
            place: "--log-format (GATELINE_DESK_LOG_FORMAT)",
            value: text.to_owned(),
            what: "is no log format",
            why: "json is for machines and text is for people",
            next: "give json or text",
        }),
    }
}

fn identity(flags: &IdentityFlags) -> Result<Identity, BadSetting> {
    const _: () = assert!(MAX_CHARACTERS == 256, "the message below names the limit");
    let word = |place, text: &str| {
        Word::new(text).ok_or_else(|| BadSetting {
            place,
            value: text.escape_debug().to_string(),
            what: "is no word of at most 256 visible ASCII characters",
            why: "every reply carries it in a header",
            next: "give it without spaces and line ends, or leave it out",
        })
    };
    Ok(Identity {
        version: word("--identity-version (GATELINE_VERSION)", &flags.identity_version)?,
        commit: word("--identity-commit (GATELINE_COMMIT)", &flags.identity_commit)?,
        digest: word("--identity-digest (GATELINE_DIGEST)", &flags.identity_digest)?,
        instance: word("--identity-instance (GATELINE_INSTANCE)", &flags.identity_instance)?,
        nonce: word("--identity-nonce (GATELINE_NONCE)", &flags.identity_nonce)?,
    })
}

/// The part of a refusal that does not depend on the value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Complaint {
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    pub(crate) next: &'static str,
}

impl Complaint {
    pub(crate) fn about(self, place: &'static str, value: String) -> BadSetting {
        BadSetting { place, value, what: self.what, why: self.why, next: self.next }
    }
}

fn parsed<T: FromStr>(place: &'static str, value: String, complaint: Complaint) -> Result<T, BadSetting> {
    value.parse().map_err(|_| complaint.about(place, value))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Settings of a command line. What it does not name may come from the environment of the test.
    pub(crate) fn settings(flags: &[&str]) -> Settings {
        read(flags).expect("good settings")
    }

    fn read(flags: &[&str]) -> Result<Settings, Refused> {
        Settings::read(std::iter::once("gateline-desk").chain(flags.iter().copied()).map(OsString::from))
    }

    #[track_caller]
    fn check_refused(flags: &[&str], expected: [&str; 2]) {
        match read(flags) {
            Err(Refused::Setting(bad)) => {
                let message = bad.to_string();
                for part in expected.into_iter().chain(["why:  ", "next: "]) {
                    assert!(message.contains(part), "no '{part}' in: {message}");
                }
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn an_address_wins_over_a_port() {
        #[track_caller]
        fn check(address: Option<&str>, port: Option<&str>, expected: &str) {
            let listen = listen(address.map(str::to_owned), port.map(str::to_owned)).unwrap();
            assert_eq!(listen.to_string(), expected);
        }
        check(None, None, "127.0.0.1:8080");
        check(None, Some("9000"), "127.0.0.1:9000");
        check(Some("[::1]:7000"), Some("9000"), "[::1]:7000");
    }

    #[test]
    fn the_desks_own_data_directory_wins_over_the_common_one() {
        #[track_caller]
        fn check(own: Option<&str>, common: Option<&str>, expected: &str) {
            let directory = data_dir(own.map(OsString::from), common.map(OsString::from)).unwrap();
            assert_eq!(directory, PathBuf::from(expected));
        }
        check(None, None, "data");
        check(None, Some("common"), "common");
        check(Some("own"), Some("common"), "own");
    }

    #[test]
    fn each_bad_value_is_refused_by_name() {
        check_refused(&["--listen", "localhost:80"], ["--listen (GATELINE_DESK_LISTEN)", "'localhost:80'"]);
        check_refused(&["--port", "65536"], ["--port (PORT)", "'65536'"]);
        check_refused(&["--data-dir", ""], ["--data-dir", "is empty"]);
        check_refused(&["--drain-timeout-secs", "0"], ["--drain-timeout-secs", "1 to 3600"]);
        check_refused(&["--drain-timeout-secs", "soon"], ["--drain-timeout-secs", "'soon'"]);
        check_refused(&["--lame-duck-millis", "20000"], ["--lame-duck-millis", "below the drain timeout"]);
        check_refused(&["--lame-duck-millis", "1x"], ["--lame-duck-millis", "'1x'"]);
        check_refused(&["--log-level", "loud"], ["--log-level", "'loud'"]);
        check_refused(&["--log-format", "xml"], ["--log-format", "'xml'"]);
        check_refused(&["--identity-commit", "a\nb"], ["GATELINE_COMMIT", r"'a\nb'"]);
    }

    #[test]
    fn what_nobody_told_is_unknown() {
        assert_eq!(settings(&["--identity-commit", ""]).identity.commit(), "unknown");
    }

    #[test]
    fn an_unknown_flag_is_a_matter_of_grammar() {
        assert!(matches!(read(&["--no-such-flag"]), Err(Refused::Grammar(_))));
    }

    #[test]
    fn the_grammar_is_consistent() {
        use clap::CommandFactory as _;
        Flags::command().debug_assert();
    }
}
