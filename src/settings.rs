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

use clap::Parser;
use tracing_subscriber::filter::LevelFilter;

use crate::identity::{Identity, MAX_CHARACTERS, Word};
use crate::logging::{Format, LogSettings};

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

/// The release desk: where maintainers watch rollouts and approve promotions.
#[derive(Debug, Parser)]
#[command(name = "gateline-desk", version)]
struct Flags {
    /// Address and port to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", env = "GATELINE_DESK_LISTEN")]
    listen: Option<String>,
    /// Port on 127.0.0.1, when no address is given.
    #[arg(long, value_name = "PORT", env = "PORT")]
    port: Option<String>,
    /// Directory of the database file `desk.sqlite`; created when missing [default: $DATA_DIR or ./data].
    #[arg(long, value_name = "DIR", env = "GATELINE_DESK_DATA_DIR")]
    data_dir: Option<OsString>,
    /// The conventional name of the data directory, when the desk's own is not given.
    #[arg(long, value_name = "DIR", env = "DATA_DIR", hide = true)]
    common_data_dir: Option<OsString>,
    /// Seconds after SIGTERM until what is still running is cut.
    #[arg(long, value_name = "SECONDS", env = "GATELINE_DESK_DRAIN_TIMEOUT_SECS", default_value = "20")]
    drain_timeout_secs: String,
    /// Milliseconds after SIGTERM during which new connections are accepted at least.
    #[arg(long, value_name = "MILLIS", env = "GATELINE_DESK_LAME_DUCK_MILLIS", default_value = "200")]
    lame_duck_millis: String,
    /// What is logged: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", env = "GATELINE_DESK_LOG_LEVEL", default_value = "info")]
    log_level: String,
    /// How a log line looks: json or text.
    #[arg(long, value_name = "FORMAT", env = "GATELINE_DESK_LOG_FORMAT", default_value = "json")]
    log_format: String,
    #[command(flatten)]
    identity: IdentityFlags,
    /// Misbehave, in a build for stories.
    #[cfg(feature = "faults")]
    #[arg(long, value_name = "NAME", env = "GATELINE_DESK_FAULT")]
    fault: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Identity (the supervisor tells it; every reply repeats it)")]
struct IdentityFlags {
    /// Version, when it is not the one of the binary.
    #[arg(long, env = "GATELINE_VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    identity_version: String,
    /// Commit that the image was made from.
    #[arg(long, env = "GATELINE_COMMIT", default_value = "", hide_default_value = true)]
    identity_commit: String,
    /// Digest of the image.
    #[arg(long, env = "GATELINE_DIGEST", default_value = "", hide_default_value = true)]
    identity_digest: String,
    /// Name of this instance.
    #[arg(long, env = "GATELINE_INSTANCE", default_value = "", hide_default_value = true)]
    identity_instance: String,
    /// Random word that proves a health reply comes from this process.
    #[arg(
        long,
        env = "GATELINE_NONCE",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    identity_nonce: String,
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
