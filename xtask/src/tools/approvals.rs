//! Approvals of loosened policies: signed by `ssh-keygen -Y`, kept under `refs/gateline/approvals/COMMIT/`, one blob each.
//!
//! A reference of its own for each approval: two people never meet in one, and `git push` and `git fetch` carry them like
//! any other. Whoever may push can put one there, so each is verified when it is read; who may approve is said by
//! [`crate::policy::approvers`].

use super::git;
use super::signatures::{self, Signed};
use crate::digest::Digest;
use crate::policy::approvers::{Approval, Approved, Identity, NAMESPACE};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where approvals are kept.
const REFS: &str = "refs/gateline/approvals";
/// Most approvals that are read of one commit.
const APPROVALS_MAX: usize = 32;
/// Longest approval, in bytes.
const APPROVAL_BYTES_MAX: usize = 16 * 1024;
/// An approval as it is kept. Nobody has verified it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What is approved.
    pub of: Approved,
    /// The public key that signed.
    pub key: String,
    /// The signature, as `ssh-keygen` writes it.
    pub signature: String,
}

/// Signs an approval. `key` is a private key, or the public one of a key that the agent holds.
///
/// # Errors
/// Where the key cannot be read or does not sign.
pub async fn sign(world: &World, key: &Path, of: &Approved) -> anyhow::Result<Record> {
    let Signed { key, signature } = signatures::sign(world, key, NAMESPACE, &of.message()).await?;
    Ok(Record { of: of.clone(), key, signature })
}

/// Makes sure that the key of a record signed it: then it is an approval, though maybe of nobody who may give one.
///
/// # Errors
/// `Err` inside holds why it is none; outside, what could not be done.
pub async fn verify(world: &World, record: &Record) -> anyhow::Result<Result<Approval, String>> {
    let signed = Signed { key: record.key.clone(), signature: record.signature.clone() };
    let verified = signatures::verify(world, &signed, NAMESPACE, &record.of.message()).await?;
    let identity = Identity::Ssh { key: record.key.clone() };
    Ok(verified.map(|()| Approval { identity, of: record.of.clone() }))
}

/// Keeps a record; the name of its reference.
///
/// # Errors
/// Where git cannot write.
pub async fn keep(world: &World, root: &Path, record: &Record) -> anyhow::Result<String> {
    let bytes = serde_json::to_vec_pretty(record)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("approval.json");
    std::fs::write(&file, &bytes)?;
    let object =
        git::run(world, root, &["hash-object", "-w", "--no-filters", &file.to_string_lossy()]).await?;
    let object = String::from_utf8_lossy(&object).trim().to_owned();
    let name = format!("{REFS}/{}/{}", record.of.commit, Digest::of(&bytes).short());
    git::run(world, root, &["update-ref", &name, &object]).await?;
    Ok(name)
}

/// Brings the approvals of a commit from a remote. One that has none, or cannot be reached, brings none.
pub async fn bring(world: &World, root: &Path, remote: &str, commit: &str) {
    let refs = format!("+{REFS}/{commit}/*:{REFS}/{commit}/*");
    // What does not come does not count: the finding says that an approval is missing.
    let _ = git::run(world, root, &["fetch", "--quiet", "--no-tags", remote, &refs]).await;
}

/// The approvals that are kept for a commit, each verified or with the reason why it is none.
///
/// # Errors
/// Where git or ssh-keygen cannot be run.
pub async fn of(world: &World, root: &Path, commit: &str) -> anyhow::Result<Vec<Result<Approval, String>>> {
    let pattern = format!("{REFS}/{commit}/");
    let format = "--format=%(objectname) %(objecttype) %(objectsize)";
    let listed = git::run(world, root, &["for-each-ref", "--sort=refname", format, &pattern]).await?;
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&listed).lines().take(APPROVALS_MAX) {
        let [object, "blob", size] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            found.push(Err("it is no file".to_owned()));
            continue;
        };
        if size.parse::<usize>().map_or(true, |size| size > APPROVAL_BYTES_MAX) {
            found.push(Err(format!("it has {size} bytes, {APPROVAL_BYTES_MAX} at most")));
            continue;
        }
        let bytes = git::run(world, root, &["cat-file", "blob", object]).await?;
        found.push(match serde_json::from_slice::<Record>(&bytes) {
            Ok(record) => verify(world, &record).await?,
            Err(error) => Err(format!("it cannot be read: {error}")),
        });
    }
    Ok(found)
}
