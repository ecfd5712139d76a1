//! The emergency chain: where a rollback writes while the journal is damaged.
//!
//! It stands in `<journal>.emergency-<n>`, and its first record names the damaged file by digest and length, so an
//! audit can join both. Opened again for the same damaged bytes, it goes on; a chain that is damaged itself, or
//! speaks of other bytes, is left alone and the next number is taken.

use super::error::JournalError;
use super::{Draft, Importance, Journal, beside, open};
use crate::digest::{Digest, Hasher};
use crate::platform::protocol::{Entry, Phase};
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// How many emergency chains may stand beside one journal.
pub const EMERGENCY_CHAINS_MAX: u32 = 16;
/// `what` of the first record.
const WHAT: &str = "emergency-chain";
const PIECE_BYTES: usize = 64 * 1024;

impl Journal {
    /// Opens the journal for an emergency rollback: the journal itself where it is sound, else the emergency chain
    /// beside it. The damaged file stays locked meanwhile, and is never written; one that was removed is not made again.
    ///
    /// # Errors
    /// As [`Journal::open`]; [`JournalError::Emergencies`] where all numbers are taken.
    pub fn open_emergency(path: &Path, at: Timestamp, actor: &str) -> Result<Journal, JournalError> {
        match Journal::open(path) {
            Err(error @ JournalError::Damaged { .. }) => {
                let damaged = open::lock(path)?;
                beside_damaged(path, Some(damaged), at, actor, &error.to_string())
            }
            Err(error @ JournalError::Missing(_)) => {
                beside_damaged(path, None, at, actor, &error.to_string())
            }
            other => other,
        }
    }
}

fn beside_damaged(
    path: &Path,
    damaged: Option<File>,
    at: Timestamp,
    actor: &str,
    why: &str,
) -> Result<Journal, JournalError> {
    let facts = damaged.as_ref().map_or_else(|| Ok((Digest::of(b""), 0)), digest_of);
    let (digest, bytes) = facts.map_err(JournalError::io(path, "read"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let body = serde_json::json!({ "damaged": name, "digest": digest, "bytes": bytes, "why": why });
    for number in 1..=EMERGENCY_CHAINS_MAX {
        let mut journal = match Journal::open(&beside(path, &format!("emergency-{number}"))) {
            Err(JournalError::Damaged { .. }) => continue,
            other => other?,
        };
        match journal.read(0, 1)?.first() {
            None => {
                let entry =
                    Entry { rollout: String::new(), phase: Phase::Event, what: WHAT.to_owned(), body };
                let (environment, actor) = (String::new(), actor.to_owned());
                journal.append(Draft { environment, epoch: 0, actor, at, entry }, Importance::Rollback)?;
            }
            Some(first) if first.entry.what == WHAT && first.entry.body["digest"] == body["digest"] => {}
            Some(_) => continue,
        }
        journal.damaged = damaged;
        return Ok(journal);
    }
    Err(JournalError::Emergencies(path.to_owned()))
}

fn digest_of(mut file: &File) -> io::Result<(Digest, u64)> {
    let (mut hasher, mut bytes) = (Hasher::default(), 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((hasher.finish(), bytes)),
            count => {
                hasher.update(&piece[..count]);
                bytes += count as u64;
            }
        }
    }
}
