//! Every limit of the registry client, in one place. `docs/reference/registries.md` has them for people.

use std::time::Duration;

/// Attempts of one request or of one blob.
pub const ATTEMPTS_MAX: u32 = 5;
/// The first pause after a failure of theirs; it doubles.
pub const PAUSE_MIN: Duration = Duration::from_millis(200);
/// The longest pause that a registry may ask for with `Retry-After`; more is told as an error.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);
/// To connect, with TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For a reply to a small request.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
/// A blob may take as long as this many bytes a second need, besides [`REPLY_TIMEOUT`].
pub const SLOWEST_BYTES_PER_SEC: u64 = 50_000;
/// Addresses that one request may lead to.
pub const REDIRECTS_MAX: usize = 5;
/// Connections that are kept open.
pub const IDLE_MAX: usize = 4;
/// Bytes of one piece of a blob in memory, and pieces that wait between reader and writer.
pub const PIECE_BYTES: usize = 64 * 1024;
/// See [`PIECE_BYTES`].
pub const PIECES_MAX: usize = 4;
/// Documents (indexes and manifests) of one image with its referrers.
pub const DOCUMENTS_MAX: usize = 1000;
/// Bytes of all of them together.
pub const DOCUMENTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// An index may point at an index, and so on, this often.
pub const DEPTH_MAX: usize = 3;
/// Bytes of a reply that is no document: tokens and errors.
pub const REPLY_BYTES_MAX: usize = 256 * 1024;
/// Pages of a list of referrers.
pub const PAGES_MAX: usize = 20;
/// Characters of what a registry says that we repeat.
pub const SAID_CHARS_MAX: usize = 300;
/// A file of credentials.
pub const CREDENTIALS_BYTES_MAX: u64 = 1024 * 1024;
/// A credential helper may ask a person to unlock something.
pub const HELPER_TIMEOUT: Duration = Duration::from_secs(60);
/// Rounds of writing the fallback tag while others write it too.
pub const ROUNDS_MAX: u32 = 8;
/// After a write of the fallback tag, others who read before it may still write: we look again after this.
pub const SETTLE: Duration = Duration::from_millis(300);
