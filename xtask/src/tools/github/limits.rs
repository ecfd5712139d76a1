//! GitHub's limits, in one place. Each is kept by the code that names it, with a property test there.
//!
//! From GitHub's documentation and its OpenAPI description; `docs/reference/github.md` has them for people.

use std::time::Duration;

/// Annotations in one request to the checks API; more are added by further requests.
pub const ANNOTATIONS_PER_REQUEST: usize = 50;
/// Annotations of one check in all: ours, so that people read them; the rest is counted.
pub const ANNOTATIONS_MAX: usize = 100;
/// Bytes of the message of one annotation (64 KiB).
pub const ANNOTATION_MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Characters of the title of one annotation.
pub const ANNOTATION_TITLE_CHARS_MAX: usize = 255;
/// Characters of a check's summary. We count bytes, which are never fewer.
pub const CHECK_SUMMARY_BYTES_MAX: usize = 65_535;
/// Characters of a comment; above it the whole comment is refused. We count bytes, which are never fewer.
pub const COMMENT_BYTES_MAX: usize = 65_536;
/// Characters of the description of a commit status.
pub const STATUS_DESCRIPTION_CHARS_MAX: usize = 140;
/// Bytes of a SARIF file once it is compressed: 10 MB.
pub const SARIF_COMPRESSED_BYTES_MAX: usize = 10_000_000;
/// Files of one release.
pub const RELEASE_ASSETS_MAX: usize = 1000;
/// Bytes of one of them: under 2 GiB.
pub const RELEASE_ASSET_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024 - 1;
/// Entries of one page of a list.
pub const PER_PAGE: usize = 100;
/// Pages that are read of one list: a pull request with more comments is not searched further.
pub const PAGES_MAX: usize = 30;
/// Bytes of one reply; a page of a hundred comments of full length has less.
pub const REPLY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Between two writes: GitHub's advice against secondary limits.
pub const PAUSE_BETWEEN_WRITES: Duration = Duration::from_secs(1);
/// The least wait at a limit that names no time.
pub const LIMITED_PAUSE_MIN: Duration = Duration::from_secs(60);
/// The longest that one limit is waited for; a primary limit may take an hour, and no job should.
pub const LIMITED_PAUSE_MAX: Duration = Duration::from_secs(300);
/// The first wait after a failure of theirs; it doubles.
pub const FAILED_PAUSE: Duration = Duration::from_secs(2);
/// How often one request is sent.
pub const ATTEMPTS_MAX: u32 = 5;
/// How far a renamed repository is followed.
pub const REDIRECTS_MAX: u32 = 3;
/// Connecting takes no longer.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// One request with its reply takes no longer.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
/// One that carries a file takes no longer.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(900);
/// An installation's token is made anew this long before it ends.
pub const TOKEN_REST_MIN: Duration = Duration::from_secs(300);
